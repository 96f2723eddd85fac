"""Several tokenizers beside each other, a row each; and all there is to say about one token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from tutor.domain.language import tr
from tutor.runtime.spans import Cut, inside, whole
from tutor.ui.draw.cuts import FRAGMENT, SPECIAL, label
from tutor.ui.draw.glyphs import spelled
from tutor.ui.draw.palette import SPACE_SIGN, Palette

NAME = 15
COLUMN = 10
# A token of many bytes is told by its first.
SHOWN_BYTES = 24


@dataclass(frozen=True, slots=True)
class Asked:
    """What was to be counted: a text, the same in another language or nothing, whether special tokens are read."""

    text: str
    other: str = ""
    special: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """What one tokenizer makes of what was `asked`; `other` is how many tokens the other text takes."""

    asked: Asked
    cut: Cut
    other: int | None = None


def header(width: int, comparing: bool, palette: Palette) -> Text:
    titles = [tr("tokens"), tr("per char"), tr("bytes each"), tr("fragments")]
    if comparing:
        titles += [tr("other"), tr("ratio")]
    return Text(" " * NAME + "".join(_right(title) for title in _chosen(titles, width, comparing)), palette.muted)


def name_cell(number: int, name: str, palette: Palette) -> Text:
    line = Text.assemble((f"{number} ", palette.muted), name)
    return line.append(" " * (NAME - line.cell_len))


def figures(count: Count, width: int, comparing: bool) -> str:
    """The columns of a tokenizer's row."""
    cut, characters, tokens = count.cut, len(count.asked.text), len(count.cut)
    cells = [
        f"{tokens:,}",
        f"{tokens / characters:.2f}" if characters else "-",
        f"{cut.size / tokens:.2f}" if tokens else "-",
        f"{cut.incomplete / tokens:.0%}" if tokens else "-",
    ]
    if comparing:
        cells += [f"{count.other:,}", f"x {tokens / count.other:.2f}"] if count.other else ["-", "-"]
    return "".join(_right(cell) for cell in _chosen(cells, width, comparing))


def _chosen(cells: list[str], width: int, comparing: bool) -> list[str]:
    """Those that have room; the bytes give way first, the tokens and the comparison last."""
    while NAME + COLUMN * len(cells) > width and len(cells) > (3 if comparing else 1):
        del cells[2 if comparing and len(cells) > 4 else 1 if comparing else -1]
    return cells


def _right(text: str) -> str:
    return " " * max(1, COLUMN - Text(text).cell_len) + text


def token_lines(count: Count, index: int, palette: Palette) -> list[Text]:
    """Two lines about one of the tokens: what it is, and whether it can be read alone."""
    cut, text = count.cut, count.asked.text
    data, id = cut.data[index], cut.ids[index]
    start, end = cut.start(index), cut.ends[index]
    shown = data[:SHOWN_BYTES].hex(" ") + (" .." if len(data) > SHOWN_BYTES else "")
    first = Text.assemble(
        (tr("token {number}/{count}", number=f"{index + 1:,}", count=f"{len(cut):,}"), palette.muted),
        "  ", (label(data), palette.strong), "  ", ("id ", palette.muted), str(id),
        "  ", (tr("bytes "), palette.muted), shown,
        "  ", (tr("characters "), palette.muted), f"{start}:{end}",
    )  # fmt: skip
    return [first, _standing(cut, index, text[start:end], palette)]


def _standing(cut: Cut, index: int, touched: str, palette: Palette) -> Text:
    """Whether the token is special, or text of its own, or a fragment, and then of what."""
    data = cut.data[index]
    if cut.ids[index] in cut.special:
        return Text(f"{SPECIAL} " + tr("a special token: the model knows it by its id, not as text"), palette.accent)
    if whole(data):
        return Text(tr("valid UTF-8 alone"), palette.muted)
    place = {
        (True, True): tr("it begins and ends inside a character"),
        (True, False): tr("it begins inside a character"),
        (False, True): tr("it ends inside a character"),
        (False, False): tr("it ends inside a character"),
    }[inside(data), not _ends_whole(data)]
    named = spelled(touched).replace(" ", SPACE_SIGN)
    return Text(
        f"{FRAGMENT} "
        + tr(
            "no valid UTF-8 alone: {place} (of {characters}); decoders wait for the rest", place=place, characters=named
        ),
        palette.code,
    )


def _ends_whole(data: bytes) -> bool:
    """Whether the last character of `data` has all its bytes."""
    return any(whole(data[-size:]) and data[-size] & 0xC0 != 0x80 for size in range(1, min(4, len(data)) + 1))


def facts(asked: Asked, notes: Sequence[str], palette: Palette) -> Text:
    """How long the texts are, and what else is to be known of them."""
    line = Text.assemble((tr("{characters} characters, {bytes} bytes", **_size(asked.text)), palette.muted))
    if asked.other:
        other = tr("other: {characters}, {bytes}", **_size(asked.other))
        line.append("  ").append(other, palette.muted)
    for note in notes:
        line.append("  ").append(note, palette.accent)
    return line


def _size(text: str) -> dict[str, str]:
    return {"characters": f"{len(text):,}", "bytes": f"{len(text.encode('utf-8', 'surrogatepass')):,}"}
