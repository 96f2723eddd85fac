"""Byte-pair encoding by rank, one merge after the other (Sennrich 2016, arXiv:1508.07909)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

# How early the pair of two neighbours was learnt, 0 the first; None where it never was.
Rank = Callable[[bytes, bytes], float | None]


@dataclass(frozen=True, slots=True)
class Merge:
    """Parts `at` and `at` + 1 become one; `rank` says how early it was learnt, 0 the first. `parts` are all, after it."""

    rank: float
    at: int
    parts: tuple[bytes, ...]


def replay(parts: Sequence[bytes], rank: Rank) -> Iterator[Merge]:
    """Merge the neighbours of lowest rank, the leftmost of several, until no pair of neighbours is known."""
    parts = tuple(parts)
    while True:
        found = [(known, i) for i in range(len(parts) - 1) if (known := rank(parts[i], parts[i + 1])) is not None]
        if not found:
            return
        lowest, at = min(found)
        parts = (*parts[:at], parts[at] + parts[at + 1], *parts[at + 2 :])
        yield Merge(lowest, at, parts)


def merged(data: bytes, rank: Rank) -> list[bytes]:
    """The parts that the bytes of `data` end up in: what `replay` ends with, in n log n steps for n bytes."""
    parts: list[bytes | None] = [data[i : i + 1] for i in range(len(data))]
    after = list(range(1, len(parts) + 1))
    before = list(range(-1, len(parts) - 1))
    heap: list[tuple[float, int, bytes, bytes]] = []

    def consider(at: int) -> None:
        if at < 0 or after[at] >= len(parts):
            return
        left, right = parts[at], parts[after[at]]
        if left is not None and right is not None and (known := rank(left, right)) is not None:
            heappush(heap, (known, at, left, right))

    for at in range(len(parts)):
        consider(at)
    while heap:
        _, at, left, right = heappop(heap)
        other = after[at]
        # Either may have been merged into something else meanwhile.
        if other >= len(parts) or (parts[at], parts[other]) != (left, right):
            continue
        parts[at], parts[other] = left + right, None
        after[at] = after[other]
        if after[at] < len(parts):
            before[after[at]] = at
        consider(before[at])
        consider(at)
    return [part for part in parts if part is not None]
