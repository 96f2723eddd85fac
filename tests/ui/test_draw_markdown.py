"""Markdown as lines: what a reader sees of each construct, and that nothing else comes through."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tutor.ui.draw.markdown import inline, markdown
from tutor.ui.draw.palette import DARK, LIGHT, PLAIN, SPOKEN, Palette

PIECES = [
    "模型读到的不是字，", "而是词元。", "token ", "**粗**", "*em*", "`code`", "\n", "\n\n", "- ", "1. ", "> ", "## ",
    "```\n", "```math\n", "    ", "| a | b |\n|---|--:|\n| 1 | 2 |\n", "---\n", "[x](https://example.org)", "![alt](i.png)",
    "<b>html</b>", "\x1b[31m", "\u202e", "&#x202e;", "[red]", "\t", "😀", "e\u0301", "**", "averyveryverylongwordindeed" * 3,
]  # fmt: skip
SOURCES = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def plain(source: str, width: int = 60, palette: Palette = PLAIN) -> list[str]:
    return [line.plain for line in markdown(source, width, palette)]


def style_of(line: Text, words: str) -> Style:
    at = line.plain.index(words)
    return Style.combine([Style(), *(span.style for span in line.spans if span.start <= at < span.end)])  # type: ignore[list-item]


@settings(max_examples=300, deadline=None)
@given(st.one_of(SOURCES, st.text(max_size=120)), st.integers(10, 120), st.sampled_from([DARK, LIGHT, PLAIN, SPOKEN]))
def test_no_line_is_too_wide_and_no_control_character_comes_through(source: str, width: int, palette: Palette) -> None:
    for line in markdown(source, width, palette):
        assert cell_len(line.plain) <= width
        assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in line.plain)
        assert not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", line.plain)


@settings(max_examples=100, deadline=None)
@given(SOURCES)
def test_the_same_words_are_drawn_at_every_width(source: str) -> None:
    def words(width: int) -> str:
        text = "".join(plain(source, width, DARK))
        return re.sub(r"[ ─│▎↳-]", "", text)

    # Wide enough that tables stay tables; there a long cell breaks beside the next one.
    narrow, wide = words(40), words(120)
    assert sorted(narrow) == sorted(wide) if "|" in source else narrow == wide


def test_blocks_are_one_blank_line_apart() -> None:
    assert plain("# A\nb\n\n\n\nc\n- d\n- e\n\n> f") == ["A", "", "b", "", "c", "", "- d", "- e", "", "> f"]


def test_lists_hang_and_nest() -> None:
    lines = plain("- one two three four\n  - five\n9. nine\n10. ten", 18)
    assert lines == ["- one two three", "  four", "  - five", "", " 9. nine", "10. ten"]


def test_a_loose_list_keeps_its_blank_lines() -> None:
    assert plain("- a\n\n- b") == ["- a", "", "- b"]


def test_strong_text_may_end_in_chinese_punctuation() -> None:
    line = markdown("**常见误区：**人们以为", 60, DARK)[0]
    assert line.plain == "常见误区：人们以为"
    assert style_of(line, "误区").bold
    assert not style_of(line, "人们").bold


def test_emphasis_after_chinese_text_without_a_space() -> None:
    line = markdown("所谓**“词元”**就是", 60, DARK)[0]
    assert line.plain == "所谓“词元”就是"
    assert style_of(line, "词元").bold


def test_stars_between_spaces_stay_stars() -> None:
    assert plain("2 * 3 * 4 和 5 ** 2 ** 1") == ["2 * 3 * 4 和 5 ** 2 ** 1"]


def test_a_source_line_break_is_a_space_only_between_latin_words() -> None:
    assert plain("一行\n两行\nwords\nmore") == ["一行两行 words more"]
    assert plain("不该选。\n“也该选”\n两行\n“one”\n“two”", 60) == ["不该选。“也该选”两行“one” “two”"]


def test_a_table_is_aligned_by_cells_and_wraps_at_sixty_columns() -> None:
    lines = plain(
        "| 方法 | n | 说明 |\n|:--|--:|---|\n| 字节 | 256 | " + "很长的说明" * 12 + " |\n| BPE | 32,000 | 短 |", 60
    )
    assert lines[0].startswith("方法       n  说明")
    assert lines[1].startswith("----  ------  ----")
    assert lines[2].startswith("字节     256  很长")
    assert lines[3].startswith("              ")
    assert lines[-1] == "BPE   32,000  短"
    assert "".join(line[14 if line[:1] == " " else 0 :] for line in lines).count("很长的说明") + 1 >= 11
    assert all(cell_len(line) <= 60 for line in lines)


def test_a_table_with_more_columns_than_room_becomes_fields() -> None:
    header, row = "|".join(f"h{i}" for i in range(12)), "|".join(f"v{i}" for i in range(12))
    lines = plain(f"|{header}|\n|{'|'.join(['---'] * 12)}|\n|{row}|", 30)
    assert lines == [f"h{i}: v{i}" for i in range(12)]


def test_long_code_lines_go_on_behind_a_sign_and_lose_nothing() -> None:
    code = "x = " + "".join(f"{i:04d}" for i in range(40))
    lines = plain(f"```\n{code}\n  y\n```", 40, DARK)
    assert lines[0].startswith("│ x = ")
    assert all(line.startswith("│ ↳ ") for line in lines[1:-1])
    assert lines[-1] == "│   y"
    assert lines[0][2:] + "".join(line[4:] for line in lines[1:-1]) == code


def test_code_keeps_a_diagrams_spaces() -> None:
    assert plain("```\na  ─┬─ b\n    └─ c\n```", 40, DARK) == ["│ a  ─┬─ b", "│     └─ c"]


def test_a_formula_stands_apart() -> None:
    assert plain("```math\np = exp(x)\n```", 60) == ["        p = exp(x)"]


@pytest.mark.parametrize("words", ["常见误区", "Common mistake"])
def test_a_quote_that_names_a_mistake_takes_the_accent(words: str) -> None:
    mistake = markdown(f"> **{words}**: text", 60, DARK)[0]
    quote = markdown("> **Note**: text", 60, DARK)[0]
    assert style_of(mistake, words).color == DARK.accent.color == style_of(mistake, "▎").color
    assert style_of(quote, "▎").color == DARK.rule.color


def test_links_show_where_they_lead_once() -> None:
    assert plain("[paper](https://arxiv.org/abs/1)") == ["paper (https://arxiv.org/abs/1)"]
    assert plain("<https://example.org>") == ["https://example.org"]


def test_html_and_rich_markup_are_literal_and_an_image_is_its_description() -> None:
    assert plain("<b>x</b> [red]y[/red] ![a picture](p.png)") == ["<b>x</b> [red]y[/red] a picture"]
    assert plain("<script>\nalert(1)\n</script>") == ["<script> alert(1) </script>"]


def test_code_without_colour_keeps_its_quotes() -> None:
    assert plain("type `e s`") == ["type `e s`"]
    assert plain("type `e s`", palette=DARK) == ["type e s"]


def test_read_aloud_a_table_is_said_field_by_field_and_rules_are_silent() -> None:
    assert plain("| a | b |\n|---|---|\n| 1 | 2 |\n\n---\n\n> q", palette=SPOKEN) == ["a: 1", "b: 2", "", "q"]


def test_inline_gives_one_text_and_never_nothing() -> None:
    assert inline("`e s`: **9**", DARK).plain == "e s: 9"
    assert inline("- ", DARK).plain == "-"
    assert inline("", DARK).plain == ""
