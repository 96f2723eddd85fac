"""The contract between a demo and whoever runs it: parameters in, steps out, a result at the end."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol

from tutor.domain.frames import Frame
from tutor.domain.language import Text
from tutor.domain.model import Model

PARAM_KINDS = ("int", "float", "text", "bool", "choice", "json")


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter a reader may change.

    `kind` is one of PARAM_KINDS; `low`/`high` bound a number, or the length of a text (characters) or of a
    JSON list or object (entries); `choices` lists what a `choice` may be. `default` is valid by construction.
    """

    name: str
    kind: str
    default: Any
    help: Text
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One picture of a computation. Immutable: stepping back is an index.

    `progress` is the fraction done where the number of steps is known, else None.
    """

    title: Text
    frames: tuple[Frame, ...] = ()
    note: Text = Text()
    progress: float | None = None


Params = dict[str, Any]
Steps = Generator[Step, None, dict[str, Any]]


class Demo(Protocol):
    """What a module in `tutor/demos/` offers. `NEEDS_MODEL` says whether `steps` gets a model."""

    TITLE: Text
    PARAMS: tuple[Param, ...]
    NEEDS_MODEL: bool

    def steps(self, params: Params, model: Model | None = None) -> Steps: ...
