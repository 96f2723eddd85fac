"""The tokens of a text, moved through with the arrows. Only the lines that are seen are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tutor.ui.draw.cuts import Rows, margin_of
from tutor.ui.widgets.lines import strip_of

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp


class CutView(ScrollView, can_focus=True):
    """Shows `Rows`, with a cursor on one token; posts `Moved` when it goes to another."""

    DEFAULT_CSS = "CutView { height: 1fr; width: 100%; overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "token(1)", "Next token", show=False, id="tokens.next"),
        Binding("left,h", "token(-1)", "Token before", show=False, id="tokens.previous"),
        Binding("down,j", "row(1)", "Down", show=False, id="list.down"),
        Binding("up,k", "row(-1)", "Up", show=False, id="list.up"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="list.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="list.page_up"),
        Binding("home,g", "edge(-1)", "First", show=False, id="list.first"),
        Binding("end,G", "edge(1)", "Last", show=False, id="list.last"),
    ]

    class Moved(Message):
        """The cursor is on another token."""

        def __init__(self, view: CutView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> CutView:
            return self.view

    app: TutorApp

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.cursor = 0
        self._rows: Rows | None = None
        self._instead: list[Text] = []
        self._drawn: dict[int, list[Text]] = {}

    def show(self, rows: Rows | None, *, cursor: int | None = None, instead: list[Text] | None = None) -> None:
        """Show other rows, or some lines `instead` of rows."""
        self._rows, self._instead = rows, instead or []
        self._drawn = {}
        self.cursor = self._within(self.cursor if cursor is None else cursor)
        self.virtual_size = Size(1, rows.height if rows is not None else len(self._instead))
        self.refresh()
        self._show_cursor()

    def go(self, index: int) -> None:
        """Put the cursor on token `index`, without a message."""
        index = self._within(index)
        rows = self._rows
        if rows is None or index == self.cursor:
            return
        changed = {rows.of_token(self.cursor), rows.of_token(index)}
        self.cursor = index
        for row in changed:
            self._drawn.pop(row, None)
            for y in range(rows.tops[row], rows.tops[row + 1]):
                self.refresh_line(y)
        self._show_cursor()

    def render_line(self, y: int) -> Strip:
        y += self.scroll_offset.y
        return strip_of(self, self._line(y), self.scrollable_content_region.width, self.rich_style)

    def _line(self, y: int) -> Text:
        rows = self._rows
        if rows is None:
            return self._instead[y] if y < len(self._instead) else Text()
        if y >= rows.height:
            return Text()
        row = rows.at_line(y)
        if row not in self._drawn:
            if len(self._drawn) > 4 * max(1, self.size.height):
                self._drawn.clear()
            self._drawn[row] = rows.lines(row, self.cursor)
        return self._drawn[row][y - rows.tops[row]]

    def on_click(self, event: Click) -> None:
        rows, y = self._rows, event.y + self.scroll_offset.y
        if rows is not None and y < rows.height:
            self._move_to(rows.at_cell(rows.at_line(y), event.x - margin_of(rows.count)))

    def action_token(self, step: int) -> None:
        self._move_to(self.cursor + step)

    def action_row(self, step: int) -> None:
        if (rows := self._rows) is None or not rows.count:
            return
        row = rows.of_token(self.cursor)
        target = max(0, min(row + step, len(rows.firsts) - 1))
        if target == row:
            return
        self._move_to(rows.at_cell(target, rows.cell(self.cursor)))

    def action_page(self, direction: int) -> None:
        if (rows := self._rows) is None or not rows.count:
            return
        line = rows.tops[rows.of_token(self.cursor)] + direction * max(1, self.size.height - 2)
        self._move_to(rows.firsts[rows.at_line(max(0, min(line, rows.height - 1)))])

    def action_edge(self, direction: int) -> None:
        self._move_to(0 if direction < 0 else self.count - 1)

    @property
    def count(self) -> int:
        return self._rows.count if self._rows is not None else 0

    def _within(self, index: int) -> int:
        return max(0, min(index, self.count - 1))

    def _move_to(self, index: int) -> None:
        before = self.cursor
        self.go(index)
        if self.cursor != before:
            self.post_message(self.Moved(self))

    def _show_cursor(self) -> None:
        """Keep the cursor's row in view; leaving it moves by half a page, as in other lists."""
        rows, height, top = self._rows, self.size.height, self.scroll_offset.y
        if rows is None or height <= 0 or not rows.count:
            return
        row = rows.of_token(self.cursor)
        first, last = rows.tops[row], rows.tops[row + 1]
        if top <= first and (last <= top + height or first == top):
            return
        self.scroll_to(
            y=max(0, min(first - height // 2 if first < top else first - height // 2 + 1, first)), animate=False
        )
