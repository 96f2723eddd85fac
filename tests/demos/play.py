"""A demo run to its end, straight from its module, whatever the registry thinks of models."""

from __future__ import annotations

import json
from typing import Any

from tutor.demos import registry
from tutor.domain.demo import Step
from tutor.domain.frames import Frame, to_json


def play(demo: Any, given: dict[str, Any], model: Any = None) -> tuple[list[Step], dict[str, Any]]:
    generator = demo.steps(registry.prepare(demo, given), model)
    steps = []
    while True:
        try:
            steps.append(next(generator))
        except StopIteration as end:
            return steps, end.value


def frames(steps: list[Step], kind: type[Frame]) -> list[Any]:
    """All frames of one kind, in order."""
    return [frame for step in steps for frame in step.frames if isinstance(frame, kind)]


def control_characters(steps: list[Step]) -> list[str]:
    """What in the steps would act on a terminal."""
    shown = json.dumps([to_json(step) for step in steps], ensure_ascii=False)
    return [c for c in shown if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E]


def untranslated(steps: list[Step]) -> list[Step]:
    """Steps that one of the two languages has no words for."""
    texts = [(step, text) for step in steps for text in (step.title, step.note)]
    return [step for step, text in texts if bool(text.zh) != bool(text.en) or not text]
