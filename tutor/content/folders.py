"""Which content files a folder holds. A course from elsewhere may hold links: none may lead out of it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

Stamp = tuple[int, int]  # bytes, nanoseconds of the last change

FILE_NAME = re.compile(r"([0-9]{2,4})-([a-z0-9][a-z0-9-]{0,63})\.yaml")
_NOWHERE: Stamp = (-1, -1)


class ContentFile(NamedTuple):
    """A file whose name is that of a lesson or a quiz. `outside` says that it is a link that leads out of the course."""

    number: int
    slug: str
    name: str
    folder: Path
    stamp: Stamp
    outside: bool

    @property
    def path(self) -> Path:
        return self.folder / self.name

    @property
    def shown(self) -> str:
        """The file as problems name it."""
        return f"{self.folder.name}/{self.name}"


def scan(folder: Path, course: Path | None) -> dict[str, ContentFile]:
    """The content files in `folder` by slug, in the order of their names; {} where there is no such folder."""
    found: dict[str, ContentFile] = {}
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return found
    for entry in entries:
        name = entry.name
        match = FILE_NAME.fullmatch(name)
        if match is None or match[2] in found:
            continue
        outside = entry.is_symlink() and not inside(folder / name, course or folder)
        found[match[2]] = ContentFile(int(match[1]), match[2], name, folder, stamp(entry), outside)
    return found


def stamp(entry: Path | os.DirEntry[str]) -> Stamp:
    """Two files with the same stamp count as the same; a file that is not there has a stamp too."""
    try:
        status = entry.stat()
    except OSError:
        return _NOWHERE
    return status.st_size, status.st_mtime_ns


def inside(path: Path, root: Path | None) -> bool:
    """Whether `path`, all links followed, lies within `root`; what has no root is trusted."""
    return root is None or path.resolve().is_relative_to(root.resolve())
