"""Lines out, lines in: what `--plain` has instead of a screen. No line is wider than 80 columns, none has an escape."""

from __future__ import annotations

import sys

from rich.text import Text as RichText

from tutor.cli import output
from tutor.domain.demo import Step
from tutor.domain.language import language, tr
from tutor.domain.plaintext import visible
from tutor.ui.draw.frames import draw_step
from tutor.ui.draw.markdown import inline, markdown
from tutor.ui.draw.palette import SPOKEN
from tutor.ui.draw.wrap import wrap

WIDTH = 79
"""One less than 80: a full line makes some terminals begin another."""


class Leave(Exception):
    """The person asked to leave what they are in: one level up, or out of the program from the menu."""


def say(text: object = "", *, indent: int = 0) -> None:
    """Plain text, wrapped; `indent` spaces before the lines after the first."""
    for line in str(text).split("\n"):
        output.bare(wrap(RichText(line), WIDTH, hang=indent) if line.strip() else [RichText()])


def say_markdown(source: object) -> None:
    """A lesson's or a question's text."""
    output.bare(markdown(str(source), WIDTH, SPOKEN))


def say_numbered(number: object, text: object) -> None:
    """`1. text`: an option, an item, a menu's entry."""
    label = f"{number}. "
    output.bare(wrap(RichText(label) + inline(str(text), SPOKEN), WIDTH, hang=len(label)))


def say_step(step: Step) -> None:
    """A step of a demo, its pictures in words."""
    output.bare(draw_step(step, WIDTH, SPOKEN, language()))


def ask(question: str) -> str:
    """What the person typed on one line, spaces around it off. Raises EOFError where the input ends."""
    output.prompt(question)
    typed = input()
    if not sys.stdin.isatty():
        # Nobody echoes what comes from a file or a pipe; a log of the talk should hold both sides.
        output.line(visible(typed))
    return typed.strip()


def go_on(*offers: tuple[str, str]) -> str:
    """Wait for Enter, or one of `offers` (letter, what it does); gives the letter, or nothing. `q` raises Leave."""
    known = dict(offers)
    while True:
        named = [
            tr("Enter: go on"),
            *(tr("{letter}: {what}", letter=letter, what=what) for letter, what in offers),
            tr("q: leave"),
        ]
        typed = ask("[" + tr(", ").join(named) + "] ").lower().removeprefix("/")
        if typed == "q":
            raise Leave
        if not typed or typed in known:
            return typed
