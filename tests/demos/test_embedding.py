"""The embedding demo: how a sum is read, what is honest about it, and the real matrix against numpy."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.demos.play import control_characters, frames, play, untranslated
from tests.runtime.numpy_llama import NumpyLlama
from tutor.decoding.token_sum import terms, written
from tutor.demos import embedding, registry
from tutor.domain.errors import ModelMissing, TutorError, UsageError
from tutor.domain.frames import Bars, Matrix, Table
from tutor.domain.language import set_language
from tutor.domain.model import Neighbour, Neighbours
from tutor.runtime.client import WorkerModel

# A sum as it is typed


@pytest.mark.parametrize(
    ("text", "plus", "minus"),
    [
        ("king", ["king"], []),
        ("king - man + woman", ["king", "woman"], ["man"]),
        (" king -  man", [" king"], [" man"]),
        ("␣king - ␣man", [" king"], [" man"]),
        ("e-mail", ["e-mail"], []),
        ("+", ["+"], []),
        ("a+b", ["a+b"], []),
        ("国王 - 男人 + 女人", ["国王", "女人"], ["男人"]),
    ],
)
def test_a_sign_between_spaces_adds_or_takes_away(text: str, plus: list[str], minus: list[str]) -> None:
    assert terms(text) == (plus, minus)


@pytest.mark.parametrize("text", ["king - ", " - man", "a + ", "a + ␣ - "])
def test_a_sum_with_a_token_missing_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="king - man"):
        terms(text)


def test_a_sum_of_too_many_tokens_is_refused_with_their_number() -> None:
    with pytest.raises(UsageError, match="at most 8 tokens, not 9"):
        terms(" + ".join("abcdefghi"))


def test_a_sum_is_written_with_its_spaces_visible() -> None:
    assert written(["king", " woman"], ["\x1bman"]) == "king + ␣woman - \\x1bman"


# A matrix written here


class Matrices:
    """Answers whatever it was given, and remembers what it was asked."""

    def __init__(self, found: Neighbours) -> None:
        self.found = found
        self.asked: tuple[list[str], list[str], int] | None = None

    def neighbours(self, plus: Sequence[str], minus: Sequence[str] = (), *, top: int = 10) -> Neighbours:
        self.asked = (list(plus), list(minus), top)
        return self.found


KING, MAN, WOMAN, QUEEN = (
    Neighbour(i, t, c) for i, t, c in ((1, "king", 0.8), (2, "man", 0.1), (3, "woman", 0.5), (4, "\x1b[2Jqueen", 0.7))
)


def found(**changes: Any) -> Neighbours:
    given = {"shape": (9, 4), "plus": (KING, WOMAN), "minus": (MAN,), "nearest": (QUEEN,), "row": (0.5, -0.25, 0.0)}
    return Neighbours(**(given | changes))


def test_a_sum_is_asked_for_in_its_parts_and_told_how_near_it_is_to_each_of_them() -> None:
    model = Matrices(found())
    steps, result = play(embedding, {"token": "king - man + woman", "k": 3}, model)
    assert model.asked == (["king", "woman"], ["man"], 3)
    assert result == {
        "shape": [9, 4],
        "neighbours": [{"id": 4, "text": "[2Jqueen", "cosine": 0.7}],
        "terms": [{"id": e.id, "text": e.text, "cosine": e.cosine} for e in (KING, WOMAN, MAN)],
    }
    honest = frames(steps, Bars)[-1]
    assert [bar.label for bar in honest.items] == ["king", "woman", "man", "\\x1b[2Jqueen"]
    assert "in truth king" in steps[-1].note.en
    assert [row[2] for table in frames(steps, Table) for row in table.rows] == ["+", "+", "-"]
    assert frames(steps, Matrix)[-1].values == ((0.5, -0.25, 0.0),)
    assert not control_characters(steps)
    assert not untranslated(steps)


def test_where_the_nearest_is_another_token_that_is_said_instead() -> None:
    steps, _ = play(embedding, {"token": "king - man + woman"}, Matrices(found(nearest=(Neighbour(4, "queen", 0.9),))))
    assert "queen, is not one of the sum's own" in steps[-1].note.en


def test_a_single_token_has_no_sum_to_be_honest_about() -> None:
    steps, result = play(
        embedding, {"token": "king"}, Matrices(found(plus=(Neighbour(1, "king", 1.0),), minus=(), row=()))
    )
    assert [len(step.frames) for step in steps] == [3, 1, 1]
    assert [each["text"] for each in result["terms"]] == ["king"]


def test_the_lookup_is_a_product_with_a_one_hot_row() -> None:
    one_hot, matrix, row = frames(play(embedding, {"token": "king"}, Matrices(found()))[0], Matrix)[:3]
    assert np.array(one_hot.values) @ np.array(matrix.values) == pytest.approx(np.array(row.values))


def test_without_a_model_it_says_so() -> None:
    with pytest.raises(ModelMissing):
        play(embedding, {})


# A small matrix by hand

HAND = [[1, 1, 0.5], [1, 0.5, 1], [0.5, 1, -1], [-1, 0.5, 1], [0, 0, 1.5]]


def by_hand(**given: Any) -> dict[str, Any]:
    return registry.run("embedding", {"matrix": HAND, "token": "dog", **given})[1]


def loss(inputs: list[list[float]], outputs: list[list[float]], text: Sequence[int]) -> float:
    """The mean surprise at each next word, in loops."""
    total = 0.0
    for read, following in itertools.pairwise(text):
        scores = [math.exp(sum(a * b for a, b in zip(inputs[read], row, strict=True))) for row in outputs]
        total -= math.log(scores[following] / sum(scores))
    return total / (len(text) - 1)


def slopes(which: int, matrix: list[list[float]], text: Sequence[int]) -> list[list[float]]:
    """The gradient of the input matrix (`which` 0), the output matrix (1) or of one that is both (2), by differences."""

    def moved(i: int, j: int, by: float) -> float:
        other = [[value + by * ((i, j) == (r, c)) for c, value in enumerate(row)] for r, row in enumerate(matrix)]
        return loss(matrix if which == 1 else other, matrix if which == 0 else other, text)

    return [
        [(moved(i, j, 1e-5) - moved(i, j, -1e-5)) / 2e-5 for j in range(len(matrix[0]))] for i in range(len(matrix))
    ]


WORDS = ["dog", "cat", "man", "bites", "tea"]


@pytest.mark.parametrize(
    ("text", "matrix"),
    [
        ("dog bites man", HAND),
        ("man bites dog bites man bites tea", HAND),
        ("tea tea", HAND),
        ("cat dog", [[0.5], [-0.25], [3], [1], [-100]]),
    ],
)
def test_loss_and_gradients_are_those_of_loops_and_small_differences(text: str, matrix: list[list[float]]) -> None:
    result = by_hand(text=text, matrix=matrix)
    rows = [WORDS.index(word) for word in text.split()]
    assert result["loss"] == pytest.approx(loss(matrix, matrix, rows))
    assert np.allclose(result["input_gradient"], slopes(0, matrix, rows), atol=1e-6)
    assert np.allclose(result["output_gradient"], slopes(1, matrix, rows), atol=1e-6)
    stepped = [np.array(matrix) - 0.25 * np.array(slopes(which, matrix, rows)) for which in range(3)]
    assert by_hand(text=text, matrix=matrix, lr=0.25)["loss_after"] == pytest.approx(
        loss(stepped[0].tolist(), stepped[1].tolist(), rows), abs=1e-5
    )
    assert by_hand(text=text, matrix=matrix, lr=0.25, tied=True)["loss_after"] == pytest.approx(
        loss(stepped[2].tolist(), stepped[2].tolist(), rows), abs=1e-5
    )


def test_only_rows_that_were_read_are_touched_and_all_where_the_matrices_are_tied() -> None:
    assert by_hand(text="dog bites man")["touched"] == [0, 3]
    assert by_hand(text="tea tea")["touched"] == [4]
    assert by_hand(text="dog bites man", tied=True)["touched"] == [0, 1, 2, 3, 4]


def test_cosines_and_their_means_are_those_of_each_pair() -> None:
    def cosine(a: Sequence[float], b: Sequence[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))

    def mean(rows: list[list[float]]) -> float:
        pairs = [(a, b) for i, a in enumerate(rows) for b in rows[:i]]
        return sum(cosine(a, b) for a, b in pairs) / len(pairs)

    result = by_hand(shift=2, token="dog - man + tea")
    assert np.allclose(result["cosines"], [[cosine(a, b) for b in HAND] for a in HAND])
    assert result["mean_cosine"] == pytest.approx(mean(HAND))
    assert result["shifted_mean_cosine"] == pytest.approx(mean([[x + 2 for x in row] for row in HAND]))
    means = [sum(column) / 5 for column in zip(*HAND, strict=True)]
    centred = [[x - m for x, m in zip(row, means, strict=True)] for row in HAND]
    assert result["centred_mean_cosine"] == pytest.approx(mean(centred))
    wanted = [a - b + c for a, b, c in zip(HAND[0], HAND[2], HAND[4], strict=True)]
    assert [each["text"] for each in result["neighbours"]] == ["cat", "bites"]
    assert result["neighbours"][0]["cosine"] == pytest.approx(cosine(wanted, HAND[1]))
    assert [each["id"] for each in result["terms"]] == [0, 4, 2]


def test_a_text_read_backwards_has_the_same_mean_row() -> None:
    there, back = by_hand(text="dog bites man"), by_hand(text="man bites dog")
    assert there["mean_row"] == pytest.approx(back["mean_row"])
    assert there["rows"] == back["rows"][::-1] == [HAND[0], HAND[3], HAND[2]]


def test_a_vector_added_to_every_output_row_changes_cosines_and_no_probability() -> None:
    result = by_hand(shift=100)
    assert result["shifted_max_abs_diff"] < 1e-12
    assert result["shifted_mean_cosine"] > 0.99


def test_by_hand_no_model_is_needed_and_every_picture_speaks_both_languages() -> None:
    assert not registry.wants_model("embedding", {"matrix": HAND})
    assert registry.wants_model("embedding")
    steps, _ = registry.run("embedding", {"matrix": HAND, "token": "dog", "tied": True})
    assert not untranslated(steps)
    assert steps[-1].progress == 1.0


def test_the_largest_matrix_by_hand_runs() -> None:
    words = [f"w{i}" for i in range(12)]
    matrix = [[float(i + 1 == j + 1) + 0.1 for j in range(8)] for i in range(12)]
    result = by_hand(matrix=matrix, words=" ".join(words), token="w0", text=" ".join(words * 2), k=50)
    assert len(result["neighbours"]) == 11


@pytest.mark.parametrize(
    ("bad", "needle"),
    [
        ({"matrix": [[1, 2]]}, "2 to 12 rows"),
        ({"matrix": [[1, 2], [1]]}, "same number"),
        ({"matrix": [[1] * 9] * 2}, "1 to 8"),
        ({"matrix": {"a": 1}}, "2 to 12 rows"),
        ({"matrix": [[1, 2], [1, "x"]]}, "not x"),
        ({"matrix": [[1, 2], [1, 101]]}, "not 101"),
        ({"matrix": [[1, 2], [0, 0]]}, "points nowhere"),
        ({"matrix": [[1]] * 13}, "12"),
        ({"words": "dog cat"}, "each of the 5 rows"),
        ({"words": "dog dog man bites tea"}, "each of the 5 rows"),
        ({"text": "dog"}, "not 1"),
        ({"text": "dog bites postman"}, "not postman"),
        ({"text": "tea " * 25}, "not 25"),
        ({"token": "king"}, "not king"),
        ({"lr": 11}, "lr"),
        ({"shift": 101}, "shift"),
    ],
)
def test_a_bad_value_gets_a_sentence_in_both_languages(bad: dict[str, Any], needle: str) -> None:
    with pytest.raises(UsageError) as caught:
        by_hand(**bad)
    assert needle in caught.value.message
    set_language("zh")
    assert re.search("[\u4e00-\u9fff]", caught.value.message)


# The real matrix


@pytest.mark.parametrize("token", [" king", " king -  man +  woman"])
def test_neighbours_are_those_of_the_dequantized_matrix(token: str, smol: WorkerModel, numpy_smol: NumpyLlama) -> None:
    _, result = play(embedding, {"token": token, "k": 8}, smol)
    matrix = numpy_smol.weights["token_embd.weight"]
    assert result["shape"] == list(matrix.shape)
    plus, minus = terms(token)
    ids = [smol.tokenize(text)[0].id for text in (*plus, *minus)]
    wanted = matrix[ids[: len(plus)]].sum(0) - matrix[ids[len(plus) :]].sum(0)
    cosines = matrix @ wanted / np.maximum(np.linalg.norm(matrix, axis=1) * np.linalg.norm(wanted), 1e-12)
    assert [each["id"] for each in result["terms"]] == ids
    assert [each["cosine"] for each in result["terms"]] == pytest.approx(cosines[ids].tolist(), abs=1e-3)
    cosines[ids] = -2
    best = np.argsort(-cosines, kind="stable")[:8]
    assert [each["cosine"] for each in result["neighbours"]] == pytest.approx(cosines[best].tolist(), abs=1e-3)
    assert [each["id"] for each in result["neighbours"]][:3] == best[:3].tolist()


def test_what_is_more_than_one_token_gets_a_sentence(smol: WorkerModel) -> None:
    with pytest.raises(TutorError) as refusal:
        play(embedding, {"token": "antidisestablishmentarianism"}, smol)
    assert "antidisestablishmentarianism" in refusal.value.message


# What the lesson says of the two models


def test_the_lesson_is_right_about_the_small_model(smol: WorkerModel, numpy_smol: NumpyLlama) -> None:
    matrix = numpy_smol.weights["token_embd.weight"]
    one, other = np.random.default_rng(0).integers(0, len(matrix), (2, 20_000))

    def between(rows: np.ndarray) -> np.ndarray:
        units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray((units[one] * units[other]).sum(axis=1))

    assert between(matrix).mean() == pytest.approx(0.441, abs=0.01)
    assert np.mean(between(matrix) > 0.4) > 0.5
    assert abs(between(matrix - matrix.mean(axis=0)).mean()) < 0.01
    _, royal = play(embedding, {"token": "␣king - ␣man + ␣woman"}, smol)
    assert (royal["neighbours"][0]["text"], royal["neighbours"][0]["cosine"]) == (
        " queen",
        pytest.approx(0.716, abs=0.01),
    )
    _, king = play(embedding, {"token": "␣king"}, smol)
    assert (king["neighbours"][0]["text"], king["neighbours"][0]["cosine"]) == (" King", pytest.approx(0.815, abs=0.01))


def test_the_lesson_is_right_about_the_default_model(qwen: Path, tmp_path: Path) -> None:
    with WorkerModel(qwen, threads=1, log=tmp_path / "log") as model:
        royal, king, monday = (
            play(embedding, {"token": token}, model)[1] for token in ("␣king - ␣man + ␣woman", "␣king", "␣Monday")
        )
    texts = [each["text"] for each in royal["neighbours"]]
    assert (texts[0], texts[2]) == ("King", " queen")
    assert [royal["neighbours"][0]["cosine"], royal["terms"][0]["cosine"]] == pytest.approx([0.527, 0.664], abs=0.01)
    assert king["shape"] == [151936, 896]
    assert king["neighbours"][0]["text"] == " King"
    assert "国王" in [each["text"] for each in king["neighbours"]]
    assert next(e["cosine"] for e in monday["neighbours"] if e["text"] == " Tuesday") == pytest.approx(0.747, abs=0.01)
