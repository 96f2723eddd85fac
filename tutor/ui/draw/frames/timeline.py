"""Lanes of spans on one axis of time."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tutor.domain.frames import Lane, Span, Timeline
from tutor.domain.plaintext import visible
from tutor.ui.draw.frames.common import name_lines
from tutor.ui.draw.grid import GAP, prefixed
from tutor.ui.draw.numbers import column, ticks, usable
from tutor.ui.draw.palette import Palette, mark_sign, mark_style
from tutor.ui.draw.wrap import wrap


def draw_timeline(frame: Timeline, width: int, palette: Palette, language: str) -> list[Text]:
    """One row a lane; a span begins with an edge (or its mark's sign). Labels that find no room stand below the row."""
    lines = name_lines(frame.label, width, palette, language, frame.unit)
    if not frame.lanes:
        return lines
    names = [Text(visible(lane.name)) for lane in frame.lanes]
    name_width = min(max(name.cell_len for name in names), max(6, width // 4))
    room = width - name_width - GAP
    scale = Scale.of(frame, room)
    blank = Text(" " * (name_width + GAP))
    for name, lane in zip(names, frame.lanes, strict=True):
        first, *others = wrap(name, name_width)
        row, left_out = _row(lane, scale, palette)
        lines.append(Text.assemble(first, " " * (name_width - first.cell_len + GAP), row))
        lines += others
        if left_out:
            listed = Text(", ".join(left_out), palette.muted)
            lines += prefixed(wrap(listed, room), blank, blank)
    if scale.some:
        lines += prefixed(scale.axis(palette), blank, blank)
    return lines


class Scale:
    """From times to cells: `start` at cell 0, `end` at cell `room`."""

    def __init__(self, start: float, end: float, room: int, some: bool) -> None:
        self.start, self.end, self.room, self.some = start, end, room, some

    @classmethod
    def of(cls, frame: Timeline, room: int) -> Scale:
        times = [t for lane in frame.lanes for s in lane.spans for t in (s.start, s.end) if usable(t)]
        start, end = min(times, default=0.0), max(times, default=1.0)
        return cls(start, end if end > start else start + max(1.0, abs(start) / 10), room, bool(times))

    def cell(self, time: float) -> int:
        if not usable(time):
            return 0 if time < 0 else self.room
        return round((time - self.start) / (self.end - self.start) * self.room)

    def cells(self, span: Span) -> tuple[int, int]:
        """The half-open range of cells of a span, at least one."""
        begin = min(self.cell(span.start), self.room - 1)
        return begin, max(begin + 1, self.cell(span.end))

    def axis(self, palette: Palette) -> list[Text]:
        """The stroke with its ticks, and the times below it."""
        times = ticks(self.start, self.end, max(2, self.room // 10))
        stroke, tick = ("-", "+") if palette.plain else ("─", "┬")
        line, labels = [stroke] * self.room, ""
        for time, text in zip(times, column(times), strict=True):
            cell = min(self.cell(time), self.room - 1)
            line[cell] = tick
            at = min(cell, self.room - len(text))
            if not labels or at > len(labels):
                labels = labels.ljust(at) + text
        return [Text("".join(line), palette.rule), Text(labels, palette.muted)]


def _row(lane: Lane, scale: Scale, palette: Palette) -> tuple[Text, list[str]]:
    row, used = Text(), 0
    left_out: list[str] = []
    for i, span in enumerate(sorted(lane.spans, key=scale.cells)):
        begin, end = scale.cells(span)
        begin = max(begin, used)
        label = visible(span.label)
        room = end - begin
        if room > 0:
            style = palette.token_colours[i % len(palette.token_colours)] + mark_style(palette, span.mark)
            block, shown = _block(span, label, room, style, palette)
            row.append(" " * (begin - used)).append_text(block)
            used = end
        if (room <= 0 or not shown) and label:
            left_out.append(f"{label} {'-'.join(column([span.start, span.end]))}")
    return row, left_out


def _block(span: Span, label: str, room: int, style: Style, palette: Palette) -> tuple[Text, bool]:
    edge = mark_sign(span.mark) if span.mark else ("[" if palette.plain else "▏")
    fill = "=" if palette.plain else " "
    shown = cell_len(label) < room
    inside = label if shown else ""
    return Text(edge + inside + fill * (room - 1 - cell_len(inside)), style), shown
