"""Line breaking of mixed Chinese and Latin, held against Rich's own widths and a plain statement of the rules."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tutor.ui.draw.wrap import _COMMON, _COMMON_WIDE, CLOSING, OPENING, _all_boxes, _common_boxes, graphemes, wrap

HAN = "千问模型词元注意力把一个字变成数字困惑度是怎么算的"
ALPHABET = HAN + OPENING + CLOSING + "abcXYZ019 _-/.,:;()[]'\"" + "é😀\u0301\u200d\ufe0f❤🇨🇳👍🏽\t\n\u3000한カ"
TEXTS = st.text(alphabet=ALPHABET, max_size=120)
ANY_TEXT = st.text(max_size=80)
WIDTHS = st.integers(min_value=1, max_value=100)


def plain(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


def without_spaces(text: str) -> str:
    return text.translate({ord(c): None for c in " \t\n"})


def widest_grapheme(text: str) -> int:
    return max((cells for _, _, cells in graphemes(text)), default=0)


@example("\U0001f3fd 、", 1, 0, 0)  # a sign of no width alone, and a space behind it
@example("00:000", 5, 0, 4)  # cut where it is best, more would be left than the next line holds
@settings(max_examples=400, deadline=None)
@given(st.one_of(TEXTS, ANY_TEXT), WIDTHS, st.integers(0, 6), st.integers(0, 6))
def test_no_line_is_wider_than_the_width_and_no_text_is_lost(source: str, width: int, indent: int, hang: int) -> None:
    text = Text(source)
    source = text.plain  # Rich itself drops a few control characters
    lines = wrap(text, width, indent, hang)
    for line in lines:
        left = max(0, indent + hang - width + 1)
        assert cell_len(line.plain) <= max(width + left, indent + hang + widest_grapheme(line.plain))
    assert without_spaces("".join(plain(lines))) == without_spaces(source)


@settings(max_examples=200, deadline=None)
@given(TEXTS, WIDTHS)
def test_no_grapheme_is_split(source: str, width: int) -> None:
    source = source.replace("\t", " ")
    pieces = [line.plain for line in wrap(Text(source), width)]
    ends, position = set(), 0
    for piece in pieces[:-1]:
        position = source.index(piece, position) + len(piece)
        ends.add(position)
    for paragraph_start, paragraph in paragraphs(source):
        inside = {paragraph_start + i for a, b, _ in graphemes(paragraph) for i in range(a + 1, b)}
        assert not ends & inside


def paragraphs(source: str) -> list[tuple[int, str]]:
    found, offset = [], 0
    for paragraph in source.split("\n"):
        found.append((offset, paragraph))
        offset += len(paragraph) + 1
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*HAN, "，", "。", "）", "（", "「", "」", "BPE", "token", "3.14", " "]), max_size=60))
def test_closing_punctuation_starts_no_line_and_opening_punctuation_ends_none(parts: list[str]) -> None:
    source = "".join(parts).strip()
    runs = max(
        (len(run) for run in "".join(c if c in CLOSING + OPENING + " " else "\n" for c in source).split("\n")),
        default=0,
    )
    width = max(24, 2 * runs + 8)
    lines = plain(wrap(Text(source), width))
    assert not any(line[0] in CLOSING for line in lines[1:] if line)
    assert not any(line[-1] in OPENING for line in lines[:-1] if line)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([Style(bold=True), Style(italic=True), Style()]), min_size=120, max_size=120),
    TEXTS,
    WIDTHS,
)
def test_every_character_keeps_its_style(styles: list[Style], source: str, width: int) -> None:
    source = source.replace("\t", " ")
    text = Text()
    for character, style in zip(source, styles, strict=False):
        text.append(character, style)
    wanted = [(c, s) for c, s in zip(source, styles, strict=False) if c not in " \n"]
    found = []
    for line in wrap(text, width):
        for offset, character in enumerate(line.plain):
            if character not in " \n":
                style = Style.combine([Style(), *(s.style for s in line.spans if s.start <= offset < s.end)])
                found.append((character, style))
    assert found == wanted


@pytest.mark.parametrize(
    ("source", "width", "lines"),
    [
        ("模型读到的不是字，而是词元。", 10, ["模型读到的", "不是字，而", "是词元。"]),
        ("他说（真的）没有", 7, ["他说", "（真", "的）没", "有"]),
        ("用 tokenizer 切开文本", 10, ["用", "tokenizer", "切开文本"]),
        ("don’t split words", 6, ["don’t", "split", "words"]),
        ("都多出 h·c，抵消", 9, ["都多出", "h·c，抵消"]),
        ("约翰·史密斯", 6, ["约翰·", "史密斯"]),
        ("https://example.org/a/very/long/path", 20, ["https://example.org/", "a/very/long/path"]),
        ("aaaaaaaaaa", 4, ["aaaa", "aaaa", "aa"]),
        ("一\n\n二", 10, ["一", "", "二"]),
        ("", 10, [""]),
        ("👨‍👩‍👧👨‍👩‍👧", 2, ["👨‍👩‍👧", "👨‍👩‍👧"]),
        ("🇨🇳🇫🇷", 3, ["🇨🇳", "🇫🇷"]),
        ("函数f(见下)是", 7, ["函数f", "(见下)", "是"]),
    ],
)
def test_breaks_where_a_typesetter_would(source: str, width: int, lines: list[str]) -> None:
    assert plain(wrap(Text(source), width)) == lines


def test_hang_indents_every_line_but_the_first() -> None:
    assert plain(wrap(Text("one two three"), 8, indent=1, hang=2)) == [" one two", "   three"]


def test_a_line_may_be_changed_without_changing_the_source() -> None:
    source = Text("short")
    wrap(source, 20)[0].append(" and more")
    assert source.plain == "short"


def test_the_quick_pattern_knows_the_width_of_every_character_it_is_used_for() -> None:
    wide = re.compile(f"[{_COMMON_WIDE}]")
    for code in range(0x20, 0x30000):
        character = chr(code)
        if _COMMON.fullmatch(character):
            assert cell_len(character) == (2 if wide.match(character) else 1), hex(code)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=HAN + OPENING + CLOSING + "abc 019-/.,:()[]'カ「」→─", max_size=80))
def test_the_quick_pattern_finds_the_same_boxes(source: str) -> None:
    assert _common_boxes().findall(source) == _all_boxes().findall(source)
