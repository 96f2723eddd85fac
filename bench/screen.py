"""The screen against a bare Textual application: start-up, key to screen, memory. In a real pseudo-terminal, 80x24.

Runs of both alternate, so that a machine that is busy slows both; medians are compared.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from bench.content import SIZES, make_course
from bench.programs import BARE_STANDS, ROOT, TUTOR_STANDS, bare, press, tutor, until
from bench.report import Figure, tell
from tests.terminal import Terminal
from tutor.runtime.catalogue import find

START_ROUNDS, KEY_ROUNDS = 11, 60
FIRST, FIRST_OF_MANY, KEY = 1.5, 2.0, 1.5  # times the bare application
MODEL_NAMES = ("smollm2-135m", "qwen2.5-coder-0.5b")


def first_screen(folder: Path, rounds: int = START_ROUNDS) -> list[Figure]:
    """From exec to the last line of the first screen; with the index that an earlier run left, and in an empty home."""
    courses: dict[str, tuple[str, ...]] = {"the lessons that ship": ()}
    for count in SIZES:
        courses[f"{count} lessons"] = ("--course", str(make_course(folder / f"course-{count}", count)))
    homes = {name: folder / f"home of {name}" for name in courses}
    for name, words in courses.items():
        _make_index(homes[name], words)
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        tell(f"first screen: round {number + 1} of {rounds}")
        with bare() as terminal:
            times["bare"].append(until(terminal, BARE_STANDS))
        for name, words in courses.items():
            with tutor(homes[name], *words) as terminal:
                times[name].append(until(terminal, TUTOR_STANDS))
            with tempfile.TemporaryDirectory(dir=folder) as empty, tutor(Path(empty), *words) as terminal:
                times[f"{name}, empty home"].append(until(terminal, TUTOR_STANDS))
    baseline = statistics.median(times.pop("bare"))
    return [
        Figure(
            f"first screen, {name}",
            statistics.median(taken),
            "ms",
            baseline,
            most=FIRST_OF_MANY if name.startswith(("360", "1000")) else FIRST,
        )
        for name, taken in times.items()
    ]


def _make_index(home: Path, words: tuple[str, ...]) -> None:
    """Run once, until the lessons have been read and the index is written."""
    with tutor(home, *words) as terminal:
        until(terminal, TUTOR_STANDS)
        while not list(home.rglob("cache/lessons-*.json")):
            terminal.pump(0.5)
        terminal.settle(0.5)


GENERATING = (
    "While a model generates: the model's process of a second qwtutor decodes without a pause, with as many threads and "
    "as nice as the screen's own would. While a demo plays: the program's own model decodes the demo beneath the "
    "list of commands, a step every 0.8 s. Both are held to the bare application when nothing else runs."
)


def key_to_screen(folder: Path, rounds: int = KEY_ROUNDS) -> tuple[list[Figure], dict[str, Any]]:
    """From the key to the last byte of a move in the list: idle, and while a model generates."""
    found, beside = [], {}
    with bare() as other, tutor(folder / "keys", "--model", MODEL_NAMES[0]) as ours:
        for terminal, stands in ((other, BARE_STANDS), (ours, TUTOR_STANDS)):
            until(terminal, stands)
            terminal.settle(1.0)
        idle, moved = _moves([other, ours], rounds)
        found.append(Figure("key to screen, idle", moved, "ms", idle, most=KEY))
        for name in MODEL_NAMES:
            tell(f"key to screen: {name} generating")
            with generating(name):
                beside[name], moved = _moves([other, ours], rounds)
            found.append(Figure(f"key to screen, {name} generating", moved, "ms", idle, most=KEY))
        _play(ours)
        [moved] = _moves([ours], rounds)
        found.append(Figure("key to screen, a demo decoding in the same program", moved, "ms", idle, most=KEY))
    return found, {"how": GENERATING, "bare application meanwhile, ms": beside}


def _play(terminal: Terminal) -> None:
    """Play the decoding demo, and open the list of commands over it."""
    open_demo(terminal)
    terminal.send("p")
    terminal.expect("step 3", timeout=60)
    terminal.send("<c-p>")
    terminal.expect("part of its name")
    terminal.settle(0.5, timeout=2.0)


def _moves(terminals: list[Terminal], rounds: int) -> list[float]:
    """The median for each, in milliseconds."""
    times: list[list[float]] = [[] for _ in terminals]
    for number in range(rounds):
        for terminal, taken in zip(terminals, times, strict=True):
            milliseconds, sent = press(terminal, "<up>" if number % 2 else "<down>")
            if not sent:
                raise RuntimeError(f"a move changed nothing on:\n{terminal.text()}")
            taken.append(milliseconds)
    return [statistics.median(taken) for taken in times]


@contextmanager
def generating(model: str) -> Iterator[None]:
    """Meanwhile the model's process of a second qwtutor decodes without a pause: as many threads, as nice."""
    command = [sys.executable, "-m", "bench.screen", "--generate", str(find(model))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield
            if process.poll() is not None:
                raise RuntimeError("the model stopped generating before the measuring was over")
        finally:
            process.kill()


def _generate(path: Path) -> None:
    from tutor.domain.model import Strategy
    from tutor.runtime.client import WorkerModel

    with WorkerModel(path) as model:
        while True:
            for number, _ in enumerate(model.decode("Once", Strategy(), max_tokens=400, top=10, ignore_eos=True)):
                if number == 3:
                    print("decoding", flush=True)


def open_demo(terminal: Terminal) -> None:
    """From home to the first step of the decoding demo, on the model."""
    terminal.send("<c-p>")
    terminal.expect("part of its name")
    terminal.send("demo decoding")
    terminal.expect("> Demo decoding")
    terminal.settle(0.3)
    terminal.send("<enter>")
    terminal.expect("step 1", timeout=120)


def memory(folder: Path) -> list[Figure]:
    """Of both processes, after a demo has decoded six tokens. A model's file is mapped: that part is shared and goes."""
    found = []
    for model in MODEL_NAMES:
        tell(f"memory: {model}")
        with tutor(folder / f"memory {model}", "--model", model) as terminal:
            until(terminal, TUTOR_STANDS)
            terminal.settle(1.0)
            screen = psutil.Process(terminal.pid)
            if model == MODEL_NAMES[0]:
                found.append(Figure("memory of the screen's process, first screen", _resident(screen), "MB"))
            open_demo(terminal)
            for step in range(2, 7):
                terminal.send("<space>")
                terminal.expect(f"step {step}", timeout=60)
            terminal.settle(0.5)
            worker = next(child for child in screen.children() if "tutor.runtime.worker" in " ".join(child.cmdline()))
            found += [
                Figure(f"memory of the screen's process, {model} decoding", _resident(screen), "MB"),
                Figure(f"memory of the model's process, {model}", _resident(worker), "MB"),
                Figure(f"of that not the model's file, {model}", _private(worker), "MB"),
            ]
    return found


def _resident(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6


def _private(process: psutil.Process) -> float:
    information = process.memory_info()
    return float(information.rss - getattr(information, "shared", 0)) / 1e6


if __name__ == "__main__":
    if sys.argv[1:2] == ["--generate"]:
        _generate(Path(sys.argv[2]))
