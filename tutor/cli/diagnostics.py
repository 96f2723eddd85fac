"""The one owner of standard error and of exit statuses: 0 done, 1 the work failed, 2 wrong usage."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TextIO

from tutor.domain.errors import Cancelled, TutorError
from tutor.domain.language import tr
from tutor.domain.plaintext import clean
from tutor.places import home

DONE, FAILED, WRONG_USAGE = 0, 1, 2
INTERRUPTED = 130
LOG_LIMIT = 1_000_000
"""Bytes after which the log starts over."""


def say(text: str) -> None:
    """A line for the person, beside the work."""
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()


def colours() -> bool:
    """Whether escape sequences may be written to standard error: a terminal, and neither NO_COLOR nor a dumb one."""
    return wants_colours(sys.stderr)


def wants_colours(stream: TextIO) -> bool:
    dumb = os.environ.get("TERM", "") in ("", "dumb") and os.name != "nt"
    return stream.isatty() and not os.environ.get("NO_COLOR") and not dumb


def fail(error: TutorError) -> int:
    """Say the sentence and the hint; return the exit status."""
    say(error.message)
    if error.hint:
        say(error.hint)
    return error.exit_status


def guarded(work: Callable[[], int]) -> int:
    """Run `work` and return an exit status, whatever happens: nobody sees a traceback.

    SIGTERM and SIGHUP unwind like an exception, so that what is open is closed (a hidden cursor, a worker).
    """
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _unwind)
    try:
        status = work()
        sys.stdout.flush()
    except TutorError as error:
        return INTERRUPTED if isinstance(error, Cancelled) else fail(error)
    except (KeyboardInterrupt, EOFError):
        if sys.stdin.isatty() and sys.stdout.isatty():
            sys.stdout.write("\n")  # the shell's prompt begins on a line of its own
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has read enough (`| head`). The interpreter would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:  # noqa: BLE001 - whatever it is, a person gets a sentence, the log gets the traceback
        return _unexpected(error)
    return status


def _unwind(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _unexpected(error: Exception) -> int:
    path = _log(error)
    kind = type(error).__name__
    if path:
        say(tr("Something went wrong that should not have ({kind}). The details are in {path}.", kind=kind, path=path))
    else:
        say(tr("Something went wrong that should not have: {kind}: {error}", kind=kind, error=error))
    return FAILED


def _log(error: Exception) -> Path | None:
    """Write the traceback to the log in the data folder; None where that cannot be written."""
    path = home() / "log" / "errors.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = "w" if path.exists() and path.stat().st_size > LOG_LIMIT else "a"
        with path.open(mode, encoding="utf-8", errors="backslashreplace") as log:
            log.write("".join(traceback.format_exception(error)) + "\n")
    except OSError:
        return None
    return path
