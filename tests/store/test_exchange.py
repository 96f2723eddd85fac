from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.store.helpers import DAY, NOW, rated
from tutor.domain.errors import TutorError
from tutor.domain.schedule import Rating
from tutor.store import backups, cards
from tutor.store.exchange import Imported, export_json, import_json, reset
from tutor.store.progress import Progress

Opener = Callable[[str], Progress]


@pytest.fixture
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> Opener:
    def opener(name: str) -> Progress:
        progress = Progress.open(tmp_path / name / "progress.sqlite3", now=NOW)
        request.addfinalizer(progress.close)
        return progress

    return opener


def fill(progress: Progress, seed: int, answers: int = 40) -> None:
    rng = random.Random(seed)
    now = NOW + timedelta(seconds=seed)
    for _ in range(answers):
        now += timedelta(minutes=rng.choice([0, 1, 600, 5000]))
        lesson = rng.choice(["tokenizer", "decoding"])
        progress.record(
            rated(
                Rating(rng.randint(1, 4)),
                f"q{rng.randint(1, 6)}",
                lesson=lesson,
                answer=rng.choice([1, [0, 2], "字节", 2.5]),
            ),
            now=now,
        )
        if rng.random() < 0.2:
            progress.undo(now=now)
        progress.set_position(lesson, rng.randint(0, 9), rng.randint(0, 40), rng.random(), now=now)
    progress.keep("sitting:tokenizer", {"at": seed, "草稿": "…"}, now=now)
    progress.set_setting("daily_limit", seed + 10, now=now)


def all_cards(progress: Progress) -> list[cards.Scheduled]:
    return progress.read(lambda db: cards.read(db, "ORDER BY lesson, question"))


@pytest.mark.parametrize("seed", range(5))
def test_out_and_into_an_empty_file_is_exactly_the_same(opened: Opener, seed: int) -> None:
    here, there = opened("here"), opened("there")
    fill(here, seed)
    document = json.loads(json.dumps(export_json(here), ensure_ascii=False))
    assert import_json(there, document) == Imported(added=40, known=0)
    assert export_json(there) == export_json(here)
    assert all_cards(there) == all_cards(here)
    assert there.settings() == here.settings()
    assert there.lesson_progress() == here.lesson_progress()


def test_the_format_names_itself_and_its_version(opened: Opener) -> None:
    document = export_json(opened("here"))
    assert document == {
        "format": "qwtutor-progress",
        "version": 1,
        "reviews": [],
        "undone": [],
        "positions": [],
        "kept": [],
        "settings": [],
    }


def test_importing_twice_adds_nothing(opened: Opener) -> None:
    here = opened("here")
    fill(here, 1)
    before = export_json(here), all_cards(here)
    assert import_json(here, before[0]) == Imported(added=0, known=40)
    assert (export_json(here), all_cards(here)) == before


def test_two_machines_come_to_the_same_schedule_whoever_imports_first(opened: Opener) -> None:
    a, b, ab, ba = (opened(name) for name in ("a", "b", "ab", "ba"))
    fill(a, 1)
    fill(b, 2)
    for target, order in ((ab, (a, b)), (ba, (b, a))):
        for source in order:
            import_json(target, export_json(source))
    assert all_cards(ab) == all_cards(ba)
    assert ab.lesson_progress() == ba.lesson_progress()
    assert ab.settings() == ba.settings()
    assert ab.kept("sitting:tokenizer") == ba.kept("sitting:tokenizer")
    assert ab.rebuild() == len(all_cards(ab))
    assert all_cards(ab) == all_cards(ba)


def test_the_newer_position_stays_and_the_furthest_reading(opened: Opener) -> None:
    here, there = opened("here"), opened("there")
    here.set_position("tokenizer", 1, 1, 0.9, now=NOW)
    there.set_position("tokenizer", 5, 5, 0.3, now=NOW + DAY)
    for a, b in ((here, there), (there, here)):
        import_json(a, export_json(b))
        position = a.position("tokenizer")
        assert position is not None
        assert (position.block, position.line, position.fraction) == (5, 5, 0.9)


BROKEN: list[tuple[str, Any, str]] = [
    ("rating", 5, "rating"),
    ("rating", True, "rating"),
    ("rating", "3", "rating"),
    ("correct", 1, "correct"),
    ("id", "", "id"),
    ("id", None, "id"),
    ("lesson", "a\x1b[31m", "lesson"),
    ("lesson", "x" * 301, "lesson"),
    ("reviewed_at", "yesterday", "reviewed_at"),
    ("reviewed_at", 5, "reviewed_at"),
    ("revision", -1, "revision"),
    ("revision", 2**70, "revision"),
    ("answer", float("nan"), "answer"),
]


@pytest.mark.parametrize(("field", "value", "named"), BROKEN)
def test_a_wrong_field_is_named_and_nothing_is_imported(opened: Opener, field: str, value: Any, named: str) -> None:
    here, there = opened("here"), opened("there")
    fill(here, 3, answers=5)
    document = export_json(here)
    document["reviews"][3][field] = value
    with pytest.raises(TutorError, match=rf"reviews\[3\]\.{named}"):
        import_json(there, document)
    assert export_json(there)["reviews"] == []


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        {},
        {"format": "something-else"},
        {"format": "qwtutor-progress"},
        {"format": "qwtutor-progress", "version": 2},
        {"format": "qwtutor-progress", "version": 1, "reviews": {}},
        {"format": "qwtutor-progress", "version": 1, "reviews": [1]},
        {"format": "qwtutor-progress", "version": 1, "reviews": [{}]},
        {"format": "qwtutor-progress", "version": 1, "undone": [{"review": "x", "undone_at": "2026-03-02"}]},
        {
            "format": "qwtutor-progress",
            "version": 1,
            "settings": [{"name": "x", "value": 1, "updated_at": "2026-03-02"}],
        },
        {
            "format": "qwtutor-progress",
            "version": 1,
            "positions": [{"lesson": "x", "block": 0, "line": 0, "fraction": 2}],
        },
    ],
)
def test_what_is_no_export_is_answered_with_a_sentence(opened: Opener, document: Any) -> None:
    progress = opened("here")
    with pytest.raises(TutorError):
        import_json(progress, document)
    assert export_json(progress)["reviews"] == []


def test_any_value_in_any_place_gives_an_import_or_a_sentence(opened: Opener) -> None:
    here, there = opened("here"), opened("there")
    fill(here, 4, answers=3)
    here.undo(now=NOW)
    whole = export_json(here)
    for section, given in whole.items():
        if not isinstance(given, list):
            continue
        for column in given[0]:
            for value in (None, 0, -1, 1e308, "", "x", [], {}, [[[]]], True):
                document = json.loads(json.dumps(whole))
                document[section][0][column] = value
                try:
                    import_json(there, document)
                except TutorError as error:
                    assert section in str(error)


def test_a_reset_forgets_all_but_the_settings_and_writes_a_copy_first(opened: Opener) -> None:
    progress = opened("here")
    fill(progress, 5)
    progress.backup(NOW)
    before = export_json(progress)
    copy = reset(progress, NOW + timedelta(hours=1))
    after = export_json(progress)
    assert after == {**before, "reviews": [], "undone": [], "positions": [], "kept": []}
    assert all_cards(progress) == []
    with Progress.open(copy, now=NOW) as saved:
        assert export_json(saved) == before
    # The day's backup was written anew: mending the file must not bring back what was to be forgotten.
    (newest, *_) = backups.backups(progress.path).values()
    with Progress.open(newest, now=NOW) as saved:
        assert export_json(saved) == after
