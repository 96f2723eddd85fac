"""The one owner of standard output: lines for a person, or one JSON document for a program."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tutor.cli.diagnostics import wants_colours
from tutor.cli.options import call
from tutor.domain.plaintext import clean

if TYPE_CHECKING:
    from rich.text import Text as RichText

    from tutor.ui.draw.palette import Palette

WIDTH = 80
"""Columns where the terminal says nothing, and the most that a line of prose takes."""


def prepare_streams() -> None:
    """UTF-8 whatever the locale says: the lessons are Chinese. What cannot be encoded is escaped, never a crash."""
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us (`>&-`)
            stream = open(os.devnull, "r+", encoding="utf-8")  # noqa: SIM115 - it lives as long as the program
            setattr(sys, name, stream)
        stream.reconfigure(encoding="utf-8", errors="replace" if name == "stdin" else "backslashreplace")


def line(text: str = "") -> None:
    """Print one line (or several) of plain text. Control characters are dropped."""
    sys.stdout.write(clean(text) + "\n")


def bare(lines: Iterable[RichText]) -> None:
    """Print the lines' text alone, without an escape sequence wherever it goes."""
    for text in lines:
        line(text.plain.rstrip())


def prose(source: object) -> None:
    """Print a text of a lesson or a quiz, wrapped."""
    from tutor.ui.draw.markdown import markdown

    drawn(markdown(str(source), width(), palette()))


def prompt(text: str) -> None:
    """Print what stands before the reader's cursor, and show it now."""
    sys.stdout.write(clean(text))
    sys.stdout.flush()


def raw(text: str) -> None:
    """Print a file that was asked for as a file (an export, a completion script), as it is."""
    sys.stdout.write(text)


def drawn(lines: Iterable[RichText]) -> None:
    """Print lines that `ui/draw` made; in colour only on a terminal that wants it."""
    if call().plain or not colours():
        bare(lines)
        return
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
    for text in lines:
        console.print(text)


def palette() -> Palette:
    """The styles to draw with on this standard output."""
    from tutor.ui.draw.palette import DARK, PLAIN, SPOKEN

    if call().plain:
        return SPOKEN
    return DARK if colours() else PLAIN


def colours() -> bool:
    """Whether escape sequences may be written: a terminal, and neither NO_COLOR nor a dumb one."""
    return wants_colours(sys.stdout)


def width() -> int:
    """Columns to draw in: the terminal's, at most 84 (the reading column), 80 where there is none."""
    if not sys.stdout.isatty():
        return WIDTH
    import shutil

    return max(40, min(shutil.get_terminal_size((WIDTH, 24)).columns, 84))


def document(value: Any) -> None:
    """Print the one JSON document of a `--json` call."""
    text = json.dumps(_finite(value), ensure_ascii=False, indent=2, allow_nan=False)
    if clean(text) != text:
        # JSON escapes C0 by itself; the other characters that act on a terminal are escaped here, and lose nothing.
        text = "".join(c if clean(c) else f"\\u{ord(c):04x}" for c in text)
    sys.stdout.write(text + "\n")


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN: they become null. Array scalars become plain numbers."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    return value
