"""Points with their names on a sheet of cells, for a frame that knows only text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tutor.domain.frames import Table
from tutor.domain.language import Text
from tutor.domain.plaintext import visible

WIDTH, HEIGHT = 68, 10
BLANK = "\u00a0"  # a space that no line is broken at


def scatter(points: NDArray[np.float64], names: Sequence[str], label: Text) -> Table:
    """`points` (names, 2), each axis stretched to the whole sheet; a name begins at its point.

    A name whose place is taken moves up to two rows, then is left out: who comes first, stays.
    """
    low, span = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1e-12)
    sheet: list[dict[int, str]] = [{} for _ in range(HEIGHT)]
    taken = np.zeros((HEIGHT, WIDTH + 1), dtype=bool)
    for (x, y), name in zip((points - low) / span, map(visible, names), strict=True):
        width = _cells(name)
        if width > WIDTH:
            continue
        column = round(float(x) * (WIDTH - width))
        wanted = round(float(1 - y) * (HEIGHT - 1))
        for row in (wanted, wanted + 1, wanted - 1, wanted + 2, wanted - 2):
            if 0 <= row < HEIGHT and not taken[row, max(0, column - 1) : column + width + 1].any():
                sheet[row][column] = name
                taken[row, column : column + width] = True
                break
    return Table((Text(),), tuple((_line(row),) for row in sheet), label)


def _line(row: dict[int, str]) -> str:
    line, at = "", 0
    for column in sorted(row):
        line += BLANK * (column - at) + row[column]
        at = column + _cells(row[column])
    return line + BLANK * (WIDTH - at)


def _cells(name: str) -> int:
    """Terminal cells: two for a wide East Asian character."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in name)
