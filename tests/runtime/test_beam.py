"""The worker's beam search against one that evaluates every prefix from scratch through llama.cpp's own interface."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import llama_cpp.llama_cpp as lib
import msgspec
import pytest

from tests.runtime.raw_llama import RawLlama, write_float32
from tests.soak import count
from tutor.decoding.beam import beam
from tutor.domain.errors import Cancelled, ModelFailed, UsageError
from tutor.domain.model import Beam, BeamStep, Strategy
from tutor.runtime import protocol
from tutor.runtime.beams import Beams
from tutor.runtime.client import WorkerModel
from tutor.runtime.llama import AbortFlag, Engine

PROMPTS = (
    "The capital of France is",
    "我最喜欢的动物是",
    "Once upon a time",
    "中国的首都是",
    "The cat is called",
    "今天天气",
    "Number 1, Number 2, Number 3,",
    "春天来了，",
    "def add(a, b):\n    return",
    "从前有一座山，山上有",
    "Water boils at",
    "一加一等于",
    "My favourite food is",
    "人工智能的发展",
    "In the beginning",
    "学习编程最好的方法",
    "She opened the door and",
    "李白是",
    "The three primary colours are",
    "请问你",
)
WIDTHS = range(1, 9) if count(8) == 8 else (4,)
TOKENS = 8
# With the cache in float32 too, what is left is the order of sums: by the cells, which is not that of the text.
TOLERANCE = 0.001
ENDLESS = {"width": 4, "max_tokens": 1000, "ignore_eos": True}


def search(model: WorkerModel, prompt: str, **settings: object) -> tuple[list[BeamStep], tuple[Beam, ...]]:
    steps = list(model.beam(prompt, **settings))  # type: ignore[arg-type]
    return steps, steps[-1].beams


def agree(model: WorkerModel, raw: RawLlama, prompt: str, width: int, penalty: float) -> None:
    _, beams = search(model, prompt, width=width, length_penalty=penalty, max_tokens=TOKENS)
    expected = raw.beams(model.next(prompt).ids, width, penalty, TOKENS)
    assert [(b.ids, b.finished) for b in beams] == [(ids, finished) for ids, _, _, finished in expected]
    assert [b.logprob for b in beams] == pytest.approx([logprob for _, logprob, _, _ in expected], abs=TOLERANCE)
    assert [b.score for b in beams] == pytest.approx([score for _, _, score, _ in expected], abs=TOLERANCE)


@pytest.fixture(scope="module")
def exact(smollm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WorkerModel, RawLlama]]:
    folder = tmp_path_factory.mktemp("float32")
    path = write_float32(smollm, folder / "smol.gguf")
    raw = RawLlama(path, lib.GGML_TYPE_F32)
    with WorkerModel(path, log=folder / "log") as model:
        yield model, raw
    raw.close()
    path.unlink()


@pytest.mark.parametrize("prompt", PROMPTS[: count(len(PROMPTS))])
def test_on_float32_weights_ids_and_order_are_those_of_a_search_that_evaluates_every_prefix(
    exact: tuple[WorkerModel, RawLlama], prompt: str
) -> None:
    for width in WIDTHS:
        agree(*exact, prompt, width, 0.0)
    agree(*exact, prompt, 3, 1.0)


@pytest.mark.parametrize("name", ["smol", "qwen_model"])
def test_on_quantized_weights_each_text_has_the_log_probability_it_has_from_scratch(
    name: str, request: pytest.FixtureRequest
) -> None:
    # Which kernel multiplies, and so how activations are rounded to 8 bits, depends on the rows in a batch: up to 0.2
    # nats a text were seen, so that close texts may change places. A beam in another's cells is off by whole nats.
    model: WorkerModel = request.getfixturevalue(name)
    prompt = "Number 1, Number 2, Number 3,"
    _, beams = search(model, prompt, width=4, max_tokens=6, ignore_eos=True)
    raw = RawLlama(model.path)
    ids = model.next(prompt).ids
    for each in beams:
        nll = [float(raw.logprobs(ids + each.ids[:i])[id]) for i, id in enumerate(each.ids)]
        assert each.logprob == pytest.approx(sum(nll), abs=0.5)
    raw.close()


@pytest.mark.parametrize("prompt", ["Once upon a time", "春天来了，"])
def test_a_width_of_one_is_greedy(smol: WorkerModel, prompt: str) -> None:
    greedy = list(smol.decode(prompt, Strategy(), max_tokens=12))
    for penalty in (0.0, 1.0):
        steps, (only,) = search(smol, prompt, width=1, length_penalty=penalty, max_tokens=12)
        assert only.ids == tuple(step.id for step in greedy)
        assert only.text == "".join(step.text for step in greedy)
        assert only.logprob == pytest.approx(sum(step.logprob for step in greedy), abs=1e-3)
        assert len(steps) == len(greedy)


def test_a_search_tells_each_step_as_it_goes_and_the_result_at_the_end(tiny: WorkerModel) -> None:
    steps, beams = search(tiny, "the cat", width=4, top=6, max_tokens=10, ignore_eos=True, length_penalty=0.6)
    assert len(steps) == 10
    assert [len(step.kept) for step in steps] == [4] * 10
    assert [len(step.pruned) for step in steps] == [2] + [20] * 9
    assert not any(step.beams for step in steps[:-1])
    assert len(beams) == 4
    assert [b.score for b in beams] == sorted((b.score for b in beams), reverse=True)
    for each, last in zip(beams, steps[-1].kept, strict=True):
        assert (each.ids[-1], each.logprob) == (last.id, last.total)
        assert each.score == pytest.approx(each.logprob / 10**0.6)


def test_no_token_of_a_prefix_is_evaluated_twice(tiny_file: Path) -> None:
    evaluated: list[int] = []

    class Counting(Engine):
        def _compute(self, tokens: list[tuple[int, int, int]], *, rows: int) -> None:
            evaluated.append(len(tokens))
            super()._compute(tokens, rows=rows)

    engine = Counting(tiny_file, 1, AbortFlag(), lambda _: None)
    prompt = engine.vocabulary.prompt("the cat")
    steps = beam(Beams(engine, 4, 6, lambda _: None), prompt, width=4, max_tokens=6)
    # The prompt, then one batch a step with one token a beam.
    assert [len(step.kept) for step in steps][:-1] == evaluated[1:]
    assert evaluated[0] == len(prompt)


def test_what_came_before_changes_no_bit_of_a_search_and_a_search_none_of_what_comes_after(smol: WorkerModel) -> None:
    prompt = "Once upon a time"
    greedy = list(smol.decode(prompt, Strategy(), max_tokens=4))
    first = search(smol, prompt, width=5, max_tokens=6)
    assert list(smol.decode(prompt, Strategy(), max_tokens=4)) == greedy
    stopped = smol.beam(prompt + " there was", width=7, max_tokens=50)
    next(stopped)
    next(stopped)
    stopped.close()
    assert search(smol, prompt, width=5, max_tokens=6) == first
    assert list(smol.decode(prompt, Strategy(), max_tokens=4)) == greedy


def test_a_step_takes_at_most_20_kb(qwen_model: WorkerModel) -> None:
    steps, beams = search(qwen_model, "从前有一座山，", width=16, top=100, max_tokens=4)
    assert len(beams) == 16
    for step in steps:
        assert len(step.kept) + len(step.finished) == 16
        assert len(msgspec.json.encode(step)) <= protocol.STEP_BYTES
    assert all(step.pruned for step in steps)


def test_beams_need_room_only_together(tiny: WorkerModel) -> None:
    # The model knows 128 positions; 16 texts of 100 tokens have 1600 between them.
    steps, beams = search(tiny, "the", width=16, max_tokens=100, ignore_eos=True)
    assert len(steps) == len(beams[0].ids) == 100
    with pytest.raises(UsageError, match="128"):
        search(tiny, "the", width=2, max_tokens=128)


def test_more_than_the_context_holds_gets_a_sentence_with_both_numbers(smol: WorkerModel) -> None:
    with pytest.raises(UsageError, match="8192") as refused:
        search(smol, "the", width=16, max_tokens=600)
    assert "9601" in refused.value.message


def test_parameters_out_of_bounds_are_refused_before_anything_is_sent(tiny: WorkerModel) -> None:
    for name, value in (("width", 17), ("length_penalty", math.nan), ("max_tokens", 0), ("top", 101)):
        with pytest.raises(UsageError, match=name):
            tiny.beam("the", **{name: value})
    assert tiny.pid is None


def test_a_cancel_ends_a_search_and_the_same_process_goes_on(smol: WorkerModel) -> None:
    steps = smol.beam("Once upon a time", **ENDLESS)
    next(steps)
    threading.Thread(target=smol.cancel).start()
    with pytest.raises(Cancelled):
        for _ in steps:
            pass
    pid = smol.pid
    assert len(search(smol, "Once upon a time", width=3, max_tokens=2)[1]) == 3
    assert smol.pid == pid


def test_a_process_killed_in_the_middle_costs_one_sentence(smollm: Path, tmp_path: Path) -> None:
    with WorkerModel(smollm, log=tmp_path / "log") as model:
        steps = model.beam("Once upon a time", **ENDLESS)
        next(steps)
        os.kill(model.pid, signal.SIGKILL)
        with pytest.raises(ModelFailed, match="SIGKILL"):
            list(steps)
        assert len(search(model, "Once upon a time", width=2, max_tokens=2)[1]) == 2
