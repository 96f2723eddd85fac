from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import fsrs
import pytest

from tutor.domain.schedule import (
    Rating,
    card_from_dict,
    card_id,
    card_to_dict,
    new_card,
    rating_for,
    retrievability,
    review,
)

START = datetime(2022, 11, 29, 12, 30, tzinfo=UTC)


def test_intervals_are_those_published_for_fsrs_6() -> None:
    # py-fsrs, tests/test_basic.py, test_review_card: days until due after each of these ratings.
    card, now, days = new_card("tokenizer", "q", START), START, []
    for rating in (3, 3, 3, 3, 3, 3, 1, 1, 3, 3, 3, 3, 3):
        card = review(card, rating, now)
        assert card.last_review is not None
        days.append((card.due - card.last_review).days)
        now = card.due
    assert days == [0, 2, 11, 46, 163, 498, 0, 0, 2, 4, 7, 12, 21]


def test_every_step_is_the_schedulers_own_without_fuzz() -> None:
    rng = random.Random(5)
    scheduler = fsrs.Scheduler(enable_fuzzing=False)
    theirs = fsrs.Card(card_id=1, due=START)
    ours, now = new_card("a", "b", START), START
    for _ in range(200):
        rating = rng.randint(1, 4)
        now += timedelta(minutes=rng.choice([1, 10, 60 * 24, 60 * 24 * 30]))
        assert retrievability(ours, now) == scheduler.get_card_retrievability(theirs, now)
        theirs, _ = scheduler.review_card(theirs, fsrs.Rating(rating), now)
        ours = review(ours, rating, now)
        assert (ours.due, ours.stability, ours.difficulty, ours.step) == (
            theirs.due,
            theirs.stability,
            theirs.difficulty,
            theirs.step,
        )


def test_review_changes_nothing_but_what_it_returns() -> None:
    card = new_card("a", "b", START)
    assert review(card, Rating.GOOD, START) == review(card, Rating.GOOD, START)
    assert card == new_card("a", "b", START)


def test_any_time_zone_is_taken_and_none_is_refused() -> None:
    card = new_card("a", "b", START)
    shanghai = START.astimezone(timezone(timedelta(hours=8)))
    assert review(card, Rating.GOOD, shanghai) == review(card, Rating.GOOD, START)
    with pytest.raises(ValueError, match="time zone"):
        review(card, Rating.GOOD, START.replace(tzinfo=None))


def test_what_was_answered_decides_the_rating() -> None:
    assert rating_for(correct=False) is Rating.AGAIN
    assert rating_for(correct=False, hint=True, easy=True) is Rating.AGAIN
    assert rating_for(correct=True, hint=True) is Rating.HARD
    assert rating_for(correct=True) is Rating.GOOD
    assert rating_for(correct=True, easy=True) is Rating.EASY


def test_a_card_survives_json() -> None:
    card = new_card("a", "b", START)
    for rating in Rating:
        assert card_from_dict(json.loads(json.dumps(card_to_dict(card)))) == card
        card = review(card, rating, START + timedelta(days=int(rating)))


def test_the_id_of_a_card_is_the_same_everywhere_and_fits_sqlite() -> None:
    assert card_id("tokenizer", "q-first-merge") == card_id("tokenizer", "q-first-merge") < 2**63
    assert card_id("a", "b/c") != card_id("a", "b") != card_id("b", "a")


def test_a_card_never_reviewed_is_not_remembered_and_one_just_reviewed_is() -> None:
    card = new_card("a", "b", START)
    assert retrievability(card, START) == 0
    assert retrievability(review(card, Rating.GOOD, START), START) == 1


def test_neither_the_rooms_import_nor_the_scheduler_loads_anything_heavy() -> None:
    program = (
        "import sys, tutor.domain.schedule as s; assert 'fsrs' not in sys.modules; s._scheduler();"
        "print(sorted({'numpy', 'torch', 'pandas', 'tqdm'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
