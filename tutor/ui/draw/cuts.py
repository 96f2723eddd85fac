"""A text cut into tokens, drawn in rows: over its characters, over its bytes, or token by token with its merges.

A text of 100 kB has some 40,000 tokens. Where each row begins is worked out at once; a row is drawn when it is seen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tutor.domain.language import tr
from tutor.runtime.spans import REMEMBERED, Cut, begun, whole
from tutor.ui.draw.glyphs import code, spelled
from tutor.ui.draw.palette import SPACE_SIGN, Palette
from tutor.ui.widgets.fit import fit

if TYPE_CHECKING:
    from tutor.runtime.merges import Merging

CHARACTERS, BYTES, MERGES = "characters", "bytes", "merges"
ZOOMS = (CHARACTERS, BYTES, MERGES)
# Before a token, in the cell that parts it from its neighbour: the cursor, a fragment of a character, a special token.
HERE, FRAGMENT, SPECIAL = ">", "~", "*"


# Bytes of the longest token whose merges are played again; vocabularies in use have none longer than 256.
FOLLOWED = 256


@dataclass(frozen=True, slots=True)
class Rows:
    """Row r holds the tokens from `firsts[r]` on and stands on the lines from `tops[r]` to `tops[r + 1]`.

    `draw(first, last, cursor)` gives the lines of the row of tokens [first, last); `cursor` is one of them, or another.
    A token takes `widths` cells of its row, or all of it where there are none.
    """

    count: int
    firsts: Sequence[int]
    tops: Sequence[int]
    draw: Callable[[int, int, int], list[Text]]
    widths: Sequence[int] = ()

    @property
    def height(self) -> int:
        return self.tops[-1]

    def of_token(self, index: int) -> int:
        return bisect_right(self.firsts, index) - 1

    def at_line(self, y: int) -> int:
        return bisect_right(self.tops, y) - 1

    def tokens(self, row: int) -> range:
        return range(self.firsts[row], self.firsts[row + 1] if row + 1 < len(self.firsts) else self.count)

    def cell(self, index: int) -> int:
        """How far right in its row, without the margin, token `index` begins."""
        return sum(self.widths[self.firsts[self.of_token(index)] : index])

    def at_cell(self, row: int, cell: int) -> int:
        """The token of `row` that stands at `cell`, or the last."""
        tokens = self.tokens(row)
        ends = accumulate(self.widths[tokens.start : tokens.stop])
        return next((index for index, end in zip(tokens, ends, strict=False) if end > cell), tokens.stop - 1)

    def lines(self, row: int, cursor: int) -> list[Text]:
        tokens = self.tokens(row)
        return self.draw(tokens.start, tokens.stop, cursor)


def rows(zoom: str, cut: Cut, text: str, width: int, palette: Palette, *, merging: Merging | None = None) -> Rows:
    """`cut`, which `text` was cut into, at a zoom of ZOOMS in `width` cells. Merges need to know the `merging`."""
    if zoom == MERGES:
        return merge_rows(cut, merging, width, palette)
    return byte_rows(cut, text, width, palette) if zoom == BYTES else character_rows(cut, width, palette)


@lru_cache(maxsize=REMEMBERED)
def label(data: bytes) -> str:
    """A token on one line: spaces and controls made visible, bytes in hex where they are no whole characters."""
    if not whole(data):
        return f"<{data.hex(' ')}>"
    text = data.decode()
    # Most tokens are plain letters: they need not be looked at one by one.
    text = (text if text.isascii() and text.isprintable() else spelled(text)).replace(" ", SPACE_SIGN)
    if text and not cell_len(text[0]):
        # It would join what stands before it.
        text = code(text[0]) + text[1:]
    return text or "<>"


@lru_cache(maxsize=REMEMBERED)
def label_width(data: bytes) -> int:
    return cell_len(label(data))


def ground(cut: Cut, index: int, cursor: int, palette: Palette) -> tuple[str, Style, Style]:
    """The sign that stands before a token with its style, and the token's own style."""
    alternating = palette.token_colours[index % len(palette.token_colours)]
    sign, style = " ", palette.text
    if cut.ids[index] in cut.special:
        sign, style = SPECIAL, palette.accent
    elif not whole(cut.data[index]):
        sign, style = FRAGMENT, palette.code
    if index == cursor:
        return (sign if sign != " " else HERE), palette.accent, palette.selection
    return sign, style, alternating + style if sign != " " else alternating


def character_rows(cut: Cut, width: int, palette: Palette) -> Rows:
    """Tokens one after the other, each with its id below; the margin says which token and which character begins."""
    margin = margin_of(len(cut))
    room = max(8, width - margin)
    widths = [1 + max(label_width(data), len(str(id))) for id, data in zip(cut.ids, cut.data, strict=True)]

    def draw(first: int, last: int, cursor: int) -> list[Text]:
        tokens, ids = Text(), Text()
        for index in range(first, last):
            sign, sign_style, style = ground(cut, index, cursor, palette)
            name = fit(Text(label(cut.data[index])), room - 1)
            name.stylize(style)
            cell = Text.assemble((sign, sign_style), name)
            tokens.append_text(_padded(cell, widths[index]))
            ids.append_text(_padded(Text.assemble(" ", (str(cut.ids[index]), palette.muted)), widths[index]))
        return [
            _with_margin(str(first + 1), tokens, margin, palette),
            _with_margin("", ids, margin, palette),
        ]

    return _flow(len(cut), widths, room, 2, draw)


def byte_rows(cut: Cut, text: str, width: int, palette: Palette) -> Rows:
    """The bytes in hex, each character above its first byte, the token's id below; `|` stands where a token begins."""
    margin = margin_of(len(cut))
    room = max(8, width - margin)
    most = max(1, (room - 1) // 3)
    widths = [1 + max(3 * min(len(data), most) - 1, len(str(id))) for id, data in zip(cut.ids, cut.data, strict=True)]

    def draw(first: int, last: int, cursor: int) -> list[Text]:
        above, hexes, ids = Text(), Text(), Text()
        for index in range(first, last):
            data = cut.data[index]
            sign, sign_style, style = ground(cut, index, cursor, palette)
            shown = data if len(data) <= most else data[: most - 1]
            hexed = shown.hex(" ") + (" .." if len(data) > most else "")
            border = "|" if sign == " " else sign
            hexes.append_text(
                _padded(Text.assemble((border, sign_style or palette.rule), (hexed, style)), widths[index])
            )
            ids.append_text(_padded(Text.assemble(" ", (str(cut.ids[index]), palette.muted)), widths[index]))
            characters = text[cut.ends[index] - begun(data) : cut.ends[index]]
            above.append_text(_padded(Text(" " + _over_bytes(shown, characters)), widths[index]))
        return [
            _with_margin("", above, margin, palette),
            _with_margin(str(first + 1), hexes, margin, palette),
            _with_margin("", ids, margin, palette),
        ]

    return _flow(len(cut), widths, room, 3, draw)


def _over_bytes(data: bytes, characters: str) -> str:
    """The characters that begin in `data`, each over its first byte, three cells a byte; a dot for what has no picture."""
    line, at = "", 0
    for i, byte in enumerate(data):
        if byte & 0xC0 == 0x80:
            continue
        character = characters[at]
        at += 1
        shown = character if spelled(character) == character and cell_len(character) and character != " " else "."
        line += " " * (3 * i - cell_len(line)) + (SPACE_SIGN if character == " " else shown)
    return line


def merge_rows(cut: Cut, merging: Merging | None, width: int, palette: Palette) -> Rows:
    """Each token with the merges that made it, in order: the rank of each, the pair, and what stands after it."""
    margin = margin_of(len(cut))
    heights = [_merge_height(cut, index, merging) for index in range(len(cut))]

    def draw(first: int, last: int, cursor: int) -> list[Text]:
        sign, sign_style, style = ground(cut, first, cursor, palette)
        data, id = cut.data[first], cut.ids[first]
        head = Text.assemble((sign, sign_style), (label(data), style), "  ", (f"id {id}", palette.muted))
        if merging is not None:
            head.append("  ").append_text(Text(_made(cut, first, merging), palette.muted))
        lines = [fit(_with_margin(str(first + 1), head, margin, palette), width)]
        if merging is not None and heights[first] > 1:
            lines += [fit(line, width) for line in _merge_lines(merging, data, margin, palette)]
        return (lines + [Text()] * heights[first])[: heights[first]]

    return Rows(len(cut), range(len(cut)), [0, *accumulate(heights)], draw)


def _merge_height(cut: Cut, index: int, merging: Merging | None) -> int:
    data = cut.data[index]
    if merging is None or cut.ids[index] in cut.special or merging.kind not in ("bytes", "characters"):
        return 1
    if len(data) > FOLLOWED:
        return 1
    # A merge joins two parts: n parts need n - 1.
    return max(1, len(data) if merging.kind == "bytes" or not whole(data) else begun(data))


def _made(cut: Cut, index: int, merging: Merging) -> str:
    """In a few words, how this token came to be, where its merges do not say it."""
    if cut.ids[index] in cut.special:
        return tr("special: no text is merged into it")
    if merging.kind == "likeliest":
        score = merging.score(cut.ids[index])
        if score is None:
            return tr("a byte of a character that the vocabulary lacks")
        return tr("log-probability {score} nats", score=f"{score:.2f}")
    if merging.kind == "unknown":
        return tr("the model's file does not tell its merges")
    if len(cut.data[index]) > FOLLOWED:
        return tr("{bytes} bytes: too many merges to follow", bytes=f"{len(cut.data[index]):,}")
    if merging.kind == "bytes" and len(cut.data[index]) == 1:
        return tr("a single byte: nothing to merge")
    if merging.kind == "characters" and len(merging.parts(cut.data[index])) == 1:
        return tr("a single character or byte: nothing to merge")
    return ""


def _merge_lines(merging: Merging, data: bytes, margin: int, palette: Palette) -> Iterable[Text]:
    parts = merging.parts(data)
    for merge in merging.merges(data):
        parts = merge.parts
        line = Text.assemble(" " * (margin + 1), (f"{merge.rank:>8,.0f}", palette.accent), "  ")
        for i, part in enumerate(parts):
            joined = i == merge.at
            line.append(f"[{label(part)}]" if joined else label(part), palette.strong if joined else palette.muted)
            line.append(" ")
        yield line
    if len(parts) > 1 and merging.kind in ("bytes", "characters"):
        yield Text(" " * (margin + 11) + tr("no merge joins these: the vocabulary holds the whole"), palette.muted)


def _flow(
    count: int, widths: Sequence[int], room: int, lines: int, draw: Callable[[int, int, int], list[Text]]
) -> Rows:
    """Tokens as columns of `widths` cells, as many in a row as have room; `lines` to a row."""
    firsts, used = [0] if count else [], 0
    for index, width in enumerate(widths):
        if used and used + width > room:
            firsts.append(index)
            used = 0
        used += width
    return Rows(count, firsts, range(0, lines * len(firsts) + 1, lines), draw, widths)


def margin_of(count: int) -> int:
    """Cells before a row, for the number of its first token."""
    return len(str(count)) + 1


def _with_margin(number: str, line: Text, margin: int, palette: Palette) -> Text:
    return Text.assemble((f"{number:>{margin - 1}}", palette.muted), " ", line)


def _padded(cell: Text, width: int) -> Text:
    return cell.append(" " * (width - cell.cell_len))
