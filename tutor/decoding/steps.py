"""Decoding as a generator of steps over any model that turns tokens into logits."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tutor.decoding.distribution import Ids, Logits, Summary, summarize
from tutor.decoding.filters import Floats, keep, penalized
from tutor.decoding.strategy import validate
from tutor.domain.model import Candidate, DecodeStep, Stage, Strategy


class Labels(Protocol):
    """What a step tells of tokens."""

    def piece(self, id: int) -> bytes:
        """The bytes that a token adds to the text: none for a control token."""
        ...

    def label(self, id: int) -> str:
        """A token as a list shows it, control tokens by their names."""
        ...

    def ends(self, id: int) -> bool:
        """Whether a token means that the model has finished."""
        ...


class LanguageModel(Labels, Protocol):
    """What decoding needs of a model. It remembers what it has evaluated: each call continues the last."""

    def evaluate(self, ids: Sequence[int]) -> Logits:
        """The logits (n_vocab,) after the last of `ids`. They need to hold only until the next call."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """A token chosen. `share` says of any tokens whether the strategy kept them, and their probability in it."""

    id: int
    share: Callable[[Ids], tuple[NDArray[np.bool_], Floats]]
    draw: float | None = None
    stages: tuple[Stage, ...] = ()


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
    return _steps(model, prompt, Writer(model, prompt, strategy, top=top, ignore_eos=ignore_eos), max_tokens)


def _steps(model: LanguageModel, prompt: Sequence[int], writer: Writer, max_tokens: int) -> Iterator[DecodeStep]:
    waiting: Sequence[int] = prompt
    for _ in range(max_tokens):
        step = writer.write(model.evaluate(waiting))
        yield step
        if step.finished:
            return
        waiting = [step.id]


class Writer:
    """A text that one strategy writes, a token at a time, with its own draws: one seed, one sequence (PCG64).

    Raises UsageError where a parameter of `strategy` is out of bounds.
    """

    def __init__(
        self, vocabulary: Labels, prompt: Sequence[int], strategy: Strategy, *, top: int, ignore_eos: bool
    ) -> None:
        validate(strategy)
        self._vocabulary = vocabulary
        self._strategy = strategy
        self._top = top
        self._ignore_eos = ignore_eos
        self._seen = list(prompt)
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._random = np.random.Generator(np.random.PCG64(strategy.seed))

    def write(self, logits: Logits) -> DecodeStep:
        """The step that `logits` (n_vocab,) lead to; its token is part of the text now."""
        draw = float(self._random.random()) if self._strategy.kind == "sample" else 0.0
        step = look(self._vocabulary, logits, self._strategy, self._seen, draw=draw, top=self._top)
        self._seen.append(step.id)
        finished = step.finished and not self._ignore_eos
        return replace(step, text=self._text.decode(step.data), finished=finished)


def look(
    vocabulary: Labels,
    logits: Logits,
    strategy: Strategy,
    seen: Sequence[int],
    *,
    draw: float,
    top: int,
    also: Sequence[int] = (),
) -> DecodeStep:
    """The step that `strategy` takes from `logits` (n_vocab,) after the tokens `seen`, by `draw` in [0, 1).

    Its `top` has the `top` most likely tokens, then those of `also` that are not among them; its `text` is the
    token's label.
    """
    summary = summarize(logits, top)
    choice = (
        _greedy(logits, summary, strategy, seen) if strategy.kind == "greedy" else _at(draw, logits, strategy, seen)
    )
    listed = summary.ids.tolist()
    listed += [id for id in dict.fromkeys(also) if id not in set(listed)]
    return DecodeStep(
        id=choice.id,
        text=vocabulary.label(choice.id),
        data=vocabulary.piece(choice.id),
        logprob=float(logits[choice.id]) - summary.log_total,
        top=_candidates(vocabulary, np.array(listed, dtype=np.intp), logits, summary.log_total, choice),
        entropy=summary.entropy,
        draw=choice.draw,
        stages=choice.stages,
        finished=vocabulary.ends(choice.id),
    )


def _greedy(logits: Logits, summary: Summary, strategy: Strategy, seen: Sequence[int]) -> Choice:
    """The most likely token, ties by id; of the filters only the repetition penalty can change which it is."""
    stages: tuple[Stage, ...] = ()
    if strategy.repeat_penalty != 1:
        best = int(penalized(logits.astype(np.float64), strategy.repeat_penalty, seen).argmax())
        stages = (Stage("repeat_penalty", len(logits), 0, 0.0),)
    else:
        best = int(summary.ids[0]) if len(summary.ids) else int(logits.argmax())
    return Choice(best, lambda ids: (ids == best, (ids == best).astype(np.float64)), stages=stages)


def _at(draw: float, logits: Logits, strategy: Strategy, seen: Sequence[int]) -> Choice:
    """What the filters left, at `draw` of its inverse cumulative distribution."""
    kept = keep(logits, strategy, seen)
    return Choice(kept.draw(draw), kept.share, draw=draw, stages=kept.stages)


def _candidates(
    vocabulary: Labels, ids: Ids, logits: Logits, log_total: float, choice: Choice
) -> tuple[Candidate, ...]:
    kept, probabilities = choice.share(ids)
    logprobs = logits[ids].astype(np.float64) - log_total
    columns = (ids.tolist(), logprobs.tolist(), kept.tolist(), probabilities.tolist())
    return tuple(
        candidate(vocabulary, id, logprob, kept=left, probability=probability)
        for id, logprob, left, probability in zip(*columns, strict=True)
    )


def candidate(vocabulary: Labels, id: int, logprob: float, *, kept: bool = True, probability: float = 0.0) -> Candidate:
    """The token `id` as something that might come next."""
    label, data, ends = vocabulary.label(id), vocabulary.piece(id), vocabulary.ends(id)
    return Candidate(id, label, logprob, kept, probability, data, ends)
