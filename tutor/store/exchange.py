"""Progress as one JSON document: out of one file, into another, and starting over.

The document holds what cannot be worked out: the log (reviews, and which were undone), reading positions, what was
kept, settings. Conversations with the tutor stay where they were held: they are no progress, and may be private.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tutor.domain.errors import TutorError
from tutor.domain.plaintext import visible
from tutor.store import backups, rows
from tutor.store.progress import Progress

FORMAT = "qwtutor-progress"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed: how many reviews are new, and how many were there already."""

    added: int
    known: int


def export_json(progress: Progress) -> dict[str, Any]:
    """All of `progress` as JSON data. Imported into an empty file it gives exactly the same."""

    def gather(db: sqlite3.Connection) -> dict[str, Any]:
        # One read transaction, so that another program's answer is in all sections or in none.
        db.execute("BEGIN")
        try:
            return {section: list(rows.read(db, section)) for section in rows.TABLES}
        finally:
            db.execute("ROLLBACK")

    return {"format": FORMAT, "version": VERSION, **progress.read(gather)}


def import_json(progress: Progress, data: Any) -> Imported:
    """Merge an exported document into `progress`: all of it, or nothing where a part is not as it should be.

    Reviews that are there already are not added again. Raises TutorError naming the place that is wrong.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise TutorError(
            "This is not exported progress: its format should be {format}.",
            hint="`qwtutor progress export` writes such a file.",
            format=FORMAT,
        )
    if data.get("version") != VERSION:
        raise TutorError(
            "This progress was exported by another version of the program: {found} where {expected} is understood.",
            found=visible(str(data.get("version"))[:20]),
            expected=VERSION,
        )
    sections = {section: _checked(section, data.get(section, [])) for section in rows.TABLES}
    added = progress.write(lambda db: rows.merge(db, sections))
    return Imported(added, len(sections["reviews"]) - added)


def _checked(section: str, given: Any) -> list[rows.Row]:
    if not isinstance(given, list):
        raise rows.unexpected(section, given)
    return [rows.checked(section, row, f"{section}[{index}]") for index, row in enumerate(given)]


def reset(progress: Progress, now: datetime) -> Path:
    """Forget everything except settings, after a copy of all of it was written. Gives the copy's path."""
    moment = f"{now.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z"
    copy = backups.folder(progress.path) / f"{progress.path.stem}-before-reset-{moment}.sqlite3"
    backups.copy_to(progress.path, copy)

    def forget(db: sqlite3.Connection) -> None:
        for table in ("card", "undone", "review", "position", "kept", "conversation"):
            db.execute(f"DELETE FROM {table}")

    progress.write(forget)
    # Else a file damaged later would be restored to what was to be forgotten.
    backups.back_up(progress.path, now, again=True)
    return copy
