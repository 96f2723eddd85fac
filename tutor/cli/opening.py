"""What the commands work with, opened as the call's options say: lessons, progress, a model."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tutor import places
from tutor.cli.options import call
from tutor.domain.language import LANGUAGES

if TYPE_CHECKING:
    from tutor.content.library import Library
    from tutor.domain.model import Model
    from tutor.store.progress import Progress


def now() -> datetime:
    """The clock of the command line, in UTC; everything below takes the time as an argument."""
    return datetime.now(UTC)


def library() -> Library:
    """The lessons of `--course`, or those that came along, with the titles of every file known."""
    from tutor.content.library import Library

    found = Library(call().course, cache=places.cache())
    if any(entry.stale for entry in found.entries()):
        found.refresh()
    return found


def saved_language() -> str | None:
    """The language chosen on the screen, None where none was. Only looks: `--help` must not make or mend a file."""
    path = places.home() / "progress.sqlite3"
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=0.2)) as db:
            row = db.execute("SELECT value FROM setting WHERE name = 'language'").fetchone()
    except sqlite3.Error:
        return None
    code = row[0].strip('"') if row else None
    return code if code in LANGUAGES else None


@contextmanager
def progress() -> Iterator[Progress]:
    """The learner's progress, closed at the end."""
    from tutor.store.progress import Progress

    opened = Progress.open(now=now())
    try:
        yield opened
    finally:
        opened.close()


def model_name() -> str:
    """`--model`, else the one in use."""
    return call().model or model_in_use()


def model_in_use() -> str:
    """The model chosen with `models use`, else the catalogue's default."""
    from tutor.runtime.catalogue import default_name

    with progress() as opened:
        return str(opened.settings().get("model") or default_name())


@contextmanager
def model(name: str = "") -> Iterator[Model]:
    """The model `name` (a name or a path), or the one in use, in a process of its own, which ends with the block.

    Raises ModelMissing, NotFound.
    """
    from tutor.runtime.catalogue import find
    from tutor.runtime.client import WorkerModel

    name = name or model_name()
    with WorkerModel(find(name), name=name) as opened:
        yield opened


class Models:
    """The models' processes for as long as they are needed: started when first asked for, ended by `close`."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._opened: dict[str, Model] = {}

    def __enter__(self) -> Models:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def model(self, name: str = "") -> Model:
        """The model `name` (a name or a path), or the one in use. Raises ModelMissing, NotFound."""
        if name not in self._opened:
            self._opened[name] = self._stack.enter_context(model(name))
        return self._opened[name]
