"""The padding demo against loops written here: layouts counted cell by cell, attention summed number by number."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tutor.decoding import batch as layout
from tutor.demos import padding, registry
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.frames import Matrix, Timeline, Tokens
from tutor.domain.language import set_language
from tutor.runtime.client import WorkerModel


@pytest.fixture(scope="module")
def smol(smollm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerModel]:
    with WorkerModel(smollm, log=tmp_path_factory.mktemp("smol") / "log") as model:
        yield model


TEXTS = ["please explain in one line what padding does", "thank you", "how do tokenizers work", "hi"]


def run(model: WorkerModel | None = None, **given: object) -> dict[str, Any]:
    return registry.run("padding", {"tokenizer": "words", "texts": TEXTS, **given}, model)[1]


# What the demo says it computes, in loops over single numbers.


def vector(id: int, position: int) -> list[float]:
    token = np.random.default_rng([1, id + 1]).standard_normal(8)
    encoding = [(math.sin if i % 2 == 0 else math.cos)(position / 10_000 ** ((i - i % 2) / 8)) for i in range(8)]
    return [float(a) + b for a, b in zip(token, encoding, strict=True)]


def times(x: list[float], matrix: Any) -> list[float]:
    return [sum(x[i] * float(matrix[i][j]) for i in range(8)) for j in range(8)]


def attention(cells: list[tuple[int, int]], allowed: Any) -> tuple[list[list[float]], list[list[float]]]:
    """`cells` are (id, position); `allowed(i, j)` says whether i may read j."""
    query, key, value = np.random.default_rng(1).standard_normal((3, 8, 8)) / math.sqrt(8)
    x = [vector(*cell) for cell in cells]
    keys, values = [times(each, key) for each in x], [times(each, value) for each in x]
    outputs, weights = [], []
    for i, each in enumerate(x):
        q = times(each, query)
        exps = [
            math.exp(sum(a * b for a, b in zip(q, k, strict=True)) / math.sqrt(8)) if allowed(i, j) else 0.0
            for j, k in enumerate(keys)
        ]
        row = [e / sum(exps) if sum(exps) else 0.0 for e in exps]
        weights.append(row)
        outputs.append([sum(w * v[d] for w, v in zip(row, values, strict=True)) for d in range(8)])
    return outputs, weights


def expected(rows: list[list[int]], side: str, kind: str) -> dict[str, Any]:
    longest = max(map(len, rows))
    worst = {"masked": 0.0, "unmasked": 0.0, "shifted": 0.0}
    pad_weights = []
    for ids in rows:
        before = longest - len(ids) if side == "left" else 0
        real = range(before, before + len(ids))
        whole = [ids[c - before] if c in real else -1 for c in range(longest)]
        counted = [(id, c - before if c in real else 0) for c, id in enumerate(whole)]
        reads = (lambda i, j: j <= i) if kind == "causal" else (lambda i, j: True)
        alone, _ = attention(list(zip(ids, range(len(ids)), strict=True)), reads)
        runs = {
            "masked": attention(counted, lambda i, j: reads(i, j) and j in real),  # noqa: B023  # called at once
            "unmasked": attention(counted, reads),
            "shifted": attention([(id, c) for c, id in enumerate(whole)], lambda i, j: reads(i, j) and j in real),  # noqa: B023
        }
        for name, (outputs, _) in runs.items():
            for a, b in zip([outputs[c] for c in real], alone, strict=True):
                worst[name] = max(worst[name], *(abs(p - q) for p, q in zip(a, b, strict=True)))
        last = runs["unmasked"][1][real[-1]]
        pad_weights.append(sum(w for c, w in enumerate(last) if c not in real))
    return {**{f"{name}_max_abs_diff": value for name, value in worst.items()}, "pad_weights": pad_weights}


WORD_IDS = [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9], [10, 11, 12, 13], [14]]


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("kind", ["full", "causal"])
def test_attention_in_the_batch_is_what_loops_over_single_numbers_give(side: str, kind: str) -> None:
    result = run(side=side, attention=kind)
    for name, value in expected(WORD_IDS, side, kind).items():
        assert result[name] == pytest.approx(value, abs=1e-12), name


def test_the_mask_leaves_nothing_but_rounding_whatever_the_side() -> None:
    for side in ("right", "left"):
        for kind in ("full", "causal"):
            assert run(side=side, attention=kind)["masked_max_abs_diff"] < 1e-14


def test_only_causal_attention_with_padding_on_the_right_needs_no_mask() -> None:
    differences = {
        (side, kind): run(side=side, attention=kind)["unmasked_max_abs_diff"]
        for side in ("right", "left")
        for kind in ("full", "causal")
    }
    assert differences.pop(("right", "causal")) < 1e-14
    assert min(differences.values()) > 0.1


def test_positions_counted_from_the_rows_start_spoil_padding_on_the_left_alone() -> None:
    assert run(side="right")["shifted_max_abs_diff"] < 1e-14
    assert run(side="left")["shifted_max_abs_diff"] > 0.1


# Layouts


def by_hand(lengths: list[int], batch: int) -> dict[str, Any]:
    """Everything about the layouts, by drawing each of them cell by cell."""
    longest, real = max(lengths), sum(lengths)
    picture = [["#"] * n + ["."] * (longest - n) for n in lengths]
    order = sorted(lengths)
    bucketed = [
        ["#"] * n + ["."] * (max(order[at : at + batch]) - n)
        for at in range(0, len(order), batch)
        for n in order[at : at + batch]
    ]
    bins: list[list[int]] = []
    for n in sorted(lengths, reverse=True):
        for row in bins:
            if sum(row) + n <= longest:
                row.append(n)
                break
        else:
            bins.append([n])
    pads = sum(row.count(".") for row in picture)
    return {
        "lengths": lengths,
        "max_len": longest,
        "cells": sum(map(len, picture)),
        "real_tokens": real,
        "pad_tokens": pads,
        "waste_fraction": pads / sum(map(len, picture)),
        "score_waste_fraction": 1 - sum(n * n for n in lengths) / sum(len(row) ** 2 for row in picture),
        "bucketed_pad_tokens": sum(row.count(".") for row in bucketed),
        "bucketed_waste_fraction": sum(row.count(".") for row in bucketed) / sum(map(len, bucketed)),
        "packed_waste_fraction": (len(bins) * longest - real) / (len(bins) * longest),
        "static_steps": static(lengths, batch),
        "continuous_steps": continuous(lengths, batch),
        "static_idle_fraction": 1 - real / (batch * static(lengths, batch)),
        "continuous_idle_fraction": 1 - real / (batch * continuous(lengths, batch)),
    }


def static(lengths: list[int], slots: int) -> int:
    return sum(max(lengths[at : at + slots]) for at in range(0, len(lengths), slots))


def continuous(lengths: list[int], slots: int) -> int:
    """Step after step: fill the empty slots from the queue, then every slot writes one token."""
    queue, count = list(lengths), 0
    running: list[int] = []
    while queue or running:
        while queue and len(running) < slots:
            running.append(queue.pop(0))
        running = [left - 1 for left in running if left > 1]
        count += 1
    return count


@pytest.mark.parametrize(
    ("lengths", "batch"),
    [([8, 2, 4, 1], 2), ([1], 1), ([3, 3, 3], 2), ([5, 1, 4, 2, 3, 6, 6], 3), ([128] * 15 + [1], 16), ([1, 128], 1)],
)
def test_waste_is_what_counting_cells_gives(lengths: list[int], batch: int) -> None:
    result = run(texts=[" ".join(["w"] * n) for n in lengths], batch=batch)
    for name, value in by_hand(lengths, batch).items():
        assert result[name] == pytest.approx(value, abs=1e-12), name


def test_a_batch_larger_than_the_texts_is_all_of_them() -> None:
    assert run(batch=16) == run(batch=4)


def test_the_lists_of_the_running_example() -> None:
    right, left = run(), run(side="left")
    assert right["mask"] == [[1] * n + [0] * (8 - n) for n in (8, 2, 4, 1)]
    assert left["mask"] == [row[::-1] for row in right["mask"]]
    assert right["last"] == ["does", None, None, None]
    assert left["last"] == ["does", "you", "work", "hi"]
    assert right["packed_rows"] == [[0], [2, 1, 3]]
    assert right["cu_seqlens"] == [0, 8, 10, 14, 15]


def test_texts_in_one_row_give_what_they_give_alone_only_behind_the_block_diagonal_mask() -> None:
    for kind in ("full", "causal"):
        result = run(attention=kind)
        assert result["packed_max_abs_diff"] < 1e-14
        assert result["leaky_max_abs_diff"] > 0.1
    ids = [10, 11, 12, 13, 8, 9, 14]
    cells = list(zip(ids, [0, 1, 2, 3, 0, 1, 0], strict=True))
    leaky, _ = attention(cells, lambda i, j: True)
    alone = [row for at, end in ((0, 4), (4, 6), (6, 7)) for row in attention(cells[at:end], lambda i, j: True)[0]]
    worst = max(abs(p - q) for a, b in zip(leaky, alone, strict=True) for p, q in zip(a, b, strict=True))
    assert run()["leaky_max_abs_diff"] == pytest.approx(worst, abs=1e-12)


def test_chinese_characters_are_words_and_words_of_equal_shape_give_equal_numbers() -> None:
    chinese = run(texts=["填充到底有什么用", "多谢", "词元是啥", "嗨"])
    english = run()
    assert {k: v for k, v in chinese.items() if k != "last"} == {k: v for k, v in english.items() if k != "last"}
    assert run(texts=["GPU 不够用了"])["lengths"] == [5]


def test_a_row_that_may_read_nothing_gives_zeros() -> None:
    outputs, weights = layout.attend(layout.embed([1, 2], [0, 1]), np.array([[False, False], [True, False]]))
    assert not outputs[0].any()
    assert not weights[0].any()
    assert weights[1].tolist() == [1.0, 0.0]


# With the real model's tokenizer


def test_the_models_own_tokens_are_padded(smol: WorkerModel) -> None:
    texts = ["Padding makes rows equal.", "Yes", "填充"]
    pieces = [smol.tokenize(text) for text in texts]
    result = run(smol, texts=texts, tokenizer="model", side="left")
    assert result["lengths"] == [len(row) for row in pieces]
    assert result["last"] == [row[-1].text for row in pieces]
    for name, value in expected([[piece.id for piece in row] for row in pieces], "left", "full").items():
        assert result[name] == pytest.approx(value, abs=1e-12), name


def test_the_defaults_run_on_the_model(smol: WorkerModel) -> None:
    steps, result = registry.run("padding", {}, smol)
    texts = next(param.default for param in padding.PARAMS if param.name == "texts")
    assert result["lengths"] == [len(smol.tokenize(text)) for text in texts]
    assert result["masked_max_abs_diff"] < 1e-14
    assert result["unmasked_max_abs_diff"] > 0.1
    assert steps[-1].progress == 1.0


def test_words_need_no_model_and_the_tokenizer_does() -> None:
    assert not registry.wants_model("padding", {"tokenizer": "words"})
    assert registry.wants_model("padding")
    with pytest.raises(ModelMissing):
        registry.run("padding", {})


# Pictures


def test_the_pictures_show_the_mask_the_packing_and_the_slots() -> None:
    steps, result = registry.run("padding", {"tokenizer": "words", "texts": TEXTS, "side": "left"})
    frames = [frame for step in steps for frame in step.frames]
    assert [len(frame.items) for frame in frames if isinstance(frame, Tokens)] == result["lengths"]
    matrices = [frame for frame in frames if isinstance(frame, Matrix)]
    assert [list(row) for row in matrices[0].values] == result["mask"]
    owners = [[*row] for row in matrices[-1].values]
    assert owners == [[1] * 8, [3, 3, 3, 3, 2, 2, 4, 0]]
    ends = [max(s.end for lane in f.lanes for s in lane.spans) for f in frames if isinstance(f, Timeline)]
    assert ends == [result["static_steps"], result["continuous_steps"]]
    progress = [step.progress for step in steps]
    assert progress == sorted(progress, key=lambda part: part or 0.0)


def test_causal_attention_with_padding_on_the_right_says_why_nothing_changes() -> None:
    steps, _ = registry.run("padding", {"tokenizer": "words", "texts": TEXTS, "attention": "causal"})
    assert any("looks back only" in step.note.en and "只看前面" in step.note.zh for step in steps)


def test_control_characters_of_a_text_reach_no_picture() -> None:
    steps, _ = registry.run("padding", {"tokenizer": "words", "texts": ["a\x1b[31mb c", "d"]})
    assert "\x1b" not in str([step.frames for step in steps if not isinstance(step.frames[0], Tokens)])


@pytest.mark.parametrize(
    ("given_value", "needle"),
    [
        ({"texts": []}, "texts"),
        ({"texts": "hello"}, "texts"),
        ({"texts": {"a": "b"}}, "texts"),
        ({"texts": ["a", ""]}, "none of them empty"),
        ({"texts": ["a", "  "]}, "none of them empty"),
        ({"texts": ["a", 3]}, "none of them empty"),
        ({"texts": ["a"] * (padding.MAX_TEXTS + 1)}, str(padding.MAX_TEXTS)),
        ({"texts": ["hi", "w " * (padding.MAX_TOKENS + 1)]}, "number 2"),
        ({"texts": ["w" * (padding.MAX_CHARACTERS + 1)]}, str(padding.MAX_CHARACTERS)),
        ({"side": "middle"}, "side"),
        ({"attention": "none"}, "attention"),
        ({"tokenizer": "bytes"}, "tokenizer"),
        ({"batch": 0}, "batch"),
        ({"batch": padding.MAX_TEXTS + 1}, "batch"),
    ],
)
def test_a_bad_value_is_answered_with_a_sentence_in_both_languages(given_value: dict[str, object], needle: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry.run("padding", {"tokenizer": "words", **given_value})
    assert needle in caught.value.message
    set_language("zh")
    assert re.search("[\u4e00-\u9fff]", caught.value.message)


def test_the_largest_batch_runs() -> None:
    result = run(texts=["字" * 128 for _ in range(16)], batch=16)
    assert result["waste_fraction"] == 0
    assert result["cells"] == 16 * 128
