"""Which sentences of a small model's answer may be said after the lessons' own.

It writes fluently and is wrong as often as right. What it says is kept only where a sentence of the lessons says it too:
all of it borne out, and denied where that is denied.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tutor.agent.events import Citation, Passage
from tutor.agent.passages import asked_in, sentences
from tutor.agent.verify import verify
from tutor.content.library import Library
from tutor.content.query import content_words, terms

CLAIMS = 3  # words of its own that a sentence must have
BORNE_OUT = 0.9  # of its words must stand in one sentence of the lessons
SAME = 0.8  # of the words of both: then it only repeats the quote
_NEGATION = re.compile(r"不|没|无|非|未|否|\b(?:not|no|never|nor|none|neither|without|cannot)\b|n't\b", re.IGNORECASE)


def held(answer: str, question: str, quotes: Sequence[Citation], passages: Sequence[Passage], library: Library) -> str:
    """`answer` without what does not hold or only repeats a quote, each sentence with the section that bears it out;
    empty where nothing is left.
    """
    kept: dict[str, str] = {}
    for sentence in sentences(answer):
        source = _source(sentence, question, quotes)
        if source and not verify(sentence, passages, (), question, library).unsupported:
            kept[sentence] = f"{sentence} [{source.lesson}#{source.section}]"
    return " ".join(kept.values())


def _source(sentence: str, question: str, quotes: Sequence[Citation]) -> Citation | None:
    """The quote that bears out `sentence`, where that is not the quote itself."""
    said = set(terms(sentence))
    if asked_in(sentence) != asked_in(question) or len(set(content_words(sentence)) - set(terms(question))) < CLAIMS:
        return None
    best = max(quotes, key=lambda each: _share(said, set(terms(each.quote))), default=None)
    if best is None or _share(said, quoted := set(terms(best.quote))) < BORNE_OUT:
        return None
    if _share(said, quoted) >= SAME and _share(quoted, said) >= SAME:
        return None
    return best if bool(_NEGATION.search(sentence)) == bool(_NEGATION.search(best.quote)) else None


def _share(part: set[str], whole: set[str]) -> float:
    return len(part & whole) / len(part) if part else 1.0
