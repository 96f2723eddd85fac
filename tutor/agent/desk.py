"""What the tutor has before it while it answers, and what was said before."""

from __future__ import annotations

from dataclasses import dataclass

from tutor.agent.engine import Engine
from tutor.agent.tools import Toolbox
from tutor.content.library import Library


@dataclass(frozen=True, slots=True)
class Turn:
    """A question that was answered; `strength` of the hint that the answer was, 0 where it was none."""

    question: str
    answer: str
    strength: int = 0


@dataclass(frozen=True, slots=True)
class Desk:
    """The lessons, the tools, and what speaks: without an `engine` the lessons are quoted.

    Where the engine fails, `fallback` answers, if there is one. `stop` may be called from any thread.
    """

    library: Library
    toolbox: Toolbox
    engine: Engine | None = None
    fallback: Engine | None = None

    def stop(self) -> None:
        """End the answer under way within 100 ms; what was said so far is kept."""
        self.toolbox.stop()
        for engine in (self.engine, self.fallback):
            if engine is not None:
                engine.cancel()
