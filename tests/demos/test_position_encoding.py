"""The position-encoding demo against sines taken one by one, complex numbers, and the figures of the papers."""

from __future__ import annotations

import cmath
import math
import re
from typing import Any

import numpy as np
import pytest

from tests.demos.play import control_characters, frames, play, untranslated
from tutor.demos import position_encoding, registry
from tutor.domain.errors import UsageError
from tutor.domain.frames import Bars, Matrix, Table
from tutor.domain.language import set_language


def run(**given: object) -> dict[str, Any]:
    return registry.run("position-encoding", given)[1]


SETTINGS = [
    (16, 32, 10_000.0),
    (4, 8, 100.0),
    (2, 1, 10_000.0),
    (6, 5, 2.0),
    (64, 9, 1e6),
    (position_encoding.MAX_WIDTH, 3, 1e12),
    (2, position_encoding.MAX_POSITIONS, 2.5),
]


@pytest.mark.parametrize(("width", "count", "base"), SETTINGS)
def test_the_encoding_is_a_sine_at_even_and_a_cosine_at_odd_indices(width: int, count: int, base: float) -> None:
    result = run(d_model=width, positions=count, base=base)
    expected = [
        [(math.cos if j % 2 else math.sin)(pos / base ** ((j - j % 2) / width)) for j in range(width)]
        for pos in range(count)
    ]
    np.testing.assert_allclose(result["encoding"], expected, atol=1e-12)
    np.testing.assert_allclose(result["encoding_dots"], [np.dot(expected[0], row) for row in expected], atol=1e-10)


@pytest.mark.parametrize(("width", "count", "base"), SETTINGS)
def test_a_rope_score_is_the_real_part_of_a_product_of_complex_numbers(width: int, count: int, base: float) -> None:
    """RoFormer, equation 12: Re sum q_i conj(k_i) e^(i (m - n) theta_i)."""
    result = run(kind="rope", d_model=width, positions=count, base=base)
    q, k = (np.array(result[name]) for name in ("query", "key"))
    pairs = [
        (complex(*q[i : i + 2]) * complex(*k[i : i + 2]).conjugate(), base ** (-i / width)) for i in range(0, width, 2)
    ]
    for m, n in {(0, 0), (count - 1, 0), (0, count - 1), (count - 1, count // 2)}:
        expected = sum((product * cmath.exp(1j * (m - n) * theta)).real for product, theta in pairs)
        assert result["rope_scores"][m][n] == pytest.approx(expected, abs=1e-9)


def test_rope_scores_depend_on_the_distance_alone_and_know_before_from_after() -> None:
    result = run(kind="rope", d_model=16, positions=64)
    scores = np.array(result["rope_scores"])
    for offset in range(-63, 64):
        assert np.ptp(np.diagonal(scores, offset)) < 1e-12
    assert result["rope_spread"] < 1e-12
    assert abs(scores[5, 2] - scores[2, 5]) > 0.1
    assert result["score_by_distance"] == [row[0] for row in result["rope_scores"]]


def test_a_query_and_a_key_may_be_given() -> None:
    result = run(kind="rope", d_model=2, positions=4, query=[2, 0], key=[1, 1])
    assert result["query"] == [2, 0]
    assert result["rope_scores"][0][0] == pytest.approx(2)
    assert result["rope_scores"][3][1] == pytest.approx(2 * math.sqrt(2) * math.cos(math.pi / 4 - 2))


def test_alibi_slopes_are_those_of_the_paper() -> None:
    assert run(kind="alibi", heads=8)["alibi_slopes"] == [2.0**-h for h in range(1, 9)]
    sixteen = run(kind="alibi", heads=16)["alibi_slopes"]
    np.testing.assert_allclose(sixteen, [2 ** (-0.5 * h) for h in range(1, 17)])


@pytest.mark.parametrize("heads", [1, 2, 3, 6, 12, 20, position_encoding.MAX_HEADS - 1, position_encoding.MAX_HEADS])
def test_alibi_slopes_of_any_number_of_heads_follow_the_authors_recursion(heads: int) -> None:
    def slopes(n: int) -> list[float]:
        if n & (n - 1) == 0:
            return [(2 ** (-8 / n)) ** (i + 1) for i in range(n)]
        below = 2 ** math.floor(math.log2(n))
        return slopes(below) + slopes(2 * below)[0::2][: n - below]

    result = run(kind="alibi", heads=heads)["alibi_slopes"]
    assert len(result) == heads
    np.testing.assert_allclose(result, slopes(heads), rtol=1e-9)


def test_a_longer_context_slows_pairs_as_each_paper_says() -> None:
    d, base, trained, s = 128, 10_000.0, 2048, 4.0
    result = run(kind="rope", d_model=d, base=base, trained=trained, factor=s, positions=2)
    theta = [base ** (-2 * i / d) for i in range(d // 2)]
    np.testing.assert_allclose(result["frequencies"], theta)
    np.testing.assert_allclose(result["wavelengths"], [2 * math.pi / t for t in theta])
    np.testing.assert_allclose(result["interpolated"], [t / s for t in theta])
    np.testing.assert_allclose(result["ntk"], [(base * s ** (d / (d - 2))) ** (-2 * i / d) for i in range(d // 2)])
    assert result["ntk"][0] == theta[0]
    assert result["ntk"][-1] == pytest.approx(theta[-1] / s)
    for i, t in enumerate(theta):
        turns = trained * t / (2 * math.pi)
        keep = 0.0 if turns < 1 else 1.0 if turns > 32 else (turns - 1) / 31
        assert result["yarn_kept"][i] == pytest.approx(keep)
        assert result["yarn"][i] == pytest.approx((1 - keep) * t / s + keep * t)
    assert result["yarn_scale"] == pytest.approx((0.1 * math.log(4) + 1) ** 2)


def test_without_a_longer_context_nothing_is_slowed_and_nothing_said_of_it() -> None:
    steps, result = registry.run("position-encoding", {"kind": "rope", "factor": 1})
    for name in ("interpolated", "ntk", "yarn"):
        np.testing.assert_allclose(result[name], result["frequencies"])
    assert result["yarn_scale"] == 1
    assert not frames(steps, Bars)
    steps, one_pair = registry.run("position-encoding", {"kind": "rope", "d_model": 2, "factor": 8})
    assert one_pair["ntk_base"] == 10_000
    assert not frames(steps, Bars)


def test_order_is_invisible_without_positions_and_to_one_causal_layer() -> None:
    result = run()
    assert result["unordered_max_abs_diff"] < 1e-14
    assert result["causal_one_layer"] < 1e-14
    assert result["ordered_max_abs_diff"] > 0.1
    assert result["causal_two_layers"] > 0.1


def test_the_closest_encoding_need_not_be_the_neighbours() -> None:
    assert run(d_model=4, base=100, positions=8)["closest"] == 6
    assert run(positions=1)["closest"] is None
    assert run(d_model=16, positions=16)["closest"] == 1


@pytest.mark.parametrize("kind", ["sinusoidal", "rope", "alibi"])
@pytest.mark.parametrize("size", [(16, 32, 8), (2, 1, 1), (512, 512, 128)])
def test_each_kind_is_shown_in_both_languages_at_any_size(kind: str, size: tuple[int, int, int]) -> None:
    width, count, heads = size
    steps, result = play(position_encoding, {"kind": kind, "d_model": width, "positions": count, "heads": heads})
    assert not untranslated(steps)
    assert not control_characters(steps)
    assert steps[0].progress == 0.0
    assert steps[-1].progress == 1.0
    shapes = [np.shape(result[name]) for name in ("encoding", "rope_scores", "alibi_slopes")]
    assert shapes == [(count, width), (count, count), (heads,)]
    for matrix in frames(steps, Matrix):
        assert len(matrix.values) <= 24
        assert len(matrix.values[0]) <= 32


def test_the_pictures_show_what_the_result_holds() -> None:
    steps, result = play(position_encoding, {"kind": "sinusoidal", "d_model": 8, "positions": 6})
    (heat,) = frames(steps, Matrix)
    assert [list(row) for row in heat.values] == result["encoding"]
    steps, result = play(position_encoding, {"kind": "alibi", "positions": 4})
    assert [bar.value for bar in frames(steps, Bars)[0].items] == result["alibi_slopes"]
    assert frames(steps, Matrix)[0].values[3] == (-1.5, -1.0, -0.5, 0.0)
    steps, result = play(position_encoding, {"kind": "rope", "positions": 4})
    equal = frames(steps, Table)[1]
    assert [row[2] for row in equal.rows[1:]] == [f"{result['rope_scores'][1][0]:.6f}"] * 3


@pytest.mark.parametrize(
    ("given_value", "needle"),
    [
        ({"kind": "learned"}, "kind"),
        ({"d_model": 3}, "even"),
        ({"d_model": 0}, "d_model"),
        ({"d_model": position_encoding.MAX_WIDTH + 2}, "d_model"),
        ({"positions": 0}, "positions"),
        ({"positions": position_encoding.MAX_POSITIONS + 1}, "positions"),
        ({"base": 1.5}, "base"),
        ({"base": 1e13}, "base"),
        ({"heads": 0}, "heads"),
        ({"heads": position_encoding.MAX_HEADS + 1}, "heads"),
        ({"query": [1]}, "query"),
        ({"d_model": 2, "key": [1, "a"]}, "key"),
        ({"d_model": 2, "key": [1, 1e9]}, "million"),
        ({"d_model": 2, "key": [True, 1]}, "key"),
        ({"query": {"a": 1}}, "query"),
        ({"trained": 0}, "trained"),
        ({"factor": 0.5}, "factor"),
    ],
)
def test_a_bad_value_is_answered_with_a_sentence_in_both_languages(given_value: dict[str, object], needle: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(**given_value)
    assert needle in caught.value.message
    set_language("zh")
    assert re.search("[\u4e00-\u9fff]", caught.value.message)
