"""The tool that computes."""

from __future__ import annotations

from typing import Annotated

from tutor.agent.tools.signature import Bounds
from tutor.agent.tools.workbench import Observation, Workbench
from tutor.domain.measures import MAX_TYPED
from tutor.domain.measures import calculate as measured


def calculate(
    at: Workbench,
    expression: Annotated[str, "Such as 7e9 * 2 bytes in GB, 120 GB to GiB, ln(0.225)", Bounds(1, MAX_TYPED)],
) -> Observation:
    """Compute an arithmetic expression, with units of data and time where they matter."""
    found = measured(expression)
    return Observation(str(found), {"value": found.value, "unit": found.unit})
