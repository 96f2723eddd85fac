"""A next-token distribution, read from logits. Pure numpy; `Logits` are float32 of shape (n_vocab,).

Logarithms are natural everywhere: log-probabilities and entropy are in nats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tutor.domain.errors import ModelFailed

Logits = NDArray[np.float32]
Ids = NDArray[np.intp]

# The columns of a (64, n/64) view are the blocks: their maxima come from 63 vectorised maxima of rows.
BLOCK = 64
# exp(-80) = 2e-35: nothing beside 1, even 200,000 times. Below it a product of 0 and infinity would be no number.
FLOOR = np.float32(-80.0)


@dataclass(frozen=True, slots=True)
class Summary:
    """`ids` the most likely tokens, best first, ties by id; `logprobs` theirs; `log_total` = log Σ exp(logit)."""

    log_total: float
    entropy: float
    ids: Ids
    logprobs: NDArray[np.float64]


def summarize(logits: Logits, top: int) -> Summary:
    """What a step reports of `logits` (n_vocab,): the `top` most likely tokens and the entropy of all.

    One float32 exponential a token: about 0.2 ms for 151,936 tokens. Raises ModelFailed where a logit is
    not a number or none is finite.
    """
    largest_logit, shifted, weights = _exponentials(logits)
    total = float(weights.sum())
    log_total = largest_logit + float(np.log(total))
    # H = log Σ e^x - Σ x e^x / Σ e^x, with x shifted so that the largest is 0.
    entropy = float(np.log(total)) - float(np.dot(weights, shifted)) / total
    ids = largest(logits, top)
    return Summary(log_total, max(0.0, entropy), ids, logits[ids].astype(np.float64) - log_total)


def log_sum(logits: Logits) -> float:
    """log Σ exp(logit) over `logits` (n_vocab,). Raises ModelFailed like `summarize`."""
    largest_logit, _shifted, weights = _exponentials(logits)
    return largest_logit + float(np.log(weights.sum()))


def _exponentials(logits: Logits) -> tuple[float, Logits, Logits]:
    """The largest logit, the logits less it, and e to those, in the precision of `logits`."""
    largest_logit = logits.max()
    if not np.isfinite(largest_logit):
        raise ModelFailed(
            "The model computed values that are not numbers.", hint="Its file is damaged: fetch the model again."
        )
    shifted = logits - largest_logit
    if shifted.min() < FLOOR:
        np.maximum(shifted, FLOOR, out=shifted)
    return float(largest_logit), shifted, np.exp(shifted)


def log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log-probabilities along the last axis, of the same shape, in float64."""
    wide = logits.astype(np.float64)
    shifted: NDArray[np.float64] = wide - wide.max(axis=-1, keepdims=True)
    total: NDArray[np.float64] = np.exp(shifted).sum(axis=-1, keepdims=True)
    shifted -= np.log(total)
    return shifted


def entropy(logits: NDArray[np.floating]) -> float:
    """-Σ p log p of the distribution that `logits` (n_vocab,) stand for; impossible tokens add nothing."""
    logprobs = log_softmax(logits)
    probabilities = np.exp(logprobs)
    return float(-np.sum(probabilities[probabilities > 0] * logprobs[probabilities > 0]))


def largest(values: NDArray[np.floating], k: int) -> Ids:
    """The indices of the `k` largest of `values` (n,), largest first, ties by index. Exact.

    The k-th largest block maximum is a bound that at least k values reach, so the k largest are among those
    that do; these few are then sorted.
    """
    n = len(values)
    k = min(k, n)
    if k <= 0:
        return np.empty(0, dtype=np.intp)
    blocks = n // BLOCK
    if k <= blocks:
        maxima = values[: blocks * BLOCK].reshape(BLOCK, blocks).max(axis=0)
        bound = np.partition(maxima, blocks - k)[blocks - k]
    else:
        bound = np.partition(values, n - k)[n - k]
    candidates = np.flatnonzero(values >= bound)
    order = np.argsort(-values[candidates], kind="stable")
    found: Ids = candidates[order[:k]]
    return found
