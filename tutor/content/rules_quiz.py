"""What holds for a quiz: its make-up, options that give nothing away, and answers that grade as they should."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tutor.content.figures import Computer, Fault
from tutor.content.loader import Loaded, close_to
from tutor.content.problem import Problem, shown
from tutor.content.reader import Document, FieldPath
from tutor.content.rules_lesson import between, outside, repeated_ids
from tutor.domain.errors import TutorError
from tutor.domain.grading import grade, model_answer, parse_answer
from tutor.domain.language import LANGUAGES, both, same
from tutor.domain.lesson import CheckBlock, DemoBlock, Lesson
from tutor.domain.quiz import Choice, Multi, Number, Option, Order, Predict, Question, Quiz, Spans, TextAnswer

QUESTIONS = (8, 12)
LONGEST_SHARE = 0.35
SEEDS = 24  # variants of a number question that are tried

_ALL_OF_THEM = re.compile(
    r"\b(all|none|both|any|neither|either)\s+of\s+(the\s+)?(above|these|those|them)\b|\ball the above\b"
    r"|以上(选项|各项|说法)?(都|全|皆|均)|上述(选项|各项|说法)?(都|全|皆|均)|^(全|都)(对|错|不对|正确)$",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"\*\*.+?\*\*|__.+?__|(?<!\w)\*[^*\n]+\*(?!\w)|(?<!\w)_[^_\n]+_(?!\w)")
_NEGATIVE = re.compile(
    r"\bwhich\b[^?.]{0,120}\b(not|never|cannot|except|least|\w+n't)\b|哪[^？?。]{0,24}(不|没有|错误的|除外|并非)"
    r"|(下列|以下)[^？?。]{0,24}(不|没有|错误的|除外|并非)",
    re.IGNORECASE,
)


def check(quiz: Loaded[Quiz], strict: bool, computer: Computer) -> Iterator[Problem]:
    questions, document = quiz.value.questions, quiz.document
    paths: list[FieldPath] = [("questions", index) for index in range(len(questions))]
    yield from repeated_ids([question.id for question in questions], paths, document)
    for question, path in zip(questions, paths, strict=True):
        yield from _options(question, document, path)
        yield from _grading(question, document, path, computer)
        if strict:
            yield from _stem(question, document, path)
    if strict:
        yield from _make_up(questions, document)
        yield from _longest(questions, document)


def check_against_lesson(quiz: Loaded[Quiz], lesson: Loaded[Lesson]) -> Iterator[Problem]:
    """References between the two files, either way."""
    sections = [section.id for section in lesson.value.sections]
    for index, question in enumerate(quiz.value.questions):
        if question.section not in sections:
            place: FieldPath = ("questions", index, "section")
            yield quiz.document.problem(place, close_to(question.section, sections), same(question.section))
    ids = [question.id for question in quiz.value.questions]
    for index, block in enumerate(lesson.value.blocks):
        if isinstance(block, CheckBlock) and block.question not in ids:
            yield lesson.document.problem(
                ("sections", index, "check"), close_to(block.question, ids), same(block.question)
            )
        if isinstance(block, DemoBlock) and block.predict and block.predict not in ids:
            yield lesson.document.problem(
                ("sections", index, "demo", "predict"), close_to(block.predict, ids), same(block.predict)
            )


def _make_up(questions: Sequence[Question], document: Document) -> Iterator[Problem]:
    if outside(len(questions), QUESTIONS):
        yield document.problem(("questions",), between(QUESTIONS, both("questions")), same(len(questions)))
    kinds = Counter(question.kind for question in questions)
    for kind in ("number", "predict"):
        if not kinds[kind]:
            yield document.problem(
                ("questions",), both("at least one question of kind {kind}", kind=kind), both("none")
            )


def _longest(questions: Sequence[Question], document: Document) -> Iterator[Problem]:
    """The share of choice questions whose right option is longer, in characters, than every other."""
    choices = [question for question in questions if isinstance(question, Choice)]
    for language in LANGUAGES:
        longest = [question.id for question in choices if _right_is_longest(question, language)]
        if len(longest) > LONGEST_SHARE * len(choices):
            expected = both(
                "the right option to be the longest in at most {share} of the choice questions ({language})",
                share=f"{LONGEST_SHARE:.0%}",
                language=language,
            )
            found = both("{count} of {all}: {ids}", count=len(longest), all=len(choices), ids=", ".join(longest))
            yield document.problem(("questions",), expected, found)


def _right_is_longest(question: Choice, language: str) -> bool:
    lengths = {option.correct: 0 for option in question.options}
    for option in question.options:
        lengths[option.correct] = max(lengths[option.correct], len(option.text.get(language)))
    return lengths[True] > lengths.get(False, 0)


def _stem(question: Question, document: Document, path: FieldPath) -> Iterator[Problem]:
    if not isinstance(question, (Choice, Multi)):
        return
    for language in LANGUAGES:
        match = _NEGATIVE.search(_EMPHASIS.sub("", getattr(question.prompt, language)))
        if match:
            expected = both("the negative word in a question set off as **not**")
            yield document.problem((*path, "prompt", language), expected, shown(match[0]))


def _options(question: Question, document: Document, path: FieldPath) -> Iterator[Problem]:
    options: tuple[Option, ...] = getattr(question, "options", ())
    for language in LANGUAGES:
        written = [getattr(option.text, language).strip().casefold() for option in options]
        whys = [getattr(option.why, language).strip() for option in options]
        for index in range(len(options)):
            place = (*path, "options", index)
            if written[index] and written[index] in written[:index]:
                yield document.problem((*place, "text", language), both("options that differ"), shown(written[index]))
            if whys[index] and whys[index] in whys[:index]:
                yield document.problem((*place, "why", language), both("a reason of its own"), shown(whys[index]))
            if _ALL_OF_THEM.search(written[index]):
                expected = both("an option that says something itself")
                yield document.problem((*place, "text", language), expected, shown(written[index]))


def _grading(question: Question, document: Document, path: FieldPath, computer: Computer) -> Iterator[Problem]:
    """Right answers must be graded right, wrong ones wrong and, where they are options, with a reason."""
    expected = computer.expected(question)
    if isinstance(expected, Fault):
        yield expected.problem(document, path)
        return
    if isinstance(question, Number):
        yield from _varied_names(question, document, path)
    try:
        for seed in range(SEEDS if isinstance(question, Number) and question.vary else 1):
            yield from _graded(question, expected, seed, document, path)
    except TutorError as failure:
        yield document.problem(path, both("answers that can be graded"), same(failure.message))


def _graded(question: Question, expected: Any, seed: int, document: Document, path: FieldPath) -> Iterator[Problem]:
    """Raises TutorError where grading itself fails."""
    right = model_answer(question, expected, seed=seed)
    for place, answer in _right_answers(question, right):
        if not grade(question, answer, expected=expected, seed=seed).correct:
            yield document.problem((*path, *place), both("an answer graded as right"), shown(answer))
    for place, answer in _wrong_answers(question, right):
        verdict = grade(question, answer, expected=expected, seed=seed)
        if verdict.correct:
            yield document.problem((*path, *place), both("a wrong answer graded as wrong"), shown(answer))
        elif "options" in place and not verdict.why:
            yield document.problem((*path, *place, "why"), both("a reason why it is wrong"), both("nothing"))


def _right_answers(question: Question, right: Any) -> Iterator[tuple[FieldPath, Any]]:
    yield (), right
    if isinstance(question, TextAnswer):
        for index, text in enumerate(question.accept):
            yield ("accept", index), parse_answer(question, text)
    if isinstance(question, Predict):
        for index, option in enumerate(question.options):
            if option.correct:
                yield ("options", index), index


def _wrong_answers(question: Question, right: Any) -> Iterator[tuple[FieldPath, Any]]:
    """For each answer the field that makes it wrong."""
    match question:
        case Choice() | Predict(options=[_, *_]):
            for index in range(len(question.options)):
                if index != right:
                    yield ("options", index), index
        case Multi():
            for index in range(len(question.options)):
                yield ("options",), right ^ {index}
        case Number():
            yield ("tolerance",), right + (abs(right) or 1.0)
        case Order():
            for index in range(len(question.items) - 1):
                yield ("items", index), (*right[:index], right[index + 1], right[index], *right[index + 2 :])
        case Spans():
            yield ("text",), right ^ {1}


def _varied_names(question: Number, document: Document, path: FieldPath) -> Iterator[Problem]:
    for name in question.vary:
        for language in LANGUAGES:
            prompt = getattr(question.prompt, language)
            if prompt and "{" + name + "}" not in prompt:
                place = (*path, "prompt", language)
                yield document.problem(place, both("{name} in the prompt", name="{" + name + "}"), both("nothing"))
