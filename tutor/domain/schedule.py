"""When a question comes back: FSRS-6 (Ye, Su & Cao, KDD 2022, and the fsrs package), without fuzz, the clock passed in."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import fsrs


class Rating(IntEnum):
    """How well it was remembered; the numbers are those of FSRS and of the keys 1 to 4."""

    AGAIN = 1
    HARD = 2
    GOOD = 3
    EASY = 4


@dataclass(frozen=True, slots=True)
class Card:
    """What FSRS knows of one question. `stability` in days, `difficulty` 1 to 10, times in UTC.

    `state` is 1 learning, 2 review, 3 relearning; `step` counts within learning and relearning.
    """

    id: int
    due: datetime
    state: int = 1
    step: int | None = 0
    stability: float | None = None
    difficulty: float | None = None
    last_review: datetime | None = None


def card_id(lesson: str, question: str) -> int:
    """The id of a question's card, the same everywhere: 63 bits of a hash of lesson and question."""
    digest = hashlib.sha256(f"{lesson}/{question}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def new_card(lesson: str, question: str, now: datetime) -> Card:
    return Card(card_id(lesson, question), due=_utc(now))


def rating_for(*, correct: bool, hint: bool = False, easy: bool = False) -> Rating:
    """Wrong is Again, right with a hint Hard, right Good, right and called too easy Easy."""
    if not correct:
        return Rating.AGAIN
    if hint:
        return Rating.HARD
    return Rating.EASY if easy else Rating.GOOD


def review(card: Card, rating: Rating | int, now: datetime) -> Card:
    """`card` after it was rated `rating` at `now` (any time zone). Pure: the same arguments give the same card."""
    import fsrs

    after, _ = _scheduler().review_card(_to_fsrs(card), fsrs.Rating(int(rating)), _utc(now))
    return Card(
        id=card.id,
        due=after.due,
        state=int(after.state),
        step=after.step,
        stability=after.stability,
        difficulty=after.difficulty,
        last_review=after.last_review,
    )


def retrievability(card: Card, now: datetime) -> float:
    """The probability, 0 to 1, that it is still remembered at `now`; 0 for a card never reviewed. Whole days count."""
    return float(_scheduler().get_card_retrievability(_to_fsrs(card), _utc(now)))


def card_to_dict(card: Card) -> dict[str, Any]:
    """`card` as plain JSON data, times in ISO 8601."""
    last = card.last_review
    return {**asdict(card), "due": card.due.isoformat(), "last_review": last.isoformat() if last else None}


def card_from_dict(data: dict[str, Any]) -> Card:
    """The card that `card_to_dict` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    last = data["last_review"]
    return Card(
        id=int(data["id"]),
        due=_utc(datetime.fromisoformat(data["due"])),
        state=int(data["state"]),
        step=data["step"],
        stability=data["stability"],
        difficulty=data["difficulty"],
        last_review=_utc(datetime.fromisoformat(last)) if last else None,
    )


# fsrs is imported where it is used: it takes 14 ms, and the first screen needs only what the store already worked out.
@cache
def _scheduler() -> fsrs.Scheduler:
    import fsrs

    return fsrs.Scheduler(enable_fuzzing=False)


def _to_fsrs(card: Card) -> fsrs.Card:
    import fsrs

    return fsrs.Card(
        card_id=card.id,
        state=fsrs.State(card.state),
        step=card.step,
        stability=card.stability,
        difficulty=card.difficulty,
        due=card.due,
        last_review=card.last_review,
    )


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("the time must say its time zone")
    return moment.astimezone(UTC)
