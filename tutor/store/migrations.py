"""The shape of the progress file, as named steps that are only ever appended.

A released step is never changed: files in the world have taken it. Each runs in a transaction of its own.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from tutor.store.database import StoreError, transaction

# name -> statements
MIGRATIONS: dict[str, tuple[str, ...]] = {
    "0001-log-and-cards": (
        # What was answered. Rows are only ever added; `undone` takes a rating's effect back, also by adding.
        # quick_check holds every row against its CHECKs, so at the start a damaged time or answer shows too.
        """CREATE TABLE review (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            lesson TEXT NOT NULL,
            question TEXT NOT NULL,
            revision INTEGER NOT NULL,
            answer TEXT NOT NULL CHECK (json_valid(answer)),
            correct INTEGER NOT NULL CHECK (correct IN (0, 1)),
            hint INTEGER NOT NULL CHECK (hint IN (0, 1)),
            rating INTEGER NOT NULL CHECK (rating BETWEEN 1 AND 4),
            reviewed_at TEXT NOT NULL CHECK (julianday(reviewed_at) IS NOT NULL),
            source TEXT NOT NULL
        )""",
        "CREATE INDEX review_by_question ON review (lesson, question)",
        "CREATE INDEX review_by_time ON review (reviewed_at)",
        "CREATE TABLE undone (review TEXT PRIMARY KEY REFERENCES review (id), undone_at TEXT NOT NULL)",
        # Worked out from the log; `Progress.rebuild` makes it anew.
        """CREATE TABLE card (
            lesson TEXT NOT NULL,
            question TEXT NOT NULL,
            revision INTEGER NOT NULL,
            reviews INTEGER NOT NULL,
            correct INTEGER NOT NULL,
            due TEXT NOT NULL CHECK (julianday(due) IS NOT NULL),
            state INTEGER NOT NULL,
            step INTEGER,
            stability REAL,
            difficulty REAL,
            last_review TEXT NOT NULL CHECK (julianday(last_review) IS NOT NULL),
            PRIMARY KEY (lesson, question)
        ) WITHOUT ROWID""",
        "CREATE INDEX card_by_due ON card (due)",
        """CREATE TABLE position (
            lesson TEXT PRIMARY KEY,
            block INTEGER NOT NULL,
            line INTEGER NOT NULL,
            fraction REAL NOT NULL,
            updated_at TEXT NOT NULL CHECK (julianday(updated_at) IS NOT NULL)
        ) WITHOUT ROWID""",
        """CREATE TABLE kept (
            key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value)), updated_at TEXT NOT NULL
        )""",
        """CREATE TABLE setting (
            name TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value)), updated_at TEXT NOT NULL
        )""",
    ),
    "0002-conversations": (
        # `words` is what was asked and answered, in plain text, to be searched.
        """CREATE TABLE conversation (
            id TEXT PRIMARY KEY,
            lesson TEXT NOT NULL,
            title TEXT NOT NULL,
            words TEXT NOT NULL,
            turns TEXT NOT NULL CHECK (json_valid(turns)),
            created_at TEXT NOT NULL CHECK (julianday(created_at) IS NOT NULL),
            updated_at TEXT NOT NULL CHECK (julianday(updated_at) IS NOT NULL)
        )""",
        "CREATE INDEX conversation_by_time ON conversation (updated_at)",
    ),
}


def migrate(connection: sqlite3.Connection, now: datetime) -> None:
    """Bring the file up to this program. Raises StoreError for a file that a newer program has been at."""
    if not _missing(connection):
        return
    for name, statements in MIGRATIONS.items():
        with transaction(connection):
            # Asked again inside the transaction: another program may have taken the step meanwhile.
            if name not in _missing(connection):
                continue
            connection.execute("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)")
            for statement in statements:
                connection.execute(statement)
            connection.execute("INSERT INTO migration VALUES (?, ?)", (name, now.isoformat()))


def _missing(connection: sqlite3.Connection) -> list[str]:
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migration'").fetchone()
    applied = {name for (name,) in connection.execute("SELECT name FROM migration")} if there else set()
    if applied - MIGRATIONS.keys():
        raise StoreError(
            "This progress file was written by a newer version of the program.",
            hint="Update with `pip install -U qwtutor`; the file is left as it is.",
        )
    return [name for name in MIGRATIONS if name not in applied]
