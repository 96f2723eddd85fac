"""A terminal's screen as SVG, for the README and for looking at."""

from __future__ import annotations

import os
import re
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tests.terminal import Terminal

_NAMES = {"brown": "yellow", "default": None}


def svg(terminal: Terminal, *, title: str = "") -> str:
    """The screen of `terminal` as an SVG document in a monospaced font that has Han characters."""
    with open(os.devnull, "w") as nowhere:
        console = Console(
            width=terminal.columns, record=True, file=nowhere, force_terminal=True, color_system="truecolor"
        )
        out = Text(no_wrap=True, overflow="crop")
        for y in range(terminal.rows):
            cells = (_cell(terminal.screen.buffer[y][x]) for x in range(terminal.columns))
            # A word at a time: a viewer whose font has other widths then still puts each word in its place.
            for (style, _), run in groupby(cells, key=lambda cell: (cell[1], _kind(cell[0]))):
                out.append("".join(text for text, _ in run), style)
            out.append("\n")
        console.print(out, end="")
        drawn = console.export_svg(title=title, unique_id="qwtutor")
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.S)
    return drawn.replace("Fira Code", "Noto Sans Mono CJK SC, DejaVu Sans Mono")


def _kind(text: str) -> str:
    """Blank, wide, narrow; the empty second cell of a wide character goes with it."""
    if not text or cell_len(text) == 2:
        return "wide"
    return "blank" if text.isspace() else "narrow"


def _cell(cell: object) -> tuple[str, Style]:
    def colour(name: str) -> str | None:
        if name in _NAMES:
            return _NAMES[name]
        return "#" + name if re.fullmatch(r"[0-9a-fA-F]{6}", name) else name.replace("bright", "bright_")

    style = Style(
        color=colour(cell.fg),  # type: ignore[attr-defined]
        bgcolor=colour(cell.bg),  # type: ignore[attr-defined]
        bold=cell.bold,  # type: ignore[attr-defined]
        italic=cell.italics,  # type: ignore[attr-defined]
        underline=cell.underscore,  # type: ignore[attr-defined]
        reverse=cell.reverse,  # type: ignore[attr-defined]
    )
    return cell.data, style  # type: ignore[attr-defined]
