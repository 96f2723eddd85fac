"""Numbers of lesson 1 that its demo does not give, and what its code lines do."""

from __future__ import annotations

import math

import numpy as np

from tutor.content.library import Library

LENGTHS = [8, 2, 4, 1]


def body(section: str) -> tuple[str, str]:
    text = next(part.body for part in Library().lesson("padding").sections if part.id == section)
    return text.zh, text.en


def says(section: str, *figures: str) -> None:
    for text in body(section):
        for figure in figures:
            assert figure in text, (figure, text)


def test_the_scores_of_the_batch_and_those_of_use() -> None:
    says("attention-mask", str(sum(max(LENGTHS) ** 2 for _ in LENGTHS)), str(sum(n * n for n in LENGTHS)))


def test_the_mean_loss_that_counts_padding() -> None:
    to_guess = len(LENGTHS) * (max(LENGTHS) - 1)
    real = sum(n - 1 for n in LENGTHS)
    assert math.isclose(2.8 * real / to_guess, 1.1)
    says("loss-mask", str(to_guess), str(to_guess - real), f"{real}/{to_guess}", "1.1")


def test_the_line_for_positions_gives_the_positions_in_its_comment() -> None:
    mask = np.array([0, 0, 1, 1, 1])
    assert (mask.cumsum(-1) - 1).clip(min=0).tolist() == [0, 0, 0, 1, 2]
    says("left-costs", "(mask.cumsum(-1) - 1).clip(min=0)", "0 0 1 1 1 -> 0 0 0 1 2")


def test_a_row_with_nothing_to_read_is_nan_and_a_weight_of_zero_passes_it_on() -> None:
    with np.errstate(invalid="ignore"):
        row = np.exp(np.full(3, -np.inf) - -np.inf)
        assert np.isnan(row / row.sum()).all()
        assert np.isnan(0.0 * row[0])


def test_a_pad_of_zeros_shrinks_the_outputs_of_its_row() -> None:
    rng = np.random.default_rng(0)
    wq, wk, wv = rng.standard_normal((3, 4, 4))
    x = rng.standard_normal((2, 4))
    sizes = []
    for pads in (0, 10, 1000, 100_000):
        keys = np.vstack([x, np.zeros((pads, 4))])
        scores = (x @ wq) @ (keys @ wk).T / 2
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        sizes.append(float(np.abs(weights / weights.sum(axis=1, keepdims=True) @ (keys @ wv)).max()))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 0.01 * sizes[0]
