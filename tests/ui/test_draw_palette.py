"""Colours stay readable when a terminal has only sixteen, and no meaning rests on them."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from rich.cells import cell_len
from rich.color import Color, ColorSystem
from rich.style import Style

from tutor.domain.marks import MARKS
from tutor.ui.draw.palette import CONTINUED, DARK, LIGHT, MARK_SIGNS, PLAIN, SPACE_SIGN, Palette, mark_sign, mark_style

READABLE = 4.5  # WCAG 2.2, 1.4.3, for text
SEEN = 2.0  # a rule or a tick is no text
# The sixteen colours as Rich sees them when it reduces a colour.
BLACK, WHITE = Color.from_rgb(0, 0, 0), Color.from_rgb(255, 255, 255)


def luminance(color: Color) -> float:
    """Relative luminance by WCAG 2.2."""
    channels = [v / 255 for v in color.get_truecolor()]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def sixteen(color: Color) -> Color:
    from rich._palettes import STANDARD_PALETTE

    number = color.downgrade(ColorSystem.STANDARD).number
    assert number is not None
    return Color.from_triplet(STANDARD_PALETTE[number])


def named_styles(palette: Palette) -> list[tuple[str, Style]]:
    single = list(palette._asdict().items())
    styles = [(name, value) for name, value in single if isinstance(value, Style)]
    styles += [(f"heat[{i}]", style) for i, style in enumerate(palette.heat)]
    return styles + [(f"token_colours[{i}]", style) for i, style in enumerate(palette.token_colours)]


@pytest.mark.parametrize(("palette", "ground"), [(DARK, BLACK), (LIGHT, WHITE)], ids=["dark", "light"])
def test_every_style_is_readable_in_true_colour_and_in_sixteen(palette: Palette, ground: Color) -> None:
    for name, style in named_styles(palette):
        if style.color is None:
            continue
        least = SEEN if name in ("rule", "heat[0]") else READABLE
        assert contrast(style.color, style.bgcolor or ground) >= least, name
        below = sixteen(style.bgcolor) if style.bgcolor else ground
        assert contrast(sixteen(style.color), below) >= least, name


@pytest.mark.parametrize(("palette", "ground"), [(DARK, BLACK), (LIGHT, WHITE)], ids=["dark", "light"])
def test_token_grounds_and_the_selection_stay_visible_in_sixteen_colours(palette: Palette, ground: Color) -> None:
    for style in (*palette.token_colours, palette.selection):
        assert style.bgcolor is not None
        assert sixteen(style.bgcolor).get_truecolor() != ground.get_truecolor()


def test_the_plain_palette_has_no_style_at_all() -> None:
    assert all(not style for _, style in named_styles(PLAIN))
    assert PLAIN.plain and not DARK.plain and not LIGHT.plain


def test_every_mark_has_a_sign_of_its_own_that_is_one_cell_in_every_terminal() -> None:
    assert set(MARK_SIGNS) == set(MARKS)
    assert len(set(MARK_SIGNS.values())) == len(MARKS)
    for sign in (*MARK_SIGNS.values(), SPACE_SIGN, CONTINUED):
        assert cell_len(sign) == 1
        assert unicodedata.east_asian_width(sign) in ("N", "Na")


def test_a_mark_nobody_knows_is_drawn_as_none() -> None:
    assert mark_sign("glorious") == " "
    assert mark_style(DARK, "glorious") == DARK.text


def test_drawing_loads_neither_textual_nor_numpy_nor_the_markdown_parser() -> None:
    code = (
        "import sys; import tutor.ui.draw.frames, tutor.ui.draw.question;"
        "print([m for m in ('textual', 'numpy', 'markdown_it', 'llama_cpp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
