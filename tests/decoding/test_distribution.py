"""Distributions from logits, against definitions written out in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tutor.decoding.distribution import entropy, largest, log_softmax, summarize
from tutor.domain.errors import ModelFailed

# Few distinct values, so that ties are the rule.
TIED = hnp.arrays(np.float32, st.integers(1, 2000), elements=st.integers(-5, 5).map(float))
LOGITS = hnp.arrays(np.float32, st.integers(1, 300), elements=st.floats(-40, 40, width=32))


@settings(deadline=None)
@given(TIED, st.integers(0, 60))
def test_largest_is_the_head_of_a_full_sort_with_ties_by_id(values: np.ndarray, k: int) -> None:
    everything = sorted(range(len(values)), key=lambda i: (-values[i], i))
    assert largest(values, k).tolist() == everything[:k]


def test_largest_finds_the_best_of_a_whole_vocabulary() -> None:
    values = np.random.default_rng(7).normal(size=151_936).astype(np.float32)
    assert largest(values, 100).tolist() == np.argsort(-values, kind="stable")[:100].tolist()


@settings(deadline=None)
@given(LOGITS)
def test_logprobs_and_entropy_follow_their_definitions(logits: np.ndarray) -> None:
    exact = [float(x) for x in logits]
    top = max(exact)
    log_total = top + math.log(math.fsum(math.exp(x - top) for x in exact))
    expected = [x - log_total for x in exact]
    nats = -math.fsum(math.exp(p) * p for p in expected)

    np.testing.assert_allclose(log_softmax(logits), expected, atol=1e-9)
    assert entropy(logits) == pytest.approx(nats, abs=1e-9)
    summary = summarize(logits, 5)
    assert summary.entropy == pytest.approx(nats, abs=1e-4)
    np.testing.assert_allclose(summary.logprobs, [expected[i] for i in summary.ids], atol=1e-5)


def test_tokens_that_are_impossible_add_nothing() -> None:
    logits = np.array([1.0, 1.0, -np.inf], dtype=np.float32)
    summary = summarize(logits, 2)
    assert summary.entropy == pytest.approx(math.log(2), abs=1e-6)
    assert entropy(logits) == pytest.approx(math.log(2))
    assert summary.ids.tolist() == [0, 1]


@pytest.mark.parametrize("values", [[math.nan, 1.0], [math.inf, 0.0], [-math.inf, -math.inf]])
def test_logits_that_are_no_numbers_are_refused_with_a_sentence(values: list[float]) -> None:
    with pytest.raises(ModelFailed, match="not numbers"):
        summarize(np.array(values, dtype=np.float32), 1)
