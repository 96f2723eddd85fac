"""Decoding as a generator of steps over any model that turns tokens into logits."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tutor.decoding.distribution import Ids, Logits, Summary, summarize
from tutor.decoding.filters import Floats, keep, penalized
from tutor.decoding.strategy import validate
from tutor.domain.model import Candidate, DecodeStep, Stage, Strategy


class LanguageModel(Protocol):
    """What decoding needs of a model. It remembers what it has evaluated: each call continues the last."""

    def evaluate(self, ids: Sequence[int]) -> Logits:
        """The logits (n_vocab,) after the last of `ids`. They need to hold only until the next call."""
        ...

    def piece(self, id: int) -> bytes:
        """The bytes that a token adds to the text: none for a control token."""
        ...

    def label(self, id: int) -> str:
        """A token as a list shows it, control tokens by their names."""
        ...

    def ends(self, id: int) -> bool:
        """Whether a token means that the model has finished."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """A token chosen. `share` says of any tokens whether the strategy kept them, and their probability in it."""

    id: int
    share: Callable[[Ids], tuple[NDArray[np.bool_], Floats]]
    draw: float | None = None
    stages: tuple[Stage, ...] = ()


Chooser = Callable[[Logits, Summary, Sequence[int]], Choice]


def decode(
    model: LanguageModel,
    prompt: Sequence[int],
    strategy: Strategy,
    *,
    max_tokens: int = 24,
    top: int = 10,
    ignore_eos: bool = False,
) -> Iterator[DecodeStep]:
    """Up to `max_tokens` steps after `prompt`; each token is evaluated only when the next step is asked for.

    The step that ends the text has `finished`; with `ignore_eos` the model just goes on after it. Raises
    UsageError at once where a parameter is out of bounds.
    """
    validate(strategy)
    chooser = _greedy(strategy) if strategy.kind == "greedy" else _sample(strategy)
    return _steps(model, prompt, chooser, max_tokens=max_tokens, top=top, ignore_eos=ignore_eos)


def _steps(
    model: LanguageModel, prompt: Sequence[int], choose: Chooser, *, max_tokens: int, top: int, ignore_eos: bool
) -> Iterator[DecodeStep]:
    seen = list(prompt)
    text = codecs.getincrementaldecoder("utf-8")("replace")
    waiting: Sequence[int] = prompt
    for _ in range(max_tokens):
        logits = model.evaluate(waiting)
        summary = summarize(logits, top)
        choice = choose(logits, summary, seen)
        data = model.piece(choice.id)
        finished = not ignore_eos and model.ends(choice.id)
        yield DecodeStep(
            id=choice.id,
            text=text.decode(data),
            data=data,
            logprob=float(logits[choice.id]) - summary.log_total,
            top=_candidates(model, summary, choice),
            entropy=summary.entropy,
            draw=choice.draw,
            stages=choice.stages,
            finished=finished,
        )
        if finished:
            return
        seen.append(choice.id)
        waiting = [choice.id]


def _greedy(strategy: Strategy) -> Chooser:
    """The most likely token, ties by id; of the filters only the repetition penalty can change which it is."""

    def choose(logits: Logits, summary: Summary, seen: Sequence[int]) -> Choice:
        stages: tuple[Stage, ...] = ()
        if strategy.repeat_penalty != 1:
            best = int(penalized(logits.astype(np.float64), strategy.repeat_penalty, seen).argmax())
            stages = (Stage("repeat_penalty", len(logits), 0, 0.0),)
        else:
            best = int(summary.ids[0]) if len(summary.ids) else int(logits.argmax())
        return Choice(best, lambda ids: (ids == best, (ids == best).astype(np.float64)), stages=stages)

    return choose


def _sample(strategy: Strategy) -> Chooser:
    """A draw from what the filters left, by inverse CDF: one seed, one sequence of draws (PCG64)."""
    random = np.random.Generator(np.random.PCG64(strategy.seed))

    def choose(logits: Logits, _summary: Summary, seen: Sequence[int]) -> Choice:
        kept = keep(logits, strategy, seen)
        u = float(random.random())
        return Choice(kept.draw(u), kept.share, draw=u, stages=kept.stages)

    return choose


def _candidates(model: LanguageModel, summary: Summary, choice: Choice) -> tuple[Candidate, ...]:
    kept, probabilities = choice.share(summary.ids)
    columns = (summary.ids.tolist(), summary.logprobs.tolist(), kept.tolist(), probabilities.tolist())
    return tuple(
        Candidate(id, model.label(id), logprob, kept=left, probability=probability)
        for id, logprob, left, probability in zip(*columns, strict=True)
    )
