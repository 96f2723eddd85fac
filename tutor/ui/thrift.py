"""What stands on the terminal already is not sent again.

Textual repaints the whole screen after every layout, and a change of screen makes two or three; a line that changed
is sent whole, the blanks behind it as well. Measured at 80x24 in full colour: opening a lesson 19 kB without this, 5 kB
with it; on a slow link that is a quarter of a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.cells import get_character_cell_size
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate

if TYPE_CHECKING:
    from rich.console import Console
    from rich.style import Style
    from textual.strip import Strip

Placed = tuple[int, int, "Strip"]  # row, column, what begins there
Cell = tuple[str, "Style | None"]  # the right half of a wide character has no text

GAP = 12  # cells that did not change and are sent all the same: moving the cursor over them costs as many bytes


class Shown:
    """What each cell of the terminal shows, by row; None where that is not known."""

    def __init__(self) -> None:
        self.rows: list[list[Cell | None]] = []

    def forget(self) -> None:
        """The terminal may show anything: it was resized, or another program had it."""
        self.rows = []

    def thrifty(self, update: Any) -> Any:
        """`update` as one that sends only what is not shown already; anything but a compositor's update as it is."""
        return _Thrifty(update, self) if isinstance(update, LayoutUpdate | ChopsUpdate) else update


class _Thrifty(CompositorUpdate):
    """Rendered only when it is really written, so that `shown` never runs ahead of the terminal."""

    def __init__(self, update: LayoutUpdate | ChopsUpdate, shown: Shown) -> None:
        self.update = update
        self.shown = shown

    def __rich_console__(self, console: Any, options: Any) -> Any:
        return self.update.__rich_console__(console, options)

    def render_segments(self, console: Console) -> str:
        update, rows = self.update, self.shown.rows
        height = update.region.bottom if isinstance(update, LayoutUpdate) else len(update.chops)
        rows += [[] for _ in range(height - len(rows))]
        sent: list[str] = []
        for y, x, strip in _placed(update):
            row, new = rows[y], _cells(strip, console)
            row += [None] * (x + len(new) - len(row))
            for start, end in _changed(row[x : x + len(new)], new):
                sent.append(f"\x1b[{y + 1};{x + start + 1}H{strip.crop(start, end).render(console)}")
            row[x : x + len(new)] = new
        return "".join(sent)


def _cells(strip: Strip, console: Console) -> list[Cell]:
    """The strip cell by cell. Where a character is put together from several, terminals differ in how wide they draw
    it: such a strip counts as one wide character, so that it is sent whole or not at all."""
    cells: list[Cell] = []
    for text, style, _ in strip:
        if text.isascii():
            cells += [(character, style) for character in text]
            continue
        for character in text:
            width = get_character_cell_size(character)
            if not width:
                return [(strip.render(console), None), *[("", None)] * (strip.cell_length - 1)]
            cells += [(character, style), ("", style)][:width]
    return cells


def _changed(old: list[Cell | None], new: list[Cell]) -> Iterator[tuple[int, int]]:
    """The runs of cells, as half-open ranges, that are not as they were. No run cuts a wide character in two."""
    start = end = -1
    for at, (before, after) in enumerate(zip(old, new, strict=True)):
        if before != after or (end == at and not after[0]):
            if start < 0:
                start = at
            elif at - end > GAP:
                yield start, end
                start = at
            end = at + 1
    if start >= 0:
        yield start, end


def _placed(update: LayoutUpdate | ChopsUpdate) -> Iterator[Placed]:
    """The strips of an update with their places. A strip that is asked for in part is given whole: it is as true."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in strips:
                yield y, x, strip
                x += strip.cell_length
        return
    for y, first, last in update.spans:
        for end, (x, chop) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if chop is not None and x <= last and end > first:
                yield y, x, chop
