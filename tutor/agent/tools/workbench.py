"""What the tools work with, and what they give back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tutor.content.library import Library
from tutor.domain.errors import ModelMissing, NotFound
from tutor.domain.language import Text
from tutor.domain.model import Model
from tutor.domain.plaintext import clean
from tutor.store.progress import Progress

TEXT_CHARACTERS = 1200
SECONDS = 15.0

_ENDS = "。！？.!?\n"


@dataclass(frozen=True, slots=True)
class Observation:
    """What a tool found: `text` for a model and a person, bounded and clean; `data` the same for a program.

    `failed` where it could not do what was asked; `text` is then the sentence why.
    """

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    failed: bool = False


def in_utc() -> datetime:
    return datetime.now(UTC)


@dataclass
class Workbench:
    """Where the tools work; none of them changes anything here.

    `model` opens the model in use and may raise ModelMissing. `language` is the one that observations are in. A tool
    may take `seconds`.
    """

    library: Library
    progress: Progress | None
    model: Callable[[], Model] | None
    language: str
    now: Callable[[], datetime] = in_utc
    seconds: float = SECONDS

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._end: Callable[[], None] | None = None

    def begin(self) -> None:
        """A tool begins: what was said to earlier ones is forgotten."""
        with self._lock:
            self._stopped, self._end = False, None

    def ends_with(self, end: Callable[[], None] | None) -> None:
        """The tool under way can be stopped by calling `end`; it is called now where it should have been before."""
        with self._lock:
            self._end, stopped = end, self._stopped
        if stopped and end is not None:
            end()

    def stop(self) -> None:
        """End the tool under way, from any thread."""
        with self._lock:
            self._stopped, end = True, self._end
        if end is not None:
            end()

    def opened(self) -> Model | None:
        """The model in use; None where there is none."""
        with suppress(ModelMissing, NotFound):
            return self.model() if self.model is not None else None
        return None

    def say(self, text: Text) -> str:
        return text.get(self.language)


def bounded(text: str) -> str:
    """`text` without control characters, cut at the end of a sentence where it is long."""
    text = clean(text).strip()
    if len(text) <= TEXT_CHARACTERS:
        return text
    cut = text[: TEXT_CHARACTERS - 4]
    end = max(cut.rfind(mark) for mark in _ENDS) + 1
    return (cut[:end] if end > TEXT_CHARACTERS // 2 else cut).rstrip() + " ..."
