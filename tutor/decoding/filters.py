"""What a sampling strategy leaves in, and the draw from it.

The filters act in this order: repeat_penalty, temperature, top_k, typical_p, top_p, min_p. Each acts on what the one
before left, renormalized to sum to 1. All but typical_p keep a prefix of the tokens in descending probability (ties by
id), so what is kept is a ranking and a count, and only the part of the ranking that is needed gets sorted. typical_p may
cut the most likely: then the tokens are ranked anew, with those that it cut as impossible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from tutor.decoding.distribution import Ids, Logits, largest
from tutor.domain.model import Stage, Strategy

Floats = NDArray[np.float64]
FIRST_HEAD = 256


class Ranking:
    """Tokens by score, best first, ties by id; sorted only as far as asked. `weights` are exp(score - best score)."""

    def __init__(self, scores: Floats) -> None:
        self.scores = scores
        self.weights: Floats = np.exp(scores - scores.max())
        self.total = float(self.weights.sum())
        self._head: Ids = np.empty(0, dtype=np.intp)

    def __len__(self) -> int:
        return len(self.scores)

    def head(self, k: int) -> Ids:
        """The best `k` tokens."""
        if k > len(self._head):
            # Growing fourfold: a full sort of 151,936 scores takes 10 ms, and few strategies come to it.
            size = max(k, 4 * len(self._head), FIRST_HEAD)
            self._head = largest(self.scores, size)
        return self._head[:k]

    def cumulative(self, limit: int) -> Iterator[Floats]:
        """Σ probability over the best 1, 2, … tokens, in ever longer arrays, the last of length `limit`."""
        size = min(FIRST_HEAD, limit)
        while True:
            yield np.cumsum(self.weights[self.head(size)]) / self.total
            if size == limit:
                return
            size = min(4 * size, limit)


class Kept:
    """The tokens that the filters left: the best `count` of `ranking`, which hold `mass` of its probability."""

    def __init__(self, ranking: Ranking) -> None:
        self.ranking = ranking
        self.count = len(ranking)
        self.mass = 1.0
        self.stages: tuple[Stage, ...] = ()

    @property
    def ids(self) -> Ids:
        """Best first, ties by id."""
        return self.ranking.head(self.count)

    @property
    def probabilities(self) -> Floats:
        """Of `ids`, summing to 1."""
        weights: Floats = self.ranking.weights[self.ids]
        weights /= weights.sum()
        return weights

    def share(self, ids: Ids) -> tuple[NDArray[np.bool_], Floats]:
        """Whether each of `ids` was kept, and the probability that the strategy gives it: 0 where it was cut."""
        scores = self.ranking.scores
        kept = np.ones(len(ids), dtype=np.bool_)
        if self.count < len(self.ranking):
            last = self.ranking.head(self.count)[-1]
            kept = (scores[ids] > scores[last]) | ((scores[ids] == scores[last]) & (ids <= last))
        return kept, np.where(kept, self.ranking.weights[ids] / self.ranking.total / self.mass, 0.0)

    def draw(self, u: float) -> int:
        """The token at `u` in [0, 1) of the inverse cumulative distribution over `ids`."""
        for cumulative in self.ranking.cumulative(self.count):
            index = int(np.searchsorted(cumulative, u * self.mass, side="right"))
            if index < len(cumulative):
                return int(self.ranking.head(index + 1)[index])
        # Rounding may leave the whole a hair below u: the last token then stands for the rest.
        return int(self.ranking.head(self.count)[-1])

    def keep_only(self, name: str, ids: Ids) -> None:
        """Keep those of the kept that `ids` names and note the stage: they are a ranking of their own."""
        before, ranking = self.count, self.ranking
        share = 1.0
        if len(ids) < before:
            share = float(ranking.weights[ids].sum()) / ranking.total / self.mass
            scores = np.full(len(ranking), -np.inf)
            scores[ids] = ranking.scores[ids]
            self.ranking, self.count, self.mass = Ranking(scores), len(ids), 1.0
        self.stages += (Stage(name, self.count, before - self.count, max(0.0, 1.0 - share)),)

    def note(self, name: str) -> None:
        """A stage that cut nothing."""
        self.stages += (Stage(name, self.count, 0, 0.0),)

    def cut_to(self, name: str, count: int) -> None:
        """Keep the best `count` and note the stage, its mass as a share of what was there before."""
        before, mass = self.count, self.mass
        if count < before:
            self.count = count
            self.mass = float(np.cumsum(self.ranking.weights[self.ranking.head(count)])[-1]) / self.ranking.total
        self.stages += (Stage(name, self.count, before - self.count, max(0.0, 1.0 - self.mass / mass)),)


def keep(logits: Logits, strategy: Strategy, seen: Iterable[int] = ()) -> Kept:
    """What `strategy` leaves of `logits` (n_vocab,); `seen` are the tokens of the prompt and those generated.

    repeat_penalty: Keskar et al. 2019 (CTRL, section 4.1): positive logits of seen tokens are divided by it,
    negative ones multiplied. top_k: the k most likely. typical_p: the smallest set of tokens whose surprise is nearest
    to the entropy and whose probability reaches p (Meister et al. 2022, section 4), ties by id. top_p: the smallest set
    of most likely tokens whose probability reaches p (Holtzman et al. 2020, section 3.1). min_p: tokens with at least
    min_p times the probability of the most likely one (Nguyen et al. 2024, section 3). A temperature of 0 is the limit:
    only the most likely token is left. Filters that are off (1 or 0) leave no stage.
    """
    scores = logits.astype(np.float64)
    if strategy.repeat_penalty != 1:
        scores = penalized(scores, strategy.repeat_penalty, seen)
    if strategy.temperature > 0:
        scores /= strategy.temperature
    kept = Kept(Ranking(scores))
    if strategy.repeat_penalty != 1:
        kept.note("repeat_penalty")
    if strategy.temperature == 0:
        kept.cut_to("temperature", 1)
    elif strategy.temperature != 1:
        kept.note("temperature")
    if strategy.top_k > 0:
        kept.cut_to("top_k", min(strategy.top_k, kept.count))
    if 0 < strategy.typical_p < 1:
        kept.keep_only("typical_p", _typical(kept, strategy.typical_p))
    if 0 < strategy.top_p < 1:
        kept.cut_to("top_p", _nucleus(kept, strategy.top_p))
    if strategy.min_p > 0:
        kept.cut_to("min_p", min(kept.count, int(np.count_nonzero(kept.ranking.weights >= strategy.min_p))))
    return kept


def penalized(scores: Floats, penalty: float, seen: Iterable[int]) -> Floats:
    """`scores` (n_vocab,) with those of `seen` tokens divided by `penalty` where positive, else multiplied."""
    ids = np.unique(np.fromiter(seen, dtype=np.intp))
    result = scores.copy()
    result[ids] = np.where(scores[ids] > 0, scores[ids] / penalty, scores[ids] * penalty)
    return result


def _nucleus(kept: Kept, p: float) -> int:
    for cumulative in kept.ranking.cumulative(kept.count):
        index = int(np.searchsorted(cumulative, p * kept.mass, side="left"))
        if index < len(cumulative):
            return index + 1
    return kept.count


def _typical(kept: Kept, p: float) -> Ids:
    """The kept tokens whose surprise is nearest to the entropy, the fewest that hold `p` of the probability."""
    ids = np.sort(kept.ids) if kept.count < len(kept.ranking) else np.arange(kept.count)
    probabilities = kept.ranking.weights[ids] / kept.ranking.total / kept.mass
    with np.errstate(divide="ignore"):
        surprise = -np.log(probabilities)
    possible = probabilities > 0
    entropy = float(probabilities[possible] @ surprise[possible])
    nearness = -np.abs(surprise - entropy)
    size = FIRST_HEAD
    while True:
        nearest = largest(nearness, size)
        index = int(np.searchsorted(np.cumsum(probabilities[nearest]), p, side="left"))
        if index < len(nearest) or len(nearest) == len(ids):
            return ids[nearest[: index + 1]]
        size *= 4
