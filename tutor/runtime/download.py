"""One URL into one file, over a network that stalls, breaks off and lies.

The bytes go to `<name>.part`; `<name>.part.json` beside it says what they are a part of (URL, ETag, expected hash and
size). Killed at any moment, the next call goes on from the bytes on disk: Range with If-Range (RFC 9110, sections
13.1.5 and 14.2). Nothing here decides that a file is right but its SHA-256.
"""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tutor import __version__
from tutor.domain.errors import Cancelled, TutorError
from tutor.domain.plaintext import visible
from tutor.runtime.modelfiles import hash_file, read_json, size_of, write_json

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

RETRY_STATUSES = {408, 425, 429, 500, 502, 503, 504}
POLL_SECONDS = 0.1  # how soon a stop is noticed, whatever the network does
LONGEST_WAIT = 30.0  # seconds between two tries, also where a server asks for more
WORTH_A_RETRY = 1 << 20  # bytes after which a broken connection counts as a new one
QUEUED_CHUNKS = 4  # of at most 64 KiB: what a kill may lose in this process


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait (seconds) and how often to try again before a source is given up."""

    connect_seconds: float = 8.0
    stall_seconds: float = 30.0
    retries: int = 5
    backoff_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Remote:
    """A file somewhere else. `bytes` and `sha256` where they are known; `limit` is what it may never exceed."""

    url: str
    bytes: int | None
    sha256: str
    limit: int


@dataclass(frozen=True, slots=True)
class Session:
    """What every request of one pull shares. `stopped` is asked ten times a second."""

    client: httpx.Client
    limits: Limits
    stopped: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Held:
    """What is on disk of a file: its first `size` bytes, which came under `etag`."""

    size: int
    etag: str


class SourceFailed(TutorError):
    """This source cannot give the file; another may."""


class _Interrupted(Exception):
    """This try came to nothing; the next may go on from here."""

    def __init__(self, reason: SourceFailed, *, wait: float = 0.0, reached: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.reached = reached


def fetch(remote: Remote, part: Path, session: Session, on_size: Callable[[int], None]) -> None:
    """Make `part` the whole file, going on from what is there. `on_size` hears how long `part` is now.

    Raises SourceFailed, and Cancelled with `part` kept. A file that was resumed and has the wrong hash is fetched once
    more from the start: the old bytes may be at fault, after a power cut for instance.
    """
    for _ in range(2):
        resumed = bool(size_of(part))
        _transfer(remote, part, session, on_size)
        try:
            require_hash(part, remote.sha256, session)
            return
        except SourceFailed:
            if not resumed:
                raise


def require_hash(part: Path, sha256: str, session: Session) -> None:
    """Raise SourceFailed and delete `part` where its content is not the one wanted. An empty `sha256` wants nothing."""
    if sha256 and hash_file(part, stopped=session.stopped) != sha256:
        discard(part)
        raise SourceFailed("What it sent has the wrong SHA-256.")


def fetch_text(url: str, session: Session, *, accept: str, limit: int) -> tuple[str, str, str]:
    """A small document: its text, its media type and the URL it came from in the end. Raises SourceFailed."""

    def attempt() -> tuple[str, str, str]:
        with _Stream(session, url, {"Accept": accept}) as stream:
            _check_status(stream, wanted={200})
            data = bytearray()
            for chunk in stream.chunks():
                data += chunk
                if len(data) > limit:
                    raise SourceFailed("Its answer is larger than {limit} bytes.", limit=limit)
            return data.decode("utf-8", errors="replace"), stream.media_type, stream.url

    return _retrying(attempt, session, progress=lambda: 0)


def discard(part: Path) -> None:
    """Delete a part and what was noted about it."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def host(url: str) -> str:
    """The host of a URL, fit to be shown: without the name and password that may stand before it."""
    return visible(re.sub(r"^\w+://([^/@]*@)?", "", url).split("/")[0])


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _transfer(remote: Remote, part: Path, session: Session, on_size: Callable[[int], None]) -> None:
    def attempt() -> None:
        have = _usable(remote, part)
        on_size(have)
        if have and have == remote.bytes:
            return
        headers = {}
        note = read_json(_note(part)) if have else {}
        # Another server's ETag says nothing here: then the whole file's hash alone decides.
        etag = str(note.get("etag", "")) if note.get("url") == remote.url else ""
        if have:
            headers["Range"] = f"bytes={have}-"
            if etag and not etag.startswith("W/"):
                headers["If-Range"] = etag
        with _Stream(session, remote.url, headers) as stream:
            _receive(stream, remote, part, _Held(have, etag), on_size)

    _retrying(attempt, session, progress=lambda: size_of(part) or 0)


def _usable(remote: Remote, part: Path) -> int:
    """How many bytes of `part` belong to `remote`; a part of something else is deleted."""
    have = size_of(part) or 0
    note = read_json(_note(part))
    same = note.get("sha256") == remote.sha256 if remote.sha256 else note.get("url") == remote.url and note.get("etag")
    if have and (not same or have > (remote.bytes or remote.limit)):
        discard(part)
        return 0
    return have


def _receive(stream: _Stream, remote: Remote, part: Path, held: _Held, on_size: Callable[[int], None]) -> None:
    if stream.status == 416:
        discard(part)
        raise _Interrupted(SourceFailed("It refuses to go on from byte {have}.", have=held.size))
    _check_status(stream, wanted={200, 206} if held.size else {200})
    if stream.media_type == "text/html":
        # The page of a hotel's or a train's network, where one has to agree to something first.
        raise SourceFailed("It answers with a web page instead of the file.")
    new_etag = stream.headers.get("etag", "")
    start, total = _extent(stream)
    if start and (start != held.size or (held.etag and new_etag and new_etag != held.etag)):
        discard(part)
        raise _Interrupted(SourceFailed("Its file changed while it was being fetched."))
    expected = remote.bytes if remote.bytes is not None else total
    if total is not None and (total != expected or total > remote.limit):
        raise SourceFailed(
            "Its file has {total} bytes instead of {expected}.", total=total, expected=min(expected or 0, remote.limit)
        )
    if stream.headers.get("content-encoding", "identity") != "identity":
        raise SourceFailed("It sends the file compressed, though it was asked not to.")
    with part.open("ab", buffering=0) as file:
        file.truncate(start)
        # Noted before the first byte: bytes without a note are never gone on from.
        write_json(_note(part), {"url": remote.url, "etag": new_etag, "sha256": remote.sha256, "bytes": expected})
        size = start
        for chunk in stream.chunks():
            size += len(chunk)
            if size > (remote.limit if expected is None else expected):
                file.truncate(0)
                raise SourceFailed(
                    "It sends more than the {expected} bytes of the file.", expected=expected or remote.limit
                )
            file.write(chunk)
            on_size(size)
        os.fsync(file.fileno())
    if expected is not None and size < expected:
        raise _Interrupted(_broke_off(size))


def _extent(stream: _Stream) -> tuple[int, int | None]:
    """Where the answer's first byte belongs, and the whole file's length where the server says it."""
    if stream.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", stream.headers.get("content-range", ""))
        if not found:
            raise SourceFailed("It answers with a part of the file, but does not say which.")
        return int(found[1]), None if found[2] == "*" else int(found[2])
    length = stream.headers.get("content-length", "")
    return 0, int(length) if length.isdecimal() else None


def _check_status(stream: _Stream, wanted: set[int]) -> None:
    if stream.status in wanted:
        return
    reason = SourceFailed("It answers with status {status}.", status=stream.status)
    if stream.status not in RETRY_STATUSES:
        raise reason
    asked = stream.headers.get("retry-after", "")
    raise _Interrupted(reason, wait=float(asked) if asked.isdecimal() else 0.0)


def _broke_off(size: int) -> SourceFailed:
    return SourceFailed("The connection broke off after {size} bytes.", size=size)


def _retrying(attempt: Callable[[], T], session: Session, *, progress: Callable[[], int]) -> T:
    """Call `attempt` until it stops being interrupted.

    Tries that bring nothing new are limited. A server that cannot be reached at all is given up at once, but not one
    that sent something before: that is a train in a tunnel.
    """
    start = best = progress()
    fruitless = 0
    while True:
        try:
            return attempt()
        except _Interrupted as interrupted:
            gained = progress() - best
            best += max(gained, 0)
            fruitless = 1 if gained >= WORTH_A_RETRY else fruitless + 1
            if fruitless > session.limits.retries or (not interrupted.reached and best == start):
                raise interrupted.reason from interrupted
            wait = max(session.limits.backoff_seconds * 2 ** (fruitless - 1), interrupted.wait)
            _sleep(min(wait, LONGEST_WAIT), session.stopped)


def _sleep(seconds: float, stopped: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if stopped():
            raise Cancelled("Stopped.")
        time.sleep(min(left, POLL_SECONDS))


class _Stream:
    """A GET whose waiting can be given up at any moment.

    Name look-up, TLS and a silent server block the thread that waits for them, and a thread cannot be interrupted. So
    another one reads and hands over; this side asks `stopped` ten times a second. Raises Cancelled, _Interrupted where
    the connection breaks or does not come about, SourceFailed where another try would change nothing.
    """

    def __init__(self, session: Session, url: str, headers: Mapping[str, str]) -> None:
        self._client = session.client
        self._limits = session.limits
        self._stopped = session.stopped
        self._asked = url
        self._sent_headers = {"User-Agent": f"qwtutor/{__version__}", "Accept-Encoding": "identity", **headers}
        self._events: queue.Queue[Any] = queue.Queue(QUEUED_CHUNKS)
        self._connected = threading.Event()
        self._abandoned = threading.Event()
        self._received = 0
        self.status = 0
        self.url = url
        self.headers: Mapping[str, str] = {}

    def __enter__(self) -> _Stream:
        threading.Thread(target=self._read, name="download", daemon=True).start()
        try:
            self.status, self.url, self.headers = self._next()
        except BaseException:
            self._abandoned.set()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._abandoned.set()

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    def chunks(self) -> Iterator[bytes]:
        while (chunk := self._next()) is not None:
            self._received += len(chunk)
            yield chunk

    def _next(self) -> Any:
        since = time.monotonic()
        while True:
            if self._stopped():
                raise Cancelled("Stopped.")
            try:
                event = self._events.get(timeout=POLL_SECONDS)
            except queue.Empty:
                waited = time.monotonic() - since
                if not self._connected.is_set() and waited > self._limits.connect_seconds:
                    raise self._unreachable() from None
                if waited > self._limits.connect_seconds + self._limits.stall_seconds:
                    raise self._stalled() from None
                continue
            if isinstance(event, Exception):
                raise self._translated(event)
            return event

    def _translated(self, error: Exception) -> Exception:
        import httpx

        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return SourceFailed(
                "The certificate of {host} is not trusted on this machine; SSL_CERT_FILE can name one that is.",
                host=host(self._asked),
            )
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            return self._unreachable()
        if isinstance(error, httpx.TimeoutException):
            return self._stalled()
        if isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol):
            return _Interrupted(_broke_off(self._received))
        return SourceFailed(
            "The download failed: {reason}.", reason=visible(str(error).rstrip(".") or type(error).__name__)
        )

    def _unreachable(self) -> _Interrupted:
        return _Interrupted(SourceFailed("{host} cannot be reached.", host=host(self._asked)), reached=False)

    def _stalled(self) -> _Interrupted:
        seconds = f"{self._limits.stall_seconds:g}"
        return _Interrupted(SourceFailed("{host} was silent for {seconds} s.", host=host(self._asked), seconds=seconds))

    def _read(self) -> None:
        try:
            extensions = {"trace": self._trace}
            with self._client.stream("GET", self._asked, headers=self._sent_headers, extensions=extensions) as answer:
                heard = self._hand_over((answer.status_code, str(answer.url), answer.headers))
                body = answer.iter_raw()
                # Where nobody listens any more, leaving the `with` closes the connection.
                while heard and (chunk := next(body, None)) is not None:
                    heard = self._hand_over(chunk)
            self._hand_over(None)
        except Exception as error:  # noqa: BLE001 - whatever ends the reading belongs to the thread that waits for it
            self._hand_over(error)

    def _trace(self, event: str, _: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            self._connected.set()

    def _hand_over(self, event: Any) -> bool:
        while not self._abandoned.is_set():
            try:
                self._events.put(event, timeout=POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False
