"""Programs that are killed, and two at once: no answer that was said to be saved is lost."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from tests.soak import count
from tests.store.helpers import NOW
from tutor.store import cards
from tutor.store.exchange import export_json
from tutor.store.progress import Progress

# Answers for ever (or N times), and says so only after the commit, as the screen does.
ANSWER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from tutor.domain.schedule import Rating
from tutor.domain.session import Outcome
from tutor.store.progress import Progress
path, name, n = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with Progress.open(path) as progress:
    for number in range(n):
        given = Outcome(lesson="tokenizer", question=f"q{number % 7}", revision=1, answer=[name, number], correct=True,
                        hint=False, rating=Rating.GOOD, id=f"{name}-{number}")
        progress.record(given, keep={"sitting": {"at": number}})
        print("saved", given.id, flush=True)
        if number % 5 == 4:
            progress.undo()
        if number % 11 == 10:
            progress.backup(datetime.now(UTC))
"""


def answer(path: Path, name: str, n: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ANSWER, str(path), name, str(n)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def logged(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        # Killed before its first transaction, a program leaves a file without tables.
        made = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'review'").fetchone()
        return {id for (id,) in db.execute("SELECT id FROM review")} if made else set()


def test_no_answer_said_to_be_saved_is_lost_when_the_program_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "progress.sqlite3"
    rng = random.Random(2)
    said: set[str] = set()
    for round_ in range(count(300)):
        program = answer(path, f"r{round_}", 1_000_000)
        assert program.stdout and program.stderr
        for _ in range(rng.randint(0, 12)):
            said.add(program.stdout.readline().split()[1])
        time.sleep(rng.random() * 0.02)
        program.kill()
        rest, failure = program.communicate()
        assert failure == ""
        # A last line may be cut off by the kill; what was not said in full was not said.
        said |= {line.split()[1] for line in rest.splitlines(keepends=True) if line.endswith("\n")}
        assert said <= logged(path)
    with Progress.open(path, now=NOW) as progress:
        assert not progress.notice
        before = progress.read(lambda db: cards.read(db, "ORDER BY question"))
        progress.rebuild()
        assert progress.read(lambda db: cards.read(db, "ORDER BY question")) == before
    assert len(said) > count(300)


def test_two_programs_on_one_file_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "progress.sqlite3"
    n = count(1000)
    programs = [answer(path, name, n) for name in ("one", "two")]
    for program in programs:
        out, failure = program.communicate()
        assert failure == ""
        assert program.returncode == 0
        assert len(out.splitlines()) == n
    assert logged(path) == {f"{name}-{number}" for name in ("one", "two") for number in range(n)}
    with Progress.open(path, now=NOW) as progress:
        assert len(export_json(progress)["undone"]) == 2 * (n // 5)
        before = progress.read(lambda db: cards.read(db, "ORDER BY question"))
        progress.rebuild()
        assert progress.read(lambda db: cards.read(db, "ORDER BY question")) == before


def test_many_programs_may_make_the_file_at_once(tmp_path: Path) -> None:
    for round_ in range(count(20)):
        path = tmp_path / str(round_) / "progress.sqlite3"
        programs = [answer(path, str(number), 2) for number in range(4)]
        for program in programs:
            _, failure = program.communicate()
            assert failure == ""
        assert len(logged(path)) == 8
