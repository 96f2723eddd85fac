"""The tokenizer lab with 100 kB of text: to ids, from the paste to the screen, and a key typed behind it."""

from __future__ import annotations

import os
import re
import statistics
import time
from pathlib import Path
from typing import Any

from bench.programs import tutor
from bench.report import Figure, tell
from tests.terminal import Terminal
from tutor import places
from tutor.runtime.tokenizers import BUNDLED, NAMES, cut

SIZE, ROUNDS, KEYS = 100_000, 5, 30
IDS, SCREEN, KEY = 50.0, 150.0, 50.0  # milliseconds at most


def text(size: int = SIZE) -> str:
    """So many bytes of the lessons' text in both languages, on one line."""
    corpus = (places.shipped("models") / "corpus.txt").read_text(encoding="utf-8").replace("\n", " ")
    return (corpus * (1 + size // len(corpus))).encode()[:size].decode("utf-8", "ignore")


def to_ids(pasted: str) -> dict[str, float]:
    """Milliseconds for each tokenizer but the model's own; the vocabularies are loaded."""
    times = {}
    for name in NAMES:
        if name != "model":
            cut(name, "")
            times[name] = 1000 * statistics.median(_seconds(name, pasted) for _ in range(ROUNDS))
    return times


def _seconds(name: str, pasted: str) -> float:
    begun = time.perf_counter()
    cut(name, pasted)
    return time.perf_counter() - begun


def open_lab(terminal: Terminal) -> None:
    terminal.expect("qwtutor")
    terminal.settle(0.5)
    terminal.send("T")
    terminal.expect("Tokenizer lab")
    terminal.settle(1.0)


def paste(terminal: Terminal, pasted: str) -> float:
    """Paste as a terminal does, taking what the program writes meanwhile; the moment it began."""
    data = f"\x1b[200~{pasted}\x1b[201~".replace("\n", "\r").encode()
    begun = time.perf_counter()
    os.set_blocking(terminal.fd, False)
    try:
        while data:
            try:
                data = data[os.write(terminal.fd, data) :]
            except BlockingIOError:
                terminal.pump(0.001)
    finally:
        os.set_blocking(terminal.fd, True)
    return begun


def _key(terminal: Terminal, key: str) -> float:
    """Milliseconds until the key is answered, while what was typed before it may still be counted."""
    before, begun = len(terminal.sent), time.perf_counter()
    terminal.send(key)
    while len(terminal.sent) == before:
        terminal.pump(0.01)
    answered = time.perf_counter() - begun
    terminal.pump(0.1)
    return 1000 * answered


def measure(folder: Path) -> tuple[list[Figure], dict[str, Any]]:
    pasted = text()
    ids = to_ids(pasted)
    screens, keys = [], []
    tokens = f"{len(cut('cl100k_base', pasted)):,}"
    with tutor(folder / "tokens", "--lang", "en") as terminal:
        open_lab(terminal)
        for number in range(ROUNDS):
            tell(f"pasting 100 kB: round {number + 1} of {ROUNDS}")
            begun = paste(terminal, pasted)
            while not re.search(rf"token [\d,]+/{tokens}", terminal.text()):
                terminal.pump(0.01)
            screens.append(1000 * (time.perf_counter() - begun))
            terminal.settle(1.5)
            keys += [_key(terminal, "x") for _ in range(KEYS // ROUNDS)]
            terminal.settle(1.5)
            terminal.send("<c-u>")
            terminal.settle(1.0)
    return [
        Figure("100 kB to ids, the three byte-level vocabularies", sum(ids[name] for name in BUNDLED), "ms", most=IDS),
        Figure("100 kB pasted, until its tokens are on the screen", statistics.median(screens), "ms", most=SCREEN),
        Figure("a key typed behind 100 kB", statistics.median(keys), "ms", most=KEY),
    ], {"to ids, ms": ids, "pastes, ms": screens, "keys, ms": keys}
