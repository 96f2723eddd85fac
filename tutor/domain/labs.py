"""The labs: what they are called and what a lesson may open them with. How they look is the screen's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tutor.domain.errors import NotFound, UsageError
from tutor.domain.language import Text, both


@dataclass(frozen=True, slots=True)
class Lab:
    """A place to play with the loaded model.

    `demos` are those that it takes further, with their parameters; `parameters` what it can be opened with, and
    `commands` what does the same in lines.
    """

    name: str
    title: Text
    about: Text
    parameters: tuple[str, ...]
    commands: tuple[str, ...]
    demos: tuple[str, ...] = ()


LABS = (
    Lab(
        "tokens",
        both("Tokenizer lab"),
        both("your text under six tokenizers"),
        ("text", "other", "tokenizers", "zoom", "path"),
        ("tokenize",),
        ("gpt4-chinese",),
    ),
    Lab(
        "decoding",
        both("Decoding lab"),
        both("the next token: look, choose, go back, branch"),
        (
            "prompt",
            "chat",
            "strategy",
            "temperature",
            "top_k",
            "typical_p",
            "top_p",
            "min_p",
            "repeat_penalty",
            "seed",
            "width",
            "length_penalty",
            "max_tokens",
        ),
        ("next", "decode"),
        ("decoding",),
    ),
    Lab(
        "inside",
        both("Inside the model"),
        both("attention, layers, surprise, neighbours, the file"),
        ("view", "text", "other", "layer", "head", "k", "token", "path"),
        ("score", "demo decoder", "demo gpt", "demo embedding", "models info"),
        ("decoder", "gpt", "loss", "embedding", "model-files"),
    ),
    Lab(
        "arena",
        both("Blind arena"),
        both("two answers, your vote, a ranking"),
        ("prompt", "a", "b", "max_tokens", "k", "start", "resamples", "seed"),
        ("arena",),
        ("assistants",),
    ),
)


def lab(name: str) -> Lab:
    """The lab called `name`. Raises NotFound."""
    for each in LABS:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in LABS)
    raise NotFound("There is no lab called {name}.", hint="There are {names}.", name=name, names=names)


def lab_of(demo: str) -> Lab | None:
    """The lab that takes the demo called `demo` further."""
    return next((each for each in LABS if demo in each.demos), None)


def check_parameters(name: str, given: Mapping[str, Any]) -> None:
    """Raises NotFound for another lab, UsageError for a parameter that it does not have."""
    known = lab(name).parameters
    for key in given:
        if key not in known:
            raise UsageError(
                "The lab {lab} has no parameter `{name}`; it has {known}.", lab=name, name=key, known=", ".join(known)
            )
