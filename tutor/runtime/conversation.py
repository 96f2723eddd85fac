"""A conversation as the model's chat template writes it. Runs in the worker; the template, in a process of its own."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tutor.domain.errors import ModelFailed, TutorError, UsageError
from tutor.domain.model import Message, TokenPiece
from tutor.domain.plaintext import visible
from tutor.runtime.spans import align, utf8, with_spans
from tutor.runtime.template import MAX_RENDERED, PROCESSOR_SECONDS
from tutor.runtime.vocabulary import Vocabulary

ROLES = ("system", "user", "assistant", "tool")
# A busy machine may give it few of the seconds of a processor that it may have.
PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.02
MAX_REASON = 200

Check = Callable[[], None]


def conversation(
    vocabulary: Vocabulary,
    template: str,
    messages: Sequence[Message],
    tools: Sequence[dict[str, Any]],
    check: Check,
) -> tuple[TokenPiece, ...]:
    """The tokens of `messages` by `template`, up to where the model would answer; spans are of the rendered text.

    What looks like a control token in a message or a tool is text. `check` is called while waiting and may raise.
    Raises UsageError where the template refuses the conversation, ModelFailed where it cannot be used.
    """
    if not template.strip():
        raise TutorError(
            "This model's file has no chat template.", hint="Give it a text to go on from instead of a conversation."
        )
    for message in messages:
        if message.role not in ROLES:
            raise UsageError("A role is {roles}, not {role}.", roles=", ".join(ROLES), role=visible(message.role))
    marks = Marks(vocabulary)
    names = {"bos_token": vocabulary.bos, "eos_token": vocabulary.eos}
    shared = {"tools": marks.hide(list(tools)) or None, "documents": None, "add_generation_prompt": True, **names}
    hidden = [{"role": m.role, "content": marks.hide(m.content)} for m in messages]
    blank = [{"role": m.role, "content": marks.stand_for(m.content)} for m in messages]
    faithful, safe = rendered(template, [shared | {"messages": turns} for turns in (hidden, blank)], check)
    parts = list(marks.split(faithful))
    if marks.controls(parts) != marks.controls(fallback := list(marks.split(safe))):
        # The contents changed what the template does, or made a control token where it joined them.
        parts = fallback
    return _pieces(vocabulary, parts)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a rendered text; control tokens are read in it where it is `special`."""

    text: str
    special: bool


class Marks:
    """Unguessable words that stand for text in which no control token may be read."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._secret = secrets.token_hex(8)
        self._texts: list[str] = []
        self._mark = re.compile(f"m{self._secret}n([0-9]{{1,9}})e")

    def stand_for(self, text: str) -> str:
        self._texts.append(text)
        return f"m{self._secret}n{len(self._texts) - 1}e"

    def hide(self, value: Any) -> Any:
        """`value`, as of JSON, with the names of control tokens in its texts replaced."""
        if isinstance(value, str):
            hidden, end = [], 0
            for start, name in self._vocabulary.control_names(value):
                hidden += [value[end:start], self.stand_for(name)]
                end = start + len(name)
            return "".join([*hidden, value[end:]])
        if isinstance(value, dict):
            return {self.hide(key): self.hide(each) for key, each in value.items()}
        return [self.hide(each) for each in value] if isinstance(value, list) else value

    def split(self, text: str) -> Iterator[Part]:
        """`text` with what the marks stand for."""
        for i, piece in enumerate(self._mark.split(text)):
            if i % 2 == 0:
                yield Part(piece, special=True)
            elif int(piece) < len(self._texts):
                yield Part(self._texts[int(piece)], special=False)

    def controls(self, parts: Sequence[Part]) -> list[str]:
        """The names of control tokens in `parts`, in order."""
        special = (part.text for part in parts if part.special)
        return [name for text in special for _, name in self._vocabulary.control_names(text)]


def _pieces(vocabulary: Vocabulary, parts: Sequence[Part]) -> tuple[TokenPiece, ...]:
    source = utf8("".join(part.text for part in parts))
    ids = [id for part in parts if part.text for id in vocabulary.ids(utf8(part.text), special=part.special)]
    spelled = align(source, [vocabulary.data(id) for id in ids])
    tokens = zip(ids, spelled, strict=True)
    return with_spans([(id, data, vocabulary.label(id), vocabulary.is_control(id)) for id, data in tokens])


def rendered(template: str, renderings: Sequence[dict[str, Any]], check: Check) -> list[str]:
    """`template` with each of `renderings`, its variables. Raises like `conversation`."""
    request = json.dumps({"template": template, "renderings": renderings}).encode()
    reply = json.loads(_run(request, check) or '{"kind": "slow"}')
    match reply.get("kind"):
        case None:
            return list(reply["texts"])
        case "slow":
            raise ModelFailed(
                "The model's chat template was stopped: it took more than {seconds} s.", seconds=PROCESSOR_SECONDS
            )
        case "long":
            raise ModelFailed(
                "The model's chat template was stopped: it wrote more than {limit} characters.", limit=MAX_RENDERED
            )
        case "refused":
            raise UsageError(
                "The model's chat template refuses this conversation: {reason}.", reason=_reason(reply["error"])
            )
        case _:
            raise ModelFailed("The model's chat template cannot be used: {reason}.", reason=_reason(reply["error"]))


def _run(request: bytes, check: Check) -> bytes:
    """What the template's process answers, nothing where it had to be ended."""
    command = [sys.executable, "-P", "-m", "tutor.runtime.template"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        deadline = time.monotonic() + PATIENCE_SECONDS
        waiting: bytes | None = request
        try:
            while time.monotonic() < deadline:
                check()
                try:
                    return process.communicate(waiting, timeout=POLL_SECONDS)[0]
                except subprocess.TimeoutExpired:
                    # It goes on from where it was, and has the request.
                    waiting = None
        finally:
            process.kill()
    return b""


def _reason(text: str) -> str:
    return visible(text[:MAX_REASON]).rstrip(".")
