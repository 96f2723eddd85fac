"""The model on this machine as a voice: what it says, what it took, and that it falls silent when told to."""

from __future__ import annotations

import pytest

from tutor.agent.local import LocalEngine
from tutor.domain.errors import Cancelled
from tutor.domain.model import Message, Strategy
from tutor.runtime.client import WorkerModel

TURNS = (Message("system", "Answer briefly. " * 20), Message("user", "What is the capital of France?"))


def test_it_says_what_the_model_says_and_counts(smol: WorkerModel) -> None:
    engine = LocalEngine(smol)
    said = "".join(engine.chat(TURNS, max_tokens=12))
    pieces = list(smol.chat(TURNS, max_tokens=12))
    assert said == "".join(piece.text for piece in pieces)
    assert (engine.usage.prompt, engine.usage.answer) == (pieces[0].prompt, len(pieces))
    assert list(engine.chat(TURNS, max_tokens=1)) and engine.usage.reused >= 32
    assert engine.small and engine.name == "smollm2-135m"


def test_a_temperature_samples_with_its_seed(smol: WorkerModel) -> None:
    said = "".join(LocalEngine(smol).chat(TURNS, max_tokens=8, temperature=1.5, seed=4))
    strategy = Strategy("sample", temperature=1.5, seed=4)
    assert said == "".join(piece.text for piece in smol.chat(TURNS, max_tokens=8, strategy=strategy))


def test_a_grammar_holds(smol: WorkerModel) -> None:
    assert "".join(LocalEngine(smol).chat(TURNS, grammar='root ::= "yes" | "no"', max_tokens=8)) in ("yes", "no")


def test_closing_and_stopping_end_it(smol: WorkerModel) -> None:
    engine = LocalEngine(smol)
    pieces = engine.chat(TURNS, max_tokens=400)
    next(pieces)
    before = smol.evaluations if pieces.close() is None else 0  # type: ignore[attr-defined]
    pieces = engine.chat(TURNS, max_tokens=400)
    next(pieces)
    engine.cancel()
    with pytest.raises(Cancelled):
        list(pieces)
    assert smol.evaluations - before < 100
