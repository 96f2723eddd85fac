"""A blind comparison: one prompt, two settings of one model, the answers shown without saying whose they are."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
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
    "typical_p": (0, 1),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "repeat_penalty": (0.01, 100),
}
MAX_SYSTEM = 400
MAX_MODEL = 400
SIDES = ("a", "b")
# Cautious against free: alike enough that either may win.
PAIR: dict[str, dict[str, Any]] = {"a": {"temperature": 0.2}, "b": {"temperature": 0.9}}


@dataclass(frozen=True, slots=True)
class Setup:
    """A contender: how it draws, what it is told before the prompt, and which model it is; empty for the one in use."""

    strategy: Strategy
    system: str = ""
    model: str = ""

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
        if isinstance(value, str) and len(value) <= {"system": MAX_SYSTEM, "model": MAX_MODEL}.get(key, -1):
            continue
        if key in _BOUNDS and isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
            numbers[key] = int(value) if key == "top_k" else float(value)
            continue
        raise UsageError(
            "`{name}` may set {known} within their bounds, a `system` text or a `model`; not {key} = {value}.",
            name=name,
            known=", ".join(_BOUNDS),
            key=visible(str(key)[:20]),
            value=visible(str(value)[:20]),
        )
    return Setup(Strategy(kind="sample", **numbers), given.get("system", ""), given.get("model", ""))


def order_of(seed: int, ahead: int = 0) -> tuple[str, str]:
    """Whose answer stands first, whose second. `ahead`: how many times more often a has stood first so far than b.

    A coin that leans to the side that is behind, 2 to 1: places stay balanced, and none can be foretold for certain
    (Efron 1971, Forcing a sequential experiment to be balanced).
    """
    chance = 0.5 if not ahead else 1 / 3 if ahead > 0 else 2 / 3
    return ("a", "b") if np.random.default_rng([seed, 2]).random() < chance else ("b", "a")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a contender has said so far, in so many tokens; `whole` says that it came to its own end."""

    text: str
    tokens: int
    whole: bool = False


def answering(model: Model, setup: Setup, prompt: str, *, seed: int, max_tokens: int) -> Iterator[Answer]:
    """The answer as it grows, token by token; closing the iterator stops the model. Raises what the model raises."""
    ids = [piece.id for piece in model.conversation(setup.messages(prompt))]
    strategy = replace(setup.strategy, seed=seed % 2**31)
    said = ""
    stream = cast("Generator[DecodeStep, None, None]", model.decode(ids, strategy, max_tokens=max_tokens, top=1))
    with closing(stream):
        for tokens, step in enumerate(stream, start=1):
            said += step.text
            yield Answer(clean(said).strip(), tokens, step.finished)


class Arena:
    """One prompt answered in both settings, `a` and `b`; a seed decides whose answer stands first."""

    def __init__(self, prompt: str, setups: Mapping[str, Setup], max_tokens: int) -> None:
        """Raises UsageError for setups of different models: here one model answers."""
        if any(setup.model for setup in setups.values()):
            raise UsageError(
                "The demo asks one model in two settings; `a` and `b` name none.",
                hint="The blind arena sets two models against each other.",
            )
        self.prompt = prompt
        self.setups = setups
        self.max_tokens = max_tokens

    def steps(self, model: Model, seed: int) -> Generator[Step, None, dict[str, Any]]:
        """Result: `answers` (by setting) and `first`, the setting whose answer stood first."""
        order = order_of(seed)
        answers: dict[str, str] = {}
        for number, side in enumerate(order, start=1):
            answers[side] = self._answer(model, self.setups[side], seed + number)
            yield self._blind([answers[each] for each in order[:number]], number)
        yield self._reveal(order)
        return {"answers": answers, "first": order[0]}

    def _answer(self, model: Model, setup: Setup, seed: int) -> str:
        said = ""
        for answer in answering(model, setup, self.prompt, seed=seed, max_tokens=self.max_tokens):
            said = answer.text
        return said

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
                "先在心里投一票，再看下一步。知道了谁是谁再投，投的就是牌子。盲投擂台里可以真的投。",
                "Vote in your mind before the next step: once you know who is who, you vote for the name. In the blind "
                "arena your votes count.",
            )
        return Step(title, frames, note, progress=0.1 * number)

    def _reveal(self, order: tuple[str, str]) -> Step:
        columns = (Text("位置", "Place"), Text("谁", "Who"), Text("设置", "Settings"))
        rows = tuple(
            (str(place), side, visible(described(self.setups[side]))) for place, side in enumerate(order, start=1)
        )
        note = Text(
            '把你的票写进 votes：a 更好是 [["a", "b"]]，平局是 [["a", "b", "tie"]]。换个种子，左右会换，回答也会换；'
            "一票说明不了什么。",
            'Put your vote into `votes`: [["a", "b"]] says that a was better, [["a", "b", "tie"]] neither. Another seed '
            "gives other answers in another order; one vote says little.",
        )
        return Step(Text("揭晓", "Who was who"), (Table(columns, rows, same("a / b")),), note, progress=0.3)


def described(setup: Setup) -> str:
    """The model where it is named (a path by its file), the temperature, and what else differs from doing nothing."""
    usual = Strategy()
    parts = [
        f"{key} {getattr(setup.strategy, key):g}"
        for key in _BOUNDS
        if key == "temperature" or getattr(setup.strategy, key) != getattr(usual, key)
    ]
    return ", ".join(
        [
            *([setup.model.replace("\\", "/").rsplit("/", 1)[-1]] if setup.model else []),
            *parts,
            *([f"system: {setup.system[:40]}"] if setup.system else []),
        ]
    )
