"""An answer without a model: the sentences of the passages that answer best, each with where it stands."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tutor.agent.defined import asks_meaning
from tutor.agent.events import Citation, Passage
from tutor.agent.passages import sentences, spans
from tutor.content.query import Vocabulary, terms, wanted

SENTENCES = 5
PASSAGES = 3  # the best of so many passages are quoted
BEHIND = 0.3  # what a sentence of the second passage counts beside one of the first
BESIDE = 0.3  # what a sentence has of the worth of its neighbours: an answer follows what names its subject
CHOSEN = 2.5  # how many times that where the neighbour is quoted: sentences that hang together are better understood
BLOCK = 0.25  # what a sentence has of the worth of its paragraph or list item
OPENING = 0.6  # what the first sentence of a passage counts beyond that, the second half of it, and so on
POINTED = 16.0  # what it counts that a sentence answers what learners ask, beside all that is asked
BEARS_ON = (
    0.3  # of what is asked a sentence must hold to stand beside another, where it answers nothing that learners ask
)
AGAIN = 0.5  # what a term counts that a sentence chosen before has said
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
CUE = 1.4
_MISTAKE = re.compile(r"(?:常见误区|Common mistake)[：:]")
_ENDS = (".", "。", "!", "！", "?", "？", "…", ";", "；")
_CLOSING = "”\"’')）"


@dataclass(frozen=True, slots=True)
class Quoted:
    """`answer` in the language asked, with `[slug#section]` behind each sentence; empty where nothing was found."""

    answer: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class _Sentence:
    """Where it stands (passage and place in it), and the terms in it and in its whole paragraph."""

    rank: int
    place: int
    text: str
    said: frozenset[str]
    around: frozenset[str]
    defines: bool
    pointed: float  # how much of what learners ask, and this answers, the question is


def quote(question: str, passages: Sequence[Passage], limit: int = SENTENCES) -> Quoted:
    """The definition asked for, if any, and up to `limit` sentences of `passages` (best first) that answer best."""
    given = [one for rank, passage in enumerate(passages[:PASSAGES]) for one in _read(rank, passage)]
    asked = _asked(question, given)
    if not asked:
        return Quoted("", ())
    prior = [
        passage.score / (passages[0].score or 1.0) * (BEHIND if rank else 1.0) for rank, passage in enumerate(passages)
    ]
    chosen = [one for one in given if one.defines and one.rank == 0 and asked.keys() & one.said][:1]
    heard = frozenset().union(*(one.said for one in chosen))
    for _ in range(limit):
        worths = [
            (prior[one.rank] * _worth(one, beside, chosen, asked, heard) * _cue(question, one.text), -place, one)
            for place, (one, beside) in enumerate(_with_neighbours(given))
            if one not in chosen and not one.defines
        ]
        if chosen:  # what hangs in between speaks of something else
            worths = [row for row in worths if _bears_on(row[2], asked)]
        worth, _, best = max(worths, key=lambda row: row[:2], default=(0.0, 0, None))
        if best is None or worth <= 0:
            break
        chosen.append(best)
        heard |= best.said
    # The short answer first, where it is known which sentence gives it; the others as they stand.
    definition = next((one for one in chosen if one.defines and asks_meaning(question)), None)
    direct = definition or next((one for one in chosen if one.pointed), None)
    chosen.sort(key=lambda one: (one is not direct, one.rank, one.place))
    citations = tuple(Citation(passages[one.rank].lesson, passages[one.rank].section, one.text) for one in chosen)
    return Quoted(cited(citations), citations)


def cited(citations: Sequence[Citation]) -> str:
    """The sentences, each with where it stands; in Chinese too a blank tells whose section that is."""
    return " ".join(f"{each.quote} [{each.lesson}#{each.section}]" for each in citations)


def _read(rank: int, passage: Passage) -> Iterator[_Sentence]:
    """The sentences of a passage. One that leads to a short formula or table has it with it, which is none alone;
    a common mistake has what corrects it.
    """
    place = 0
    blocks = passage.text.split("\n\n")
    for number, block in enumerate(blocks):
        if "\n" in block or (number and blocks[number - 1].endswith((":", "："))):
            continue
        around = frozenset(terms(block))
        for one in _whole(block):
            bare = one.rstrip(_CLOSING)
            leads = bare.endswith((":", "：")) or not bare.endswith(_ENDS)
            shown = blocks[number + 1] if leads and number + 1 < len(blocks) else ""
            shown = "" if _is_prose(shown) else shown  # what it led to was left out for want of room
            if not bare.endswith(("?", "？")) and (not leads or (0 < len(shown) <= SHOWN and not _drawn(shown))):
                whole = f"{one}\n\n{shown}" if shown else one
                pointed = max((likeness for words, likeness in passage.pointed if words in whole), default=0.0)
                defines = _defines(one) and number == 0
                yield _Sentence(rank, place, whole, frozenset(terms(whole)), around, defines, pointed)
                place += 1


def _drawn(block: str) -> bool:
    """Whether a block is a diagram or code of several rows: it belongs into its section, not into an answer."""
    return "\n" in block and not all(" | " in row for row in block.splitlines())


def _is_prose(block: str) -> bool:
    return "\n" not in block and block.rstrip(_CLOSING).endswith((*_ENDS, ":", "："))


def _whole(block: str) -> Iterator[str]:
    """The sentences of a paragraph, but a mistake together with the sentence after it."""
    ends = [stop for _, stop in spans(block)]
    if _MISTAKE.match(block) and len(ends) > 1:
        yield block[: ends[1]]
        yield from (block[start:stop] for start, stop in spans(block) if start >= ends[1])
    else:
        yield from sentences(block)


def _defines(sentence: str) -> bool:
    return bool(re.match(r"[^：:。.\n]{1,60}[：:] ?\S", sentence)) and not _MISTAKE.match(sentence)


def _asked(question: str, given: Sequence[_Sentence]) -> dict[str, float]:
    """What each term asked for counts: the more, the fewer sentences have it."""
    spread = Counter(term for one in given for term in one.said)
    return {
        term: weight * math.log(1 + len(given) / spread[term])
        for term, weight in wanted(question, Vocabulary(spread)).items()
        if term in spread
    }


def _with_neighbours(given: Sequence[_Sentence]) -> Iterator[tuple[_Sentence, list[_Sentence]]]:
    for at, one in enumerate(given):
        yield one, [each for each in (*given[max(0, at - 1) : at], *given[at + 1 : at + 2]) if each.rank == one.rank]


def _worth(
    one: _Sentence,
    beside: Sequence[_Sentence],
    chosen: Sequence[_Sentence],
    asked: Mapping[str, float],
    heard: frozenset[str],
) -> float:
    own = sum(asked[term] * (AGAIN if term in heard else 1.0) for term in asked.keys() & one.said)
    near = sum((CHOSEN if each in chosen else 1.0) * _holds(each.said, asked) for each in beside)
    pointed = POINTED * one.pointed * sum(asked.values())
    return own + pointed + BESIDE * near + BLOCK * _holds(one.around, asked) + OPENING / (1 + one.place)


def _bears_on(one: _Sentence, asked: Mapping[str, float]) -> bool:
    return one.pointed > 0 or _holds(one.said, asked) >= BEARS_ON * sum(asked.values())


def _holds(said: frozenset[str], asked: Mapping[str, float]) -> float:
    return sum(asked[term] for term in asked.keys() & said)


def _cue(question: str, sentence: str) -> float:
    folded = question.lower()
    return CUE if any(asks.search(folded) and holds.search(sentence) for asks, holds in _CUES) else 1.0
