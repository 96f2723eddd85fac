"""A step of greedy decoding or sampling as pictures: what the model offered, what was kept of it, what was drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple

from tutor.domain.frames import Bar, Bars, Table, TokenItem
from tutor.domain.language import Text
from tutor.domain.model import Candidate, DecodeStep, Strategy
from tutor.domain.plaintext import visible

SHOWN = 10  # candidates in a picture


def token_item(text: str, data: bytes, id: int) -> TokenItem:
    """A token as a picture shows it; its bytes where it is only a part of a character."""
    whole = data.decode("utf-8", "replace") == text
    return TokenItem(visible(text), id, bytes="" if whole else data.hex())


def step_name(step: DecodeStep) -> str:
    """The token just chosen, in a sentence: spaces made visible, its bytes where it completes no character."""
    if step.text:
        return visible(step.text).replace(" ", "␣")
    label = next((c.text for c in step.top if c.id == step.id), "")
    return f"<{step.data.hex(' ')}>" if step.data else visible(label) or f"#{step.id}"


def bars(step: DecodeStep) -> Bars:
    """The model's own probabilities; what each became after the filters stands behind it."""
    shown = [c for c in step.top[:SHOWN] if math.isfinite(c.logprob)]
    items = [
        Bar(visible(c.text), math.exp(c.logprob), _mark(c.id == step.id, c.kept), _after(c.probability)) for c in shown
    ]
    if all(c.id != step.id for c in shown):
        items.append(Bar(step_name(step), math.exp(step.logprob), "chosen", f"> {len(shown)}"))
    return Bars(
        tuple(items), Text("下一个词元的概率，以及筛选之后", "Next-token probability, and after the filters"), high=1.0
    )


def _mark(chosen: bool, kept: bool) -> str:
    if chosen:
        return "chosen"
    return "kept" if kept else "cut"


def _after(probability: float) -> str:
    return f"-> {probability:.4f}" if probability > 0 else ""


def stages_table(step: DecodeStep, strategy: Strategy) -> Table:
    columns = (
        Text("筛选", "Filter"),
        Text("取值", "Value"),
        Text("留下", "Kept"),
        Text("砍掉", "Cut"),
        Text("砍掉的概率", "Probability cut"),
    )
    rows = tuple(
        (s.name, f"{getattr(strategy, s.name):g}", f"{s.kept:,}", f"{s.cut:,}", f"{s.mass_cut:.4f}")
        for s in step.stages
    )
    return Table(columns, rows, Text("依次做的事", "In this order"))


def how_chosen(step: DecodeStep) -> Text:
    name = step_name(step)
    entropy = Text(f"模型的熵 {step.entropy:.3f} 奈特。", f"The model's entropy is {step.entropy:.3f} nats.")
    if step.draw is None:
        how = Text(f"取最大的：{name}。", f"The largest is taken: {name}.")
    elif (stretch := stretch_drawn(step, step.top)) is not None:
        _, low, high = stretch
        how = Text(
            f"抽到 u = {step.draw:.4f}，落在 {name} 的 [{low:.4f}, {high:.4f}) 里。",
            f"u = {step.draw:.4f} falls into the stretch of {name}, [{low:.4f}, {high:.4f}).",
        )
    else:
        how = Text(f"抽到 u = {step.draw:.4f}，选中 {name}。", f"u = {step.draw:.4f} picks {name}.")
    ended = Text("模型在这里写完。", "The model ends here.") if step.finished else Text()
    return Text(how.zh + entropy.zh + ended.zh, " ".join(part for part in (how.en, entropy.en, ended.en) if part))


class Stretch(NamedTuple):
    """The part of [0, 1) that stands for a candidate: a random number in it draws it."""

    candidate: Candidate
    low: float
    high: float


def stretches(candidates: Iterable[Candidate]) -> list[Stretch]:
    """The kept ones of `candidates`, the best of a step, in the order in which they are laid side by side."""
    kept = sorted((each for each in candidates if each.probability > 0), key=lambda each: -each.probability)
    ends = [0.0, *accumulate(each.probability for each in kept)]
    return [Stretch(*each) for each in zip(kept, ends[:-1], ends[1:], strict=True)]


def stretch_drawn(step: DecodeStep, candidates: Iterable[Candidate]) -> Stretch | None:
    """That of the chosen token, where the `candidates` tell."""
    for each in stretches(candidates):
        if each.candidate.id == step.id and step.draw is not None:
            return each if each.low - 1e-9 <= step.draw <= each.high + 1e-9 else None
    return None
