"""A real HTTP server in the place of one that speaks OpenAI's protocol, told by each test what to send."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

TLS = Path(__file__).parent.parent / "runtime" / "tls"


@dataclass(frozen=True)
class Asked:
    path: str
    authorization: str
    body: dict[str, Any]


@dataclass
class Sending:
    """One request being answered: what a test's function sends with."""

    handler: BaseHTTPRequestHandler
    asked: Asked
    gone: threading.Event = field(default_factory=threading.Event)

    def head(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.send_header("Connection", "close")
        self.handler.end_headers()

    def write(self, data: bytes) -> bool:
        """Whether anybody still listens."""
        try:
            self.handler.wfile.write(data)
            self.handler.wfile.flush()
        except OSError:
            self.gone.set()
            return False
        return True

    def event(self, document: object) -> bool:
        return self.write(b"data: " + json.dumps(document).encode() + b"\n\n")

    def delta(self, **delta: Any) -> bool:
        return self.event({"choices": [{"index": 0, "delta": delta}]})

    def done(self) -> None:
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.write(b"data: [DONE]\n\n")

    def say(self, *pieces: str) -> None:
        self.head()
        for piece in pieces:
            self.delta(content=piece)
        self.done()

    def json(self, document: object, status: int = 200, **headers: str) -> None:
        self.head(status, "application/json", **headers)
        self.write(json.dumps(document).encode())


class ChatServer:
    """`answer` is called with each chat; `models` are what /v1/models names. `asked` keeps the requests."""

    def __init__(
        self, answer: Callable[[Sending], None], *, models: tuple[str, ...] = ("small",), tls: bool = False
    ) -> None:
        self.asked: list[Asked] = []
        self.chats: list[Sending] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.asked.append(asked := Asked(self.path, self.headers.get("Authorization", ""), {}))
                Sending(self, asked).json({"object": "list", "data": [{"id": name} for name in models]})
                self.close_connection = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(asked := Asked(self.path, self.headers.get("Authorization", ""), body))
                outer.chats.append(sending := Sending(self, asked))
                answer(sending)
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ChatServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def silence(sending: Sending, seconds: float = 5.0) -> None:
    """Say nothing until the other side has gone, or for `seconds`."""
    end = time.monotonic() + seconds
    sending.handler.connection.settimeout(0.05)
    while time.monotonic() < end:
        try:
            if not sending.handler.connection.recv(1):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        return
    sending.gone.set()
