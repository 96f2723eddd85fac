"""What the lessons have on a question, and whether they answer it at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tutor.agent.coverage import coverage
from tutor.agent.events import Passage
from tutor.agent.passages import asked_in, sentences
from tutor.content.blocks import PROSE, blocks
from tutor.content.library import Library
from tutor.content.query import mentions, terms
from tutor.content.search import Match, Pointer, matches
from tutor.domain.language import Text
from tutor.domain.lesson import Term

PASSAGE_CHARACTERS = {"zh": 700, "en": 1200}  # about 400 and 300 tokens: English says less in a character
NEAREST = 3
POINTERS = 4  # as many of a section's answers to what learners ask are looked at
FURTHER = 0.7  # what each further sentence of such an answer counts beside the one before
LEFT_OVER = 150  # characters of a passage not worth filling with odd sentences


@dataclass(frozen=True, slots=True)
class Nearest:
    """A section to look at, by its title."""

    lesson: str
    section: str
    title: Text


@dataclass(frozen=True, slots=True)
class Found:
    """The passages that answer best, best first. `covered` says whether the lessons answer the question at all.

    `confidence` is how likely that is, from 0 to 1; `nearest` the best three sections.
    """

    passages: tuple[Passage, ...]
    covered: bool
    confidence: float
    nearest: tuple[Nearest, ...]


def find(
    library: Library, question: str, *, limit: int = 6, near: str | None = None, language: str | None = None
) -> Found:
    """What `library` has on `question`, in `language`, else the language asked; `near` is the slug of the lesson on
    screen.
    """
    found = matches(library, question, max(limit, NEAREST), near)
    covered, confidence = coverage(question, found, near)
    language = language or asked_in(question)
    passages = tuple(_passage(match, question, found.asked, language) for match in found.best[:limit])
    nearest = tuple(Nearest(match.lesson, match.section, match.title) for match in found.best[:NEAREST])
    return Found(passages, covered, confidence, nearest)


def _passage(match: Match, question: str, asked: Mapping[str, float], language: str) -> Passage:
    defined = [definition(term, language) for term in match.terms if mentions(question, (term.zh, term.en, *term.also))]
    body, room = match.body.get(language), PASSAGE_CHARACTERS[language] - sum(map(len, defined))
    pointed = tuple(_pointed(match.pointers, language))
    text = "\n\n".join([*defined, _best(body, asked, language, room, pointed)])
    return Passage(match.lesson, match.section, match.title, text.strip(), match.score, pointed)


def _pointed(pointers: Iterable[Pointer], language: str) -> Iterator[tuple[str, float]]:
    """The words that lead to sentences; of what answers one question the first counts most."""
    for pointer in [each for each in pointers if each.likeness > 0][:POINTERS]:
        for place, words in enumerate(getattr(pointer.at, language)):
            yield words, pointer.likeness * FURTHER**place


def definition(term: Term, language: str) -> str:
    """`term` as the glossary has it: its name, its other name, what it means."""
    told = term.definition.get(language)
    if language == "zh":
        name = term.zh if term.zh == term.en or not term.en else f"{term.zh}（{term.en}）"
        return f"{name}：{told}" + ("" if told.endswith("。") else "。")
    return f"{term.en or term.zh}: {told}" + ("" if told.endswith(".") else ".")


def _best(
    markdown: str, asked: Mapping[str, float], language: str, room: int, pointed: Sequence[tuple[str, float]] = ()
) -> str:
    """What of a section says most of what is asked, in its order, in about `room` characters; first what is `pointed` at.

    Tables and code are taken whole or not at all, paragraphs by the sentence.
    """
    pieces = [
        (number, text)
        for number, block in enumerate(blocks(markdown))
        for text in (sentences(block.text) if block.kind == PROSE else [block.text])
    ]
    most = sum(asked.values())
    worth = [
        sum(asked[term] for term in asked.keys() & set(terms(text)))
        + most * max((likeness for words, likeness in pointed if words in text), default=0.0)
        for _, text in pieces
    ]
    whole: dict[int, float] = {}
    for (number, _), value in zip(pieces, worth, strict=True):
        whole[number] = max(whole.get(number, 0.0), value)
    chosen: set[int] = set()
    # A sentence is better understood beside those of its own paragraph than alone.
    for at in sorted(range(len(pieces)), key=lambda at: (-whole[pieces[at][0]] - worth[at], at)):
        if len(pieces[at][1]) <= room:
            chosen.add(at)
            room -= len(pieces[at][1])
        elif room < LEFT_OVER:
            break
    return _put_together([pieces[at] for at in sorted(chosen)], language)


def _put_together(pieces: list[tuple[int, str]], language: str) -> str:
    text, last = "", -1
    for number, piece in pieces:
        if text:
            text += "\n\n" if number != last else "" if language == "zh" else " "
        text, last = text + piece, number
    return text
