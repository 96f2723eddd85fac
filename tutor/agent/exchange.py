"""One HTTP exchange with a server, whose waiting can be given up at any moment.

Name look-up, TLS and a silent server block the thread that waits for them, and a thread cannot be interrupted. So one
thread reads and hands over lines, and the caller waits for it or for `end`. Time is measured between lines of use, not
between bytes: a server that keeps the connection busy and says nothing is silent.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tutor import __version__
from tutor.domain.errors import Cancelled, TutorError
from tutor.domain.language import tr
from tutor.domain.plaintext import visible

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 8_000_000  # of an answer, its wrapping included
MAX_LINE = 1_000_000
MAX_SECONDS = 900.0
QUEUED_LINES = 64
NAME_SECONDS = 1.0  # for what comes before the connection and has no limit of its own: looking a name up

_ENDED = object()
# struct linger: on, for no time.
_NO_LINGERING = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class ServerFailed(TutorError):
    """The server could not be asked, or did not answer as it should."""

    @property
    def hint(self) -> str:
        return super().hint or tr("Without `--server` the model on this machine answers.")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to wait: for the connection, for the first of an answer, and between two pieces of it."""

    connect: float = 5.0
    first: float = 60.0
    between: float = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """`body` None is a GET, else a POST of it as JSON. The headers stay out of what is shown: there is a key in them."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        return visible(urlsplit(self.url).netloc)


@dataclass(frozen=True, slots=True)
class Head:
    status: int
    headers: Mapping[str, str]

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


def is_local(url: str) -> bool:
    """Whether `url` is on this machine: no proxy stands between, and nobody listens in."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Exchange:
    """Begun by entering it, which raises ServerFailed or Cancelled, as reading does; leaving it ends the connection."""

    def __init__(self, request: Request, limits: Limits) -> None:
        self._request = request
        self._limits = limits
        self._events: queue.Queue[Any] = queue.Queue(QUEUED_LINES)
        self._connected = threading.Event()
        self._over = threading.Event()
        self._cancelled = False
        self._stream: Any = None

    def __enter__(self) -> Head:
        threading.Thread(target=self._read, name="server", daemon=True).start()
        head: Head = self._next(time.monotonic(), self._limits.first)
        return head

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def lines(self) -> Iterator[str]:
        """The lines of the answer as they come, without those that say nothing."""
        patience, begun = self._limits.first, time.monotonic()
        while True:
            since = time.monotonic()
            if since - begun > MAX_SECONDS:
                raise self._endless()
            line = self._next(since, patience)
            if line is None:
                return
            yield line
            patience = self._limits.between

    def end(self) -> None:
        """Give up, from any thread: whoever waits gets Cancelled."""
        self._cancelled = True
        self._hang_up()

    def _hang_up(self) -> None:
        self._over.set()
        with suppress(queue.Full):
            self._events.put_nowait(_ENDED)
        # The reader waits in the socket, which only shutting it wakes; the server hears of it too.
        stream = self._stream
        if stream is not None and (connection := stream.get_extra_info("socket")) is not None:
            with suppress(OSError):
                # Reset rather than closed: a server that waits for us to read on would else wait for minutes.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def _next(self, since: float, patience: float) -> Any:
        """The next event within `patience` seconds of `since`. None is the end of the answer."""
        while True:
            if self._cancelled:
                raise Cancelled("Stopped.")
            allowed = patience if self._connected.is_set() else self._limits.connect + NAME_SECONDS
            left = since + allowed - time.monotonic()
            if left <= 0:
                raise self._silent(allowed) if self._connected.is_set() else self._unreachable()
            try:
                # Looked at anew when the connection stands: from then on there is more time.
                event = self._events.get(timeout=left if self._connected.is_set() else min(left, 0.05))
            except queue.Empty:
                continue
            if event is _ENDED:
                continue
            if isinstance(event, Exception):
                raise self._translated(event) from None
            return event

    def _unreachable(self) -> ServerFailed:
        return ServerFailed("{host} cannot be reached.", host=self._request.host)

    def _silent(self, seconds: float) -> ServerFailed:
        return ServerFailed("{host} was silent for {seconds} s.", host=self._request.host, seconds=f"{seconds:g}")

    def _endless(self) -> ServerFailed:
        return ServerFailed("{host} does not stop sending.", host=self._request.host)

    def _translated(self, error: Exception) -> TutorError:
        import httpx

        # What httpx says of an error is not shown: it may quote a header.
        host = self._request.host
        if isinstance(error, TutorError):
            return error
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return ServerFailed(
                "The certificate of {host} is not trusted on this machine; SSL_CERT_FILE can name one that is.",
                host=host,
            )
        if "SSL" in str(error):
            return ServerFailed("{host} does not speak TLS as it should: is it http rather than https?", host=host)
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            return self._unreachable()
        if isinstance(error, httpx.TimeoutException):
            return self._silent(self._limits.first)
        return ServerFailed("The connection to {host} broke off.", host=host)

    # -- on the reading thread -------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            with self._client() as client, self._sent(client) as answer:
                self._hand_over(Head(answer.status_code, answer.headers))
                for line in self._lines(answer):
                    if not self._hand_over(line):
                        return
            self._hand_over(None)
        except Exception as error:  # noqa: BLE001 - whatever ends the reading belongs to the thread that waits for it
            self._hand_over(error)

    def _client(self) -> httpx.Client:
        import httpx

        from tutor.runtime.sources import trust

        url, limits = self._request.url, self._limits
        timeout = httpx.Timeout(limits.first + limits.between, connect=limits.connect)
        # Never redirected: the key and the question are for this address alone.
        return httpx.Client(
            verify=trust() if url.startswith("https:") else True, timeout=timeout, trust_env=not is_local(url)
        )

    def _sent(self, client: httpx.Client) -> Any:
        headers = {"User-Agent": f"qwtutor/{__version__}", "Accept-Encoding": "identity", **self._request.headers}
        method = "GET" if self._request.body is None else "POST"
        return client.stream(
            method, self._request.url, headers=headers, json=self._request.body, extensions={"trace": self._trace}
        )

    def _trace(self, event: str, detail: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._stream = detail["return_value"]
            if self._over.is_set():
                self._hang_up()
        if event.endswith("send_request_headers.started"):
            self._connected.set()

    def _lines(self, answer: httpx.Response) -> Iterator[str]:
        """The answer cut at line ends, bounded, without empty lines and the comments of an event stream.

        What is no UTF-8 becomes replacement characters.
        """
        rest, received = b"", 0
        for chunk in answer.iter_raw():
            received += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            if received > MAX_BYTES or len(rest) > MAX_LINE:
                raise self._endless()
            yield from (line.decode(errors="replace") for line in lines if line.strip() and not line.startswith(b":"))
        if rest.strip():
            yield rest.decode(errors="replace")

    def _hand_over(self, event: Any) -> bool:
        while not self._over.is_set():
            try:
                self._events.put(event, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False
