"""The blocks of a section's Markdown, without its marks: what is found, quoted and given to a model."""

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


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph (a list item is one too), a table or a code fence, without Markdown's marks."""

    kind: str
    text: str


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
