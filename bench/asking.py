"""The keys while the tutor answers: how long until they stand on the screen, and Esc until the answer has stopped.

In a real pseudo-terminal of 120x40, where the tutor stands beside a lesson. A letter is typed on the line to ask on and
taken away again, at a person's pace, from the question asked to its answer checked; it counts when its row has changed,
whatever else is painted meanwhile. Between two letters a key is pressed in a bare application: what the machine itself
holds up is in both.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.programs import BARE_STANDS, bare, press, tutor, until
from bench.report import Figure, tell
from bench.screen import MODEL_NAMES
from tests.terminal import Terminal

KEYS, STOPS = 200, 10
PAUSES = (0.01, 0.06)  # seconds between two keys, beside the time that the bare application is given
KEY_MOST, ESC_MOST = 50.0, 100.0  # milliseconds
ANSWERING = "Esc stops"
FIELD = "ask about what you read"
QUESTION = "Why does a batch need padding?"
OFF_SUBJECT = "who painted the Mona Lisa?"
ALONE = "What the model alone would say"


class Asking:
    """The tutor on `terminal`, open beside the first lesson, and a bare application to be compared with."""

    def __init__(self, terminal: Terminal, other: Terminal) -> None:
        self.terminal, self.other = terminal, other
        self._chance = random.Random(1)
        until(other, BARE_STANDS)
        for key, stands in (("", "Start here"), ("<enter>", r"\b0%"), ("a", FIELD)):
            terminal.send(key)
            screen = terminal.expect(stands, timeout=60)
            terminal.settle(1.0)
        self._row = next(y for y, line in enumerate(screen.splitlines()) if FIELD in line)
        self.keys: list[float] = []
        self.beside: list[float] = []

    def rest(self) -> None:
        """Press KEYS keys while nothing is answered."""
        self._begin()
        while len(self.keys) < KEYS:
            self._press()
        self._end()

    def answer(self, ask: Callable[[], None]) -> None:
        """Press keys from `ask` to the end of the answer."""
        ask()
        self.terminal.expect(ANSWERING)
        self._begin(quiet=0.05)
        while ANSWERING in self.terminal.text() or len(self.keys) % 2:
            self._press()
        self._end()

    def question(self) -> None:
        """Ask what the lessons answer."""
        self._ask(QUESTION)

    def alone(self) -> None:
        """Ask what they do not, in a conversation of its own, and have the model say it by itself, as it comes."""
        for key in ("<tab>", "n"):
            self.terminal.send(key)
            self.terminal.settle(0.2, timeout=2)
        self._ask(OFF_SUBJECT)
        self.terminal.expect(ALONE, timeout=60)
        self.terminal.settle(0.3)
        self.terminal.send("<up>")
        self.terminal.expect(f"> {ALONE}")
        self.terminal.send("<enter>")
        self.terminal.expect(ANSWERING)
        self.terminal.send("<tab>")

    def stop(self) -> float:
        """Milliseconds from Esc, in the midst of what the model says alone, until the screen says that it has stopped."""
        self.alone()
        self.terminal.expect(f"answering..  {ANSWERING}", timeout=120)
        self._wait(self._chance.uniform(0.05, 0.3))
        before = self.terminal.text().count("(stopped)")
        start = time.perf_counter()
        self.terminal.send("<esc>")
        while self.terminal.text().count("(stopped)") == before:
            self._await_output()
        return (self.terminal.last_write - start) * 1000

    def _ask(self, question: str) -> None:
        self.terminal.send(question)
        self.terminal.settle(0.2, timeout=2)
        self.terminal.send("<enter>")

    def _begin(self, quiet: float = 0.3) -> None:
        self.keys, self.beside = [], []
        self.terminal.send("y")  # so that the field is never empty, and its placeholder not painted
        self.terminal.settle(quiet, timeout=0.5)

    def _end(self) -> None:
        self.terminal.send("<bs>")
        self.terminal.settle(0.3, timeout=2)

    def _press(self) -> None:
        self._wait(self._chance.uniform(*PAUSES))
        number, before = len(self.keys), self._line()
        start = time.perf_counter()
        self.terminal.send("<bs>" if number % 2 else "x")
        while self._line() == before:
            self._await_output()
        self.keys.append((self.terminal.last_write - start) * 1000)
        self.beside.append(press(self.other, "<up>" if number % 2 else "<down>", quiet=0.03)[0])

    def _line(self) -> str:
        row = self.terminal.screen.buffer[self._row]
        return "".join(row[x].data for x in range(self.terminal.columns))

    def _wait(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0 or self.terminal.pump(0):
            self.terminal.pump(left)

    def _await_output(self) -> None:
        if not self.terminal.pump(5.0):
            raise RuntimeError(f"a key changed nothing on:\n{self.terminal.text()}")


def measure(folder: Path) -> tuple[list[Figure], Any]:
    figures: list[Figure] = []
    details: dict[str, Any] = {}
    for model in MODEL_NAMES:
        with bare() as other, tutor(folder / f"asking {model}", "--model", model, size=(120, 40)) as terminal:
            asking = Asking(terminal, other)
            phases = {"at rest": _keys(asking, None), "answering": _keys(asking, asking.question)}
            phases["the model alone"] = _keys(asking, asking.alone)
            for phase, (keys, beside) in phases.items():
                most = None if phase == "at rest" else KEY_MOST
                worst, others = f"the slowest of {len(keys)} keys, {phase}, {model}", max(beside)
                figures += [
                    Figure(f"key to screen, 19 of 20, {phase}, {model}", _p95(keys), "ms", most=most),
                    Figure(worst, max(keys), "ms", others),
                ]
                details[f"{phase}, {model}"] = {"keys": _summary(keys), "bare application": _summary(beside)}
            stops = [asking.stop() for _ in range(STOPS)]
            figures.append(
                Figure(f"Esc until the answer stops, {model}", statistics.median(stops), "ms", most=ESC_MOST)
            )
            details[f"Esc, {model}"] = _summary(stops)
    return figures, details


def _keys(asking: Asking, ask: Callable[[], None] | None) -> tuple[list[float], list[float]]:
    """Milliseconds of at least KEYS keys, and of those in the bare application."""
    keys: list[float] = []
    beside: list[float] = []
    while len(keys) < KEYS:
        tell(f"keys while the tutor answers: {len(keys)} of {KEYS}")
        if ask is None:
            asking.rest()
        else:
            asking.answer(ask)
        keys += asking.keys
        beside += asking.beside
    return keys, beside


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def _summary(times: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(_p95(times), 1),
        "worst_ms": round(max(times), 1),
        "count": len(times),
    }
