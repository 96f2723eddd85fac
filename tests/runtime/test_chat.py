"""Answers in a conversation: what is known is not evaluated again, a grammar holds, and a stop is heard."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tutor.domain.errors import Cancelled, UsageError
from tutor.domain.model import ChatPiece, Message, Strategy
from tutor.runtime.client import WorkerModel

RULES = Message("system", "You teach how language models work. Answer in one short sentence. " * 8)
ASK = Message("user", "What is the capital of France?")
OTHER = Message("user", "What colour is the sky?")
CITY = r'root ::= "{\"city\": \"" [A-Z] [a-z]+ "\"}"'


def said(pieces: list[ChatPiece]) -> str:
    return "".join(piece.text for piece in pieces)


def answered(model: WorkerModel, *messages: Message, **more: object) -> list[ChatPiece]:
    return list(model.chat(messages, max_tokens=24, **more))  # type: ignore[arg-type]


def test_an_answer_is_what_decoding_the_conversation_writes(qwen_model: WorkerModel) -> None:
    ids = [piece.id for piece in qwen_model.conversation([RULES, ASK])]
    steps = list(qwen_model.decode(ids, Strategy(), max_tokens=24))
    pieces = answered(qwen_model, RULES, ASK)
    assert [piece.id for piece in pieces] == [step.id for step in steps]
    assert said(pieces) == "".join(step.text for step in steps)
    assert pieces[0].prompt == len(ids) and pieces[-1].finished


def test_the_system_message_is_evaluated_once_and_what_else_was_asked_changes_nothing(smol: WorkerModel) -> None:
    first = answered(smol, RULES, ASK)
    assert first[0].reused < 32
    other = answered(smol, RULES, OTHER)
    assert other[0].reused > 64
    smol.score("Once upon a time there was a small village by the sea.")
    again = answered(smol, RULES, ASK)
    assert again[0].reused >= other[0].reused
    assert [piece.id for piece in again] == [piece.id for piece in first]


def test_what_was_read_before_a_stop_is_not_read_again_and_the_answer_is_the_same(
    smol: WorkerModel, smollm: Path
) -> None:
    told = (Message("system", RULES.content * 4), ASK)
    stops: list[Callable[[], None]] = []

    def hear(phase: str, fraction: float) -> None:
        if phase == "prompt" and fraction > 0.25 and stops:
            stops.pop()()

    with WorkerModel(smollm, on_progress=hear) as model:
        model.info()
        stops.append(model.cancel)
        with pytest.raises(Cancelled):
            answered(model, *told)
        again = answered(model, *told)
    assert again[0].reused > again[0].prompt // 4 - 32
    assert [piece.id for piece in again] == [piece.id for piece in answered(smol, *told)]


def test_the_next_question_of_a_conversation_evaluates_only_what_is_new(smol: WorkerModel) -> None:
    first = answered(smol, RULES, ASK)
    turns = (RULES, ASK, Message("assistant", said(first)), OTHER)
    before = smol.evaluations
    second = answered(smol, *turns)
    assert second[0].prompt > first[0].prompt + 10
    assert second[0].reused == first[0].prompt // 32 * 32
    # The answer and the question, and a batch for each token that was written.
    assert smol.evaluations - before <= 3 + len(second)
    assert [piece.id for piece in answered(smol, *turns)] == [piece.id for piece in second]


@pytest.mark.parametrize("strategy", [Strategy(), Strategy(kind="sample", temperature=2.0, seed=5)])
def test_a_grammar_holds_whatever_the_model_would_rather_say(smol: WorkerModel, strategy: Strategy) -> None:
    pieces = answered(smol, ASK, grammar=CITY, strategy=strategy)
    if pieces[-1].finished:
        assert set(json.loads(said(pieces))) == {"city"}
    assert said(pieces).startswith('{"city": "')
    assert not said(answered(smol, ASK)).startswith("{")


def test_an_answer_ends_before_a_stop_even_one_that_comes_in_pieces(qwen_model: WorkerModel) -> None:
    whole = said(answered(qwen_model, ASK))
    assert "of France" in whole
    pieces = answered(qwen_model, ASK, stop=["of France is", "never said"])
    assert said(pieces) == whole[: whole.index("of France is")]
    assert pieces[-1].finished


def test_what_cannot_be_asked_gets_a_sentence(smol: WorkerModel) -> None:
    with pytest.raises(UsageError, match="grammar"):
        answered(smol, ASK, grammar='root ::= ("a"')
    with pytest.raises(UsageError, match="max_tokens"):
        list(smol.chat([ASK], max_tokens=0))
    assert said(answered(smol, ASK))


def test_closing_the_answer_stops_the_model_and_the_next_is_answered(qwen_model: WorkerModel) -> None:
    stream = qwen_model.chat([Message("user", "Count from one to a hundred in words.")], max_tokens=400)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    before = qwen_model.evaluations
    assert said(answered(qwen_model, ASK))
    assert qwen_model.evaluations - before < 100


def test_a_stop_from_elsewhere_is_cancelled(qwen_model: WorkerModel) -> None:
    stream = qwen_model.chat([Message("user", "Count from one to a hundred in words.")], max_tokens=400)
    next(stream)
    qwen_model.cancel()
    with pytest.raises(Cancelled):
        for _ in stream:
            pass
