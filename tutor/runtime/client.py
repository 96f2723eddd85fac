"""The model as the rest of the program uses it: every call goes to a process of its own."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from tutor import places
from tutor.decoding.strategy import check, validate
from tutor.domain.errors import ModelFailed, TutorError, UsageError
from tutor.domain.model import (
    Attention,
    BeamStep,
    ChatPiece,
    DecodeStep,
    Distribution,
    Lens,
    Message,
    ModelInfo,
    Neighbours,
    Prompt,
    Score,
    Strategy,
    TokenPiece,
)
from tutor.domain.modelfile import ModelFile
from tutor.domain.plaintext import clean
from tutor.runtime import gguf, protocol, tokenizers
from tutor.runtime.cores import asked_threads
from tutor.runtime.process import Exchange, OnProgress, WorkerProcess
from tutor.runtime.spans import utf8

T = TypeVar("T")

CRASHES = 3
CRASH_SECONDS = 60.0
LOG_BYTES = 1_000_000


class WorkerModel:
    """A model file, loaded in a process of its own when first asked something. Implements domain.model.Model.

    May be used from any thread: a second caller waits until the first one's request is done. A crash costs the
    request that was under way (ModelFailed, one sentence); the next one starts the process again, until it has
    crashed three times within a minute.

    `threads` None means QWTUTOR_THREADS, or the physical cores. `log` gets what llama.cpp prints. `on_progress` hears, from a thread
    of this class, the phase (load, prompt) and the fraction done.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str = "",
        threads: int | None = None,
        log: Path | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.path = Path(path)
        self.name = name or self.path.stem
        self._threads = threads or 0
        self._log = log or places.home() / "model.log"
        self._on_progress = on_progress
        self._process: WorkerProcess | None = None
        self._current: Exchange | None = None
        self._info: ModelInfo | None = None
        self._closed = False
        self._off: ModelFailed | None = None
        self._numbers = itertools.count(1)
        self._crashes: deque[float] = deque(maxlen=CRASHES)
        # Held while a request is under way: taken by the caller, given back when the worker has ended it.
        self._turn = threading.Lock()

    # -- the operations ------------------------------------------------------------------------------------------

    def info(self) -> ModelInfo:
        if self._info is None:
            found = self._ask(protocol.Info, ModelInfo)
            self._info = replace(found, name=self.name)
        return self._info

    def tokenize(self, text: str, *, special: bool = False, bos: bool = False) -> tuple[TokenPiece, ...]:
        _check_text(text)
        return self._ask(lambda id: protocol.Tokenize(id, text, special, bos), tuple[TokenPiece, ...])

    def cut(self, tokenizer: str, text: str) -> tuple[TokenPiece, ...]:
        """Cut here: the process is needed for the model's own tokenizer only."""
        return tokenizers.tokenize(tokenizer, text, self)

    def detokenize(self, ids: list[int]) -> bytes:
        return self._ask(lambda id: protocol.Detokenize(id, list(ids)), bytes)

    def file(self) -> ModelFile:
        """What the header of the model's file says, read here: the process is not needed. Raises TutorError."""
        return gguf.inspect(self.path)

    def conversation(
        self, messages: Sequence[Message], *, tools: Sequence[dict[str, Any]] = ()
    ) -> tuple[TokenPiece, ...]:
        for message in messages:
            _check_text(message.content)
        turns, functions = list(messages), list(tools)
        return self._ask(lambda id: protocol.Conversation(id, turns, functions), tuple[TokenPiece, ...])

    def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[dict[str, Any]] = (),
        grammar: str = "",
        max_tokens: int = 300,
        strategy: Strategy = Strategy(),  # noqa: B008 - immutable
        stop: Sequence[str] = (),
    ) -> Iterator[ChatPiece]:
        """The pieces as they come. The worker runs ahead of a slow reader; closing the iterator stops it."""
        for message in messages:
            _check_text(message.content)
        for text in (grammar, *stop):
            utf8(text)
        _check_range("grammar", len(grammar), 0, protocol.MAX_GRAMMAR)
        _check_range("stop", len(stop), 0, protocol.MAX_STOPS)
        _check_range("max_tokens", max_tokens, 1, protocol.MAX_TOKENS)
        validate(strategy)
        turns, functions, ends = list(messages), list(tools), list(stop)
        return self._stream(
            lambda id: protocol.Chat(id, turns, functions, grammar, max_tokens, strategy, ends), ChatPiece
        )

    def next(self, prompt: Prompt, *, top: int = 10) -> Distribution:
        asked = _prompt(prompt)
        _check_range("top", top, 0, protocol.MAX_TOP)
        return self._ask(lambda id: protocol.Next(id, asked, top), Distribution)

    def score(self, text: str) -> Score:
        _check_text(text)
        return self._ask(lambda id: protocol.Score(id, text), Score)

    def look(
        self,
        ids: Sequence[int],
        strategy: Strategy,
        *,
        draw: float = 0.0,
        top: int = 40,
        also: Sequence[int] = (),
    ) -> DecodeStep:
        validate(strategy)
        _check_range("top", top, 0, protocol.MAX_TOP)
        _check_range("also", len(also), 0, protocol.MAX_TOP)
        if not 0 <= draw < 1:
            raise UsageError("{name} must lie in [0, 1), not {value}.", name="draw", value=draw)
        seen, others = list(ids), list(also)
        return self._ask(lambda id: protocol.Look(id, seen, strategy, draw, top, others), DecodeStep)

    def decode(
        self, prompt: Prompt, strategy: Strategy, *, max_tokens: int = 24, top: int = 10, ignore_eos: bool = False
    ) -> Iterator[DecodeStep]:
        """The steps as they come. The worker runs ahead of a slow reader; closing the iterator stops it."""
        asked = _prompt(prompt)
        _check_range("max_tokens", max_tokens, 0, protocol.MAX_TOKENS)
        _check_range("top", top, 0, protocol.MAX_TOP)
        validate(strategy)
        return self._stream(lambda id: protocol.Decode(id, asked, strategy, max_tokens, top, ignore_eos), DecodeStep)

    def lockstep(
        self,
        prompt: Prompt,
        strategies: Sequence[Strategy],
        *,
        max_tokens: int = 24,
        top: int = 10,
        ignore_eos: bool = False,
    ) -> Iterator[tuple[DecodeStep | None, ...]]:
        asked, side_by_side = _prompt(prompt), list(strategies)
        _check_range("strategies", len(side_by_side), 1, protocol.MAX_STRATEGIES)
        _check_range("max_tokens", max_tokens, 0, protocol.MAX_TOKENS)
        _check_range("top", top, 0, protocol.MAX_TOP)
        for strategy in side_by_side:
            validate(strategy)
        settings = (max_tokens, top, ignore_eos)
        return self._stream(
            lambda id: protocol.Lockstep(id, asked, side_by_side, *settings), tuple[DecodeStep | None, ...]
        )

    def beam(
        self,
        prompt: Prompt,
        *,
        width: int = 4,
        length_penalty: float = 0.0,
        max_tokens: int = 24,
        top: int = 0,
        ignore_eos: bool = False,
    ) -> Iterator[BeamStep]:
        """The steps of a beam search as they come, the last with the result; closing the iterator stops it.

        Of each beam the best `width` extensions are reported, `top` where that is more; fewer of the pruned ones
        where a step would grow too long. `tutor.decoding.beam` defines the search.
        """
        asked = _prompt(prompt)
        _check_range("max_tokens", max_tokens, 1, protocol.MAX_TOKENS)
        _check_range("top", top, 0, protocol.MAX_TOP)
        check("width", width)
        check("length_penalty", length_penalty)
        settings = (width, length_penalty, max_tokens, top, ignore_eos)
        return self._stream(lambda id: protocol.Beam(id, asked, *settings), BeamStep)

    def attention(self, prompt: Prompt, layer: int) -> Attention:
        asked = _prompt(prompt)
        return self._ask(lambda id: protocol.Attend(id, asked, layer), Attention)

    def lens(self, prompt: Prompt, *, top: int = 5) -> Lens:
        asked = _prompt(prompt)
        _check_range("top", top, 1, protocol.MAX_TOP)
        return self._ask(lambda id: protocol.LookThrough(id, asked, top), Lens)

    def neighbours(self, plus: Sequence[str], minus: Sequence[str] = (), *, top: int = 10) -> Neighbours:
        for text in (*plus, *minus):
            _check_text(text)
        _check_range("top", top, 1, protocol.MAX_TOP)
        added, taken = list(plus), list(minus)
        return self._ask(lambda id: protocol.Near(id, added, taken, top), Neighbours)

    @property
    def evaluations(self) -> int:
        """How many batches the model has computed since its process loaded it: what was asked again at no cost adds none.

        Batches of the attention and the lens count too.
        """
        return self._ask(protocol.Count, int)

    # -- from any thread -----------------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Stop what is under way; its caller gets Cancelled. Nothing happens where nothing is."""
        process, exchange = self._process, self._current
        if process is not None and exchange is not None:
            process.cancel(exchange)

    def close(self) -> None:
        """End the process; whoever still waits gets Cancelled. Returns when it is gone."""
        self._closed = True
        if self._process is not None:
            self._process.close()

    def __enter__(self) -> WorkerModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The worker's process id, None before the first request."""
        return self._process.pid if self._process else None

    # -- requests ------------------------------------------------------------------------------------------------

    def _ask(self, request: Callable[[int], protocol.Request], kind: type[T]) -> T:
        exchange = self._begin(request)
        while True:
            reply = exchange.next()
            if isinstance(reply, protocol.Answer):
                return protocol.value(reply.value, kind)

    def _stream(self, request: Callable[[int], protocol.Request], kind: type[T]) -> Iterator[T]:
        exchange = self._begin(request)
        process = self._process
        try:
            while isinstance(reply := exchange.next(), protocol.Item):
                yield protocol.value(reply.value, kind)
        finally:
            if process is not None:
                process.cancel(exchange)

    def _begin(self, request: Callable[[int], protocol.Request]) -> Exchange:
        """Send a request when it is its turn, starting and loading what is needed first."""
        self._turn.acquire()
        try:
            process = self._running()
            exchange = self._current = Exchange(request(next(self._numbers)), self._turn.release)
        except BaseException:
            self._turn.release()
            raise
        process.send(exchange)
        return exchange

    def _running(self) -> WorkerProcess:
        """The process, with the model loaded."""
        if self._closed:
            raise ModelFailed("The model is closed.")
        if self._process is not None and self._process.ended:
            self._bury(self._process)
        if self._off is not None:
            raise self._off
        if self._process is None:
            self._process = self._load()
        return self._process

    def _load(self) -> WorkerProcess:
        threads = self._threads or asked_threads()
        process = WorkerProcess(self._log_file(), self._on_progress)
        load = protocol.Load(next(self._numbers), str(self.path.absolute()), threads)
        exchange = self._current = Exchange(load)
        self._process = process
        if self._closed:
            # `close` came while the process was being started, and did not see it.
            process.close()
        process.send(exchange)
        try:
            exchange.next()
        except TutorError:
            process.close()
            self._bury(process)
            raise
        return process

    def _bury(self, process: WorkerProcess) -> None:
        """Forget a process that has ended. One crash too many and no other is started."""
        self._process = None
        if process.death is None:
            return
        self._crashes.append(process.died_at)
        if len(self._crashes) == CRASHES and self._crashes[-1] - self._crashes[0] < CRASH_SECONDS:
            self._off = ModelFailed(
                "The model's process has ended {times} times within a minute and stays off ({reason}).",
                hint="What it printed is in {log}. Start the program again to try once more.",
                times=CRASHES,
                reason=process.death.values["reason"],
                log=clean(str(self._log)),
            )

    def _log_file(self) -> Path:
        """The log, begun anew where it has grown long."""
        try:
            if self._log.stat().st_size > LOG_BYTES:
                self._log.unlink()
        except OSError:
            # Not there yet, or not ours to remove: then it is appended to.
            pass
        return self._log


def _prompt(prompt: Prompt) -> str | list[int]:
    """`prompt` as it crosses the pipe, checked."""
    if isinstance(prompt, str):
        _check_text(prompt)
        return prompt
    return list(prompt)


def _check_text(text: str) -> None:
    utf8(text)
    if len(text) > protocol.MAX_TEXT:
        raise UsageError(
            "The text has {length} characters; at most {limit} can be taken at once.",
            length=len(text),
            limit=protocol.MAX_TEXT,
        )


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise UsageError(
            "{name} must lie between {low} and {high}, not {value}.", name=name, low=low, high=high, value=value
        )
