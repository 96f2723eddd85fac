"""The two programs that are compared, started in a real terminal, each with a home folder of its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.terminal import Terminal

BARE = [sys.executable, "-m", "bench.bare_app"]
TUTOR = [sys.executable, "-m", "tutor", "--lang", "en"]
# The last line of each first screen: when it is there, all of it is.
BARE_STANDS, TUTOR_STANDS = "Row 22", " Help"
SLOW_LINK = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}
ROOT = Path(__file__).parent.parent
MODELS = Path(os.environ.get("QWTUTOR_MODELS") or ROOT / ".cache" / "models")


@contextmanager
def as_installed(folder: Path) -> Iterator[None]:
    """Programs started within find every Python file compiled, as after an installation, and no home but their own."""
    before = dict(os.environ)
    for name in ("PYTHONDONTWRITEBYTECODE", "QWTUTOR_HOME", "XDG_DATA_HOME"):
        os.environ.pop(name, None)
    os.environ.update(
        PYTHONPYCACHEPREFIX=str(folder / "compiled"),
        HOME=str(folder / "home"),
        QWTUTOR_MODELS=str(MODELS),
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def bare(env: dict[str, str] | None = None) -> Terminal:
    return Terminal(BARE, env=env, cwd=str(ROOT))


def tutor(home: Path, *words: str, size: tuple[int, int] = (80, 24), env: dict[str, str] | None = None) -> Terminal:
    """qwtutor with its data in `home`; no override is set, as on a person's machine."""
    return Terminal([*TUTOR, *words], size=size, env={"HOME": str(home), **(env or {})}, cwd=str(ROOT))


def until(terminal: Terminal, text: str, *, timeout: float = 60.0) -> float:
    """Milliseconds from before the program was started until `text` had been written."""
    wanted = text.encode()
    while wanted not in terminal.sent:
        if terminal.status is not None or time.perf_counter() - terminal.started > timeout:
            raise RuntimeError(f"no {text!r} on screen:\n{terminal.text()}")
        terminal.pump(1.0)
    return (terminal.last_write - terminal.started) * 1000


def press(terminal: Terminal, key: str, *, quiet: float = 0.08, timeout: float = 5.0) -> tuple[float, int]:
    """Milliseconds from pressing `key` to the last byte of what follows, and the bytes; over when it is `quiet`."""
    before, start = len(terminal.sent), time.perf_counter()
    terminal.send(key)
    while terminal.pump(timeout if len(terminal.sent) == before else quiet):
        pass
    return (terminal.last_write - start) * 1000, len(terminal.sent) - before
