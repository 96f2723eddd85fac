"""Beam search on toy vocabularies: against exhaustive search, and against a naive one that re-evaluates every prefix."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutor.decoding.beam import beam
from tutor.decoding.distribution import Logits
from tutor.decoding.steps import decode
from tutor.domain.errors import ModelFailed, UsageError
from tutor.domain.model import Beam, BeamStep, Strategy

PIECES = [b"a", b"b", b"\xe4\xbd", b"\xa0", b"c"]


@dataclass
class Random:
    """Random logits after every text, the same whenever they are asked for; the last token ends a text."""

    seed: int
    vocabulary: int = 5
    grain: float = 0.0  # logits are multiples of it where it is not 0: then there are ties
    beams: list[tuple[int, ...]] = field(default_factory=list)
    evaluated: list[tuple[int, ...]] = field(default_factory=list)

    def logits(self, text: tuple[int, ...]) -> np.ndarray:
        values = np.random.default_rng([self.seed, *(id + 1 for id in text)]).normal(0, 1.5, self.vocabulary)
        return np.round(values / self.grain) * self.grain if self.grain else values

    def start(self, prompt: Sequence[int]) -> Logits:
        self.beams = [tuple(prompt)]
        return self._rows()[0]

    def extend(self, extensions: Sequence[tuple[int, int]]) -> list[Logits]:
        self.beams = [(*self.beams[parent], id) for parent, id in extensions]
        return self._rows()

    def _rows(self) -> list[Logits]:
        self.evaluated += self.beams
        return [self.logits(text) for text in self.beams]

    def piece(self, id: int) -> bytes:
        return PIECES[id % len(PIECES)]

    def label(self, id: int) -> str:
        return f"<{id}>"

    def ends(self, id: int, beam: int) -> bool:
        return id == self.vocabulary - 1


def logprobs(model: Random, text: tuple[int, ...]) -> list[float]:
    logits = model.logits(text)
    total = math.log(math.fsum(math.exp(x) for x in logits))
    return [float(x) - total for x in logits]


def score(logprob: float, length: int, penalty: float) -> float:
    return logprob / length**penalty


def naive(
    model: Random, prompt: tuple[int, ...], *, width: int, penalty: float, max_tokens: int, ignore_eos: bool
) -> list[tuple[tuple[int, ...], float, bool]]:
    """Beam search without an early end: every text is scored from its first token, at every step."""

    def total(ids: tuple[int, ...]) -> float:
        return sum(logprobs(model, prompt + ids[:i])[id] for i, id in enumerate(ids))

    live: list[tuple[int, ...]] = [()]
    finished: list[tuple[int, ...]] = []
    for _ in range(max_tokens):
        longer = [(*ids, id) for id in range(model.vocabulary) for ids in live]
        longer.sort(key=lambda ids: -total(ids))
        best = longer[:width]
        live = [ids for ids in best if ignore_eos or ids[-1] != model.vocabulary - 1]
        finished += [ids for ids in best if ids not in live]
    found = [(ids, total(ids), ids in finished) for ids in finished + live]
    found.sort(key=lambda f: (-score(f[1], len(f[0]), penalty), not f[2], f[0]))
    return found[:width]


def run(model: Random, prompt: Sequence[int] = (0,), **settings: object) -> tuple[list[BeamStep], tuple[Beam, ...]]:
    steps = list(beam(model, prompt, **settings))  # type: ignore[arg-type]
    assert not any(step.beams for step in steps[:-1])
    return steps, steps[-1].beams


@given(
    seed=st.integers(0, 10**6),
    width=st.integers(1, 6),
    penalty=st.sampled_from([0.0, 0.5, 1.0, 2.0, -1.0]),
    max_tokens=st.integers(1, 5),
    ignore_eos=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_it_equals_a_naive_search_that_evaluates_every_prefix_and_never_ends_early(
    seed: int, width: int, penalty: float, max_tokens: int, ignore_eos: bool
) -> None:
    model = Random(seed)
    _, beams = run(model, width=width, length_penalty=penalty, max_tokens=max_tokens, ignore_eos=ignore_eos)
    expected = naive(model, (0,), width=width, penalty=penalty, max_tokens=max_tokens, ignore_eos=ignore_eos)
    assert [(b.ids, b.finished) for b in beams] == [(ids, finished) for ids, _, finished in expected]
    assert [b.logprob for b in beams] == pytest.approx([logprob for _, logprob, _ in expected], abs=1e-9)
    assert [b.score for b in beams] == pytest.approx([b.logprob / len(b.ids) ** penalty for b in beams])


@pytest.mark.parametrize("penalty", [0.0, 1.0, -2.0])
@pytest.mark.parametrize("seed", range(5))
def test_wide_enough_it_finds_what_exhaustive_search_finds(seed: int, penalty: float) -> None:
    # Two tokens that go on and one that ends: 15 texts of at most three tokens, and a beam that holds every prefix.
    model = Random(seed, vocabulary=3)
    length = 3
    whole = [
        ids
        for n in range(1, length + 1)
        for ids in itertools.product(range(3), repeat=n)
        if 2 not in ids[:-1] and (n == length or ids[-1] == 2)
    ]
    assert len(whole) < 16

    def total(ids: tuple[int, ...]) -> float:
        return sum(logprobs(model, (7, *ids[:i]))[id] for i, id in enumerate(ids))

    whole.sort(key=lambda ids: -score(total(ids), len(ids), penalty))
    _, beams = run(model, [7], width=16, length_penalty=penalty, max_tokens=length)
    assert [b.ids for b in beams] == whole
    assert [b.logprob for b in beams] == pytest.approx([total(ids) for ids in whole])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("penalty", [0.0, 1.0, -1.0])
def test_a_width_of_one_is_greedy(seed: int, penalty: float) -> None:
    model = Random(seed)

    class Greedy:
        text: tuple[int, ...] = ()

        def evaluate(self, ids: Sequence[int]) -> Logits:
            self.text += tuple(ids)
            return model.logits(self.text)

        piece, label = model.piece, model.label

        def ends(self, id: int) -> bool:
            return model.ends(id, 0)

    steps = list(decode(Greedy(), [0], Strategy(), max_tokens=8))
    _, beams = run(model, width=1, length_penalty=penalty, max_tokens=8)
    assert len(beams) == 1
    assert beams[0].ids == tuple(step.id for step in steps)
    assert beams[0].text == "".join(step.text for step in steps)
    assert beams[0].logprob == pytest.approx(sum(step.logprob for step in steps))
    assert beams[0].finished == steps[-1].finished


@pytest.mark.parametrize("seed", range(20))
def test_what_it_looked_at_tells_the_whole_search(seed: int) -> None:
    model = Random(seed)
    steps, beams = run(model, width=3, top=4, max_tokens=6, length_penalty=0.7)
    texts: list[tuple[int, ...]] = [()]
    ended: list[tuple[int, ...]] = []
    totals = [0.0]
    for length, step in enumerate(steps, start=1):
        survivors = sorted([*step.kept, *step.finished], key=lambda c: -c.total)
        everyone = [*survivors, *step.pruned]
        assert [c.total for c in everyone] == sorted((c.total for c in everyone), reverse=True)
        assert len(survivors) == 3
        assert len(everyone) == 4 * len(texts)
        for each in everyone:
            assert each.total == pytest.approx(totals[each.parent] + each.logprob)
            assert each.score == pytest.approx(each.total / length**0.7)
            assert each.text == f"<{each.id}>"
        ended += [(*texts[c.parent], c.id) for c in step.finished]
        totals = [c.total for c in step.kept]
        texts = [(*texts[c.parent], c.id) for c in step.kept]
    assert {b.ids for b in beams if b.finished} <= set(ended)
    assert {b.ids for b in beams if not b.finished} <= set(texts)


def test_no_prefix_is_evaluated_twice_and_nothing_before_it_is_asked_for() -> None:
    model = Random(3)
    steps = beam(model, [0], width=4, max_tokens=6, ignore_eos=True)
    next(steps)
    assert model.evaluated == [(0,)]
    list(steps)
    assert len(model.evaluated) == len(set(model.evaluated)) == 1 + 4 * 5


def test_ties_go_to_the_lower_token_and_then_to_the_earlier_beam() -> None:
    class Level(Random):
        def logits(self, text: tuple[int, ...]) -> np.ndarray:
            return np.zeros(4, dtype=np.float32)

    steps, beams = run(Level(0, vocabulary=4), width=3, max_tokens=2, ignore_eos=True)
    assert [(c.parent, c.id) for c in steps[0].kept] == [(0, 0), (0, 1), (0, 2)]
    assert [(c.parent, c.id) for c in steps[1].kept] == [(0, 0), (1, 0), (2, 0)]
    assert [b.ids for b in beams] == [(0, 0), (1, 0), (2, 0)]


def test_it_ends_once_no_live_text_can_come_to_the_front() -> None:
    class Sure(Random):
        """Says the end token with probability 0.9, at every step."""

        def logits(self, text: tuple[int, ...]) -> np.ndarray:
            return np.log(np.array([0.06, 0.04, 0.9]))

    steps, beams = run(Sure(0, vocabulary=3), width=2, max_tokens=50)
    # 0.9, then 0.06 * 0.9; what is live has at most 0.06 * 0.06.
    assert len(steps) == 2
    assert [b.ids for b in beams] == [(2,), (0, 2)]
    # Per token, 0.06^n * 0.9 comes ever nearer to ln 0.06: what is live now may still overtake ln(0.054) / 2.
    steps, _ = run(Sure(0, vocabulary=3), width=2, max_tokens=50, length_penalty=3)
    assert len(steps) == 50


def test_impossible_tokens_are_no_extensions() -> None:
    class Narrow(Random):
        def logits(self, text: tuple[int, ...]) -> np.ndarray:
            return np.array([0.0, -np.inf, -np.inf, -np.inf, 0.0])

    steps, beams = run(Narrow(0), width=4, max_tokens=2)
    assert [c.id for c in (*steps[0].kept, *steps[0].finished, *steps[0].pruned)] == [0, 4]
    assert [b.ids for b in beams] == [(4,), (0, 4), (0, 0)]


def test_a_character_cut_in_half_at_the_end_is_left_out() -> None:
    class Bytes(Random):
        def logits(self, text: tuple[int, ...]) -> np.ndarray:
            return np.eye(5)[[0, 2, 3, 2][len(text) - 1]] * 20

    _, beams = run(Bytes(0), width=1, max_tokens=3, ignore_eos=True)
    assert beams[0].text == "a你"
    _, beams = run(Bytes(0), width=1, max_tokens=4, ignore_eos=True)
    assert beams[0].text == "a你"


def test_parameters_out_of_bounds_and_logits_that_are_no_numbers_are_refused() -> None:
    for name, value in (("width", 0), ("width", 17), ("length_penalty", math.nan), ("length_penalty", 11)):
        with pytest.raises(UsageError, match=name):
            beam(Random(0), [0], **{name: value})

    class Damaged(Random):
        def logits(self, text: tuple[int, ...]) -> np.ndarray:
            return np.full(5, np.nan)

    with pytest.raises(ModelFailed):
        next(beam(Damaged(0), [0]))
