"""The model on this machine as the tutor's voice."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, Protocol, cast

from tutor.agent.engine import MAX_TOKENS, Usage
from tutor.domain.model import ChatPiece, Message, Model, Strategy

# Parameters. Of thirteen answers of the default model, which has half as many, most were wrong or said nothing, though
# the notes it was given held the answer.
TRUSTED = 1_000_000_000


class Stoppable(Model, Protocol):
    """A model in a process of its own."""

    @property
    def name(self) -> str: ...

    def cancel(self) -> None: ...


class LocalEngine:
    """Implements `engine.Engine` on a model of the runtime."""

    def __init__(self, model: Stoppable) -> None:
        self._model = model
        self._usage = Usage()

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def small(self) -> bool:
        return self._model.info().parameters < TRUSTED

    @property
    def usage(self) -> Usage:
        return self._usage

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
        strategy = Strategy("sample", temperature=temperature, seed=seed) if temperature > 0 else Strategy()
        self._usage = Usage()
        pieces = self._model.chat(messages, tools=tools, grammar=grammar, max_tokens=max_tokens, strategy=strategy)
        with closing(cast("Generator[ChatPiece, None, None]", pieces)):
            for count, piece in enumerate(pieces, start=1):
                self._usage = Usage(piece.prompt, piece.reused, count)
                if piece.text:
                    yield piece.text

    def cancel(self) -> None:
        self._model.cancel()
