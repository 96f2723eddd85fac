"""A server that speaks OpenAI's protocol as the tutor's voice: llama-server, vLLM, Ollama, a cloud.

Chat completions as a stream of server-sent events (platform.openai.com/docs/api-reference/chat/streaming). The key comes
from the environment, at each request, and stands nowhere else.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tutor.agent import calls
from tutor.agent.engine import MAX_TOKENS, Usage
from tutor.agent.events import ToolCall
from tutor.agent.exchange import Exchange, Head, Limits, Request, ServerFailed, is_local
from tutor.domain.errors import Cancelled, UsageError
from tutor.domain.language import Text, both, same
from tutor.domain.model import Message
from tutor.domain.plaintext import visible

MAX_ANSWER = 100_000  # characters
MAX_REASON = 200
MAX_NAME = 200

_VERSION = re.compile(r"/v\d+\w*(?:/|$)")


class ServerEngine:
    """Implements `engine.Engine`. Nothing is asked of the server before the first question."""

    def __init__(self, url: str, model: str | None = None, *, limits: Limits | None = None) -> None:
        """`url` with or without /v1; `model` None takes the first one that the server names. Raises UsageError."""
        self.url = base_of(url)
        self._model = model or ""
        self._limits = limits or Limits()
        self._exchange: Exchange | None = None
        self._cancelled = False
        self._usage = Usage()

    def __repr__(self) -> str:
        return f"ServerEngine({self.url!r}, {self._model!r})"

    @property
    def name(self) -> str:
        """The model, or the server while the model is not known."""
        # llama.cpp's servers call a model by the path of its file: nobody else's business, and long.
        model = self._model.rpartition("/")[2] if self._model.startswith("/") else self._model
        return visible(model) or visible(urlsplit(self.url).netloc)

    @property
    def small(self) -> bool:
        return False

    @property
    def usage(self) -> Usage:
        return self._usage

    def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[dict[str, Any]] = (),
        grammar: str = "",
        max_tokens: int = MAX_TOKENS,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Iterator[str]:
        """The answer in pieces. Raises ServerFailed, and Cancelled after `cancel`."""
        self._cancelled, self._usage = False, Usage()
        if not self._model:
            self._model = self._first_model()
        body = {
            "model": self._model,
            "messages": written(messages, native=bool(tools)),
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
        }
        if not tools:
            yield from self._answer(body)
            return
        try:
            yield from self._answer(body | {"tools": list(tools)})
        except _NoTools:
            yield from self._answer(body | {"messages": written(messages, native=False)})

    def cancel(self) -> None:
        self._cancelled = True
        if self._exchange is not None:
            self._exchange.end()

    def _answer(self, body: Mapping[str, Any]) -> Iterator[str]:
        request = Request(f"{self.url}/chat/completions", self._headers(), body)
        exchange = self._begun(request)
        with exchange as head:
            if head.status != 200:
                raise self._refused(request, head, exchange, with_tools="tools" in body)
            answer = Answer(request.host)
            if head.media_type == "application/json":
                yield from answer.whole(_document(request, exchange))
            elif head.media_type == "text/event-stream":
                yield from answer.streamed(exchange.lines())
            else:
                raise _not_the_protocol(request)
            self._usage = answer.usage

    def _begun(self, request: Request) -> Exchange:
        exchange = self._exchange = Exchange(request, self._limits)
        if self._cancelled:
            raise Cancelled("Stopped.")
        return exchange

    def _first_model(self) -> str:
        request = Request(f"{self.url}/models", self._headers())
        exchange = self._begun(request)
        with exchange as head:
            if head.status != 200:
                raise self._refused(request, head, exchange)
            listed = _document(request, exchange).get("data")
        names = [each.get("id") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        for name in names:
            if isinstance(name, str) and 0 < len(name) <= MAX_NAME:
                return name
        raise ServerFailed("{host} names no model.", hint="Say which one to use with `--model`.", host=request.host)

    def _headers(self) -> dict[str, str]:
        key = api_key(self.url)
        return {"Accept": "text/event-stream, application/json", **({"Authorization": f"Bearer {key}"} if key else {})}

    def _refused(self, request: Request, head: Head, exchange: Exchange, *, with_tools: bool = False) -> ServerFailed:
        """What a status other than 200 means."""
        host, status = request.host, head.status
        if status in (401, 403):
            if "Authorization" in request.headers:
                return ServerFailed(
                    "{host} does not accept the key (status {status}).",
                    hint="The key is read from QWTUTOR_API_KEY, else from OPENAI_API_KEY.",
                    host=host,
                    status=status,
                )
            return ServerFailed(
                "{host} wants a key (status {status}).", hint="Put it into QWTUTOR_API_KEY.", host=host, status=status
            )
        if status == 429:
            return _too_many(host, head.headers.get("retry-after", ""))
        if 300 <= status < 400:
            return ServerFailed("{host} sends elsewhere (status {status}).", hint=_ADDRESS, host=host, status=status)
        reason = _reason(exchange)
        if with_tools and "tool" in reason.en.casefold():
            return _NoTools("{host} takes no tools: {reason}.", host=host, reason=reason)
        if status == 404:
            return ServerFailed(
                "{host} has no chat at {path}, or no model {model}.",
                hint=_ADDRESS,
                host=host,
                path=visible(urlsplit(request.url).path),
                model=visible(self._model) or "-",
            )
        if status >= 500:
            return ServerFailed("{host} failed (status {status}): {reason}.", host=host, status=status, reason=reason)
        return ServerFailed(
            "{host} refuses the question (status {status}): {reason}.",
            host=host,
            status=status,
            reason=reason,
        )


_ADDRESS = "The address is that of a server with OpenAI's protocol, such as http://localhost:8080/v1."


class _NoTools(ServerFailed):
    """The server, or its model, does without tools: it may be asked without."""


def base_of(url: str) -> str:
    """The address that `/chat/completions` is put behind. Raises UsageError for what is no http or https address."""
    parts = urlsplit(url.strip())
    try:
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        sound = False
    if not sound:
        raise UsageError("{url} is no address of a server.", hint=_ADDRESS, url=visible(url[:MAX_REASON]))
    if parts.username or parts.password:
        raise UsageError(
            "The address of a server holds no name and no password.", hint="The key is read from QWTUTOR_API_KEY."
        )
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return urlunsplit((parts.scheme, parts.netloc, path if _VERSION.search(path) else f"{path}/v1", "", ""))


def api_key(url: str) -> str:
    """The key for the server at `url`, empty where there is none. Raises UsageError for one that no header can hold.

    OPENAI_API_KEY was not set for this program, so it is sent in clear to no other machine.
    """
    names = ["QWTUTOR_API_KEY", *(["OPENAI_API_KEY"] if url.startswith("https:") or is_local(url) else [])]
    for name in names:
        if key := os.environ.get(name, "").strip():
            if not (key.isascii() and key.isprintable()):
                raise UsageError("What {name} holds is no key.", name=name)
            return key
    return ""


def written(messages: Sequence[Message], *, native: bool) -> list[dict[str, Any]]:
    """The conversation as the protocol has it: with `native` its own tool calls, else all in text, as Hermes does."""
    turns: list[dict[str, Any]] = []
    waiting: list[str] = []  # ids of calls whose results are still to come
    for message in messages:
        said, made = calls.read(message.content) if native and message.role == "assistant" else (message.content, ())
        if made:
            waiting = [f"call_{len(turns)}_{at}" for at in range(len(made))]
            turns.append({"role": "assistant", "content": said, "tool_calls": list(map(_call, waiting, made))})
        elif message.role == "tool" and waiting:
            turns.append({"role": "tool", "tool_call_id": waiting.pop(0), "content": message.content})
        elif message.role == "tool":
            turns.append({"role": "user", "content": f"<tool_response>\n{message.content}\n</tool_response>"})
        else:
            turns.append({"role": message.role, "content": message.content})
    return turns


def _call(id: str, call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    return {"id": id, "type": "function", "function": {"name": call.tool, "arguments": arguments}}


class Answer:
    """Makes text of what the server `host` sends; tool calls become text in the Hermes form, at the end."""

    def __init__(self, host: str) -> None:
        self.usage = Usage()
        self._host = host
        self._characters = 0
        self._calls: dict[int, list[str]] = {}  # index -> name, arguments
        self._ended = False

    def streamed(self, lines: Iterator[str]) -> Iterator[str]:
        """Raises ServerFailed where the stream is broken, and where it ends before the answer does."""
        for line in lines:
            name, _, data = line.partition(":")
            if name != "data":
                continue
            if data.strip() == "[DONE]":
                self._ended = True
                break
            try:
                document = json.loads(data)
            except (ValueError, RecursionError):
                raise self._broken() from None
            yield from self._pieces(document, "delta")
        if not self._ended:
            raise self._broken()
        yield from self._called()

    def whole(self, document: Any) -> Iterator[str]:
        """An answer that came in one piece, from a server that does not stream."""
        yield from self._pieces(document, "message")
        yield from self._called()

    def _pieces(self, document: Any, kind: str) -> Iterator[str]:
        if not isinstance(document, dict):
            raise self._broken()
        if document.get("error"):
            raise ServerFailed("{host} failed: {reason}.", host=self._host, reason=_said(document))
        self._count(document.get("usage"))
        choices = document.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        self._ended = self._ended or bool(choice.get("finish_reason"))
        delta = choice.get(kind)
        if not isinstance(delta, dict):
            return
        for each in delta.get("tool_calls") or ():
            self._add(each)
        text = delta.get("content")
        if isinstance(text, str) and text:
            self._take(text)
            yield text

    def _take(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > MAX_ANSWER:
            raise ServerFailed("{host} does not stop sending.", host=self._host)

    def _add(self, call: Any) -> None:
        """A piece of a call: its name comes once, its arguments in pieces."""
        if not isinstance(call, dict) or not isinstance(function := call.get("function"), dict):
            return
        index = call.get("index")
        if not isinstance(index, int):
            index = len(self._calls)
        if index not in self._calls and len(self._calls) == calls.MAX_CALLS:
            return
        parts = self._calls.setdefault(index, ["", ""])
        for place, name in enumerate(("name", "arguments")):
            piece = function.get(name)
            if isinstance(piece, dict):  # some servers send them as they are
                piece = json.dumps(piece, ensure_ascii=False)
            if isinstance(piece, str):
                self._take(piece)
                parts[place] += piece

    def _called(self) -> Iterator[str]:
        for name, arguments in self._calls.values():
            try:
                given = json.loads(arguments or "{}")
            except (ValueError, RecursionError):
                given = {}
            yield calls.write(ToolCall(name, given if isinstance(given, dict) else {})) + "\n"

    def _count(self, usage: Any) -> None:
        if isinstance(usage, dict):
            details = usage.get("prompt_tokens_details")
            reused = details.get("cached_tokens") if isinstance(details, dict) else 0
            counts = (usage.get("prompt_tokens"), reused, usage.get("completion_tokens"))
            self.usage = Usage(*(count if isinstance(count, int) else 0 for count in counts))

    def _broken(self) -> ServerFailed:
        return ServerFailed("The answer of {host} broke off.", host=self._host)


def _document(request: Request, exchange: Exchange) -> dict[str, Any]:
    try:
        document = json.loads("\n".join(exchange.lines()))
    except (ValueError, RecursionError):
        raise _not_the_protocol(request) from None
    if not isinstance(document, dict):
        raise _not_the_protocol(request)
    return document


def _not_the_protocol(request: Request) -> ServerFailed:
    return ServerFailed(
        "What {host} answers at {path} is not OpenAI's protocol.",
        hint=_ADDRESS,
        host=request.host,
        path=visible(urlsplit(request.url).path),
    )


def _too_many(host: str, retry_after: str) -> ServerFailed:
    if retry_after.isdecimal() and len(retry_after) < 6:
        return ServerFailed(
            "{host} has too much to do and says to wait {seconds} s.", host=host, seconds=int(retry_after)
        )
    return ServerFailed("{host} has too much to do: ask again in a minute.", host=host)


def _reason(exchange: Exchange) -> Text:
    """What a refusal says of itself, short."""
    try:
        return _said(json.loads("\n".join(exchange.lines())))
    except (ServerFailed, ValueError, RecursionError):
        return _said(None)


def _said(document: Any) -> Text:
    """The message of an error, in the forms that servers have for it; without the key, where they repeat it."""
    found = (
        document.get("error") or document.get("detail") or document.get("message") if isinstance(document, dict) else ""
    )
    if isinstance(found, dict):
        found = found.get("message")
    text = found if isinstance(found, str) else ""
    for name in ("QWTUTOR_API_KEY", "OPENAI_API_KEY"):
        if key := os.environ.get(name, "").strip():
            text = text.replace(key, "***")
    text = visible(" ".join(text.split())).rstrip(".")
    if not text:
        return both("it gives no reason")
    return same(text if len(text) <= MAX_REASON else text[: MAX_REASON - 3] + "...")
