"""What a person has done here, in one SQLite file: the log of answers, the schedule that follows from it, where they
were reading, what they set.

May be used from the thread of the screen and a worker's thread at once: writing and reading each have a connection and
a lock of their own, so that reading never waits for the disk to take an answer. Every method may raise StoreError.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from tutor import places
from tutor.domain.language import Text, both
from tutor.domain.plaintext import visible
from tutor.domain.schedule import retrievability
from tutor.store import backups, cards, settings
from tutor.store.cards import stamp
from tutor.store.database import connect, sentences, transaction, use_wal
from tutor.store.migrations import migrate

if TYPE_CHECKING:  # the first screen opens the progress and grades nothing
    from tutor.domain.session import Outcome

FILE = "progress.sqlite3"

T = TypeVar("T")


class Position(NamedTuple):
    """Where a lesson was left: line `line` of block `block`. `fraction` (0 to 1) is the furthest that was read."""

    lesson: str
    block: int
    line: int
    fraction: float
    updated_at: datetime


class LessonProgress(NamedTuple):
    """`answered` counts questions, `right` those whose latest answer was right."""

    answered: int = 0
    right: int = 0
    position: Position | None = None

    @property
    def fraction(self) -> float:
        """How much of the lesson was read, 0 to 1."""
        return self.position.fraction if self.position else 0.0


class Due(NamedTuple):
    """A question to ask again. `retrievability` (0 to 1) is the chance that it is still remembered."""

    lesson: str
    question: str
    revision: int
    due: datetime
    retrievability: float


class Hard(NamedTuple):
    """A question that was answered wrong, `wrong` times of `reviews`; `correct` says how the latest answer was.

    `retrievability` (0 to 1) is the chance that it is remembered now.
    """

    lesson: str
    question: str
    wrong: int
    reviews: int
    correct: bool
    retrievability: float


class Undone(NamedTuple):
    """The review whose effect was taken back."""

    id: str
    lesson: str
    question: str


class Progress:
    """Open with `Progress.open()`, close with `close()` or as a context manager.

    `notice` says in both languages what was done about a damaged file, and is empty otherwise.
    """

    def __init__(self, path: Path, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self.path = path
        self.notice = Text()
        self._writer, self._reader = writer, reader
        self._write_lock, self._read_lock = threading.Lock(), threading.Lock()

    @classmethod
    def open(cls, path: Path | None = None, *, now: datetime | None = None) -> Self:
        """The progress file (made where there is none), checked, mended from a backup where it was damaged."""
        path = path or places.home() / FILE
        now = now or datetime.now(UTC)
        with sentences(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            mended = backups.mend(path, now)
            writer = connect(path)
            try:
                use_wal(writer)
                migrate(writer, now)
                reader = connect(path)
            except BaseException:
                writer.close()
                raise
        progress = cls(path, writer, reader)
        if mended:
            progress.notice = progress._take_from(mended)
        return progress

    def _take_from(self, mended: backups.Mended) -> Text:
        from tutor.store import rows
        from tutor.store.rescue import readable

        rescued = self.write(lambda db: rows.merge(db, readable(mended.aside)))
        aside = visible(mended.aside.name)
        if mended.day:
            return both(
                "The progress file was damaged and is kept as {aside}. The backup of {day} is in its place, with {n} "
                "newer answers read from the damaged file; others given since may be missing.",
                aside=aside,
                day=mended.day,
                n=rescued,
            )
        return both(
            "The progress file was damaged and is kept as {aside}. There is no good backup; {n} answers could be read "
            "from the damaged file.",
            aside=aside,
            n=rescued,
        )

    def close(self) -> None:
        """Close the file. Waits for a write that is under way."""
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Answers

    def record(self, outcome: Outcome, *, now: datetime | None = None, keep: Mapping[str, Any] | None = None) -> str:
        """Save an answer: when this returns, it is on the disk. Gives the outcome's id.

        `keep` is kept in the same transaction, so that an interrupted sitting agrees with the log. Saving the same
        outcome again changes nothing, so after a failure it may simply be tried again.
        """
        at = now or datetime.now(UTC)

        def save(db: sqlite3.Connection) -> None:
            for key, value in (keep or {}).items():
                _keep(db, key, value, at)
            if outcome.replaces:
                _undo(db, outcome.replaces, at)
            _log(db, outcome, at)

        self.write(save)
        return outcome.id

    def undo(
        self, review: str = "", *, now: datetime | None = None, keep: Mapping[str, Any] | None = None
    ) -> Undone | None:
        """Take back the effect of the newest rating that still has one, or of the review with this id.

        The log keeps both the review and the fact that it was undone. None where there is nothing to undo.
        """
        at = now or datetime.now(UTC)

        def take_back(db: sqlite3.Connection) -> Undone | None:
            for key, value in (keep or {}).items():
                _keep(db, key, value, at)
            return _undo(db, review, at)

        return self.write(take_back)

    def rebuild(self) -> int:
        """Work out every card anew from the log. Gives how many there are."""
        return self.write(cards.refold)

    def due(
        self,
        now: datetime,
        limit: int | None = None,
        *,
        lessons: Collection[str] | None = None,
        beyond_limit: bool = False,
    ) -> list[Due]:
        """What to review now, the most at risk (lowest retrievability) first.

        At most `limit`, and no more than the daily limit leaves after today's reviews unless `beyond_limit`. `lessons`
        names those that are there to ask from. A day begins at midnight where the person is.
        """
        waiting = [
            Due(row.lesson, row.question, row.revision, row.card.due, retrievability(row.card, now))
            for row in self.read(lambda db: cards.read(db, "WHERE due <= ?", (stamp(now),)))
            if lessons is None or row.lesson in lessons
        ]
        waiting.sort(key=lambda due: (due.retrievability, due.due, due.lesson, due.question))
        allowed = len(waiting) if beyond_limit else self.left_today(now)
        return waiting[: allowed if limit is None else min(limit, allowed)]

    def due_count(self, now: datetime, *, lessons: Collection[str] | None = None, beyond_limit: bool = False) -> int:
        """How many `due` would give, without working out what is most at risk."""

        def count(db: sqlite3.Connection) -> int:
            rows = db.execute("SELECT lesson, COUNT(*) FROM card WHERE due <= ? GROUP BY lesson", (stamp(now),))
            return sum(n for lesson, n in rows if lessons is None or lesson in lessons)

        waiting = self.read(count)
        return waiting if beyond_limit else min(waiting, self.left_today(now))

    def left_today(self, now: datetime) -> int:
        """How many more questions the daily limit allows today; a question asked twice counts once."""
        midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        done: int = self.read(
            lambda db: db.execute(
                """SELECT COUNT(DISTINCT r.lesson || '/' || r.question) FROM review r
                LEFT JOIN undone u ON u.review = r.id
                WHERE r.source = 'review' AND r.reviewed_at BETWEEN ? AND ? AND u.review IS NULL""",
                (stamp(midnight), stamp(now)),
            ).fetchone()[0]
        )
        limit: int = self.setting("daily_limit")
        return max(0, limit - done)

    def hard(self, now: datetime, limit: int = 10) -> list[Hard]:
        """What gives trouble: latest answer wrong first, then most often wrong, then least likely remembered."""

        def wrong(db: sqlite3.Connection) -> dict[tuple[str, str], int]:
            rows = db.execute(
                """SELECT r.lesson, r.question, COUNT(*) FROM review r
                JOIN card c ON c.lesson = r.lesson AND c.question = r.question AND c.revision = r.revision
                LEFT JOIN undone u ON u.review = r.id
                WHERE r.correct = 0 AND u.review IS NULL GROUP BY r.lesson, r.question"""
            )
            return {(lesson, question): count for lesson, question, count in rows}

        counts = self.read(wrong)
        found = [
            Hard(
                row.lesson,
                row.question,
                counts[row.lesson, row.question],
                row.reviews,
                row.correct,
                retrievability(row.card, now),
            )
            for row in self.read(cards.read)
            if (row.lesson, row.question) in counts
        ]
        found.sort(key=lambda each: (each.correct, -each.wrong, each.retrievability, each.lesson, each.question))
        return found[:limit]

    # Lessons

    def lesson_progress(self) -> dict[str, LessonProgress]:
        """Of every lesson that was opened or answered, by slug."""

        def gather(db: sqlite3.Connection) -> dict[str, LessonProgress]:
            positions = {position.lesson: position for position in _positions(db)}
            counts = {
                lesson: (answered, right)
                for lesson, answered, right in db.execute(
                    "SELECT lesson, COUNT(*), SUM(correct) FROM card GROUP BY lesson"
                )
            }
            return {
                slug: LessonProgress(*counts.get(slug, (0, 0)), positions.get(slug))
                for slug in sorted(positions.keys() | counts.keys())
            }

        return self.read(gather)

    def set_position(self, slug: str, block: int, line: int, fraction: float, *, now: datetime | None = None) -> None:
        """Remember where `slug` was left. `fraction` is how far the text was read; the furthest counts."""
        at = now or datetime.now(UTC)
        self.write(lambda db: _set_position(db, Position(slug, block, line, min(max(fraction, 0.0), 1.0), at)))

    def position(self, slug: str) -> Position | None:
        return self.read(lambda db: next(_positions(db, "WHERE lesson = ?", (slug,)), None))

    def last_position(self) -> Position | None:
        """Where the person was reading last, in whichever lesson."""
        return self.read(lambda db: next(_positions(db, "ORDER BY updated_at DESC LIMIT 1"), None))

    # Small things that outlive a run

    def keep(self, key: str, value: Any, *, now: datetime | None = None) -> None:
        """Keep JSON data under `key`: an interrupted sitting, a draft, a demo's parameters. None forgets it."""
        at = now or datetime.now(UTC)
        self.write(lambda db: _keep(db, key, value, at))

    def kept(self, key: str, default: Any = None) -> Any:
        row = self.read(lambda db: db.execute("SELECT value FROM kept WHERE key = ?", (key,)).fetchone())
        return json.loads(row[0]) if row else default

    def setting(self, name: str) -> Any:
        """The value of a setting, or its default. Raises UsageError for an unknown name."""
        default = settings.default(name)
        row = self.read(lambda db: db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone())
        return json.loads(row[0]) if row else default

    def set_setting(self, name: str, value: Any, *, now: datetime | None = None) -> None:
        """Raises UsageError for an unknown name or a value the setting cannot have."""
        text = json.dumps(settings.accepted(name, value), ensure_ascii=False)
        at = stamp(now or datetime.now(UTC))
        self.write(lambda db: db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?, ?)", (name, text, at)))

    def settings(self) -> dict[str, Any]:
        """Every setting with its value."""
        chosen = dict(self.read(lambda db: db.execute("SELECT name, value FROM setting").fetchall()))
        return {
            name: json.loads(chosen[name]) if name in chosen else setting.default
            for name, setting in settings.SETTINGS.items()
        }

    def backup(self, now: datetime) -> Path | None:
        """The day's backup, unless it is there. Meant for a worker's thread: it holds up nobody."""
        return backups.back_up(self.path, now)

    # For this room

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in one transaction, committed when this returns."""
        with self._write_lock, sentences(self.path), transaction(self._writer):
            return work(self._writer)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._read_lock, sentences(self.path):
            return work(self._reader)


def _log(db: sqlite3.Connection, outcome: Outcome, at: datetime) -> None:
    added = db.execute(
        """INSERT OR IGNORE INTO review
        (id, lesson, question, revision, answer, correct, hint, rating, reviewed_at, source)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            outcome.id,
            outcome.lesson,
            outcome.question,
            outcome.revision,
            json.dumps(outcome.answer, ensure_ascii=False),
            outcome.correct,
            outcome.hint,
            int(outcome.rating),
            stamp(at),
            outcome.source,
        ),
    )
    if not added.rowcount:
        return
    given = cards.Review(
        outcome.lesson, outcome.question, outcome.revision, outcome.correct, int(outcome.rating), at.astimezone(UTC)
    )
    before = cards.read_one(db, given.lesson, given.question)
    if before and before.card.last_review and given.at <= before.card.last_review:
        # The clock went back, or another program was quicker: the log's own order decides.
        cards.refold(db, given.lesson, given.question)
    else:
        cards.write(db, cards.apply(before, given))


def _undo(db: sqlite3.Connection, review: str, at: datetime) -> Undone | None:
    found = db.execute(
        f"""SELECT r.id, r.lesson, r.question FROM review r LEFT JOIN undone u ON u.review = r.id
        WHERE u.review IS NULL {"AND r.id = ?" if review else ""} ORDER BY r.seq DESC LIMIT 1""",
        (review,) if review else (),
    ).fetchone()
    if found is None:
        return None
    undone = Undone(*found)
    db.execute("INSERT INTO undone VALUES (?, ?)", (undone.id, stamp(at)))
    cards.refold(db, undone.lesson, undone.question)
    return undone


def _keep(db: sqlite3.Connection, key: str, value: Any, at: datetime) -> None:
    if value is None:
        db.execute("DELETE FROM kept WHERE key = ?", (key,))
    else:
        text = json.dumps(value, ensure_ascii=False)
        db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (key, text, stamp(at)))


def _positions(db: sqlite3.Connection, where: str = "", values: tuple[object, ...] = ()) -> Iterator[Position]:
    rows = db.execute(f"SELECT lesson, block, line, fraction, updated_at FROM position {where}", values)
    return (
        Position(lesson, block, line, fraction, datetime.fromisoformat(at))
        for lesson, block, line, fraction, at in rows
    )


def _set_position(db: sqlite3.Connection, position: Position) -> None:
    db.execute(
        """INSERT INTO position VALUES (?, ?, ?, ?, ?) ON CONFLICT (lesson) DO UPDATE SET
        block = excluded.block, line = excluded.line, fraction = MAX(fraction, excluded.fraction),
        updated_at = excluded.updated_at""",
        (position.lesson, position.block, position.line, position.fraction, stamp(position.updated_at)),
    )
