"""Sending only what changed leaves the same screen as sending everything: checked after every step of a walk."""

from __future__ import annotations

import pytest

from tests.terminal import Terminal
from tests.ui.conftest import Start

WALK = [
    *("<down>", "<down>", "G", "g", "L", "L"),
    *("<enter>", "<space>", "j", "k", "<space>", "q"),
    *("z", "1", "<esc>"),
    *("/", "b", "y", "<down>", "词元", "<bs>", "<bs>", "<esc>"),
    *("?", "q", "m", "q", ",", "q", "<c-p>", "d", "e", "<esc>"),
]
# What is on the screen once the slow ones among them are done: they read lessons.
DONE = {"<enter>": "0%", "z": r"1/1\d", "b": r"> \d", "y": r"> \d"}


def cells(terminal: Terminal) -> list[list[object]]:
    """Every cell with its colours and attributes."""
    return [[terminal.screen.buffer[y][x] for x in range(terminal.columns)] for y in range(terminal.rows)]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("env", [{}, {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}], ids=["colour", "ssh"])
def test_the_screen_is_what_a_full_repaint_makes_of_it(start: Start, language: str, env: dict[str, str]) -> None:
    tutor = start("--lang", language, "--model", "smollm2-135m", env=env)
    tutor.expect(r"\? ")
    tutor.settle(1.0)
    for key in WALK:
        tutor.send(key)
        tutor.expect(DONE.get(key, ""))
        tutor.settle(0.5)
        thrifty = cells(tutor)
        before = len(tutor.sent)
        tutor.send("<c-l>")
        tutor.settle(0.3)
        assert len(tutor.sent) - before > 1500, "everything was sent again"
        assert cells(tutor) == thrifty, f"after {key!r}"
