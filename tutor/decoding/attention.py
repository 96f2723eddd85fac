"""What can be read off a layer's attention: one head, the average over heads, the sink, a smaller picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tutor.domain.model import Attention

# (heads, queries, keys), or (queries, keys) of one head; what lies right of the diagonal is 0.
Weights = NDArray[np.float32]


def weights_of(attention: Attention) -> Weights:
    """The weights as an array (heads, queries, keys), on the bytes as they came."""
    n = len(attention.tokens)
    return np.frombuffer(attention.weights, "<f4").reshape(attention.heads, n, n)


def mean_over_heads(weights: Weights) -> Weights:
    """The average of all heads, (queries, keys): its rows sum to 1 as theirs do."""
    mean: Weights = weights.mean(axis=0, dtype=np.float32)
    return mean


def sink_share(head: Weights) -> float:
    """The mean weight that rests on the first token, over all queries but the first, which has nothing else to see.

    A large share is an attention sink: Xiao et al. 2023, arXiv:2309.17453, section 3.1. 0 for a text of one token.
    """
    return float(head[1:, 0].mean()) if len(head) > 1 else 0.0


def pooled(head: Weights, rows: int, columns: int) -> Weights:
    """`head` in `rows` by `columns` cells, each the largest weight of the part of the square that it stands for.

    A cell that lies right of the diagonal as a whole is -1.
    """
    n = len(head)
    tops, lefts = np.arange(rows) * n // rows, np.arange(columns) * n // columns
    # Where cells are more than tokens, neighbours begin at the same one: `reduceat` gives that one to each.
    cells: Weights = np.maximum.reduceat(np.maximum.reduceat(head, tops, axis=0), lefts, axis=1)
    last_queries = np.maximum(tops, np.append(tops[1:], n) - 1)
    cells[lefts[None, :] > last_queries[:, None]] = -1
    return cells
