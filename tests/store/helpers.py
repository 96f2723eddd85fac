"""What the tests of this room share: answers to save, and a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tutor.domain.schedule import Rating, rating_for
from tutor.domain.session import Outcome

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def outcome(question: str = "q1", *, lesson: str = "tokenizer", correct: bool = True, **changes: Any) -> Outcome:
    given: dict[str, Any] = {
        "revision": 1,
        "answer": 1,
        "hint": False,
        "rating": rating_for(correct=correct, hint=changes.get("hint", False)),
        **changes,
    }
    return Outcome(lesson=lesson, question=question, correct=correct, **given)


def rated(rating: Rating, question: str = "q1", **changes: Any) -> Outcome:
    return outcome(question, correct=rating is not Rating.AGAIN, rating=rating, **changes)
