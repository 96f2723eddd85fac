"""The labs as screens: where each opens, and under what name its state is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tutor.domain.labs import LABS, check_parameters, lab, lab_of

if TYPE_CHECKING:
    from tutor.ui.screens.base import TutorScreen

__all__ = ["KEYS", "LABS", "is_lab", "kept_under", "lab", "lab_of", "lab_screen"]

# Open them from anywhere, from within a line of text too; where nothing is typed T, D, I and V do as well.
KEYS = {"tokens": "F2", "decoding": "F3", "inside": "F4", "arena": "F6"}
# Imported when opened: the first screen does without them.
SCREENS = {"tokens": "TokensLab", "decoding": "DecodingLab", "inside": "InsideLab", "arena": "ArenaLab"}


def lab_screen(name: str, given: Mapping[str, Any] | None = None) -> TutorScreen:
    """The lab called `name`, opened with the parameters `given`, or as it was left. Raises NotFound, UsageError."""
    check_parameters(name, given or {})
    module = import_module(f"tutor.ui.screens.labs.{name}")
    screen: TutorScreen = getattr(module, SCREENS[name])(given or None)
    return screen


def is_lab(screen: object, name: str) -> bool:
    return type(screen).__name__ == SCREENS[name]


def kept_under(name: str, given: Mapping[str, Any] | None) -> str:
    """Where a lab keeps what was typed and explored: what a lesson opened does not lie over the reader's own."""
    if not given:
        return f"lab:{name}"
    digest = sha256(json.dumps(given, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]
    return f"lab:{name}:{digest}"
