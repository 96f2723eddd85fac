"""Attention as shades: a window of a head with its tokens, small pictures of many heads, a text under its weights.

Weights are shown in five levels with fixed bounds, so that heads, layers and texts can be compared by eye. What a
token cannot see is empty, which is not the same as a weight of nearly 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.style import Style
from rich.text import Text

from tutor.ui.draw.frames.common import joined
from tutor.ui.draw.frames.matrix import SHADES
from tutor.ui.draw.palette import SPACE_SIGN, Palette
from tutor.ui.draw.wrap import graphemes, wrap

# The least weight of each level above the lowest: even looks over 100 tokens are at the first, half of all at the last.
BOUNDS = (0.01, 0.04, 0.16, 0.5)
SIGNS = "." + SHADES[1:]

_NARROW, _BROAD, _BROADEST = 2, 4, 8  # cells a column takes: below `_BROAD` its label is written downward
_GAP = 2  # between two small pictures
_LEAST_ROWS, _LEAST_COLUMNS = 3, 6  # of a small picture

Values = Sequence[Sequence[float]]
Place = tuple[int, int]  # a query and a key


def level(weight: float) -> int:
    """Its place among `SIGNS`."""
    return sum(weight >= bound for bound in BOUNDS)


def _style(at: int, palette: Palette) -> Style:
    # Two styles for five shades: where neighbours look alike, their colour is sent once.
    return palette.accent if at >= 2 else palette.muted


def follow(first: int, cursor: int, room: int, count: int) -> int:
    """The first of `room` places so that the cursor is among them; moved only where it must be, and then by half."""
    if not first <= cursor < first + room:
        first = cursor - room // 2
    return max(0, min(first, count - room))


class Window(NamedTuple):
    """What is shown of a head: tokens `queries` down, `keys` across, each in `cell` cells."""

    queries: range
    keys: range
    cell: int
    header: int  # lines of the columns' labels
    margin: int  # cells of the rows' labels


def window(labels: Sequence[str], cursor: Place, corner: Place, size: tuple[int, int]) -> Window:
    """The window of `size` (width, height) cells that has the cursor in it, as near to the one at `corner` as can be."""
    width, height = size
    n = len(labels)
    names = max(Text(label).cell_len for label in labels)
    margin = 2 + len(str(n - 1)) + 1 + min(names, max(6, width // 6)) + 1
    room = max(_NARROW, width - margin)
    cell = min(_BROADEST, room // n)
    cell = cell if cell >= _BROAD else _NARROW
    tallest = 2 if cell >= _BROAD else min(5, max(2, height // 4))
    header = min(tallest, max(len(_stacked(label, cell)) for label in labels))
    rows, columns = min(n, max(1, height - header)), min(n, room // cell)
    top, left = follow(corner[0], cursor[0], rows, n), follow(corner[1], cursor[1], columns, n)
    return Window(range(top, top + rows), range(left, left + columns), cell, header, margin)


def heat_map(values: Values, shown: Window, labels: Sequence[str], cursor: Place, palette: Palette) -> list[Text]:
    """The part `shown` of a head, whose weights are `values`. The cursor's row and column are marked."""
    lines = _header(shown, labels, cursor[1], palette)
    room = shown.margin - 4 - len(str(len(labels) - 1))
    for i, weights in zip(shown.queries, values, strict=True):
        here = i == cursor[0]
        name = Text(labels[i])
        name.truncate(room, pad=True)
        head = f"{'>' if here else ' '} {i:>{len(str(len(labels) - 1))}} {name.plain} "
        cells = [
            _cell(weight if k <= i else None, shown.cell, palette, cursor=(i, k) == cursor)
            for k, weight in zip(shown.keys, weights, strict=True)
        ]
        lines.append(joined([(head, palette.accent if here else palette.muted), *cells]))
    return lines


def legend(width: int, palette: Palette, below: str, empty: str) -> list[Text]:
    """What the shades stand for; `below` names the lowest level, `empty` what is not drawn at all."""
    line = Text.assemble((f"{SIGNS[0]} ", palette.muted), (f"{below} {BOUNDS[0]:.0%}", palette.muted))
    for i, bound in enumerate(BOUNDS, 1):
        line.append("  ").append(SIGNS[i] * 2, _style(i, palette)).append(f" {bound:.0%}", palette.muted)
    return wrap(line.append(f"  {empty}", palette.muted), width)


def _cell(weight: float | None, cells: int, palette: Palette, *, cursor: bool) -> tuple[str, Style]:
    if weight is None:
        return " " * cells, palette.text
    at = level(weight)
    style = _style(at, palette) + Style(reverse=True) if cursor else _style(at, palette)
    return (SIGNS[at] * cells if at else SIGNS[at].ljust(cells)), style


def _header(shown: Window, labels: Sequence[str], key: int, palette: Palette) -> list[Text]:
    stacks = {k: _stacked(labels[k], shown.cell)[: shown.header] for k in shown.keys}
    lines = []
    for y in range(shown.header):
        line = Text(" " * shown.margin)
        for k, stack in stacks.items():
            at = y - (shown.header - len(stack))
            part = Text(stack[at] if at >= 0 else "", palette.heading if k == key else palette.muted)
            line.append_text(part).append(" " * (shown.cell - part.cell_len))
        line.rstrip()
        lines.append(line)
    return lines


def _stacked(label: str, cell: int) -> list[str]:
    """A column's label in lines that leave a gap beside them; a wide character may fill a narrow column."""
    plain = label.lstrip(SPACE_SIGN).strip("<>") or label  # bytes stand in angles
    lines, used = [""], 0
    for start, end, cells in graphemes(plain):
        if used and used + cells > cell - 1:
            lines.append("")
            used = 0
        lines[-1] += plain[start:end]
        used += cells
    return lines


class Sheet(NamedTuple):
    """How small pictures are laid out: so many beside each other, each of `rows` by `columns` cells."""

    across: int
    rows: int
    columns: int


def sheet(count: int, n: int, width: int, height: int) -> Sheet:
    """The layout of `count` pictures of `n` tokens that makes them largest within `width` by `height` cells; where
    that would be too small to see anything, it is higher."""
    best = Sheet(max(1, (width + _GAP) // (_LEAST_COLUMNS + _GAP)), _LEAST_ROWS, _LEAST_COLUMNS)
    for across in range(1, count + 1):
        down = -(-count // across)
        columns = min((width + _GAP) // across - _GAP, 2 * n)
        rows = min(height // down - 1, n, (columns + 1) // 2)
        if rows >= best.rows and columns >= _LEAST_COLUMNS and rows * columns > best.rows * best.columns:
            best = Sheet(across, rows, min(columns, 2 * rows))
    return best


def contact_sheet(
    pictures: Sequence[Values], names: Sequence[str], chosen: int, layout: Sheet, palette: Palette
) -> list[Text]:
    """The pictures with their names above them; a weight below 0 is drawn as nothing. `chosen` is marked."""
    lines: list[Text] = []
    for start in range(0, len(pictures), layout.across):
        group = range(start, min(start + layout.across, len(pictures)))
        head = Text()
        for i in group:
            name = Text(f"{'>' if i == chosen else ' '}{names[i]}", palette.heading if i == chosen else palette.muted)
            name.truncate(layout.columns)
            head.append_text(name).append(" " * (layout.columns + _GAP - name.cell_len))
        head.rstrip()
        lines.append(head)
        for y in range(layout.rows):
            cells = [
                (
                    "".join(_speck(w) for w in pictures[i][y]) + " " * _GAP,
                    palette.accent if i == chosen else palette.text,
                )
                for i in group
            ]
            lines.append(joined(cells))
    return lines


def _speck(weight: float) -> str:
    return " " if weight < 0 else SIGNS[level(weight)]


class TextRow(NamedTuple):
    """A line of tokens and the line of shades below it, from token `first` on."""

    first: int
    text: Text
    shades: Text


def weighted_text(
    labels: Sequence[str], weights: Sequence[float], query: int, width: int, palette: Palette
) -> list[TextRow]:
    """The tokens as running text, below each a shade for what `query` gives it; what comes after `query` is grey."""
    rows = [TextRow(0, Text(), Text())]
    for i, label in enumerate(labels):
        seen = i <= query
        style = _style(level(weights[i]), palette) if seen else palette.rule
        word = Text(f"[{label}]" if i == query else label, palette.heading if i == query else style)
        word.truncate(width)
        if rows[-1].text and rows[-1].text.cell_len + word.cell_len > width:
            rows.append(TextRow(i, Text(), Text()))
        row = rows[-1]
        row.text.append_text(word).append(" ")
        shade = SIGNS[level(weights[i])] if seen else " "
        row.shades.append(shade * word.cell_len, style).append(" ")
    for row in rows:
        row.text.rstrip()
        row.shades.rstrip()
    return rows
