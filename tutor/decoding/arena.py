"""A blind comparison: one prompt, two settings of one model, the answers shown without saying whose they are."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from tutor.domain.demo import Step
from tutor.domain.errors import UsageError
from tutor.domain.frames import Note, Table
from tutor.domain.language import Text, same
from tutor.domain.model import DecodeStep, Message, Model, Strategy
from tutor.domain.plaintext import clean, visible

# What a setting may hold besides `system`, and within which bounds.
_BOUNDS: dict[str, tuple[float, float]] = {
    "temperature": (0, 10),
    "top_k": (0, 1_000_000),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "repeat_penalty": (0.01, 100),
}
MAX_SYSTEM = 400


@dataclass(frozen=True, slots=True)
class Setup:
    """A contender: how it draws, and what it is told before the prompt."""

    strategy: Strategy
    system: str = ""

    def messages(self, prompt: str) -> list[Message]:
        told = [Message("system", self.system)] if self.system else []
        return [*told, Message("user", prompt)]


def read_setup(name: str, given: Any) -> Setup:
    """The setting that parameter `name` describes. Raises UsageError saying which entry is none."""
    if not isinstance(given, dict):
        raise UsageError('`{name}` must be settings such as {"temperature": 0.2}.', name=name)
    numbers: dict[str, Any] = {}
    for key, value in given.items():
        low, high = _BOUNDS.get(key, (0, 0))
        if key == "system" and isinstance(value, str) and len(value) <= MAX_SYSTEM:
            continue
        if key in _BOUNDS and isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
            numbers[key] = int(value) if key == "top_k" else float(value)
            continue
        raise UsageError(
            "`{name}` may set {known} within their bounds, or a `system` text; not {key} = {value}.",
            name=name,
            known=", ".join(_BOUNDS),
            key=visible(str(key)[:20]),
            value=visible(str(value)[:20]),
        )
    return Setup(Strategy(kind="sample", **numbers), given.get("system", ""))


class Arena:
    """One prompt answered in both settings, `a` and `b`; a seed decides whose answer stands first."""

    def __init__(self, prompt: str, setups: Mapping[str, Setup], max_tokens: int) -> None:
        self.prompt = prompt
        self.setups = setups
        self.max_tokens = max_tokens

    def steps(self, model: Model, seed: int) -> Generator[Step, None, dict[str, Any]]:
        """Result: `answers` (by setting) and `first`, the setting whose answer stood first."""
        order = ["a", "b"] if np.random.default_rng([seed, 2]).random() < 0.5 else ["b", "a"]
        answers: dict[str, str] = {}
        for number, side in enumerate(order, start=1):
            answers[side] = self._answer(model, self.setups[side], seed + number)
            yield self._blind([answers[each] for each in order[:number]], number)
        yield self._reveal(order)
        return {"answers": answers, "first": order[0]}

    def _answer(self, model: Model, setup: Setup, seed: int) -> str:
        prompt = [piece.id for piece in model.conversation(setup.messages(self.prompt))]
        strategy = _seeded(setup.strategy, seed)
        stream = model.decode(prompt, strategy, max_tokens=self.max_tokens, top=1)
        with closing(cast("Generator[DecodeStep, None, None]", stream)):
            return clean("".join(step.text for step in stream)).strip()

    def _blind(self, answers: list[str], number: int) -> Step:
        labels = ("甲", "乙"), ("First", "Second")
        frames = tuple(
            Note(Text(f"{labels[0][i]}：{answer}", f"{labels[1][i]}: {answer}")) for i, answer in enumerate(answers)
        )
        if number == 1:
            title = Text("第一个回答", "The first answer")
            note = Text("谁答的，先不说。", "Who wrote it is not said yet.")
        else:
            title = Text("两个回答：哪个更好？", "Two answers: which is better?")
            note = Text(
                "先在心里投一票，再看下一步。知道了谁是谁再投，投的就是牌子。",
                "Vote in your mind before the next step. Once you know who is who, you vote for the name.",
            )
        return Step(title, frames, note, progress=0.1 * number)

    def _reveal(self, order: list[str]) -> Step:
        columns = (Text("位置", "Place"), Text("谁", "Who"), Text("设置", "Settings"))
        rows = tuple(
            (str(place), side, visible(_described(self.setups[side]))) for place, side in enumerate(order, start=1)
        )
        note = Text(
            '把你的票写进 votes：a 更好是 [["a", "b"]]。换个种子，左右会换，回答也会换；一票说明不了什么。',
            'Put your vote into `votes`: [["a", "b"]] says that a was better. Another seed gives other answers in '
            "another order; one vote says little.",
        )
        return Step(Text("揭晓", "Who was who"), (Table(columns, rows, same("a / b")),), note, progress=0.3)


def _seeded(strategy: Strategy, seed: int) -> Strategy:
    return replace(strategy, seed=seed % 2**31)


def _described(setup: Setup) -> str:
    """The temperature, and what else differs from doing nothing."""
    usual = Strategy()
    parts = [
        f"{key} {getattr(setup.strategy, key):g}"
        for key in _BOUNDS
        if key == "temperature" or getattr(setup.strategy, key) != getattr(usual, key)
    ]
    return ", ".join([*parts, *([f"system: {setup.system[:40]}"] if setup.system else [])])
