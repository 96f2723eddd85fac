"""What the model's process can be asked, one method an operation. Runs in the worker."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from tutor.decoding.beam import beam
from tutor.decoding.distribution import Logits, summarize
from tutor.decoding.lockstep import lockstep
from tutor.decoding.steps import candidate, decode, look
from tutor.domain.errors import ModelFailed, TutorError, UsageError
from tutor.domain.model import (
    Attention,
    BeamStep,
    DecodeStep,
    Distribution,
    Lens,
    ModelInfo,
    Neighbours,
    Score,
    TokenPiece,
)
from tutor.domain.modelfile import ModelFile
from tutor.domain.plaintext import clean
from tutor.runtime import gguf, protocol
from tutor.runtime.beams import Beams
from tutor.runtime.capture import AttentionCapture, OutputCapture
from tutor.runtime.chat import Chats
from tutor.runtime.conversation import conversation
from tutor.runtime.embedding import Embedding
from tutor.runtime.lens import LogitLens
from tutor.runtime.llama import ALIKE, CHUNK, AbortFlag, Engine, backend
from tutor.runtime.weights import Weights

SEND_SECONDS = 0.05


class Send(Protocol):
    """Writes messages to the program that asked, all in one go."""

    def __call__(self, *messages: protocol.Reply) -> None: ...


METADATA_LENGTH = 200


class Operations:
    """Answers requests on one model. Every method may raise a TutorError, which crosses to the client."""

    def __init__(self, send: Send, abort: AbortFlag, threads: int) -> None:
        self._send = send
        self._abort = abort
        self._threads = threads
        self._engine: Engine | None = None
        self._file: ModelFile | None = None
        self._path = Path()
        self._bytes = 0

    def answer(self, request: protocol.Request) -> protocol.Answer:
        """The last message of `request`; what comes before it is sent from here."""
        return protocol.Answer(request.id, _raw(self._call(request)))

    def _call(self, request: protocol.Request) -> Any:
        match request:
            case protocol.Load():
                return self.load(request)
            case protocol.Info():
                return self.info()
            case protocol.Tokenize():
                return self.tokenize(request)
            case protocol.Detokenize():
                return self.engine.vocabulary.text(request.ids)
            case protocol.Conversation():
                return self.conversation(request)
            case protocol.Chat():
                return self.chat(request)
            case protocol.Next():
                return self.next(request)
            case protocol.Score():
                return self.score(request)
            case protocol.Decode():
                return self.decode(request)
            case protocol.Beam():
                return self.beam(request)
            case protocol.Lockstep():
                return self.lockstep(request)
            case protocol.Look():
                return self.look(request)
            case protocol.Attend():
                return self.attention(request)
            case protocol.LookThrough():
                return self.lens(request)
            case protocol.Near():
                return self.neighbours(request)
            case protocol.Count():
                return self.engine.calls

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            raise ModelFailed("No model is loaded.")
        return self._engine

    def load(self, request: protocol.Load) -> None:
        """Load a model file. Its header is read first by code of our own: a damaged file gets a sentence."""
        if self._engine is not None:
            raise ModelFailed("A model is loaded already.")
        self._path = Path(request.path)
        try:
            self._file = gguf.inspect(self._path)
            self._weights = Weights(self._path, self._file, self._abort.check)
            self._bytes = self._path.stat().st_size  # the file may be gone when somebody asks
        except OSError as error:
            raise ModelFailed(
                "{file} cannot be read: {reason}.", file=clean(self._path.name), reason=str(error.strerror)
            ) from None
        except TutorError as error:
            values: dict[str, Any] = error.values
            raise ModelFailed(error.template, hint=error.hint_template, **values) from None
        self._abort.check()
        self._engine = Engine(
            self._path,
            request.threads or self._threads,
            self._abort,
            lambda fraction: self._send(protocol.Progress(request.id, "load", fraction)),
        )

    def info(self) -> ModelInfo:
        engine, file = self.engine, self._file
        metadata, size = file.metadata if file else {}, engine.size
        return ModelInfo(
            name=str(metadata.get("general.name", "")),
            path=str(self._path),
            architecture=str(metadata.get("general.architecture", "")),
            vocabulary=engine.vocabulary.size,
            bytes=self._bytes,
            threads=engine.threads,
            backend=backend(),
            chat_template=engine.chat_template,
            metadata={key: str(value)[:METADATA_LENGTH] for key, value in metadata.items()},
            head_width=head_width(metadata, size),
            **size,
        )

    def tokenize(self, request: protocol.Tokenize) -> tuple[TokenPiece, ...]:
        return self.engine.vocabulary.pieces(request.text, special=request.special, bos=request.bos)

    def conversation(self, request: protocol.Conversation | protocol.Chat) -> tuple[TokenPiece, ...]:
        engine = self.engine
        return conversation(engine.vocabulary, engine.chat_template, request.messages, request.tools, self._abort.check)

    def next(self, request: protocol.Next) -> Distribution:
        ids = self.engine.vocabulary.prompt(request.prompt)
        logits = self.engine.prompt(ids, progress=self._prompt_progress(request.id))
        summary = summarize(logits, request.top)
        vocabulary = self.engine.vocabulary
        top = tuple(
            candidate(vocabulary, id, logprob, probability=math.exp(logprob))
            for id, logprob in zip(summary.ids.tolist(), summary.logprobs.tolist(), strict=True)
        )
        return Distribution(tuple(ids), top, summary.entropy)

    def score(self, request: protocol.Score) -> Score:
        """Nats per token: -log p(token i+1 | tokens 0 … i). One row of logits at a time is turned to one number."""
        ids = self.engine.vocabulary.prompt(request.text)
        if len(ids) < 2:
            raise UsageError("A score needs a text of at least two tokens.")
        progress = self._prompt_progress(request.id)
        nll = []
        for i, logits in enumerate(self.engine.rows(ids[:-1])):
            self._abort.check()
            nll.append(summarize(logits, 0).log_total - float(logits[ids[i + 1]]))
            if i % CHUNK == CHUNK - 1:
                progress((i + 1) / len(ids))
        mean = float(np.mean(nll))
        # e^700 is the largest power that a float holds; a perplexity beyond it says no more.
        return Score(tuple(ids), tuple(nll), mean, math.exp(min(mean, 700.0)))

    def look(self, request: protocol.Look) -> msgspec.Raw:
        vocabulary = self.engine.vocabulary
        ids = vocabulary.prompt(request.ids)
        also = vocabulary.prompt(request.also)
        logits = self.engine.look(ids, self._prompt_progress(request.id))
        step = look(vocabulary, logits, request.strategy, ids, draw=request.draw, top=request.top, also=also)
        return _bounded(step, "top", spared=len(also))

    def decode(self, request: protocol.Decode) -> None:
        """A stream of DecodeStep."""
        ids = self.engine.vocabulary.prompt(request.prompt)
        model = _Continuation(self.engine, request.max_tokens, self._prompt_progress(request.id))
        steps = decode(
            model,
            ids,
            request.strategy,
            max_tokens=request.max_tokens,
            top=request.top,
            ignore_eos=request.ignore_eos,
        )
        self._stream(protocol.Item(request.id, _bounded(step, "top")) for step in steps)

    def chat(self, request: protocol.Chat) -> None:
        """A stream of ChatPiece."""
        pieces = self._chats.answer(
            [piece.id for piece in self.conversation(request)],
            grammar=request.grammar,
            max_tokens=request.max_tokens,
            strategy=request.strategy,
            stop=request.stop,
            progress=self._prompt_progress(request.id),
        )
        self._stream(protocol.Item(request.id, _raw(piece)) for piece in pieces)

    def lockstep(self, request: protocol.Lockstep) -> None:
        """A stream of tuples of DecodeStep or None."""
        ids = self.engine.vocabulary.prompt(request.prompt)
        texts = Beams(
            self.engine,
            len(request.strategies),
            request.max_tokens,
            self._prompt_progress(request.id),
            together=ALIKE,
        )
        rounds = lockstep(
            texts,
            self.engine.vocabulary,
            ids,
            request.strategies,
            max_tokens=request.max_tokens,
            top=request.top,
            ignore_eos=request.ignore_eos,
        )
        self._stream(
            protocol.Item(request.id, _raw([step and _bounded(step, "top") for step in steps])) for steps in rounds
        )

    def beam(self, request: protocol.Beam) -> None:
        """A stream of BeamStep."""
        ids = self.engine.vocabulary.prompt(request.prompt)
        model = Beams(self.engine, request.width, request.max_tokens, self._prompt_progress(request.id))
        steps = beam(
            model,
            ids,
            width=request.width,
            length_penalty=request.length_penalty,
            max_tokens=request.max_tokens,
            top=request.top,
            ignore_eos=request.ignore_eos,
        )
        self._stream(protocol.Item(request.id, _bounded(step, "pruned")) for step in steps)

    def attention(self, request: protocol.Attend) -> Attention:
        engine = self.engine
        ids = engine.vocabulary.prompt(request.prompt)
        seen = self._attention.layers(ids, self._prompt_progress(request.id))
        layers = int(engine.size["layers"])
        if not seen:
            raise TutorError("This model has no attention that can be looked at.")
        if not 0 <= request.layer < layers:
            raise UsageError(
                "The model has layers 0 to {last}; there is no layer {layer}.", last=layers - 1, layer=request.layer
            )
        if request.layer not in seen:
            raise TutorError(
                "Layer {layer} of this model has no attention that can be looked at; layers {layers} have.",
                layer=request.layer,
                layers=", ".join(map(str, seen)),
            )
        weights = self._attention.weights(request.layer)
        tokens = engine.vocabulary.prompt_pieces(request.prompt)
        return Attention(tokens, layers, len(weights), request.layer, weights.astype("<f4").tobytes())

    def lens(self, request: protocol.LookThrough) -> Lens:
        ids = self.engine.vocabulary.prompt(request.prompt)
        outputs, logits = self._outputs.of(ids, self._prompt_progress(request.id))
        return self._lens.look(ids, outputs, logits, request.top)

    def neighbours(self, request: protocol.Near) -> Neighbours:
        return self._embedding.neighbours(request.plus, request.minus, request.top)

    @cached_property
    def _chats(self) -> Chats:
        return Chats(self.engine)

    @cached_property
    def _attention(self) -> AttentionCapture:
        return AttentionCapture(self.engine)

    @cached_property
    def _outputs(self) -> OutputCapture:
        return OutputCapture(self.engine)

    @cached_property
    def _lens(self) -> LogitLens:
        metadata = self._file.metadata if self._file else {}
        return LogitLens(self._weights, metadata, self.engine.vocabulary, self.engine.threads)

    @cached_property
    def _embedding(self) -> Embedding:
        return Embedding(self._weights, self.engine.vocabulary)

    def _stream(self, items: Iterator[protocol.Item]) -> None:
        """Send `items` as they come, the first at once, the others a few at a time.

        Each message wakes the program that reads it, and on a machine whose cores all decode that holds a core's
        share of the step up: on two cores one message a step costs 6 % of the rate, one in 50 ms 2 to 4 %.
        """
        waiting: list[protocol.Item] = []
        sent = 0.0
        try:
            for item in items:
                self._abort.check()
                waiting.append(item)
                if (now := time.monotonic()) - sent >= SEND_SECONDS:
                    self._send(*waiting)
                    waiting.clear()
                    sent = now
        finally:
            if waiting:
                self._send(*waiting)

    def _prompt_progress(self, id: int) -> Callable[[float], None]:
        return lambda fraction: self._send(protocol.Progress(id, "prompt", fraction))


class _Continuation:
    """The engine as decoding sees it: the first evaluation is the prompt, each later one a token more."""

    def __init__(self, engine: Engine, max_tokens: int, progress: Callable[[float], None]) -> None:
        self._engine = engine
        self._room = max_tokens
        self._progress = progress
        self._begun = False
        vocabulary = engine.vocabulary
        self.piece, self.label, self.ends = vocabulary.piece, vocabulary.label, vocabulary.ends

    def evaluate(self, ids: Sequence[int]) -> Logits:
        if self._begun:
            return self._engine.extend(ids[0])
        self._begun = True
        return self._engine.prompt(ids, room=self._room, progress=self._progress)


def head_width(metadata: Mapping[str, Any], size: Mapping[str, int]) -> int:
    """The width of a key in one head: what the file says, else an equal share of the embedding's (docs/gguf.md)."""
    said = metadata.get(f"{metadata.get('general.architecture')}.attention.key_length")
    return said if isinstance(said, int) else size["width"] // max(1, size["heads"])


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(protocol.encode(value))


def _bounded(step: DecodeStep | BeamStep, candidates: str, *, spared: int = 0) -> msgspec.Raw:
    """`step` as JSON, with fewer of its `candidates` where they would fill the pipe, the last `spared` kept."""
    raw = _raw(step)
    while len(raw) > protocol.STEP_BYTES and (listed := getattr(step, candidates)[: -spared or None]):
        step = dataclasses.replace(
            step, **{candidates: listed[: len(listed) // 2] + getattr(step, candidates)[len(listed) :]}
        )
        raw = _raw(step)
    return raw
