"""The program in a real terminal, with a home folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.terminal import Terminal

Start = Callable[..., Terminal]


@pytest.fixture
def start() -> Iterator[Start]:
    """start("--lang", "en", size=(80, 24), env={}) opens the program; all are closed when the test ends."""
    with ExitStack() as stack:

        def begin(*words: str, size: tuple[int, int] = (80, 24), env: dict[str, str] | None = None) -> Terminal:
            command = [sys.executable, "-m", "tutor", *words]
            return stack.enter_context(Terminal(command, size=size, env=env))

        yield begin
