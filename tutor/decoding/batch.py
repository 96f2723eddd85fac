"""Texts of unequal length in one rectangle of tokens: how they are laid out, and what attention makes of the padding.

The attention is a toy of one head (Vaswani et al. 2017, arXiv:1706.03762, sections 3.2.1 and 3.5) in float64: its input
is a vector drawn for each token id from a fixed seed, plus the sinusoidal encoding of the token's position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tutor.decoding.positions import sinusoidal

PAD = -1
WIDTH = 8
SEED = 1

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Row:
    """One text, its token ids, and its tokens as they read."""

    text: str
    ids: tuple[int, ...]
    words: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)


def embed(ids: Sequence[int], positions: Sequence[int]) -> Floats:
    """The input of the attention, (tokens, WIDTH): a vector for each id plus one for its position."""
    tokens = np.stack([_vector(id) for id in ids])
    inputs: Floats = tokens + sinusoidal(positions, WIDTH)
    return inputs


@lru_cache(maxsize=4096)
def _vector(id: int) -> Floats:
    return np.random.default_rng([SEED, id - PAD]).standard_normal(WIDTH)


def attend(x: Floats, allowed: Bools) -> tuple[Floats, Floats]:
    """Outputs (tokens, WIDTH) and weights (queries, keys) of one head; `allowed[i, j]`: position i may read j.

    A position that may read nothing gets weights and an output of zero: softmax over nothing would be 0 / 0.
    """
    query, key, value = np.random.default_rng(SEED).standard_normal((3, WIDTH, WIDTH)) / np.sqrt(WIDTH)
    scores = np.where(allowed, (x @ query) @ (x @ key).T / np.sqrt(WIDTH), -np.inf)
    largest = scores.max(axis=1, keepdims=True)
    weights = np.exp(scores - np.where(np.isfinite(largest), largest, 0.0))
    total = weights.sum(axis=1, keepdims=True)
    weights = weights / np.where(total > 0, total, 1.0)
    return weights @ (x @ value), weights


def reach(size: int, *, causal: bool) -> Bools:
    """Who may read whom in a row of `size`, padding aside: all of it, or no further than oneself."""
    everything = np.ones((size, size), dtype=bool)
    return np.tril(everything) if causal else everything


def alone(row: Row, *, causal: bool) -> Floats:
    """The outputs for a text by itself: what a batch has to reproduce."""
    return attend(embed(row.ids, range(len(row))), reach(len(row), causal=causal))[0]


@dataclass(frozen=True, slots=True)
class Padded:
    """A row filled up to `size` cells on one side; its text stands in `start` to `start + len(row)`."""

    row: Row
    size: int
    start: int

    @property
    def real(self) -> slice:
        return slice(self.start, self.start + len(self.row))

    @property
    def mask(self) -> tuple[int, ...]:
        return tuple(int(self.start <= cell < self.start + len(self.row)) for cell in range(self.size))

    def cells(self, content: Sequence[int], filler: int) -> list[int]:
        """`content` in the place of the text, `filler` around it."""
        return [*[filler] * self.start, *content, *[filler] * (self.size - self.start - len(self.row))]

    def run(self, *, causal: bool, masked: bool = True, shifted: bool = False) -> tuple[Floats, Floats]:
        """Attention over the whole row. Padding has position 0; `shifted` counts positions from the row's first cell."""
        positions = range(self.size) if shifted else self.cells(range(len(self.row)), 0)
        allowed = reach(self.size, causal=causal)
        if masked:
            allowed = allowed & np.array(self.mask, dtype=bool)
        return attend(embed(self.cells(self.row.ids, PAD), positions), allowed)

    def difference(self, *, causal: bool, masked: bool = True, shifted: bool = False) -> float:
        """The largest difference, over the text's own positions, from what the text gives alone."""
        outputs, _ = self.run(causal=causal, masked=masked, shifted=shifted)
        return float(np.abs(outputs[self.real] - alone(self.row, causal=causal)).max())


def buckets(lengths: Sequence[int], batch: int) -> list[list[int]]:
    """The texts, by index, sorted by length and cut into batches."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    return [order[at : at + batch] for at in range(0, len(order), batch)]


def pack(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """First-fit decreasing: the longest text first, each into the first row of `capacity` cells that has room."""
    rows: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        room = (row for row in rows if sum(lengths[other] for other in row) + lengths[index] <= capacity)
        found = next(room, None)
        if found is None:
            rows.append([index])
        else:
            found.append(index)
    return rows


def packed_difference(rows: Sequence[Row], *, causal: bool, apart: bool) -> float:
    """Texts in one row, positions restarting at each: the largest difference from each alone.

    `apart` lets no text read another: a block-diagonal mask.
    """
    owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    allowed = reach(len(owner), causal=causal)
    if apart:
        allowed = allowed & (owner[:, None] == owner[None, :])
    ids = [id for row in rows for id in row.ids]
    outputs, _ = attend(embed(ids, [position for row in rows for position in range(len(row))]), allowed)
    return float(np.abs(outputs - np.concatenate([alone(row, causal=causal) for row in rows])).max())


def schedule(lengths: Sequence[int], slots: int, *, continuous: bool) -> list[list[tuple[int, int]]]:
    """For each slot the (text, first step) it works on, where text i needs `lengths[i]` steps, one token each.

    Not `continuous`: a slot that is done waits until the whole batch is.
    """
    lanes: list[list[tuple[int, int]]] = [[] for _ in range(slots)]
    free = [0] * slots
    for index, length in enumerate(lengths):
        slot = min(range(slots), key=free.__getitem__) if continuous else index % slots
        if not continuous and slot == 0:
            free = [max(free)] * slots
        lanes[slot].append((index, free[slot]))
        free[slot] += length
    return lanes
