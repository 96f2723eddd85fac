"""A download's progress on standard error: a bar on a terminal, a line now and then where there is none."""

from __future__ import annotations

import signal
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tutor.cli import diagnostics
from tutor.domain.language import tr

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from tutor.runtime.pull import Progress

SECONDS_BETWEEN_LINES = 5.0


class Transfer:
    """`report` as bytes arrive, within the `with` block; there, Ctrl+C makes `stopped` true and the pull end well."""

    def __init__(self, *, bar: bool = True) -> None:
        self._wants_bar = bar and diagnostics.colours()
        self._stopped = False
        self._told = 0
        self._last_line = 0.0
        self._bar: Bar | None = None
        self._interrupt: Any = None

    def stopped(self) -> bool:
        return self._stopped

    def __enter__(self) -> Transfer:
        self._interrupt = signal.signal(signal.SIGINT, self._stop)
        if self._wants_bar:
            self._bar = _bar()
            self._bar.start()
            self._bar.add_task("", total=1, line="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        signal.signal(signal.SIGINT, self._interrupt)

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopped = True

    def report(self, progress: Progress) -> None:
        for tried in progress.tried[self._told :]:
            self._say(str(tried))
        self._told = len(progress.tried)
        if self._bar:
            self._bar.update(
                self._bar.task_ids[0], completed=progress.received, total=progress.total, line=line(progress)
            )
            return
        now = time.monotonic()
        if now - self._last_line >= SECONDS_BETWEEN_LINES or progress.received >= progress.total:
            self._last_line = now
            diagnostics.say(line(progress))

    def _say(self, sentence: str) -> None:
        if self._bar:
            self._bar.console.print(sentence)
        else:
            diagnostics.say(sentence)


def line(progress: Progress) -> str:
    """How far it is in words: bytes, share, speed, time left, source."""
    done = f"{progress.received / 1e6:.0f} / {progress.total / 1e6:.0f} MB"
    if progress.total:
        done += f" ({progress.received / progress.total:.0%})"
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        speed = f"{progress.bytes_per_second / 1e6:.1f}"
        done += tr(", {speed} MB/s, {left} left", speed=speed, left=f"{minutes}:{seconds:02}")
    return f"{done} ({progress.source})"


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=20), TextColumn("{task.fields[line]}", markup=False))
    console = Console(file=sys.stderr, markup=False, highlight=False)
    return Progress(*columns, console=console, refresh_per_second=5)
