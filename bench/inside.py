"""What a look inside the model costs: attention beside a plain evaluation of the same text, the lens, memory."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.report import Figure
from tutor.runtime.client import WorkerModel

# About a hundred tokens each, different from the first word on: neither helps with the other.
TEXTS = (
    "People have always counted, first with pebbles and notches, then with beads on wires, later with wheels and gears. "
    "Each of these machines did one thing well and nothing else. The idea that a single machine might follow any list of "
    "steps that one can write down is much younger, and it came from people who asked what a proof is rather than how to "
    "build an engine. When such machines were built at last, they filled a room and broke down every few hours.",
    "Rivers carve their valleys slowly, grain by grain, and a flood may do in one night what a dry century did not. "
    "Where the slope is steep the water cuts down; where it is gentle it wanders from side to side, laying gravel on one "
    "bank and taking it from the other. A map of a river is therefore a map of one moment. Old maps show loops that are "
    "lakes today, and bridges that stand in the middle of a field because the river has left them behind.",
)
ROUNDS = 5
MOST_CAPTURE, MOST_LENS_FIRST, MOST_LENS_AGAIN, MOST_MEMORY = 1.3, 2000.0, 500.0, 2.5


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def peak_bytes(pid: int) -> int:
    """The most memory that a process has held (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("Linux alone says how much a process has held at most")


def measure(name: str, path: Path) -> tuple[list[Figure], dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder, WorkerModel(path, log=Path(folder) / "log") as model:
        model.next(TEXTS[0])
        layers = model.info().layers
        plain, captured = [], []
        for _ in range(ROUNDS):
            plain += [milliseconds(lambda text=text: model.next(text)) for text in TEXTS]
            captured += [milliseconds(lambda text=text: model.attention(text, layers // 2)) for text in TEXTS]
        again = [milliseconds(lambda layer=layer: model.attention(TEXTS[1], layer)) for layer in range(layers)]
        first = milliseconds(lambda: model.lens("The capital of France is"))
        lens = [milliseconds(lambda text=text: model.lens(text)) for text in ("Water boils at", "Once upon a time") * 3]
        near = milliseconds(lambda: model.neighbours(["cat"]))
        assert model.pid is not None
        memory = peak_bytes(model.pid)
        tokens = len(model.score(TEXTS[0]).ids)
    details = {
        "model": name,
        "tokens": tokens,
        "plain_ms": [round(each) for each in plain],
        "captured_ms": [round(each) for each in captured],
        "peak_bytes": memory,
    }
    return [
        Figure(
            f"attention of {tokens} tokens, beside plain evaluation, {name}",
            statistics.median(captured),
            "ms",
            statistics.median(plain),
            most=MOST_CAPTURE,
        ),
        Figure(f"attention, another layer of the same text, {name}", statistics.median(again), "ms"),
        Figure(f"the logit lens for the first time, {layers} layers, {name}", first, "ms", most=MOST_LENS_FIRST),
        Figure(f"the logit lens on another text, {name}", statistics.median(lens), "ms", most=MOST_LENS_AGAIN),
        Figure(f"neighbours for the first time, {name}", near, "ms"),
        Figure(
            f"memory of the model's process at most, beside its file, {name}",
            memory / 1e6,
            "MB",
            path.stat().st_size / 1e6,
            most=MOST_MEMORY,
        ),
    ], details
