"""The two contenders as a form: what each may set, a line each, and how votes are counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tutor.decoding.arena import MAX_MODEL, MAX_SYSTEM, SIDES
from tutor.decoding.contest import Booth
from tutor.demos import assistants, decoding
from tutor.domain.demo import Param
from tutor.domain.language import Text, both
from tutor.domain.model import Strategy

COUNTED = ("max_tokens", "k", "start", "resamples", "seed")
FILTERS = ("temperature", "top_k", "typical_p", "top_p", "min_p", "repeat_penalty")
USUAL = Booth()


def _side(side: str) -> tuple[Param, ...]:
    usual: dict[str, Any] = getattr(USUAL, side)
    of = {param.name: param for param in decoding.PARAMS}
    return (
        Param(
            f"{side} model",
            "text",
            "",
            Text(
                f"{side} 是哪个模型：名字或路径；空着就是当前模型",
                f"Which model {side} is, by name or path; empty: the one in use",
            ),
            low=0,
            high=MAX_MODEL,
        ),
        Param(
            f"{side} system",
            "text",
            "",
            Text(f"题目之前对 {side} 说的话（系统提示）", f"What {side} is told before the prompt (system prompt)"),
            low=0,
            high=MAX_SYSTEM,
        ),
        *(
            replace(of[name], name=f"{side} {name}", default=usual.get(name, getattr(Strategy(), name)))
            for name in FILTERS
        ),
    )


class ArenaForm:
    """Settings of the arena, as the form for a demo's parameters takes them."""

    TITLE = both("Blind arena")
    PARAMS: tuple[Param, ...] = (
        *_side("a"),
        *_side("b"),
        *(
            replace(param, default=getattr(USUAL, param.name))
            for name in COUNTED
            for param in assistants.PARAMS
            if param.name == name
        ),
    )


def given_of(booth: Booth) -> dict[str, Any]:
    """What stands in the form."""
    given = {name: getattr(booth, name) for name in COUNTED}
    for side in SIDES:
        settings = getattr(booth, side)
        for name in ("model", "system"):
            given[f"{side} {name}"] = settings.get(name, "")
        for name in FILTERS:
            given[f"{side} {name}"] = settings.get(name, getattr(Strategy(), name))
    return given


def settle(booth: Booth, given: Mapping[str, Any]) -> None:
    """Take what was filled in; what is left at doing nothing is not set."""
    values = {param.name: given.get(param.name, param.default) for param in ArenaForm.PARAMS}
    for name in COUNTED:
        setattr(booth, name, values[name])
    for side in SIDES:
        settings = {"temperature": values[f"{side} temperature"]}
        settings |= {
            name: values[f"{side} {name}"] for name in FILTERS if values[f"{side} {name}"] != getattr(Strategy(), name)
        }
        settings |= {
            name: values[f"{side} {name}"].strip() for name in ("model", "system") if values[f"{side} {name}"].strip()
        }
        setattr(booth, side, settings)
