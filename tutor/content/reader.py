"""YAML from outside, read safely: only plain data, bounded in every direction, each value with its line.

The events of libyaml are built into nodes here rather than by PyYAML's constructors, so that an alias costs nothing
until it is counted, nothing is ever constructed from a tag, and the bounds hold while the file is being read.
Plain scalars follow the YAML 1.2 core schema (section 10.3.2): `no` is text, `1e6` is a number, dates are text.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tutor.content.problem import ContentError, Problem, shown
from tutor.domain.language import Text, both, same
from tutor.domain.plaintext import clean, visible

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_NODES = 50_000  # aliases counted as what they stand for; a long lesson has about 1,000
MAX_ALIASES = 50
MAX_DIGITS = 18

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# C0 but tab, newline and carriage return; DEL; C1 (it holds the line break NEL); line and paragraph separators.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"": None, "~": None} | {
    form: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for form in (word, word.title(), word.upper())
}

FieldPath = tuple[str | int, ...]


@dataclass(slots=True)
class Node:
    """A value and where it stands. `value` is a dict of nodes, a list of nodes, or a str, int, float, bool or None.

    `key_lines` has the line of each key of a dict; `literal` says that text starts on the line after `line` and
    keeps its line breaks (`|`). `size` and `height` count what is within, aliases as what they stand for.
    """

    value: Any
    line: int
    literal: bool = False
    key_lines: dict[str, int] = field(default_factory=dict)
    size: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class Document:
    """A file's name, as problems show it, what was read from it, and its first line, which may be a comment."""

    file: str
    root: Node
    head: str = ""

    def node(self, path: FieldPath) -> Node | None:
        """The node at `path`, or None where there is none."""
        node = self.root
        for step in path:
            try:
                node = node.value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return node

    def line(self, path: FieldPath, row: int = 0) -> int:
        """The line of the value at `path`, or of the nearest value around it; in literal text, of its line `row`."""
        for end in range(len(path), -1, -1):
            node = self.node(path[:end])
            if node is not None:
                return node.line + 1 + row if node.literal and end == len(path) and row else node.line
        return 0

    def problem(self, path: FieldPath, expected: Text, found: Text, row: int = 0) -> Problem:
        return Problem(self.file, self.line(path, row), show_path(path), expected, found)


def show_path(path: FieldPath) -> str:
    """`("sections", 2, "body", "zh")` as `sections[2].body.zh`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[\w-]+", step):
            text += f".{step}" if text else step
        else:
            text += f'["{visible(step)}"]'
    return text


def read(path: Path, name: str) -> Document:
    """The YAML file at `path`, called `name` in problems. Raises ContentError."""
    return parse(read_bytes(path, name), name)


def read_bytes(path: Path, name: str) -> bytes:
    """The bytes of a regular file of bounded size: no device, no pipe that never ends. Raises ContentError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _error(name, 0, both("a regular file"), both("something else"))
            data = file.read(MAX_BYTES + 1)
    except OSError as failure:
        raise _error(name, 0, both("a file that can be read"), same(failure.strerror or failure)) from None
    if len(data) > MAX_BYTES:
        raise _error(name, 0, both("at most 1 MB"), both("a larger file"))
    return data


def parse(data: bytes, name: str) -> Document:
    """The YAML in `data`. Raises ContentError."""
    text = _decode(data, name)
    return Document(name, _Builder(name, text).document(), text.partition("\n")[0].rstrip())


def plain(node: Node) -> Any:
    """The node as plain Python data."""
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def _decode(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = data.count(b"\n", 0, failure.start) + 1
        raise _error(name, line, both("UTF-8"), same(f"0x{data[failure.start]:02x}")) from None
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise _error(name, line, both("no control characters"), same(f"U+{ord(control[0]):04X}"))
    return text


def _error(name: str, line: int, expected: Text, found: Text, path: FieldPath = ()) -> ContentError:
    return ContentError([Problem(name, line, show_path(path), expected, found)])


class _Builder:
    """Builds nodes from the stream of events, counting as it goes."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.anchors: dict[str, Node | None] = {}  # None while the anchored value is still being read
        self.nodes = 0
        self.aliases = 0
        self.path: list[str | int] = []

    def document(self) -> Node:
        try:
            return self._document(yaml.parse(self.text, Loader=_Loader))
        except yaml.MarkedYAMLError as failure:
            mark = failure.problem_mark or failure.context_mark
            # At the end of the text the mark stands on a line after the last.
            line = min(mark.line + 1, len(self.text.splitlines())) if mark else 0
            words = visible(failure.problem or failure.context or "")
            raise self._refuse(line, both("valid YAML"), same(f'"{words}"')) from None
        except yaml.YAMLError:
            raise self._refuse(0, both("valid YAML"), both("something that cannot be read")) from None

    def _document(self, events: Iterator[Any]) -> Node:
        next(events)  # the start of the stream
        start = next(events)
        if isinstance(start, yaml.StreamEndEvent):
            raise self._refuse(1, both("a document"), both("an empty file"))
        root = self._node(next(events), events, 1)
        next(events)  # the end of the document
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refuse(after.start_mark.line + 1, both("one document"), both("another one"))
        return root

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            node = self._alias(str(event.anchor), line)
        elif event.tag is not None:
            raise self._refuse(line, both("values without tags"), shown(event.tag))
        else:
            if event.anchor is not None:
                self.anchors[event.anchor] = None
            if isinstance(event, yaml.ScalarEvent):
                node = self._scalar(event, line)
            elif isinstance(event, yaml.SequenceStartEvent):
                node = self._list(events, line, depth)
            else:
                node = self._dict(events, line, depth)
            if event.anchor is not None:
                self.anchors[event.anchor] = node
        self.nodes += node.size if isinstance(event, yaml.AliasEvent) else 1
        if self.nodes > MAX_NODES:
            raise self._refuse(line, both("at most {count} values", count=MAX_NODES), both("more, aliases unfolded"))
        if depth + node.height - 1 > MAX_DEPTH:
            raise self._too_deep(line)
        return node

    def _alias(self, anchor: str, line: int) -> Node:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise self._refuse(line, both("at most {count} aliases", count=MAX_ALIASES), both("more"))
        if anchor not in self.anchors:
            raise self._refuse(line, both("an alias of an anchor above"), shown(f"*{anchor}"))
        node = self.anchors[anchor]
        if node is None:
            raise self._refuse(line, both("an alias of something finished"), shown(f"*{anchor}"))
        return node

    def _list(self, events: Iterator[Any], line: int, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self._too_deep(line)
        node = Node([], line)
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            self.path.append(len(node.value))
            child = self._node(event, events, depth + 1)
            self.path.pop()
            node.value.append(child)
            node.size += child.size
            node.height = max(node.height, child.height + 1)
        return node

    def _dict(self, events: Iterator[Any], line: int, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self._too_deep(line)
        node = Node({}, line)
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key, key_line = self._key(event)
            if key in node.value:
                raise self._refuse(key_line, both("each key once"), both("{key} again", key=shown(key)))
            self.path.append(key)
            child = self._node(next(events), events, depth + 1)
            self.path.pop()
            node.value[key] = child
            node.key_lines[key] = key_line
            node.size += child.size
            node.height = max(node.height, child.height + 1)
        return node

    def _key(self, event: Any) -> tuple[str, int]:
        line = event.start_mark.line + 1
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refuse(line, both("a key of plain text"), both("something else"))
        if event.tag is not None or event.anchor is not None:
            raise self._refuse(line, both("a key without a tag or an anchor"), shown(event.value))
        if event.value == "<<" and event.implicit[0]:
            raise self._refuse(line, both("no merge keys"), same("<<"))
        return self._text(event.value, line), line

    def _scalar(self, event: Any, line: int) -> Node:
        if not event.implicit[0]:
            return Node(self._text(event.value, line), line, literal=event.style == "|")
        text = event.value
        if text in _WORDS:
            return Node(_WORDS[text], line)
        if _INT.fullmatch(text):
            if len(text) > MAX_DIGITS:
                raise self._refuse(line, both("at most {count} digits", count=MAX_DIGITS), shown(text))
            return Node(int(text, 0) if text[:2] in ("0o", "0x") else int(text), line)
        if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
            return Node(float(text), line)
        if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
            raise self._refuse(line, both("a finite number"), shown(text))
        return Node(self._text(text, line), line)

    def _text(self, text: str, line: int) -> str:
        control = _CONTROL.search(text)  # written as an escape
        if control:
            raise self._refuse(line, both("no control characters"), same(f"U+{ord(control[0]):04X}"))
        return clean(text)

    def _too_deep(self, line: int) -> ContentError:
        return self._refuse(line, both("at most {count} levels", count=MAX_DEPTH), both("more"))

    def _refuse(self, line: int, expected: Text, found: Text) -> ContentError:
        return _error(self.name, line, expected, found, tuple(self.path))
