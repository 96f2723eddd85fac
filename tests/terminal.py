"""A real pseudo-terminal with a program in it: keys in, screen and raw bytes out. For tests, measurements, pictures."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

import pyte

KEYS = {
    "enter": "\r",
    "tab": "\t",
    "esc": "\x1b",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "space": " ",
    "pgup": "\x1b[5~",
    "pgdn": "\x1b[6~",
    "bs": "\x7f",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "s-tab": "\x1b[Z",
}
# Private sequences that pyte would print: kitty keys, synchronized output, mode reports.
_PRIVATE = re.compile(rb"\x1b\[[<>=?][0-9;]*[uhlp$]+")


def keys(text: str) -> bytes:
    """`text` with <enter>, <c-p> and the like as the bytes a terminal sends."""

    def one(match: re.Match[str]) -> str:
        name = match.group(1).lower()
        if name.startswith("c-") and len(name) == 3:
            return chr(ord(name[2]) & 0x1F)
        return KEYS.get(name, match.group(0))

    return re.sub(r"<([a-zA-Z-]+)>", one, text).encode()


class Terminal:
    """Runs `command` until closed. `sent` holds every byte the program wrote."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        size: tuple[int, int] = (80, 24),
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        self.columns, self.rows = size
        self.screen = pyte.Screen(*size)
        self.stream = pyte.ByteStream(self.screen)
        self.sent = bytearray()
        self.status: int | None = None
        self.last_write = self.started = time.perf_counter()
        environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **os.environ, **(env or {})}
        for name in ("SSH_CONNECTION", "NO_COLOR", "TMUX", "COLUMNS", "LINES"):
            if name not in (env or {}):
                environment.pop(name, None)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if cwd is not None:
                os.chdir(cwd)
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
                os.execvpe(command[0], list(command), environment)
            finally:
                os._exit(127)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def resize(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def pump(self, seconds: float) -> bool:
        """Take what the program writes for at most `seconds`; whether anything came."""
        ready, _, _ = select.select([self.fd], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            self.reap(block=True)
            return False
        self.sent += data
        self.last_write = time.perf_counter()
        if b"\x1b[6n" in data:
            os.write(self.fd, b"\x1b[1;1R")
        if b"\x1b[c" in data:
            os.write(self.fd, b"\x1b[?62;c")
        self.stream.feed(_PRIVATE.sub(_keep_modes, data))
        return True

    def reap(self, *, block: bool = False) -> None:
        if self.status is None:
            pid, status = os.waitpid(self.pid, 0 if block else os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)

    def send(self, text: str) -> None:
        os.write(self.fd, keys(text))

    def text(self) -> str:
        """The screen as it stands, trailing spaces off."""
        rows = ("".join(self.screen.buffer[y][x].data for x in range(self.columns)) for y in range(self.rows))
        return "\n".join(row.rstrip() for row in rows)

    def expect(self, pattern: str, *, timeout: float = 30.0, gone: bool = False) -> str:
        """Wait until the screen matches (or, `gone`, no longer does). Fails with the screen's text."""
        found, end = re.compile(pattern, re.S), time.perf_counter() + timeout
        while bool(found.search(self.text())) == gone:
            if time.perf_counter() > end or self.status is not None:
                raise AssertionError(f"{'still' if gone else 'no'} {pattern!r} on screen:\n{self.text()}")
            self.pump(0.05)
        return self.text()

    def settle(self, quiet: float = 0.25, *, timeout: float = 15.0) -> None:
        """Wait until nothing was written for `quiet` seconds."""
        start = time.perf_counter()
        while self.status is None and time.perf_counter() - start < timeout:
            if time.perf_counter() - max(self.last_write, start) >= quiet:
                return
            self.pump(0.02)

    def wait(self, *, timeout: float = 15.0) -> int:
        """Wait for the program to end; its exit status (negative: the signal that ended it)."""
        end = time.perf_counter() + timeout
        while self.status is None and time.perf_counter() < end:
            self.pump(0.05)
            self.reap()
        assert self.status is not None, f"still running:\n{self.text()}"
        return self.status

    def close(self) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.reap(block=True)
        os.close(self.fd)


def _keep_modes(match: re.Match[bytes]) -> bytes:
    sequence = match.group(0)
    return sequence if sequence[2:3] == b"?" and sequence[-1:] in b"hl" else b""
