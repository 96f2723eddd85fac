"""A download's progress on standard error: a bar on a terminal, a line now and then where there is none."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from tutor.cli import diagnostics
from tutor.domain.language import tr

if TYPE_CHECKING:
    from rich.progress import Progress

SECONDS_BETWEEN_LINES = 5.0
SECONDS_BETWEEN_UPDATES = 0.1


class Transfer:
    """`report(done, total)` as bytes arrive, in the `with` block."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._first: tuple[float, int] | None = None
        self._last_shown = 0.0
        self._bar: Progress | None = _bar() if sys.stderr.isatty() else None
        self._task = self._bar.add_task("", total=total) if self._bar else None

    def __enter__(self) -> Transfer:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def report(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = (now, done)
        interval = SECONDS_BETWEEN_UPDATES if self._bar else SECONDS_BETWEEN_LINES
        if now - self._last_shown < interval and done < total:
            return
        self._last_shown = now
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)
        else:
            diagnostics.say(self._line(now, done, total))

    def _line(self, now: float, done: int, total: int) -> str:
        assert self._first is not None
        started, offset = self._first
        line = f"{done / 1e6:.0f} / {total / 1e6:.0f} MB ({done / max(total, 1):.0%})"
        speed = (done - offset) / (now - started) if now > started else 0.0
        if speed <= 0:
            return line
        left = int((total - done) / speed)
        return line + tr(", {speed} MB/s, {left} left", speed=f"{speed / 1e6:.1f}", left=f"{left // 60}:{left % 60:02}")


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, markup=False, highlight=False),
        refresh_per_second=5,
    )
