"""A matrix as a heat map: numbers where they fit, else shades; split into panels where even shades do not."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from rich.style import Style
from rich.text import Text

from tutor.domain.frames import Matrix
from tutor.ui.draw.frames.common import joined, label_text, name_lines
from tutor.ui.draw.numbers import number, usable
from tutor.ui.draw.palette import Palette, mark_sign, mark_style
from tutor.ui.draw.wrap import longest_box, wrap

SHADES = " ░▒▓█"
_PLAIN_SHADES = " .:+#"
_MOST_HEADER_LINES = 2
# So few columns are shown as numbers even when that takes several panels.
_FEW_COLUMNS = 8
# The part of the range that is drawn as nothing: a weight of 0.05 must still be seen.
_BLANK_BELOW = 0.02


def draw_matrix(frame: Matrix, width: int, palette: Palette, language: str) -> list[Text]:
    """Rows by columns. A cell's level is its place between `low` and `high` (default: the least and greatest value)."""
    lines = name_lines(frame.label, width, palette, language)
    columns = max(map(len, frame.values), default=0)
    if not columns:
        return lines
    return lines + _Heat(frame, columns, width, palette).lines()


class _Heat:
    """The measures of one drawing. `names` are the columns' own labels, or their numbers where those are too wide."""

    def __init__(self, frame: Matrix, columns: int, width: int, palette: Palette) -> None:
        self.frame, self.columns, self.width, self.palette = frame, columns, width, palette
        finite = [v for row in frame.values for v in row if usable(v)]
        self.low = min(finite, default=0.0) if frame.low is None or not usable(frame.low) else frame.low
        self.high = max(finite, default=1.0) if frame.high is None or not usable(frame.high) else frame.high
        self.shades = _PLAIN_SHADES if palette.plain else SHADES
        self.marked = any(mark for row in frame.marks for mark in row)
        self.column_names = _labels(frame.columns, columns)
        self.row_names = _labels(frame.rows, len(frame.values))
        self.row_width = min(max(n.cell_len for n in self.row_names), max(6, width // 4))
        self.room = max(1, width - self.row_width - 1)

    def lines(self) -> list[Text]:
        cell = 1 + max(len(self._number(v)) for row in self.frame.values for v in row) + int(self.marked)
        widest = self.room // self.columns
        if widest >= cell:
            whole_words = 1 + max(longest_box(name.plain) for name in self.column_names)
            for fitting in range(min(max(cell, whole_words), widest), widest + 1):
                if self._header_height(fitting) <= _MOST_HEADER_LINES:
                    return self._panel(range(self.columns), fitting, self.column_names, numbers=True)
            return self._indexed(cell, numbers=True)
        if cell <= self.room and self.columns <= _FEW_COLUMNS:
            return self._indexed(cell, numbers=True)
        return self._indexed(2 if widest >= 2 else 1, numbers=False)

    def _number(self, value: float) -> str:
        # A true zero (a masked cell) is shorter than a rounded one, and quieter.
        return number(value, self.frame.digits) if value else "0"

    def _header_height(self, cell: int) -> int:
        return max(len(wrap(name, max(1, cell - 1))) for name in self.column_names)

    def _indexed(self, cell: int, *, numbers: bool) -> list[Text]:
        """Columns named by their numbers, in as many panels as it takes, and what the numbers mean below."""
        own = any(name.plain for name in self.column_names)
        shared = own and self.frame.columns == self.frame.rows
        if shared:
            self._number_rows()
        if cell > self.room:
            cell, numbers = 1, False
        per_panel = max(1, self.room // cell)
        lines: list[Text] = []
        for start in range(0, self.columns, per_panel):
            if lines:
                lines.append(Text())
            panel = range(start, min(start + per_panel, self.columns))
            # Columns without names need numbers only to be found in another panel.
            named = own or per_panel < self.columns
            names = [Text(str(i + 1) if named else "") for i in range(self.columns)]
            lines += self._panel(panel, cell, names, numbers=numbers)
        if own and not shared:
            key = "  ".join(f"{i + 1} {name.plain}" for i, name in enumerate(self.column_names))
            lines += wrap(Text(key, self.palette.muted), self.width)
        return lines if numbers else [*lines, *self._legend()]

    def _number_rows(self) -> None:
        size = len(str(len(self.row_names)))
        self.row_names = [Text(f"{i + 1:>{size}} {name.plain}") for i, name in enumerate(self.row_names)]
        self.row_width = min(max(n.cell_len for n in self.row_names), max(8, self.width // 4))
        self.room = max(1, self.width - self.row_width - 1)

    def _panel(self, columns: range, cell: int, names: Sequence[Text], *, numbers: bool) -> list[Text]:
        lines = self._header(columns, cell, names)
        for i, (name, values) in enumerate(zip(self.row_names, self.frame.values, strict=True)):
            first, *others = wrap(name, self.row_width)
            head = (" " * (self.row_width - first.cell_len) + first.plain + " ", self.palette.muted)
            row = [*values, *[None] * (columns.stop - len(values))]
            cells = [self._cell(row[j], self._mark(i, j), cell, numbers=numbers) for j in columns]
            lines.append(joined([head, *cells]))
            lines += [Text.assemble((other.plain.rjust(self.row_width), self.palette.muted)) for other in others]
        return lines

    def _header(self, columns: range, cell: int, names: Sequence[Text]) -> list[Text]:
        if not any(name.plain for name in names):
            return []
        margin = " " * (self.row_width + 1)
        if cell <= 2:
            return [self._sparse_header(columns, cell, names, margin)]
        wrapped = {j: wrap(names[j], cell - 1) for j in columns}
        height = max(map(len, wrapped.values()))
        lines = []
        for k in range(height):
            line = Text(margin)
            for j in columns:
                part = wrapped[j][k - height] if k >= height - len(wrapped[j]) else Text()
                line.append(" " * max(0, cell - part.cell_len)).append(part.plain, self.palette.muted)
            line.rstrip()
            lines.append(line)
        return lines

    def _sparse_header(self, columns: range, cell: int, names: Sequence[Text], margin: str) -> Text:
        """Over narrow cells only some numbers find room: the first, and each fifth or tenth, above their cell's end."""
        every = 10 // cell
        header = margin
        for j in columns:
            end = len(margin) + cell * (j - columns.start + 1)
            name = names[j].plain
            if (j == columns.start or (j + 1) % every == 0) and end - len(name) >= len(header):
                header = header.ljust(end - len(name)) + name
        return Text.assemble((header, self.palette.muted))

    def _mark(self, row: int, column: int) -> str:
        marks = self.frame.marks[row] if row < len(self.frame.marks) else ()
        return marks[column] if column < len(marks) else ""

    def _cell(self, value: float | None, mark: str, cell: int, *, numbers: bool) -> tuple[str, Style]:
        if value is None:
            return " " * cell, self.palette.text
        level = self._level(value)
        style = self.palette.heat[level] + mark_style(self.palette, mark)
        if numbers:
            sign = mark_sign(mark) if self.marked else ""
            return (sign + self._number(value)).rjust(cell), style
        shade = mark_sign(mark) if mark else self.shades[level]
        return shade + self.shades[level] * (cell - 1), style

    def _level(self, value: float) -> int:
        steps = len(self.shades) - 1
        if isnan(value) or value == float("-inf"):
            return 0
        if not self.high > self.low:
            return steps if value > 0 else 0
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return 0 if part < _BLANK_BELOW else 1 + min(steps - 1, int(part * steps))

    def _legend(self) -> list[Text]:
        legend = Text.assemble((f"{number(self.low, self.frame.digits)} ", self.palette.muted))
        for level, shade in enumerate(self.shades):
            legend.append(shade * 2, self.palette.heat[level])
        legend.append(f" {number(self.high, self.frame.digits)}", self.palette.muted)
        fits = self.row_width + 1 + legend.cell_len <= self.width
        return wrap(legend, self.width, indent=self.row_width + 1 if fits else 0)


def _labels(names: Sequence[str], count: int) -> list[Text]:
    return [Text(label_text(names[i]) if i < len(names) else "") for i in range(count)]
