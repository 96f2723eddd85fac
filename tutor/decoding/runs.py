"""Searches as they are looked at: a beam search with what it is compared to, strategies in lockstep."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import fsum, inf
from typing import Generic, TypeVar, cast

from tutor.decoding.tree import SearchTree
from tutor.domain.model import Beam, BeamStep, DecodeStep, Model, Strategy

S = TypeVar("S")

GREEDY = Strategy("greedy")
DRAWN = Strategy("sample", temperature=1.0, seed=0)
MOST_STRATEGIES = 4


class Stream(Generic[S]):
    """The steps of a model's stream, taken when they are asked for and kept.

    One that broke off begins anew when asked again, and comes back to where it was: the steps that are known stay.
    """

    def __init__(self, begin: Callable[[Model], Iterator[S]]) -> None:
        self._begin = begin
        self._under_way: Iterator[S] | None = None
        self.known: list[S] = []
        self.ended = False

    def reach(self, model: Model, count: int, *, patience: float = inf) -> None:
        """Have `count` steps, or all that there are, or one more when `patience` seconds are over.

        Raises what the model raises.
        """
        until = time.monotonic() + patience
        try:
            while len(self.known) < count and not self.ended:
                self._advance(model)
                if time.monotonic() > until:
                    break
        except BaseException:
            self._under_way = None
            raise

    def _advance(self, model: Model) -> None:
        if self._under_way is None:
            self._under_way = self._begin(model)
            for _ in self.known:
                next(self._under_way, None)
        step = next(self._under_way, None)
        if step is None:
            self.ended = True
        else:
            self.known.append(step)

    def close(self) -> None:
        """Nobody looks any further: the model is told to stop."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            cast("Generator[S, None, None]", under_way).close()


@dataclass(frozen=True, slots=True)
class Prompt:
    """`ids` is what the model reads, `text` the same as text. `typed` says that `text` alone gives these ids.

    It does not where they are a conversation, or begin in the middle of what was written before.
    """

    text: str
    ids: tuple[int, ...]
    model: str = ""
    typed: bool = False


@dataclass
class BeamRun:
    """A beam search so far. `greedy` and `drawn` are what the model writes otherwise from the same prompt."""

    prompt: Prompt
    width: int = 4
    length_penalty: float = 0.0
    max_tokens: int = 24
    steps: list[BeamStep] = field(default_factory=list)
    greedy: list[DecodeStep] = field(default_factory=list)
    drawn: list[DecodeStep] = field(default_factory=list)
    tree: SearchTree = field(init=False)

    def __post_init__(self) -> None:
        self.tree = SearchTree(self.steps)

    def add(self, step: BeamStep) -> None:
        self.steps.append(step)
        self.tree.add(step)

    def begin(self, model: Model) -> Iterator[BeamStep]:
        # Twice the width, so that the first step too shows what it prunes.
        return model.beam(
            self.prompt.ids,
            width=self.width,
            length_penalty=self.length_penalty,
            max_tokens=self.max_tokens,
            top=2 * self.width,
        )

    @property
    def beams(self) -> tuple[Beam, ...]:
        """The result, best first; nothing before the last step."""
        return self.steps[-1].beams if self.steps else ()

    @property
    def finished(self) -> bool:
        return bool(self.beams)

    def first_choices(self, index: int) -> int:
        """How many tokens up to branch `index` were the model's most probable ones where they stand."""
        return sum(self._is_first(i) for i in self.tree.line(index)[1:])

    def _is_first(self, index: int) -> bool:
        branches = self.tree.branches
        branch = branches[index]
        return all(branches[i].total <= branch.total for i in self.tree.children(branch.parent))


@dataclass
class LockstepRun:
    """Two to four strategies from one prompt, a token each at every step."""

    prompt: Prompt
    strategies: tuple[Strategy, ...]
    max_tokens: int = 24
    steps: list[tuple[DecodeStep | None, ...]] = field(default_factory=list)

    def add(self, step: tuple[DecodeStep | None, ...]) -> None:
        self.steps.append(step)

    @property
    def finished(self) -> bool:
        """Whether there is no step after the last one."""
        if not self.steps or len(self.steps) >= self.max_tokens:
            return bool(self.steps)
        return all(each is None or each.finished for each in self.steps[-1])

    def begin(self, model: Model) -> Iterator[tuple[DecodeStep | None, ...]]:
        return model.lockstep(self.prompt.ids, self.strategies, max_tokens=self.max_tokens)

    def column(self, index: int, step: int | None = None) -> list[DecodeStep]:
        """What strategy `index` wrote in the first `step` steps, or in all."""
        return [row[index] for row in self.steps[:step] if (row[index]) is not None]  # type: ignore[misc]

    def parting(self, step: int | None = None) -> int | None:
        """The first step (from 0) at which not all strategies write the same token."""
        for place, row in enumerate(self.steps[:step]):
            if len({each.id if each else None for each in row}) > 1:
                return place
        return None

    def leaves(self, index: int, step: int | None = None) -> int | None:
        """The first step (from 0) at which strategy `index` writes another token than the first strategy."""
        for place, row in enumerate(self.steps[:step]):
            first, own = row[0], row[index]
            if (first.id if first else None) != (own.id if own else None):
                return place
        return None


def logprob(steps: Sequence[DecodeStep]) -> float:
    """ln P of a text, in nats."""
    return fsum(step.logprob for step in steps)


def off_top(steps: Sequence[DecodeStep]) -> int:
    """How many tokens were not the model's most probable ones."""
    return sum(bool(step.top) and step.id != step.top[0].id for step in steps)


def distinct_pairs(ids: Sequence[int]) -> float:
    """The share of different ones among the pairs of neighbouring tokens (distinct-2, Li et al. 2016, section 3.3)."""
    pairs = list(pairwise(ids))
    return len(set(pairs)) / len(pairs) if pairs else 1.0


def path_of(steps: Sequence[DecodeStep]) -> list[tuple[int, bytes, str]]:
    """The tokens as (id, bytes, label)."""
    return [(step.id, step.data, label_of(step)) for step in steps]


def label_of(step: DecodeStep) -> str:
    """The token's own label; `step.text` is what it completes, which may be nothing yet, or more."""
    return next((each.text for each in step.top if each.id == step.id), step.text)


def strategy_name(strategy: Strategy) -> str:
    """A strategy by what is not off in it, with the names that the command line takes: `temperature 0.7, seed 0`."""
    if strategy.kind == "greedy":
        names = ["greedy"]
        names += [f"repeat_penalty {strategy.repeat_penalty:g}"] if strategy.repeat_penalty != 1 else []
        return ", ".join(names)
    plain = Strategy("sample")
    filters = ("top_k", "typical_p", "top_p", "min_p", "repeat_penalty")
    parts = ["temperature", *(name for name in filters if getattr(strategy, name) != getattr(plain, name)), "seed"]
    return ", ".join(f"{name} {getattr(strategy, name):g}" for name in parts)


def next_strategy(strategies: Sequence[Strategy]) -> Strategy:
    """Another one to stand beside these: the first of the usual ones that is not there, else another seed."""
    for each in USUAL:
        if each not in strategies:
            return each
    return replace(strategies[-1], kind="sample", seed=strategies[-1].seed + 1)


USUAL = (
    Strategy("greedy"),
    Strategy("sample", temperature=0.7),
    Strategy("sample", temperature=1.2, top_p=0.9),
    Strategy("sample", temperature=1.0, min_p=0.1),
)
