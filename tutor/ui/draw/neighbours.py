"""The neighbours of a token or of a sum of tokens as lines, and what must be said beside them to be honest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text

from tutor.decoding.token_pictures import SPACE
from tutor.decoding.token_sum import terms, written
from tutor.domain.language import sentences, tr
from tutor.domain.model import Neighbour, Neighbours
from tutor.domain.plaintext import visible
from tutor.ui.draw.frames.bars import rightward
from tutor.ui.draw.palette import Palette
from tutor.ui.draw.wrap import wrap
from tutor.ui.widgets.fit import fit

LABEL = 20
BAR = 32
FIRST = 10  # of the list, for how many of them are other spellings


class Query(NamedTuple):
    """What is asked for: a sum of tokens, and what one expects of it, if anything."""

    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()
    expected: str = ""

    @classmethod
    def read(cls, typed: str) -> Query:
        """`king - man + woman`, or with ` = queen` behind it. Raises UsageError."""
        asked, _, expected = typed.partition(" = ")
        plus, minus = terms(asked)
        return cls(tuple(plus), tuple(minus), expected.strip(" ").replace(SPACE, " "))

    def spaced(self) -> Query:
        """The same with a space before each token, or without where all have one."""
        before = "" if all(token.startswith(" ") for token in (*self.plus, *self.minus)) else " "

        def turned(token: str) -> str:
            return before + (token.removeprefix(" ") or token)

        expected = turned(self.expected) if self.expected else ""
        return Query(tuple(map(turned, self.plus)), tuple(map(turned, self.minus)), expected)

    def __str__(self) -> str:
        text = written(self.plus, self.minus)
        return f"{text} = {_shown(self.expected)}" if self.expected else text


def alike(one: str, other: str) -> bool:
    """Whether two tokens are one word: written with another capital, a space before it, or a plural's s."""
    return _word(one) == _word(other) != ""


def head_lines(query: Query, found: Neighbours, width: int, palette: Palette) -> list[Text]:
    """What was asked for, and the sum's own tokens with their cosines."""
    vocabulary, numbers = found.shape
    of = tr("nearest of {count} tokens, {width} numbers each", count=f"{vocabulary:,}", width=numbers)
    lines = wrap(Text.assemble((str(query), palette.strong), "  ", (of, palette.muted)), width)
    if len(own := (*found.plus, *found.minus)) > 1:
        cosines = "  ".join(f"{_shown(each.text)} {each.cosine:.2f}" for each in own)
        lines += wrap(Text(tr("Its own tokens, left out below: {cosines}", cosines=cosines)), width)
    return lines


def verdict_lines(query: Query, found: Neighbours, width: int, palette: Palette) -> list[Text]:
    """What the list alone would hide."""
    said = [each for each in (_own_nearest(found), _as_expected(query, found), _spellings(found)) if each]
    return wrap(Text(sentences(said), palette.accent), width) if said else []


def row(number: int, neighbour: Neighbour, own: Sequence[Neighbour], width: int, palette: Palette) -> Text:
    """A neighbour: its number, what it is, its cosine as figure and bar; `~` before what is only another spelling."""
    same = any(alike(neighbour.text, each.text) for each in own)
    name = fit(Text(_shown(neighbour.text)), LABEL)
    line = Text.assemble((f"{number:>3} ", palette.muted), "~" if same else " ", name)
    line.append(" " * (LABEL - name.cell_len) + f"{neighbour.cosine:7.3f}  ")
    room = max(4, min(BAR, width - line.cell_len))
    bar = rightward(max(0.0, neighbour.cosine) * room, room, palette, neighbour.cosine > 0)
    return fit(line.append(bar, palette.muted if same else palette.accent), width)


def _own_nearest(found: Neighbours) -> str:
    own = (*found.plus, *found.minus)
    if len(own) < 2 or not found.nearest:
        return ""
    nearest, best = max(own, key=lambda each: each.cosine), found.nearest[0]
    if nearest.cosine < best.cosine:
        return tr("{token} is nearer than any token of the sum itself.", token=_shown(best.text))
    return tr(
        "Nearest of all is {token}, out of the sum itself: left in, it would be the answer.", token=_shown(nearest.text)
    )


def _as_expected(query: Query, found: Neighbours) -> str:
    if not query.expected:
        return ""
    rank = next((i for i, each in enumerate(found.nearest, 1) if each.text == query.expected), None)
    near = next((i for i, each in enumerate(found.nearest, 1) if alike(each.text, query.expected)), None)
    expected = _shown(query.expected)
    if rank == 1:
        return tr("{token} comes first, as expected.", token=expected)
    if rank is not None:
        return tr("{token} is number {rank}: the pattern does not quite hold here.", token=expected, rank=rank)
    if near is not None:
        other = _shown(found.nearest[near - 1].text)
        return tr(
            "{token} is not among the nearest {count}; {other} is number {rank}.",
            token=expected,
            count=len(found.nearest),
            other=other,
            rank=near,
        )
    return tr(
        "{token} is not among the nearest {count}: the pattern fails here.", token=expected, count=len(found.nearest)
    )


def _spellings(found: Neighbours) -> str:
    own = (*found.plus, *found.minus)
    first = found.nearest[:FIRST]
    count = sum(any(alike(each.text, other.text) for other in own) for each in first)
    if not count:
        return ""
    return tr("~ {count} of the first {all} are the same word, written otherwise.", count=count, all=len(first))


def _word(text: str) -> str:
    word = re.sub(r"[\W_]", "", text).casefold()
    return word.removesuffix("s") if len(word) > 3 else word


def _shown(text: str) -> str:
    return visible(text).replace(" ", SPACE)
