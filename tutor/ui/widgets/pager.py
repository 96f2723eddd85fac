"""Lines that scroll, in a widget of fixed height: other lines repaint only the rows that differ, and lay out nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tutor.ui.widgets.lines import Draw, strip_of


class Pager(ScrollView):
    """`draw` makes the lines for a width in cells; it is called again by `redraw` and when the width changes."""

    DEFAULT_CSS = (
        "Pager { height: 1fr; width: 100%; overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }"
    )

    def __init__(self, draw: Draw, *, id: str | None = None, can_focus: bool = False) -> None:
        super().__init__(id=id, can_focus=can_focus)
        self._draw = draw
        self._lines: list[Text] = []

    @property
    def lines(self) -> list[Text]:
        return self._lines

    def redraw(self, *, top: bool = False) -> None:
        """Draw anew; with `top`, scroll back to the first line."""
        width = self.scrollable_content_region.width
        if width <= 0:
            return
        if top and self.scroll_offset.y:
            self.scroll_to(y=0, animate=False)
        self._show(self._draw(width))

    def _show(self, lines: Sequence[Text]) -> None:
        before, self._lines = self._lines, list(lines)
        # A scroll bar that comes or goes costs a layout; within one screen's height there is none.
        height = len(self._lines)
        if max(height, self.size.height) != max(self.virtual_size.height, self.size.height):
            self.virtual_size = Size(1, height)
        for y in range(max(len(before), height)):
            old = before[y] if y < len(before) else None
            new = self._lines[y] if y < height else None
            if old != new:
                self.refresh_line(y)

    def on_resize(self) -> None:
        self.redraw()

    def render_line(self, y: int) -> Strip:
        y += self.scroll_offset.y
        width = self.scrollable_content_region.width
        if y >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        return strip_of(self, self._lines[y], width, self.rich_style)
