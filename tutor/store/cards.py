"""The schedule as it follows from the log: one row a question, folded from its reviews in the order they were given."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from tutor.domain.schedule import Card, card_id, new_card, review

COLUMNS = "lesson, question, revision, reviews, correct, due, state, step, stability, difficulty, last_review"


class Review(NamedTuple):
    """A row of the log, as far as the schedule depends on it."""

    lesson: str
    question: str
    revision: int
    correct: bool
    rating: int
    at: datetime


class Scheduled(NamedTuple):
    """A question's card, the revision it is about, how often it was reviewed, and whether the last answer was right."""

    lesson: str
    question: str
    revision: int
    reviews: int
    correct: bool
    card: Card


def stamp(moment: datetime) -> str:
    """UTC in ISO 8601 with microseconds: text of one length, which sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def apply(before: Scheduled | None, given: Review) -> Scheduled:
    """The row after one more review. A raised revision starts the card over; a review of an older one changes nothing."""
    if before is not None and given.revision < before.revision:
        return before
    if before is None or given.revision > before.revision:
        card, reviews = new_card(given.lesson, given.question, given.at), 0
    else:
        card, reviews = before.card, before.reviews
    after = review(card, given.rating, given.at)
    return Scheduled(given.lesson, given.question, given.revision, reviews + 1, given.correct, after)


def read(connection: sqlite3.Connection, where: str = "", values: Iterable[object] = ()) -> list[Scheduled]:
    rows = connection.execute(f"SELECT {COLUMNS} FROM card {where}", tuple(values))
    return [_scheduled(row) for row in rows]


def read_one(connection: sqlite3.Connection, lesson: str, question: str) -> Scheduled | None:
    found = read(connection, "WHERE lesson = ? AND question = ?", (lesson, question))
    return found[0] if found else None


def write(connection: sqlite3.Connection, row: Scheduled) -> None:
    card = row.card
    connection.execute(
        f"INSERT OR REPLACE INTO card ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.lesson,
            row.question,
            row.revision,
            row.reviews,
            row.correct,
            stamp(card.due),
            card.state,
            card.step,
            card.stability,
            card.difficulty,
            stamp(card.last_review or card.due),
        ),
    )


def refold(connection: sqlite3.Connection, lesson: str = "", question: str = "") -> int:
    """Work the cards out anew from the log: of one question, or of all where none is named. Gives how many there are.

    Must run inside a transaction.
    """
    where, values = ("AND r.lesson = ? AND r.question = ?", (lesson, question)) if lesson else ("", ())
    connection.execute(f"DELETE FROM card {'WHERE lesson = ? AND question = ?' if lesson else ''}", values)
    rows = connection.execute(
        f"""SELECT r.lesson, r.question, r.revision, r.correct, r.rating, r.reviewed_at
        FROM review r LEFT JOIN undone u ON u.review = r.id
        WHERE u.review IS NULL {where} ORDER BY r.reviewed_at, r.seq""",
        values,
    )
    cards: dict[tuple[str, str], Scheduled] = {}
    for row in rows.fetchall():
        given = Review(row[0], row[1], row[2], bool(row[3]), row[4], datetime.fromisoformat(row[5]))
        key = (given.lesson, given.question)
        cards[key] = apply(cards.get(key), given)
    for scheduled in cards.values():
        write(connection, scheduled)
    return len(cards)


def _scheduled(row: tuple[object, ...]) -> Scheduled:
    lesson, question, revision, reviews, correct, due, state, step, stability, difficulty, last_review = row
    card = Card(
        id=card_id(str(lesson), str(question)),
        due=datetime.fromisoformat(str(due)),
        state=int(str(state)),
        step=None if step is None else int(str(step)),
        stability=None if stability is None else float(str(stability)),
        difficulty=None if difficulty is None else float(str(difficulty)),
        last_review=datetime.fromisoformat(str(last_review)),
    )
    return Scheduled(str(lesson), str(question), int(str(revision)), int(str(reviews)), bool(correct), card)
