"""Decoding driven by a model small enough to check by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from tutor.decoding.distribution import Logits
from tutor.decoding.steps import decode
from tutor.domain.model import Strategy

# Two tokens halve one character; the last ends the text.
PIECES = [b"a", b"b", b"\xe4\xbd", b"\xa0", b""]
END = 4


class Scripted:
    """Prefers `script[n]` at step n; the same logits for the same step, whatever came before."""

    def __init__(self, script: Sequence[int]) -> None:
        self.script = script
        self.evaluated: list[list[int]] = []

    def evaluate(self, ids: Sequence[int]) -> Logits:
        step = len(self.evaluated)
        self.evaluated.append(list(ids))
        logits = np.array([0.5, 0.25, 0.125, 0.0, -0.5], dtype=np.float32)
        logits[self.script[step % len(self.script)]] += 2
        return logits

    def piece(self, id: int) -> bytes:
        return PIECES[id]

    def label(self, id: int) -> str:
        return f"<{id}>"

    def ends(self, id: int) -> bool:
        return id == END


def test_greedy_takes_the_best_token_and_evaluates_each_token_once() -> None:
    model = Scripted([1, 0, 1])
    steps = list(decode(model, [7, 8, 9], Strategy(), max_tokens=3))
    assert [step.id for step in steps] == [1, 0, 1]
    assert model.evaluated == [[7, 8, 9], [1], [0]]
    best = steps[0].top[0]
    assert (best.id, best.text, best.kept, best.probability) == (1, "<1>", True, 1.0)
    assert not any(candidate.kept for candidate in steps[0].top[1:])
    total = math.log(sum(math.exp(x) for x in (0.5, 2.25, 0.125, 0.0, -0.5)))
    assert steps[0].logprob == pytest.approx(2.25 - total, abs=1e-6)


def test_nothing_is_evaluated_before_it_is_asked_for() -> None:
    model = Scripted([1])
    steps = decode(model, [7], Strategy(), max_tokens=100)
    next(steps)
    assert len(model.evaluated) == 1


def test_bytes_wait_until_a_character_is_whole() -> None:
    steps = list(decode(Scripted([0, 2, 3, 1]), [0], Strategy(), max_tokens=4))
    assert [step.text for step in steps] == ["a", "", "你", "b"]
    assert b"".join(step.data for step in steps) == "a你b".encode()


def test_decoding_stops_at_the_end_token_unless_told_to_go_on() -> None:
    steps = list(decode(Scripted([0, END, 1]), [0], Strategy(), max_tokens=10))
    assert [step.finished for step in steps] == [False, True]
    assert steps[-1].text == ""
    on = list(decode(Scripted([0, END, 1]), [0], Strategy(), max_tokens=3, ignore_eos=True))
    assert [step.id for step in on] == [0, END, 1]
    assert not any(step.finished for step in on)


def test_the_repetition_penalty_changes_what_greedy_takes() -> None:
    # Token 1 leads by 2.25 to 0.5, until divided by 5.
    steps = list(decode(Scripted([1]), [3], Strategy(repeat_penalty=5.0), max_tokens=2))
    assert [step.id for step in steps] == [1, 0]
    assert steps[0].stages[0].name == "repeat_penalty"
    assert next(decode(Scripted([1]), [1], Strategy(repeat_penalty=5.0), max_tokens=1)).id == 0


def test_one_seed_gives_one_text_and_reports_the_draws() -> None:
    strategy = Strategy(kind="sample", temperature=2.0, seed=11)
    first, again = (list(decode(Scripted([0, 1]), [0], strategy, max_tokens=20, ignore_eos=True)) for _ in range(2))
    assert first == again
    draws = [step.draw for step in first]
    assert draws == list(itertools.islice(iter(np.random.Generator(np.random.PCG64(11)).random(20)), 20))
    other = decode(
        Scripted([0, 1]), [0], Strategy(kind="sample", temperature=2.0, seed=12), max_tokens=20, ignore_eos=True
    )
    assert [step.id for step in other] != [step.id for step in first]


def test_what_sampling_cut_is_shown_as_cut() -> None:
    step = next(decode(Scripted([1]), [0], Strategy(kind="sample", top_k=2), max_tokens=1, top=5))
    assert [(candidate.id, candidate.kept) for candidate in step.top] == [
        (1, True), (0, True), (2, False), (3, False), (4, False)
    ]  # fmt: skip
    assert sum(candidate.probability for candidate in step.top) == pytest.approx(1.0)
    assert all(candidate.probability == 0.0 for candidate in step.top if not candidate.kept)
