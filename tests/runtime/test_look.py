"""Looking at the next token: what a chain of looks says is what decoding says, and only what is new is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tutor.domain.errors import UsageError
from tutor.domain.model import Strategy
from tutor.runtime.client import WorkerModel
from tutor.runtime.llama import AbortFlag, Engine

TEXT = "Once upon a time there was a small village by the sea, where"
SAMPLE = Strategy(kind="sample", temperature=1.3, top_k=80, top_p=0.95, seed=7)


def chain(model: WorkerModel, ids: tuple[int, ...], strategy: Strategy, steps: int) -> list[int]:
    """The tokens that one look after the other chooses, with the draws that `decode` would make."""
    random = np.random.Generator(np.random.PCG64(strategy.seed))
    written = list(ids)
    for _ in range(steps):
        draw = float(random.random()) if strategy.kind == "sample" else 0.0
        written.append(model.look(written, strategy, draw=draw).id)
    return written[len(ids) :]


@pytest.mark.parametrize("name", ["smol", "qwen_model"])
def test_a_chain_of_looks_writes_what_decoding_writes(name: str, request: pytest.FixtureRequest) -> None:
    model: WorkerModel = request.getfixturevalue(name)
    ids = model.next(TEXT).ids
    for strategy in (Strategy(), SAMPLE, Strategy(repeat_penalty=1.3)):
        steps = list(model.decode(TEXT, strategy, max_tokens=8, ignore_eos=True))
        assert chain(model, ids, strategy, 8) == [step.id for step in steps]


@pytest.mark.parametrize("name", ["smol", "qwen_model"])
def test_a_look_tells_what_a_step_of_decoding_tells(name: str, request: pytest.FixtureRequest) -> None:
    model: WorkerModel = request.getfixturevalue(name)
    steps = list(model.decode(TEXT, SAMPLE, max_tokens=3, top=12))
    ids = [*model.next(TEXT).ids, steps[0].id]
    model.look(ids[:-1], Strategy())
    look = model.look(ids, SAMPLE, draw=steps[1].draw, top=12)
    assert (look.id, look.data, look.stages, look.top) == (steps[1].id, steps[1].data, steps[1].stages, steps[1].top)
    assert look.logprob == steps[1].logprob
    assert look.text == next(c.text for c in model.look(ids, SAMPLE, top=0, also=[look.id]).top)


def test_only_new_tokens_are_computed_and_another_strategy_costs_nothing(smol: WorkerModel) -> None:
    ids = list(smol.next(TEXT).ids)
    smol.look(ids, Strategy())
    before = smol.evaluations
    for strategy in (Strategy(), SAMPLE, Strategy(kind="sample", top_k=3)):
        smol.look(ids, strategy, draw=0.5)
    assert smol.evaluations == before
    for token in (11, 28, 30):
        ids.append(token)
        smol.look(ids, SAMPLE)
    assert smol.evaluations == before + 3
    smol.look([*ids[:-1], 42], SAMPLE)
    assert smol.evaluations == before + 4


@pytest.mark.parametrize("name", ["smollm", "qwen"])
def test_whatever_was_asked_before_the_logits_are_the_same_to_the_bit(
    name: str, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(name)
    engine = Engine(path, 2, AbortFlag(), lambda _fraction: None)
    prompt = engine.vocabulary.ids(b"The capital of France is Paris, and that of Italy is Rome; of Spain it is")
    further = engine.vocabulary.ids(b" Madrid. Nobody would say")
    at_prompt = engine.prompt(prompt).copy()
    in_turn = [engine.extend(id).copy() for id in further]

    def looked(ids: list[int]) -> np.ndarray:
        return engine.look(ids).copy()

    assert (looked(prompt) == at_prompt).all()  # a step back
    assert (looked(prompt + further) == in_turn[-1]).all()  # five at once
    engine.look([*prompt, *further[:2], 99])  # a branch, and back from it
    assert (looked(prompt + further[:3]) == in_turn[2]).all()
    list(engine.rows(prompt))
    assert (looked(prompt) == at_prompt).all()


def test_the_tokens_asked_for_stand_behind_the_best(smol: WorkerModel) -> None:
    ids = smol.next(TEXT).ids
    look = smol.look(ids, Strategy(kind="sample", top_k=2), top=5, also=[0, 17, 17])
    assert [c.id for c in look.top[5:]] == [0, 17]
    assert (look.top[5].data, look.top[5].ends, look.top[5].kept) == (b"", True, False)
    assert look.top[0].data == look.top[0].text.encode()
    assert smol.look(ids, Strategy(), top=3, also=[look.top[1].id]).top == smol.look(ids, Strategy(), top=3).top


def test_what_is_no_text_gets_a_sentence(smol: WorkerModel) -> None:
    with pytest.raises(UsageError, match="empty"):
        smol.look([], Strategy())
    with pytest.raises(UsageError, match="no token"):
        smol.look([1, 10_000_000], Strategy())
    with pytest.raises(UsageError, match="draw"):
        smol.look([1], Strategy(), draw=1.5)
    assert smol.look([1], Strategy()).top
