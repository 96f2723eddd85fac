"""Cross-entropy of a few logits, with label smoothing: the loss, its gradient, and steps against it. Pure numpy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutor.decoding.distribution import log_softmax
from tutor.domain.errors import UsageError
from tutor.domain.plaintext import visible

MAX_LOGITS = 50
MAX_LOGIT = 1000
MAX_CHARACTERS = 40  # of an answer's name

Vector = NDArray[np.float64]


def smoothed(answers: int, target: int, smoothing: float) -> Vector:
    """q = (1 - ε) one-hot + ε / K, (K,): Szegedy et al. 2016, arXiv:1512.00567, section 7."""
    wanted = np.full(answers, smoothing / answers)
    wanted[target] += 1 - smoothing
    return wanted


@dataclass(frozen=True)
class CrossEntropy:
    """-Σ q ln p of p = softmax(`logits`) under the target distribution q = `wanted`, both (K,). Nats."""

    logits: Vector
    wanted: Vector

    @cached_property
    def logprobs(self) -> Vector:
        return log_softmax(self.logits)

    @property
    def probabilities(self) -> Vector:
        return np.exp(self.logprobs)

    @property
    def loss(self) -> float:
        return abs(float(np.dot(self.wanted, self.logprobs)))

    @property
    def least_loss(self) -> float:
        """What no logits go below: the entropy of `wanted`, 0 where it is all on one answer."""
        some = self.wanted[self.wanted > 0]
        return abs(float(np.dot(some, np.log(some))))

    @property
    def gradient(self) -> Vector:
        """With respect to the logits: softmax - q, which sums to 0."""
        return self.probabilities - self.wanted

    def step(self, size: float) -> CrossEntropy:
        """One step against the gradient.

        The loss falls for any `size` below 4: its curvature, diag(p) - p pᵀ, is at most 1/2 in any direction.
        """
        return CrossEntropy(self.logits - size * self.gradient, self.wanted)


def read_logits(given: Any) -> tuple[list[str], Vector]:
    """The answers' names and logits (K,). Raises UsageError saying which entry is none."""
    if not isinstance(given, list) or not 2 <= len(given) <= MAX_LOGITS:
        raise UsageError(
            "`logits` must be a list of 2 to {high} numbers, or of pairs [token, number].", high=MAX_LOGITS
        )
    pairs = [_read_logit(str(place), entry) for place, entry in enumerate(given)]
    return [visible(name) for name, _ in pairs], np.array([logit for _, logit in pairs])


def _read_logit(place: str, entry: Any) -> tuple[str, float]:
    name, logit = entry if isinstance(entry, list) and len(entry) == 2 else (place, entry)
    number = isinstance(logit, int | float) and not isinstance(logit, bool) and abs(logit) <= MAX_LOGIT
    if number and isinstance(name, str) and 1 <= len(name) <= MAX_CHARACTERS:
        return name, float(logit)
    raise UsageError(
        "An entry of `logits` must be a number from -{high} to {high}, or [token, number] with a token of 1 to "
        "{characters} characters; not {given}.",
        high=MAX_LOGIT,
        characters=MAX_CHARACTERS,
        given=visible(json.dumps(entry, ensure_ascii=False)[:MAX_CHARACTERS]),
    )
