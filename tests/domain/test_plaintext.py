from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from tutor.domain.plaintext import clean, visible

# Drawn often enough from what a terminal acts on, or what is parsed as markup elsewhere.
HOSTILE = st.sampled_from(
    [
        "\x1b[31m",
        "\x1b]0;title\x07",
        "\x9b2J",
        "\u202e",
        "\u2066",
        "\u200f",
        "\x7f",
        "\r",
        "\x08",
        "\x00",
        "\ud800",
        "[bold]",
        "\u2028",
    ]
)
TEXTS = st.lists(st.text(st.characters(), max_size=8) | HOSTILE, max_size=8).map("".join)


def _acts_on_a_terminal(character: str) -> bool:
    # By Unicode's own categories, not by the list under test: controls, surrogates, line and paragraph separators, and
    # the characters with a bidirectional class of an embedding, override or isolate.
    category = unicodedata.category(character)
    bidi = unicodedata.bidirectional(character)
    return (
        (category == "Cc" and character not in "\n\t")
        or category in ("Cs", "Zl", "Zp")
        or bidi
        in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        )
    )


@given(TEXTS, TEXTS)
def test_a_stream_may_be_cut_anywhere(a: str, b: str) -> None:
    assert clean(a) + clean(b) == clean(a + b)


@given(TEXTS)
def test_nothing_that_acts_on_a_terminal_survives(text: str) -> None:
    assert not any(_acts_on_a_terminal(character) for character in clean(text) + visible(text))
    clean(text).encode()


@given(st.integers(0, 0x10FFFF).map(chr))
def test_each_character_is_kept_or_dropped_whole(character: str) -> None:
    assert clean(character) in ("", character)


def test_every_character_that_acts_on_a_terminal_is_dropped() -> None:
    survivors = [hex(code) for code in range(0x110000) if _acts_on_a_terminal(chr(code)) and clean(chr(code))]
    assert survivors == []


@given(st.text("abc 词元é😀[]{}\n\t", max_size=40))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@given(TEXTS)
def test_a_label_is_one_line_and_shows_what_was_dropped(text: str) -> None:
    label = visible(text)
    assert "\n" not in label
    assert "\t" not in label
    assert len(label) >= len(text)


def test_an_escape_is_shown_as_its_code() -> None:
    assert visible("a\x1b[31m\n") == "a\\x1b[31m\\n"
    assert visible("\u202e") == "\\u202e"
