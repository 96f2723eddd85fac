"""Bars: sign, label, value, bar, note, in columns; values below zero grow to the left of an axis."""

from __future__ import annotations

from math import isnan

from rich.style import Style
from rich.text import Text

from tutor.domain.frames import Bar, Bars
from tutor.domain.plaintext import visible
from tutor.ui.draw.frames.common import label_text, name_lines
from tutor.ui.draw.grid import LEFT, RIGHT, row_lines
from tutor.ui.draw.numbers import column, usable
from tutor.ui.draw.palette import Palette, mark_sign, mark_style
from tutor.ui.draw.wrap import wrap

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEAST_BAR, _MOST_BAR = 8, 48


def draw_bars(frame: Bars, width: int, palette: Palette, language: str) -> list[Text]:
    """One row a bar, lengths on one scale from zero (or the least value below it) to `high` or the greatest value."""
    lines = name_lines(frame.label, width, palette, language, frame.unit)
    if not frame.items:
        return lines
    margin = 2 if any(item.mark for item in frame.items) else 0
    labels = [Text(label_text(item.label), mark_style(palette, item.mark)) for item in frame.items]
    values = [
        Text(text, mark_style(palette, item.mark)) for text, item in zip(_values(frame), frame.items, strict=True)
    ]
    notes = [Text(visible(item.note), palette.muted) for item in frame.items]
    label_width = min(max(label.cell_len for label in labels), max(8, width * 2 // 5))
    value_width = max(value.cell_len for value in values)
    note_width = max(note.cell_len for note in notes)
    room = max(1, width - margin - label_width - value_width - 4)
    beside = note_width > 0 and room - note_width - 2 >= _LEAST_BAR
    bar_width = min(_MOST_BAR, room - note_width - 2 if beside else room)
    scale = _Scale(frame, bar_width)
    bars = [scale.bar(item, palette, bar_style(palette, item.mark, alone=not margin)) for item in frame.items]
    widths = [label_width, value_width, max(bar.cell_len for bar in bars), note_width if beside else 1]
    for item, label, value, bar, note in zip(frame.items, labels, values, bars, notes, strict=True):
        cells = [label, value, bar, note if beside else Text()]
        rows = row_lines(cells, widths, [LEFT, RIGHT, LEFT, LEFT])
        if note and not beside:
            rows += wrap(note, width - margin, indent=min(2, width - margin - 1))
        for i, row in enumerate(rows):
            sign = (
                Text(f"{mark_sign(item.mark)} " if not i else "  ", mark_style(palette, item.mark))
                if margin
                else Text()
            )
            lines.append(Text.assemble(sign, row))
    return lines


def _values(frame: Bars) -> list[str]:
    return column([item.value for item in frame.items])


class _Scale:
    """Where zero lies and how many cells a unit has."""

    def __init__(self, frame: Bars, width: int) -> None:
        values = [item.value for item in frame.items if usable(item.value)]
        given = frame.high is not None and usable(frame.high)
        high = max(0.0, frame.high or 0.0) if given else max([0.0, *values])
        low = min([0.0, *values])
        self.low, self.high = low, high if high > low else low + 1.0
        # With values on both sides of zero the axis takes a cell of its own.
        self.room = width - 1 if low else width
        self.zero = round(self.room * -low / (self.high - low))

    def bar(self, item: Bar, palette: Palette, style: Style) -> Text:
        if isnan(item.value):
            return Text()
        value = min(max(item.value, self.low), self.high)
        exact = abs(value) / (self.high - self.low) * self.room
        if not self.low:
            return Text(rightward(exact, self.room, palette, bool(value)), style)
        left, right = (exact, 0.0) if value < 0 else (0.0, exact)
        axis = "|" if palette.plain else "│"
        before = _leftward(left, self.zero, palette, value < 0)
        after = rightward(right, self.room - self.zero, palette, value > 0)
        return Text.assemble((before, style), (axis, palette.rule), (after, style))


def bar_style(palette: Palette, mark: str, *, alone: bool) -> Style:
    """Areas are quieter than text: beside marked bars (not `alone`), what bears no weight stays grey."""
    if mark in ("", "kept"):
        return palette.accent if alone else palette.heat[0]
    return palette.rule if mark in ("cut", "muted") else mark_style(palette, mark)


def rightward(exact: float, room: int, palette: Palette, some: bool) -> str:
    """`some` keeps a trace of what is too small to see."""
    room = max(room, 0)
    if palette.plain:
        return "#" * min(room, max(round(exact), int(some)))
    eighths = min(room * 8, max(round(exact * 8), int(some)))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _leftward(exact: float, room: int, palette: Palette, some: bool) -> str:
    # The block elements have a right half but no other right fractions.
    if palette.plain:
        return ("#" * min(room, max(round(exact), int(some)))).rjust(room)
    halves = min(room * 2, max(round(exact * 2), int(some)))
    return ("▐" * (halves % 2) + "█" * (halves // 2)).rjust(room)
