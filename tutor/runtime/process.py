"""The worker as its client sees it: a process that is started, spoken to, watched, and ended."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO

import tutor
from tutor.domain.errors import Cancelled, ModelFailed, TutorError
from tutor.domain.language import both
from tutor.runtime import protocol

# The worker says every second that it lives: so many seconds of silence mean that it is stuck.
SILENCE_SECONDS = 5
# While loading, so many seconds without progress: a slow disk or network folder reads on.
LOAD_SECONDS = 120
CLOSE_SECONDS = 2.0
# Nothing else of the environment crosses: keys and tokens have no business there.
PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "WINDIR", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "HIP_PATH", "HIP_VISIBLE_DEVICES",
)  # fmt: skip

OnProgress = Callable[[str, float], None]


class Exchange:
    """One request and the replies to it, read by the caller's thread, written by the process's reader.

    `on_end` is called once, when the worker is free again: from the reader's thread, or where the worker is dead.
    """

    def __init__(self, request: protocol.Request, on_end: Callable[[], None] = lambda: None) -> None:
        self.request = request
        self.on_end = on_end
        self.replies: queue.SimpleQueue[protocol.Answer | protocol.Item | TutorError] = queue.SimpleQueue()
        self.cancelled = False

    def next(self) -> protocol.Answer | protocol.Item:
        """The next reply, waited for. Raises the error that ended the request, or Cancelled."""
        reply = self.replies.get()
        if self.cancelled:
            raise Cancelled("Stopped.")
        if isinstance(reply, TutorError):
            raise reply
        return reply


class WorkerProcess:
    """A running worker.

    Once it has ended by itself, `death` says how and `died_at` when (seconds of time.monotonic).
    """

    def __init__(self, log: Path, on_progress: OnProgress | None) -> None:
        self.death: TutorError | None = None
        self.died_at = 0.0
        self._log = log
        self._on_progress = on_progress
        self._process: subprocess.Popen[bytes]
        self._exchange: Exchange | None = None
        self._silent_seconds = 0
        self._still_loading = 0
        self._stuck = False
        self._closing = False
        self._ended = threading.Event()
        # Reentrant: the collector may close an abandoned stream, which sends a Cancel, in the middle of a write.
        self._writing = threading.RLock()
        self._ending = threading.Lock()
        started: queue.SimpleQueue[OSError | None] = queue.SimpleQueue()
        # The worker is killed when the thread that started it ends (Linux counts threads there), so the
        # thread that reads from it starts it.
        self._reader = threading.Thread(target=self._run, args=(started,), name="model-reader", daemon=True)
        self._reader.start()
        if failure := started.get():
            raise ModelFailed("The model's process cannot be started: {reason}.", reason=str(failure.strerror))
        threading.Thread(target=self._watch, name="model-watch", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def send(self, exchange: Exchange) -> None:
        """Begin `exchange`. Only when no other is under way."""
        self._exchange = exchange
        self._silent_seconds = self._still_loading = 0
        if self._ended.is_set():
            self._finish(exchange, self.death or ModelFailed("The model is closed."))
            return
        self._write(exchange.request)

    def cancel(self, exchange: Exchange) -> None:
        """Stop `exchange` if it is still under way; its caller need not wait for the worker to agree."""
        if self._exchange is not exchange:
            return
        exchange.cancelled = True
        exchange.replies.put(Cancelled("Stopped."))
        self._write(protocol.Cancel(exchange.request.id))

    def close(self) -> None:
        """End the process; returns when it is gone."""
        self._closing = True
        with self._writing:
            _close(self._process.stdin)
        if not self._ended.wait(CLOSE_SECONDS):
            self._process.kill()
        self._reader.join()

    def _run(self, started: queue.SimpleQueue[OSError | None]) -> None:
        try:
            self._process = _start(self._log)
        except OSError as error:
            started.put(error)
            return
        started.put(None)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._silent_seconds = 0
            self._hear(line)
        self._process.stdout.close()
        self._process.wait()
        with self._writing:
            _close(self._process.stdin)
        if not self._closing:
            self.death, self.died_at = self._obituary(), time.monotonic()
        self._ended.set()
        if self._exchange is not None:
            self._finish(self._exchange, self.death or Cancelled("Stopped."))

    def _hear(self, line: bytes) -> None:
        try:
            message = protocol.decode_reply(line)
        except ValueError:
            # Not one of ours: something damaged the worker, which can't be trusted any more.
            self._process.kill()
            return
        exchange = self._exchange
        if isinstance(message, protocol.Alive) or exchange is None or message.id != exchange.request.id:
            return
        if isinstance(message, protocol.Progress):
            self._still_loading = 0
            self._tell(message)
        elif isinstance(message, protocol.Item):
            exchange.replies.put(message)
        else:
            self._finish(exchange, protocol.error(message) if isinstance(message, protocol.Failed) else message)

    def _tell(self, message: protocol.Progress) -> None:
        if self._on_progress is None:
            return
        try:
            self._on_progress(message.phase, message.fraction)
        except Exception:  # noqa: BLE001  a listener's mistake must not stop the thread that every caller waits on
            with self._log.open("a") as log:
                traceback.print_exc(file=log)

    def _finish(self, exchange: Exchange, last: protocol.Answer | TutorError) -> None:
        with self._ending:
            # Both the reader, at the end of the process, and `send` may come to this.
            if self._exchange is not exchange:
                return
            self._exchange = None
        exchange.replies.put(last)
        exchange.on_end()

    def _watch(self) -> None:
        # Seconds are counted here rather than read from a clock: after Ctrl+Z and `fg` only one has passed.
        while not self._ended.wait(1.0):
            exchange = self._exchange
            if exchange is None:
                continue
            self._silent_seconds += 1
            self._still_loading += isinstance(exchange.request, protocol.Load)
            if self._silent_seconds > SILENCE_SECONDS or self._still_loading > LOAD_SECONDS:
                self._stuck = True
                self._process.kill()

    def _write(self, message: protocol.Incoming) -> None:
        data = protocol.encode(message) + b"\n"
        assert self._process.stdin is not None
        with self._writing:
            try:
                self._process.stdin.write(data)
                self._process.stdin.flush()
            except (OSError, ValueError):
                # The process is gone; its reader finds that out and says so to whoever waits.
                return

    def _obituary(self) -> TutorError:
        code = self._process.returncode
        if self._stuck:
            reason: object = both("it gave no sign of life for {seconds} s", seconds=SILENCE_SECONDS)
        elif code < 0:
            reason = signal.Signals(-code).name if -code in signal.Signals._value2member_map_ else -code
        else:
            reason = both("exit status {code}", code=code)
        return ModelFailed(
            "The model's process has ended ({reason}).",
            hint="The next request starts it again; everything else goes on.",
            reason=reason,
        )


def _start(log: Path) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # -P keeps the working directory, which may hold anything, out of the import path.
    environment["PYTHONPATH"] = str(Path(tutor.__file__).parent.parent)
    # numpy's own threads would wait in the way of llama.cpp's.
    environment["OPENBLAS_NUM_THREADS"] = "1"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stderr:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "tutor.runtime.worker", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment,
            # A group of its own: keys like Ctrl+C reach the program, which decides. Not a session of its own:
            # Linux weighs niceness only within one.
            process_group=0 if os.name == "posix" else None,
        )


def _close(pipe: IO[bytes] | None) -> None:
    try:
        if pipe is not None:
            pipe.close()
    except OSError:
        # What was still buffered for a process that is gone.
        return
