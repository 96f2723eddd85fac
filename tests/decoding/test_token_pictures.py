"""Tokens in pictures and sentences: nothing invisible, nothing that acts on a terminal, bytes where no text is."""

from __future__ import annotations

import math

import pytest

from tutor.decoding.token_pictures import candidate_bars, name_of, piece_item, plain_candidate
from tutor.domain.language import Text
from tutor.domain.model import Candidate, TokenPiece


@pytest.mark.parametrize(
    ("text", "data", "name"),
    [
        (" the", b" the", "␣the"),
        ("\xa0", "\xa0".encode(), "\\u00a0"),
        ("\u3000雪", "\u3000雪".encode(), "\\u3000雪"),
        ("\n\n", b"\n\n", "\\n\\n"),
        ("\x1b[2J", b"\x1b[2J", "\\x1b[2J"),
        ("\ufffd", "雪".encode()[:2], "<e9 9b>"),
        ("\ufffd", "\ufffd".encode(), "\ufffd"),
        ("", b"", "#7"),
    ],
)
def test_a_token_is_named_by_what_can_be_seen(text: str, data: bytes, name: str) -> None:
    assert name_of(Candidate(7, text, -1.0, data=data)) == name
    item = piece_item(TokenPiece(7, text, data, 0, 1))
    assert item.bytes == (data.hex() if name.startswith("<") else "")


def test_bars_show_the_models_own_probabilities_and_mark_the_token_that_came() -> None:
    top = (Candidate(1, " a", math.log(0.5)), Candidate(2, "b", math.log(0.25)))
    bars = candidate_bars(top, Text("甲", "a"), chosen=2)
    assert [(bar.label, bar.value, bar.mark) for bar in bars.items] == [
        ("␣a", pytest.approx(0.5), ""),
        ("b", pytest.approx(0.25), "chosen"),
    ]
    assert plain_candidate(top[1]) == {
        "id": 2,
        "text": "b",
        "probability": pytest.approx(0.25),
        "logprob": math.log(0.25),
    }
