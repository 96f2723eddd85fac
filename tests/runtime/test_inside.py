"""Attention, the logit lens and embedding neighbours, against a forward pass in numpy and the gguf package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType
from gguf.quants import dequantize

from tests.runtime.numpy_llama import NumpyLlama
from tests.runtime.tiny_model import write_tiny_model
from tutor.decoding.distribution import log_softmax
from tutor.domain.errors import Cancelled, UsageError
from tutor.domain.model import Attention
from tutor.runtime.client import WorkerModel
from tutor.runtime.gguf import inspect

TEXT = "The capital of France is Paris, and the capital of Italy is"
# Longer than one chunk of an evaluation.
LONG = "the cat sat on a mat, " * 3


def matrix(attention: Attention) -> np.ndarray:
    length = len(attention.tokens)
    return np.frombuffer(attention.weights, dtype="<f4").reshape(attention.heads, length, length)


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def float32(request: pytest.FixtureRequest, tmp_path: Path) -> WorkerModel:
    """Three layers in float32, with and without an output matrix of their own."""
    path = write_tiny_model(tmp_path / "tiny.gguf", layers=3, tied=request.param)
    with WorkerModel(path, log=tmp_path / "log") as model:
        yield model


def test_on_float32_weights_attention_and_lens_are_those_of_a_forward_pass_in_numpy(float32: WorkerModel) -> None:
    numpy = NumpyLlama(float32.path)
    ids = list(float32.next(LONG).ids)
    states = numpy.states(ids)
    for layer in (2, 0, 1):
        attention = float32.attention(LONG, layer)
        assert (attention.layers, attention.heads, attention.layer) == (3, 2, layer)
        expected = numpy.attention_weights(layer, numpy.norm(states[layer], f"blk.{layer}.attn_norm"))
        np.testing.assert_allclose(matrix(attention), expected, atol=1e-3)

    lens = float32.lens(ids, top=4)
    assert lens.ids == tuple(ids)
    answer = lens.final[0].id
    for layer, found in enumerate(lens.layers):
        logprobs = log_softmax(numpy.unembed(states[layer + 1][-1:]))[0]
        for candidate in found.top:
            assert candidate.logprob == pytest.approx(logprobs[candidate.id], abs=5e-3)
        assert found.top[0].logprob == pytest.approx(logprobs.max(), abs=5e-3)
        assert found.entropy == pytest.approx(-(np.exp(logprobs) @ logprobs), abs=5e-3)
        assert found.probability == pytest.approx(np.exp(logprobs[answer]), abs=1e-3)
        closer = np.count_nonzero(logprobs > logprobs[answer] + 5e-3)
        assert closer <= found.rank <= np.count_nonzero(logprobs >= logprobs[answer] - 5e-3)


def test_on_quantized_weights_attention_is_that_of_numpy_within_their_rounding(smol: WorkerModel, smollm: Path) -> None:
    numpy = NumpyLlama(smollm)
    states = numpy.states(list(smol.next(TEXT).ids))
    for layer in (0, 14, 29):
        found = matrix(smol.attention(TEXT, layer))
        expected = numpy.attention_weights(layer, numpy.norm(states[layer], f"blk.{layer}.attn_norm"))
        # 4-bit weights are multiplied with activations rounded to 8 bits; what a layer gets differs by as much.
        assert np.abs(found - expected).mean() < 0.005
        assert np.abs(found - expected).max() < 0.15
        assert (found.argmax(-1) == expected.argmax(-1)).mean() > 0.95


@pytest.mark.parametrize("name", ["smol", "qwen_model"])
def test_each_token_shares_one_whole_among_itself_and_those_before(name: str, request: pytest.FixtureRequest) -> None:
    model: WorkerModel = request.getfixturevalue(name)
    text = "我喜欢猫。" + TEXT * 3
    found = model.attention(text, 3)
    assert [t.id for t in found.tokens] == list(model.next(text).ids)
    assert "".join(t.text for t in model.attention(TEXT, 0).tokens) == TEXT
    weights = matrix(found)
    np.testing.assert_allclose(weights.sum(-1), 1.0, atol=1e-3)
    assert (np.triu(weights, 1) == 0).all()
    assert (weights >= 0).all()
    assert len({weights[head].tobytes() for head in range(found.heads)}) == found.heads


@pytest.mark.parametrize("name", ["smol", "qwen_model"])
def test_the_last_layers_answer_is_the_models_own(name: str, request: pytest.FixtureRequest) -> None:
    model: WorkerModel = request.getfixturevalue(name)
    lens = model.lens(TEXT, top=5)
    own = model.next(TEXT, top=5)
    assert len(lens.layers) == model.info().layers
    last = lens.layers[-1]
    assert [c.id for c in last.top] == [c.id for c in lens.final] == [c.id for c in own.top]
    for seen, said in zip(last.top, own.top, strict=True):
        assert seen.probability == pytest.approx(said.probability, abs=0.01)
    assert (last.rank, last.entropy) == (0, pytest.approx(own.entropy, abs=0.02))
    assert last.probability == pytest.approx(own.top[0].probability, abs=0.01)
    assert lens.layers[0].rank > 0


def test_another_layer_of_the_same_text_computes_nothing_again(smol: WorkerModel) -> None:
    smol.attention(TEXT, 0)
    before = smol.evaluations
    first, again = smol.attention(TEXT, 7), smol.attention(TEXT, 7)
    assert smol.evaluations == before
    assert first == again
    smol.attention(TEXT + " now", 7)
    computed = smol.evaluations
    smol.lens(TEXT + " then")
    smol.lens(TEXT + " then", top=3)
    assert smol.evaluations == computed + 1
    assert smol.evaluations > before


def test_what_cannot_be_looked_into_gets_a_sentence(tiny: WorkerModel, smol: WorkerModel) -> None:
    for ask in (lambda text: smol.attention(text, 0), smol.lens):
        with pytest.raises(UsageError, match="empty"):
            ask("")
        with pytest.raises(UsageError, match="256"):
            ask("word " * 300)
    with pytest.raises(UsageError, match="128"):
        tiny.attention("a" * 200, 0)
    for layer in (-1, 30):
        with pytest.raises(UsageError, match="0 to 29"):
            smol.attention(TEXT, layer)
    with pytest.raises(UsageError, match="no token"):
        smol.attention([10_000_000], 0)


def test_looking_inside_is_stopped_when_told_and_starts_anew(smollm: Path, tmp_path: Path) -> None:
    def hear(phase: str, _fraction: float) -> None:
        if phase == "prompt":
            model.cancel()

    with WorkerModel(smollm, log=tmp_path / "log", on_progress=hear) as model:
        for ask in (lambda: model.attention(TEXT * 8, 0), lambda: model.lens(TEXT * 8)):
            model.info()
            with pytest.raises(Cancelled):
                ask()
            assert len(model.attention(TEXT, 0).weights) == 4 * 9 * 13**2


def test_looking_inside_changes_nothing_about_decoding(smol: WorkerModel) -> None:
    before = smol.next(TEXT)
    smol.attention("Something else", 0)
    smol.lens("Something else again")
    assert smol.next(TEXT) == before


# Neighbours


def embedding(path: Path, *, row: int | None = None) -> np.ndarray:
    """The matrix, or one row of it, by the gguf package (its reader of headers would take seconds)."""
    tensor = next(t for t in inspect(path).tensors if t.name == "token_embd.weight")
    height = tensor.shape[1]
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=tensor.offset, shape=(height, tensor.bytes // height))
    return dequantize(data if row is None else data[[row]], GGMLQuantizationType[tensor.type])


@pytest.fixture(scope="module")
def rows(smollm: Path) -> np.ndarray:
    return embedding(smollm)


def test_neighbours_are_those_by_cosine_in_the_embedding_matrix(smol: WorkerModel, rows: np.ndarray) -> None:
    found = smol.neighbours([" king", " woman"], [" man"], top=10)
    asked = [smol.tokenize(text)[0].id for text in (" king", " woman", " man")]
    total = rows[asked[0]] + rows[asked[1]] - rows[asked[2]]
    cosines = rows @ total / np.maximum(np.linalg.norm(rows, axis=1), 1e-30) / np.linalg.norm(total)
    assert found.shape == rows.shape
    assert [n.id for n in found.plus] == asked[:2]
    assert [n.id for n in found.minus] == asked[2:]
    np.testing.assert_allclose(found.row, total[: len(found.row)], atol=1e-5)
    for neighbour in (*found.plus, *found.minus, *found.nearest):
        assert neighbour.cosine == pytest.approx(cosines[neighbour.id], abs=1e-5)
    expected = [id for id in np.argsort(-cosines, kind="stable").tolist() if id not in asked][:10]
    np.testing.assert_allclose([n.cosine for n in found.nearest], cosines[expected], atol=1e-5)
    assert [n.id for n in found.nearest] == expected


def test_a_token_is_found_as_typed_after_a_space_or_by_its_number(smol: WorkerModel) -> None:
    first = smol.neighbours([" king"])
    spaced = first.plus[0].id
    assert smol.neighbours([f"#{spaced}"]) == first
    assert smol.neighbours(["king"]).plus[0].text == "king"
    alone = next(c for c in ("Paris", "Tokyo", "castle", "kitchen") if len(smol.tokenize(c)) > 1)
    assert smol.neighbours([alone]).plus[0].text == f" {alone}"
    assert smol.neighbours([], [" king"]).minus[0].cosine == pytest.approx(-1.0, abs=1e-5)


def test_a_text_of_several_tokens_is_refused_with_what_they_are(smol: WorkerModel) -> None:
    with pytest.raises(UsageError, match=r"4 tokens.*ant · idis · establish · ment"):
        smol.neighbours(["antidisestablishment"])
    for nothing in ([], [""]):
        with pytest.raises(UsageError, match="at least one"):
            smol.neighbours(nothing)
    with pytest.raises(UsageError, match="no token"):
        smol.neighbours(["#99999999"])
    with pytest.raises(UsageError, match="16"):
        smol.neighbours([" a"] * 20)


def test_every_quantization_that_a_model_here_has_is_read_as_the_gguf_package_reads_it(qwen_model: WorkerModel) -> None:
    found = qwen_model.neighbours(["猫"])
    (row,) = embedding(qwen_model.path, row=found.plus[0].id)
    np.testing.assert_allclose(found.row, row[: len(found.row)], atol=1e-6)
    assert found.shape == (151936, 896)
