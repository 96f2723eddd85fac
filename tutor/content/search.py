"""Search over the sections of all lessons: BM25F (Robertson and Zaragoza 2009, section 3.6) over words and Han bigrams.

Both languages are searched at once. A section in which one paragraph holds much of what is asked comes before one in
which it is scattered.
"""

from __future__ import annotations

import math
import threading
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from tutor.content.blocks import CODE, blocks
from tutor.content.library import Library
from tutor.content.odds import Odds
from tutor.content.query import Vocabulary, content_words, is_general, terms, wanted
from tutor.content.sections import FIELDS, Row, joined, load, read_sections, save, telling
from tutor.content.ways import Ways
from tutor.domain.language import LANGUAGES, Text
from tutor.domain.lesson import Excerpts, Term

K1 = 2.0  # how soon more of the same word stops counting
TOGETHER = 1.0  # what a word counts for standing in the best paragraph
COMMON = 0.6  # what a word of any question counts in that
ALIKE = 2.0  # what a word counts for standing in the way to ask that is most like the question
LONG = 0.004  # seconds: where a look at the folders takes longer, a query is answered from what is known before it
LOOKING = "search-look"  # the thread that does so
NEAR = 1.1  # what a section of the lesson on screen counts beside another
FRESH = 1.0  # seconds for which the folders count as unchanged
MUCH = 2  # words of a phrase that is understood by itself
CANDIDATES = 8  # sections whose paragraphs are looked at
SNIPPET_CHARACTERS = 120
QUERY_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that answers a query; `score` orders hits of one query and means nothing across queries."""

    lesson: str
    section: str
    score: float
    title: Text
    snippet: Text


@dataclass(frozen=True, slots=True)
class Pointer:
    """Words of the sentences that answer what learners ask, and how much of their way to ask the query is (0 to 1)."""

    at: Excerpts
    likeness: float


@dataclass(frozen=True, slots=True)
class Match:
    """A section that answers a query, whole. `body` is Markdown; `terms` are those of the glossary that it introduces;
    `said` are all words in it and in what belongs to it; `pointers` lead to its sentences, the likeliest first.
    """

    lesson: str
    section: str
    score: float
    title: Text
    body: Text
    terms: tuple[Term, ...]
    said: frozenset[str]
    pointers: tuple[Pointer, ...] = ()


@dataclass(frozen=True, slots=True)
class Matches:
    """Sections, best first; what each term asked for counts (`asked`: the more, the rarer); the terms there are; and
    how likely a question is one for the lessons.
    """

    best: tuple[Match, ...]
    asked: dict[str, float]
    vocabulary: Vocabulary
    odds: Odds


def search(library: Library, query: str, limit: int = 10, near: str | None = None) -> list[Hit]:
    """The sections of `library` nearest to `query`, best first. Lessons with problems are left out.

    `near` is the slug of the lesson on screen: its sections come before their equals. The first call reads lessons
    that are new or changed; a thread suits it. Of a course so large that looking takes long, later changes are found by
    the query after the next.
    """
    found = matches(library, query, limit, near)
    return [Hit(m.lesson, m.section, m.score, m.title, _snippets(m.body, found.asked)) for m in found.best]


def matches(library: Library, query: str, limit: int = 10, near: str | None = None) -> Matches:
    """Like `search`, with all that is known of the sections and of the query."""
    index = _indexes.get(library)
    if index is None:
        index = _indexes[library] = _Index(library.cache_file("search"))
    return index.matches(library, query[:QUERY_CHARACTERS], limit, near)


# The numbers of the sections that have a term, and how often each has it, weighted. Arrays: a course of 1,000 lessons
# has millions of these, and as tuples they keep the collector of garbage busy for seconds.
Postings = tuple["array[int]", "array[float]"]


class _Index:
    """The terms of every section by lesson, and the postings made from them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self.lessons: dict[str, dict[str, Any]] = load(path)  # slug -> {"stamps": [...], "sections": {id: Row}}
        self.sections: list[tuple[str, str, Row]] = []
        self.ways: dict[int, Ways] = {}  # of the sections that were looked at
        self.postings: dict[str, Postings] = {}
        self.rarity: dict[str, float] = {}
        self.vocabulary = Vocabulary(())
        self.odds = Odds(())
        self.looked = -math.inf  # when the folders were last looked at
        self.took = 0.0  # seconds that the look took

    def matches(self, library: Library, query: str, limit: int, near: str | None) -> Matches:
        with self._lock:
            aside = bool(self.postings) and self.took > LONG
            if not aside:
                self._update(library)
            weights = wanted(query, self.vocabulary)
            unknown = math.log(1 + (len(self.sections) + 0.5) / 0.5)
            asked = {term: weight * self.rarity.get(term, unknown) for term, weight in weights.items()}
            said = {term: COMMON * self.rarity.get(term, 0.0) for term in terms(query)} | asked
            best = tuple(
                self._match(number, score, said) for number, score in self._ranked(weights, asked, said, limit, near)
            )
            found = Matches(best, asked, self.vocabulary, self.odds)
        if aside and self._due():
            threading.Thread(target=self._update_aside, args=(library,), name=LOOKING, daemon=True).start()
        return found

    def _update_aside(self, library: Library) -> None:
        with self._lock:
            self._update(library)

    def _due(self) -> bool:
        return not self.postings or time.monotonic() - self.looked >= FRESH

    def _update(self, library: Library) -> None:
        """Reads what is new or has changed."""
        if not self._due():
            return
        started = time.monotonic()
        lesson_files, quiz_files = library.lesson_files(), library.quiz_files()
        self.looked = time.monotonic()
        self.took = self.looked - started
        now: dict[str, dict[str, Any]] = {}
        for slug, file in lesson_files.items():
            stamps = [*file.stamp, *(quiz_files[slug].stamp if slug in quiz_files else ())]
            kept = self.lessons.get(slug)
            if kept is None or kept["stamps"] != stamps:
                kept = {"stamps": stamps, "sections": read_sections(library, file, quiz_files.get(slug))}
            now[slug] = kept
        if now != self.lessons or not self.postings:
            changed = now != self.lessons
            self.lessons = now
            self._post()
            if changed:
                save(now, self.path)

    def _post(self) -> None:
        self.sections = [
            (slug, id, row) for slug, lesson in self.lessons.items() for id, row in lesson["sections"].items()
        ]
        self.ways = {}
        self.odds = Odds(self.sections)
        every = [row["fields"] for *_, row in self.sections]
        lengths = [{name: sum(fields[name].values()) for name in FIELDS} for fields in every]
        means = {name: sum(length[name] for length in lengths) / max(1, len(every)) or 1.0 for name in FIELDS}
        postings: defaultdict[str, Postings] = defaultdict(lambda: (array("I"), array("f")))
        told: Counter[str] = Counter()
        for number, fields in enumerate(every):
            together: defaultdict[str, float] = defaultdict(float)
            for name, field in FIELDS.items():
                norm = field.weight / (1 - field.b + field.b * lengths[number][name] / means[name])
                for term, count in fields[name].items():
                    together[term] += norm * count
            for term, frequency in together.items():
                numbers, counts = postings[term]
                numbers.append(number)
                counts.append(frequency)
            # A word of the lesson's title is in all of its sections, but not therefore a common one.
            told.update(set().union(*(fields[name] for name in FIELDS if name != "lesson")))
        self.rarity = {term: math.log(1 + (len(every) - told[term] + 0.5) / (told[term] + 0.5)) for term in postings}
        self.postings = dict(postings)
        subject = {term for fields in every for term in fields["named"]}
        technical = {term for fields in every for term in fields["technical"]}
        asks = {ask for *_, row in self.sections for ask in row["asks"] if telling(ask)}
        self.vocabulary = Vocabulary(
            self.postings,
            subject,
            chain(
                (ask for ask in asks if _of_subject(ask, subject, technical)),
                (name for *_, row in self.sections for name in _names(row)),
            ),
        )

    def _ranked(
        self,
        weights: Mapping[str, float],
        asked: Mapping[str, float],
        said: Mapping[str, float],
        limit: int,
        near: str | None,
    ) -> list[tuple[int, float]]:
        """The numbers of the best sections with their scores; equal ones in the order of the lessons."""
        scores: defaultdict[int, float] = defaultdict(float)
        for term, weight in weights.items():
            if term not in self.postings:
                continue
            most = weight * self.rarity[term] * (K1 + 1)
            for number, count in zip(*self.postings[term], strict=True):
                scores[number] += most * count / (count + K1)
        if near is not None:
            for number in scores:
                if self.sections[number][0] == near:
                    scores[number] *= NEAR
        # Of thousands of scores the few largest: sorting them all with their numbers takes several times as long.
        largest = sorted(scores.values(), reverse=True)[: max(limit, CANDIDATES)]
        best = [number for number, score in scores.items() if score >= largest[-1]]
        best = sorted(best, key=lambda number: (-scores[number], number))[: max(limit, CANDIDATES)]
        for number in best[:CANDIDATES]:
            row = self.sections[number][2]
            scores[number] += TOGETHER * max(_together(text, asked) for text in row["body"])
            scores[number] += ALIKE * max(self._ways(number).alike(said, self.rarity))
        return [(number, scores[number]) for number in sorted(best, key=lambda n: (-scores[n], n))[:limit]]

    def _ways(self, number: int) -> Ways:
        if number not in self.ways:
            row = self.sections[number][2]
            self.ways[number] = Ways(map(joined, row["asks"]), row["asked"], self.rarity)
        return self.ways[number]

    def _pointers(self, number: int, said: Mapping[str, float]) -> tuple[Pointer, ...]:
        ways, most = self._ways(number), sum(said.values()) or 1.0
        alike = zip(ways.places, ways.alike(said, self.rarity), strict=True)
        found = (Pointer(place, count / most) for place, count in alike if place is not None)
        return tuple(sorted(found, key=lambda pointer: -pointer.likeness))

    def _match(self, number: int, score: float, said: Mapping[str, float]) -> Match:
        slug, id, row = self.sections[number]
        terms = tuple(Term(zh, en, Text(*rest[:2]), tuple(rest[2:])) for zh, en, *rest in row["terms"])
        words = frozenset().union(*row["fields"].values())
        pointers = self._pointers(number, said)
        return Match(slug, id, score, Text(*row["title"]), Text(*row["body"]), terms, words, pointers)


_indexes: WeakKeyDictionary[Library, _Index] = WeakKeyDictionary()


def _names(row: Row) -> Iterator[str]:
    for zh, en, _, _, *also in row["terms"]:
        yield from (zh, en, *also)


def _of_subject(ask: str, subject: Container[str], technical: Container[str]) -> bool:
    """Whether how learners ask for a section would be understood without it: it has a word of what lessons are about,
    or says much.
    """
    words = [term for term in content_words(ask) if not is_general(term)]
    return len(words) >= MUCH or any(term in subject or term in technical for term in words)


def _together(body: str, asked: Mapping[str, float]) -> float:
    """What the terms asked for count that stand in one block of `body`, the best one."""
    return max((sum(asked[term] for term in asked.keys() & said) for said in _said(body)), default=0.0)


@lru_cache(maxsize=2048)
def _said(body: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(terms(block.text)) for block in blocks(body))


def _snippets(body: Text, asked: Mapping[str, float]) -> Text:
    return Text(**{language: _snippet(getattr(body, language), asked) for language in LANGUAGES})


def _snippet(body: str, asked: Mapping[str, float]) -> str:
    """The block of `body` that holds most of what is asked, cut to SNIPPET_CHARACTERS around its longest match."""
    rows = [
        (sum(asked[term] for term in asked.keys() & said), block.text)
        for block, said in zip(blocks(body), _said(body), strict=True)
        if block.kind != CODE
    ]
    if not rows:
        return ""
    best = " ".join(max(rows, key=lambda row: row[0])[1].split())
    found = [(-len(term), at) for term in asked if (at := best.lower().find(term)) >= 0]
    first = min(found)[1] if found else 0
    start = max(0, min(first - SNIPPET_CHARACTERS // 3, len(best) - SNIPPET_CHARACTERS))
    cut = best[start : start + SNIPPET_CHARACTERS]
    return ("..." if start else "") + cut + ("..." if start + SNIPPET_CHARACTERS < len(best) else "")
