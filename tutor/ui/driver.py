"""Textual's driver, for a terminal that may go away while the program runs."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from codecs import getincrementaldecoder
from typing import IO, Any

from textual._time import get_time
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

LOOK_UP = 0.1  # seconds, at most, until the input thread sees that it is to end


class TerminalDriver(LinuxDriver):
    """Calls the application's `terminal_gone` when the terminal hangs up, and writes to one that is gone into nothing.

    A closed terminal that sends no SIGHUP (a container, another session's terminal) would else leave Textual's input
    thread reading ends of file without a pause, and its output thread dead with the queue full: the program would stay.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._file: Any = _Lasting(self._file)
        threading.Thread(target=self._await_hangup, name="hangup", daemon=True).start()

    def _disable_mouse_support(self) -> None:
        super()._disable_mouse_support()
        if self._mouse_pixels:
            # Textual asks kitty and its kin for places in pixels and leaves them so for whatever runs next.
            self.write("\x1b[?1016l")

    def run_input_thread(self) -> None:
        """Textual's, but for how long it waits for the rest of a sequence.

        Textual looks every 100 ms whether an escape byte has remained alone, so that an Escape key is heard after as much
        or more, whatever ESCDELAY says.
        """
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        ending = False
        while not ending:
            ending = self.exit_event.is_set()  # then once more: what the terminal still answers is not for the shell
            ready, _, _ = select.select([self.fileno], [], [], _patience(parser))
            if ready and not (data := os.read(self.fileno, 4096)):
                return  # hung up
            # What came is taken first: it may have come in time, and this thread late.
            for message in parser.feed(text) if ready and (text := decode(data)) else ():
                self.process_message(message)
            for message in parser.tick():
                self.process_message(message)

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:
            self._app.call_later(self._app.terminal_gone)  # type: ignore[attr-defined]
        except Exception as error:  # noqa: BLE001 - a thread's error goes to the application, as a handler's would
            self._app.call_later(self._app._handle_exception, error)

    def _await_hangup(self) -> None:
        poll = select.poll()
        poll.register(self.fileno, 0)  # asks for nothing: hanging up is always reported
        if any(event & select.POLLHUP for _, event in poll.poll()):
            self._app.call_later(self._app.terminal_gone)  # type: ignore[attr-defined]


def _patience(parser: XTermParser) -> float:
    """Seconds until a sequence that has begun counts as ended, or until the next look."""
    due = parser._timeout_time
    return LOOK_UP if due is None else max(0.0, min(LOOK_UP, due - get_time()))


class _Lasting:
    """A stream whose terminal may be gone: then what is written is lost, and nobody is told."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()
