"""SQLite as this room uses it: how a file is opened, what a transaction is, and a sentence for every way it fails."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tutor.domain.errors import TutorError
from tutor.domain.plaintext import visible

BUSY_SECONDS = 10.0  # how long one program waits for another's transaction; ours take milliseconds

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class StoreError(TutorError):
    """The progress could not be read or written. What was saved before is still there."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from any thread by one at a time. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def use_wal(connection: sqlite3.Connection) -> None:
    """Write-ahead log, so that readers never wait. The mode is kept in the file.

    SQLite does not wait its busy timeout when two programs make this switch at once, so this does. Where the file
    system cannot do it (some network drives), the rollback journal stays: slower, as safe.
    """
    give_up = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if _primary(error) != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def is_damaged(path: Path) -> bool:
    """Whether the file is no sound database. Raises StoreError where that cannot be found out."""
    with sentences(path):
        if _has_unknown_version(path):
            return True
        connection = None
        try:
            connection = connect(path)
            return connection.execute("PRAGMA quick_check(1)").fetchall() != [("ok",)]
        except sqlite3.DatabaseError as error:
            # A generic error here is a header or a schema that SQLite cannot make sense of.
            if _primary(error) in (*DAMAGED, sqlite3.SQLITE_ERROR):
                return True
            raise
        finally:
            if connection:
                connection.close()


def _has_unknown_version(path: Path) -> bool:
    # Bytes 18 and 19 of the header: 1 rollback journal, 2 write-ahead log. SQLite takes any other write version for a
    # newer format and opens the file for reading only, which would pass for a lack of permission.
    with path.open("rb") as file:
        header = file.read(20)
    return len(header) == 20 and any(version not in (1, 2) for version in header[18:])


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of it or nothing. Takes the write lock at once, so that what is read inside stays true until the commit."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some failures, such as a full disk.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Turns what SQLite and the file system say into a StoreError."""
    shown = visible(str(path))
    try:
        yield
    except sqlite3.Error as error:
        raise _sentence(error, shown) from error
    except OSError as error:
        raise StoreError(
            "The progress file {path} cannot be used: {reason}.",
            hint="Set QWTUTOR_HOME to a folder where you may write.",
            path=shown,
            reason=error.strerror or type(error).__name__,
        ) from error


def _sentence(error: sqlite3.Error, path: str) -> StoreError:
    match _primary(error):
        case sqlite3.SQLITE_FULL:
            return StoreError(
                "The disk is full, so nothing could be saved in {path}.",
                hint="Free some space and do it again; what was saved before is safe.",
                path=path,
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreError(
                "Another program holds the progress file {path}.", hint="Close it and try again.", path=path
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return StoreError(
                "The progress file {path} cannot be written.",
                hint="Check who may write there, or set QWTUTOR_HOME to another folder.",
                path=path,
            )
        case code if code in DAMAGED:
            return StoreError(
                "The progress file {path} is damaged.",
                hint="Start again: it is then set aside and restored from the newest good backup.",
                path=path,
            )
    return StoreError(
        "The progress file {path} cannot be used: {reason}.",
        hint="Set QWTUTOR_HOME to a folder where you may write.",
        path=path,
        reason=str(error),
    )


def _primary(error: sqlite3.Error) -> int:
    """The primary result code, 0 where Python itself complains."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
