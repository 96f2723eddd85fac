"""What lists show of every file, kept as one JSON file, so that starting up opens no lesson.

The index may be deleted at any time. One that is damaged, or was written by another version, counts as empty.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tutor import __version__
from tutor.content.folders import Stamp

# Raised when what the index holds, or what the loader accepts, changes within a version.
REVISION = 4
VERSION = f"{__version__}/{REVISION}"


@dataclass(slots=True)
class Index:
    """For each file name its stamp and what was read from it; a value without text stands for a file with a problem.

    lessons:    [bytes, mtime_ns, part, minutes, title zh, title en, problem zh, problem en]
    quizzes:    [bytes, mtime_ns, number of questions, problem zh, problem en]
    curriculum: [bytes, mtime_ns, topics as [number, slug, part, zh, en]]
    """

    lessons: dict[str, list[Any]] = field(default_factory=dict)
    quizzes: dict[str, list[Any]] = field(default_factory=dict)
    curriculum: list[Any] = field(default_factory=list)


def current(row: list[Any] | None, stamp: Stamp) -> bool:
    """Whether `row` was made from the file that has `stamp`."""
    return row is not None and row[:2] == [*stamp]


def load(path: Path | None) -> Index:
    """The index in `path`; an empty one where there is none that can be trusted."""
    if path is None:
        return Index()
    try:
        data = json.loads(path.read_bytes())
        index = Index(data["lessons"], data["quizzes"], data["curriculum"])
        sound = data["version"] == VERSION and _sound(index)
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return Index()
    return index if sound else Index()


def save(index: Index, path: Path | None) -> None:
    """Writes the index whole or not at all; two programs may do so at once. A folder that refuses is no failure."""
    if path is None:
        return
    data = {
        "version": VERSION,
        "lessons": index.lessons,
        "quizzes": index.quizzes,
        "curriculum": index.curriculum,
    }
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())


def write_atomically(path: Path, data: bytes) -> None:
    """Raises OSError, and leaves nothing behind then."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


_ROW_TYPES: dict[str, tuple[type, ...]] = {
    "lessons": (int, int, str, int, str, str, str, str),
    "quizzes": (int, int, int, str, str),
}
_TOPIC_TYPES = (int, str, str, str, str)


def _sound(index: Index) -> bool:
    """Whether every row has the shape that `Index` promises: the file may have been cut, or written by hand."""
    return (
        all(_types(row) == _ROW_TYPES["lessons"] for row in index.lessons.values())
        and all(_types(row) == _ROW_TYPES["quizzes"] for row in index.quizzes.values())
        and _types(index.curriculum) in ((), (int, int, list))
        and all(_types(topic) == _TOPIC_TYPES for topics in index.curriculum[2:] for topic in topics)
    )


def _types(row: Any) -> tuple[type, ...]:
    return tuple(map(type, row)) if isinstance(row, list) else ()
