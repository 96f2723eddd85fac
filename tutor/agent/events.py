"""What happens while the tutor answers, as it happens. Plain data: the screen draws it, the command line prints it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tutor.domain.language import Text


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a section that was found: `text` in the language it was read in, `score` to compare with others.

    `pointed` are words of those of its sentences that answer what learners ask much as this was asked, each with how
    much (0 to 1).
    """

    lesson: str
    section: str
    title: Text
    text: str
    score: float
    pointed: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages found, best first. `covered` says whether the lessons answer this question at all."""

    passages: tuple[Passage, ...]
    covered: bool


@dataclass(frozen=True, slots=True)
class ToolCall:
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool said. `failed` where it could not do what was asked; `observation` is then the sentence why."""

    tool: str
    observation: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model was given, for whoever wants to see it; `tokens` counts it, `reused` those not evaluated anew."""

    text: str
    tokens: int = 0
    reused: int = 0


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What was said so far does not hold, and why; what comes now takes its place."""

    why: Text


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the model said, whole, for whoever wants to see it; `kept` is what of it stands in the answer."""

    text: str
    kept: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A section that the answer rests on, with the sentence in it."""

    lesson: str
    section: str
    quote: str


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A stretch of the answer (characters `start` to `end`) that no passage and no tool result bears out, and why."""

    text: str
    start: int
    end: int
    why: Text


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to press next. `kind` is section, demo, lab or question; `target` its name, `given` parameters.

    The target of a section and of a question is `lesson#id`. `alone`: what the model says without the lessons.
    """

    kind: str
    target: str
    title: Text
    given: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """The whole, checked. `model` is empty where none was used; `stopped` where the reader said stop.

    `strength` of the hint to an open question that it is, 0 where it is none.
    """

    answer: str
    in_lessons: bool
    citations: tuple[Citation, ...] = ()
    calls: tuple[tuple[ToolCall, ToolResult], ...] = ()
    unsupported: tuple[Unsupported, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    model: str = ""
    tokens: int = 0
    seconds: float = 0.0
    seconds_to_first_token: float | None = None
    stopped: bool = False
    strength: int = 0


Event = (
    Retrieved
    | ToolCall
    | ToolResult
    | Prompt
    | TextDelta
    | Spoken
    | Withdrawn
    | Citation
    | Unsupported
    | Suggestion
    | Done
)
