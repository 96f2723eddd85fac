"""Cells side by side: columns that shrink and wrap until they fit, and nothing is ever cut off."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from tutor.ui.draw.palette import Palette
from tutor.ui.draw.wrap import longest_box, wrap

GAP = 2
# Below this many cells a column is a pillar of letters: the rows are then written one field a line.
LEAST = 4
LEFT, RIGHT, CENTRE = "left", "right", "center"

Row = Sequence[Text]


def prefixed(lines: Sequence[Text], first: Text, rest: Text) -> list[Text]:
    """`lines` with `first` before the first and `rest` before every other."""
    return [Text.assemble(rest if i else first, line) for i, line in enumerate(lines)]


def column_widths(rows: Sequence[Row], room: int) -> list[int] | None:
    """A width for each column so that all fit into `room` cells (gaps not counted), or None where that cannot be.

    The widest columns give way first; words are broken only when there is no other way.
    """
    columns = list(zip(*rows, strict=True))
    natural = [max(1, *(cell.cell_len for cell in column)) for column in columns]
    if sum(natural) <= room:
        return natural
    words = [max(longest_box(cell.plain) for cell in column) for column in columns]
    for least in (words, [LEAST] * len(columns)):
        for cap in range(max(natural), 0, -1):
            widths = [min(n, max(low, cap)) for n, low in zip(natural, least, strict=True)]
            if sum(widths) <= room:
                return widths
    return None


def row_lines(cells: Row, widths: Sequence[int], aligns: Sequence[str]) -> list[Text]:
    """One row: as many lines as its tallest cell."""
    wrapped = [wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines = []
    for i in range(max(map(len, wrapped))):
        line = Text()
        for column, width, align in zip(wrapped, widths, aligns, strict=True):
            cell = column[i] if i < len(column) else Text()
            spare = max(0, width - cell.cell_len)
            before = {LEFT: 0, RIGHT: spare, CENTRE: spare // 2}[align]
            line.append(" " * before).append_text(cell).append(" " * (spare - before + GAP))
        line.rstrip()
        lines.append(line)
    return lines


def table(
    header: Row, rows: Sequence[Row], width: int, palette: Palette, *, aligns: Sequence[str], signs: Row | None = None
) -> list[Text]:
    """A table without boxes: header, a rule under each column, rows. `signs` stand in a column of their own.

    Every row is as long as the header. Too narrow for columns, or read aloud, each field becomes a line
    `header: value`.
    """
    margin = 2 if signs else 0
    everything = [header, *rows]
    widths = column_widths(everything, width - margin - GAP * (len(header) - 1))
    if widths is None or palette.spoken:
        return _records(header, rows, width, palette, signs)
    styled = [_styled(cell, palette.strong) for cell in header]
    stroke = "-" if palette.plain else "─"
    rule = Text.assemble(((" " * GAP).join(stroke * w for w in widths), palette.rule))
    lines = [*row_lines(styled, widths, aligns), rule]
    if margin:
        lines = prefixed(lines, Text(" " * margin), Text(" " * margin))
    for i, cells in enumerate(rows):
        body = row_lines(cells, widths, aligns)
        lines += prefixed(body, Text.assemble(signs[i], " "), Text(" " * margin)) if signs else body
    return lines


def _records(header: Row, rows: Sequence[Row], width: int, palette: Palette, signs: Row | None) -> list[Text]:
    lines: list[Text] = []
    for i, cells in enumerate(rows):
        if i:
            lines.append(Text())
        for j, (name, cell) in enumerate(zip(header, cells, strict=True)):
            sign = Text.assemble(signs[i], " ") if signs and not j else Text()
            label = _styled(name, palette.strong)
            lines += wrap(Text.assemble(sign, label, ": " if name.plain else "", cell), width, hang=2)
    return lines


def _styled(text: Text, style: Style) -> Text:
    copy = text.copy()
    copy.stylize_before(style)
    return copy
