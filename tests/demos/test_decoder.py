"""The decoder demo: what it makes of weights written here, and the real model against its own arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.demos.play import control_characters, frames, play, untranslated
from tests.runtime.numpy_llama import NumpyLlama
from tutor.demos import decoder
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.frames import Bars, Matrix, Note, Table, Tokens
from tutor.domain.model import Attention, DecodeStep, Distribution, ModelInfo, Strategy, TokenPiece
from tutor.domain.modelfile import ModelFile
from tutor.runtime.client import WorkerModel

HEADS = np.array(
    [
        [[1, 0, 0], [0.9, 0.1, 0], [0.8, 0.1, 0.1]],  # a sink
        [[1, 0, 0], [0.1, 0.9, 0], [0.1, 0.7, 0.2]],  # looks at the token before
    ],
    dtype="<f4",
)


class Looking:
    """Two heads over three tokens; counts what it is asked to evaluate."""

    def __init__(self, weights: Any = HEADS, metadata: dict[str, Any] | None = None) -> None:
        self.weights = weights
        self.metadata = metadata or {}
        self.evaluated: list[list[int]] = []

    def info(self) -> ModelInfo:
        return ModelInfo("looking", "", "", 0, 6, 2, 1, 8, 9, 4096, 0, 1, "", head_width=16)

    def file(self) -> ModelFile:
        return ModelFile(3, 0, self.metadata, (), 0, 32)

    def tokenize(self, text: str, *, special: bool = False, bos: bool = False) -> tuple[TokenPiece, ...]:
        names = ["\x1b[2J", "雪", " c"] + ["x"] * len(self.weights[0])
        return tuple(TokenPiece(i, t, t.encode(), 0, 0) for i, t in enumerate(names[: len(self.weights[0])]))

    def attention(self, prompt: Any, layer: int) -> Attention:
        return Attention(self.tokenize(""), 6, len(self.weights), layer, self.weights.tobytes())

    def next(self, prompt: Any, *, top: int = 10) -> Distribution:
        self.evaluated.append(list(prompt))
        return Distribution((), (), 0.0)

    def decode(self, prompt: Any, strategy: Strategy, *, max_tokens: int = 24, **_: Any) -> Iterator[DecodeStep]:
        self.evaluated.append([*prompt, "and on"])
        for id in range(5, 5 + max_tokens):
            yield DecodeStep(id, "x", b"x", -0.1, (), 0.1)


LLAMA = {
    "general.architecture": "llama",
    "llama.block_count": 6,
    "llama.attention.head_count": 2,
    "llama.attention.head_count_kv": 1,
    "llama.embedding_length": 32,
}


def test_a_head_is_shown_as_it_is_and_minus_one_is_the_average() -> None:
    for head, expected in ((0, HEADS[0]), (1, HEADS[1]), (-1, HEADS.mean(0))):
        steps, result = play(decoder, {"head": head, "time_cache": False}, Looking())
        assert np.array(result["weights"]) == pytest.approx(expected)
        assert frames(steps, Matrix)[0].values == tuple(map(tuple, result["weights"]))
        assert not untranslated(steps)
        assert not control_characters(steps)
        # Each of the layer's heads has a row, with the one that is shown marked.
        assert frames(steps, Table)[1].marks == tuple("chosen" if i == head else "" for i in range(2))


def test_the_sink_is_explained_where_it_shows_and_only_there() -> None:
    steps, result = play(decoder, {"head": 0, "time_cache": False}, Looking())
    assert result["sink"] == pytest.approx(0.85)
    assert "85% of the weight rests on the first token, \\x1b[2J" in frames(steps, Note)[0].text.en
    steps, result = play(decoder, {"head": 1, "time_cache": False}, Looking())
    assert result["sink"] == pytest.approx(0.1)
    assert not frames(steps, Note)


def test_the_last_row_stands_as_bars_in_the_order_of_the_text() -> None:
    bars = frames(play(decoder, {"head": 1, "time_cache": False}, Looking())[0], Bars)[0]
    assert [(bar.label, bar.mark) for bar in bars.items] == [("1 \\x1b[2J", ""), ("2 雪", "chosen"), ("3 ␣c", "")]
    assert [bar.value for bar in bars.items] == pytest.approx([0.1, 0.7, 0.2])


def test_a_long_text_is_drawn_in_part_and_given_whole() -> None:
    even = (np.tril(np.ones((100, 100))) / np.arange(1, 101)[:, None]).astype("<f4")
    steps, result = play(decoder, {"head": 0, "time_cache": False}, Looking(even[None]))
    assert np.array(result["weights"]).shape == (100, 100)
    assert len(frames(steps, Matrix)[0].values) == len(frames(steps, Tokens)[0].items) == decoder.SHOWN_TOKENS
    assert "60 more tokens are not drawn" in steps[1].note.en
    assert "The 88 tokens not drawn share 0.880" in steps[2].note.en


def test_the_cache_is_counted_from_the_file_and_where_it_does_not_say_that_is_said() -> None:
    steps, result = play(decoder, {"head": -1, "time_cache": False}, Looking(metadata=LLAMA))
    assert result["kv_bytes_per_token"] == 2 * 6 * 1 * 16 * 2
    assert "2 × 6 × 1 × 16 × 2 = 384" in steps[-1].note.en
    assert "1/2 of what" in steps[-1].note.en
    assert [row[:2] for row in frames(steps, Table)[-1].rows] == [("3", "1,152"), ("1,024", "393,216")]
    steps, result = play(decoder, {"head": -1, "time_cache": False}, Looking())
    assert result["kv_bytes_per_token"] is None
    assert "does not say" in steps[-1].note.en


def test_without_the_cache_the_model_is_made_to_forget_before_each_token() -> None:
    model = Looking()
    steps, result = play(decoder, {"head": -1}, model)
    text = [0, 1, 2]
    assert model.evaluated[:2] == [[1], [*text, "and on"]]
    without = model.evaluated[2:]
    assert without[0::2] == [[1]] * 8
    assert without[1::2] == [text + list(range(5, 5 + i)) for i in range(8)]
    assert result["positions_with_cache"] == 10
    assert result["positions_without_cache"] == sum(map(len, without[1::2]))
    assert result["seconds_with_cache"] > 0
    assert result["seconds_without_cache"] > 0
    assert [bars.high for bars in frames(steps, Bars)[-2:]] == [
        max(result["seconds_with_cache"], result["seconds_without_cache"])
    ] * 2


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"layer": 6}, "`layer` must be from 0 to 5 in this model, not 6"),
        ({"head": 2}, "`head` must be from -1 to 1 in this model, not 2"),
        ({"head": -2}, "`head` must be from -1 to 999, not -2"),
    ],
)
def test_a_layer_or_head_that_the_model_does_not_have_is_refused_with_its_bounds(
    given: dict[str, int], named: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        play(decoder, given, Looking())
    assert named in refusal.value.message


def test_without_a_model_it_says_so() -> None:
    with pytest.raises(ModelMissing):
        play(decoder, {})


# The real model


def test_attention_is_that_of_a_forward_pass_in_numpy(smol: WorkerModel, numpy_smol: NumpyLlama) -> None:
    text, layer = "The cat sat on the mat because it was tired", 8
    pieces = smol.tokenize(text)
    x = numpy_smol.norm(numpy_smol.states([piece.id for piece in pieces])[layer], f"blk.{layer}.attn_norm")
    heads = numpy_smol.attention_weights(layer, x)
    for head, expected in ((2, heads[2]), (-1, heads.mean(0))):
        _, result = play(decoder, {"text": text, "layer": layer, "head": head, "time_cache": False}, smol)
        weights = np.array(result["weights"])
        # llama.cpp rounds activations to 8 bits on quantized weights.
        assert np.abs(weights - expected).max() < 0.05
        assert weights.sum(-1) == pytest.approx(np.ones(len(pieces)), abs=1e-3)
        assert not np.triu(weights, 1).any()
    assert result["tokens"] == [piece.text for piece in pieces]
    assert result["sink"] == pytest.approx(weights[1:, 0].mean())


def test_the_cache_is_as_large_as_the_architecture_says(smol: WorkerModel) -> None:
    steps, result = play(decoder, {"time_cache": False}, smol)
    info = smol.info()
    assert (info.layers, info.kv_heads, info.width // info.heads) == (30, 3, 64)
    assert result["kv_bytes_per_token"] == 2 * 30 * 3 * 64 * 2
    assert "2 × 30 × 3 × 64 × 2 = 23,040" in steps[-1].note.en


def test_without_the_cache_every_position_is_evaluated_anew(smol: WorkerModel) -> None:
    text = "The cat sat on the mat. " * 5
    counts = [smol.evaluations]
    for timed in (False, False, True):
        _, result = play(decoder, {"text": text, "time_cache": timed}, smol)
        counts.append(smol.evaluations)
    length = len(result["tokens"])
    assert length > 32  # more than a chunk, so that there is something that could be used again
    forgetting = 1 + 8
    with_cache = math.ceil(length / 32) + 7
    without = sum(math.ceil((length + i) / 32) for i in range(8))
    # What the second run took, the third took as well, besides the race.
    assert (counts[3] - counts[2]) - (counts[2] - counts[1]) == forgetting + with_cache + without
    assert result["positions_with_cache"] == length + 7
    assert result["positions_without_cache"] == 8 * length + 28


def test_the_default_shows_a_head_of_the_default_model_that_looks_from_it_back_to_cat(qwen: Path) -> None:
    with WorkerModel(qwen, threads=1) as model:
        _, result = play(decoder, {"time_cache": False}, model)
    assert result["tokens"][-1] == " it"
    assert result["weights"][-1][result["tokens"].index(" cat")] > 0.8
