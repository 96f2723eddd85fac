"""A text being written: lines, a caret, and rows of so many cells. Nothing of it is changed by being shown.

Rows are worked out as far as they are asked for, and after a key only from where it changed something: a line of
100 kB costs no more than a short one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len

from tutor.ui.draw.glyphs import spelled

# How far back a row's end looks for a space, so as not to cut a word.
WORD = 24


class Place(NamedTuple):
    """Row `row` of line `line`, both from 0."""

    line: int
    row: int


@lru_cache(maxsize=8192)
def cells(character: str) -> int:
    """How wide a character is as `spelled` shows it."""
    return cell_len(spelled(character))


class _Line:
    """One line with the offsets at which its rows begin, as far as they are known."""

    __slots__ = ("done", "starts", "text", "width")

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0]
        self.done = False
        self.width = 0

    def change(self, text: str, column: int) -> None:
        """Another text, alike up to `column`. The row before it may take in more or less of a word now."""
        self.text, self.done = text, False
        while len(self.starts) > 1 and self.starts[-1] >= column:
            self.starts.pop()
        if len(self.starts) > 1:
            self.starts.pop()

    def fit(self, width: int) -> None:
        if width != self.width:
            self.width, self.starts, self.done = width, [0], False

    def row_of(self, column: int) -> int:
        while not self.done and self.starts[-1] <= column:
            self._next()
        row = len(self.starts) - 1
        while self.starts[row] > column:
            row -= 1
        return row

    def has_row(self, row: int) -> bool:
        while not self.done and len(self.starts) <= row:
            self._next()
        return row < len(self.starts)

    def last_row(self) -> int:
        while not self.done:
            self._next()
        return len(self.starts) - 1

    def span(self, row: int) -> tuple[int, int]:
        """The half-open range of characters of a row."""
        more = self.has_row(row + 1)
        return self.starts[row], self.starts[row + 1] if more else len(self.text)

    def _next(self) -> None:
        text, start = self.text, self.starts[-1]
        end, used = start, 0
        while end < len(text) and used + (wide := cells(text[end])) <= self.width:
            used += wide
            end += 1
        # A character wider than the row stands there all the same.
        end = max(end, start + 1)
        if end >= len(text):
            self.done = True
            return
        if cells(text[end]) == cells(text[end - 1]) == 1 and " " not in text[end - 1 : end + 1]:
            space = text.rfind(" ", max(start, end - WORD), end)
            end = space + 1 if space > start else end
        self.starts.append(end)


class Sheet:
    """`line` and `column` are the caret's, `top` the first row that is seen; `width` and `height` are in cells."""

    def __init__(self, text: str = "") -> None:
        self.width, self.height = 20, 1
        self.write(text)

    # -- the text ----------------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self._lines)

    def write(self, text: str) -> None:
        """Another text, the caret at its end."""
        self._lines = [_Line(line) for line in text.split("\n")]
        self.line = len(self._lines) - 1
        self.column = len(self._lines[-1].text)
        self.top = Place(0, 0)
        self._goal: int | None = None

    @property
    def empty(self) -> bool:
        return len(self._lines) == 1 and not self._lines[0].text

    @property
    def caret(self) -> int:
        """The caret as an offset into the text."""
        return sum(len(line.text) + 1 for line in self._lines[: self.line]) + self.column

    def insert(self, text: str) -> None:
        before, after = self._halves()
        first, *more = text.split("\n")
        self._goal = None
        if not more:
            self._lines[self.line].change(before + first + after, self.column)
            self.column += len(first)
            return
        self._lines[self.line].change(before + first, self.column)
        *middle, last = more
        self._lines[self.line + 1 : self.line + 1] = [*map(_Line, middle), _Line(last + after)]
        self.line += len(more)
        self.column = len(last)

    def delete(self, step: int) -> None:
        """The character before (-1) or after (1) the caret goes."""
        if step < 0 and not self._sideways(-1):
            return
        before, after = self._halves()
        self._goal = None
        if after:
            self._lines[self.line].change(before + after[1:], self.column)
        elif self.line + 1 < len(self._lines):
            self._lines[self.line].change(before + self._lines.pop(self.line + 1).text, self.column)

    def delete_word(self) -> None:
        before, after = self._halves()
        kept = before.rstrip()
        kept = kept[: kept.rfind(" ") + 1]
        self._lines[self.line].change(kept + after, len(kept))
        self.column, self._goal = len(kept), None

    def delete_to(self, step: int) -> None:
        """All of the line before (-1) or after (1) the caret goes."""
        before, after = self._halves()
        text = after if step < 0 else before
        self._lines[self.line].change(text, 0 if step < 0 else self.column)
        self.column, self._goal = (0 if step < 0 else self.column), None

    def _halves(self) -> tuple[str, str]:
        text = self._lines[self.line].text
        return text[: self.column], text[self.column :]

    # -- the caret ---------------------------------------------------------------------------------------------------

    def move(self, step: int) -> None:
        self._goal = None
        self._sideways(step)

    def _sideways(self, step: int) -> bool:
        column = self.column + step
        if 0 <= column <= len(self._lines[self.line].text):
            self.column = column
        elif step < 0 and self.line:
            self.line -= 1
            self.column = len(self._lines[self.line].text)
        elif step > 0 and self.line + 1 < len(self._lines):
            self.line, self.column = self.line + 1, 0
        else:
            return False
        return True

    def move_rows(self, step: int) -> None:
        """Up or down by so many rows, as far as there are."""
        if self._goal is None:
            self._goal = self.caret_cell
        here = self._place()
        line, row = place = self._from(here, step)
        if place == here:
            self.column = 0 if step < 0 else len(self._lines[self.line].text)
            return
        start, end = self._lines[line].span(row)
        self.line, self.column = line, start + self._column_at(line, start, end, self._goal)

    def move_to_edge(self, step: int, of_text: bool = False) -> None:
        """To the beginning (-1) or the end (1) of the line, or of the text."""
        self._goal = None
        if of_text:
            self.line = 0 if step < 0 else len(self._lines) - 1
        self.column = 0 if step < 0 else len(self._lines[self.line].text)

    def point(self, x: int, y: int) -> None:
        """The caret to cell `x` of the row `y` that is seen."""
        line, row = self._from(self.top, y)
        start, end = self._lines[line].span(row)
        self.line, self.column, self._goal = line, start + self._column_at(line, start, end, x), None

    def _column_at(self, line: int, start: int, end: int, cell: int) -> int:
        text, used = self._lines[line].text, 0
        last = end if end == len(text) else end - 1
        for offset in range(start, last):
            used += cells(text[offset])
            if used > cell:
                return offset - start
        return last - start

    # -- the rows ----------------------------------------------------------------------------------------------------

    def fit(self, width: int, height: int) -> None:
        self.width, self.height = max(2, width), max(1, height)

    @property
    def caret_cell(self) -> int:
        """How far right the caret stands in its row."""
        start, _ = self._line(self.line).span(self._place().row)
        return sum(cells(character) for character in self._lines[self.line].text[start : self.column])

    @property
    def caret_row(self) -> int:
        """How many rows below the first that is seen the caret stands, after `show_caret`."""
        place = self._place()
        return next((y for y in range(self.height) if self._from(self.top, y) == place), 0)

    def show_caret(self) -> None:
        """Move `top` so that the caret's row is seen."""
        place = self._place()
        if place <= self.top:
            self.top = place
            return
        self._mend_top()
        if self._from(self.top, self.height - 1) < place:
            self.top = self._from(place, 1 - self.height)

    def rows(self) -> list[str]:
        """The rows that are seen, as they are in the text."""
        self._mend_top()
        found: list[str] = []
        place = self.top
        while len(found) < self.height:
            line = self._line(place.line)
            start, end = line.span(place.row)
            found.append(line.text[start:end])
            following = self._from(place, 1)
            if following == place:
                break
            place = following
        return found

    def _mend_top(self) -> None:
        """The first row that is seen may be none any more: another width, or a shorter text."""
        line = self._line(min(self.top.line, len(self._lines) - 1))
        if self.top.line >= len(self._lines) or not line.has_row(self.top.row):
            self.top = Place(min(self.top.line, len(self._lines) - 1), line.last_row())

    def _line(self, index: int) -> _Line:
        line = self._lines[index]
        line.fit(self.width)
        return line

    def _place(self) -> Place:
        return Place(self.line, self._line(self.line).row_of(self.column))

    def _from(self, place: Place, step: int) -> Place:
        """So many rows on from `place`, as far as there are."""
        line, row = place
        while step > 0:
            if self._line(line).has_row(row + 1):
                row += 1
            elif line + 1 < len(self._lines):
                line, row = line + 1, 0
            else:
                break
            step -= 1
        while step < 0:
            if row:
                row -= 1
            elif line:
                line -= 1
                row = self._line(line).last_row()
            else:
                break
            step += 1
        return Place(line, row)
