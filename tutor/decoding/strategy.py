"""Which strategies there are and what their parameters may be. Imports no numpy: the program's first screen may ask."""

from __future__ import annotations

from tutor.domain.errors import UsageError
from tutor.domain.model import Strategy

BOUNDS: dict[str, tuple[float, float]] = {
    "temperature": (0, 100),
    "top_k": (0, 1_000_000),
    "typical_p": (0, 1),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "repeat_penalty": (0.01, 100),
    "seed": (0, 2**63 - 1),
    "width": (1, 16),
    "length_penalty": (-10, 10),
}


def validate(strategy: Strategy) -> None:
    """Raises UsageError naming the parameter, its bounds and the value given."""
    if strategy.kind == "beam":
        raise UsageError("Beam search follows several texts at once, so it is asked for by itself: as `beam`.")
    if strategy.kind not in ("greedy", "sample"):
        raise UsageError("A strategy is greedy, sample or beam, not {kind}.", kind=strategy.kind)
    for name in BOUNDS:
        check(name, getattr(strategy, name))


def check(name: str, value: float) -> None:
    """Raises UsageError naming the parameter, its bounds and the value given."""
    low, high = BOUNDS[name]
    # Written so that a NaN is out of bounds too.
    if not low <= value <= high:
        raise UsageError(
            "{name} must lie between {low} and {high}, not {value}.", name=name, low=low, high=high, value=value
        )
