"""The next token as a picture: it fits, it is harmless, and the draw points at the token that was drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.hostile import HOSTILE
from tutor.decoding.exploration import Exploration, Node
from tutor.decoding.steps import look
from tutor.domain.model import Candidate, DecodeStep, Strategy
from tutor.ui.draw import distribution
from tutor.ui.draw.palette import DARK, PLAIN, Palette

LABELS = ["", " ", " the", "猫" * 30, "x" * 90, HOSTILE, "\n\n", "\ufffd"]


class Vocabulary:
    def piece(self, id: int) -> bytes:
        return f" {id}".encode()

    def label(self, id: int) -> str:
        return f" {id}"

    def ends(self, id: int) -> bool:
        return False


def step_at(u: float, strategy: Strategy, seed: int = 0) -> DecodeStep:
    logits = np.random.default_rng(seed).normal(scale=2, size=60).astype(np.float32)
    return look(Vocabulary(), logits, strategy, [1, 2], draw=u, top=distribution.LISTED)


@pytest.mark.parametrize("palette", [DARK, PLAIN], ids=["dark", "plain"])
@pytest.mark.parametrize("width", [24, 40, 77, 200])
def test_rows_and_heading_fit_whatever_the_tokens_are(width: int, palette: Palette) -> None:
    top = tuple(
        Candidate(id, label, -float(id + 1), id < 3, 0.2, label.encode("utf-8", "surrogatepass"), ends=id == 1)
        for id, label in enumerate(LABELS)
    )
    step = DecodeStep(2, top[2].text, top[2].data, -3.0, top, 1.0, draw=0.5)
    rows = distribution.rows(step, {1}, width, palette)
    assert [candidate.id for candidate, _ in rows] == list(range(len(LABELS)))
    for line in (*(text for _, text in rows), distribution.heading(step, width, palette)):
        assert line.cell_len <= width
        assert line.plain.isprintable()


@given(u=st.floats(0, 1, exclude_max=True), seed=st.integers(0, 50), width=st.integers(20, 150))
def test_the_draw_points_into_the_stretch_of_the_token_that_it_drew(u: float, seed: int, width: int) -> None:
    step = step_at(u, Strategy("sample", top_k=12), seed)
    line, pointer = distribution.ruler(step, width, DARK)
    assert line.cell_len == width
    place = pointer.plain.index("^")
    chosen = [span for span in line.spans if span.style == DARK.selection]
    # A stretch of less than a cell may have none; the pointer is then in the one that lies there.
    assert len(chosen) <= 1
    for span in chosen:
        assert span.start - 1 <= place <= span.end


def test_a_token_drawn_from_beyond_the_list_has_a_row_and_no_false_stretch() -> None:
    step = step_at(0.9999, Strategy("sample", temperature=50))
    assert all(candidate.id != step.id for candidate in step.top)
    rows = distribution.rows(step, (), 77, DARK)
    assert rows[-1][0].id == step.id
    assert f"draws ␣{step.id}" in distribution.choice_line(step)


def test_what_the_filters_did_is_said_in_their_order() -> None:
    strategy = Strategy("sample", repeat_penalty=1.2, temperature=0.8, top_k=12, top_p=0.7)
    shifted, top_k, top_p = distribution.stage_lines(step_at(0.1, strategy), strategy)
    assert shifted.startswith("repeat_penalty 1.2, temperature 0.8: shifted")
    assert top_k.startswith("top_k 12: keeps 12 of 60, cuts ")
    assert top_p.startswith("top_p 0.7: keeps ")
    assert list(distribution.stage_lines(step_at(0.1, Strategy("sample")), Strategy("sample"))) == []


def test_entropy_is_said_in_nats_bits_and_equal_tokens() -> None:
    step = DecodeStep(0, "a", b"a", 0.0, (), math.log(8))
    assert distribution.entropy_line(step) == "Entropy 2.079 nats = 3.000 bits, like 1 of 8.0"


def test_of_a_long_text_the_end_is_shown_with_the_last_token_marked() -> None:
    words = [Node(i, i, f" w{i}".encode(), f" w{i}", -1.0, "greedy") for i in range(200)]
    root = Node(-1, -1, b"", "", 0.0, "")
    exploration = Exploration("start", (1,), "start", nodes=(root, *words), cursor=200)
    lines = distribution.so_far(exploration, 60, 3, PLAIN)
    assert len(lines) == 3
    assert lines[0].plain.startswith(".. ")
    assert lines[-1].plain.endswith("w198[ w199]")
    assert all(line.cell_len <= 60 for line in lines)
