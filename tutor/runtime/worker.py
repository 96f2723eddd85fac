"""The model's own process: reads requests from standard input, writes replies where standard output was.

    python -P -m tutor.runtime.worker PARENT

PARENT is the process id of the program that started it; when that ends, so does this. It uses no network and gets
no secrets. What C code prints goes to standard error, which the client points at a log file.
"""

from __future__ import annotations

import ctypes
import gc
import os
import queue
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import BinaryIO

from tutor.domain.errors import ModelFailed, TutorError
from tutor.runtime import protocol
from tutor.runtime.cores import physical_cores

# Lower than the screen's, so that keys are answered while the model generates.
NICENESS = 5
HEARTBEAT_SECONDS = 1.0
PR_SET_PDEATHSIG = 1


class Channel:
    """The pipe back to the client: one message a line, from any thread."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def send(self, *messages: protocol.Reply) -> None:
        data = b"".join(protocol.encode(message) + b"\n" for message in messages)
        with self._lock:
            while data:
                data = data[os.write(self._fd, data) :]


class Inbox:
    """Reads messages in a thread of its own, so that a stop is heard while the model computes."""

    def __init__(self, pipe: BinaryIO, channel: Channel) -> None:
        # Imported here, once the descriptors are in place: loading the library may print.
        from tutor.runtime.llama import AbortFlag

        self.abort = AbortFlag()
        self.requests: queue.SimpleQueue[protocol.Request] = queue.SimpleQueue()
        self._busy = threading.Event()
        self._current = 0
        self._channel = channel
        threading.Thread(target=self._read, args=(pipe,), daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    def done(self) -> None:
        """No request is under way any more."""
        self._busy.clear()

    def _read(self, pipe: BinaryIO) -> None:
        for line in pipe:
            message = protocol.decode_incoming(line)
            if not isinstance(message, protocol.Cancel):
                # The client sends the next request after the last one's answer: nothing is under way now.
                self.abort.clear()
                self._current = message.id
                self._busy.set()
                self.requests.put(message)
            elif message.id == self._current:
                self.abort.set()
        # The client is gone. Nothing here is worth saving, and the main thread may be deep in C.
        os._exit(0)

    def _beat(self) -> None:
        while True:
            self._busy.wait()
            self._channel.send(protocol.Alive())
            threading.Event().wait(HEARTBEAT_SECONDS)


def serve(inbox: Inbox, channel: Channel) -> None:
    """Answer requests, one at a time, for ever."""
    from tutor.runtime.worker_operations import Operations

    operations = Operations(channel.send, inbox.abort, physical_cores())
    while True:
        request = inbox.requests.get()
        try:
            last: protocol.Answer | protocol.Failed = operations.answer(request)
        except TutorError as error:
            last = protocol.failed(request.id, error)
        except Exception as error:  # noqa: BLE001  a mistake of ours in one request must not cost the loaded model
            traceback.print_exc()
            fault = type(error).__name__
            last = protocol.failed(request.id, ModelFailed("The model's process hit a fault ({fault}).", fault=fault))
        inbox.done()
        channel.send(last)


def die_with(parent: int) -> None:
    """Be killed when the thread that started this process ends, even where it leaves its pipes open to others."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(0)


def yield_to_others() -> None:
    """Be the process that gives way: to the screen in time, to everything in memory; and leave no core dumps."""
    if os.name != "posix":
        return
    import resource

    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        Path("/proc/self/oom_score_adj").write_text("500")
    except OSError:
        # Linux alone has it, and a container may forbid it.
        return


def refuse_network(event: str, _arguments: tuple[object, ...]) -> None:
    """An audit hook: this process reads a model file and talks to its parent through pipes, and to nobody else."""
    if event.startswith("socket."):
        raise PermissionError("the model's process has no network")


def main() -> None:
    die_with(int(sys.argv[1]))
    sys.addaudithook(refuse_network)
    # Ctrl+C in a terminal is the client's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield_to_others()
    pipe = os.fdopen(os.dup(0), "rb")
    channel = Channel(os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    inbox = Inbox(pipe, channel)
    # What is loaded by now stays: it need not be looked through again between two tokens.
    gc.freeze()
    serve(inbox, channel)


if __name__ == "__main__":
    main()
