"""A terminal's screen as SVG, for the README and for looking at."""

from __future__ import annotations

import re

from rich.style import Style
from rich.text import Text

from tests.terminal import Terminal
from tutor.ui import export

_NAMES = {"brown": "yellow", "default": None}


def svg(terminal: Terminal, *, title: str = "") -> str:
    """The screen of `terminal` as an SVG document in a monospaced font that has Han characters."""
    lines = [
        Text.assemble(*(_cell(terminal.screen.buffer[y][x]) for x in range(terminal.columns)))
        for y in range(terminal.rows)
    ]
    return export.svg(lines, terminal.columns, title)


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
