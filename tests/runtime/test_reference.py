"""The worker against what transformers says of the same weights in float32, recorded by `bench.reference --record`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.runtime.raw_llama import write_float32
from tutor.runtime.client import WorkerModel

RECORD = json.loads(Path(__file__).with_name("reference.json").read_text(encoding="utf-8"))
TEXTS = pytest.mark.parametrize("recorded", RECORD, ids=[entry["text"][:11] for entry in RECORD])


@pytest.fixture(scope="module")
def exact(smollm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerModel]:
    folder = tmp_path_factory.mktemp("float32")
    path = write_float32(smollm, folder / "smol.gguf")
    with WorkerModel(path, log=folder / "log") as model:
        yield model
    path.unlink()


def differences(model: WorkerModel, recorded: dict[str, Any]) -> np.ndarray:
    """Of each attention weight, in the layers recorded: (layers, heads, queries, keys)."""
    found = []
    for layer, expected in zip(recorded["layers"], recorded["attention"], strict=True):
        attention = model.attention(recorded["text"], layer)
        assert [piece.id for piece in attention.tokens] == recorded["ids"]
        weights = np.frombuffer(attention.weights, dtype="<f4").reshape(np.shape(expected))
        found.append(np.abs(weights - np.array(expected)))
    return np.array(found)


@TEXTS
def test_surprise_is_that_of_transformers(exact: WorkerModel, recorded: dict[str, Any]) -> None:
    score = exact.score(recorded["text"])
    assert list(score.ids) == recorded["ids"]
    assert score.nll == pytest.approx(recorded["nll"], abs=0.001)


@TEXTS
def test_attention_is_that_of_transformers(exact: WorkerModel, recorded: dict[str, Any]) -> None:
    assert differences(exact, recorded).max() < 0.002


@TEXTS
def test_attention_of_quantized_weights_is_near_it(smol: WorkerModel, recorded: dict[str, Any]) -> None:
    # llama.cpp rounds what it multiplies with quantized weights to 8 bits: a few weights move by more than 0.03.
    off = differences(smol, recorded)
    assert np.quantile(off, 0.99) < 0.03
    assert off.max() < 0.15
