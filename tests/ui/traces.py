"""What a program leaves behind when it ends: the terminal's modes and flags, words on it, processes."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Sequence

import psutil

from tests.terminal import Terminal

PROGRAM = [sys.executable, "-m", "tutor"]
# A shell is the one that has to go on with the terminal: it compares its flags and says how the program ended.
SHELL = """before=$(stty -g); "$@"; status=$?; after=$(stty -g)
[ "$before" = "$after" ] && echo "flags as before" || echo "flags $before became $after"
echo "ended $status"
"""
# Cursor shown, lines wrapped; every other mode that a program sets (another screen, mouse, focus, paste..) is off.
AT_REST = {25: True, 7: True}


def in_shell(*words: str, program: Sequence[str] = PROGRAM) -> list[str]:
    """The command for a Terminal: a shell, and in it the program."""
    return ["bash", "--norc", "-c", SHELL, "bash", *program, *words]


def program_of(terminal: Terminal) -> psutil.Process:
    """The program that the shell in `terminal` runs, or is just starting."""
    while True:
        for process in psutil.Process(terminal.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.cmdline()[:1] == [sys.executable]:
                    return process
        terminal.pump(0.01)


def modes(sent: bytes) -> dict[int, bool]:
    """The private modes that were set or reset, as they stand at last."""
    state: dict[int, bool] = {}
    for numbers, switch in re.findall(rb"\x1b\[\?([\d;]+)([hl])", sent):
        state |= {int(number): switch == b"h" for number in numbers.split(b";")}
    return state


def assert_left_as_found(sent: bytes) -> None:
    """The terminal's modes are those it began with."""
    assert b"\x1b[?1049h" in sent
    wrong = {mode: on for mode, on in modes(sent).items() if on != AT_REST.get(mode, False)}
    assert not wrong, f"left in these modes: {wrong}"
    assert sent.count(b"\x1b[>1u") <= sent.count(b"\x1b[<u")


def words_after(sent: bytes) -> str:
    """What stands on the terminal once the program's own screen is left."""
    left = sent.split(b"\x1b[?1049l")[-1].replace(b"\x1b]22;default\x07", b"")  # the mouse pointer's usual shape
    return re.sub(r"\x1b\[[?<>]?[\d;]*[a-zA-Z]", "", left.decode()).replace("\r\n", "\n").strip()


def family(process: psutil.Process) -> list[psutil.Process]:
    """A program and all its children."""
    return [process, *process.children(recursive=True)]


def assert_gone(processes: Sequence[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(list(processes), timeout=30)
    assert not alive, alive
