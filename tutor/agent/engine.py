"""What gives the tutor its voice: the model on this machine, or a server that speaks OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tutor.domain.model import Message

MAX_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of the latest conversation, `reused` those that were not evaluated anew, and of its answer; 0: not known."""

    prompt: int = 0
    reused: int = 0
    answer: int = 0


class Engine(Protocol):
    """A model that converses. Used from one thread at a time, except `cancel`."""

    @property
    def name(self) -> str:
        """What the model is called, for people."""
        ...

    @property
    def small(self) -> bool:
        """Whether it is too small to be trusted with words of its own: then the lessons' come first."""
        ...

    @property
    def usage(self) -> Usage:
        """What the latest answer has taken, so far."""
        ...

    def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[dict[str, Any]] = (),
        grammar: str = "",
        max_tokens: int = MAX_TOKENS,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Iterator[str]:
        """The answer to `messages`, in pieces as they come; closing the iterator stops it.

        A call of one of `tools` (`Toolbox.schemas`) is written in the Hermes form that `calls.read` reads, whatever
        the engine's own protocol has; in `messages` it stands in that form too, in a turn of the assistant, and what
        came of it in a turn of the tool. `grammar` is GBNF; a server that knows none writes what it likes, so that
        what comes is checked by whoever reads it. Raises TutorError; Cancelled after `cancel`.
        """
        ...

    def cancel(self) -> None:
        """Stop the answer under way within 100 ms, from any thread. Nothing happens where nothing is."""
        ...
