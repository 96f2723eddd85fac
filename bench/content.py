"""How long lists, opening and searching take with 36, 360 and 1,000 lessons. Prints JSON; times in milliseconds.

`listing`: looking into both folders and asking each file for its size and age, which no list can do without.
`cold`: the first list without an index. `warm`: the same with one, the index read from its file. `again`: the list
once more in the same program. `refresh`: every file read for the first time. `search`: the first query, which reads
all lessons again, and one more.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tutor import places
from tutor.content.library import Library
from tutor.content.search import search

SIZES = (36, 360, 1000)
ROUNDS = 7
QUERIES = ("为什么贪心解码会重复", "how does byte-pair encoding choose a merge", "top-p")


def make_course(folder: Path, count: int) -> Path:
    """`count` lessons: the shipped ones over and over, each under a number and slug of its own."""
    sources = sorted(places.shipped("lessons").glob("[0-9]*.yaml"))
    for kind in ("lessons", "quizzes"):
        (folder / kind).mkdir(parents=True)
    for number in range(1, count + 1):
        source = sources[number % len(sources)]
        slug = f"copy-{number}"
        lesson = source.read_text(encoding="utf-8")
        lesson = re.sub(r"^number: .*$", f"number: {number}", lesson, count=1, flags=re.M)
        lesson = re.sub(r"^slug: .*$", f"slug: {slug}", lesson, count=1, flags=re.M)
        quiz = (places.shipped("quizzes") / source.name).read_text(encoding="utf-8")
        quiz = re.sub(r"^lesson: .*$", f"lesson: {slug}", quiz, count=1, flags=re.M)
        for kind, text in (("lessons", lesson), ("quizzes", quiz)):
            (folder / kind / f"{number:04d}-{slug}.yaml").write_text(text, encoding="utf-8")
    return folder


def milliseconds(work: Callable[[], object], rounds: int = ROUNDS, before: Callable[[], object] | None = None) -> float:
    """The median over `rounds`; `before` is not counted."""
    times = []
    for _ in range(rounds):
        if before is not None:
            before()
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(times), 2)


def listing(course: Path) -> None:
    for kind in ("lessons", "quizzes"):
        with os.scandir(course / kind) as entries:
            for entry in entries:
                entry.stat()


def measure(count: int, folder: Path) -> dict[str, float]:
    course, cache = make_course(folder / "course", count), folder / "cache"

    def empty_cache() -> None:
        shutil.rmtree(cache, ignore_errors=True)

    times = {
        "listing": milliseconds(lambda: listing(course)),
        "cold": milliseconds(lambda: Library(course, cache).entries(), before=empty_cache),
        "refresh": milliseconds(lambda: Library(course, cache).refresh(), rounds=1, before=empty_cache),
        "warm": milliseconds(lambda: Library(course, cache).entries()),
    }
    library = Library(course, cache)
    times["again"] = milliseconds(library.entries)
    assert not any(entry.problem or entry.stale for entry in library.entries())
    times["open"] = milliseconds(lambda: Library(course, cache).lesson("copy-7"))
    times["search_first"] = milliseconds(lambda: search(library, QUERIES[0]), rounds=1)
    times["search_from_file"] = milliseconds(lambda: search(Library(course, cache), QUERIES[0]), rounds=3)
    times["search"] = milliseconds(lambda: [search(library, query) for query in QUERIES]) / len(QUERIES)
    return times


def main() -> None:
    figures: dict[str, dict[str, float]] = {}
    for count in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            figures[str(count)] = measure(count, Path(folder))
    json.dump({"unit": "ms", "lessons": figures}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
