"""An answer without a model: the sentences of the passages that answer best, each with where it stands."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tutor.agent.events import Citation, Passage
from tutor.agent.passages import asked_in, sentences
from tutor.content.query import Vocabulary, terms, wanted

SENTENCES = 3
PASSAGES = 3  # the best of so many passages are quoted
BEHIND = 0.3  # what a sentence of the second passage counts beside one of the first
BESIDE = 0.35  # what a sentence has of the worth of the one before it: an answer follows what names its subject
AGAIN = 0.3  # what a term counts that a sentence chosen before has said
SHOWN = 240  # characters of a formula, list or table that is quoted with the sentence that leads to it

# What is asked for, and what a sentence that answers it holds.
_CUES = (
    (re.compile(r"^who\b|\binvent|谁|发明|提出"), re.compile(r"\b(?:19|20)\d\d\b")),
    (re.compile(r"how (?:many|much|big|large|long|fast)|多少|多大|多长|几个|几倍"), re.compile(r"\d")),
    (
        re.compile(r"\bwhy\b|为什么|为何|为啥|干嘛"),
        re.compile(r"\b(?:because|so|since|for|price|cost)\b|因为|所以|代价|因此|于是|为了"),
    ),
    (re.compile(r"\bbetter\b|\bbest\b|哪个好|更好|越好"), re.compile(r"disputed|open|better|争论|定论|更")),
)
CUE = 1.3


@dataclass(frozen=True, slots=True)
class Quoted:
    """`answer` in the language asked, with `[slug#section]` behind each sentence; empty where nothing was found."""

    answer: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class _Sentence:
    """Where it stands (passage and place in it), and what it is worth by itself."""

    rank: int
    place: int
    text: str
    said: frozenset[str]
    defines: bool


def quote(question: str, passages: Sequence[Passage], limit: int = SENTENCES) -> Quoted:
    """The definition asked for, if any, and up to `limit` sentences of `passages` (best first) that answer best."""
    given = [one for rank, passage in enumerate(passages[:PASSAGES]) for one in _read(rank, passage.text)]
    asked = _asked(question, given)
    prior = [
        passage.score / (passages[0].score or 1.0) * (BEHIND if rank else 1.0) for rank, passage in enumerate(passages)
    ]
    chosen = [one for one in given if one.defines and one.rank == 0 and asked.keys() & one.said][:1]
    heard = frozenset().union(*(one.said for one in chosen))
    for _ in range(limit):
        worths = [
            (prior[one.rank] * _worth(one, before, asked, heard, question, follows=before in chosen), -place, one)
            for place, (before, one) in enumerate(zip([None, *given], given, strict=False))
            if one not in chosen and not one.defines
        ]
        worth, _, best = max(worths, key=lambda row: row[:2], default=(0.0, 0, None))
        if best is None or worth <= 0:
            break
        chosen.append(best)
        heard |= best.said
    chosen.sort(key=lambda one: (one.rank, one.place))
    citations = tuple(Citation(passages[one.rank].lesson, passages[one.rank].section, one.text) for one in chosen)
    return Quoted(cited(citations, asked_in(question)), citations)


def cited(citations: Sequence[Citation], language: str) -> str:
    """The sentences, each with where it stands."""
    space = "" if language == "zh" else " "
    return space.join(f"{each.quote} [{each.lesson}#{each.section}]" for each in citations)


def _read(rank: int, text: str) -> Iterator[_Sentence]:
    """The sentences of a passage; one that leads to a short formula or table has it with it, which is none alone."""
    place = 0
    blocks = text.split("\n\n")
    for number, block in enumerate(blocks):
        if "\n" in block or (number and blocks[number - 1].endswith((":", "："))):
            continue
        for one in sentences(block):
            leads = one.endswith((":", "：")) and number + 1 < len(blocks)
            whole = f"{one}\n\n{blocks[number + 1]}" if leads else one
            if not whole.endswith((":", "：", "?", "？")) and not (leads and len(whole) > len(one) + SHOWN):
                yield _Sentence(rank, place, whole, frozenset(terms(whole)), _defines(one) and number == 0)
                place += 1


def _defines(sentence: str) -> bool:
    return bool(re.match(r"[^：:。.\n]{1,60}[：:] ?\S", sentence))


def _asked(question: str, given: Sequence[_Sentence]) -> dict[str, float]:
    """What each term asked for counts: the more, the fewer sentences have it."""
    spread = Counter(term for one in given for term in one.said)
    return {
        term: weight * math.log(1 + len(given) / spread[term])
        for term, weight in wanted(question, Vocabulary(spread)).items()
        if term in spread
    }


def _worth(
    one: _Sentence,
    before: _Sentence | None,
    asked: Mapping[str, float],
    heard: frozenset[str],
    question: str,
    *,
    follows: bool,
) -> float:
    own = sum(asked[term] * (AGAIN if term in heard else 1.0) for term in asked.keys() & one.said)
    if before is not None and before.rank == one.rank:
        own += (2 if follows else 1) * BESIDE * sum(asked[term] for term in asked.keys() & before.said)
    return own * _cue(question, one.text)


def _cue(question: str, sentence: str) -> float:
    folded = question.lower()
    return CUE if any(asks.search(folded) and holds.search(sentence) for asks, holds in _CUES) else 1.0
