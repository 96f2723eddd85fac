"""Streams: no escape sequence where nobody wants one, readers that go away, input that ends, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.cli.program import COMMAND, qwtutor
from tests.terminal import Terminal

ESC = b"\x1b"


@pytest.mark.parametrize(
    "words",
    [
        ("lessons",),
        ("lesson", "tokenizer"),
        ("demo", "tokenizer", "--set", "merges=2"),
        ("models", "list"),
        ("doctor",),
        ("--help",),
        ("progress",),
    ],
)
def test_a_pipe_gets_no_escape_sequence(words: tuple[str, ...]) -> None:
    for lang in ("zh", "en"):
        run = qwtutor(*words, lang=lang)
        assert run.status == 0, run.stderr
        assert "\x1b" not in run.stdout + run.stderr


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_none_gets_no_escape_sequence(environment: dict[str, str]) -> None:
    for words in (("lesson", "tokenizer"), ("demo", "tokenizer", "--set", "merges=1"), ("--help",)):
        with Terminal([*COMMAND, *words], env=environment) as terminal:
            assert terminal.wait() == 0
            assert terminal.sent and ESC not in terminal.sent


def test_a_terminal_gets_colour() -> None:
    with Terminal([*COMMAND, "lesson", "tokenizer"]) as terminal:
        assert terminal.wait() == 0
        assert b"\x1b[" in terminal.sent


@pytest.mark.parametrize("command", ["lessons --json", "lesson tokenizer", "demo tokenizer --json", "--help"])
def test_a_reader_that_has_read_enough_is_no_trouble(command: str) -> None:
    script = f"set -o pipefail; {' '.join(COMMAND)} {command} | head -1 >/dev/null"
    done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_closed_standard_output_is_no_traceback() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(COMMAND)} lessons >&-"], capture_output=True, timeout=60, check=False
    )
    assert b"Traceback" not in done.stderr


def test_a_full_disk_behind_standard_output_is_said() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, "lessons"], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr and done.stderr.count(b"\n") <= 2


def interrupt(process: subprocess.Popen[bytes], number: int, *, after: float) -> tuple[int, bytes]:
    time.sleep(after)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    return process.returncode, errors


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_work_and_the_worker_without_a_word(smollm: Path, number: int, status: int) -> None:
    words = ("decode", "--max-tokens", "4096", "--ignore-eos", "--model", str(smollm), "Once upon a time")
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(1)  # it is decoding now
    children = psutil.Process(process.pid).children(recursive=True)
    returned, errors = interrupt(process, number, after=0.0)
    assert (returned, errors) == (status, b"")
    assert children
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_a_pull_without_a_terminal_says_lines(smollm: Path, tmp_path: Path) -> None:
    run = qwtutor(
        "models", "pull", "smollm2-135m", "--from", str(smollm), "--json", QWTUTOR_MODELS=str(tmp_path / "models")
    )
    assert run.status == 0, run.stderr
    assert run.data["state"] == "installed"
    assert "98" in run.stderr and "\r" not in run.stderr and "\x1b" not in run.stderr
    assert (tmp_path / "models" / smollm.name).stat().st_size == smollm.stat().st_size


def test_a_pull_on_a_terminal_draws_a_bar_and_leaves_the_cursor_shown(smollm: Path, tmp_path: Path) -> None:
    words = ("models", "pull", "smollm2-135m", "--from", str(smollm))
    with Terminal([*COMMAND, *words], env={"QWTUTOR_MODELS": str(tmp_path / "models")}) as terminal:
        assert terminal.wait(timeout=60) == 0
        sent = bytes(terminal.sent)
    assert b"MB" in sent
    assert sent.rfind(b"\x1b[?25h") > sent.rfind(b"\x1b[?25l") > 0


def test_stdin_that_is_closed_ends_a_quiz_well() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(COMMAND)} --lang en quiz tokenizer <&-"],
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ},
    )
    assert b"Traceback" not in done.stderr + done.stdout
