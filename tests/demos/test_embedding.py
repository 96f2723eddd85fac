"""The embedding demo: how a sum is read, what is honest about it, and the real matrix against numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.demos.play import control_characters, frames, play, untranslated
from tests.runtime.numpy_llama import NumpyLlama
from tutor.decoding.token_sum import terms, written
from tutor.demos import embedding
from tutor.domain.errors import ModelMissing, TutorError, UsageError
from tutor.domain.frames import Bars, Matrix, Table
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
