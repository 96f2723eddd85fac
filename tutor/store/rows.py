"""The rows of the progress file as plain data: read out, checked, and merged into another file.

Export and import go through here, and so does what can still be read in a damaged file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tutor.domain.errors import TutorError
from tutor.domain.plaintext import clean, visible
from tutor.store import cards, settings
from tutor.store.cards import stamp

MAX_NAME = 300  # characters of a lesson's, question's or key's name

# section -> table and columns; cards are not among them, they follow from the log
TABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "reviews": (
        "review",
        ("id", "lesson", "question", "revision", "answer", "correct", "hint", "rating", "reviewed_at", "source"),
    ),
    "undone": ("undone", ("review", "undone_at")),
    "positions": ("position", ("lesson", "block", "line", "fraction", "updated_at")),
    "kept": ("kept", ("key", "value", "updated_at")),
    "settings": ("setting", ("name", "value", "updated_at")),
}
Row = dict[str, Any]

_JSON = ("answer", "value")
_BOOLEAN = ("correct", "hint")
# column -> least and most
_WHOLE = {"revision": (0, 2**31), "rating": (1, 4), "block": (0, 2**31), "line": (0, 2**31)}


def read(db: sqlite3.Connection, section: str, *, newest_first: bool = False) -> Iterator[Row]:
    """The rows of a section, reviews in the order they were logged."""
    table, columns = TABLES[section]
    order = "seq" if table == "review" else columns[0]
    direction = "DESC" if newest_first else "ASC"
    for row in db.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order} {direction}"):
        yield {column: _out(column, value) for column, value in zip(columns, row, strict=True)}


def _out(column: str, value: Any) -> Any:
    if column in _JSON:
        return json.loads(value)
    return bool(value) if column in _BOOLEAN else value


def checked(section: str, row: Any, place: str) -> Row:
    """`row` as its table takes it. Raises TutorError naming `place` and the field that is wrong."""
    if not isinstance(row, dict):
        raise unexpected(place, row)
    values = {}
    for column in TABLES[section][1]:
        try:
            values[column] = _in(section, column, row)
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError, TutorError) as error:
            raise unexpected(f"{place}.{column}", row.get(column)) from error
    return values


def unexpected(place: str, value: Any) -> TutorError:
    return TutorError(
        "In the exported progress, {place} is not as expected: {value}.",
        hint="Nothing was imported.",
        place=place,
        value=visible(repr(value)[:60]),
    )


def _in(section: str, column: str, row: Row) -> Any:
    value = row[column]
    if column in _JSON:
        value = settings.accepted(row["name"], value) if section == "settings" else value
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    if column.endswith("_at"):
        return stamp(datetime.fromisoformat(value))
    if column in _BOOLEAN:
        return _one(value, isinstance(value, bool))
    if column in _WHOLE:
        low, high = _WHOLE[column]
        return _one(value, isinstance(value, int) and not isinstance(value, bool) and low <= value <= high)
    if column == "fraction":
        return _one(value, isinstance(value, (int, float)) and 0 <= value <= 1)
    return _one(value, isinstance(value, str) and 0 < len(value) <= MAX_NAME and clean(value) == value)


def _one(value: Any, good: bool) -> Any:
    if not good:
        raise ValueError(value)
    return value


def merge(db: sqlite3.Connection, sections: dict[str, list[Row]]) -> int:
    """Add checked rows to what is there, and work the cards out anew. Gives how many reviews are new.

    A review is known by its id; of positions, kept values and settings the newer stays, and the furthest that was read.
    An undone review must be there. Must run inside a transaction.
    """
    added = sum(_insert(db, "review", row) for row in sections["reviews"])
    for index, row in enumerate(sections["undone"]):
        if not db.execute("SELECT 1 FROM review WHERE id = ?", (row["review"],)).fetchone():
            raise unexpected(f"undone[{index}].review", row["review"])
        _insert(db, "undone", row)
    for row in sections["positions"]:
        _merge_position(db, row)
    for section in ("kept", "settings"):
        for row in sections[section]:
            _merge_newer(db, TABLES[section][0], row)
    cards.refold(db)
    return added


def _insert(db: sqlite3.Connection, table: str, row: Row) -> int:
    marks = ", ".join("?" * len(row))
    added = db.execute(f"INSERT OR IGNORE INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
    return added.rowcount


def _merge_position(db: sqlite3.Connection, row: Row) -> None:
    db.execute(
        """INSERT INTO position (lesson, block, line, fraction, updated_at)
        VALUES (:lesson, :block, :line, :fraction, :updated_at)
        ON CONFLICT (lesson) DO UPDATE SET
            block = CASE WHEN excluded.updated_at > updated_at THEN excluded.block ELSE block END,
            line = CASE WHEN excluded.updated_at > updated_at THEN excluded.line ELSE line END,
            fraction = MAX(fraction, excluded.fraction),
            updated_at = MAX(updated_at, excluded.updated_at)""",
        row,
    )


def _merge_newer(db: sqlite3.Connection, table: str, row: Row) -> None:
    key = next(iter(row))
    there = db.execute(f"SELECT updated_at FROM {table} WHERE {key} = ?", (row[key],)).fetchone()
    if there is None or there[0] < row["updated_at"]:
        db.execute(f"INSERT OR REPLACE INTO {table} VALUES (:{key}, :value, :updated_at)", row)
