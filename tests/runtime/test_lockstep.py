"""Several strategies in one batch: each writes what it writes alone."""

from __future__ import annotations

import pytest

from tutor.domain.errors import UsageError
from tutor.domain.model import Strategy
from tutor.runtime.client import WorkerModel

TEXT = "Once upon a time there was a small village by the sea, where"
FOUR = (
    Strategy(),
    Strategy(kind="sample", temperature=1.4, seed=3),
    Strategy(kind="sample", top_k=40, top_p=0.9, seed=3),
    Strategy(kind="sample", min_p=0.05, repeat_penalty=1.2, seed=8),
)


@pytest.mark.parametrize(("name", "text"), [("smol", TEXT), ("qwen_model", TEXT), ("qwen_model", "从前有座山，")])
def test_each_writes_to_the_bit_what_it_writes_alone(name: str, text: str, request: pytest.FixtureRequest) -> None:
    model: WorkerModel = request.getfixturevalue(name)
    rounds = list(model.lockstep(text, FOUR, max_tokens=8, top=4, ignore_eos=True))
    assert len(rounds) == 8
    for strategy, steps in zip(FOUR, zip(*rounds, strict=True), strict=True):
        assert list(steps) == list(model.decode(text, strategy, max_tokens=8, top=4, ignore_eos=True))


def test_one_that_has_finished_is_silent_while_the_others_go_on(tiny: WorkerModel) -> None:
    strategies = [Strategy(kind="sample", temperature=3.0, seed=seed) for seed in (0, 2, 8, 10)]
    alone = [list(tiny.decode("the cat", strategy, max_tokens=70)) for strategy in strategies]
    assert len({len(steps) for steps in alone}) > 1
    rounds = list(tiny.lockstep("the cat", strategies, max_tokens=70))
    assert len(rounds) == max(len(steps) for steps in alone)
    for steps, expected in zip(zip(*rounds, strict=True), alone, strict=True):
        assert [step.id for step in steps if step is not None] == [step.id for step in expected]
        assert all(step is None for step in steps[len(expected) :])


def test_the_prompt_is_evaluated_once(smol: WorkerModel) -> None:
    smol.next(TEXT)
    before = smol.evaluations
    list(smol.lockstep(TEXT, FOUR[:3], max_tokens=5, ignore_eos=True))
    assert smol.evaluations == before + 1 + 4


def test_a_closed_lockstep_stops_and_too_many_are_refused(smol: WorkerModel) -> None:
    rounds = smol.lockstep(TEXT, FOUR, max_tokens=1500, ignore_eos=True)
    next(rounds)
    rounds.close()
    assert smol.next(TEXT).top
    with pytest.raises(UsageError, match="strategies"):
        smol.lockstep(TEXT, FOUR * 2)
    with pytest.raises(UsageError, match="side by side"):
        list(smol.lockstep(TEXT, FOUR, max_tokens=4000))
    assert list(smol.lockstep(TEXT, FOUR, max_tokens=0)) == []
