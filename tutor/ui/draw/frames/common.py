"""What the kinds of frames share: the line that names a frame, labels that are safe to print."""

from __future__ import annotations

from collections.abc import Iterable

from rich.style import Style
from rich.text import Text

from tutor.domain import language as words
from tutor.domain.plaintext import clean, visible
from tutor.ui.draw.palette import SPACE_SIGN, Palette, mark_sign, mark_style
from tutor.ui.draw.wrap import wrap


def name_lines(label: words.Text, width: int, palette: Palette, language: str, unit: str = "") -> list[Text]:
    """The frame's name, with its unit in brackets; no line where it has neither."""
    text = Text(clean(label.get(language)).strip(), palette.strong)
    if unit:
        text.append(f" ({visible(unit)})" if text else f"({visible(unit)})", palette.muted)
    return wrap(text, width) if text else []


def joined(cells: Iterable[tuple[str, Style]]) -> Text:
    """Cells of a picture as one line: neighbours of one style become one span, for every span costs bytes on the wire.

    Blank cells take their neighbour's style; their own ground, if any, would not be seen.
    """
    runs: list[tuple[str, Style]] = []
    for text, style in cells:
        if runs and (style == runs[-1][1] or not text.strip()):
            runs[-1] = (runs[-1][0] + text, runs[-1][1])
        else:
            runs.append((text, style))
    line = Text.assemble(*runs)
    line.rstrip()
    return line


def label_text(label: str) -> str:
    """A label on one line; a token's space at either end is made visible."""
    inner = label.strip(" ")
    if not inner:
        return SPACE_SIGN * len(label)
    before, after = label.index(inner), len(label) - label.index(inner) - len(inner)
    return SPACE_SIGN * before + visible(inner) + SPACE_SIGN * after


def signed(label: str, mark: str, palette: Palette) -> Text:
    """`label` behind the sign of its mark, both in the mark's style; nothing stands before an unmarked one."""
    sign = f"{mark_sign(mark)} " if mark else ""
    return Text(sign + label_text(label), mark_style(palette, mark))
