"""Bytes that reach the terminal at 80x24: for a key, for a move, for another screen, and for sitting still."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from bench.programs import SLOW_LINK, tutor
from bench.report import Figure
from tests.terminal import Terminal


class Budget(NamedTuple):
    """Bytes at most."""

    key: int
    move: int
    screen: int


BUDGETS = {"full colour": Budget(1200, 800, 20_000), "over SSH": Budget(800, 600, 10_000)}
PROFILES: dict[str, dict[str, str]] = {"full colour": {}, "over SSH": SLOW_LINK}
STILL_SECONDS = 3.0

# What is done, the keys, and what is then on the screen. `q` and Esc lead back to where it began.
SCREENS = (
    ("home to lesson", "<enter>", r"\b0%"),
    ("lesson to demo", "<tab><enter>", "First say what will happen"),
    ("prediction to demo", "1", "step 1"),
    ("demo to lesson", "q", "Contents|Outline|page"),
    ("lesson to home", "q", "Continue"),
    ("home to quiz", "z", r"1/1\d"),
    ("quiz to home", "q", "Continue"),
    ("home to search", "/", "words in Chinese or English"),
    ("search to home", "<esc>", "Continue"),
    ("home to models", "m", "Models"),
    ("models to home", "q", "Continue"),
    ("home to settings", ",", "Settings"),
    ("settings to home", "q", "Continue"),
    ("home to help", "?", "Help"),
    ("help to home", "q", "Continue"),
    ("home to commands", "<c-p>", "Commands"),
    ("commands to home", "<esc>", "Continue"),
)


class Traffic(NamedTuple):
    """Bytes, by what was done."""

    keys: dict[str, list[int]]
    moves: list[int]
    screens: dict[str, int]
    steps: list[int]
    still: int


def after(terminal: Terminal, keys: str, pattern: str = "", *, quiet: float = 0.4) -> int:
    """Bytes from `keys` until nothing more comes; `pattern` is then on the screen."""
    before = len(terminal.sent)
    terminal.send(keys)
    if pattern:
        terminal.expect(pattern)
    terminal.settle(quiet)
    return len(terminal.sent) - before


def walk(terminal: Terminal, *, still: float = STILL_SECONDS) -> Traffic:
    """Go through the program, whose first screen is awaited, as a reader does."""
    terminal.expect("Start here")
    terminal.settle(1.0)
    before = len(terminal.sent)
    end = time.perf_counter() + still
    while time.perf_counter() < end:
        terminal.pump(0.05)
    unasked = len(terminal.sent) - before
    moves = [after(terminal, "<down>", quiet=0.15) for _ in range(8)]
    after(terminal, "g")
    screens: dict[str, int] = {}
    steps: list[int] = []
    keys: dict[str, list[int]] = defaultdict(list)
    for name, typed, pattern in SCREENS:
        screens[name] = after(terminal, typed, pattern)
        if name == "prediction to demo":
            steps = [after(terminal, "<space>") for _ in range(6)]
        if name in ("home to search", "home to commands"):
            place = name.removeprefix("home to ")
            keys[place] = [after(terminal, letter) for letter in "token"]
    return Traffic(dict(keys), moves, screens, steps, unasked)


def figures(folder: Path) -> tuple[list[Figure], dict[str, Any]]:
    """The largest of each kind, and all of them by name."""
    found: list[Figure] = []
    details: dict[str, Any] = {}
    for profile, env in PROFILES.items():
        with tutor(folder / profile, "--model", "smollm2-135m", env=env) as terminal:
            traffic = walk(terminal)
        details[profile] = traffic._asdict()
        budget, name = BUDGETS[profile], max(traffic.screens, key=lambda name: traffic.screens[name])
        largest_key = max(size for sizes in traffic.keys.values() for size in sizes)
        found += [
            Figure(f"a key typed, with what it finds, {profile}", largest_key, "bytes", most=budget.key),
            Figure(f"a move in a list, {profile}", max(traffic.moves), "bytes", most=budget.move),
            Figure(
                f"a change of screen, the largest of {len(traffic.screens)} ({name}), {profile}",
                traffic.screens[name],
                "bytes",
                most=budget.screen,
            ),
            Figure(f"a step of a demo, {profile}", max(traffic.steps), "bytes", most=budget.screen),
            Figure(f"sitting still for {STILL_SECONDS:.0f} s, {profile}", traffic.still, "bytes", most=0),
        ]
    return found, details
