"""The logit lens demo: what it makes of layers written here, and the real model against its own answer and numpy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.demos.play import control_characters, frames, play, untranslated
from tests.runtime.numpy_llama import NumpyLlama
from tutor.decoding.distribution import log_softmax
from tutor.demos import gpt
from tutor.domain.errors import ModelMissing
from tutor.domain.frames import Bars, Curve, Table
from tutor.domain.model import Candidate, Distribution, Lens, LensLayer, TokenPiece
from tutor.runtime.client import WorkerModel

PARIS = Candidate(7, "\x1b[2J Paris", math.log(0.6))
ROME = Candidate(8, " Rome", math.log(0.3))
HALF = Candidate(9, "\ufffd", math.log(0.1), data="雪".encode()[:2])


class Layered:
    """A model whose answer has these ranks, layer by layer."""

    def __init__(self, ranks: list[int]) -> None:
        self.ranks = ranks

    def tokenize(self, text: str, *, special: bool = False, bos: bool = False) -> tuple[TokenPiece, ...]:
        return (TokenPiece(1, text, text.encode(), 0, len(text)),)

    def next(self, prompt: Any, *, top: int = 10) -> Distribution:
        return Distribution((1,), (PARIS, ROME, HALF)[:top], 0.9)

    def lens(self, prompt: Any, *, top: int = 5) -> Lens:
        layers = tuple(
            LensLayer(i, (ROME, HALF, PARIS)[:top] if rank else (PARIS, ROME, HALF)[:top], 1.0 + i, 0.1 * i, rank)
            for i, rank in enumerate(self.ranks)
        )
        return Lens((1,), layers, (PARIS, ROME, HALF)[:top])


@pytest.mark.parametrize(
    ("ranks", "first", "settled", "said"),
    [
        ([900, 40, 0, 3, 0, 0], 2, 4, "after layer 2 (of 6; the last is 5). From layer 4 on"),
        ([900, 40, 3, 2, 1, 0], 5, 5, "Only after the last layer, 5, is"),
        ([0, 0], 0, 0, "after layer 0 (of 2; the last is 1). It stays first from there"),
        ([5, 4], None, None, "first after none of the layers"),
    ],
)
def test_where_the_answer_first_comes_first_and_from_where_on_it_stays(
    ranks: list[int], first: int | None, settled: int | None, said: str
) -> None:
    steps, result = play(gpt, {"k": 2}, Layered(ranks))
    assert (result["first_layer"], result["settled_layer"]) == (first, settled)
    assert result["final_rank"] == ranks
    assert said in steps[-2].note.en
    assert not untranslated(steps)


def test_every_layer_has_one_row_with_its_best_tokens_and_the_rank_of_the_answer() -> None:
    steps, result = play(gpt, {"k": 3}, Layered([900, 40, 3, 0, 0]))
    rows = [row for table in frames(steps, Table) for row in table.rows]
    assert [row[0] for row in rows] == list("01234")
    assert rows[0][1:] == ("␣Rome 0.30", "<e9 9b> 0.10", "\\x1b[2J␣Paris 0.60", "901", "0.0000")
    assert [mark for table in frames(steps, Table) for mark in table.marks] == ["", "", "", "good", "good"]
    assert result["layers"][0][0] == {
        "id": 8,
        "text": " Rome",
        "probability": pytest.approx(0.3),
        "logprob": math.log(0.3),
    }
    assert result["final"][0]["text"] == "[2J Paris"
    assert not control_characters(steps)


def test_without_a_model_it_says_so() -> None:
    with pytest.raises(ModelMissing):
        play(gpt, {})


# The real model


def test_the_last_layer_is_what_the_model_says_itself(smol: WorkerModel) -> None:
    steps, result = play(gpt, {"text": "The capital of France is", "k": 6}, smol)
    own = smol.next("The capital of France is", top=6)
    assert [(each["id"], each["logprob"]) for each in result["final"]] == [(c.id, c.logprob) for c in own.top]
    last = result["layers"][-1]
    assert [each["id"] for each in last][:3] == [each["id"] for each in result["final"]][:3]
    assert [each["probability"] for each in last] == pytest.approx(
        [each["probability"] for each in result["final"]], abs=0.01
    )
    assert len(result["layers"]) == len(result["final_rank"]) == smol.info().layers
    assert result["final_rank"][-1] == 0
    assert result["final_probability"][-1] == pytest.approx(last[0]["probability"], abs=1e-6)
    for layer in result["layers"]:
        probabilities = [each["probability"] for each in layer]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) <= 1 + 1e-6
    # The answer is not there from the beginning: it forms on the way.
    assert result["final_rank"][0] > 100
    assert result["first_layer"] > 0
    assert [len(curve.series[0].xs) for curve in frames(steps, Curve)] == [30, 30]
    assert frames(steps, Bars)[0].items[0].mark == "chosen"


def test_a_layer_says_what_numpy_says_of_its_output(smol: WorkerModel, numpy_smol: NumpyLlama) -> None:
    text = "The capital of France is"
    _, result = play(gpt, {"text": text}, smol)
    states = numpy_smol.states([piece.id for piece in smol.tokenize(text)])
    for layer in (20, 27, 28):
        logprobs = log_softmax(numpy_smol.unembed(states[layer + 1][-1:])[0])
        for each in result["layers"][layer]:
            # llama.cpp rounds activations to 8 bits on quantized weights.
            assert each["probability"] == pytest.approx(math.exp(logprobs[each["id"]]), abs=0.1)
    best = int(np.argmax(numpy_smol.unembed(states[-1][-1:])[0]))
    assert result["final"][0]["id"] == best
