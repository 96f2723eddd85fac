"""Numbers as people read them: alike within a column, no more digits than they mean."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, isfinite, log10

_MOST_DECIMALS = 4


def usable(value: float) -> bool:
    """Whether `value` has a place on an axis: finite, and so that differences stay finite."""
    return isfinite(value) and abs(value) < 1e300


def number(value: float, decimals: int) -> str:
    """`value` with so many decimals and thousands apart; a value too small to show so keeps one digit, as `4e-05`."""
    if not isfinite(value):
        return str(float(value))
    if value and (abs(value) <= 0.5 * 10**-decimals or abs(value) >= 1e15):
        return f"{value:.0e}"
    return f"{value or 0.0:,.{decimals}f}"


def column(values: Sequence[float]) -> list[str]:
    """The values with the decimals that give the largest of them three digits; whole numbers stay whole."""
    decimals = column_decimals(values)
    return [number(value, decimals) for value in values]


def column_decimals(values: Sequence[float]) -> int:
    """How many decimals `column` gives."""
    finite = [abs(value) for value in values if usable(value)]
    if all(value == floor(value) for value in finite):
        return 0
    return min(_MOST_DECIMALS, max(0, 2 - floor(log10(max(finite)))))


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers within [low, high], 1, 2, 2.5 or 5 times a power of ten apart, at most `most` of them."""
    if not high > low:
        return [low]
    power = 10.0 ** floor(log10((high - low) / most))
    steps = (power * factor for factor in (1, 2, 2.5, 5, 10, 20))
    rows = ([step * i for i in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)] for step in steps)
    return next(row for row in rows if len(row) <= most)
