"""The kept sets against the definitions of the papers, written out without sharing a line with the code."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tutor.decoding.filters import keep
from tutor.decoding.strategy import validate
from tutor.domain.errors import UsageError
from tutor.domain.model import Strategy

LOGITS = hnp.arrays(np.float32, st.integers(1, 600), elements=st.floats(-12, 12, width=32))
STRATEGIES = st.builds(
    Strategy,
    kind=st.just("sample"),
    temperature=st.sampled_from([0.5, 1.0, 1.7]),
    top_k=st.sampled_from([0, 1, 3, 50]),
    typical_p=st.sampled_from([1.0, 0.9, 0.5, 0.1]),
    top_p=st.sampled_from([1.0, 0.9, 0.5, 0.1]),
    min_p=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    repeat_penalty=st.sampled_from([1.0, 1.3, 0.8]),
)
# Nearer than this to a threshold, two right ways to add may disagree.
EDGE = 1e-9


def normalized(weights: dict[int, float]) -> dict[int, float]:
    total = math.fsum(weights.values())
    return {id: weight / total for id, weight in weights.items()}


def by_definition(logits: np.ndarray, strategy: Strategy, seen: set[int]) -> dict[int, float]:
    """What is left after all filters: id -> probability."""
    scores = {}
    for id, logit in enumerate(logits.tolist()):
        score = logit
        if id in seen:
            score = logit / strategy.repeat_penalty if logit > 0 else logit * strategy.repeat_penalty
        scores[id] = score / strategy.temperature
    top = max(scores.values())
    left = normalized({id: math.exp(score - top) for id, score in scores.items()})
    if strategy.top_k:
        best = sorted(left, key=lambda id: (-scores[id], id))[: strategy.top_k]
        left = normalized({id: left[id] for id in best})
    if strategy.typical_p < 1:
        entropy = math.fsum(-p * math.log(p) for p in left.values())
        unlike = {id: abs(-math.log(p) - entropy) for id, p in left.items()}
        typical: dict[int, float] = {}
        by_unlikeness = sorted(left, key=lambda id: (unlike[id], id))
        for one, other in itertools.pairwise(by_unlikeness):
            assume(left[one] == left[other] or abs(unlike[one] - unlike[other]) > EDGE)
        for id in by_unlikeness:
            if typical and math.fsum(typical.values()) >= strategy.typical_p:
                break
            typical[id] = left[id]
            assume(abs(math.fsum(typical.values()) - strategy.typical_p) > EDGE)
        left = normalized(typical)
    if strategy.top_p < 1:
        nucleus: dict[int, float] = {}
        reached: list[float] = []
        for id in sorted(left, key=lambda id: (-scores[id], id)):
            if nucleus and math.fsum(reached) >= strategy.top_p:
                break
            nucleus[id] = left[id]
            reached.append(left[id])
            assume(abs(math.fsum(reached) - strategy.top_p) > EDGE)
        left = normalized(nucleus)
    if strategy.min_p:
        threshold = strategy.min_p * max(left.values())
        for probability in left.values():
            assume(probability in (threshold, max(left.values())) or abs(probability - threshold) > EDGE)
        left = normalized({id: probability for id, probability in left.items() if probability >= threshold})
    return left


@settings(deadline=None, max_examples=300)
@given(LOGITS, STRATEGIES, st.sets(st.integers(0, 5)))
def test_exactly_the_sets_of_the_papers_are_kept(logits: np.ndarray, strategy: Strategy, seen: set[int]) -> None:
    seen = {id for id in seen if id < len(logits)}
    expected = by_definition(logits, strategy, seen)
    kept = keep(logits, strategy, seen)

    assert set(kept.ids.tolist()) == set(expected)
    assert kept.count == len(expected)
    np.testing.assert_allclose(kept.probabilities, [expected[i] for i in kept.ids.tolist()], atol=1e-9)
    everything = np.arange(len(logits))
    is_kept, shares = kept.share(everything)
    assert set(everything[is_kept].tolist()) == set(expected)
    np.testing.assert_allclose(shares, [expected.get(i, 0.0) for i in everything.tolist()], atol=1e-9)


@settings(deadline=None)
@given(LOGITS, STRATEGIES)
def test_stages_stand_in_the_order_they_acted_and_account_for_every_token(
    logits: np.ndarray, strategy: Strategy
) -> None:
    stages = keep(logits, strategy, [0]).stages
    order = ["repeat_penalty", "temperature", "top_k", "typical_p", "top_p", "min_p"]
    assert [stage.name for stage in stages] == [name for name in order if name in {stage.name for stage in stages}]
    left = len(logits)
    for stage in stages:
        assert stage.kept + stage.cut == left
        assert 0 <= stage.mass_cut < 1
        assert (stage.mass_cut > 0) <= (stage.cut > 0)
        left = stage.kept
    assert left == keep(logits, strategy, [0]).count


def test_each_stage_counts_mass_as_a_share_of_what_was_left_before_it() -> None:
    logits = np.log(np.array([0.4, 0.3, 0.2, 0.1], dtype=np.float32))
    stages = keep(logits, Strategy(kind="sample", top_k=3, top_p=0.7)).stages
    assert [(stage.name, stage.kept, stage.cut) for stage in stages] == [("top_k", 3, 1), ("top_p", 2, 1)]
    assert stages[0].mass_cut == pytest.approx(0.1, abs=1e-6)
    assert stages[1].mass_cut == pytest.approx(0.2 / 0.9, abs=1e-6)


def test_typical_sampling_may_cut_the_most_likely_token() -> None:
    # Surprises 0.60, 1.61, 2.08, 2.08 and an entropy of 1.17 nats: the second is nearest to it, then the first.
    logits = np.log(np.array([0.55, 0.2, 0.125, 0.125], dtype=np.float32))
    kept = keep(logits, Strategy(kind="sample", typical_p=0.15))
    assert kept.ids.tolist() == [1]
    assert [(s.name, s.kept, s.cut) for s in kept.stages] == [("typical_p", 1, 3)]
    assert kept.stages[0].mass_cut == pytest.approx(0.8, abs=1e-6)
    assert [kept.draw(u) for u in (0.0, 0.5, 0.999)] == [1, 1, 1]
    # What comes after it acts on what it left.
    after = keep(logits, Strategy(kind="sample", typical_p=0.7, top_p=0.5))
    assert (after.ids.tolist(), after.stages[1].name, after.stages[1].cut) == ([0], "top_p", 1)


def test_ties_at_the_edge_go_to_the_smaller_ids() -> None:
    logits = np.zeros(1000, dtype=np.float32)
    assert keep(logits, Strategy(kind="sample", top_k=3)).ids.tolist() == [0, 1, 2]
    # 251 of 1,000 equal tokens are the first to reach 0.2505.
    assert keep(logits, Strategy(kind="sample", top_p=0.2505)).count == 251
    assert keep(logits, Strategy(kind="sample", min_p=1.0)).count == 1000


def test_a_temperature_of_zero_leaves_the_most_likely_token_alone() -> None:
    kept = keep(np.array([1.0, 3.0, 3.0], dtype=np.float32), Strategy(kind="sample", temperature=0))
    assert kept.ids.tolist() == [1]
    assert (kept.stages[0].name, kept.stages[0].cut) == ("temperature", 2)


@settings(deadline=None)
@given(LOGITS, STRATEGIES, st.floats(0, 1, exclude_max=True))
def test_a_draw_is_where_the_cumulative_distribution_passes_it(
    logits: np.ndarray, strategy: Strategy, u: float
) -> None:
    kept = keep(logits, strategy)
    cumulative = np.cumsum(kept.probabilities)
    assume(np.abs(cumulative - u).min() > EDGE)
    passed = [id for id, reached in zip(kept.ids.tolist(), cumulative, strict=True) if reached > u]
    assert kept.draw(u) == (passed[0] if passed else kept.ids[-1])


def test_draws_come_as_often_as_their_probabilities_say() -> None:
    kept = keep(np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32)), Strategy(kind="sample"))
    drawn = [kept.draw(u) for u in np.random.default_rng(1).random(20_000)]
    counts = np.bincount(drawn, minlength=4)
    expected = 20_000 * np.array([0.5, 0.3, 0.15, 0.05])
    # Chi-squared with 3 degrees of freedom: above 16.3 once in a thousand seeds.
    assert ((counts - expected) ** 2 / expected).sum() < 16.3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -1),
        ("temperature", math.nan),
        ("top_p", 1.5),
        ("min_p", -0.1),
        ("repeat_penalty", 0),
        ("top_k", -1),
    ],
)
def test_a_parameter_out_of_bounds_is_named_with_its_bounds_and_value(name: str, value: float) -> None:
    with pytest.raises(UsageError) as refused:
        validate(Strategy(kind="sample", **{name: value}))
    assert name in refused.value.message
    assert str(value) in refused.value.message


def test_beam_is_pointed_to_its_own_call_and_nonsense_is_refused() -> None:
    with pytest.raises(UsageError, match="as `beam`"):
        validate(Strategy(kind="beam"))
    with pytest.raises(UsageError, match="greedy, sample or beam"):
        validate(Strategy(kind="best"))
