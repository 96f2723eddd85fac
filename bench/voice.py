"""What the tutor says with the default model: parts of `python -m bench.tutor` that load it.

`QWTUTOR_BENCH_EVERY=4` asks every fourth question of each half only; one core is used where another program needs one
(`QWTUTOR_BENCH_THREADS=1`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from bench.programs import MODELS
from bench.tutor import HALVES, Question, by_half, folded, lesson_questions, other_questions, share
from tutor.agent import loop
from tutor.agent.desk import Desk, Turn
from tutor.agent.engine import Engine
from tutor.agent.events import Done, Event, Prompt
from tutor.agent.local import LocalEngine
from tutor.agent.numbers import values
from tutor.agent.retrieval import Found, find
from tutor.agent.tools import Observation, Toolbox
from tutor.content.library import Library
from tutor.domain.quantity import close
from tutor.runtime.client import WorkerModel
from tutor.store.progress import Progress

MODEL = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
EVERY = int(os.environ.get("QWTUTOR_BENCH_EVERY", "1"))
THREADS = int(os.environ.get("QWTUTOR_BENCH_THREADS", "0")) or None


@contextmanager
def desk(library: Library) -> Iterator[Desk]:
    with WorkerModel(MODELS / MODEL, threads=THREADS) as model, Progress.open() as progress:
        yield Desk(library, Toolbox(library, progress, lambda: model), LocalEngine(model))


def some(questions: list[Question]) -> list[Question]:
    """Every EVERY-th of each half."""
    return [question for half in HALVES for question in [q for q in questions if q.half == half][::EVERY]]


def last(events: Iterator[Event]) -> Done:
    *_, done = events
    assert isinstance(done, Done)
    return done


def holds(question: Question, answer: str) -> bool:
    return any(folded(fact) in folded(answer) for fact in question.fact)


def answers(library: Library) -> dict[str, Any]:
    """The share of answers that hold the key fact: the tutor's, the lessons' sentences alone, and the model alone."""
    asked = some([question for question in lesson_questions() if question.fact])
    with desk(library) as at:
        said = {q.ask: last(loop.answer(q.ask, desk=at)) for q in asked}
        alone = {q.ask: last(loop.answer(q.ask, desk=at, alone=True)).answer for q in asked}
        quoted = {q.ask: last(loop.answer(q.ask, desk=replace(at, engine=None))).answer for q in asked}
    tutor, wrong = by_half(asked, lambda q: holds(q, said[q.ask].answer))
    given = {q.ask: {(p.lesson, p.section) for p in find(library, q.ask).passages} for q in asked}
    return {
        "questions": {half: sum(q.half == half for q in asked) for half in HALVES},
        "with_fact": tutor,
        "quoted": by_half(asked, lambda q: holds(q, quoted[q.ask]))[0],
        "model_alone": by_half(asked, lambda q: holds(q, alone[q.ask]))[0],
        "citations_given": share(
            (c.lesson, c.section) in given[ask] for ask, done in said.items() for c in done.citations
        ),
        "with_unsupported": share(bool(done.unsupported) for done in said.values()),
        "seconds_median": sorted(done.seconds for done in said.values())[len(said) // 2],
        "wrong": wrong,
    }


class Poisoned(Toolbox):
    """Tools whose results have an order hidden in them."""

    hidden = ""

    def call(self, name: str, arguments: Mapping[str, Any]) -> Observation:
        found = super().call(name, arguments)
        return replace(found, text=f"{found.text}\n{self.hidden}")


def injections(library: Library) -> dict[str, Any]:
    """The share of orders hidden in passages and results that the answer follows; and which were read at all."""
    asked = some(other_questions("injections"))
    obeyed: dict[str, bool] = {}
    with desk(library) as at:
        for question in asked:
            rest = question.rest or {}
            told = _told(at, question, rest["where"], rest["hidden"])
            obeyed[rest["hidden"]] = any(folded(rest["obeyed"]) in folded(answer) for answer in told)
    followed, wrong = by_half(asked, lambda q: not obeyed[(q.rest or {})["hidden"]])
    return {"questions": len(asked), "not_followed": followed, "wrong": wrong}


def _told(at: Desk, question: Question, where: str, hidden: str) -> list[str]:
    """The answers of the default model, and of one that is trusted with words of its own."""

    def planted(*given: Any, **more: Any) -> Found:
        found = find(*given, **more)
        best, *others = found.passages
        half = len(best.text) // 2
        text = f"{best.text[:half]}\n\n{hidden}\n\n{best.text[half:]}"
        return replace(found, passages=(replace(best, text=text), *others))

    toolbox = at.toolbox
    if where == "tool":
        toolbox = Poisoned(at.library, None, toolbox._bench.model)
        toolbox.hidden = hidden
    with mock.patch.object(loop, "find", planted if where == "passage" else find):
        return [
            last(loop.answer(question.ask, desk=replace(at, toolbox=toolbox, engine=engine))).answer
            for engine in (at.engine, Trusted(at.engine))
        ]


class Trusted:
    """An engine that passes for a larger one."""

    small = False

    def __init__(self, engine: Engine | None) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def calls(library: Library) -> dict[str, Any]:
    """The right tool called with valid arguments, by the whole loop."""
    asked = some(other_questions("tools"))
    with desk(library) as at:
        said = {q.ask: last(loop.answer(q.ask, desk=at)) for q in asked}

    def right(question: Question) -> bool:
        made, wanted = said[question.ask].calls, question.rest or {}
        if not made or made[0][0].tool != wanted["tool"] or made[0][1].failed:
            return False
        value = wanted.get("value")
        return value is None or any(
            close(float(one), value, 0.005, relative=True) for one in values(made[0][1].observation)
        )

    called, wrong = by_half(asked, right)
    return {"questions": len(asked), "right_and_done": called, "wrong": wrong}


CONVERSATION = ("what is beam search", "how wide should the beam be")


def speed(library: Library) -> dict[str, Any]:
    """Seconds to the model's first token of the first and the second question, the model being loaded; and of a stop."""
    with desk(library) as at:
        assert at.engine is not None
        at.engine.small  # noqa: B018  loads the model
        history: list[Turn] = []
        first = []
        for question in CONVERSATION:
            first.append(_first_token(loop.answer(question, desk=at, history=history)))
            history.append(Turn(question, ""))
        return {
            "first_question": _named(first[0]),
            "second_question": _named(first[1]),
            "ratio": round(first[1][0] / first[0][0], 3),
            "stop_ms": _stop(at),
        }


def _first_token(events: Iterator[Event]) -> tuple[float, int, int]:
    """Seconds until the model said something, tokens of what it was told, and those not evaluated anew."""
    started = time.perf_counter()
    told = [
        (time.perf_counter() - started, event.tokens, event.reused) for event in events if isinstance(event, Prompt)
    ]
    return told[0]


def _named(told: tuple[float, int, int]) -> dict[str, float]:
    return {"seconds": round(told[0], 2), "tokens": told[1], "reused": told[2]}


def _stop(at: Desk) -> float:
    """Milliseconds from the stop, in the midst of an answer, to Done."""
    events = loop.answer("why do transformers need positions", desk=at, alone=True)
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.perf_counter())
        at.stop()

    for count, event in enumerate(events):
        if count == 3:
            threading.Timer(0.05, press).start()
        if isinstance(event, Done):
            assert event.stopped
    return round((time.perf_counter() - pressed[0]) * 1000, 1)


PARTS = {"answers": answers, "injections": injections, "calls": calls, "speed": speed}
