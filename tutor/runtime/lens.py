"""The logit lens (nostalgebraist 2020): each layer's output read as if it were the last one's. Runs in the worker."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutor.decoding.distribution import Logits, Summary, summarize
from tutor.decoding.steps import Labels, candidate
from tutor.domain.errors import TutorError
from tutor.domain.model import Candidate, Lens, LensLayer
from tutor.runtime.capture import Captured
from tutor.runtime.weights import Weights

# How far the lens may be from the model's own probability at the last layer: it rounds a little otherwise.
AGREEMENT = 0.05

Floats = NDArray[np.float32]


def lens(
    captured: Captured, weights: Weights, metadata: Mapping[str, Any], vocabulary: Labels, *, threads: int, top: int
) -> Lens:
    """What the model would say after each layer, at the end of the text. Raises TutorError for a model it can't read.

    The final norm and the output matrix are applied to every layer's output; where the file has no output matrix,
    the embedding matrix is it.
    """
    layers = sorted(captured.outputs)
    assert captured.logits is not None
    if not layers or layers != list(range(len(layers))):
        raise TutorError("This model does not show what leaves its layers, so the lens cannot look through it.")
    outputs = _normalized(np.stack([captured.outputs[layer] for layer in layers]), weights, metadata)
    name = "output.weight" if "output.weight" in weights else "token_embd.weight"
    rows = weights.matrix(name).times(outputs, threads)
    own = summarize(captured.logits, top)
    answer = int(captured.logits.argmax())
    if abs(_probability(rows[-1], answer) - _probability(captured.logits, answer)) > AGREEMENT:
        raise TutorError("This model turns its last layer into tokens in a way that the lens does not know.")
    found = tuple(_layer(layer, row, answer, vocabulary, top) for layer, row in zip(layers, rows, strict=True))
    return Lens(captured.ids, found, _candidates(own, vocabulary))


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


def _normalized(outputs: Floats, weights: Weights, metadata: Mapping[str, Any]) -> Floats:
    """The model's final norm of each row: RMSNorm (Zhang and Sennrich 2019), else LayerNorm (Ba et al. 2016)."""
    prefix = f"{metadata.get('general.architecture')}.attention.layer_norm"
    root_mean_square = metadata.get(f"{prefix}_rms_epsilon")
    if root_mean_square is None:
        outputs = outputs - outputs.mean(-1, keepdims=True)
    epsilon = np.float32(metadata.get(f"{prefix}_epsilon", 1e-5) if root_mean_square is None else root_mean_square)
    scaled: Floats = outputs / np.sqrt((outputs * outputs).mean(-1, keepdims=True) + epsilon)
    scaled = scaled * weights.vector("output_norm.weight")
    return scaled + weights.vector("output_norm.bias") if "output_norm.bias" in weights else scaled
