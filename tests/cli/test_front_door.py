"""`qwtutor` alone, on a terminal: the screen, or a sentence why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import COMMAND
from tests.terminal import Terminal


@pytest.mark.parametrize(
    ("words", "title"), [(("--lang", "en"), "Text into numbers"), (("--lang=zh",), "文本变成数字")]
)
def test_alone_it_opens_the_screen_in_the_language_asked_for(words: tuple[str, ...], title: str) -> None:
    with Terminal([*COMMAND, *words]) as terminal:
        terminal.expect(title)
        terminal.settle()
        terminal.send("q")
        assert terminal.wait() == 0


def test_a_course_can_be_opened(course: Path) -> None:
    with Terminal([*COMMAND, "--lang", "en", "--course", str(course)]) as terminal:
        terminal.expect("Pairs")
        terminal.settle()
        terminal.send("q")
        assert terminal.wait() == 0


def test_what_stops_it_at_the_start_is_a_sentence_on_an_untouched_terminal(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with Terminal([*COMMAND, "--lang", "en"], env={"QWTUTOR_HOME": str(blocked / "home")}) as terminal:
        assert terminal.wait() == 1
        assert b"Traceback" not in terminal.sent and b"\x1b" not in terminal.sent
        assert terminal.text().strip()


def test_wrong_options_are_wrong_usage_before_any_screen() -> None:
    with Terminal([*COMMAND, "--lang", "fr"]) as terminal:
        assert terminal.wait() == 2
        assert b"\x1b" not in terminal.sent
