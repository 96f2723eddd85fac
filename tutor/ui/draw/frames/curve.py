"""Curves in braille, each series with a glyph of its own on the line."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor, log10

from rich.style import Style
from rich.text import Text

from tutor.domain.frames import Curve, Series
from tutor.domain.plaintext import visible
from tutor.ui.draw.frames.common import joined, name_lines
from tutor.ui.draw.numbers import column, number, ticks, usable
from tutor.ui.draw.palette import Palette
from tutor.ui.draw.wrap import wrap

GLYPHS = "ox+*#@"
# Bits of a braille cell by (column, row): Unicode 16, section 21.1.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BRAILLE = 0x2800
_FEW_POINTS = 12
_MARK_EVERY = 8

Point = tuple[float, float]


def draw_curve(frame: Curve, width: int, palette: Palette, language: str) -> list[Text]:
    """Plot with axes, their round numbers, and a legend. Points that are not finite (or not positive, on a
    logarithmic axis) are left out."""
    lines = name_lines(frame.label, width, palette, language)
    plotted = [_points(series, log=frame.log_y) for series in frame.series]
    points = [point for series in plotted for point in series]
    if not points:
        return lines
    plot = _Plot(points, width, log=frame.log_y)
    styles = [_style(palette, i) for i in range(len(plotted))]
    for i, series in enumerate(plotted):
        plot.line(series, i)
    marked = len(plotted) > 1
    for i, series in enumerate(plotted):
        if marked or len(series) <= _FEW_POINTS:
            plot.markers(series, i)
    if marked or frame.series[0].name:
        lines += _legend(frame, styles, width, language, glyphs=marked)
    if frame.y_label:
        lines += wrap(Text(visible(frame.y_label.get(language)), palette.muted), width)
    lines += plot.rows(styles, palette)
    if frame.x_label:
        label = Text(visible(frame.x_label.get(language)), palette.muted)
        for row in wrap(label, width):
            row.pad_left(max(0, plot.margin + 1 + plot.width - row.cell_len))
            lines.append(row)
    return lines


def _points(series: Series, *, log: bool) -> list[Point]:
    pairs = zip(series.xs, series.ys, strict=False)
    finite = [(float(x), float(y)) for x, y in pairs if usable(x) and usable(y)]
    return [(x, log10(y)) for x, y in finite if y > 0] if log else finite


def _style(palette: Palette, i: int) -> Style:
    styles = (palette.accent, palette.code, palette.good, palette.bad, palette.muted, palette.text)
    return styles[i % len(styles)]


def _legend(frame: Curve, styles: list[Style], width: int, language: str, *, glyphs: bool) -> list[Text]:
    legend = Text()
    for i, (series, style) in enumerate(zip(frame.series, styles, strict=True)):
        glyph = f"{GLYPHS[i % len(GLYPHS)]} " if glyphs else ""
        # No-break spaces keep a name beside its glyph.
        name = visible(series.name.get(language)).replace(" ", "\u00a0")
        legend.append("   " if i else "").append((glyph + name).replace(" ", "\u00a0"), style)
    return wrap(legend, width)


def _spread(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if high > low:
        return low, high
    pad = abs(low) * 0.1 or 0.5
    return low - pad, high + pad


class _Plot:
    """A field of braille dots, two a cell across and four down, with the scales of both axes."""

    def __init__(self, points: list[Point], width: int, *, log: bool) -> None:
        self.x_low, self.x_high = _spread([x for x, _ in points])
        self.y_low, self.y_high = _spread([y for _, y in points])
        self.height = min(12, max(6, width // 7))
        self.y_ticks = _y_ticks(self.y_low, self.y_high, self.height // 3 + 1, log=log)
        self.margin = max((len(text) for _, text in self.y_ticks), default=0)
        self.width = max(4, min(width, 100) - self.margin - 1)
        self.bits = [[0] * self.width for _ in range(self.height)]
        self.owner = [[-1] * self.width for _ in range(self.height)]
        self.glyphs: dict[tuple[int, int], int] = {}

    def dot(self, point: Point) -> tuple[int, int]:
        """The dot of a point: columns from the left, rows from the top."""
        x = (point[0] - self.x_low) / (self.x_high - self.x_low)
        y = (point[1] - self.y_low) / (self.y_high - self.y_low)
        return round(x * (self.width * 2 - 1)), round((1 - y) * (self.height * 4 - 1))

    def line(self, points: list[Point], series: int) -> None:
        dots = [self.dot(point) for point in points]
        for start, end in zip(dots, dots[1:] or dots, strict=False):
            for x, y in _between(start, end):
                self.bits[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
                self.owner[y // 4][x // 2] = series

    def markers(self, points: list[Point], series: int) -> None:
        """A glyph on every point, or where they are many, on one every few columns, each series at its own."""
        few = len(points) <= _FEW_POINTS
        last = -_MARK_EVERY + 2 * series
        for point in points:
            x, y = self.dot(point)
            if few or x // 2 - last >= _MARK_EVERY:
                self.glyphs[y // 4, x // 2] = series
                last = x // 2

    def rows(self, styles: list[Style], palette: Palette) -> list[Text]:
        labels = {self.dot((self.x_low, y))[1] // 4: text for y, text in self.y_ticks}
        bar, tick, corner, stroke, notch = "|++-+" if palette.plain else "│┤└─┬"
        lines = []
        for i in range(self.height):
            label = labels.get(i, "")
            axis = [(label.rjust(self.margin), palette.muted), (tick if label else bar, palette.rule)]
            lines.append(joined([*axis, *(self._cell(i, j, styles, palette) for j in range(self.width))]))
        return lines + self._x_axis(corner, stroke, notch, palette)

    def _cell(self, i: int, j: int, styles: list[Style], palette: Palette) -> tuple[str, Style]:
        if (i, j) in self.glyphs:
            series = self.glyphs[i, j]
            return GLYPHS[series % len(GLYPHS)], styles[series]
        if not self.bits[i][j]:
            return " ", palette.text
        series = self.owner[i][j]
        character = GLYPHS[series % len(GLYPHS)] if palette.plain else chr(_BRAILLE + self.bits[i][j])
        return character, styles[series]

    def _x_axis(self, corner: str, stroke: str, notch: str, palette: Palette) -> list[Text]:
        xs = ticks(self.x_low, self.x_high, max(2, self.width // 12))
        line, labels = [stroke] * self.width, ""
        for x, text in zip(xs, column(xs), strict=True):
            cell = self.dot((x, self.y_low))[0] // 2
            line[cell] = notch
            at = max(0, min(cell - len(text) // 2, self.width - len(text)))
            if not labels or at > len(labels):
                labels = labels.ljust(at) + text
        margin = " " * self.margin
        axis = Text.assemble((margin + corner + "".join(line), palette.rule))
        return [axis, Text.assemble((f"{margin} {labels}", palette.muted))]


def _between(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The dots of a straight line, both ends included."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for i in range(steps + 1):
        yield (
            start[0] + round((end[0] - start[0]) * i / steps),
            start[1] + round((end[1] - start[1]) * i / steps),
        )


def _y_ticks(low: float, high: float, most: int, *, log: bool) -> list[tuple[float, str]]:
    """(place, label); on a logarithmic axis `low` and `high` are powers of ten."""
    if not log:
        values = ticks(low, high, most)
        return list(zip(values, column(values), strict=True))
    decades = range(ceil(low - 1e-9), floor(high + 1e-9) + 1)
    if len(decades) >= 2:
        step = ceil(len(decades) / most)
        return [(float(d), _power(d)) for d in decades[::step]]
    values = [v for v in ticks(10**low, 10**high, most) if v > 0]
    return [(log10(v), text) for v, text in zip(values, column(values), strict=True)]


def _power(exponent: int) -> str:
    return number(10.0**exponent, max(0, -exponent)) if -4 <= exponent <= 5 else f"1e{exponent}"
