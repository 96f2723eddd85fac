"""What can still be read in a damaged progress file."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from tutor.domain.errors import TutorError
from tutor.store import rows


def readable(damaged: Path) -> dict[str, list[rows.Row]]:
    """The sound rows of each section, read from both ends up to the damage. Leaves the file as it is."""
    found: dict[str, list[rows.Row]] = {section: [] for section in rows.TABLES}
    with contextlib.suppress(sqlite3.Error):
        db = sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)
        with contextlib.closing(db):
            for section, sound in found.items():
                key = rows.TABLES[section][1][0]
                from_the_end: list[rows.Row] = []
                _read_until_damage(db, section, sound)
                _read_until_damage(db, section, from_the_end, newest_first=True)
                known = {row[key] for row in sound}
                sound.extend(row for row in reversed(from_the_end) if row[key] not in known)
    ids = {row["id"] for row in found["reviews"]}
    found["undone"] = [row for row in found["undone"] if row["review"] in ids]
    return found


def _read_until_damage(
    db: sqlite3.Connection, section: str, into: list[rows.Row], *, newest_first: bool = False
) -> None:
    with contextlib.suppress(sqlite3.Error, ValueError, TypeError):
        for row in rows.read(db, section, newest_first=newest_first):
            with contextlib.suppress(TutorError):
                into.append(rows.checked(section, row, section))
