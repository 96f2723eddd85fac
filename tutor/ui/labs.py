"""The three labs, opened from anywhere: what they are called, their keys, and where what was done in one is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.domain.language import Text, both

if TYPE_CHECKING:
    from tutor.ui.screens.base import TutorScreen


class Lab(NamedTuple):
    """`keys` as a binding has them, the first one shown; `demos` are those that it takes further."""

    name: str
    title: Text
    about: Text
    keys: str
    demos: tuple[str, ...] = ()


LABS = (
    Lab(
        "tokens",
        both("Tokenizer lab"),
        both("type a text, see its tokens under six tokenizers"),
        "T,f2",
        ("gpt4-chinese",),
    ),
    Lab(
        "decoding",
        both("Decoding lab"),
        both("the model's next token: look, choose, go back, branch"),
        "D,f3",
        ("decoding",),
    ),
    Lab(
        "inside",
        both("Inside the model"),
        both("attention, layers, surprise, neighbours, the file"),
        "I,f4",
        ("decoder", "gpt", "loss", "embedding", "model-files"),
    ),
)


def lab_of(demo: str) -> Lab | None:
    """The lab that takes the demo called `demo` further."""
    return next((lab for lab in LABS if demo in lab.demos), None)


def lab_screen(name: str, given: Mapping[str, Any] | None = None) -> TutorScreen:
    """The lab called `name`, opened with the parameters `given`, or as it was left. Raises UsageError."""
    if name == "tokens":
        from tutor.ui.screens.labs.tokens import TokensLab

        return TokensLab(given)
    if name == "decoding":
        from tutor.ui.screens.labs.decoding import DecodingLab

        return DecodingLab(given)
    from tutor.ui.screens.labs.inside import InsideLab

    return InsideLab(given)


def kept_under(name: str, given: Mapping[str, Any] | None) -> str:
    """Where a lab keeps what was typed and explored: what a lesson opened does not lie over the reader's own."""
    if not given:
        return f"lab:{name}"
    digest = sha256(json.dumps(given, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]
    return f"lab:{name}:{digest}"
