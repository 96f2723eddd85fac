"""Every kind of frame as lines: true to its data, within its width, meaning not by colour alone."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from math import exp, inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text as RichText

from tests.soak import count
from tutor.domain.demo import Step
from tutor.domain.frames import (
    Bar,
    Bars,
    Curve,
    Frame,
    Lane,
    Matrix,
    Node,
    Note,
    Series,
    Span,
    Table,
    Timeline,
    TokenItem,
    Tokens,
    Tree,
)
from tutor.domain.language import Text, same
from tutor.domain.marks import MARKS
from tutor.ui.draw.frames import draw, draw_step
from tutor.ui.draw.palette import DARK, LIGHT, MARK_SIGNS, PLAIN, SPOKEN, Palette

LABELS = st.text(alphabet="abc 千问，。\n\t\x1b[é😀\u202e_", max_size=14)
TEXTS = st.builds(Text, LABELS, LABELS)
MARK = st.sampled_from(MARKS)
NUMBERS = st.one_of(
    st.floats(-1e6, 1e6), st.integers(-5, 5).map(float), st.sampled_from([nan, inf, -inf, 0.0, 1e-9, 1e299, -1.7e308])
)


def tuples(of: st.SearchStrategy, most: int = 6) -> st.SearchStrategy:  # type: ignore[type-arg]
    return st.lists(of, max_size=most).map(tuple)


TOKEN = st.builds(TokenItem, LABELS, st.none() | st.integers(0, 200_000), MARK, LABELS, st.sampled_from(["", "e4bd"]))
FRAMES = st.one_of(
    st.builds(Tokens, tuples(TOKEN, 12), TEXTS),
    st.builds(
        Matrix,
        tuples(tuples(NUMBERS, 40), 4),
        tuples(LABELS),
        tuples(LABELS, 40),
        TEXTS,
        st.none() | NUMBERS,
        st.none() | NUMBERS,
        st.integers(0, 4),
        tuples(tuples(MARK)),
    ),
    st.builds(Bars, tuples(st.builds(Bar, LABELS, NUMBERS, MARK, LABELS)), TEXTS, LABELS, st.none() | NUMBERS),
    st.builds(Tree, tuples(st.builds(Node, LABELS, st.none() | st.integers(-2, 20), MARK, LABELS), 25), TEXTS),
    st.builds(
        Curve,
        tuples(st.builds(Series, TEXTS, tuples(NUMBERS, 20), tuples(NUMBERS, 20)), 3),
        TEXTS,
        TEXTS,
        TEXTS,
        st.booleans(),
    ),
    st.builds(Table, tuples(TEXTS), tuples(tuples(LABELS)), TEXTS, tuples(MARK)),
    st.builds(
        Timeline,
        tuples(st.builds(Lane, LABELS, tuples(st.builds(Span, NUMBERS, NUMBERS, LABELS, MARK)))),
        TEXTS,
        LABELS,
    ),
    st.builds(Note, TEXTS),
)


def plain(frame: Frame, width: int = 80, palette: Palette = PLAIN, language: str = "en") -> list[str]:
    return [line.plain for line in draw(frame, width, palette, language)]


def at_cell(line: str, cell: int) -> str:
    """What stands from a cell on."""
    used = 0
    for i, character in enumerate(line):
        if used >= cell:
            return line[i:]
        used += cell_len(character)
    return ""


@settings(max_examples=count(3000), deadline=None)
@given(FRAMES, st.integers(30, 140), st.sampled_from([DARK, LIGHT, PLAIN, SPOKEN]), st.sampled_from(["zh", "en"]))
def test_any_frame_fits_its_width_and_carries_no_control_character(
    frame: Frame, width: int, palette: Palette, language: str
) -> None:
    for line in draw(frame, width, palette, language):
        assert cell_len(line.plain) <= width
        assert not any(unicodedata.category(c) == "Cc" or c == "\u202e" for c in line.plain)


SAMPLES: tuple[Frame, ...] = (
    Tokens((TokenItem("The", 785), TokenItem(" cat", 8251, "new"), TokenItem("", 99, "cut", bytes="e4bd"))),
    Matrix(((0.0, 1.0), (0.25, 0.75)), ("a", "b"), ("c", "d")),
    Matrix(tuple(tuple(i * j / 900 for j in range(30)) for i in range(30))),
    Bars((Bar("a", 0.5, "chosen"), Bar("b", 0.25, "cut", "n"))),
    Bars((Bar("a", -0.5), Bar("b", 0.25))),
    Tree((Node("root"), Node("x", 0, "kept"), Node("y", 0), Node("z", 1, "cut"))),
    Curve((Series(same("s"), (1, 2, 3), (1, 4, 9)), Series(same("t"), (1, 2, 3), (9, 4, 1)))),
    Table((same("p"), same("q")), (("1", "u"), ("2", "v")), marks=("good", "bad")),
    Timeline((Lane("L", (Span(0, 2, "f"), Span(2, 3, "g", "new"))),), unit="s"),
)  # fmt: skip


@pytest.mark.parametrize("palette", [DARK, PLAIN], ids=["dark", "plain"])
@pytest.mark.parametrize("frame", SAMPLES, ids=lambda frame: type(frame).__name__)
def test_no_sign_is_of_ambiguous_width(frame: Frame, palette: Palette) -> None:
    for character in "".join(plain(frame, palette=palette)):
        drawing = "\u2500" <= character <= "\u259f" or "\u2800" <= character <= "\u28ff"
        assert drawing or unicodedata.east_asian_width(character) not in ("A", "W", "F"), character


@pytest.mark.parametrize("frame", SAMPLES, ids=lambda frame: type(frame).__name__)
def test_without_colour_every_line_is_the_same_marks_included(frame: Frame) -> None:
    marks = {mark for mark in MARKS if mark and f"mark='{mark}'" in repr(frame)}
    drawn = "".join(plain(frame))
    assert all(MARK_SIGNS[mark] in drawn for mark in marks)
    assert all(not span.style for line in draw(frame, 80, PLAIN, "en") for span in line.spans)


# Tokens


def test_tokens_are_delimited_and_spaces_seen() -> None:
    frame = Tokens((TokenItem("low"), TokenItem(" er", mark="new"), TokenItem("\n")))
    assert plain(frame) == ["[low] +[␣er] [\\n]"]
    assert plain(frame, palette=DARK) == ["low +␣er \\n"]


def test_a_muted_item_is_a_remark_between_tokens() -> None:
    frame = Tokens((TokenItem("lo"), TokenItem("w"), TokenItem("5 times", mark="muted"), TokenItem("er")))
    assert plain(frame) == ["[lo] [w] 5 times   [er]"]
    assert plain(frame, palette=SPOKEN) == ["3 tokens", "1. lo", "2. w", "5 times", "3. er"]


def test_one_token_is_said_as_one() -> None:
    assert plain(Tokens((TokenItem("lo"),)), palette=SPOKEN)[0] == "1 token"


def test_ids_stand_under_their_tokens() -> None:
    frame = Tokens(tuple(TokenItem(t, i) for t, i in [("千问", 99364), ("a", 64), ("模型", 104949), (" long", 1)]))
    tokens, ids = plain(frame, palette=DARK)
    for item in frame.items:
        cell = cell_len(tokens[: tokens.index(item.text.replace(" ", "␣"))])
        assert at_cell(ids, cell).startswith(str(item.id))


def test_tokens_wrap_between_tokens_and_lose_none() -> None:
    frame = Tokens(tuple(TokenItem(f"t{i}") for i in range(60)))
    lines = plain(frame, 40)
    assert re.findall(r"\[(t\d+)\]", " ".join(lines)) == [item.text for item in frame.items]


def test_a_token_wider_than_the_line_goes_on_behind_a_sign() -> None:
    lines = plain(Tokens((TokenItem("x" * 100),)), 30)
    assert [line[0] for line in lines[1:]] == ["↳"] * (len(lines) - 1)
    assert "".join(lines).count("x") == 100


def test_bytes_stand_for_a_token_that_is_no_text() -> None:
    assert plain(Tokens((TokenItem("\ufffd", bytes="e4bd"),))) == ["[<e4bd>]"]


# Bars


def test_bars_are_as_long_as_their_values() -> None:
    values = (0.8, 0.4, 0.2, 0.1)
    lines = plain(Bars(tuple(Bar(f"b{i}", v) for i, v in enumerate(values))), 100)
    longest = lines[0].count("#")
    assert [line.count("#") for line in lines] == [round(longest * v / 0.8) for v in values]


def test_block_bars_are_exact_to_an_eighth_of_a_cell() -> None:
    frame = Bars((Bar("a", 1.0), Bar("b", 0.7), Bar("c", 0.013)))
    eighths = {character: i for i, character in enumerate(" ▏▎▍▌▋▊▉█")}
    lengths = [sum(eighths.get(c, 0) for c in line) for line in plain(frame, 70, DARK)]
    assert [length / lengths[0] for length in lengths] == pytest.approx([1.0, 0.7, 0.013], abs=0.5 / lengths[0])


def test_a_value_too_small_to_see_leaves_a_trace_and_zero_none() -> None:
    tiny, zero = plain(Bars((Bar("all", 1), Bar("tiny", 1e-7), Bar("zero", 0))))[1:]
    assert "#" in tiny and "1e-07" in tiny
    assert "#" not in zero


def test_values_below_zero_grow_to_the_other_side_of_the_axis() -> None:
    lines = plain(Bars((Bar("minus", -2.0), Bar("plus", 1.0))))
    axis = {line.index("|") for line in lines}
    assert len(axis) == 1
    (at,) = axis
    assert "#" in lines[0][:at] and "#" not in lines[0][at:]
    assert "#" in lines[1][at:] and "#" not in lines[1][:at]


def test_a_label_keeps_the_space_that_makes_it_another_token() -> None:
    first, second = plain(Bars((Bar(" the", 0.5), Bar("the", 0.5))))
    assert first.startswith("␣the") and second.startswith("the ")


def test_a_note_without_room_beside_stands_below() -> None:
    lines = plain(Bars((Bar("a", 1, note="a note of many words that finds no room"),)), 40)
    assert " ".join(line.strip() for line in lines[1:]) == "a note of many words that finds no room"


# Matrix


def test_a_matrix_shows_its_numbers_where_they_fit() -> None:
    lines = plain(Matrix(((0.125, 1.0), (0.5, 0.0)), ("a", "b"), ("c", "d")))
    assert [line.split() for line in lines] == [["c", "d"], ["a", "0.12", "1.00"], ["b", "0.50", "0"]]


def test_columns_stand_under_their_names() -> None:
    header, row = plain(Matrix(((1.0, 2.0, 3.0),), ("r",), ("词元", "b", "long-name")))
    ends = [cell_len(header[: header.index(name) + len(name)]) for name in ("词元", "b", "long-name")]
    assert [cell_len(row[: row.index(n) + len(n)]) for n in ("1.00", "2.00", "3.00")] == ends


def test_a_wide_matrix_becomes_shades_in_order_of_value() -> None:
    values = tuple(i / 39 for i in range(40))
    lines = plain(Matrix((values,), ("r",)), 100)
    assert re.fullmatch(r"r (  )(\.\.)+(::)+(\+\+)+(##)+", lines[0])
    assert lines[-1].split() == ["0.00", "..::++##", "1.00"]


def test_a_matrix_wider_than_the_screen_is_split_into_panels() -> None:
    lines = plain(Matrix((tuple([1.0] * 200),), ("r",), tuple(f"c{i}" for i in range(200))), 60)
    assert sum(line.count("#") for line in lines if line.startswith("r ")) == 200
    assert "200 c199" in " ".join(lines)


def test_a_marked_cell_carries_its_sign_in_both_forms() -> None:
    marks = (("", "chosen"),)
    assert ">0.50" in plain(Matrix(((1.0, 0.5),), marks=marks))[0]
    narrow = Matrix((tuple([0.5] * 40),), marks=(("", "chosen"),))
    assert plain(narrow, 60)[0].count(">") == 1


# Tree


def test_a_tree_can_be_read_back_from_its_lines() -> None:
    parents = [None, 0, 0, 1, 1, 2, 5, None, 7]
    frame = Tree(tuple(Node(f"n{i}", parent) for i, parent in enumerate(parents)))
    found: dict[str, str | None] = {}
    path: list[str] = []
    for line in plain(frame, palette=DARK):
        name = line.split()[-1]
        level = line.index("n") // 3
        path[level:] = [name]
        found[name] = path[level - 1] if level else None
    assert found == {f"n{i}": None if p is None else f"n{p}" for i, p in enumerate(parents)}


def test_a_tree_too_deep_for_the_width_writes_its_depth() -> None:
    lines = plain(Tree(tuple(Node(f"n{i}", i - 1 if i else None) for i in range(30))), 40)
    assert lines[29] == "29> n29"


# Curve


def test_a_falling_curve_falls_on_the_screen() -> None:
    xs = tuple(i / 10 for i in range(60))
    lines = plain(Curve((Series(same("loss"), xs, tuple(exp(-x) for x in xs)),)))
    rows = [line[line.index("|") + 1 if "|" in line else line.index("+") + 1 :] for line in lines[1:-2]]
    tops = [min((i for i, row in enumerate(rows) if row[c : c + 1] == "o"), default=None) for c in range(70)]
    drawn = [top for top in tops if top is not None]
    assert len(drawn) > 60
    assert all(a <= b for a, b in pairwise(drawn))


def test_series_differ_by_glyph_without_colour() -> None:
    frame = Curve((Series(same("up"), (0, 1), (0, 1)), Series(same("down"), (0, 1), (1, 0))))
    lines = plain(frame, palette=DARK)
    assert lines[0] == "o\u00a0up   x\u00a0down"
    assert "o" in "".join(lines[1:]) and "x" in "".join(lines[1:])


def test_a_logarithmic_axis_has_powers_of_ten_evenly_apart() -> None:
    lines = plain(Curve((Series(same(""), (0, 1, 2, 3), (1, 10, 100, 1000)),), log_y=True))
    places = {line.split("+")[0].strip(): i for i, line in enumerate(lines) if "+" in line}
    gaps = [places["100"] - places["1,000"], places["10"] - places["100"], places["1"] - places["10"]]
    assert max(gaps) - min(gaps) <= 1


def test_points_that_cannot_be_drawn_are_left_out() -> None:
    assert plain(Curve((Series(same("s"), (0, 1), (nan, inf)),), same("name"))) == ["name"]
    assert plain(Curve((Series(same("s"), (0, 1), (0, -1)),), log_y=True)) == []


# Table, timeline, note


def test_numbers_in_a_table_end_in_one_column() -> None:
    frame = Table((same("pair"), same("n")), (("e s", "9"), ("l o", "1,200")), marks=("chosen", ""))
    assert plain(frame) == ["  pair      n", "  ----  -----", "> e s       9", "  l o   1,200"]


def test_a_ragged_table_is_filled() -> None:
    assert plain(Table((same("a"),), (("1", "2"), ()))) == ["a", "-  -", "1  2", ""]


def test_spans_lie_where_their_times_are() -> None:
    lines = plain(Timeline((Lane("g", (Span(0, 5, "F"), Span(10, 20, "B"))),)), 63)
    lane = lines[0][3:]
    assert len(lane) == 60
    assert (lane.index("[F"), lane.index(" ["), lane.index("[B")) == (0, 29, 30)
    assert lane[1:15].strip("F=") == "" and lane[15:30].strip() == ""


def test_a_label_without_room_in_its_span_stands_below() -> None:
    lines = plain(Timeline((Lane("g", (Span(0, 1, "forward"), Span(1, 100, "b"))),)), 60)
    assert lines[1].strip() == "forward 0-1"


def test_a_step_is_title_frames_and_note_with_blank_lines_between() -> None:
    step = Step(
        Text("第 1 步", "Step 1"), (Note(Text("甲", "one")), Bars(()), Note(Text("乙", "two"))), Text("注", "note")
    )
    assert [line.plain for line in draw_step(step, 60, DARK, "zh")] == ["第 1 步", "", "甲", "", "乙", "", "注"]
    assert draw_step(step, 60, DARK, "en")[0].plain == "Step 1"


def test_all_styles_are_in_spans() -> None:
    # A line's own style is lost when a caller renders the line itself instead of printing it.
    for frame in SAMPLES:
        assert all(isinstance(line, RichText) and not line.style for line in draw(frame, 80, DARK, "en"))


# In words


@pytest.mark.parametrize(
    ("frame", "zh", "en"),
    [
        (
            Bars((Bar(" the", 0.42, "chosen", "drawn"),), Text("概率", "Probability"), "%"),
            ["概率", "（空格）the：0.420 %，选中，drawn"],
            ["Probability", "(space)the: 0.420 %, chosen, drawn"],
        ),
        (
            Tokens((TokenItem("低", 5, "new"), TokenItem("\n"))),
            ["2 个词元", "1. 低，编号 5，新增", "2. （换行）"],
            ["2 tokens", "1. 低, number 5, new", "2. (newline)"],
        ),
        (
            Tree((Node("a"), Node("b", 0, "cut", "-1.2"))),
            ["第 1 层：a", "第 2 层：b，去掉，-1.2"],
            ["Level 1: a", "Level 2: b, cut, -1.2"],
        ),
        (
            Matrix(((1.0, 0.5),), (), ("x", "y"), marks=(("", "good"),)),
            ["第 1 行：x 1.00，y 0.50 好"],
            ["Row 1: x 1.00, y 0.50 good"],
        ),
        (
            Table((Text("对", "pair"), Text("次数", "count")), (("e s", "9"),), marks=("kept",)),
            ["对：e s；次数：9；保留"],
            ["pair: e s; count: 9; kept"],
        ),
        (Timeline((Lane("L", (Span(0, 2, "f"),)),), unit="ms"), ["L：f 0 到 2 ms"], ["L: f 0 to 2 ms"]),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list) else "",
)
def test_read_aloud_a_frame_is_sentences(frame: Frame, zh: list[str], en: list[str]) -> None:
    assert plain(frame, 80, SPOKEN, "zh") == zh
    assert plain(frame, 80, SPOKEN, "en") == en
