"""What lies on the table of the decoding lab: the prompt, the settings, the explorations, and what was there before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

from tutor.decoding.exploration import Exploration
from tutor.demos import decoding
from tutor.demos.registry import parse
from tutor.domain.demo import Param
from tutor.domain.errors import TutorError
from tutor.domain.language import Text, both, tr
from tutor.domain.model import Strategy

MOST_RECENT = 6  # explorations kept
MOST_UNDONE = 50
SEEN = 100  # distributions kept: 7 kB each
PROMPT = next(param for param in decoding.PARAMS if param.name == "prompt")
SETTINGS: tuple[Param, ...] = tuple(param for param in decoding.PARAMS if param.name not in ("prompt", "logits"))
FILTERS = ("repeat_penalty", "temperature", "top_k", "typical_p", "top_p", "min_p")


class SettingsForm:
    """The lab's settings as the form for a demo's parameters takes them."""

    TITLE = both("Decoding lab")
    PARAMS = SETTINGS


@dataclass(frozen=True)
class Place:
    """Where one stood: all that `undo` gives back."""

    prompt: str
    chat: bool
    settings: Mapping[str, Any]
    exploration: Exploration | None


class Desk:
    """The state of the lab, whatever shows it. `model` names the loaded model: another one's tokens are others.

    An exploration stays when the prompt, the model or the chat template change, and is found again with them.
    """

    def __init__(self, model: str, given: Mapping[str, Any]) -> None:
        self.model = model
        self.prompt: str = tr("The cat is called")
        self.chat = False
        self.settings: dict[str, Any] = {}
        self.recent: dict[tuple[str, str, bool], Exploration] = {}
        self._before: list[tuple[Text, Place]] = []
        self.take(given)

    def take(self, given: Mapping[str, Any]) -> None:
        """What a lesson opens the lab with. Raises UsageError for a value out of bounds."""
        if "prompt" in given:
            self.prompt = parse(PROMPT, given["prompt"])
        self.chat = bool(given.get("chat", self.chat))
        self.settings |= {param.name: parse(param, given[param.name]) for param in SETTINGS if param.name in given}

    # -- now ---------------------------------------------------------------------------------------------------------

    @property
    def exploration(self) -> Exploration | None:
        """The one of this prompt; None before the model has read it."""
        return self.recent.get((self.model, self.prompt, self.chat))

    @exploration.setter
    def exploration(self, exploration: Exploration) -> None:
        key = (exploration.model, exploration.prompt_text, exploration.chat)
        self.recent.pop(key, None)
        self.recent[key] = exploration
        while len(self.recent) > MOST_RECENT:
            del self.recent[next(iter(self.recent))]

    def value(self, name: str) -> Any:
        return self.settings.get(name, next(param.default for param in SETTINGS if param.name == name))

    @property
    def params(self) -> dict[str, Any]:
        """All parameters of the demo `decoding` that the lab has."""
        return {"prompt": self.prompt} | {param.name: self.value(param.name) for param in SETTINGS}

    @property
    def strategy(self) -> Strategy:
        """What takes the next step. Beam search follows several texts, on a screen of its own: here beside it, greedy."""
        params = self.params
        kind = "sample" if params["strategy"] == "sample" else "greedy"
        return Strategy(kind=kind, seed=params["seed"], **{name: params[name] for name in FILTERS})

    # -- undoing -----------------------------------------------------------------------------------------------------

    def note(self, what: Text) -> None:
        """What is changed next is `what`, and can be undone."""
        here = Place(self.prompt, self.chat, dict(self.settings), self.exploration)
        self._before = [*self._before[1 - MOST_UNDONE :], (what, here)]

    def undo(self) -> Text | None:
        """Back to where the last noted change was made; what it was, or None where there is none.

        What was explored since stays, as branches.
        """
        if not self._before:
            return None
        what, place = self._before.pop()
        self.prompt, self.chat, self.settings = place.prompt, place.chat, dict(place.settings)
        if place.exploration is not None:
            since = self.exploration
            self.exploration = place.exploration.joined(since) if since is not None else place.exploration
        return what

    # -- kept --------------------------------------------------------------------------------------------------------

    def copy(self) -> Desk:
        """As it is now: explorations do not change."""
        other = copy(self)
        other.settings, other.recent = dict(self.settings), dict(self.recent)
        return other

    def to_dict(self) -> dict[str, Any]:
        """As JSON data, the exploration on top with the latest that was seen in it, the others as their tokens."""
        here = self.exploration
        recent = [each.to_dict(seen=SEEN if each is here else 0) for each in self.recent.values()]
        return {"prompt": self.prompt, "chat": self.chat, "settings": self.settings, "recent": recent}

    def restore(self, data: Any) -> None:
        """What `to_dict` made; what is damaged in it is left out."""
        if not isinstance(data, dict):
            return
        if isinstance(data.get("prompt"), str) and data["prompt"]:
            self.prompt = data["prompt"]
        self.chat = data.get("chat") is True
        settings = data.get("settings")
        for param in SETTINGS:
            if isinstance(settings, dict) and param.name in settings:
                try:
                    self.settings[param.name] = parse(param, settings[param.name])
                except TutorError:
                    continue
        for each in data.get("recent") or ():
            try:
                self.exploration = Exploration.from_dict(each)
            except TutorError:
                continue


def escaped(text: str) -> str:
    """`text` on one line, as it can be typed."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def unescaped(typed: str) -> str:
    """What `escaped` made of it."""
    return re.sub(r"\\([\\nt])", lambda match: {"n": "\n", "t": "\t"}.get(match[1], "\\"), typed)
