"""What of an answer is borne out by the passages and the tools' results, and what is not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tutor.agent.events import Citation, Passage, ToolResult, Unsupported
from tutor.agent.passages import sentences
from tutor.content.query import content_words, terms

_CITED = re.compile(r"\s*\[([a-z0-9-]+)#([a-z0-9-]+)\]")


@dataclass(frozen=True, slots=True)
class Verified:
    """`answer` without citations of sections that were not given; places in `unsupported` count in it."""

    answer: str
    citations: tuple[Citation, ...]
    unsupported: tuple[Unsupported, ...]


def verify(
    answer: str, passages: Sequence[Passage], results: Sequence[ToolResult] = (), question: str = ""
) -> Verified:
    """Judges each citation, each number and each sentence of `answer` by what the model was given."""
    given = {(passage.lesson, passage.section): passage for passage in passages}
    kept = _CITED.sub(lambda cited: cited[0] if (cited[1], cited[2]) in given else "", answer)
    citations = {
        (lesson, section): Citation(lesson, section, _nearest(answer, given[lesson, section]))
        for lesson, section in _CITED.findall(kept)
    }
    return Verified(kept, tuple(citations.values()), ())


def _nearest(answer: str, passage: Passage) -> str:
    said = set(content_words(answer))
    return max(sentences(passage.text), key=lambda sentence: len(said & set(terms(sentence))), default="")
