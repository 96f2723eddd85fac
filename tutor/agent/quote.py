"""An answer without a model: the sentences of the passages that answer best, each with where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tutor.agent.events import Citation, Passage
from tutor.agent.passages import asked_in, sentences
from tutor.content.query import content_words, terms

SENTENCES = 3


@dataclass(frozen=True, slots=True)
class Quoted:
    """`answer` in the language asked, with `[slug#section]` behind each sentence; empty where nothing was found."""

    answer: str
    citations: tuple[Citation, ...]


def quote(question: str, passages: Sequence[Passage], limit: int = SENTENCES) -> Quoted:
    """The sentences of `passages` (best first) that answer `question`, at most `limit`."""
    wanted = set(content_words(question))
    scored = [
        (len(wanted & set(terms(sentence))) / (1 + rank), -rank, -place, passage, sentence)
        for rank, passage in enumerate(passages[:3])
        for place, sentence in enumerate(sentences(passage.text))
    ]
    best = sorted(sorted(scored, key=lambda row: row[:3], reverse=True)[:limit], key=lambda row: (-row[1], -row[2]))
    citations = tuple(Citation(passage.lesson, passage.section, sentence) for *_, passage, sentence in best)
    space = "" if asked_in(question) == "zh" else " "
    return Quoted(space.join(f"{c.quote} [{c.lesson}#{c.section}]" for c in citations), citations)
