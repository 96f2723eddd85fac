"""Sections as passages: their blocks without Markdown's marks, and texts cut into sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tutor.content.walk import HAN, lines

PROSE, TABLE, CODE = "prose", "table", "code"

_HAN = re.compile(f"[{HAN}]")
_RULE = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*")
_MARKS = re.compile(r"\*\*|`")
_LEADING = re.compile(r"^\s*(?:>\s?|#{1,6}\s+)+")
_BULLET = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")

_CLOSING = "”’\"')）】」』*`"
_END = re.compile(
    rf"[。！？!?][{_CLOSING}]*|(?<![A-Z])\.[{_CLOSING}]*(?=\s|$|\[)|(?<=[A-Z]{{2}})\.(?=\s|$|\[)|…{{1,2}}(?=\s|$)|\n"
)
_CITED = re.compile(r"\s*(?:\[[a-z0-9-]+#[a-z0-9-]+\][,，、;；]?\s*)+[.。]?")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(（])(?:e\.g|i\.e|etc|et al|vs|cf|fig|eq|sec|no|approx|mr|ms|dr|prof|inc)\.$", re.I
)


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph (a list item is one too), a table or a code fence, without Markdown's marks."""

    kind: str
    text: str


def asked_in(question: str) -> str:
    """The language of `question`: Chinese where it has a Han character."""
    return "zh" if _HAN.search(question) else "en"


@lru_cache(maxsize=512)
def blocks(markdown: str) -> tuple[Block, ...]:
    """The blocks of `markdown` in their order."""
    return tuple(_blocks(markdown))


def _blocks(markdown: str) -> Iterator[Block]:
    held: list[str] = []
    kind = PROSE
    row = -1
    for line in lines(markdown):
        # `lines` leaves out the rows that open and close a fence: a gap in the numbers is an edge of one.
        now = CODE if line.fence is not None else TABLE if line.text.lstrip().startswith("|") else PROSE
        ends = now != kind or line.row != row + 1 or (now != CODE and not line.text.strip())
        if ends or (now == PROSE and _BULLET.match(line.text)):
            yield from _block(kind, held)
            held = []
        kind, row = now, line.row
        held.append(line.text)
    yield from _block(kind, held)


def _block(kind: str, rows: list[str]) -> Iterator[Block]:
    if not any(row.strip() for row in rows):
        return
    if kind == CODE:
        yield Block(CODE, "\n".join(rows).rstrip())
    elif kind == TABLE:
        cells = [
            [plain(cell).strip() for cell in row.strip().strip("|").split("|")]
            for row in rows
            if not _RULE.fullmatch(row)
        ]
        yield Block(TABLE, "\n".join(" | ".join(row) for row in cells))
    else:
        yield Block(PROSE, _joined([plain(_LEADING.sub("", row)).strip() for row in rows if row.strip()]))


def _joined(rows: list[str]) -> str:
    """Rows of one paragraph on one line; between Han characters there is no space."""
    text = rows[0]
    for row in rows[1:]:
        text += row if _HAN.match(text[-1:]) and _HAN.match(row[:1]) else f" {row}"
    return _BULLET.sub("", text)


def plain(markdown: str) -> str:
    """`markdown` of one line without the marks of emphasis and code."""
    return _MARKS.sub("", markdown)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of `text` start and end, blanks around them and citations behind them left to them.

    A line ends a sentence too. Decimals and usual abbreviations do not.
    """
    start = 0
    for end in _END.finditer(text):
        if end.start() < start or _ABBREVIATION.search(text[start : end.end()]):
            continue
        stop = end.end()
        if end[0] != "\n" and (cited := _CITED.match(text, stop)):
            stop = cited.end()
        yield from _trimmed(text, start, stop)
        start = stop
    yield from _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    piece = text[start:stop]
    if piece.strip():
        yield start + len(piece) - len(piece.lstrip()), stop - len(piece) + len(piece.rstrip())


def sentences(text: str) -> list[str]:
    """The sentences of `text`."""
    return [text[start:stop] for start, stop in spans(text)]
