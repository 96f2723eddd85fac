"""All that a machine can hold lessons and quizzes to: the file formats, and the manner they are written in.

A course by someone else is held to the formats, the references and the figures; `strict`, as for the lessons that
ship, adds both languages, lengths and the make-up of a quiz.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tutor.content import rules_lesson, rules_quiz, rules_text
from tutor.content.figures import Computer, Tokenize
from tutor.content.folders import FILE_NAME
from tutor.content.library import CURRICULUM, Library
from tutor.content.loader import Loaded, load_curriculum
from tutor.content.problem import ContentError, Problem, shown
from tutor.domain.entry import Entry
from tutor.domain.errors import NotFound
from tutor.domain.language import both, same
from tutor.domain.lesson import Lesson
from tutor.domain.model import Model
from tutor.domain.quiz import Quiz

__all__ = ["Problem", "check"]

SCHEMA_COMMENT = "# yaml-language-server: $schema=schema.json"


def check(
    library: Library,
    *,
    demos: bool = True,
    model: Model | None = None,
    strict: bool | None = None,
    tokenize: Tokenize | None = None,
    only: Sequence[str] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Problem]:
    """Everything wrong with the lessons and quizzes of `library`, by file and line.

    `demos` runs the demos to compute figures and predicted answers again, those that need it on `model`; `tokenize`
    cuts the texts of `spans` questions. What could not be computed is listed too, as a problem with `note` set, which
    is no failure. `strict` defaults to whether these are the lessons that ship. `only` names slugs to look at.
    """
    if strict is None:
        strict = not library.is_course
    computer = Computer(demos, model, tokenize)
    problems = [*_file_names(library), *_curriculum(library)]
    slugs = sorted({*library.lesson_files(), *library.quiz_files()})
    topics = library.topics()
    chosen = [slug for slug in slugs if not only or slug in only]
    for done, slug in enumerate(chosen, start=1):
        problems += _topic(library, slug, topics, strict, computer)
        if on_progress is not None:
            on_progress(done, len(chosen))
    if not only:
        problems += rules_lesson.cycles(library)
    return sorted(problems, key=lambda problem: (problem.file, problem.line))


def _topic(
    library: Library, slug: str, topics: dict[str, Entry], strict: bool, computer: Computer
) -> Iterator[Problem]:
    """The problems of one lesson and its quiz."""
    try:
        lesson: Loaded[Lesson] | None = library.open_lesson(slug)
    except ContentError as failure:
        lesson = None
        yield from failure.problems
    except NotFound:
        lesson = None
        yield Problem(library.quiz_files()[slug].shown, 0, "", both("a lesson of that name"), both("none"))
    quiz: Loaded[Quiz] | None = None
    if slug in library.quiz_files():
        try:
            quiz = library.open_quiz(slug)
        except ContentError as failure:
            yield from failure.problems
    elif strict and lesson:
        yield lesson.document.problem((), both("a quiz, quizzes/{name}", name=_name(library, slug)), both("none"))
    if strict:
        yield from _heads(lesson, quiz)
    if lesson:
        yield from rules_lesson.check(lesson, topics, set(topics) | set(library.lesson_files()), strict, computer)
        yield from rules_text.check(lesson.value, lesson.document, strict)
    if quiz:
        yield from rules_quiz.check(quiz, strict, computer)
        yield from rules_text.check(quiz.value, quiz.document, strict)
    if lesson and quiz:
        yield from rules_quiz.check_against_lesson(quiz, lesson)


def _heads(*loaded: Loaded[Lesson] | Loaded[Quiz] | None) -> Iterator[Problem]:
    """The first line tells editors which schema the file keeps to."""
    for document in (each.document for each in loaded if each):
        if document.head != SCHEMA_COMMENT:
            yield Problem(document.file, 1, "", same(SCHEMA_COMMENT), shown(document.head))


def _name(library: Library, slug: str) -> str:
    return library.lesson_files()[slug].name


def _file_names(library: Library) -> Iterator[Problem]:
    seen: dict[tuple[str, object], str] = {}
    for folder in (library.lessons_folder, library.quizzes_folder):
        for name in _yaml_files(folder):
            place = f"{folder.name}/{shown(name)}"
            match = FILE_NAME.fullmatch(name)
            if match is None:
                if name != CURRICULUM:
                    yield Problem(place, 0, "", both("a name like 02-tokenizer.yaml"), both("another name"))
                continue
            for key in (int(match[1]), match[2]):
                other = seen.setdefault((folder.name, key), place)
                if other != place:
                    yield Problem(
                        place, 0, "", both("a number and a slug of its own"), both("those of {other}", other=other)
                    )


def _yaml_files(folder: Path) -> list[str]:
    with suppress(OSError):
        return sorted(name for name in os.listdir(folder) if name.endswith((".yaml", ".yml")))
    return []


def _curriculum(library: Library) -> Sequence[Problem]:
    path = library.lessons_folder / CURRICULUM
    if not path.is_file():
        return ()
    try:
        load_curriculum(path, f"lessons/{CURRICULUM}")
    except ContentError as failure:
        return failure.problems
    return ()
