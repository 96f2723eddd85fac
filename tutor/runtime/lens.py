"""The logit lens (nostalgebraist 2020): each layer's output read as if it were the last one's. Runs in the worker."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutor.decoding.distribution import Logits, Summary, summarize
from tutor.decoding.steps import Labels, candidate
from tutor.domain.errors import TutorError
from tutor.domain.model import Candidate, Lens, LensLayer
from tutor.runtime.weights import Weights

# How far the lens may be from the model's own probability at the last layer: it rounds a little otherwise.
AGREEMENT = 0.05

Floats = NDArray[np.float32]


class LogitLens:
    """The final norm and the output matrix of a model, for the output of any layer.

    Where the file has no output matrix, the embedding matrix is it. Raises ModelFailed where it has none of them.
    """

    def __init__(self, weights: Weights, metadata: Mapping[str, Any], vocabulary: Labels, threads: int) -> None:
        self._weights = weights
        self._metadata = metadata
        self._vocabulary = vocabulary
        self._threads = threads

    def look(self, ids: Sequence[int], outputs: Mapping[int, Floats], logits: Logits, top: int) -> Lens:
        """What the model would say after each layer of `outputs`, (width,) each; `logits` (n_vocab,) is what it said.

        Raises TutorError for a model that turns its last layer into tokens otherwise.
        """
        layers = sorted(outputs)
        if not layers:
            raise TutorError("This model does not show what leaves its layers, so the lens cannot look through it.")
        name = "output.weight" if "output.weight" in self._weights else "token_embd.weight"
        states = self._normalized(np.stack([outputs[layer] for layer in layers]))
        rows = self._weights.matrix(name).times(states, self._threads)
        answer = int(logits.argmax())
        if abs(_probability(rows[-1], answer) - _probability(logits, answer)) > AGREEMENT:
            raise TutorError("This model turns its last layer into tokens in a way that the lens does not know.")
        found = (_layer(layer, row, answer, self._vocabulary, top) for layer, row in zip(layers, rows, strict=True))
        return Lens(tuple(ids), tuple(found), _candidates(summarize(logits, top), self._vocabulary))

    def _normalized(self, states: Floats) -> Floats:
        """The model's final norm of each row: RMSNorm (Zhang and Sennrich 2019), else LayerNorm (Ba et al. 2016)."""
        prefix = f"{self._metadata.get('general.architecture')}.attention.layer_norm"
        epsilon = self._metadata.get(f"{prefix}_rms_epsilon")
        if epsilon is None:
            epsilon = self._metadata.get(f"{prefix}_epsilon", 1e-5)
            states = states - states.mean(-1, keepdims=True)
        scaled: Floats = states / np.sqrt((states * states).mean(-1, keepdims=True) + np.float32(epsilon))
        scaled *= self._weights.vector("output_norm.weight")
        if "output_norm.bias" in self._weights:
            scaled += self._weights.vector("output_norm.bias")
        return scaled


def _layer(layer: int, logits: Logits, answer: int, vocabulary: Labels, top: int) -> LensLayer:
    summary = summarize(logits, top)
    probability = math.exp(float(logits[answer]) - summary.log_total)
    rank = int(np.count_nonzero(logits > logits[answer]) + np.count_nonzero(logits[:answer] == logits[answer]))
    return LensLayer(layer, _candidates(summary, vocabulary), summary.entropy, probability, rank)


def _candidates(summary: Summary, vocabulary: Labels) -> tuple[Candidate, ...]:
    pairs = zip(summary.ids.tolist(), summary.logprobs.tolist(), strict=True)
    return tuple(candidate(vocabulary, id, logprob, probability=math.exp(logprob)) for id, logprob in pairs)


def _probability(logits: Logits, id: int) -> float:
    return math.exp(float(logits[id]) - summarize(logits, 0).log_total)
