"""A real HTTP server for downloads, which can be told to misbehave request by request, and counts what it sends."""

from __future__ import annotations

import base64
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

BLOCK = 64 << 10
SLOW_BYTES = 4_000_000  # before a hold the server is as fast as a good line, and no faster: 8 MB/s
TLS = Path(__file__).parent / "tls"


@dataclass(frozen=True)
class Trick:
    """How one request is answered. The default is honest."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None  # bytes of body, then the connection closes
    stall_after: int | None = None  # bytes of body, then silence
    flip_at: int | None = None  # this byte of the file is sent inverted
    ignore_range: bool = False
    etag: str | None = None
    data: bytes | None = None  # another file than the one asked for
    extra: int = 0  # bytes sent beyond the file
    chunked: bool = False  # no Content-Length
    claim: int | None = None  # Content-Length, whatever follows
    redirect: str = ""


HONEST = Trick()


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    path: str
    range: str
    if_range: str
    authorization: str
    accept: str


class ModelServer:
    """`files` maps a path to bytes. `tricks[path]` are used up one a request; `always[path]` answers when none is left."""

    def __init__(self, *, tls: bool = False) -> None:
        self.files: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        self.tricks: dict[str, deque[Trick]] = {}
        self.always: dict[str, Trick] = {}
        self.asked: list[Asked] = []
        self.sent = 0  # bytes of bodies
        self.hold_at: int | None = None  # when `sent` reaches this: silence, until released
        self.held = threading.Event()
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._server = _Quiet(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ModelServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def play(self, path: str, *tricks: Trick) -> None:
        """Answer the next requests for `path` so, the ones after that honestly."""
        self.tricks[path] = deque(tricks)

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def next_trick(self, asked: Asked) -> Trick:
        with self._lock:
            self.asked.append(asked)
            waiting = self.tricks.get(asked.path)
            return waiting.popleft() if waiting else self.always.get(asked.path, HONEST)

    def allowed(self, wanted: int) -> int:
        """How many of `wanted` bytes may go out before the hold; they are counted as sent."""
        near = False
        with self._lock:
            if self.hold_at is not None and not self.released.is_set():
                wanted = min(wanted, self.hold_at - self.sent)
                near = self.hold_at - self.sent < SLOW_BYTES
            self.sent += wanted
        if near:
            time.sleep(wanted / 8_000_000)
        return wanted

    def hold(self) -> None:
        self.held.set()
        self.released.wait()


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away in mid-request is no news here: it was killed, or it gave up."""


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            header = self.headers.get
            asked = Asked(
                self.path,
                header("Range", ""),
                header("If-Range", ""),
                header("Authorization", ""),
                header("Accept", ""),
            )
            try:
                self._answer(asked, server.next_trick(asked))
            except (ConnectionError, ssl.SSLError):
                self.close_connection = True  # the client was killed or went away: that is what is being tested

        def _answer(self, asked: Asked, trick: Trick) -> None:
            data = server.files.get(self.path) if trick.data is None else trick.data
            status = trick.status or (200 if data is not None else 404)
            if trick.redirect:
                status = 302
            if status not in (200, 206) or data is None:
                self._head(status, {"Content-Length": "0", "Location": trick.redirect, **trick.headers})
                return
            etag = f'"{len(data)}-{data[:1].hex()}"' if trick.etag is None else trick.etag
            start = self._start(asked, trick, etag)
            headers = {"Content-Type": server.types.get(self.path, "application/octet-stream")}
            if etag:
                headers["ETag"] = etag
            if start:
                status = 206
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            if start > len(data) - 1 and start:
                self._head(416, {"Content-Length": "0"})
                return
            if trick.chunked:
                headers["Transfer-Encoding"] = "chunked"
            else:
                headers["Content-Length"] = str(len(data) - start if trick.claim is None else trick.claim)
            self._head(status, headers | trick.headers)
            body = bytearray(data)
            if trick.flip_at is not None:
                body[trick.flip_at] ^= 0xFF
            self._body(bytes(body[start:]) + bytes(trick.extra), trick)

        def _start(self, asked: Asked, trick: Trick, etag: str) -> int:
            if not asked.range or trick.ignore_range or (asked.if_range and asked.if_range != etag):
                return 0
            return int(asked.range.removeprefix("bytes=").removesuffix("-"))

        def _head(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()

        def _body(self, body: bytes, trick: Trick) -> None:
            for at in range(0, len(body), BLOCK):
                block = body[at : at + BLOCK]
                for limit in (trick.cut_after, trick.stall_after):
                    if limit is not None:
                        block = block[: max(0, limit - at)]
                allowed = server.allowed(len(block))
                self._send(block[:allowed], trick)
                if allowed < len(block):
                    server.hold()
                    server.allowed(len(block) - allowed)
                    self._send(block[allowed:], trick)
                if trick.stall_after is not None and at + BLOCK >= trick.stall_after:
                    self.wfile.flush()
                    server.released.wait()
                if trick.cut_after is not None and at + BLOCK >= trick.cut_after:
                    self.close_connection = True
                    return
            if trick.chunked:
                self.wfile.write(b"0\r\n\r\n")
            if trick.claim is not None:
                self.close_connection = True

        def _send(self, block: bytes, trick: Trick) -> None:
            if trick.chunked and block:
                block = b"%x\r\n%b\r\n" % (len(block), block)
            self.wfile.write(block)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def basic(user: str, password: str) -> str:
    """The Authorization header of that user."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
