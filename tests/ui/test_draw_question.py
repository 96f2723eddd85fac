"""What was picked and what was right can be told without colour, and heard."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tutor.ui.draw.palette import DARK, PLAIN, SPOKEN, Palette
from tutor.ui.draw.question import option_lines, prompt_lines


def first(**state: bool | None) -> str:
    return option_lines(1, "text", 60, PLAIN, **state)[0].plain  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ({}, "  ( ) 2  text"),
        ({"cursor": True}, "> ( ) 2  text"),
        ({"chosen": True}, "  (*) 2  text"),
        ({"chosen": True, "several": True}, "  [*] 2  text"),
        ({"verdict": True}, "   ✓  2  text"),
        ({"verdict": True, "chosen": True}, "  (✓) 2  text"),
        ({"verdict": False, "chosen": True, "cursor": True}, "> (✗) 2  text"),
    ],
)
def test_each_state_has_signs_of_its_own(state: dict[str, bool], line: str) -> None:
    assert first(**state) == line


def test_read_aloud_states_are_words() -> None:
    lines = option_lines(0, "x", 60, SPOKEN, chosen=True, verdict=False, language="zh")
    assert [line.plain for line in lines] == ["1. x（选中，错）"]


def test_an_option_hangs_under_its_own_text() -> None:
    lines = [line.plain for line in option_lines(0, "one two three four five six", 26, PLAIN)]
    assert lines == ["  ( ) 1  one two three", "         four five six"]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.integers(30, 100), st.sampled_from([DARK, PLAIN, SPOKEN]), st.booleans())
def test_options_and_prompts_fit_their_width(text: str, width: int, palette: Palette, chosen: bool) -> None:
    lines = option_lines(3, text, width, palette, chosen=chosen) + prompt_lines(text, width, palette)
    assert all(cell_len(line.plain) <= width for line in lines)
