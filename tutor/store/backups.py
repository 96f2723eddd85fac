"""A backup a day, thinned with age, and the way back when the file itself is damaged."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from tutor.store.database import StoreError, connect, is_damaged, sentences

DAILY, WEEKLY, MONTHLY = 7, 4, 12


def folder(path: Path) -> Path:
    """Where the backups of the progress file `path` lie."""
    return path.parent / "backups"


def backups(path: Path) -> dict[date, Path]:
    """The daily backups of `path`, newest first."""
    pattern = re.compile(re.escape(path.stem) + r"-(\d{4}-\d\d-\d\d)\.sqlite3")
    found = {}
    for file in folder(path).glob(f"{path.stem}-*.sqlite3"):
        if match := pattern.fullmatch(file.name):
            with contextlib.suppress(ValueError):  # a 2026-02-31 is not one of ours
                found[date.fromisoformat(match[1])] = file
    return dict(sorted(found.items(), reverse=True))


def back_up(path: Path, now: datetime, *, again: bool = False) -> Path | None:
    """Write the backup of the day `now` falls on (UTC), and thin the older ones. None where it is already there.

    `again` writes it anew. Opens a connection of its own, so it may run in any thread while answers are saved.
    Raises StoreError.
    """
    today = now.astimezone(UTC).date()
    target = folder(path) / f"{path.stem}-{today}.sqlite3"
    if target.exists() and not again:
        return None
    copy_to(path, target)
    for day, file in backups(path).items():
        if day not in worth_keeping(backups(path)):
            with sentences(file):
                file.unlink(missing_ok=True)
    return target


def copy_to(path: Path, target: Path) -> None:
    """A consistent copy of the progress file at `target`, whole or not at all. Raises StoreError."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    with sentences(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with contextlib.closing(connect(path)) as source, contextlib.closing(connect(part)) as copy:
                source.backup(copy)
                # One file, without a log of its own beside it.
                copy.execute("PRAGMA journal_mode = DELETE")
            _sync(part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def worth_keeping(days: Iterable[date]) -> set[date]:
    """The newest 7 days, the newest day of each of the newest 4 weeks, and of each of the newest 12 months."""
    newest_first = sorted(days, reverse=True)
    weeks: dict[tuple[int, int], date] = {}
    months: dict[tuple[int, int], date] = {}
    for day in newest_first:
        weeks.setdefault(day.isocalendar()[:2], day)
        months.setdefault((day.year, day.month), day)
    return {*newest_first[:DAILY], *list(weeks.values())[:WEEKLY], *list(months.values())[:MONTHLY]}


class Mended(NamedTuple):
    """A damaged file was set aside as `aside`; `day` is that of the backup in its place, None where none was good."""

    aside: Path
    day: date | None


def mend(path: Path, now: datetime) -> Mended | None:
    """Check the file before it is used; a damaged one is set aside and the newest good backup put in its place.

    None where all is well. Raises StoreError where the file cannot be reached.
    """
    with sentences(path):
        if not path.exists():
            return None
        # A file of no bytes is an empty database to SQLite, and lost progress where there are backups.
        damaged = is_damaged(path) or (path.stat().st_size == 0 and bool(backups(path)))
        if not damaged:
            return None
        aside = _set_aside(path, now)
        restored = (day for day, backup in backups(path).items() if _restore(backup, path))
        return Mended(aside, next(restored, None))


def _set_aside(path: Path, now: datetime) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{now.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z")
    # The log and its index belong to the file: left behind, they would be played into the restored one.
    for ending in ("-wal", "-shm", ""):
        file = path.with_name(path.name + ending)
        if file.exists():
            file.rename(aside.with_name(aside.name + ending))
    return aside


def _restore(backup: Path, path: Path) -> bool:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(backup, part)
        if is_damaged(part) or part.stat().st_size == 0:
            return False
        _sync(part)
        part.replace(path)
    except (StoreError, sqlite3.Error):
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


def _sync(file: Path) -> None:
    with file.open("rb+") as handle:
        os.fsync(handle.fileno())
