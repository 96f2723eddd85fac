"""Model files on disk: their hashes, and the markers that save hashing half a gigabyte at every start.

`<file>.verified.json` holds size, modification time and SHA-256: it speaks for the file as long as the first two hold.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tutor import places
from tutor.domain.errors import Cancelled, TutorError
from tutor.domain.plaintext import visible

HASH_BLOCK = 1 << 20


def hash_file(path: Path, *, stopped: Callable[[], bool] = lambda: False) -> str:
    """The SHA-256 of a file in hexadecimal. Raises Cancelled when told to stop, TutorError where it cannot be read."""
    digest = hashlib.sha256()
    with reading(path) as stream:
        while block := stream.read(HASH_BLOCK):
            if stopped():
                raise Cancelled("Stopped.")
            digest.update(block)
    return digest.hexdigest()


def mark(path: Path, sha256: str) -> None:
    """Remember that `path`, as it is now, has this hash: beside the file, or in the person's cache where that fails."""
    stat = path.stat()
    note = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": sha256}
    for marker in _markers(path):
        if write_json_if_possible(marker, note):
            return


def marked_hash(path: Path) -> str:
    """The hash that a marker gives for the file as it is now, or nothing."""
    stat = path.stat()
    for marker in _markers(path):
        note = read_json(marker)
        if note.get("size") == stat.st_size and note.get("mtime_ns") == stat.st_mtime_ns:
            return str(note.get("sha256"))
    return ""


def _markers(path: Path) -> tuple[Path, ...]:
    own = places.cache() / "verified" / (hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:24] + ".json")
    beside = path.with_name(path.name + ".verified.json")
    # A file that was added lies in the person's own folder: nothing is put beside it there.
    return (beside, own) if path.parent == places.models_folder() else (own,)


def size_of(path: Path) -> int | None:
    """Bytes in the file, None where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def reading(path: Path) -> BinaryIO:
    """Open a file to read. Raises TutorError with the reason where that fails."""
    try:
        return path.open("rb")
    except OSError as error:
        raise TutorError(
            "{path} cannot be read: {reason}.", path=visible(str(path)), reason=error.strerror or "?"
        ) from error


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Replace `path` by `value` in one step: a reader sees the old file or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    os.replace(new, path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of ours, or nothing where there is none that can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json_if_possible(path: Path, value: Mapping[str, object]) -> bool:
    """Like `write_json`, for what can be found out again: a folder that cannot be written to costs time, nothing else."""
    try:
        write_json(path, value)
    except OSError:
        return False
    return True
