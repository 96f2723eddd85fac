"""Tokens in rows: every token once, within the width, the bytes those of the text, at any zoom."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutor.domain.plaintext import clean
from tutor.runtime.merges import merging
from tutor.runtime.tokenizers import NAMES, cut
from tutor.ui.draw import cuts, tokentable
from tutor.ui.draw.palette import DARK
from tutor.ui.draw.tokentable import Asked, Count

TEXT = "The 分词器 龘 of\n\t👩‍💻 e\u0301 <|im_start|>\x1b[31m   def f(x):"
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
OTHERS = [name for name in NAMES if name != "model"]


def drawn(zoom: str, name: str, text: str, width: int) -> tuple[cuts.Rows, list[str]]:
    rows = cuts.rows(zoom, cut(name, text), text, width, DARK, merging=merging(name))
    lines: list[str] = []
    for row in range(len(rows.firsts)):
        assert rows.tops[row] == len(lines)
        found = rows.lines(row, 0)
        assert len(found) == rows.tops[row + 1] - rows.tops[row]
        assert all(line.cell_len <= width for line in found)
        lines += [line.plain for line in found]
    assert rows.height == len(lines)
    return rows, lines


@settings(deadline=None, max_examples=60)
@given(ANY_TEXT, st.sampled_from(OTHERS), st.sampled_from(cuts.ZOOMS), st.integers(30, 90))
def test_every_token_stands_in_one_row_and_rows_keep_to_the_width(text: str, name: str, zoom: str, width: int) -> None:
    rows, lines = drawn(zoom, name, text, width)
    seen = [index for row in range(len(rows.firsts)) for index in rows.tokens(row)]
    assert seen == list(range(len(cut(name, text))))
    assert all(clean(line) == line and "\n" not in line for line in lines)
    for index in seen:
        row = rows.of_token(index)
        assert index in rows.tokens(row)
        assert rows.at_line(rows.tops[row]) == row


@pytest.mark.parametrize("name", OTHERS)
def test_the_bytes_in_their_rows_are_the_texts(name: str) -> None:
    _, lines = drawn(cuts.BYTES, name, TEXT, 76)
    shown = " ".join(line[3:] for line in lines[1::3])
    assert bytes.fromhex("".join(re.findall(r"(?<![0-9a-f])[0-9a-f]{2}(?![0-9a-f])", shown))) == TEXT.encode()


def test_a_character_stands_over_its_first_byte_even_where_a_token_cuts_it() -> None:
    # cl100k_base cuts 词 after its second byte.
    _, lines = drawn(cuts.BYTES, "cl100k_base", "a词b", 60)
    assert lines[0].index("词") == lines[1].index("e8")
    assert "~e8 af~8d" in lines[1]


def test_fragments_and_special_tokens_are_marked_by_a_sign() -> None:
    _, lines = drawn(cuts.CHARACTERS, "cl100k_base", "词", 60)
    assert "~<e8 af>~<8d>" in lines[0].replace(" ~", "~")
    text = "a<|endoftext|>"
    rows = cuts.character_rows(cut("cl100k_base", text, special=True), 60, DARK)
    assert "*<|endoftext|>" in rows.lines(0, 0)[0].plain
    assert "*" not in cuts.character_rows(cut("cl100k_base", text), 60, DARK).lines(0, 0)[0].plain


def test_merges_are_listed_in_order_with_rank_and_what_stands_after_each() -> None:
    _, lines = drawn(cuts.MERGES, "cl100k_base", " the", 60)
    own = merging("cl100k_base")
    for line, merge in zip(lines[1:], own.merges(b" the"), strict=True):
        rank, *parts = line.split()
        assert int(rank.replace(",", "")) == merge.rank
        assert [part.strip("[]") for part in parts] == [cuts.label(part) for part in merge.parts]
        assert parts[merge.at].startswith("[")


def test_what_is_said_of_a_token() -> None:
    text = "a词"
    count = Count(Asked(text), cut("cl100k_base", text))
    whole, fragment = (tokentable.token_lines(count, index, DARK) for index in (0, 1))
    assert "id 64" in whole[0].plain
    assert "characters 0:1" in whole[0].plain
    assert "valid UTF-8 alone" in whole[1].plain
    assert "bytes e8 af" in fragment[0].plain
    assert "characters 1:2" in fragment[0].plain
    assert "ends inside a character (of 词)" in fragment[1].plain


def test_the_cost_of_one_text_against_another() -> None:
    count = Count(Asked("模型", "model"), cut("cl100k_base", "模型"), len(cut("cl100k_base", "model")))
    assert tokentable.figures(count, 80, True).split() == ["2", "1.00", "3.00", "0%", "1", "x", "2.00"]
    assert tokentable.figures(count, 56, True).split()[-3:] == ["1", "x", "2.00"], "the comparison gives way last"
