"""What was said, line by line: the cursor goes to what can be pressed, and the rest scrolls under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from tutor.ui.draw.answer import Part
from tutor.ui.widgets.lines import Row, RowList, strip_of


class Transcript(RowList):
    """Follows an answer while it is said, by half a page at a time, until the reader scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "page(1)", "Page down", show=False, id="transcript.page_down"),
        Binding("backspace", "page(-1)", "Page up", show=False, id="transcript.page_up"),
    ]

    class Left(Message):
        """Down from the last line."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts: Sequence[Part] = ()
        self._top = 0  # the row that is to stand first
        self.following = True

    # -- what is shown -----------------------------------------------------------------------------------------------

    def show(self, parts: Sequence[Part], begins: int, *, growing: bool) -> None:
        """`parts`, of which the newest turn begins at row `begins` and may be `growing`.

        Rows that did not change are not painted again, and what stands on the screen stays where it is.
        """
        self._parts = parts
        height = max(1, self.size.height)
        top = self.scroll_offset.y
        if self.following:
            top = max(self._top, begins if len(parts) > height else 0)
            if growing and len(parts) > top + height:
                top = len(parts) - height // 2
            self._top = top
        rows = [Row(part.text, part.key, part.key is None) for part in parts]
        # Blank below the last line: the view can stand where the answer has room to grow.
        rows += [Row(Text(), heading=True)] * (top + height - len(rows))
        self._set(rows)
        if self.following and self.scroll_offset.y != top:
            # By force: the bar may not have its place yet, and without it nothing is scrolled.
            self.scroll_to(y=top, animate=False, force=True)
        self.following = self.following and growing

    @property
    def ends_in_sight(self) -> bool:
        return len(self._parts) <= self.scroll_offset.y + self.size.height

    def begin(self) -> None:
        """Another question was asked, or another conversation is shown: follow it."""
        self.following = True
        self._top = 0

    def _set(self, rows: list[Row]) -> None:
        before, self._rows = self._rows, rows
        old, self.cursor = self.cursor, self._selectable(self.cursor, 1)
        if len(before) != len(rows):
            self.virtual_size = Size(1, len(rows))
        for y in range(max(len(before), len(rows))):
            was, row = (each[y] if y < len(each) else None for each in (before, rows))
            if was is None or row is None or was.text != row.text or y in (old, self.cursor):
                self.refresh_line(y)

    def render_line(self, y: int) -> Strip:
        if self.has_focus:
            return super().render_line(y)
        line = self._rows[y + self.scroll_offset.y].text if y + self.scroll_offset.y < len(self._rows) else Text()
        return strip_of(self, Text("  ") + line, self.size.width, self.rich_style)

    def from_below(self) -> None:
        """Take the focus, the cursor on the last line in sight that can be pressed."""
        last = self._next(min(len(self._rows), self.scroll_offset.y + self.size.height), -1)
        self.cursor = self.cursor if last is None else last
        self.focus()

    def on_focus(self) -> None:
        if not self._seen(self.cursor):
            first = self._next(self.scroll_offset.y - 1, 1)
            self.cursor = self.cursor if first is None else first
        self.refresh()
        if (row := self.current) is not None:
            self.post_message(self.Moved(self, row))

    def on_blur(self) -> None:
        self.refresh()

    # -- keys --------------------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """To the next line that can be pressed, where it is in sight; else half a page on."""
        top, height = self.scroll_offset.y, max(1, self.size.height)
        start = self.cursor if self._seen(self.cursor) else (top - 1 if step > 0 else top + height)
        target = self._next(start, step)
        if target is not None and self._seen(target):
            self._go(target)
        elif (step < 0 and top > 0) or (step > 0 and top + height < len(self._parts)):
            self.action_page(step, half=True)
        elif step > 0:
            self.post_message(self.Left())

    def action_page(self, direction: int, half: bool = False) -> None:
        self.following = False
        height = max(1, self.size.height)
        self.scroll_relative(y=direction * (height // 2 if half else max(1, height - 2)), animate=False)

    def action_edge(self, direction: int) -> None:
        self.following = False
        self.scroll_to(y=0 if direction < 0 else max(0, len(self._parts) - self.size.height), animate=False)

    def _next(self, start: int, step: int) -> int | None:
        places = range(start + step, len(self._rows) if step > 0 else -1, step)
        return next((y for y in places if 0 <= y < len(self._rows) and not self._rows[y].heading), None)

    def _seen(self, y: int) -> bool:
        return 0 <= y - self.scroll_offset.y < self.size.height

    def _show_cursor(self) -> None:
        """The cursor only ever goes where it is in sight."""
