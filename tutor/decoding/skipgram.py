"""Skip-gram with negative sampling, trained in numpy: pairs, noise words, updates.

Mikolov, Chen, Corrado and Dean 2013, arXiv:1301.3781 (skip-gram, the window drawn anew at each word); Mikolov,
Sutskever, Chen, Corrado and Dean 2013, arXiv:1310.4546 (negative sampling, equation 4; subsampling, equation 5). As in
their program, the vectors of words begin small and random, those of contexts at 0, and a noise word that is the
context itself does not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NOISE_POWER = 0.75  # section 2.2
BATCH = 128  # pairs whose gradients are added up before a step is taken; the paper's program takes one at a time


@dataclass(frozen=True)
class Corpus:
    """`words` from the most frequent to the rarest, ties by first appearance; `sentences` of their numbers."""

    words: tuple[str, ...]
    counts: Ints
    sentences: tuple[Ints, ...]

    @classmethod
    def of(cls, sentences: Sequence[Sequence[str]]) -> Corpus:
        counts = Counter(word for sentence in sentences for word in sentence)
        words = tuple(word for word, _ in counts.most_common())
        number = {word: i for i, word in enumerate(words)}
        return cls(
            words,
            np.array([counts[word] for word in words], dtype=np.int64),
            tuple(np.array([number[word] for word in sentence], dtype=np.int64) for sentence in sentences),
        )

    @property
    def tokens(self) -> int:
        return int(self.counts.sum())

    @property
    def noise(self) -> Floats:
        """(words,) The chance of each word to be drawn as noise."""
        weights = self.counts**NOISE_POWER
        return np.asarray(weights / weights.sum(), dtype=np.float64)

    def kept(self, threshold: float) -> Floats:
        """(words,) How often subsampling keeps a word: √(t/f), at most 1; all of them with a `threshold` of 0."""
        if threshold == 0:
            return np.ones(len(self.words))
        return np.minimum(1.0, np.sqrt(threshold * self.tokens / self.counts))


def pairs_of(sentences: Sequence[Ints], window: int, kept: Floats, random: np.random.Generator) -> Ints:
    """(pairs, 2) Word and context. What subsampling drops is gone before windows are laid; each word draws a reach
    from 1 to `window`."""
    said: list[Ints] = []
    drawn: list[Ints] = []
    for sentence in sentences:
        said.append(sentence[random.random(len(sentence)) < kept[sentence]])
        drawn.append(random.integers(1, window + 1, len(said[-1])))
    words, reach = np.concatenate(said), np.concatenate(drawn)
    of = np.repeat(np.arange(len(said)), [len(each) for each in said])
    centres, contexts = [], []
    for apart in range(1, window + 1):
        first = np.flatnonzero(of[:-apart] == of[apart:])
        for centre, context in ((first, first + apart), (first + apart, first)):
            within = reach[centre] >= apart
            centres.append(centre[within])
            contexts.append(context[within])
    centre, context = np.concatenate(centres), np.concatenate(contexts)
    order = np.lexsort((context, centre))  # as one reads: by the word, then by its context
    return np.stack([words[centre[order]], words[context[order]]], axis=1)


@dataclass
class SkipGram:
    """The vectors of words as centres and as contexts, each (words, dim). Changed in place by `learn`."""

    vectors: Floats
    contexts: Floats

    @classmethod
    def fresh(cls, words: int, dim: int, random: np.random.Generator) -> SkipGram:
        return cls((random.random((words, dim)) - 0.5) / dim, np.zeros((words, dim)))

    def scored(self, pairs: Ints, noise: Ints) -> Scored:
        """`noise` is (pairs, negatives)."""
        targets = np.concatenate([pairs[:, 1:], noise], axis=1)
        words, others = self.vectors[pairs[:, 0]], self.contexts[targets]
        scores = (others @ words[:, :, None])[:, :, 0]
        counts = np.ones(targets.shape)
        counts[:, 1:] = noise != pairs[:, 1:]
        return Scored(pairs[:, 0], targets, words, others, scores, counts)

    def learn(self, pairs: Ints, noise: Ints, rate: float) -> float:
        """One step down for a batch; its mean loss before."""
        scored = self.scored(pairs, noise)
        words, contexts = scored.gradients
        _take_off(self.vectors, scored.words, rate * words)
        _take_off(self.contexts, scored.targets.ravel(), rate * contexts.reshape(-1, contexts.shape[2]))
        return float(scored.losses.mean())


@dataclass(frozen=True)
class Scored:
    """A batch and what the model says of it. `words` (pairs,), `targets`, `scores` and what `counts` (pairs, 1 +
    negatives), the context first, then the noise; the vectors of both."""

    words: Ints
    targets: Ints
    word_vectors: Floats
    target_vectors: Floats
    scores: Floats
    counts: Floats

    @property
    def losses(self) -> Floats:
        """(pairs,) -ln σ(v·u) - Σ ln σ(-v·n) over the noise words n. Nats."""
        signed = self.scores.copy()
        signed[:, 0] *= -1
        return np.asarray((np.logaddexp(0.0, signed) * self.counts).sum(axis=1))

    @property
    def gradients(self) -> tuple[Floats, Floats]:
        """Of the sum of `losses`: (pairs, dim) for each word, (pairs, 1 + negatives, dim) for context and noise."""
        error = 1.0 / (1.0 + np.exp(-self.scores))  # σ(s) for noise, σ(s) - 1 for the context
        error[:, 0] -= 1
        error *= self.counts
        return (error[:, None, :] @ self.target_vectors)[:, 0], error[:, :, None] * self.word_vectors[:, None, :]


def _take_off(matrix: Floats, rows: Ints, amounts: Floats) -> None:
    """matrix[rows[i]] -= amounts[i] for each i, repeated rows each time: sorted sums, which beat np.subtract.at."""
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    matrix[ordered[starts]] -= np.add.reduceat(amounts[order], starts, axis=0)


@dataclass(frozen=True)
class Setting:
    """What training is told. `rate` falls in a straight line to a hundredth of itself."""

    dim: int
    window: int
    negatives: int
    epochs: int
    rate: float
    subsample: float
    seed: int


@dataclass(frozen=True)
class Moment:
    """Training so far: `part` of it done, epochs finished, the mean loss of each epoch begun, pairs seen."""

    part: float
    epoch: int
    losses: tuple[float, ...]
    pairs: int


def train(
    corpus: Corpus, model: SkipGram, setting: Setting, random: np.random.Generator, chunk: int
) -> Iterator[Moment]:
    """Trains `model` in place and says where it stands after at most `chunk` pairs, and after each epoch."""
    kept, heap = corpus.kept(setting.subsample), np.cumsum(corpus.noise)
    losses: list[float] = []
    seen = 0
    for epoch in range(setting.epochs):
        pairs = pairs_of(corpus.sentences, setting.window, kept, random)
        random.shuffle(pairs)
        total = 0.0
        for start in range(0, len(pairs), BATCH):
            batch = pairs[start : start + BATCH]
            part = (epoch + start / len(pairs)) / setting.epochs
            noise = np.searchsorted(heap, random.random((len(batch), setting.negatives)) * heap[-1])
            total += model.learn(batch, noise, setting.rate * max(1 - part, 0.01)) * len(batch)
            done = start + len(batch)
            if done < len(pairs) and done // chunk > start // chunk:
                yield Moment((epoch + done / len(pairs)) / setting.epochs, epoch, (*losses, total / done), seen + done)
        seen += len(pairs)
        losses.append(total / max(len(pairs), 1))
        yield Moment((epoch + 1) / setting.epochs, epoch + 1, tuple(losses), seen)


def plane(vectors: Floats) -> Floats:
    """(words, 2) The directions in which `vectors` spread most: principal components, by SVD."""
    moved = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(moved, full_matrices=False)
    return np.asarray(moved @ axes[:2].T)


def turned(points: Floats, before: Floats) -> Floats:
    """`points` turned and mirrored to lie as near as can be to `before`, both (words, 2): orthogonal Procrustes."""
    left, _, right = np.linalg.svd(points.T @ before)
    return np.asarray(points @ left @ right)


def nearest(vectors: Floats, wanted: Floats, without: Sequence[int], top: int) -> list[tuple[int, float]]:
    """The `top` rows that have the largest cosine with `wanted`, and that cosine; those of `without` left out."""
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(wanted)
    cosine = vectors @ wanted / np.maximum(lengths, 1e-12)
    order = [int(i) for i in np.argsort(-cosine, kind="stable") if i not in set(without)]
    return [(i, float(cosine[i])) for i in order[:top]]


def told(grammar: dict[str, Any], sentences: int, random: np.random.Generator) -> list[list[str]]:
    """Sentences of a small grammar, then its prose, each cut into words at the spaces; punctuation is left out.

    Each sentence picks a template, then one of those that fit it.
    """
    templates = [(each, text) for each in grammar["templates"] for text in each["text"]]
    made = []
    for pick in random.integers(len(templates), size=sentences):
        kind, text = templates[int(pick)]
        fit = [each for each in grammar[kind["of"]] if all(each[k] == v for k, v in kind["if"].items())]
        made.append(text.format(**fit[int(random.integers(len(fit)))]))
    return [[word for word in line.split() if word != "，"] for line in (*made, *grammar["prose"])]
