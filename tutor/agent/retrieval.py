"""What the lessons have on a question, and whether they answer it at all."""

from __future__ import annotations

from dataclasses import dataclass

from tutor.agent.events import Passage
from tutor.agent.passages import asked_in
from tutor.content.blocks import CODE, Block, blocks
from tutor.content.library import Library
from tutor.content.query import content_words, terms
from tutor.content.search import search
from tutor.domain.language import Text

PASSAGE_CHARACTERS = 700
NEAREST = 3


@dataclass(frozen=True, slots=True)
class Nearest:
    """A section to look at, by its title."""

    lesson: str
    section: str
    title: Text


@dataclass(frozen=True, slots=True)
class Found:
    """The passages that answer best, best first. `covered` says whether the lessons answer the question at all.

    `confidence` is how much of the question they speak of, from 0 to 1; `nearest` the best three sections.
    """

    passages: tuple[Passage, ...]
    covered: bool
    confidence: float
    nearest: tuple[Nearest, ...]


def find(library: Library, question: str, *, limit: int = 6, near: str | None = None) -> Found:
    """What `library` has on `question`, in the language asked; `near` is the slug of the lesson on screen."""
    hits = search(library, question, limit)
    language = asked_in(question)
    wanted = set(content_words(question))
    passages = tuple(
        Passage(hit.lesson, hit.section, hit.title, text, hit.score)
        for hit in hits
        if (section := library.lesson(hit.lesson).section(hit.section))
        and (text := _best(blocks(section.body.get(language)), wanted))
    )
    nearest = tuple(Nearest(hit.lesson, hit.section, hit.title) for hit in hits[:NEAREST])
    confidence = _share(wanted, passages)
    return Found(passages, confidence >= 0.3, confidence, nearest)


def _best(found: tuple[Block, ...], wanted: set[str]) -> str:
    """The blocks that say most of what is wanted, in the order of the section, up to PASSAGE_CHARACTERS."""
    order = sorted(
        range(len(found)), key=lambda n: (-len(wanted & set(terms(found[n].text))), found[n].kind == CODE, n)
    )
    chosen: list[int] = []
    room = PASSAGE_CHARACTERS
    for number in order:
        if len(found[number].text) <= room:
            chosen.append(number)
            room -= len(found[number].text)
    return "\n\n".join(found[number].text for number in sorted(chosen))


def _share(wanted: set[str], passages: tuple[Passage, ...]) -> float:
    said = {term for passage in passages[:2] for term in terms(f"{passage.title.zh} {passage.title.en} {passage.text}")}
    return len(wanted & said) / len(wanted) if wanted else 0.0
