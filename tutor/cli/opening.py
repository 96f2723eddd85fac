"""What the commands work with, opened as the call's options say: lessons, progress, a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tutor import places
from tutor.cli.options import call

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
    if found.stale:
        found.refresh()
    return found


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
    """`--model`, else the one chosen with `models use`, else the catalogue's default."""
    from tutor.runtime.catalogue import default_name

    asked = call().model
    if asked:
        return asked
    with progress() as opened:
        return str(opened.settings().get("model") or default_name())


@contextmanager
def model() -> Iterator[Model]:
    """The model in a process of its own, which ends with the block. Raises ModelMissing, NotFound."""
    from tutor.runtime.catalogue import find
    from tutor.runtime.client import WorkerModel

    name = model_name()
    with WorkerModel(find(name), name=name) as opened:
        yield opened
