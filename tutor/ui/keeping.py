"""What is kept without anybody waiting for the disk: of what is still to be written under a key only the latest is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tutor.store.progress import Progress


class Keeping:
    """Writes through `later`, which gives work to the one thread that writes, in order."""

    def __init__(self, progress: Progress, later: Callable[[Callable[[Progress], object]], None]) -> None:
        self._progress, self._later = progress, later
        self._lock = threading.Lock()
        self._unwritten: dict[str, Any] = {}

    def keep(self, key: str, value: Any) -> None:
        """Keep JSON data under `key` soon; it must not be changed afterwards. None forgets it."""
        with self._lock:
            self._unwritten[key] = value
        self._later(lambda progress: self._write(progress, key, value))

    def kept(self, key: str) -> Any:
        """What is kept under `key`, whether or not it has been written yet."""
        with self._lock:
            if key in self._unwritten:
                return self._unwritten[key]
        return self._progress.kept(key)

    def _write(self, progress: Progress, key: str, value: Any) -> None:
        # Where the disk is slow, an answer need not wait behind every stage of its draft.
        if self._is_latest(key, value):
            try:
                progress.keep(key, value)
            finally:
                with self._lock:
                    if self._unwritten.get(key) is value:
                        self._unwritten.pop(key, None)

    def _is_latest(self, key: str, value: Any) -> bool:
        with self._lock:
            return key in self._unwritten and self._unwritten[key] is value
