"""The loss demo: on logits against a few lines of numpy and finite differences, on a text against a forward pass
in numpy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.demos.play import control_characters, frames, play, untranslated
from tests.runtime.numpy_llama import NumpyLlama
from tutor.decoding.distribution import log_softmax
from tutor.demos import loss, registry
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.frames import Bars, Curve, Tokens
from tutor.domain.model import Candidate, Distribution, ModelInfo, Score, TokenPiece
from tutor.runtime.client import WorkerModel

TEXT = "The capital of France is Paris. The capital of Japan is Banana."

# Logits


def smoothed_cross_entropy(logits: Any, target: int, smoothing: float) -> float:
    """By the definition, term by term. Oracle."""
    weights = [math.exp(x - max(logits)) for x in logits]
    probabilities = [w / sum(weights) for w in weights]
    count = len(logits)
    wanted = [(1 - smoothing) * (i == target) + smoothing / count for i in range(count)]
    return -sum(q * math.log(p) for q, p in zip(wanted, probabilities, strict=True) if q)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_loss_and_gradient_are_what_the_definition_and_finite_differences_say(seed: int, smoothing: float) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, size=int(random.integers(2, 9)))
    target = int(random.integers(len(logits)))
    _, result = play(loss, {"logits": logits.tolist(), "target": target, "label_smoothing": smoothing})
    assert result["loss"] == pytest.approx(smoothed_cross_entropy(logits, target, smoothing), abs=1e-12)
    step = 1e-5
    for i, slope in enumerate(result["gradient"]):
        nudge = np.where(np.arange(len(logits)) == i, step, 0.0)
        higher, lower = (smoothed_cross_entropy(logits + s * nudge, target, smoothing) for s in (1, -1))
        assert slope == pytest.approx((higher - lower) / (2 * step), abs=1e-8)
    assert sum(result["probabilities"]) == pytest.approx(1)
    assert sum(result["gradient"]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_step_against_the_gradient_lowers_the_loss_and_never_below_the_least(smoothing: float) -> None:
    for logits in ([0.0, 0.0], [30.0, -30.0, 0.0], [-1000.0, 1000.0]):
        steps, result = play(loss, {"logits": logits, "label_smoothing": smoothing})
        assert result["least_loss"] - 1e-12 <= result["loss_after"] <= result["loss"]
        assert result["loss_after"] < result["loss"] or max(map(abs, result["gradient"])) < 1e-9
        path = frames(steps, Curve)[-1].series[0].ys
        assert list(path) == sorted(path, reverse=True)
        assert path[:2] == (result["loss"], result["loss_after"])


def test_the_least_loss_is_reached_where_the_probabilities_are_the_target() -> None:
    wanted = [0.925, 0.025, 0.025, 0.025]  # 1 - 0.1 + 0.1 / 4 and 0.1 / 4
    _, result = play(loss, {"logits": [math.log(q) for q in wanted], "label_smoothing": 0.1})
    assert result["target_distribution"] == pytest.approx(wanted)
    assert result["loss"] == pytest.approx(result["least_loss"])
    assert result["gradient"] == pytest.approx([0] * 4, abs=1e-12)


def test_answers_go_by_their_names_and_the_right_one_is_marked() -> None:
    steps, result = play(loss, {"logits": [["cat", 2], ["\x1b[2Jdog", 1]], "target": 1})
    assert [(bar.label, bar.mark) for bar in frames(steps, Bars)[0].items] == [("cat", ""), ("\\x1b[2Jdog", "chosen")]
    assert play(loss, {"logits": [2, 1], "target": 1})[1] == result
    assert not control_characters(steps)
    assert not untranslated(steps)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"logits": [1]}, "list of 2 to 50"),
        ({"logits": {"a": 1, "b": 2}}, "list of 2 to 50"),
        ({"logits": [1, "a"]}, 'not "a"'),
        ({"logits": [1, True]}, "not true"),
        ({"logits": [1, [2, 3]]}, "not [2, 3]"),
        ({"logits": [1, 1001]}, "from -1000 to 1000"),
        ({"logits": [1, ["", 1]]}, 'not ["", 1]'),
        ({"logits": [1, 2], "target": 2}, "`target` must be from 0 to 1 for 2 logits, not 2"),
        ({"logits": [1, 2], "label_smoothing": 1.5}, "`label_smoothing` must be from 0 to 1, not 1.5"),
    ],
)
def test_logits_that_are_none_are_refused_with_what_was_given(given: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError) as refusal:
        play(loss, given)
    assert named in refusal.value.message


def test_only_a_run_without_logits_needs_a_model() -> None:
    assert loss.needs_model(registry.prepare(loss, {}))
    assert not loss.needs_model(registry.prepare(loss, {"logits": [1, 2]}))
    with pytest.raises(ModelMissing):
        play(loss, {})


# A model written here, which says what must not reach a terminal and wants a token of its own first


class Reader:
    def info(self) -> ModelInfo:
        return ModelInfo("reader", "", "", 0, 0, 0, 0, 0, 8, 0, 0, 1, "")

    def tokenize(self, text: str, *, special: bool = False, bos: bool = False) -> tuple[TokenPiece, ...]:
        snow = "雪".encode()
        typed = (
            TokenPiece(3, "\x1b[2J", b"\x1b[2J", 0, 4),
            TokenPiece(4, "\ufffd", snow[:2], 4, 5),
            TokenPiece(5, "\ufffd", snow[2:], 4, 5),
        )
        return (TokenPiece(1, "<s>", b"", 0, 0, True), *typed) if bos else typed

    def score(self, text: str) -> Score:
        return Score((1, 3, 4, 5), (0.1, 8.0, 2.0), 10.1 / 3, math.exp(10.1 / 3))

    def next(self, prompt: Any, *, top: int = 10) -> Distribution:
        assert tuple(prompt) == (1, 3)
        return Distribution((1, 3), (Candidate(6, "\u202e no", math.log(0.9)),), 0.3)


def test_a_surprise_stands_under_its_own_token_also_where_the_model_adds_one_before_the_text() -> None:
    steps, result = play(loss, {"text": "\x1b[2J雪"}, Reader())
    coloured = frames(steps, Tokens)[1].items
    assert [(item.note, item.mark) for item in coloured] == [
        ("-", ""),
        ("0.10", "good"),
        ("8.00", "bad"),
        ("2.00", ""),
    ]
    assert [item.bytes for item in coloured[1:]] == ["", "e99b", "aa"]
    assert result["tokens"][:2] == ["<s>", "[2J"]
    assert result["most_surprising"] == 2
    assert "<e9 9b>" in steps[3].note.en
    assert not control_characters(steps)


# The real model


def test_surprise_is_that_of_a_forward_pass_in_numpy(smol: WorkerModel, numpy_smol: NumpyLlama) -> None:
    steps, result = play(loss, {"text": TEXT}, smol)
    ids = result["ids"]
    logprobs = log_softmax(numpy_smol.logits(ids))
    expected = [-float(logprobs[i, id]) for i, id in enumerate(ids[1:])]
    # llama.cpp rounds activations to 8 bits on quantized weights.
    assert result["token_nll"] == pytest.approx(expected, abs=0.6)
    assert result["mean_nll"] == pytest.approx(sum(expected) / len(expected), abs=0.1)
    assert result["perplexity"] == pytest.approx(math.exp(sum(expected) / len(expected)), rel=0.1)
    assert result["mean_bits"] == pytest.approx(math.log2(result["perplexity"]))
    assert result["tokens"][result["most_surprising"]] == " Ban"
    assert "".join(result["tokens"]) == TEXT
    # What it expected instead is what it says when asked after the words before.
    assert frames(steps, Bars)[1].items[0].label == "␣Tokyo"
    assert not untranslated(steps)


def test_a_text_of_one_token_gets_a_sentence(smol: WorkerModel) -> None:
    with pytest.raises(UsageError, match="at least two tokens"):
        play(loss, {"text": "cat"}, smol)


def test_a_long_text_is_drawn_in_part_and_summed_whole(smol: WorkerModel) -> None:
    steps, result = play(loss, {"text": "Snow fell on the roof. " * 40}, smol)
    assert len(result["token_nll"]) == len(result["ids"]) - 1 > loss.SHOWN_TOKENS
    assert len(frames(steps, Tokens)[1].items) == loss.SHOWN_TOKENS
    assert f"{len(result['ids']) - loss.SHOWN_TOKENS} more tokens" in steps[1].note.en
