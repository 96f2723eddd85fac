"""Tools over the lessons: search, a section, a term."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, NamedTuple

from tutor.agent.tools.signature import Bounds, shown
from tutor.agent.tools.workbench import Observation, Workbench
from tutor.content.library import Library
from tutor.content.problem import ContentError
from tutor.content.search import search
from tutor.domain.errors import NotFound
from tutor.domain.language import both
from tutor.domain.lesson import Term

HITS = 5
NEAR = 3
NEAR_ENOUGH = 0.75
CLOSE_BEHIND = 0.1


def search_lessons(at: Workbench, query: Annotated[str, "Words to look for", Bounds(1, 300)]) -> Observation:
    """Search the lessons. Gives the sections that fit best, each as lesson#section with a line of it."""
    hits = search(at.library, query, HITS)
    if not hits:
        return Observation(at.say(both("No section fits “{query}”.", query=shown(query))), {"hits": []})
    lines = [f"[{hit.lesson}#{hit.section}] {at.say(hit.title)}: {at.say(hit.snippet)}" for hit in hits]
    return Observation("\n".join(lines), {"hits": [{"lesson": hit.lesson, "section": hit.section} for hit in hits]})


def read_section(
    at: Workbench,
    lesson: Annotated[str, "The lesson's slug", Bounds(1, 100)],
    section: Annotated[str, "The section's id", Bounds(1, 100)],
) -> Observation:
    """Read a section of a lesson. Gives its title and text."""
    found = at.library.lesson(lesson)
    read = found.section(section)
    if read is None:
        raise NotFound(
            "The lesson {lesson} has no section {section}; it has {ids}.",
            lesson=found.slug,
            section=shown(section),
            ids=", ".join(each.id for each in found.sections),
        )
    text = f"[{found.slug}#{read.id}] {at.say(read.title)}\n{at.say(read.body)}"
    return Observation(text, {"lesson": found.slug, "section": read.id})


class Entry(NamedTuple):
    """A term, with the slug of the lesson that defines it."""

    term: Term
    lesson: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in (self.term.zh, self.term.en) if name)


def glossary(at: Workbench, term: Annotated[str, "A term in Chinese or English", Bounds(1, 100)]) -> Observation:
    """Look a term up in the glossary of all lessons. Gives its definition and the lesson that has it."""
    entries = list(terms(at.library))
    wanted = folded(term)
    likeness = {entry: max((_likeness(wanted, name) for name in entry.names), default=0.0) for entry in entries}
    best = sorted(entries, key=lambda entry: -likeness[entry])[:NEAR]
    found = [entry for entry in best if likeness[entry] >= max(NEAR_ENOUGH, likeness[best[0]] - CLOSE_BEHIND)]
    if not found:
        near = ", ".join(f"{entry.term.zh} ({entry.term.en})" for entry in best)
        raise NotFound("The glossary has no term “{term}”; the nearest are {near}.", term=shown(term), near=near or "-")
    lines = [f"{entry.term.zh} ({entry.term.en}): {at.say(entry.term.definition)} [{entry.lesson}]" for entry in found]
    data = [{"zh": entry.term.zh, "en": entry.term.en, "lesson": entry.lesson} for entry in found]
    return Observation("\n".join(lines), {"terms": data})


def terms(library: Library) -> Iterator[Entry]:
    """The terms of all lessons that can be read, in their order."""
    for entry in library.entries():
        if entry.written:
            with suppress(ContentError, NotFound):
                yield from (Entry(term, entry.slug) for term in library.lesson(entry.slug).terms)


def folded(name: str) -> str:
    """`name` without what writers differ in: case, spaces, hyphens, a plural s."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())
    return plain[:-1] if plain.isascii() and len(plain) > 3 and plain.endswith("s") and plain[-2] != "s" else plain


def _likeness(wanted: str, name: str) -> float:
    """From 0 to 1: 1 for the same, less for initials, for a part (the longer the better), for a slip of the keyboard."""
    plain = folded(name)
    if not wanted or not plain:
        return 0.0
    if wanted == plain:
        return 1.0
    if len(wanted) > 1 and wanted == "".join(word[0] for word in re.findall(r"\w+", name.casefold())):
        return 0.95
    if wanted in plain or plain in wanted:
        return NEAR_ENOUGH + 0.2 * min(len(wanted), len(plain)) / max(len(wanted), len(plain))
    return difflib.SequenceMatcher(None, wanted, plain).ratio() * 0.95
