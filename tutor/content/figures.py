"""Computing again what a lesson says: figures, and the answers of questions that a demo or a tokenizer gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from tutor.content.loader import close_to
from tutor.content.problem import Problem, shown
from tutor.content.reader import Document, FieldPath
from tutor.demos import registry
from tutor.domain.errors import ModelMissing, NotFound, TutorError, UsageError
from tutor.domain.language import LANGUAGES, Text, both, same
from tutor.domain.lesson import Figure
from tutor.domain.model import Model, TokenPiece
from tutor.domain.quiz import Predict, Question, Spans

Tokenize = Callable[[str, str], Sequence[TokenPiece]]  # name of the tokenizer, text


@dataclass(frozen=True, slots=True)
class Fault:
    """What stands in the way of an answer: `key` is the field at fault. A `note` is no failure."""

    key: str
    expected: Text
    found: Text
    note: bool = False

    def problem(self, document: Document, path: FieldPath) -> Problem:
        """`path` leads to what holds `key`."""
        return replace(document.problem((*path, self.key), self.expected, self.found), note=self.note)


class _Cutting:
    """A model of which `cut` alone is there, for the demos that need no more."""

    def __init__(self, tokenize: Tokenize) -> None:
        self._tokenize = tokenize

    def cut(self, tokenizer: str, text: str) -> tuple[TokenPiece, ...]:
        return tuple(self._tokenize(tokenizer, text))


class Computer:
    """Runs each demo once for each set of parameters.

    Without `demos` nothing is run, only looked up and checked; without `model` or `tokenize` what needs them is not.
    """

    def __init__(self, demos: bool, model: Model | None, tokenize: Tokenize | None) -> None:
        self.demos = demos
        self.model = model
        self.tokenize = tokenize
        self._results: dict[str, dict[str, Any] | Fault] = {}

    def preset(self, demo: str, given: Mapping[str, Any], name_key: str = "demo") -> Fault | None:
        """What is wrong with the demo's name or the parameters given to it, if anything is."""
        try:
            for spelled in in_each_language(given):
                registry.prepare(registry.load(demo), spelled)
        except NotFound:
            return Fault(name_key, close_to(demo, registry.names()), shown(demo))
        except UsageError as refusal:
            return Fault("set", both("parameters that the demo takes"), same(refusal.message))
        return None

    def run(self, demo: str, given: Mapping[str, Any]) -> dict[str, Any] | Fault:
        """The demo's result."""
        key = json.dumps([demo, given], sort_keys=True)
        if key not in self._results:
            self._results[key] = self.preset(demo, given) or self._run(demo, given)
        return self._results[key]

    def expected(self, question: Question) -> Any | Fault:
        """What `grade` needs to know of a question that is answered by a demo or a tokenizer; None for the others."""
        if isinstance(question, Spans):
            return self._pieces(question)
        if not isinstance(question, Predict):
            return None
        result = self.run(question.demo, question.set)
        if isinstance(result, Fault):
            return result
        try:
            return registry.look_up(result, question.field)
        except NotFound as failure:
            return Fault("field", both("a path in the demo's result"), same(failure.message))

    def _run(self, demo: str, given: Mapping[str, Any]) -> dict[str, Any] | Fault:
        if not self.demos:
            return Fault("demo", both("a figure computed again"), both("not run, as asked"), note=True)
        if self.model is None and registry.wants_model(demo, given):
            return Fault("demo", both("a figure computed again"), both("not recomputed: needs a model"), note=True)
        if registry.model_named(demo, given):
            why = both("not recomputed: it is about a model of its own")
            return Fault("demo", both("a figure computed again"), why, note=True)
        try:
            return registry.run(demo, given, self.model or self._cutting())[1]
        except UsageError as refusal:
            return Fault("set", both("parameters that the demo takes"), same(refusal.message))
        except ModelMissing:
            return Fault("demo", both("a figure computed again"), both("not recomputed: needs a model"), note=True)
        except Exception as failure:  # noqa: BLE001  # any demo may fail in any way: the others must still be checked
            return Fault("demo", both("a demo that runs to its end"), shown(repr(failure)))

    def _cutting(self) -> Model | None:
        """What a demo may cut a text with that needs no model."""
        return cast(Model, _Cutting(self.tokenize)) if self.tokenize else None

    def _pieces(self, question: Spans) -> Any | Fault:
        if self.tokenize is None:
            return Fault("tokenizer", both("cuts computed again"), both("not recomputed: needs a tokenizer"), note=True)
        try:
            return self.tokenize(question.tokenizer, question.text)
        except ModelMissing:
            return Fault("tokenizer", both("cuts computed again"), both("not recomputed: needs a model"), note=True)
        except TutorError as failure:
            return Fault("tokenizer", both("the name of a tokenizer"), same(failure.message))


def check_figures(figures: Sequence[Figure], document: Document, computer: Computer) -> Iterator[Problem]:
    """The figures of a lesson that do not come out again."""
    for index, figure in enumerate(figures):
        path: FieldPath = ("figures", index)
        for given in in_each_language(figure.set):
            result = computer.run(figure.demo, given)
            if isinstance(result, Fault):
                yield result.problem(document, path)
            else:
                yield from _differences(figure, result, document, path)


def _differences(figure: Figure, result: dict[str, Any], document: Document, path: FieldPath) -> Iterator[Problem]:
    for name, stated in figure.expect.items():
        place = (*path, "expect", name)
        try:
            actual = registry.look_up(result, name)
        except NotFound as failure:
            yield document.problem(place, both("a path in the demo's result"), same(failure.message))
            continue
        if not agrees(stated, actual, figure.tolerance):
            yield document.problem(place, _data(actual), _data(stated))


def in_each_language(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`given` in Chinese and in English; once, where no parameter is in two languages."""
    chinese, english = (registry.in_language(given, language) for language in LANGUAGES)
    return [chinese] if chinese == english else [chinese, english]


def agrees(stated: Any, actual: Any, tolerance: float) -> bool:
    """Whether two plain values are equal, numbers within the absolute distance `tolerance`."""
    if isinstance(stated, bool) or isinstance(actual, bool):
        return stated is actual
    if isinstance(stated, (int, float)) and isinstance(actual, (int, float)):
        return abs(stated - actual) <= tolerance
    if isinstance(stated, (list, tuple)) and isinstance(actual, (list, tuple)):
        pairs = zip(stated, actual, strict=False)
        return len(stated) == len(actual) and all(agrees(one, other, tolerance) for one, other in pairs)
    if isinstance(stated, Mapping) and isinstance(actual, Mapping):
        return stated.keys() == actual.keys() and all(agrees(stated[key], actual[key], tolerance) for key in stated)
    return bool(stated == actual)


def _data(value: Any) -> Text:
    return shown(json.dumps(value, ensure_ascii=False, default=str))
