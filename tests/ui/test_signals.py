"""However the program ends, in whatever it is doing: the terminal as it was, a word at most, nothing behind, nothing lost."""

from __future__ import annotations

import os
import pty
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.content.samples import make_course
from tests.runtime.model_server import ModelServer, Trick
from tests.soak import count
from tests.terminal import Terminal
from tests.ui.traces import assert_gone, assert_left_as_found, family, in_shell, program_of, words_after
from tutor import places
from tutor.content.library import Library
from tutor.runtime import catalogue
from tutor.store.progress import Progress

MODEL = "smollm2-135m"


@contextmanager
def in_a_quiz() -> Iterator[Terminal]:
    """One answer given and shown as saved, another being typed or chosen."""
    with Terminal(in_shell("--lang", "en")) as terminal:
        terminal.expect("Start here")
        terminal.send("z")
        terminal.expect("1/12")
        terminal.send("1")
        terminal.expect("saved")
        terminal.send("<enter>")
        terminal.expect(r"2/1[23]")
        yield terminal


@contextmanager
def in_a_step() -> Iterator[Terminal]:
    """The model's process is stopped in the middle of a step, which therefore never ends."""
    with Terminal(in_shell("--lang", "en", "--model", MODEL)) as terminal:
        terminal.expect("Start here")
        open_demo(terminal)
        (worker,) = program_of(terminal).children()
        worker.suspend()
        terminal.send("<space>" * 3)
        yield terminal


@contextmanager
def while_generating() -> Iterator[Terminal]:
    with Terminal(in_shell("--lang", "en", "--model", MODEL)) as terminal:
        terminal.expect("Start here")
        open_demo(terminal)
        terminal.send("p")
        terminal.expect("step 2")
        yield terminal


@contextmanager
def in_a_download(tmp_path: Path) -> Iterator[Terminal]:
    """Some megabytes have come; the server has fallen silent."""
    entry = catalogue.entry("qwen3-0.6b")
    source = next(source for source in entry.sources if source.kind == "huggingface")
    with ModelServer() as server:
        path = f"/{source.repo}/resolve/{source.revision}/{source.file}"
        server.files[path] = b"GGUF" + bytes(8_000_000)
        server.always[path] = Trick(claim=entry.bytes)
        server.hold_at = 4_000_000
        environment = {"QWTUTOR_MODELS": str(tmp_path / "models"), "HF_ENDPOINT": server.url}
        with Terminal(in_shell("--lang", "en"), env=environment) as terminal:
            terminal.expect("Start here")
            terminal.send("m")
            terminal.expect(entry.name)
            while f">   {entry.name}" not in terminal.text():
                terminal.send("j")
                terminal.settle(0.1)
            terminal.send("f")
            terminal.expect(r"[34]/639 MB")
            yield terminal


def open_demo(terminal: Terminal, name: str = "decoding") -> None:
    terminal.send("<c-p>")
    terminal.expect("Commands")
    terminal.send(f"demo {name}")
    terminal.expect(rf"> Demo {name}")
    terminal.send("<enter>")
    terminal.expect("step 1")
    terminal.settle()


SITUATIONS = ["quiz", "step", "generating", "download"]


@contextmanager
def situation(name: str, tmp_path: Path) -> Iterator[Terminal]:
    opened = {"quiz": in_a_quiz, "step": in_a_step, "generating": while_generating}
    with opened[name]() if name in opened else in_a_download(tmp_path) as terminal:
        yield terminal


def by_signal(number: signal.Signals) -> Callable[[Terminal], None]:
    return lambda terminal: program_of(terminal).send_signal(number)


ENDINGS: dict[str, tuple[Callable[[Terminal], None], int]] = {
    "SIGTERM": (by_signal(signal.SIGTERM), 143),
    "SIGHUP": (by_signal(signal.SIGHUP), 129),
    "SIGINT": (by_signal(signal.SIGINT), 130),
    "ctrl-c": (lambda terminal: terminal.send("<c-c>"), 0),
    "ctrl-q": (lambda terminal: terminal.send("<c-q>"), 0),
}


def all_sent(terminal: Terminal) -> bytes:
    """Everything the program and the shell around it wrote, once both have ended."""
    assert terminal.wait(timeout=60) == 0
    while terminal.pump(0.1):
        pass
    return bytes(terminal.sent)


def answers() -> int:
    with Progress.open() as progress:
        assert not progress.notice
        return sum(lesson.answered for lesson in progress.lesson_progress().values())


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", SITUATIONS)
def test_the_end_leaves_nothing_behind(name: str, ending: str, tmp_path: Path) -> None:
    end, status = ENDINGS[ending]
    with situation(name, tmp_path) as terminal:
        processes = family(program_of(terminal))
        end(terminal)
        sent = all_sent(terminal)
    assert words_after(sent) == f"flags as before\nended {status}"
    assert_left_as_found(sent)
    assert_gone(processes)
    assert answers() == (name == "quiz")


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_closed_terminal_ends_everything(name: str, tmp_path: Path) -> None:
    with situation(name, tmp_path) as terminal:
        processes = [*family(program_of(terminal)), psutil.Process(terminal.pid)]
        os.close(terminal.fd)
        terminal.fd = os.open(os.devnull, os.O_RDWR)
        terminal.reap(block=True)
        assert_gone(processes)
    assert answers() == (name == "quiz")


# Neither the session's own terminal nor told of its end: a container's `exec`, another session's terminal.
WITHOUT_HANGUP = """
import os, signal, sys
os.setsid()
signal.signal(signal.SIGHUP, signal.SIG_IGN)
sys.argv = ["qwtutor", "--lang", "en"]
import runpy
runpy.run_module("tutor", run_name="__main__")
"""


def test_a_terminal_that_closes_without_a_signal_ends_everything() -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", WITHOUT_HANGUP], stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    sent = b""
    while b"Start here" not in sent:
        sent += os.read(master, 65536)
    os.close(master)
    assert process.wait(timeout=60) == 129


FAULTY = """
import sys
from tutor.cli import diagnostics
from tutor.domain.language import set_language
from tutor.ui.app import TutorApp
from tutor.ui import app as module, start
class Faulty(TutorApp):
    BINDINGS = [("f9", "fail", ""), ("f10", "fail_later", "")]
    def action_fail(self):
        secret = "what a variable holds"
        raise ValueError("[red]a mistake\x1b]52;c;eA==\x07")
    def action_fail_later(self):
        self.call_later(self.action_fail)
module.TutorApp = Faulty
set_language("en")
sys.exit(diagnostics.guarded(lambda: start.run(language="en", model="smollm2-135m")))
"""


@pytest.mark.parametrize("key", ["\x1b[20~", "\x1b[21~"], ids=["in an action", "in a callback"])
def test_a_mistake_in_the_program_is_a_sentence_on_a_sound_terminal(key: str) -> None:
    with Terminal(in_shell(program=[sys.executable, "-c", FAULTY])) as terminal:
        terminal.expect("Start here")
        open_demo(terminal)
        processes = family(program_of(terminal))
        assert len(processes) == 2, "the program and its model"
        terminal.send(key)
        sent = all_sent(terminal)
    said = words_after(sent).splitlines()
    assert said[-2:] == ["flags as before", "ended 1"]
    log = places.home() / "log" / "errors.txt"
    assert " ".join(said[:-2]).replace(" ", "") == (
        f"Something went wrong that should not have (ValueError). The details are in {log}.".replace(" ", "")
    )
    assert b"Traceback" not in sent and b"what a variable holds" not in sent and b"\x1b]52" not in sent
    assert "action_fail" in log.read_text()
    assert_left_as_found(sent)
    assert_gone(processes)


def test_ended_at_any_moment_of_its_start_the_terminal_is_sound() -> None:
    chance = random.Random(11)
    for _ in range(count(60)):
        with Terminal(in_shell("--lang", "en")) as terminal:
            process = program_of(terminal)
            while b"\x1b[?1049h" not in terminal.sent:
                terminal.pump(0.001)
            moment = time.monotonic() + chance.uniform(0.0, 0.3)
            while time.monotonic() < moment:
                terminal.pump(0.001)
            process.send_signal(chance.choice([signal.SIGTERM, signal.SIGHUP, signal.SIGINT]))
            sent = all_sent(terminal)
        assert re.fullmatch(r"flags as before\nended (143|129|130)", words_after(sent)), words_after(sent)
        assert_left_as_found(sent)


def test_modes_that_only_some_terminals_have_are_off_again() -> None:
    with Terminal(in_shell("--lang", "en")) as terminal:
        # As kitty, foot and Ghostty answer: sizes in band, synchronized output.
        terminal.expect("Start here")
        terminal.send("\x1b[?2048;2$y\x1b[?2026;2$y")
        terminal.settle()
        assert b"\x1b[?2048h" in terminal.sent
        terminal.send("jjj")
        terminal.settle()
        terminal.send("q")
        sent = all_sent(terminal)
    assert_left_as_found(sent)


def test_leaving_does_not_wait_until_every_lesson_has_been_read(tmp_path: Path) -> None:
    lesson = (places.shipped("lessons") / "02-tokenizer.yaml").read_text(encoding="utf-8")
    for number in range(1000, 1300):
        own = lesson.replace("number: 2\n", f"number: {number}\n").replace("slug: tokenizer\n", f"slug: t{number}\n")
        make_course(tmp_path, own, None, f"{number}-t{number}.yaml")
    with Terminal(in_shell("--lang", "en", "--course", str(tmp_path))) as terminal:
        terminal.expect("lessons written")
        terminal.send("q")
        sent = all_sent(terminal)
    assert words_after(sent) == "flags as before\nended 0"
    library = Library(tmp_path, cache=places.cache())
    assert any(entry.stale for entry in library.entries())
