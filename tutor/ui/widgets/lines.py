"""Lines of rich text in a widget that knows what changed: a list move costs two rows, not a screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp


Draw = Callable[[int], list[Text]]


def strip_of(widget: Widget, line: Text, width: int, style: Style) -> Strip:
    """`line` as cells, exactly `width` wide, on the widget's ground. Nothing in it is read as markup."""
    console = widget.app.console
    if line.style and not line.spans:
        # Text.render leaves the style of a text without spans out.
        style += console.get_style(line.style)
    segments = [
        Segment(segment.text, style + segment.style if segment.style else style)
        for segment in line.render(console)
        if segment.text
    ]
    return Strip(segments).adjust_cell_length(width, style)


class Lines(Widget):
    """A block of lines, as high as it has lines.

    Either the lines are set, or `draw` makes them for a width in cells: then they are drawn within the layout that
    gives the width, so that a screen is painted once. Changes repaint only the rows that differ.
    """

    DEFAULT_CSS = "Lines { height: auto; width: 1fr; }"

    def __init__(self, draw: Draw | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._draw = draw
        self._lines: list[Text] = []
        self._width = 0

    @property
    def lines(self) -> list[Text]:
        return self._lines

    def set_lines(self, lines: Sequence[Text]) -> None:
        """Show other lines."""
        before, self._lines = self._lines, list(lines)
        if len(before) != len(self._lines):
            self.refresh(layout=True)
            return
        changed = [Region(0, y, self.size.width, 1) for y, line in enumerate(self._lines) if line != before[y]]
        if changed:
            self.refresh(*changed)

    def redraw(self) -> None:
        """Draw anew: language, theme or what is shown has changed."""
        if self._draw is not None and self._width:
            self.set_lines(self._draw(self._width))

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        if self._draw is not None and width != self._width:
            self._width = width
            self._lines = self._draw(width)
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        style = self.rich_style
        if y >= len(self._lines):
            return Strip.blank(self.size.width, style)
        return strip_of(self, self._lines[y], self.size.width, style)


class Row(NamedTuple):
    """A row of a list. `key` says what it stands for; a heading cannot be chosen."""

    text: Text
    key: object = None
    heading: bool = False


class RowList(ScrollView, can_focus=True):
    """A list that is moved through with the arrows or j/k and opened with Enter.

    Posts `Chosen` on Enter or a click on the row under the cursor, `Moved` when the cursor moves.
    """

    DEFAULT_CSS = "RowList { height: 1fr; width: 100%; overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Open", id="list.open"),
        Binding("down,j", "move(1)", "Down", show=False, id="list.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="list.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="list.page_up"),
        Binding("home,g", "edge(-1)", "First", show=False, id="list.first"),
        Binding("end,G", "edge(1)", "Last", show=False, id="list.last"),
    ]

    class Chosen(Message):
        def __init__(self, rows: RowList, row: Row) -> None:
            super().__init__()
            self.rows = rows
            self.row = row

        @property
        def control(self) -> RowList:
            return self.rows

    class Moved(Chosen):
        """The cursor is on another row."""

    app: TutorApp

    def __init__(
        self, rows: Sequence[Row] = (), *, cursor: int = 0, id: str | None = None, enter: str = "Open"
    ) -> None:
        """`enter` says, in English as `tr` takes it, what Enter does with a row; empty where it does nothing."""
        super().__init__(id=id)
        self.enter = enter
        self._rows: list[Row] = []
        self.cursor = 0
        self.set_rows(rows, cursor=cursor)

    @property
    def rows(self) -> list[Row]:
        return self._rows

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    def set_rows(self, rows: Sequence[Row], *, cursor: int | None = None) -> None:
        """Show other rows; only lines that differ are painted again. The cursor stays, or goes to `cursor`."""
        before, self._rows = self._rows, list(rows)
        old = self.cursor
        self.cursor = self._selectable(self.cursor if cursor is None else cursor, 1)
        if len(before) != len(self._rows) or not self.is_attached:
            self.virtual_size = Size(1, len(self._rows))
            self.refresh()
        else:
            for y, row in enumerate(self._rows):
                if row.text != before[y].text or y in (old, self.cursor):
                    self.refresh_line(y)
        if self.is_attached:
            self._show_cursor()

    def set_row(self, index: int, row: Row) -> None:
        self._rows[index] = row
        self.refresh_line(index)

    def render_line(self, y: int) -> Strip:
        y += self.scroll_offset.y
        style = self.rich_style
        width = self.size.width
        if y >= len(self._rows):
            return Strip.blank(width, style)
        row = self._rows[y]
        if y != self.cursor or row.heading:
            return strip_of(self, Text("  ") + row.text, width, style)
        palette = self.app.palette
        style += palette.selection
        line = Text.assemble(("> ", palette.accent), row.text)
        return strip_of(self, line, width, style)

    def on_resize(self) -> None:
        self.refresh()
        self._show_cursor()

    def on_click(self, event: Click) -> None:
        y = event.y + self.scroll_offset.y
        if y >= len(self._rows) or self._rows[y].heading:
            return
        if y == self.cursor:
            self.action_choose()
        else:
            self._go(y)

    def action_move(self, step: int) -> None:
        target = self.cursor + step
        while 0 <= target < len(self._rows) and self._rows[target].heading:
            target += step
        if 0 <= target < len(self._rows):
            self._go(target)
        elif step < 0:
            # Headings above the first row come back into view.
            self.scroll_to(y=0, animate=False)

    def action_page(self, direction: int) -> None:
        self._go(self._selectable(self.cursor + direction * max(1, self.size.height - 2), direction))

    def action_edge(self, direction: int) -> None:
        self._go(self._selectable(0 if direction < 0 else len(self._rows) - 1, -direction))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.enter) if action == "choose" else True

    def action_choose(self) -> None:
        if (row := self.current) and not row.heading:
            self.post_message(self.Chosen(self, row))

    def _selectable(self, index: int, direction: int) -> int:
        """The row nearest to `index` that is no heading, looking first in `direction`."""
        last = len(self._rows) - 1
        index = max(0, min(index, last)) if last >= 0 else 0
        for candidate in (
            *range(index, last + 1 if direction > 0 else -1, direction),
            *range(index, -1, -1),
            *range(last + 1),
        ):
            if 0 <= candidate <= last and not self._rows[candidate].heading:
                return int(candidate)
        return 0

    def _go(self, index: int) -> None:
        if index == self.cursor:
            return
        before, self.cursor = self.cursor, index
        self.refresh_line(before)
        self.refresh_line(index)
        self._show_cursor()
        self.post_message(self.Moved(self, self._rows[index]))

    def _show_cursor(self) -> None:
        """Keep the cursor in view. Leaving it moves by half a page at once: a scroll repaints every row, so it is rare."""
        height, top = self.size.height, self.scroll_offset.y
        if height <= 0 or top <= self.cursor < top + height:
            return
        if self.cursor < top:
            target = max(0, self.cursor - height // 2)
        else:
            target = min(max(0, len(self._rows) - height), self.cursor - height // 2)
        self.scroll_to(y=target, animate=False)
