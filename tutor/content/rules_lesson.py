"""What holds for a lesson: its place in the curriculum, its make-up, lengths, terms, demos and figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from tutor.content.blocks import blocks
from tutor.content.figures import Computer, check_figures
from tutor.content.library import Library
from tutor.content.loader import Loaded, close_to
from tutor.content.problem import ContentError, Problem, fill, shown
from tutor.content.reader import Document, FieldPath
from tutor.content.walk import han_characters, words
from tutor.domain.entry import Entry
from tutor.domain.errors import NotFound, UsageError
from tutor.domain.labs import check_parameters
from tutor.domain.language import LANGUAGES, Text, both, same
from tutor.domain.lesson import CheckBlock, DemoBlock, LabBlock, Lesson, Section

LESSON_HAN = (1200, 2200)
LESSON_WORDS = (800, 1300)
SECTION_HAN = (120, 400)
SECTION_WORDS = (90, 260)
SECTIONS = (4, 7)
CHECKPOINTS = (1, 3)
GOALS = (2, 4)

_ARXIV = re.compile(r"\barXiv:(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7})(v\d+)?\b")


def check(
    lesson: Loaded[Lesson], topics: Mapping[str, Entry], known: Collection[str], strict: bool, computer: Computer
) -> Iterator[Problem]:
    """`topics` is the curriculum, `known` holds the slugs that a prerequisite may name."""
    value, document = lesson.value, lesson.document
    yield from _place(value, document, topics)
    yield from _prerequisites(value, document, known)
    yield from repeated_ids([section.id for section in value.sections], _section_paths(value), document)
    yield from _terms(value, document)
    yield from _demos(value, document, strict, computer)
    yield from _labs(value, document)
    yield from _asked(value, document)
    yield from check_figures(value.figures, document, computer)
    if strict:
        yield from _make_up(value, document)
        yield from _lengths(value, document)
        yield from _references(value, document)


def cycles(library: Library) -> Iterator[Problem]:
    """Lessons that are, over others, their own prerequisite."""
    before: dict[str, tuple[str, ...]] = {}
    for slug in library.lesson_files():
        try:
            before[slug] = library.lesson(slug).prerequisites
        except (ContentError, NotFound):  # told of where the lesson itself is checked
            continue
    for slug, needed in before.items():
        if slug in _reached(needed, before):
            document = library.open_lesson(slug).document
            expected = both("lessons that do not need this one themselves")
            yield document.problem(("prerequisites",), expected, shown(", ".join(needed)))


def _reached(start: Collection[str], before: Mapping[str, Collection[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        slug = waiting.pop()
        if slug not in reached:
            reached.add(slug)
            waiting += before.get(slug, ())
    return reached


def repeated_ids(ids: Sequence[str], paths: Sequence[FieldPath], document: Document) -> Iterator[Problem]:
    counts: Counter[str] = Counter()
    for id, path in zip(ids, paths, strict=True):
        counts[id] += 1
        if counts[id] > 1:
            yield document.problem((*path, "id"), both("each id once"), both("{id} again", id=id))


def outside(count: int, bounds: tuple[int, int]) -> bool:
    return not bounds[0] <= count <= bounds[1]


def between(bounds: tuple[int, int], unit: Text) -> Text:
    return fill(both("from {low} to {high} {unit}"), low=same(bounds[0]), high=same(bounds[1]), unit=unit)


def _place(lesson: Lesson, document: Document, topics: Mapping[str, Entry]) -> Iterator[Problem]:
    topic = topics.get(lesson.slug)
    if topic is None:
        return
    for key in ("number", "part"):
        value, found = getattr(topic, key), getattr(lesson, key)
        if value != found:
            yield document.problem((key,), both("{value}, as in the curriculum", value=value), same(found))
    if lesson.title.zh and lesson.title.zh != topic.title.zh:
        expected = both("{value}, as in the curriculum", value=topic.title.zh)
        yield document.problem(("title", "zh"), expected, shown(lesson.title.zh))


def _prerequisites(lesson: Lesson, document: Document, known: Collection[str]) -> Iterator[Problem]:
    for index, slug in enumerate(lesson.prerequisites):
        if slug == lesson.slug:
            yield document.problem(("prerequisites", index), both("another lesson"), same(slug))
        elif slug not in known:
            yield document.problem(("prerequisites", index), close_to(slug, sorted(known)), same(slug))


def _section_paths(lesson: Lesson) -> list[FieldPath]:
    return [("sections", index) for index, block in enumerate(lesson.blocks) if isinstance(block, Section)]


def _terms(lesson: Lesson, document: Document) -> Iterator[Problem]:
    """Each term is used in the text, and named in English where a Chinese reader first meets it."""
    chinese, english = ([_folded(section, key) for section in lesson.sections] for key in ("zh", "en"))
    for key, sections in (("zh", chinese), ("en", english)):
        names = [getattr(term, key).casefold() for term in lesson.terms]
        for index, name in enumerate(names):
            place = ("terms", index, key)
            if name in names[:index]:
                yield document.problem(place, both("each term once"), both("{id} again", id=name))
            if any(sections) and not any(_bare(name) in section for section in sections):
                yield document.problem(place, both("a term that the text uses"), shown(name))
    for index, term in enumerate(lesson.terms):
        first = next((number for number, section in enumerate(chinese) if _bare(term.zh) in section), None)
        if first is not None and _bare(term.en) not in chinese[first]:
            expected = both(
                "the English term, in the Chinese text, where section {section} first uses {term}",
                section=lesson.sections[first].id,
                term=term.zh,
            )
            yield document.problem(("terms", index, "en"), expected, both("{term} not there", term=term.en))


def _folded(section: Section, key: str) -> str:
    """Title and body, folded for comparing; empty where there is no body in that language."""
    body = getattr(section.body, key)
    return f"{getattr(section.title, key)}\n{body}".casefold() if body else ""


def _bare(name: str) -> str:
    """A term, folded, without what stands in brackets: 核采样（top-p） is used as 核采样."""
    return " ".join(re.sub(r"[(（][^)）]{0,100}[)）]", " ", name).split()).casefold() or name.casefold()


def _demos(lesson: Lesson, document: Document, strict: bool, computer: Computer) -> Iterator[Problem]:
    for index, block in enumerate(lesson.blocks):
        if not isinstance(block, DemoBlock):
            continue
        path: FieldPath = ("sections", index, "demo")
        fault = computer.preset(block.name, block.set, "name")
        if fault:
            yield fault.problem(document, path)
        if strict and not block.predict:
            yield document.problem((*path, "predict"), both("a question to answer before it runs"), both("nothing"))


def _labs(lesson: Lesson, document: Document) -> Iterator[Problem]:
    for index, block in enumerate(lesson.blocks):
        if isinstance(block, LabBlock):
            try:
                check_parameters(block.name, block.set)
            except UsageError as refusal:
                place = ("sections", index, "lab", "set")
                yield document.problem(place, both("parameters that the lab takes"), same(refusal.message))


def _asked(lesson: Lesson, document: Document) -> Iterator[Problem]:
    """What learners ask is answered by a sentence that is still there."""
    known = [section.id for section in lesson.sections]
    for index, asked in enumerate(lesson.asked):
        section = lesson.section(asked.section)
        if section is None:
            yield document.problem(("asked", index, "section"), close_to(asked.section, known), same(asked.section))
            continue
        for key in LANGUAGES:
            told = [block.text for block in blocks(getattr(section.body, key))]
            for place, excerpt in enumerate(getattr(asked.at, key)):
                if told and not any(excerpt in text for text in told):
                    expected = both("words of section {section}", section=section.id)
                    yield document.problem(("asked", index, "at", key, place), expected, shown(excerpt))


def _make_up(lesson: Lesson, document: Document) -> Iterator[Problem]:
    demos = sum(isinstance(block, DemoBlock) for block in lesson.blocks)
    checkpoints = sum(isinstance(block, CheckBlock) for block in lesson.blocks)
    for key, count, bounds, unit in (
        ("goals", len(lesson.goals), GOALS, both("goals")),
        ("sections", len(lesson.sections), SECTIONS, both("sections")),
        ("sections", checkpoints, CHECKPOINTS, both("questions in the text")),
    ):
        if outside(count, bounds):
            yield document.problem((key,), between(bounds, unit), same(count))
    for key, count, expected in (
        ("sections", demos, both("at least one demo")),
        ("terms", len(lesson.terms), both("at least one term")),
        ("figures", len(lesson.figures), both("at least one figure")),
        ("references", len(lesson.references), both("at least one reference")),
    ):
        if count == 0:
            yield document.problem((key,), expected, both("none"))


def _lengths(lesson: Lesson, document: Document) -> Iterator[Problem]:
    han = [han_characters(section.body.zh) for section in lesson.sections]
    english = [words(section.body.en) for section in lesson.sections]
    for counts, key, section_bounds, lesson_bounds, unit in (
        (han, "zh", SECTION_HAN, LESSON_HAN, both("Han characters")),
        (english, "en", SECTION_WORDS, LESSON_WORDS, both("words")),
    ):
        for count, path in zip(counts, _section_paths(lesson), strict=True):
            if outside(count, section_bounds):
                yield document.problem((*path, "body", key), between(section_bounds, unit), same(count))
        if outside(sum(counts), lesson_bounds):
            expected = fill(both("{bounds} in all sections"), bounds=between(lesson_bounds, unit))
            yield document.problem(("sections",), expected, same(sum(counts)))


def _references(lesson: Lesson, document: Document) -> Iterator[Problem]:
    for index, reference in enumerate(lesson.references):
        path: FieldPath = ("references", index)
        if not reference.supports:
            yield document.problem((*path, "supports"), both("what in the lesson rests on it"), both("nothing"))
        if "arxiv" in reference.where.casefold() and not _ARXIV.search(reference.where):
            yield document.problem((*path, "where"), both("an id like arXiv:1508.07909"), shown(reference.where))
