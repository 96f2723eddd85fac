"""Ratings from pairwise votes: Elo, which learns vote by vote, and Bradley–Terry, which reads all votes at once.

Both on Elo's scale: a lead of d points means winning with probability 1 / (1 + 10^(-d/400)). A tie is half a win for
each, in both: Elo scores it 0.5 (Elo 1978), and so it enters the likelihood of Bradley–Terry (as in Chatbot Arena).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Vote = tuple[int, int, float]  # one, the other, what the one scored: 1.0 it won, 0.5 a tie
WIN, TIE = 1.0, 0.5

SCALE = 400.0  # points for which the odds are 10 to 1
POINTS = SCALE / math.log(10)  # points for a factor e in strength
TOLERANCE = 1e-12  # of a log strength, for the votes themselves
LOST = 0.05  # the share of resamples without an answer beyond which an interval would mislead
LOOSE = 1e-7  # the same for resampled votes, whose ratings nobody reads to the last digit
MOST_ROUNDS = 20_000


def expected(mine: float, theirs: float) -> float:
    """The probability that a rating of `mine` wins against `theirs`."""
    return float(1.0 / (1.0 + 10.0 ** ((theirs - mine) / SCALE)))


def elo(votes: Sequence[Vote], players: int, *, k: float, start: float) -> Floats:
    """Ratings after each vote, in the order given: (votes + 1, players), the first row all `start`.

    Who was expected to score p and scored s gains k (s - p), and the other loses as much (Elo 1978).
    """
    ratings = np.full((len(votes) + 1, players), float(start))
    for row, (one, other, score) in enumerate(votes, start=1):
        ratings[row] = ratings[row - 1]
        gain = k * (score - expected(ratings[row, one], ratings[row, other]))
        ratings[row, one] += gain
        ratings[row, other] -= gain
    return ratings


@dataclass(frozen=True, slots=True)
class Tally:
    """How often row won against column (`won`), and tied with it (`tied`, the half above the diagonal)."""

    won: Floats
    tied: Floats

    @property
    def wins(self) -> Floats:
        """Row against column, (players, players); a tie counts half for each."""
        return self.won + TIE * (self.tied + np.swapaxes(self.tied, -1, -2))

    @property
    def votes(self) -> int:
        return int(self.won.sum() + self.tied.sum())


def tally(votes: Sequence[Vote], players: int) -> Tally:
    """The votes counted."""
    won, tied = np.zeros((players, players)), np.zeros((players, players))
    for one, other, score in votes:
        if score == WIN:
            won[one, other] += 1
        else:
            tied[min(one, other), max(one, other)] += 1
    return Tally(won, tied)


def solvable(wins: Floats) -> NDArray[np.bool_]:
    """Whether Bradley–Terry has one finite answer: from everyone a chain of wins leads to everyone else.

    `wins` is (..., players, players). The condition is Ford's (1957), Assumption 1 of Hunter 2004.
    """
    reached = (wins > 0) | np.eye(wins.shape[-1], dtype=bool)
    for _ in range(max(1, math.ceil(math.log2(wins.shape[-1])))):
        reached = np.matmul(reached.astype(np.float64), reached.astype(np.float64)) > 0
    return np.asarray(reached.all(axis=(-1, -2)))


@dataclass(frozen=True, slots=True)
class Fit:
    """Bradley–Terry `ratings` in points, (..., players), found in so many `rounds`."""

    ratings: Floats
    rounds: int


def bradley_terry(wins: Floats, *, mean: float, tolerance: float = TOLERANCE) -> Fit:
    """The strengths that make the votes most probable, where i beats j with probability s_i / (s_i + s_j).

    By minorization–maximization: s_i = wins of i / sum over j of games(i, j) / (s_i + s_j), each round makes the votes
    likelier (Hunter 2004, MM algorithms for generalized Bradley–Terry models, section 3). `wins` is
    (..., players, players) and `solvable`. Only differences are determined; they are anchored at their `mean`.
    """
    games = wins + np.swapaxes(wins, -1, -2)
    won = wins.sum(axis=-1)
    logs = np.zeros(won.shape)
    rounds, change = 0, math.inf
    while change > tolerance and rounds < MOST_ROUNDS:
        strengths = np.exp(logs)
        pairs = games / (strengths[..., :, None] + strengths[..., None, :])
        after = np.log(won / pairs.sum(axis=-1))
        after -= after.mean(axis=-1, keepdims=True)
        change = float(np.abs(after - logs).max())
        logs, rounds = after, rounds + 1
    return Fit(mean + POINTS * logs, rounds)


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Ratings of resampled votes, (resamples that had an answer, players), and how many had none."""

    ratings: Floats
    unsolvable: int

    def interval(self, player: int) -> tuple[float, float] | None:
        """The middle 95 % of the resampled ratings; None where so many had no answer that it would mislead."""
        return self._middle(self.ratings[:, player])

    def lead(self, first: int, second: int) -> tuple[float, float] | None:
        """The middle 95 % of the lead of `first` over `second`."""
        return self._middle(self.ratings[:, first] - self.ratings[:, second])

    def _middle(self, values: Floats) -> tuple[float, float] | None:
        if self.unsolvable > LOST * (self.unsolvable + len(values)):
            return None
        low, high = np.quantile(values, (0.025, 0.975)).tolist()
        return low, high


def bootstrap(votes: Tally, resamples: int, *, mean: float, seed: int) -> Bootstrap:
    """Draws as many votes again from the votes, with replacement, `resamples` times, and rates each draw.

    The percentile bootstrap (Efron 1979): what is drawn are votes, a tie being one, not two halves. Draws without a
    finite answer are counted, not rated.
    """
    players = votes.won.shape[0]
    outcomes = np.concatenate([votes.won.ravel(), votes.tied.ravel()])
    draws: Any = np.random.default_rng(seed).multinomial(votes.votes, outcomes / votes.votes, size=resamples)
    drawn = draws.reshape(resamples, 2, players, players).astype(np.float64)
    wins = Tally(drawn[:, 0], drawn[:, 1]).wins
    sound = wins[solvable(wins)]
    rated = bradley_terry(sound, mean=mean, tolerance=LOOSE).ratings if len(sound) else np.empty((0, players))
    return Bootstrap(rated, resamples - len(sound))
