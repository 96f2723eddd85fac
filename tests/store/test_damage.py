"""A file that is damaged, locked, full or out of reach: a sentence, and as much of the progress as can be had."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.soak import count
from tests.store.helpers import DAY, NOW, outcome
from tutor.store import backups, database
from tutor.store.backups import worth_keeping
from tutor.store.database import StoreError
from tutor.store.exchange import export_json
from tutor.store.progress import Progress


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "progress.sqlite3"


def answered(path: Path, n: int, *, first: int = 0) -> None:
    with Progress.open(path, now=NOW) as progress:
        for number in range(first, first + n):
            progress.record(outcome(f"q{number}"), now=NOW + timedelta(minutes=number))


def n_reviews(progress: Progress) -> int:
    return len(export_json(progress)["reviews"])


def beside(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir() if file.is_file())


# Backups


def test_a_backup_a_day_that_is_a_whole_file_of_its_own(path: Path) -> None:
    with Progress.open(path, now=NOW) as progress:
        progress.record(outcome(), now=NOW)
        made = progress.backup(NOW)
        assert made == path.parent / "backups" / "progress-2026-03-02.sqlite3"
        assert progress.backup(NOW + timedelta(hours=3)) is None
        assert progress.backup(NOW + DAY) is not None
        before = export_json(progress)
    assert sorted(file.name for file in (path.parent / "backups").iterdir()) == [
        "progress-2026-03-02.sqlite3",
        "progress-2026-03-03.sqlite3",
    ]
    with Progress.open(made, now=NOW) as copy:
        assert export_json(copy) == before


def test_a_backup_can_be_made_while_an_answer_is_being_saved(path: Path) -> None:
    with Progress.open(path, now=NOW) as progress:
        progress.record(outcome(), now=NOW)

        def save_and_back_up(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO kept VALUES ('half', '1', 'now')")
            progress.backup(NOW)

        progress.write(save_and_back_up)
    (copy,) = backups.backups(path).values()
    with Progress.open(copy, now=NOW) as restored:
        assert n_reviews(restored) == 1
        assert restored.kept("half") is None


def test_old_backups_are_thinned_and_other_files_left_alone(path: Path) -> None:
    folder = path.parent / "backups"
    with Progress.open(path, now=NOW) as progress:
        for days in range(40):
            progress.backup(NOW + DAY * days)
        (folder / "progress-2020-13-45.sqlite3").touch()
        (folder / "notes.txt").touch()
        progress.backup(NOW + DAY * 40)
    days = [f"{day:%m-%d}" for day in backups.backups(path)]
    assert days[:7] == ["04-11", "04-10", "04-09", "04-08", "04-07", "04-06", "04-05"]
    assert days[7:] == ["03-31", "03-29", "03-22"]  # the end of a month, and of the two weeks before
    assert (folder / "progress-2020-13-45.sqlite3").exists()
    assert (folder / "notes.txt").exists()


@given(st.sets(st.dates(date(2024, 1, 1), date(2027, 12, 31)), max_size=120))
def test_thinning_keeps_days_weeks_and_months_and_never_more(days: set[date]) -> None:
    kept = worth_keeping(days)
    newest_first = sorted(days, reverse=True)
    assert kept <= days
    assert len(kept) <= 7 + 4 + 12
    assert set(newest_first[:7]) <= kept
    months = list(dict.fromkeys((day.year, day.month) for day in newest_first))[:12]
    weeks = list(dict.fromkeys(day.isocalendar()[:2] for day in newest_first))[:4]
    assert set(months) <= {(day.year, day.month) for day in kept}
    assert set(weeks) <= {day.isocalendar()[:2] for day in kept}
    # Thinned every day or once at the end, the newest of a month is still there.
    assert worth_keeping(kept) == kept


# Damage


def test_a_damaged_file_is_set_aside_and_the_newest_good_backup_takes_its_place(path: Path) -> None:
    with Progress.open(path, now=NOW) as progress:
        progress.record(outcome("q1"), now=NOW)
        progress.backup(NOW)
        progress.record(outcome("q2"), now=NOW)
        progress.backup(NOW + DAY)
    (newest, older) = backups.backups(path).values()
    newest.write_bytes(b"not a database at all" * 100)
    path.write_bytes(b"\x00rubbish" * 4096)
    with Progress.open(path, now=NOW + 2 * DAY) as progress:
        assert n_reviews(progress) == 1
        assert "2026-03-02" in progress.notice.en
        assert "damaged-20260304T120000" in progress.notice.en
        assert "已损坏" in progress.notice.zh
        progress.record(outcome("q3"), now=NOW)
    assert older.exists()
    assert [name for name in beside(path) if "damaged" in name] == ["progress.sqlite3.damaged-20260304T120000.000000Z"]
    with Progress.open(path, now=NOW + 3 * DAY) as progress:
        assert not progress.notice
        assert n_reviews(progress) == 2


def test_without_a_backup_progress_starts_anew_and_the_damaged_file_is_kept(path: Path) -> None:
    path.write_bytes(b"rubbish" * 1000)
    with Progress.open(path, now=NOW) as progress:
        assert "no good backup" in progress.notice.en
        assert n_reviews(progress) == 0
        progress.record(outcome(), now=NOW)
    (aside,) = path.parent.glob("*.damaged-*")
    assert aside.read_bytes() == b"rubbish" * 1000


def test_a_file_of_no_bytes_is_lost_progress_where_there_are_backups(path: Path) -> None:
    answered(path, 3)
    with Progress.open(path, now=NOW) as progress:
        progress.backup(NOW)
    path.write_bytes(b"")
    with Progress.open(path, now=NOW) as progress:
        assert progress.notice
        assert n_reviews(progress) == 3


def test_answers_given_after_the_backup_are_read_out_of_the_damaged_file(path: Path) -> None:
    answered(path, 80)
    with Progress.open(path, now=NOW) as progress:
        progress.backup(NOW)
    answered(path, 80, first=80)
    page_size, pages = _layout(path)
    with path.open("r+b") as file:
        file.seek(page_size * (pages // 2))
        file.write(os.urandom(page_size))
    assert database.is_damaged(path)
    with Progress.open(path, now=NOW + DAY) as progress:
        assert progress.notice
        assert n_reviews(progress) > 80
        assert progress.rebuild() == sum(lesson.answered for lesson in progress.lesson_progress().values())


def _layout(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA page_size").fetchone()[0], db.execute("PRAGMA page_count").fetchone()[0]


def test_whatever_is_overwritten_the_file_opens_and_no_backed_up_answer_is_lost(path: Path) -> None:
    answered(path, 60)
    with Progress.open(path, now=NOW) as progress:
        progress.backup(NOW)
    answered(path, 60, first=60)
    whole = path.read_bytes()
    rng = random.Random(11)
    mended = 0
    for round_ in range(count(200)):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 1, 4, 40])):
            at = rng.randrange(len(damaged))
            damaged[at : at + rng.choice([1, 16, 4096])] = rng.randbytes(rng.choice([1, 16, 4096]))
        path.write_bytes(bytes(damaged[: rng.choice([len(whole), len(whole), rng.randrange(1, len(whole))])]))
        with Progress.open(path, now=NOW + DAY + timedelta(seconds=round_)) as progress:
            if progress.notice:
                mended += 1
                assert n_reviews(progress) >= 60
            progress.lesson_progress()
        for file in path.parent.glob("progress.sqlite3*"):
            file.unlink()
    assert mended > 0


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, b"X"), (18, b"\x03"), (19, b"\x07"), (47, b"\x09"), (16, b"\x00\x03")],
    ids=["magic", "write version", "read version", "schema format", "page size"],
)
def test_a_header_that_makes_no_sense_is_damage(path: Path, at: int, value: bytes) -> None:
    answered(path, 3)
    with Progress.open(path, now=NOW) as progress:
        progress.backup(NOW)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(value)
    with Progress.open(path, now=NOW) as progress:
        assert progress.notice
        assert n_reviews(progress) == 3


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE review SET reviewed_at = 'yesterday' WHERE seq = 2",
        "UPDATE review SET answer = '[1, ' WHERE seq = 2",
        "UPDATE card SET due = '2026-03-0x'",
        "UPDATE position SET updated_at = ''",
        "UPDATE kept SET value = 'x'",
    ],
)
def test_a_row_that_cannot_be_read_is_damage_and_the_others_are_saved(path: Path, change: str) -> None:
    answered(path, 3)
    with Progress.open(path, now=NOW) as progress:
        progress.set_position("tokenizer", 1, 2, 0.5, now=NOW)
        progress.keep("draft", "text", now=NOW)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute(change)
    with Progress.open(path, now=NOW) as progress:
        assert progress.notice
        assert n_reviews(progress) == (2 if "review " in change else 3)


def test_damage_met_while_running_is_said_with_what_to_do(path: Path) -> None:
    answered(path, 50)
    with Progress.open(path, now=NOW) as progress:
        page_size, pages = _layout(path)
        with path.open("r+b") as file:
            file.seek(page_size)
            file.write(b"\xff" * page_size * (pages - 1))
        with pytest.raises(StoreError, match="damaged") as raised:
            progress.rebuild()
        assert "Start again" in raised.value.hint


# Out of reach


def test_a_full_disk_is_said_and_nothing_saved_before_is_lost(path: Path) -> None:
    with Progress.open(path, now=NOW) as progress:
        progress.record(outcome("q0"), now=NOW)
        pages = progress.write(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
        # SQLite's own limit gives the same error as the file system does.
        progress._writer.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="disk is full") as raised:
            for number in range(1000):
                progress.record(outcome(f"q{number}", answer="x" * 500), now=NOW)
        assert "safe" in raised.value.hint
        saved = n_reviews(progress)
        progress._writer.execute("PRAGMA max_page_count = 1000000")
        progress.record(outcome("after"), now=NOW)
        assert n_reviews(progress) == saved + 1


def test_a_locked_file_is_waited_for_and_then_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    with Progress.open(path, now=NOW) as progress, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="Another program"):
            progress.record(outcome(), now=NOW)
        assert progress.lesson_progress() == {}
        other.execute("ROLLBACK")
        progress.record(outcome(), now=NOW)


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be used"):
        Progress.open(tmp_path / "file" / "progress.sqlite3", now=NOW)


OPEN = """
import os, sys
from pathlib import Path
from tutor.domain.language import set_language
from tutor.domain.errors import TutorError
from tutor.store.progress import Progress
set_language("en")
if os.geteuid() == 0:
    os.setuid(65534)  # file modes do not hold back root
try:
    Progress.open(Path(sys.argv[1]))
except TutorError as error:
    print(error)
"""


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_read_only_place_is_said(what: str) -> None:
    # Not tmp_path: its parents are closed to others, which would be another error.
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if what == "file":
            answered(home / "progress.sqlite3", 1)
            (home / "progress.sqlite3").chmod(0o444)
        home.chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", OPEN, str(home / "progress.sqlite3")], capture_output=True, text=True, check=True
        )
        home.chmod(0o755)
        assert "cannot be" in done.stdout
        assert folder in done.stdout
        assert "QWTUTOR_HOME" in done.stdout
