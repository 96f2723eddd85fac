from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.store.helpers import DAY, NOW, outcome, rated
from tutor import places
from tutor.domain.errors import TutorError, UsageError
from tutor.domain.schedule import Rating, new_card, retrievability, review
from tutor.store import cards
from tutor.store.database import StoreError
from tutor.store.migrations import MIGRATIONS
from tutor.store.progress import LessonProgress, Position, Progress


@pytest.fixture
def progress(tmp_path: Path) -> Iterator[Progress]:
    with Progress.open(tmp_path / "progress.sqlite3", now=NOW) as opened:
        yield opened


def all_cards(progress: Progress) -> list[cards.Scheduled]:
    return progress.read(lambda db: cards.read(db, "ORDER BY lesson, question"))


def rows(progress: Progress, query: str) -> list[Any]:
    return progress.read(lambda db: db.execute(query).fetchall())


def test_the_file_lies_in_the_data_folder_and_keeps_its_promises() -> None:
    with Progress.open(now=NOW) as progress:
        assert progress.path == places.home() / "progress.sqlite3"
        assert not progress.notice
        assert progress.write(lambda db: db.execute("PRAGMA synchronous").fetchone()) == (2,)  # FULL
        assert rows(progress, "PRAGMA journal_mode") == [("wal",)]
        assert rows(progress, "PRAGMA busy_timeout") == [(10_000,)]


def test_an_answer_is_in_the_log_as_it_was_given(progress: Progress) -> None:
    given = outcome(answer=[0, 2], hint=True, source="lesson")
    assert progress.record(given, now=NOW) == given.id
    assert rows(progress, "SELECT * FROM review") == [
        (1, given.id, "tokenizer", "q1", 1, "[0, 2]", 1, 1, 2, "2026-03-02T12:00:00.000000+00:00", "lesson")
    ]


def test_saving_the_same_answer_again_changes_nothing(progress: Progress) -> None:
    given = outcome()
    progress.record(given, now=NOW)
    before = all_cards(progress)
    progress.record(given, now=NOW + DAY)
    assert all_cards(progress) == before
    assert rows(progress, "SELECT COUNT(*) FROM review") == [(1,)]


def test_the_card_is_what_the_scheduler_says(progress: Progress) -> None:
    expected = new_card("tokenizer", "q1", NOW)
    now = NOW
    for rating in (Rating.GOOD, Rating.EASY, Rating.AGAIN, Rating.HARD, Rating.GOOD):
        progress.record(rated(rating), now=now)
        expected = review(expected, rating, now)
        now += DAY * 3
    assert [row.card for row in all_cards(progress)] == [expected]


def test_a_raised_revision_starts_the_card_over(progress: Progress) -> None:
    progress.record(outcome(), now=NOW)
    progress.record(outcome(revision=2, correct=False), now=NOW + DAY)
    assert all_cards(progress) == [
        cards.Scheduled(
            "tokenizer", "q1", 2, 1, False, review(new_card("tokenizer", "q1", NOW + DAY), Rating.AGAIN, NOW + DAY)
        )
    ]
    # An older program that shares the file still logs what it asked, but the card is of the newer question.
    before = all_cards(progress)
    progress.record(outcome(revision=1), now=NOW + 2 * DAY)
    assert all_cards(progress) == before


@pytest.mark.parametrize("seed", range(12))
def test_cards_can_be_worked_out_anew_from_the_log(progress: Progress, seed: int) -> None:
    rng = random.Random(seed)
    now = NOW
    for _ in range(60):
        # The clock goes back now and then, as clocks do.
        now += timedelta(minutes=rng.choice([-90, 0, 1, 10, 1440, 14400]))
        if rng.random() < 0.15:
            progress.undo(now=now)
        else:
            question, revision = f"q{rng.randint(1, 4)}", rng.choice([1, 1, 1, 2])
            progress.record(rated(Rating(rng.randint(1, 4)), question, revision=revision), now=now)
    before = all_cards(progress)
    assert progress.rebuild() == len(before)
    assert all_cards(progress) == before


def test_undo_takes_back_the_last_rating_and_can_be_repeated(progress: Progress) -> None:
    states = [all_cards(progress)]
    for number, question in enumerate(("q1", "q2", "q1", "q3")):
        progress.record(outcome(question), now=NOW + DAY * number)
        states.append(all_cards(progress))
    for question in ("q3", "q1", "q2", "q1"):
        states.pop()
        undone = progress.undo(now=NOW + DAY * 9)
        assert undone is not None
        assert undone.question == question
        assert all_cards(progress) == states[-1]
    assert progress.undo(now=NOW) is None
    # Nothing was taken out of the log.
    assert rows(progress, "SELECT COUNT(*) FROM review") == [(4,)]
    assert rows(progress, "SELECT COUNT(*) FROM undone") == [(4,)]


def test_one_review_can_be_undone_by_its_id(progress: Progress) -> None:
    first = progress.record(outcome("q1"), now=NOW)
    progress.record(outcome("q2"), now=NOW)
    undone = progress.undo(first, now=NOW)
    assert undone is not None
    assert undone.id == first
    assert [row.question for row in all_cards(progress)] == ["q2"]
    assert progress.undo(first, now=NOW) is None
    assert progress.undo("no such review", now=NOW) is None


def test_rating_anew_replaces_the_effect_and_keeps_both_in_the_log(progress: Progress) -> None:
    good = outcome()
    progress.record(good, now=NOW)
    progress.record(replace(outcome(rating=Rating.EASY), replaces=good.id), now=NOW)
    assert [row.card for row in all_cards(progress)] == [review(new_card("tokenizer", "q1", NOW), Rating.EASY, NOW)]
    assert rows(progress, "SELECT COUNT(*) FROM review") == [(2,)]
    assert progress.lesson_progress() == {"tokenizer": LessonProgress(answered=1, right=1)}


def test_the_most_at_risk_come_first(progress: Progress) -> None:
    for number, rating in enumerate((Rating.EASY, Rating.AGAIN, Rating.GOOD, Rating.HARD)):
        progress.record(rated(rating, f"q{number}"), now=NOW)
    later = NOW + DAY * 60
    due = progress.due(later)
    risks = [item.retrievability for item in due]
    assert len(due) == 4
    assert risks == sorted(risks)
    assert due[0].question == "q1"
    by_question = {row.question: row.card for row in all_cards(progress)}
    assert all(item.retrievability == retrievability(by_question[item.question], later) for item in due)


def test_only_what_is_due_is_due(progress: Progress) -> None:
    progress.record(outcome("q1"), now=NOW)
    (card,) = all_cards(progress)
    just_before = card.card.due - timedelta(microseconds=1)
    assert progress.due(just_before) == []
    assert progress.due_count(just_before) == 0
    assert [item.question for item in progress.due(card.card.due)] == ["q1"]
    assert progress.due_count(card.card.due) == 1


def test_a_long_break_does_not_greet_with_everything(progress: Progress) -> None:
    progress.set_setting("daily_limit", 20)
    for number in range(300):
        progress.record(outcome(f"q{number}"), now=NOW)
    later = NOW + DAY * 200
    assert len(progress.due(later)) == progress.due_count(later) == 20
    assert len(progress.due(later, 5)) == 5
    assert len(progress.due(later, 50)) == 20
    assert len(progress.due(later, beyond_limit=True)) == progress.due_count(later, beyond_limit=True) == 300


@pytest.fixture
def shanghai() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("shanghai")
def test_today_s_reviews_count_against_the_limit_once_each(progress: Progress) -> None:
    progress.set_setting("daily_limit", 10)
    morning = NOW.replace(hour=1)  # nine in the morning there
    yesterday = NOW.replace(hour=15, day=1)  # eleven at night there, the day before
    progress.record(outcome("q1", source="review"), now=yesterday)
    assert progress.left_today(morning) == 10
    progress.record(outcome("q1", source="review", correct=False), now=morning)
    progress.record(outcome("q1", source="review"), now=morning + timedelta(minutes=1))
    progress.record(outcome("q2", source="quiz"), now=morning)
    progress.record(outcome("q3", source="review"), now=morning)
    assert progress.left_today(NOW) == 8
    progress.undo(now=NOW)
    assert progress.left_today(NOW) == 9
    progress.set_setting("daily_limit", 0)
    assert progress.due(NOW + timedelta(hours=1)) == []


def test_lessons_that_are_not_there_are_not_asked_from(progress: Progress) -> None:
    progress.record(outcome("q1", lesson="tokenizer"), now=NOW)
    progress.record(outcome("q1", lesson="gone"), now=NOW)
    later = NOW + DAY * 30
    assert [item.lesson for item in progress.due(later, lessons={"tokenizer"})] == ["tokenizer"]
    assert progress.due_count(later, lessons={"tokenizer"}) == 1


def test_progress_of_a_lesson_counts_questions_by_their_latest_answer(progress: Progress) -> None:
    progress.record(outcome("q1", correct=False), now=NOW)
    progress.record(outcome("q1"), now=NOW + DAY)
    progress.record(outcome("q2"), now=NOW)
    progress.record(outcome("q2", correct=False), now=NOW + DAY)
    progress.record(outcome("q1", lesson="decoding"), now=NOW)
    progress.set_position("padding", 2, 7, 0.4, now=NOW)
    assert progress.lesson_progress() == {
        "decoding": LessonProgress(1, 1),
        "padding": LessonProgress(0, 0, Position("padding", 2, 7, 0.4, NOW)),
        "tokenizer": LessonProgress(2, 1),
    }


def test_reading_goes_on_at_the_line_where_it_stopped(progress: Progress) -> None:
    assert progress.last_position() is None
    progress.set_position("tokenizer", 3, 14, 0.6, now=NOW)
    progress.set_position("padding", 0, 0, 0.1, now=NOW + timedelta(seconds=1))
    progress.set_position("tokenizer", 1, 2, 0.2, now=NOW + timedelta(seconds=2))
    # Back in the text, but the furthest that was read still counts.
    assert progress.last_position() == Position("tokenizer", 1, 2, 0.6, NOW + timedelta(seconds=2))
    assert progress.position("padding") == Position("padding", 0, 0, 0.1, NOW + timedelta(seconds=1))
    assert progress.position("decoding") is None
    progress.set_position("padding", 0, 0, 7, now=NOW)
    assert progress.lesson_progress()["padding"].fraction == 1


def test_json_is_kept_until_it_is_forgotten(progress: Progress) -> None:
    value = {"词元": [1, 2.5, None, True], "nested": {"a": "\n"}}
    progress.keep("sitting:tokenizer", value, now=NOW)
    assert progress.kept("sitting:tokenizer") == value
    progress.keep("sitting:tokenizer", None)
    assert progress.kept("sitting:tokenizer") is None
    assert progress.kept("sitting:tokenizer", "new") == "new"


def test_an_answer_and_the_sitting_it_belongs_to_are_saved_together(progress: Progress) -> None:
    with pytest.raises(TypeError):
        progress.record(outcome("q1"), now=NOW, keep={"sitting": object()})
    assert rows(progress, "SELECT COUNT(*) FROM review") == [(0,)]
    progress.record(outcome("q1"), now=NOW, keep={"sitting": {"at": 1}})
    assert progress.kept("sitting") == {"at": 1}
    progress.undo(now=NOW, keep={"sitting": {"at": 0}})
    assert progress.kept("sitting") == {"at": 0}


def test_settings_have_defaults_and_take_only_what_they_may_be(progress: Progress) -> None:
    assert progress.settings() == {"language": None, "theme": None, "daily_limit": 30, "model": None, "server": ""}
    progress.set_setting("daily_limit", "50")
    progress.set_setting("language", "zh")
    assert progress.setting("daily_limit") == 50
    assert progress.setting("language") == "zh"
    for name, value in (
        ("language", "fr"),
        ("daily_limit", -1),
        ("daily_limit", "many"),
        ("daily_limit", True),
        ("model", "a\x1b"),
    ):
        with pytest.raises(UsageError, match=name):
            progress.set_setting(name, value)
    with pytest.raises(UsageError, match="no setting colour"):
        progress.set_setting("colour", "red")
    assert progress.setting("daily_limit") == 50


def test_what_was_saved_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "progress.sqlite3"
    with Progress.open(path, now=NOW) as progress:
        progress.record(outcome(), now=NOW)
        before = all_cards(progress)
    with Progress.open(path, now=NOW + DAY) as progress:
        assert all_cards(progress) == before
        assert not progress.notice


def test_the_screen_and_a_worker_may_use_it_at_once(progress: Progress) -> None:
    def write() -> None:
        for number in range(100):
            progress.record(outcome(f"q{number}"), now=NOW)

    seen = [0]
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done():
            seen.append(sum(lesson.answered for lesson in progress.lesson_progress().values()))
    writing.result()
    assert seen == sorted(seen)
    assert progress.lesson_progress()["tokenizer"].answered == 100


def test_reading_does_not_wait_for_a_write_under_way(progress: Progress) -> None:
    writing, read = threading.Event(), threading.Event()

    def slow(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO kept VALUES ('slow', '1', 'now')")
        writing.set()
        assert read.wait(30)

    worker = threading.Thread(target=lambda: progress.write(slow))
    worker.start()
    assert writing.wait(30)
    assert progress.kept("slow") is None
    read.set()
    worker.join()
    assert progress.kept("slow") == 1


def test_migrations_are_named_in_order_and_noted_in_the_file(progress: Progress) -> None:
    assert list(MIGRATIONS) == sorted(MIGRATIONS)
    assert [name for (name,) in rows(progress, "SELECT name FROM migration ORDER BY name")] == list(MIGRATIONS)


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "progress.sqlite3"
    Progress.open(path, now=NOW).close()
    with monkeypatch.context() as patched:
        patched.setitem(MIGRATIONS, "9999-broken", ("CREATE TABLE half (x)", "NO SUCH STATEMENT"))
        with pytest.raises(StoreError):
            Progress.open(path, now=NOW)
    with Progress.open(path, now=NOW) as progress:
        assert rows(progress, "SELECT name FROM sqlite_master WHERE name = 'half'") == []


def test_a_file_of_a_newer_program_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "progress.sqlite3"
    with monkeypatch.context() as patched:
        patched.setitem(MIGRATIONS, "9999-from-the-future", ("CREATE TABLE future (x)",))
        Progress.open(path, now=NOW).close()
    with pytest.raises(TutorError, match="newer version"):
        Progress.open(path, now=NOW)
    assert path.exists()


def test_opening_loads_neither_the_scheduler_nor_grading() -> None:
    program = (
        "import sys; from tutor.store.progress import Progress; p = Progress.open(); p.lesson_progress(); p.last_position();"
        "from datetime import UTC, datetime; p.due_count(datetime.now(UTC)); p.settings();"
        "print(sorted({'fsrs', 'numpy', 'genanki', 'tutor.domain.grading', 'yaml', 'msgspec'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
