"""What search knows of each section: its text, and the terms in each part of it. Kept in a file beside the index."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from tutor.content.folders import ContentFile
from tutor.content.index import VERSION, write_atomically
from tutor.content.library import Library
from tutor.content.problem import ContentError
from tutor.content.query import phrases, terms
from tutor.content.walk import prose
from tutor.domain.language import Text
from tutor.domain.lesson import Lesson, Section, Term
from tutor.domain.quiz import Choice, Multi, Predict, Question

# A section as the file keeps it: {"title": [zh, en], "body": [zh, en], "terms": [...], "asks": [...],
# "asked": [[excerpts in zh, in en, the terms of each way to ask]], "fields": {field: {term: count}}}.
Row = dict[str, Any]

_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_.][A-Za-z0-9]+)*")
_BOLD = re.compile(r"\*\*([^*\n]{1,60})\*\*")


@dataclass(frozen=True, slots=True)
class Field:
    """What a word in this part of a section counts, and how much (0 to 1) a long part is held against it."""

    weight: float
    b: float
    phrases: bool = False  # whether two words side by side count as one more


FIELDS = {
    "title": Field(5.0, 0.3, True),
    "named": Field(6.0, 0.0, True),  # the terms that are introduced here: their names, and what stands in bold
    "body": Field(0.6, 0.75),
    "also": Field(2.0, 0.5, True),  # what learners call it
    "asked": Field(1.0, 0.75, True),  # how they ask for it
    "definition": Field(0.5, 0.5),
    "question": Field(0.2, 0.75),
    "technical": Field(1.0, 0.5),  # Latin words in Chinese prose: names, terms that have no other name
    "opening": Field(2.0, 0.0),  # the lesson's title and answer, where its first section is
    "lesson": Field(0.7, 0.3),  # the title, answer and goals of the lesson, in each of its sections
}


def read_sections(library: Library, file: ContentFile, quiz_file: ContentFile | None) -> dict[str, Row]:
    """The sections of a lesson by id; none where the lesson has problems."""
    try:
        lesson = library.read_lesson(file).value
    except ContentError:
        return {}
    try:
        questions = library.read_quiz(quiz_file).value.questions if quiz_file else ()
    except ContentError:
        questions = ()
    return {
        section.id: {
            "title": [section.title.zh, section.title.en],
            "body": [section.body.zh, section.body.en],
            "terms": [
                [term.zh, term.en, term.definition.zh, term.definition.en, *term.also]
                for term in _introduced_in(section, lesson)
            ],
            "asks": [*section.also],
            "asked": [
                [[*asked.at.zh], [*asked.at.en], [joined(way) for way in (*asked.zh, *asked.en)]]
                for asked in lesson.asked
                if asked.section == section.id
            ],
            "fields": _fields(lesson, section, questions),
        }
        for section in lesson.sections
    }


def _fields(lesson: Lesson, section: Section, questions: Iterable[Question]) -> dict[str, dict[str, int]]:
    body = _both(section.body)
    spoken = [term for term in lesson.terms if _names(term, body, "{}")]
    introduced = _introduced_in(section, lesson)
    texts = {
        "title": [_both(section.title), section.id.replace("-", " ")],
        "named": [*_BOLD.findall(body), *map(_called, introduced)],
        "body": [body],
        "also": section.also,
        "asked": [way for asked in lesson.asked if asked.section == section.id for way in (*asked.zh, *asked.en)],
        "definition": [f"{_called(term)}\n{_both(term.definition)}" for term in spoken],
        "question": [_asked(question) for question in questions if question.section == section.id],
        "technical": _LATIN.findall(prose(f"{section.title.zh}\n{section.body.zh}")),
        "opening": [_both(lesson.title), _both(lesson.answer)] if section == lesson.sections[0] else [],
        "lesson": [_both(lesson.title), _both(lesson.answer), *map(_both, lesson.goals)],
    }
    return {name: dict(Counter(_terms("\n".join(texts[name]), field))) for name, field in FIELDS.items()}


def _terms(text: str, field: Field) -> Iterator[str]:
    return chain(terms(text), phrases(text)) if field.phrases else terms(text)


def _both(text: Text) -> str:
    return f"{text.zh}\n{text.en}"


def joined(way: str) -> str:
    """The terms of a way to ask, each once: as one string they take a tenth of the room."""
    return " ".join(sorted(set(terms(way))))


def telling(phrase: str) -> bool:
    """Whether a phrase means this and nothing else: not a single word of everyday language."""
    return not phrase.isalpha() or (not phrase.isascii() and len(phrase) > 3)


def _introduced_in(section: Section, lesson: Lesson) -> list[Term]:
    return [term for term in lesson.terms if introduced(term, lesson) == section.id]


def _name_list(term: Term) -> list[str]:
    return [name for name in (term.zh, term.en, *term.also) if name]


def _called(term: Term) -> str:
    return "\n".join(_name_list(term))


def _names(term: Term, body: str, pattern: str) -> bool:
    folded = body.casefold()
    return any(name and pattern.format(name.casefold()) in folded for name in (term.zh, term.en))


def introduced(term: Term, lesson: Lesson) -> str:
    """The section that introduces `term`: where its name stands in bold, else where it stands first."""
    for pattern in ("**{}**", "{}"):
        for section in lesson.sections:
            if _names(term, _both(section.body), pattern):
                return section.id
    return ""


def _asked(question: Question) -> str:
    options = question.options if isinstance(question, (Choice, Multi, Predict)) else ()
    texts = [question.prompt, question.explain, *(text for option in options for text in (option.text, option.why))]
    return "\n".join(map(_both, texts))


def load(path: Path) -> dict[str, dict[str, Any]]:
    """What `save` wrote; nothing where the file is not there, damaged, or of another version."""
    try:
        head, *lines = path.read_bytes().splitlines()
        lessons: dict[str, dict[str, Any]] = dict(map(json.loads, lines))
        if json.loads(head) != VERSION or not all(_sound(lesson) for lesson in lessons.values()):
            return {}
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {}
    return lessons


def _sound(lesson: dict[str, Any]) -> bool:
    return isinstance(lesson["stamps"], list) and all(_sound_row(row) for row in lesson["sections"].values())


def _sound_row(row: Row) -> bool:
    texts = [*row["title"], *row["body"], *row["asks"], *(text for term in row["terms"] for text in term)]
    excerpts = [text for zh, en, ways in row["asked"] for text in (*zh, *en, *ways)]
    counts = [count for field in row["fields"].values() for count in field.values()]
    return (
        len(row["title"]) == len(row["body"]) == 2
        and all(len(term) >= 4 for term in row["terms"])
        and row["fields"].keys() == FIELDS.keys()
        and all(isinstance(text, str) for text in (*texts, *excerpts))
        and all(isinstance(count, int) for count in counts)
    )


def save(lessons: dict[str, dict[str, Any]], path: Path) -> None:
    """Writes the file whole or not at all; a folder that refuses is no failure.

    A lesson a line: no other thread runs while Python reads or writes JSON, and a key can wait for one, not for all.
    """
    lines = (json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in (VERSION, *lessons.items()))
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, "\n".join(lines).encode())
