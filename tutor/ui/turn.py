"""A question and what became of it, as the events told it: what the screen draws, keeps and traces."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from tutor.agent.events import (
    Citation,
    Done,
    Event,
    Passage,
    Prompt,
    Retrieved,
    Spoken,
    Suggestion,
    TextDelta,
    ToolCall,
    ToolResult,
    Unsupported,
    Withdrawn,
)
from tutor.domain.errors import TutorError
from tutor.domain.language import Text
from tutor.domain.plaintext import clean

LESSONS, ALONE, HINT, MISTAKE = "lessons", "alone", "hint", "mistake"


@dataclass
class Turn:
    """`kind` says where the answer comes from: the lessons, the model alone, a hint, or the start from a mistake.

    `text` grows while it is said; `withdrawn` says why an earlier text was taken back; `done` is there once the answer was checked. `stopped`: the reader said stop, and
    what was said until then stays.
    """

    question: str
    kind: str = LESSONS
    text: str = ""
    withdrawn: str = ""
    busy: bool = False
    progress: str = ""
    passages: tuple[Passage, ...] = ()
    covered: bool = True
    calls: list[ToolCall] = field(default_factory=list)
    results: list[ToolResult] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)
    spoken: list[Spoken] = field(default_factory=list)
    citations: tuple[Citation, ...] = ()
    unsupported: tuple[Unsupported, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    model: str = ""
    tokens: int = 0
    seconds: float = 0.0
    seconds_to_first_token: float | None = None
    stopped: bool = False
    strength: int = 0
    trouble: TutorError | None = None

    def take(self, event: Event) -> None:
        """What happened next."""
        match event:
            case Retrieved():
                self.passages, self.covered = event.passages, event.covered
            case ToolCall():
                self.calls.append(event)
            case ToolResult():
                self.results.append(event)
            case Prompt():
                self.prompts.append(event)
            case TextDelta():
                self.text += clean(event.text)
            case Spoken():
                self.spoken.append(event)
            case Withdrawn():
                self.text, self.withdrawn = "", event.why.get()
            case Citation():
                self.citations = (*self.citations, event)
            case Unsupported():
                self.unsupported = (*self.unsupported, event)
            case Suggestion():
                self.suggestions = (*self.suggestions, event)
            case Done():
                self._end(event)

    def _end(self, done: Done) -> None:
        if not self.stopped:  # else what stood there when the reader said stop is what was said
            self.text = clean(done.answer)
        self.covered = done.in_lessons
        self.citations, self.suggestions = done.citations, done.suggestions
        self.unsupported = tuple(each for each in done.unsupported if self.text[each.start : each.end] == each.text)
        if done.calls:
            self.calls, self.results = [call for call, _ in done.calls], [result for _, result in done.calls]
        self.model, self.tokens, self.seconds = done.model, done.tokens, done.seconds
        self.seconds_to_first_token = done.seconds_to_first_token
        self.stopped = self.stopped or done.stopped
        if done.strength:  # begging got a hint
            self.kind, self.strength = HINT, done.strength

    def to_dict(self) -> dict[str, Any]:
        """As JSON data, the prompts included: a conversation taken up again still shows how it came about."""
        data = {name: getattr(self, name) for name in _PLAIN}
        data |= {name: [asdict(each) for each in getattr(self, name)] for name in _LISTS}
        return data

    @classmethod
    def from_dict(cls, data: Any) -> Turn | None:
        """What `to_dict` made; what is damaged in it is left out, and None where nothing is left."""
        if not isinstance(data, dict) or not isinstance(data.get("question"), str):
            return None
        turn = cls(data["question"])
        for name, kind in _PLAIN.items():
            if isinstance(data.get(name), kind):
                setattr(turn, name, data[name])
        for name, made in _LISTS.items():
            items = tuple(_made(made, data.get(name)))
            setattr(turn, name, list(items) if isinstance(getattr(turn, name), list) else items)
        return turn


_PLAIN: dict[str, Any] = {
    "question": str,
    "kind": str,
    "text": str,
    "withdrawn": str,
    "covered": bool,
    "model": str,
    "tokens": int,
    "seconds": (int, float),
    "seconds_to_first_token": (int, float),
    "stopped": bool,
    "strength": int,
}
_LISTS: dict[str, type] = {
    "passages": Passage,
    "calls": ToolCall,
    "results": ToolResult,
    "prompts": Prompt,
    "spoken": Spoken,
    "citations": Citation,
    "unsupported": Unsupported,
    "suggestions": Suggestion,
}


def _made(kind: type, data: Any) -> Iterable[Any]:
    for each in data if isinstance(data, list) else ():
        with contextlib.suppress(TypeError, ValueError, AttributeError):
            yield kind(**{name: _text(value) for name, value in each.items()})


def _text(value: Any) -> Any:
    return Text(**value) if isinstance(value, dict) and set(value) == {"zh", "en"} else value
