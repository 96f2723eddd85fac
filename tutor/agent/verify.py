"""What of an answer is borne out by the passages and the tools' results, and what is not.

A citation must name a section that was given; a number must stand where the passages speak of the same; a sentence
must share most of its words with a stretch of a passage. That is no proof: it tells what nothing speaks for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from tutor.agent.events import Citation, Passage, ToolResult, Unsupported
from tutor.agent.numbers import Figure, borne_out, claims, figures, names, spelled, values
from tutor.agent.passages import sentences, spans
from tutor.content.blocks import blocks
from tutor.content.library import Library
from tutor.content.problem import ContentError
from tutor.content.query import Unit, Vocabulary, terms, units
from tutor.domain.errors import NotFound
from tutor.domain.language import both

RESTS = 0.36  # of its words a sentence must share with a stretch of what was given
SAME = 0.8  # from here on it is taken for that very sentence, and its numbers must be those
NEAR = 0.15  # a number must stand in a stretch that shares this much with the sentence
FEW = 3  # words, or Han characters over two: what says less claims nothing

_CITED = re.compile(r"[ \t]*\[([a-z0-9-]+)#([a-z0-9-]+)\]")
# Someone or something by name: a capital that does not open the sentence, or one within a word.
_CALLED = re.compile(
    r"(?<=[\w,;:，；：、（(《“‘] )[A-Z][A-Za-z]{2,}|(?<=[^\x00-\x7f])[A-Z][A-Za-z]{2,}|\b[a-z]+[A-Z][A-Za-z]+"
)
_ADMITS = re.compile(
    r"(?:课文|课程|这些课|本课|段落|材料)[^。]{0,12}(?:没有|未|不曾)[^。]{0,8}(?:讲|提|说|涉及|写)|不知道|我不确定|"
    r"\b(?:lessons?|passages?|sections?|text)\b[^.]{0,20}\b(?:do(?:es)? not|don't|doesn't|never)\b|\bI (?:do not|don't) know\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Verified:
    """`answer` without citations of sections that were not given; places in `unsupported` count in it."""

    answer: str
    citations: tuple[Citation, ...]
    unsupported: tuple[Unsupported, ...]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A sentence that was given, or a few side by side: its terms, its numbers and names, and what is left of it."""

    said: frozenset[str]
    frame: str
    values: list[Decimal]
    spelled: list[Decimal]
    names: frozenset[str]


@dataclass(slots=True)
class _Ground:
    """All that an answer may rest on."""

    single: list[_Stretch] = field(default_factory=list)
    wide: list[_Stretch] = field(default_factory=list)
    free: list[Decimal] = field(default_factory=list)  # of the question and the results: may stand anywhere
    names: frozenset[str] = frozenset()
    words: set[str] = field(default_factory=set)  # of the question and the results
    latin: frozenset[str] = frozenset()  # all words in Latin letters


def verify(
    answer: str,
    passages: Sequence[Passage],
    results: Sequence[ToolResult] = (),
    question: str = "",
    library: Library | None = None,
) -> Verified:
    """Judges each citation, each number and each sentence of `answer` by what the model was given.

    With `library` the sections of the passages count in both languages: an answer may be in the other one.
    """
    kept, faults = _citations(answer, passages)
    ground = _ground(passages, results, question, library)
    known = Vocabulary(set().union(*(stretch.said for stretch in ground.single), ground.words))
    for start, stop in spans(kept):
        faults += _judged(kept, start, stop, ground, known)
    return Verified(kept, _cited(kept, passages), tuple(sorted(faults, key=lambda fault: fault.start)))


def _citations(answer: str, passages: Sequence[Passage]) -> tuple[str, list[Unsupported]]:
    """`answer` without the citations of sections that were not given, and what to say of those."""
    given = {(passage.lesson, passage.section) for passage in passages}
    kept, faults, last = "", [], 0
    for cited in _CITED.finditer(answer):
        if (cited[1], cited[2]) not in given:
            kept += answer[last : cited.start()]
            last = cited.end()
            why = both("The answer cited [{place}], which it was not given.", place=f"{cited[1]}#{cited[2]}")
            faults.append(Unsupported(cited[0].strip(), len(kept), len(kept), why))
    return kept + answer[last:], faults


def _cited(answer: str, passages: Sequence[Passage]) -> tuple[Citation, ...]:
    """Each section cited, with that sentence of its passage which is nearest to what cites it."""
    texts = {(passage.lesson, passage.section): passage.text for passage in passages}
    found: dict[tuple[str, str], Citation] = {}
    for start, stop in spans(answer):
        said = Counter(terms(_CITED.sub("", answer[start:stop])))
        for lesson, section in _CITED.findall(answer[start:stop]):
            quotes = sentences(texts[lesson, section])
            nearest = max(quotes, key=lambda quote: sum((said & Counter(terms(quote))).values()), default="")
            found.setdefault((lesson, section), Citation(lesson, section, nearest))
    return tuple(found.values())


def _ground(
    passages: Sequence[Passage], results: Sequence[ToolResult], question: str, library: Library | None
) -> _Ground:
    ground = _Ground()
    texts = [text for passage in passages for text in _texts(passage, library)]
    for text in [*texts, *(result.observation for result in results)]:
        given = sentences(text)
        ground.single += map(_stretch, given)
        ground.wide += (_stretch("\n".join(given[max(0, at - 1) : at + 3])) for at in range(len(given)))
    for text in (question, *(result.observation for result in results)):
        ground.free += values(text) + spelled(text)
        ground.words.update(terms(text))
    everything = "\n".join([*texts, question, *(result.observation for result in results)])
    ground.names = names(everything)
    ground.latin = frozenset(word.casefold() for word in re.findall("[A-Za-z]+", everything))
    return ground


def _texts(passage: Passage, library: Library | None) -> list[str]:
    titles = f"{passage.title.zh}\n{passage.title.en}"
    found = [f"{titles}\n{passage.text}"]
    if library is not None:
        try:
            section = library.lesson(passage.lesson).section(passage.section)
        except (ContentError, NotFound):
            return found
        if section is not None:
            found += ("\n".join(block.text for block in blocks(body)) for body in (section.body.zh, section.body.en))
    return found


@lru_cache(maxsize=4096)
def _stretch(text: str) -> _Stretch:
    return _Stretch(frozenset(terms(text)), _frame(text), values(text), spelled(text), names(text))


def _frame(text: str) -> str:
    """`text` with each number as one sign."""
    pieces, last = [], 0
    for one in figures(text):
        pieces += [text[last : one.start], "#"]
        last = one.end
    return "".join("".join([*pieces, text[last:]]).split()).casefold()


def _judged(answer: str, start: int, stop: int, ground: _Ground, known: Vocabulary) -> list[Unsupported]:
    sentence = _CITED.sub(lambda cited: " " * len(cited[0]), answer[start:stop])
    asked = units(sentence, known)
    if not figures(sentence) and (
        len([unit for unit in asked if not unit.han]) + sum(unit.han for unit in asked) / 2 < FEW
    ):
        return []
    faults = [
        Unsupported(
            answer[start + one.start : start + one.end],
            start + one.start,
            start + one.end,
            both("No passage and no tool result gives the number {number} here.", number=one.text.strip()),
        )
        for one in _unfounded(sentence, asked, ground)
    ]
    if not _ADMITS.search(sentence) and _share(asked, ground.wide, ground.words) < RESTS:
        why = both("No passage and no tool result says this.")
        return [*faults, Unsupported(answer[start:stop], start, stop, why)]
    return faults + [
        Unsupported(
            one[0],
            start + one.start(),
            start + one.end(),
            both("No passage and no tool result speaks of {name}.", name=one[0]),
        )
        for one in _CALLED.finditer(sentence)
        if one[0].casefold() not in ground.latin
    ]


def _share(asked: Sequence[Unit], stretches: Sequence[_Stretch], words: set[str]) -> float:
    """How much of a sentence the best of `stretches` bears out; words of the question and the results are free."""
    claimed = [unit for unit in asked if not unit.terms & words]
    if not claimed:
        return 1.0
    return max((_of(claimed, stretch) for stretch in stretches), default=0.0)


def _of(asked: Sequence[Unit], stretch: _Stretch) -> float:
    return sum(1 for unit in asked if unit.terms & stretch.said) / len(asked) if asked else 0.0


def _unfounded(sentence: str, asked: Sequence[Unit], ground: _Ground) -> list[Figure]:
    """The numbers of a sentence that stand in nothing that speaks of the same."""
    rest = [one for one in claims(sentence) if not borne_out(one, ground.free, ground.names)]
    if same := _same(sentence, asked, ground):
        words = Counter(spelled(sentence)) - Counter(
            one.value for one in rest if one.value and one.text.isascii() and one.text.isalpha()
        )
        return min((_over(rest, stretch, words) for stretch in same), key=len)
    near = [stretch for stretch in ground.wide if _of(asked, stretch) >= NEAR]
    by = [value for stretch in near for value in (*stretch.values, *stretch.spelled)]
    return [one for one in rest if not borne_out(one, by, ground.names)]


def _same(sentence: str, asked: Sequence[Unit], ground: _Ground) -> list[_Stretch]:
    """The sentences that this one is, but for its numbers; else those that share most of its words."""
    frame = _frame(sentence)
    if framed := [stretch for stretch in ground.single if stretch.frame == frame]:
        return framed
    shares = [_of(asked, stretch) for stretch in ground.single] if len(asked) >= FEW else []
    most = max(shares, default=0.0)
    return [stretch for stretch, share in zip(ground.single, shares, strict=False) if share == most >= SAME]


def _over(found: Sequence[Figure], stretch: _Stretch, words: Counter[Decimal]) -> list[Figure]:
    """The numbers that are not in `stretch`, and all of those that stand there less often.

    A number in words there may stand in digits here, unless it is in words here too (`words`).
    """
    here = [*stretch.values, *(Counter(stretch.spelled) - words).elements()]
    often = Counter(one.value for one in found)
    return [
        one
        for one in found
        if not borne_out(one, here, stretch.names) or (one.value in here and often[one.value] > here.count(one.value))
    ]
