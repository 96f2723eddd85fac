"""Search over the sections of all lessons: BM25 (Robertson and Zaragoza 2009, section 3) over words and Han bigrams.

Both languages are searched at once. What was read is kept in a file beside the index of the lessons, and in memory.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from tutor.content.folders import ContentFile
from tutor.content.index import VERSION, write_atomically
from tutor.content.library import Library
from tutor.content.problem import ContentError
from tutor.content.query import terms, wanted
from tutor.content.walk import outside_fences
from tutor.domain.errors import NotFound
from tutor.domain.language import LANGUAGES, Text
from tutor.domain.lesson import Lesson, Section
from tutor.domain.quiz import Question

K1 = 1.2  # how soon more of the same word stops counting
B = 0.75  # how much a long section is held against
WEIGHTS = {"title": 3.0, "term": 2.0, "lesson": 1.0, "body": 1.0, "question": 0.5}
SNIPPET_CHARACTERS = 120
QUERY_CHARACTERS = 500

_MARKS = re.compile(r"\*\*|^(?:[-*>]|#+|\d+\.)\s+")

# A section's terms with their weighted counts.
Terms = dict[str, float]


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that answers a query; `score` orders hits of one query and means nothing across queries."""

    lesson: str
    section: str
    score: float
    title: Text
    snippet: Text


def search(library: Library, query: str, limit: int = 10) -> list[Hit]:
    """The sections of `library` nearest to `query`, best first. Lessons with problems are left out.

    The first call reads lessons that are new or changed; a thread suits it.
    """
    ranked, asked = _index(library).ranked(library, query[:QUERY_CHARACTERS])
    return [hit for (slug, section), score in ranked[:limit] if (hit := _hit(library, slug, section, score, asked))]


class _Index:
    """The terms of every section by lesson, and the postings made from them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self.lessons: dict[str, dict[str, Any]] = _load(path)  # slug -> {"stamps": [...], "sections": {id: Terms}}
        self.sections: list[tuple[str, str]] = []
        self.lengths: list[float] = []
        self.postings: dict[str, list[tuple[int, float]]] = {}

    def _post(self) -> None:
        self.sections, self.lengths = [], []
        postings: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        for slug, lesson in self.lessons.items():
            for section, counts in lesson["sections"].items():
                number = len(self.sections)
                self.sections.append((slug, section))
                self.lengths.append(sum(counts.values()))
                for term, count in counts.items():
                    postings[term].append((number, count))
        self.postings = dict(postings)

    def ranked(self, library: Library, query: str) -> tuple[list[tuple[tuple[str, str], float]], list[str]]:
        """Sections with their scores, best first, equal ones in the order of the lessons; and the terms looked for."""
        with self._lock:
            self._update(library)
            asked = wanted(query, self.postings)
            return self._ranked(asked), list(asked)

    def _update(self, library: Library) -> None:
        """Reads what is new or has changed."""
        lesson_files, quiz_files = library.lesson_files(), library.quiz_files()
        now: dict[str, dict[str, Any]] = {}
        for slug, file in lesson_files.items():
            stamps = [*file.stamp, *(quiz_files[slug].stamp if slug in quiz_files else ())]
            kept = self.lessons.get(slug)
            if kept is None or kept["stamps"] != stamps:
                kept = {"stamps": stamps, "sections": _read(library, file, quiz_files.get(slug))}
            now[slug] = kept
        if now != self.lessons or not self.postings:
            changed = now != self.lessons
            self.lessons = now
            self._post()
            if changed:
                _save(now, self.path)

    def _ranked(self, asked: Mapping[str, float]) -> list[tuple[tuple[str, str], float]]:
        mean = sum(self.lengths) / len(self.lengths) if self.lengths else 1.0
        scores: defaultdict[int, float] = defaultdict(float)
        for term, weight in asked.items():
            found = self.postings.get(term, [])
            rarity = math.log(1 + (len(self.sections) - len(found) + 0.5) / (len(found) + 0.5))
            for number, count in found:
                norm = K1 * (1 - B + B * self.lengths[number] / mean)
                scores[number] += weight * rarity * count * (K1 + 1) / (count + norm)
        order = sorted(scores, key=lambda number: (-scores[number], number))
        return [(self.sections[number], scores[number]) for number in order]


_indexes: WeakKeyDictionary[Library, _Index] = WeakKeyDictionary()


def _index(library: Library) -> _Index:
    index = _indexes.get(library)
    if index is None:
        index = _indexes[library] = _Index(library.cache_file("search"))
    return index


def _read(library: Library, file: ContentFile, quiz_file: ContentFile | None) -> dict[str, Terms]:
    """The terms of each section; none for a lesson with problems."""
    try:
        lesson = library.read_lesson(file).value
    except ContentError:
        return {}
    try:
        questions = library.read_quiz(quiz_file).value.questions if quiz_file else ()
    except ContentError:
        questions = ()
    return {section.id: _counts(lesson, section, questions) for section in lesson.sections}


def _counts(lesson: Lesson, section: Section, questions: Iterable[Question]) -> Terms:
    texts: list[tuple[str, Text]] = [("title", section.title), ("body", section.body), ("lesson", lesson.title)]
    body = f"{section.body.zh}\n{section.body.en}".casefold()
    texts += [
        ("term", Text(f"{entry.zh} {entry.definition.zh}", f"{entry.en} {entry.definition.en}"))
        for entry in lesson.terms
        if entry.zh.casefold() in body or entry.en.casefold() in body
    ]
    texts += [("question", text) for q in questions if q.section == section.id for text in (q.prompt, q.explain)]
    counts: defaultdict[str, float] = defaultdict(float)
    for kind, text in texts:
        for term, count in Counter(terms(f"{text.zh}\n{text.en}")).items():
            counts[term] += WEIGHTS[kind] * count
    return dict(counts)


def _hit(library: Library, slug: str, id: str, score: float, wanted: list[str]) -> Hit | None:
    try:
        section = library.lesson(slug).section(id)
    except (ContentError, NotFound):  # changed since the index was brought up to date, a moment ago
        return None
    if section is None:
        return None
    snippets = {language: _snippet(getattr(section.body, language), set(wanted)) for language in LANGUAGES}
    return Hit(slug, id, score, section.title, Text(**snippets))


def _snippet(body: str, wanted: set[str]) -> str:
    """The line of `body` that holds most of what is wanted, cut to SNIPPET_CHARACTERS around its longest match."""
    rows = [_MARKS.sub("", " ".join(row.split())) for row in outside_fences(body).splitlines() if row.strip()]
    if not rows:
        return ""
    best = max(rows, key=lambda row: len(wanted & set(terms(row))))
    found = [(-len(term), at) for term in wanted if (at := best.lower().find(term)) >= 0]
    first = min(found)[1] if found else 0
    start = max(0, min(first - SNIPPET_CHARACTERS // 3, len(best) - SNIPPET_CHARACTERS))
    cut = best[start : start + SNIPPET_CHARACTERS]
    return ("..." if start else "") + cut + ("..." if start + SNIPPET_CHARACTERS < len(best) else "")


def _load(path: Path) -> dict[str, dict[str, Any]]:
    """What `_save` wrote; nothing where the file is not there, damaged, or of another version."""
    try:
        data = json.loads(path.read_bytes())
        lessons: dict[str, dict[str, Any]] = data["lessons"]
        if data["version"] != VERSION or not all(_sound(lesson) for lesson in lessons.values()):
            return {}
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {}
    return lessons


def _sound(lesson: dict[str, Any]) -> bool:
    return isinstance(lesson["stamps"], list) and all(
        isinstance(counts, dict) and all(isinstance(count, (int, float)) for count in counts.values())
        for counts in lesson["sections"].values()
    )


def _save(lessons: dict[str, dict[str, Any]], path: Path) -> None:
    data = {"version": VERSION, "lessons": lessons}
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
