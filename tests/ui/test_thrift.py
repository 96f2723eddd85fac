"""Sending only what changed leaves the same screen as sending everything."""

from __future__ import annotations

import io
from typing import Any, Literal

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from tests.terminal import Terminal
from tests.ui.conftest import Start
from tutor.ui.thrift import Shown

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
    """Every cell with its colours and attributes, as far as they can be seen."""
    return [[seen(terminal.screen.buffer[y][x]) for x in range(terminal.columns)] for y in range(terminal.rows)]


def seen(cell: Any) -> object:
    """Of a blank only its ground is, unless it has a line under it or ink and ground are exchanged."""
    if cell.data == " " and not (cell.underscore or cell.strikethrough or cell.reverse):
        return cell._replace(fg="default", bold=False, italics=False, blink=False)
    return cell


WIDTH, HEIGHT = 20, 4
STYLES = st.builds(
    Style,
    color=st.sampled_from([None, "red", "#123456", "default"]),
    bgcolor=st.sampled_from([None, "blue", "#654321"]),
    bold=st.booleans(),
    italic=st.booleans(),
    underline=st.booleans(),
    reverse=st.booleans(),
)
SEGMENTS = st.tuples(st.text(" ab词元é，", min_size=1, max_size=6), st.none() | STYLES).map(
    lambda piece: Segment(*piece)
)


@st.composite
def updates(draw: st.DrawFn) -> LayoutUpdate:
    """Some lines of some columns, each of several pieces, of which some are as they were."""
    x, y = draw(st.integers(0, WIDTH - 2)), draw(st.integers(0, HEIGHT - 1))
    width, height = draw(st.integers(1, WIDTH - x)), draw(st.integers(1, HEIGHT - y))
    lines = [Strip(draw(st.lists(SEGMENTS, max_size=4))).adjust_cell_length(width) for _ in range(height)]
    return LayoutUpdate([[line] for line in lines], Region(x, y, width, height))


@pytest.mark.parametrize("colours", ["truecolor", "standard"])
def test_every_update_draws_what_textual_itself_draws(colours: Literal["truecolor", "standard"]) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, color_system=colours)

    @settings(max_examples=150, deadline=None)
    @given(st.lists(updates(), min_size=1, max_size=5))
    def holds(sequence: list[LayoutUpdate]) -> None:
        plain, thrifty = (pyte.Screen(WIDTH, HEIGHT) for _ in range(2))
        streams = pyte.Stream(plain), pyte.Stream(thrifty)
        shown = Shown()
        for update in sequence:
            streams[0].feed(update.render_segments(console))
            streams[1].feed(shown.thrifty(update).render_segments(console))
            for y in range(HEIGHT):
                drawn = [[seen(screen.buffer[y][x]) for x in range(WIDTH)] for screen in (plain, thrifty)]
                assert drawn[0] == drawn[1]

    holds()


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
