"""Grading with reasons: what was right or wrong about this answer, not only that it was.

Pure. Typed text becomes an answer in `answers.parse_answer`; `expected` is what a demo or a tokenizer gave, for the
two kinds of question whose answer is computed when asked.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tutor.domain import calculator
from tutor.domain.answers import (
    Answer,
    cuts,
    draw,
    fold,
    mark_cuts,
    option_order,
    parse_answer,
    plain_answer,
)
from tutor.domain.errors import TutorError, UsageError
from tutor.domain.language import LANGUAGES, Text, both, same
from tutor.domain.plaintext import visible
from tutor.domain.quantity import close, how_far, likely_slip, parse_quantity, say_number, show_number, unit_name
from tutor.domain.quiz import Choice, Multi, Number, Option, Order, Predict, Question, Spans, TextAnswer, Verdict

__all__ = ["Answer", "grade", "model_answer", "option_order", "parse_answer", "plain_answer", "variant"]

_NO_SEED = 0
_ROUNDING = 1e-9  # below it a computed number that should be 0 is what floating point left of it


def grade(question: Question, answer: Answer, *, expected: Any = None, seed: int | str | None = None) -> Verdict:
    """Judge `answer` (as `parse_answer` gives it, or its JSON form).

    `expected` is the demo's value for `predict`, the tokenizer's tokens or cuts for `spans`. `seed` names the variant
    of a number question that varies. Raises UsageError for an answer that is none to this question, and TutorError
    where `expected` is missing.
    """
    try:
        match question:
            case Choice():
                return _grade_choice(question, int(answer))
            case Multi():
                return _grade_multi(question, frozenset(int(index) for index in answer))
            case Number():
                return _grade_number(variant(question, seed), float(answer))
            case TextAnswer():
                return _grade_text(question, str(answer))
            case Order():
                return _grade_order(question, tuple(int(index) for index in answer))
            case Predict():
                return _grade_predict(question, answer, expected)
            case Spans():
                return _grade_spans(question, frozenset(int(cut) for cut in answer), expected)
    except (TypeError, ValueError, IndexError) as error:
        raise UsageError(
            "This is no answer to question {id}: {answer}.", id=question.id, answer=visible(str(answer)[:60])
        ) from error
    raise TypeError(f"unknown kind of question: {question.kind}")


def variant(question: Number, seed: int | str | None = None) -> Number:
    """`question` with its names drawn by `seed`, its answer computed, and `{name}` and `{answer}` filled in.

    The same seed draws the same values everywhere. Raises TutorError where the answer's expression has no value.
    """
    drawn = {
        name: values[draw(_NO_SEED if seed is None else seed, question.id, name) % len(values)]
        for name, values in question.vary.items()
    }
    answer = calculator.evaluate(question.answer, drawn) if isinstance(question.answer, str) else question.answer
    if not question.vary:
        return replace(question, answer=float(answer))
    shown = {name: show_number(value) for name, value in drawn.items()} | {"answer": show_number(answer)}
    return replace(
        question,
        prompt=question.prompt.format(**shown),
        explain=question.explain.format(**shown),
        hint=question.hint.format(**shown),
        answer=float(answer),
        vary={},
    )


def model_answer(question: Question, expected: Any = None, *, seed: int | str | None = None) -> Answer:
    """An answer that `grade` finds right. Raises TutorError where there is none: no option says what the demo said."""
    match question:
        case Choice():
            return _right_options(question.options)[0]
        case Multi():
            return frozenset(_right_options(question.options))
        case Number():
            return variant(question, seed).answer
        case TextAnswer():
            return question.accept[0]
        case Order():
            return tuple(range(len(question.items)))
        case Predict() if question.options:
            right = _right_predictions(question, expected)
            if not right:
                raise TutorError(
                    "No option of question {id} says what the demo says: {expected}.",
                    id=question.id,
                    expected=_show_value(expected, question.unit),
                )
            return right[0]
        case Predict():
            return _needed(question, expected)
        case Spans():
            return cuts(_needed(question, expected))
    raise TypeError(f"unknown kind of question: {question.kind}")


def _needed(question: Predict | Spans, expected: Any) -> Any:
    if expected is None:
        source = question.demo if isinstance(question, Predict) else question.tokenizer
        raise TutorError(
            "Question {id} is answered by {source}, which has not been run.", id=question.id, source=source
        )
    return expected


# Choices


def _right_options(options: Sequence[Option]) -> list[int]:
    return [index for index, option in enumerate(options) if option.correct]


def _grade_choice(question: Choice, answer: int) -> Verdict:
    chosen = _option(question.options, answer)
    right = _right_options(question.options)
    return Verdict(chosen.correct, chosen.why, question.explain, _join([question.options[i].text for i in right]))


def _option(options: Sequence[Option], index: int) -> Option:
    if index < 0:
        raise IndexError(index)
    return options[index]


def _grade_multi(question: Multi, answer: frozenset[int]) -> Verdict:
    chosen = {index: _option(question.options, index) for index in sorted(answer)}
    right = _right_options(question.options)
    wrong = [
        _fill(both("“{option}” does not belong: {why}"), option=o.text, why=o.why)
        for o in chosen.values()
        if not o.correct
    ]
    missed = [
        _fill(both("“{option}” belongs too: {why}"), option=question.options[i].text, why=question.options[i].why)
        for i in right
        if i not in chosen
    ]
    why = wrong + missed or [option.why for option in chosen.values() if option.why]
    return Verdict(
        not wrong and not missed, _join(why, "\n"), question.explain, _join([question.options[i].text for i in right])
    )


# Numbers


def _grade_number(question: Number, answer: float) -> Verdict:
    right = float(question.answer)
    correct = close(answer, right, question.tolerance, relative=question.relative)
    why = _about_number(answer, right, correct, question.unit, f"{question.prompt.zh} {question.prompt.en}")
    return Verdict(correct, why, question.explain, say_number(right, question.unit))


def _about_number(answer: float, right: float, correct: bool, unit: str, context: str) -> Text:
    if correct:
        if show_number(answer) == show_number(right):
            return Text()
        return _fill(both("Close enough: exactly it is {expected}."), expected=say_number(right, unit))
    slip = likely_slip(answer, right, unit, context)
    return _join([how_far(answer, right), slip] if slip else [how_far(answer, right)], " ")


# Text


def _grade_text(question: TextAnswer, answer: str) -> Verdict:
    given = fold(answer)
    accepted = {fold(text): text for text in question.accept}
    why = Text()
    misspelt = given not in accepted and not given.isdecimal()  # another number is no slip of spelling
    if misspelt and (near := difflib.get_close_matches(given, accepted, n=1, cutoff=0.8)):
        why = both("Nearly: compare the spelling with “{expected}”.", expected=accepted[near[0]])
    return Verdict(given in accepted, why, question.explain, same(question.accept[0]))


# Order


def _grade_order(question: Order, answer: tuple[int, ...]) -> Verdict:
    items = question.items
    if sorted(answer) != list(range(len(items))):
        raise ValueError(answer)
    right = _join(items, " → ")
    for place, index in enumerate(answer):
        if items[index] != items[place]:
            template = both(
                "The first place that is wrong is {place}: there comes “{expected}”, and “{given}” is number {later}."
            )
            why = _fill(template, place=place + 1, expected=items[place], given=items[index], later=index + 1)
            return Verdict(False, why, question.explain, right)
    return Verdict(True, Text(), question.explain, right)


# Computed answers


def _grade_spans(question: Spans, answer: frozenset[int], expected: Any) -> Verdict:
    right = cuts(_needed(question, expected))
    text = question.text
    missing = [_around(text, cut) for cut in sorted(right - answer)]
    extra = [_around(text, cut) for cut in sorted(answer - right)]
    why = []
    if missing:
        why.append(_fill(both("Cuts that are missing: {places}."), places=_join(missing)))
    if extra:
        why.append(_fill(both("Cuts the tokenizer does not make: {places}."), places=_join(extra)))
    marked = visible(mark_cuts(text, right)).replace(" ", "␣")
    return Verdict(answer == right, _join(why, " "), question.explain, same(marked))


def _around(text: str, cut: int) -> Text:
    """The cut with up to four characters on each side, a space as ␣: at an edge it would not be seen."""
    return same(visible(f"{text[max(0, cut - 4) : cut]}|{text[cut : cut + 4]}").replace(" ", "␣"))


def _grade_predict(question: Predict, answer: Answer, expected: Any) -> Verdict:
    if not question.options:
        value = _needed(question, expected)
        correct = _agrees(value, answer, question)
        if _is_number(value) and abs(value) <= min(question.tolerance, _ROUNDING):
            value = 0
        why = Text()
        if _is_number(value) and (given := _number(answer, question.unit)) is not None:
            context = f"{question.prompt.zh} {question.prompt.en}"
            why = _about_number(given, float(value), correct, question.unit, context)
        return Verdict(correct, why, question.explain, _say_value(value, question.unit))
    chosen = _option(question.options, int(answer))
    right = _right_predictions(question, expected)
    correct = int(answer) in right
    said = _say_value(expected, question.unit) if expected is not None else Text()
    # In the words and marks that the reader chose among: a list is "n | est" there, and a token has no space before it.
    shown = _join([question.options[i].text for i in right]) if right else said
    # The option's own reason was written for the usual result; on another model it may fit no longer.
    why = chosen.why
    if not right:
        why = _fill(both("The demo said {expected}, which none of the options says."), expected=said)
    return Verdict(correct, why, question.explain, shown)


def _right_predictions(question: Predict, expected: Any) -> list[int]:
    if expected is None:
        marked = _right_options(question.options)
        return marked or _needed(question, expected)
    return [
        index
        for index, option in enumerate(question.options)
        if any(_agrees(expected, option.text.get(code), question) for code in LANGUAGES)
    ]


def _agrees(expected: Any, given: Any, question: Predict) -> bool:
    """Whether `given` (typed, or an option's text) says what the demo's value `expected` says."""
    if isinstance(expected, bool):
        return _truth(given) is expected
    if _is_number(expected):
        number = _number(given, question.unit)
        return number is not None and close(number, expected, question.tolerance, relative=question.relative)
    if isinstance(expected, (list, tuple)):
        parts = _parts(given)
        return len(parts) == len(expected) and all(
            _agrees(value, part, question) for value, part in zip(expected, parts, strict=True)
        )
    if isinstance(expected, Mapping):
        return bool(expected == given)
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    # Spaces and punctuation may be the whole of a token, so what folds to nothing else is compared as it is.
    return str(expected) == str(given) or fold(str(expected)) == fold(str(given)) != ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(given: Any, unit: str) -> float | None:
    if _is_number(given):
        return float(given)
    try:
        return parse_quantity(given, unit) if isinstance(given, str) else None
    except UsageError:
        return None


def _truth(given: Any) -> bool | None:
    word = fold(str(given))
    if given in (True, 1) or word in ("true", "yes", "y", "是", "对", "会", "真"):
        return True
    return (
        False if given in (False, 0) or word in ("false", "no", "n", "否", "不是", "不对", "不会", "假", "错") else None
    )


def _parts(given: Any) -> list[Any]:
    if isinstance(given, (list, tuple)):
        return list(given)
    text = str(given).strip()
    if text.startswith("["):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, list):
            return value
    separator = r"\s*[,，、;|→]\s*" if re.search(r"[,，、;|→]", text) else r"\s+"
    return re.split(separator, text.strip("[]() "))


def _say_value(value: Any, unit: str) -> Text:
    """`_show_value` in each language."""
    name = unit_name(unit)
    return Text(_show_value(value, name.zh), _show_value(value, name.en))


def _show_value(value: Any, unit: str = "") -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if _is_number(value):
        return show_number(value, unit)
    if isinstance(value, (list, tuple)):
        return ", ".join(_show_value(item) for item in value)
    return visible(str(value))


# Sentences in both languages


def _fill(template: Text, **values: object) -> Text:
    """`template` with `{name}` filled in each language with that language's text, in one pass."""

    def filled(code: str) -> str:
        def value(found: re.Match[str]) -> str:
            given = values.get(found[1], found[0])
            return given.get(code) if isinstance(given, Text) else str(given)

        return re.sub(r"\{(\w+)\}", value, template.get(code))

    return Text(filled("zh"), filled("en"))


def _join(texts: Collection[Text], separator: str = ", ") -> Text:
    zh_separator = {", ": "、", " ": ""}.get(separator, separator)
    return Text(zh_separator.join(text.get("zh") for text in texts), separator.join(text.get("en") for text in texts))
