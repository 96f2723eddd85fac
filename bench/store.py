"""What an answer costs until it is on the disk, and what opening costs after years of use. Prints JSON.

python bench/store.py [--answers 500] [--reviews 10000]
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tutor.domain.schedule import Rating
from tutor.domain.session import Outcome
from tutor.store.exchange import export_json, import_json
from tutor.store.progress import Progress

START = datetime(2024, 1, 1, tzinfo=UTC)
QUESTIONS = 400  # 36 lessons of about eleven


def answer(number: int) -> Outcome:
    return Outcome(
        lesson=f"lesson-{number % 36}",
        question=f"q{number % QUESTIONS}",
        revision=1,
        answer=number % 4,
        correct=True,
        hint=False,
        rating=Rating.GOOD,
    )


def milliseconds(work: Callable[[], object], times: int = 1) -> dict[str, float]:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    taken.sort()
    return {
        "median_ms": round(statistics.median(taken), 3),
        "p95_ms": round(taken[min(int(len(taken) * 0.95), len(taken) - 1)], 3),
        "max_ms": round(taken[-1], 3),
    }


def fill(path: Path, reviews: int) -> None:
    """`reviews` answers over two years, in one transaction: only the file is wanted here."""
    with Progress.open(path, now=START) as progress:
        document = export_json(progress)
        step = timedelta(days=730) / reviews
        document["reviews"] = [
            {
                "id": f"r{number}",
                "lesson": given.lesson,
                "question": given.question,
                "revision": given.revision,
                "answer": given.answer,
                "correct": given.correct,
                "hint": given.hint,
                "rating": int(given.rating),
                "reviewed_at": (START + step * number).isoformat(),
                "source": given.source,
            }
            for number, given in ((number, answer(number)) for number in range(reviews))
        ]
        import_json(progress, document)


def measure(folder: Path, answers: int, reviews: int) -> dict[str, object]:
    path = folder / "progress.sqlite3"
    fill(path, reviews)
    now = START + timedelta(days=760)
    opening = milliseconds(lambda: Progress.open(path, now=now).close(), 20)
    program = "import sys, pathlib; from tutor.store.progress import Progress; Progress.open(pathlib.Path(sys.argv[1]))"
    importing = milliseconds(lambda: subprocess.run([sys.executable, "-c", program, str(path)], check=True), 5)
    bare = milliseconds(lambda: subprocess.run([sys.executable, "-c", ""], check=True), 5)
    with Progress.open(path, now=now) as progress:
        moments = iter(range(answers))
        committed = milliseconds(
            lambda: progress.record(answer(number := next(moments)), now=now + timedelta(seconds=number)), answers
        )
        later = now + timedelta(days=300)
        return {
            "answer_committed": committed,
            "bare_commit": bare_commit(folder / "bare.sqlite3", answers),
            "open": opening,
            "open_in_a_new_python": importing,
            "a_new_python": bare,
            "home": milliseconds(
                lambda: (progress.lesson_progress(), progress.due_count(later), progress.last_position()), 20
            ),
            "due": milliseconds(lambda: progress.due(later), 20),
            "undo": milliseconds(lambda: progress.undo(now=later), 20),
            "rebuild": milliseconds(progress.rebuild, 3),
            "backup": milliseconds(lambda: progress.backup(later)),
            "file_bytes": path.stat().st_size,
        }


def bare_commit(path: Path, times: int) -> dict[str, float]:
    """What the disk alone asks for one row in a transaction of its own, under the same promises."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE row (value TEXT)")
    taken = milliseconds(lambda: db.execute("INSERT INTO row VALUES ('x')"), times)
    db.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=500)
    parser.add_argument("--reviews", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), given.answers, given.reviews)
    setting = {
        "machine": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "answers": given.answers,
        "reviews": given.reviews,
    }
    print(json.dumps({"bench": "store", **setting, **figures}, indent=2))


if __name__ == "__main__":
    main()
