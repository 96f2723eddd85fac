"""What stands on the terminal already is not sent again, and no colour that is set already.

Textual repaints the whole screen after every layout, and a change of screen makes two or three; a line that changed
is sent whole, the blanks behind it as well; and each piece of text sets its colours and takes them back. Measured at
80x24 in full colour: opening a lesson 19 kB without this, 3 kB with it; on a slow link a quarter of a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

if TYPE_CHECKING:
    from rich.console import Console

Placed = tuple[int, int, Strip]  # row, column, what begins there
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
        pen = _Pen(console._color_system or ColorSystem.TRUECOLOR)
        for y, x, strip in _placed(update):
            row, new = rows[y], _cells(strip, console)
            row += [None] * (x + len(new) - len(row))
            for start, end in _changed(row[x : x + len(new)], new):
                pen.write(y, x + start, strip.crop(start, end))
                _halve(row, x + start, x + end)
            row[x : x + len(new)] = new
        return pen.lift()


class _Look(NamedTuple):
    """A style as the parameters of SGR sequences (ECMA-48, 8.3.117)."""

    attributes: tuple[str, ...] = ()
    ink: str = "39"
    ground: str = "49"


_BARE = _Look()
# The attributes that Rich knows, and what ends each: 22 ends bold and dim alike.
_END = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27", "8": "28", "9": "29"} | {
    "21": "24",
    "51": "54",
    "52": "54",
    "53": "55",
}


@lru_cache(maxsize=1024)
def _look(style: Style | None, colours: ColorSystem) -> _Look:
    if style is None:
        return _BARE
    attributes = Strip.render_ansi(style.without_color, colours)
    return _Look(
        tuple(attributes.split(";")) if attributes else (),
        ";".join(style.color.downgrade(colours).get_ansi_codes()) if style.color else _BARE.ink,
        ";".join(style.bgcolor.downgrade(colours).get_ansi_codes(foreground=False)) if style.bgcolor else _BARE.ground,
    )


class _Pen:
    """Writes strips, turning from look to look with as few bytes as that takes. Links are not passed on: they are text."""

    def __init__(self, colours: ColorSystem) -> None:
        self._colours = colours
        self._look = _BARE
        self._sent: list[str] = []

    def write(self, y: int, x: int, strip: Strip) -> None:
        self._sent.append(f"\x1b[{y + 1};{x + 1}H")
        for text, style, _ in strip:
            self._turn(_look(style, self._colours))
            self._sent.append(text)

    def lift(self) -> str:
        """All that was written; the terminal is back at its own look."""
        if self._look != _BARE:
            self._sent.append("\x1b[0m")
        return "".join(self._sent)

    def _turn(self, after: _Look) -> None:
        before, self._look = self._look, after
        if before == after:
            return
        ends = {_END[attribute] for attribute in before.attributes if attribute not in after.attributes}
        codes = sorted(ends)
        codes += [one for one in after.attributes if one not in before.attributes or _END[one] in ends]
        codes += [new for new, old in zip(after[1:], before[1:], strict=True) if new != old]
        self._sent.append(f"\x1b[{';'.join(codes)}m")


@lru_cache(maxsize=1024)
def _ground(style: Style | None) -> Style | None:
    """What is seen of `style` under a blank: no ink, unless it is drawn as a line or as the ground."""
    if style is None or style.underline or style.underline2 or style.overline or style.strike or style.reverse:
        return style
    return Style(bgcolor=style.bgcolor) if style.bgcolor is not None else None


def _cells(strip: Strip, console: Console) -> list[Cell]:
    """The strip cell by cell. Where a character is put together from several, terminals differ in how wide they draw
    it: such a strip counts as one wide character, so that it is sent whole or not at all."""
    cells: list[Cell] = []
    for text, style, _ in strip:
        if text.isascii():
            ground = _ground(style)
            cells += [(character, style if character != " " else ground) for character in text]
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


def _halve(row: list[Cell | None], start: int, end: int) -> None:
    """Writing over one half of a wide character takes the other half away: what stands there is not known any more."""
    for half, other in ((start, start - 1), (end, end)):
        if 0 < half < len(row) and (cell := row[half]) is not None and not cell[0]:
            row[other] = None


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
