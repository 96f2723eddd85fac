"""The messages between the program and the model's process: one JSON document a line, one request at a time.

A request is answered by any number of Item (a stream) and Progress, then by one Answer or Failed. Alive comes
every second while a request is under way, so that a stopped process is told from a slow one.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from tutor.domain.errors import Cancelled, ModelFailed, TutorError, UsageError
from tutor.domain.language import Text
from tutor.domain.model import Message, Strategy

# What one decoding step may put on the pipe.
STEP_BYTES = 20_000
MAX_TOP = 100
MAX_TOKENS = 8192
# Characters of a text that may be tokenized at once: its tokens come to some 100 MB of JSON at worst.
MAX_TEXT = 1_000_000
# Characters of a grammar.
MAX_GRAMMAR = 200_000
MAX_STOPS = 16
# Tokens of a text whose attention is looked at: a layer of 14 heads is then 3.7 MB.
MAX_ATTENTION = 256
MAX_STRATEGIES = 4

# A text, or its tokens.
Prompt = str | list[int]


class Load(msgspec.Struct, tag=True):
    """`threads` 0 means the physical cores."""

    id: int
    path: str
    threads: int = 0


class Info(msgspec.Struct, tag=True):
    id: int


class Tokenize(msgspec.Struct, tag=True):
    id: int
    text: str
    special: bool
    bos: bool


class Detokenize(msgspec.Struct, tag=True):
    id: int
    ids: list[int]


class Next(msgspec.Struct, tag=True):
    id: int
    prompt: Prompt
    top: int


class Score(msgspec.Struct, tag=True):
    id: int
    text: str


class Decode(msgspec.Struct, tag=True):
    id: int
    prompt: Prompt
    strategy: Strategy
    max_tokens: int
    top: int
    ignore_eos: bool


class Conversation(msgspec.Struct, tag=True):
    id: int
    messages: list[Message]
    tools: list[dict[str, Any]]


class Chat(msgspec.Struct, tag=True):
    id: int
    messages: list[Message]
    tools: list[dict[str, Any]]
    grammar: str
    max_tokens: int
    strategy: Strategy
    stop: list[str]


class Look(msgspec.Struct, tag=True):
    id: int
    ids: list[int]
    strategy: Strategy
    draw: float
    top: int
    also: list[int]


class Lockstep(msgspec.Struct, tag=True):
    id: int
    prompt: Prompt
    strategies: list[Strategy]
    max_tokens: int
    top: int
    ignore_eos: bool


class Attend(msgspec.Struct, tag=True):
    id: int
    prompt: Prompt
    layer: int


class LookThrough(msgspec.Struct, tag=True):
    """The logit lens."""

    id: int
    prompt: Prompt
    top: int


class Near(msgspec.Struct, tag=True):
    """Neighbours in the embedding matrix."""

    id: int
    plus: list[str]
    minus: list[str]
    top: int


class Beam(msgspec.Struct, tag=True):
    id: int
    prompt: Prompt
    width: int
    length_penalty: float
    max_tokens: int
    top: int
    ignore_eos: bool


class Count(msgspec.Struct, tag=True):
    """How many batches the model has computed since it was loaded."""

    id: int


class Cancel(msgspec.Struct, tag=True):
    """Stop the request `id`; nothing happens where it is done already."""

    id: int


Request = (
    Load
    | Info
    | Tokenize
    | Detokenize
    | Conversation
    | Chat
    | Next
    | Score
    | Look
    | Decode
    | Lockstep
    | Beam
    | Attend
    | LookThrough
    | Near
    | Count
)
Incoming = Request | Cancel


class Answer(msgspec.Struct, tag=True):
    """The end of a request that went well. `value` is what the operation returns."""

    id: int
    value: msgspec.Raw


class Item(msgspec.Struct, tag=True):
    """A piece of a stream."""

    id: int
    value: msgspec.Raw


class Progress(msgspec.Struct, tag=True):
    """`phase` is load or prompt; `fraction` from 0 to 1."""

    id: int
    phase: str
    fraction: float


class Failed(msgspec.Struct, tag=True):
    """An error as template and values, so that the reader's language is chosen where it is shown.

    A value in two languages crosses as its two texts.
    """

    id: int
    kind: str
    template: str
    hint: str = ""
    values: dict[str, str | int | float | dict[str, str]] = {}


class Alive(msgspec.Struct, tag=True):
    pass


Reply = Answer | Item | Progress | Failed | Alive

KINDS: dict[str, type[TutorError]] = {cls.__name__: cls for cls in (TutorError, UsageError, ModelFailed, Cancelled)}

encode = msgspec.json.encode
decode_incoming = msgspec.json.Decoder(Incoming).decode
decode_reply = msgspec.json.Decoder(Reply).decode

T = TypeVar("T")


def value(raw: msgspec.Raw, kind: type[T]) -> T:
    """`raw` as a `kind`, checked."""
    return msgspec.json.decode(raw, type=kind)


def failed(id: int, error: TutorError) -> Failed:
    kind = next((cls.__name__ for cls in type(error).__mro__ if cls.__name__ in KINDS), "TutorError")
    values = {name: _portable(value) for name, value in error.values.items()}
    return Failed(id, kind, error.template, error.hint_template, values)


def error(message: Failed) -> TutorError:
    """The error that `message` tells of, to be raised on this side."""
    values: dict[str, Any] = {
        name: Text(**value) if isinstance(value, dict) else value for name, value in message.values.items()
    }
    return KINDS.get(message.kind, ModelFailed)(message.template, hint=message.hint, **values)


def _portable(value: object) -> str | int | float | dict[str, str]:
    if isinstance(value, Text):
        return {"zh": value.zh, "en": value.en}
    return value if isinstance(value, (str, int, float)) else str(value)
