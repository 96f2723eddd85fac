"""Tokens: a row of pieces, each set apart by a gap and by its ground, with their ids and notes aligned below.

An item marked `muted` is a remark between tokens rather than a token: no ground, no brackets, room after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from tutor.domain.frames import TokenItem, Tokens
from tutor.domain.plaintext import visible
from tutor.ui.draw.frames.common import name_lines
from tutor.ui.draw.palette import CONTINUED, SPACE_SIGN, Palette, mark_sign, mark_style
from tutor.ui.draw.wrap import graphemes, wrap

_LONGEST_NOTE = 12
# A remark ends a group: a word's count after the word's tokens.
_REMARK_GAP = 3


def token_text(item: TokenItem) -> str:
    """What a token looks like: spaces and control characters made visible, bytes in hex where there is no text."""
    if item.bytes and (not item.text or "\ufffd" in item.text):
        return f"<{item.bytes}>"
    if item.mark == "muted":
        return visible(item.text)
    return visible(item.text).replace(" ", SPACE_SIGN) or "<>"


@dataclass
class _Column:
    """One token: what stands in each of the rows. `sign` hangs before the token, `gap` cells follow."""

    token: Text
    below: list[Text]
    sign: Text
    gap: int

    @property
    def width(self) -> int:
        return self.sign.cell_len + max(self.token.cell_len, *(cell.cell_len for cell in self.below), 0)


def draw_tokens(frame: Tokens, width: int, palette: Palette, language: str) -> list[Text]:
    """Lines of tokens, broken between tokens; a token wider than a line goes on behind a sign."""
    lines = name_lines(frame.label, width, palette, language)
    notes_below = any(item.note for item in frame.items) and all(
        Text(visible(item.note)).cell_len <= _LONGEST_NOTE for item in frame.items
    )
    ids_below = any(item.id is not None for item in frame.items)
    columns: list[_Column] = []
    for i, item in enumerate(frame.items):
        style = _ground(item, i, palette)
        below = [Text("" if item.id is None else str(item.id), palette.muted)] if ids_below else []
        below += [Text(visible(item.note), palette.muted)] if notes_below else []
        columns += _columns(item, style, below, width, palette)
    line: list[_Column] = []
    used = 0
    for column in columns:
        if line and used + column.width > width:
            lines += _rows(line)
            line, used = [], 0
        used += column.width + column.gap
        line.append(column)
    lines += _rows(line)
    if not notes_below:
        lines += _notes(frame, width, palette)
    return lines


def _ground(item: TokenItem, i: int, palette: Palette) -> Style:
    """Neighbours differ; what a step is about stands out in reverse; a remark has no ground."""
    if item.mark == "muted":
        return palette.muted
    if item.mark in ("new", "chosen", "good", "bad") and not palette.plain:
        return mark_style(palette, item.mark) + Style(reverse=True)
    return palette.token_colours[i % len(palette.token_colours)] + mark_style(palette, item.mark)


def _columns(item: TokenItem, style: Style, below: list[Text], width: int, palette: Palette) -> list[_Column]:
    remark = item.mark == "muted"
    left, right = ("[", "]") if palette.plain and not remark else ("", "")
    mark = "" if remark else mark_sign(item.mark).strip()
    found: list[_Column] = []
    for piece in _cut(token_text(item), max(1, width - 3)):
        sign = Text(CONTINUED if found else mark, mark_style(palette, item.mark))
        token = Text(left + piece + right, style)
        found.append(_Column(token, [Text() for _ in below] if found else below, sign, _REMARK_GAP if remark else 1))
    return found


def _cut(text: str, room: int) -> list[str]:
    pieces, used = [""], 0
    for start, end, cells in graphemes(text):
        if pieces[-1] and used + cells > room:
            pieces.append("")
            used = 0
        pieces[-1] += text[start:end]
        used += cells
    return pieces


def _rows(columns: list[_Column]) -> list[Text]:
    if not columns:
        return []
    rows = [Text() for _ in range(1 + len(columns[0].below))]
    for column in columns:
        for row, cell in zip(rows, (column.token, *column.below), strict=True):
            before = column.sign if cell is column.token else Text(" " * column.sign.cell_len)
            row.append_text(
                Text.assemble(before, cell, " " * (column.width - before.cell_len - cell.cell_len + column.gap))
            )
    for row in rows:
        row.rstrip()
    return [row for i, row in enumerate(rows) if not i or row.plain]


def _notes(frame: Tokens, width: int, palette: Palette) -> list[Text]:
    return [
        line
        for item in frame.items
        if item.note
        for line in wrap(
            Text.assemble(token_text(item), "  ", (visible(item.note), palette.muted)), width, indent=2, hang=2
        )
    ]
