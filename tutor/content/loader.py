"""From YAML to lessons and quizzes: every value is checked, every problem has its line, and all are told at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin

from tutor.content.formats import FORMAT, Curriculum, FieldShape, Rule, shape
from tutor.content.problem import ContentError, Problem, shown
from tutor.content.reader import Document, FieldPath, Node, plain, read
from tutor.domain.language import Text, both, same
from tutor.domain.lesson import Block, CheckBlock, DemoBlock, LabBlock, Lesson, Section
from tutor.domain.quiz import KINDS, Choice, Multi, Question, Quiz

MAX_PROBLEMS = 100  # of one file; who has more has one cause

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """What a file holds, and the document it came from, which knows the line of every field."""

    value: T
    document: Document


def load_lesson(path: Path, name: str) -> Loaded[Lesson]:
    """The lesson in the file at `path`, called `name` in problems. Raises ContentError."""
    return _load(path, name, Lesson)


def load_quiz(path: Path, name: str) -> Loaded[Quiz]:
    """The quiz in the file at `path`, called `name` in problems. Raises ContentError."""
    return _load(path, name, Quiz)


def load_curriculum(path: Path, name: str) -> Curriculum:
    """The topics in the file at `path`, called `name` in problems. Raises ContentError."""
    return _load(path, name, Curriculum).value


def _load(path: Path, name: str, cls: type[T]) -> Loaded[T]:
    document = read(path, name)
    return Loaded(convert(document, cls), document)


def convert(document: Document, cls: type[T]) -> T:
    """The whole document as a `cls`. Raises ContentError with all problems found."""
    converter = _Converter(document)
    node = document.root
    if isinstance(node.value, dict):
        found = node.value.get("format")
        if found is None or type(found.value) is not int or found.value != FORMAT:
            converter.wrong(("format",), same(str(FORMAT)), _found(found) if found else both("nothing"))
    value = converter.dataclass(node, cls, (), extra=("format",))
    if converter.problems:
        raise ContentError(converter.problems)
    return value  # type: ignore[no-any-return]  # a `cls`, where there are no problems


def close_to(name: str, known: list[str]) -> Text:
    """What a wrong name might have meant, for the `expected` of a problem."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return both("{name}, perhaps", name=close[0])
    return both("one of {names}", names=", ".join(known)) if known else both("nothing")


class _Converter:
    """Notes a problem and goes on: what it then returns is None, and never leaves `convert`."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.count = 0  # of problems, also of those past MAX_PROBLEMS

    def wrong(self, path: FieldPath, expected: Text, found: Text) -> None:
        self.note(self.document.problem(path, expected, found))

    def note(self, problem: Problem) -> None:
        self.count += 1
        if self.count <= MAX_PROBLEMS:
            self.problems.append(problem)

    def value(self, node: Node, hint: Any, path: FieldPath, rule: Rule) -> Any:
        special = self._special(hint)
        if special:
            return special(node, path)
        if isinstance(hint, UnionType):  # float | str
            hint = str if isinstance(node.value, str) else get_args(hint)[0]
        origin, arguments = get_origin(hint), get_args(hint)
        if origin in (tuple, list):
            return origin(self._items(node, arguments[0], path, rule))
        if origin is dict:
            return self._mapping(node, arguments[1], path, rule)
        if hint in _SCALARS:
            return self._scalar(node, hint, path, rule)
        return self.dataclass(node, hint, path)

    def _special(self, hint: Any) -> Callable[[Node, FieldPath], Any] | None:
        if hint == Block:
            return self._block
        if hint is Question:
            return self._question
        if hint is Text:
            return self._text
        return (lambda node, path: plain(node)) if hint is Any else None

    def dataclass(self, node: Node, cls: type, path: FieldPath, extra: tuple[str, ...] = ()) -> Any:
        """`node` as a `cls`; `extra` keys were dealt with by the caller."""
        if not isinstance(node.value, dict):
            return self.wrong(path, both("a mapping"), _found(node))
        known = shape(cls)
        self._unknown_keys(node, [*known, *extra], path)
        values = {}
        before = self.count
        for key, field in known.items():
            if key in node.value:
                values[field.name] = self._field(node.value[key], field, (*path, key))
            elif field.required:
                self.wrong((*path, key), _wanted(field), both("nothing"))
        return cls(**values) if self.count == before else None

    def _field(self, node: Node, field: FieldShape, path: FieldPath) -> Any:
        value = self.value(node, field.hint, path, field.rule)
        if isinstance(value, str) and field.required and not value.strip():
            self.wrong(path, both("text"), both("empty text"))
        return value

    def _unknown_keys(self, node: Node, known: list[str], path: FieldPath) -> None:
        for key in node.value:
            if key not in known:
                # To look for a close name takes time: not for thousands of keys.
                expected = close_to(key, known) if self.count < MAX_PROBLEMS else Text()
                problem = self.document.problem((*path, key), expected, both("an unknown key"))
                self.note(replace(problem, line=node.key_lines[key]))

    def _text(self, node: Node, path: FieldPath) -> Text | None:
        value = self.dataclass(node, Text, path)
        if value is None:
            return None
        if not value.zh.strip() and not value.en.strip():
            self.wrong(path, both("text in zh or en"), both("empty text"))
        return value  # type: ignore[no-any-return]  # a Text, where it is not None

    def _block(self, node: Node, path: FieldPath) -> Any:
        keys = node.value if isinstance(node.value, dict) else {}
        for key, cls in OPENED_BLOCKS.items():
            if key in keys:
                self._unknown_keys(node, [key], path)
                return self.dataclass(keys[key], cls, (*path, key))
        if "check" in keys:
            self._unknown_keys(node, ["check"], path)
            field = shape(DemoBlock)["predict"]
            question = self._scalar(keys["check"], str, (*path, "check"), field.rule)
            return None if question is None else CheckBlock(question)
        return self.dataclass(node, Section, path)

    def _question(self, node: Node, path: FieldPath) -> Any:
        if not isinstance(node.value, dict):
            return self.wrong(path, both("a mapping"), _found(node))
        kind = node.value.get("kind")
        if kind is None or not isinstance(kind.value, str) or kind.value not in KINDS:
            found = _found(kind) if kind else both("nothing")
            return self.wrong((*path, "kind"), both("one of {names}", names=", ".join(KINDS)), found)
        question = self.dataclass(node, KINDS[kind.value], path, extra=("kind",))
        if isinstance(question, (Choice, Multi)):
            self._right_options(question, (*path, "options"))
        return question

    def _right_options(self, question: Choice | Multi, path: FieldPath) -> None:
        right = sum(option.correct for option in question.options)
        if isinstance(question, Choice) and right != 1:
            self.wrong(path, both("exactly one option with `correct: true`"), same(right))
        elif right == 0:
            self.wrong(path, both("at least one option with `correct: true`"), same(right))

    def _items(self, node: Node, hint: Any, path: FieldPath, rule: Rule) -> list[Any]:
        if not isinstance(node.value, list):
            self.wrong(path, both("a list"), _found(node))
            return []
        self._bounded(len(node.value), path, rule)
        item_rule = Rule(rule.doc, pattern=rule.pattern, choices=rule.choices)
        return [self.value(item, hint, (*path, index), item_rule) for index, item in enumerate(node.value)]

    def _mapping(self, node: Node, hint: Any, path: FieldPath, rule: Rule) -> dict[str, Any]:
        if not isinstance(node.value, dict):
            self.wrong(path, both("a mapping"), _found(node))
            return {}
        self._bounded(len(node.value), path, rule)
        entry_rule = Rule(rule.doc, low=1)
        return {key: self.value(item, hint, (*path, key), entry_rule) for key, item in node.value.items()}

    def _scalar(self, node: Node, hint: type, path: FieldPath, rule: Rule) -> Any:
        value = node.value
        if hint is float and type(value) is int:
            value = float(value)
        if type(value) is not hint:
            return self.wrong(path, _SCALARS[hint], _found(node))
        if isinstance(value, str):
            self._spelled(value, path, rule)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            self._bounded(value, path, rule)
        return value

    def _spelled(self, value: str, path: FieldPath, rule: Rule) -> None:
        if rule.choices and value not in rule.choices:
            self.wrong(path, both("one of {names}", names=", ".join(rule.choices)), shown(value))
        elif rule.pattern and not re.fullmatch(rule.pattern, value):
            self.wrong(path, both("text like {pattern}", pattern=rule.pattern), shown(value))

    def _bounded(self, size: float, path: FieldPath, rule: Rule) -> None:
        if (rule.low is not None and size < rule.low) or (rule.high is not None and size > rule.high):
            self.wrong(path, _bounds(rule), same(f"{size:g}"))


# The blocks that are one key with a mapping behind it.
OPENED_BLOCKS: dict[str, type] = {"demo": DemoBlock, "lab": LabBlock}

_SCALARS: dict[type, Text] = {
    str: both("text (in quotes where it looks like a number or true or false)"),
    int: both("a whole number"),
    float: both("a number"),
    bool: both("true or false"),
}


def _wanted(field: FieldShape) -> Text:
    return both("the key {key}", key=field.key)


def _bounds(rule: Rule) -> Text:
    if rule.high is None:
        return both("at least {low}", low=f"{rule.low:g}")
    if rule.low is None:
        return both("at most {high}", high=f"{rule.high:g}")
    return both("from {low} to {high}", low=f"{rule.low:g}", high=f"{rule.high:g}")


def _found(node: Node) -> Text:
    if isinstance(node.value, dict):
        return both("a mapping")
    if isinstance(node.value, list):
        return both("a list")
    if node.value is None:
        return both("nothing")
    if isinstance(node.value, bool):
        return same("true" if node.value else "false")
    return shown(node.value)
