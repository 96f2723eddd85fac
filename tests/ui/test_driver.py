"""How the bytes of a terminal become keys."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from types import SimpleNamespace
from typing import Any

import pytest
from textual.events import Key
from textual.message import Message

from tutor.ui import driver
from tutor.ui.driver import TerminalDriver


class Listening(TerminalDriver):
    """The input thread alone, on a pipe."""

    def __init__(self, fileno: int) -> None:
        self.fileno = fileno
        self.exit_event = threading.Event()
        self._app: Any = SimpleNamespace()
        self._debug = False
        self.heard: Queue[str] = Queue()

    def process_message(self, message: Message) -> None:
        assert isinstance(message, Key)
        self.heard.put(message.key)


@contextmanager
def listening() -> Iterator[tuple[Listening, int]]:
    ours, theirs = os.pipe()
    driver = Listening(ours)
    thread = threading.Thread(target=driver.run_input_thread)
    thread.start()
    try:
        yield driver, theirs
    finally:
        driver.exit_event.set()
        os.close(theirs)
        thread.join()
        os.close(ours)


def test_an_escape_key_is_heard_when_its_sequence_cannot_go_on_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "LOOK_UP", 3600.0)  # it does not wait for the next look
    with listening() as (ours, theirs):
        os.write(theirs, b"\x1b")
        assert ours.heard.get(timeout=60) == "escape"
        os.write(theirs, "好\x1b[A".encode())
        assert [ours.heard.get(timeout=60) for _ in range(2)] == ["好", "up"]


def test_a_character_or_a_sequence_in_pieces_is_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textual.constants.ESCAPE_DELAY", 3600.0)
    with listening() as (ours, theirs):
        for byte in "\x1b[1;5B好\x1b[A".encode():
            os.write(theirs, bytes([byte]))
        assert [ours.heard.get(timeout=60) for _ in range(3)] == ["ctrl+down", "好", "up"]
    assert ours.heard.empty()


def test_bytes_that_are_no_text_end_nothing() -> None:
    with listening() as (ours, theirs):
        os.write(theirs, b"\xff\xc3(q")
        assert [ours.heard.get(timeout=60) for _ in range(4)][2:] == ["left_parenthesis", "q"]
