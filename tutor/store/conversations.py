"""Conversations with the tutor: kept as they were held, found by their words, forgotten when the person says so.

They stay in this file: an export of progress leaves them out.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from tutor.store.cards import stamp
from tutor.store.progress import Progress

MAX_TURNS = 200
LISTED = 200


@dataclass(frozen=True, slots=True)
class Conversation:
    """`turns` is JSON data, the newest last; `words` what a search looks through; `lesson` a slug, or empty."""

    id: str
    title: str
    lesson: str = ""
    words: str = ""
    turns: Sequence[dict[str, Any]] = field(default_factory=tuple)


class Listed(NamedTuple):
    """A conversation as a list shows it."""

    id: str
    title: str
    lesson: str
    updated_at: datetime


def save(progress: Progress, conversation: Conversation, *, now: datetime) -> None:
    """Keep `conversation`, in place of what is kept of it. Of a very long one the newest MAX_TURNS turns."""
    turns = json.dumps(list(conversation.turns)[-MAX_TURNS:], ensure_ascii=False)
    given = (conversation.id, conversation.lesson, conversation.title, conversation.words, turns, stamp(now))

    def put(db: sqlite3.Connection) -> None:
        db.execute(
            """INSERT INTO conversation (id, lesson, title, words, turns, created_at, updated_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (id) DO UPDATE SET
            lesson = excluded.lesson, title = excluded.title, words = excluded.words, turns = excluded.turns,
            updated_at = excluded.updated_at""",
            given,
        )

    progress.write(put)


def load(progress: Progress, id: str) -> Conversation | None:
    def get(db: sqlite3.Connection) -> Any:
        return db.execute("SELECT id, title, lesson, words, turns FROM conversation WHERE id = ?", (id,)).fetchone()

    row = progress.read(get)
    if row is None:
        return None
    found_id, title, lesson, words, turns = row
    return Conversation(found_id, title, lesson, words, tuple(json.loads(turns)))


def found(progress: Progress, typed: str = "", *, limit: int = LISTED) -> list[Listed]:
    """Those in whose title or words every word of `typed` stands, the newest first."""
    wanted = [f"%{_literal(word)}%" for word in typed.split()[:10]]
    where = " AND ".join(["(title || ' ' || words) LIKE ? ESCAPE '\\'"] * len(wanted)) or "1"

    def get(db: sqlite3.Connection) -> list[Any]:
        query = (
            f"SELECT id, title, lesson, updated_at FROM conversation WHERE {where} ORDER BY updated_at DESC, id LIMIT ?"
        )
        return db.execute(query, (*wanted, limit)).fetchall()

    rows = progress.read(get)
    return [Listed(id, title, lesson, datetime.fromisoformat(at)) for id, title, lesson, at in rows]


def delete(progress: Progress, id: str) -> None:
    """Forget it. To undo that, save it again."""
    progress.write(lambda db: db.execute("DELETE FROM conversation WHERE id = ?", (id,)))


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
