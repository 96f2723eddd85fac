"""What is read off a layer's attention, cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

from tutor.decoding.attention import mean_over_heads, pooled, sink_share, weights_of
from tutor.domain.model import Attention, TokenPiece


def causal(heads: int, n: int, seed: int = 0) -> np.ndarray:
    """Random causal weights (heads, n, n), rows summing to 1."""
    weights = np.random.default_rng(seed).exponential(size=(heads, n, n)) * np.tri(n)
    return (weights / weights.sum(-1, keepdims=True)).astype("<f4")


def test_bytes_become_heads_queries_and_keys_in_that_order() -> None:
    weights = causal(3, 5)
    tokens = tuple(TokenPiece(i, "x", b"x", i, i + 1) for i in range(5))
    read = weights_of(Attention(tokens, 9, 3, 4, weights.tobytes()))
    assert read.shape == (3, 5, 5)
    assert read[2, 4, 1] == weights[2, 4, 1]


def test_the_average_of_heads_is_causal_and_its_rows_sum_to_one() -> None:
    weights = causal(7, 6)
    mean = mean_over_heads(weights)
    assert mean[3, 1] == pytest.approx(sum(float(head[3, 1]) for head in weights) / 7)
    assert mean.sum(-1) == pytest.approx(np.ones(6), abs=1e-6)
    assert not np.triu(mean, 1).any()


def test_the_sink_is_the_first_column_without_the_first_row() -> None:
    head = causal(1, 6)[0]
    assert sink_share(head) == pytest.approx(sum(float(head[i, 0]) for i in range(1, 6)) / 5)
    assert sink_share(causal(1, 1)[0]) == 0.0


@pytest.mark.parametrize(("n", "rows", "columns"), [(10, 5, 5), (7, 3, 4), (3, 6, 9), (40, 40, 40), (1, 2, 2)])
def test_a_cell_of_the_smaller_picture_is_the_largest_weight_of_its_part(n: int, rows: int, columns: int) -> None:
    head = causal(1, n)[0]
    cells = pooled(head, rows, columns)
    for i in range(rows):
        for j in range(columns):
            queries = range(i * n // rows, max(i * n // rows + 1, (i + 1) * n // rows))
            keys = range(j * n // columns, max(j * n // columns + 1, (j + 1) * n // columns))
            seen = [head[q, k] for q in queries for k in keys]
            # -1 where no query of the part may look at any key of it.
            assert cells[i, j] == (max(seen) if keys[0] <= queries[-1] else -1)
