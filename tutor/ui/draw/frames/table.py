"""A table without boxes; numbers stand to the right, marked rows carry their sign."""

from __future__ import annotations

import re

from rich.text import Text

from tutor.domain.frames import Table
from tutor.domain.plaintext import visible
from tutor.ui.draw.frames.common import label_text, name_lines
from tutor.ui.draw.grid import LEFT, RIGHT, table
from tutor.ui.draw.palette import Palette, mark_sign, mark_style

_NUMBER = re.compile(r"[-+]?[\d,.]+(e[-+]?\d+)?\s*\S{0,3}|[-+]?inf|nan|-|", re.IGNORECASE)


def draw_table(frame: Table, width: int, palette: Palette, language: str) -> list[Text]:
    """Rows shorter than the header are filled with empty cells; longer ones lengthen it."""
    lines = name_lines(frame.label, width, palette, language)
    size = max([len(frame.columns), *map(len, frame.rows)])
    if not size:
        return lines
    titles = [visible(column.get(language)) for column in frame.columns]
    header = [Text(title) for title in titles + [""] * (size - len(titles))]
    marks = [frame.marks[i] if i < len(frame.marks) else "" for i in range(len(frame.rows))]
    rows = [
        [Text(label_text(cell), mark_style(palette, mark)) for cell in (*row, *[""] * (size - len(row)))]
        for row, mark in zip(frame.rows, marks, strict=True)
    ]
    numeric = [all(_NUMBER.fullmatch(cell.plain) for cell in column) for column in zip(*rows, strict=True)]
    aligns = [RIGHT if right else LEFT for right in numeric] or [LEFT] * size
    signs = [Text(mark_sign(mark), mark_style(palette, mark)) for mark in marks] if any(marks) else None
    return lines + table(header, rows, width, palette, aligns=aligns, signs=signs)
