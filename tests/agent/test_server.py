"""The engine that speaks OpenAI's protocol, before servers that speak it, half of it, or something else."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.agent.chat_server import ChatServer, Sending, silence
from tutor.agent import calls
from tutor.agent.events import ToolCall
from tutor.agent.exchange import Limits, ServerFailed
from tutor.agent.server import ServerEngine, base_of, written
from tutor.domain.errors import Cancelled, TutorError, UsageError
from tutor.domain.model import Message

SHORT = Limits(connect=2.0, first=0.4, between=0.4)
QUESTION = (Message("system", "You are a tutor."), Message("user", "What is a token?"))
TOOL = {
    "type": "function",
    "function": {
        "name": "calculate",
        "description": "Compute an arithmetic expression.",
        "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]},
    },
}
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QWTUTOR_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def failure(answer: Callable[[Sending], None], limits: Limits = SHORT, **options: Any) -> tuple[str, list[str]]:
    """The sentence that the engine ends with, and what it had said before."""
    said: list[str] = []
    with ChatServer(answer) as server:
        with pytest.raises(ServerFailed) as raised:
            said.extend(piece for piece in ServerEngine(server.url, limits=limits).chat(QUESTION, **options))
        assert raised.value.hint, "a failure says what to do next"
        port = server.url.rpartition(":")[2]
    return str(raised.value).replace(f"127.0.0.1:{port}", "HOST"), said


def until_failure(engine: ServerEngine, **options: Any) -> tuple[list[str], TutorError]:
    said: list[str] = []
    with pytest.raises(TutorError) as raised:
        for piece in engine.chat(QUESTION, **options):
            said.append(piece)  # noqa: PERF402 - kept although the loop is left by an error
    return said, raised.value


def test_the_answer_comes_in_pieces_as_they_are_sent() -> None:
    more = threading.Event()

    def answer(sending: Sending) -> None:
        sending.head()
        sending.delta(role="assistant", content="")
        sending.delta(content="A token ")
        more.wait(5)
        sending.delta(content="is 一段")
        sending.event({"choices": [], "usage": {"prompt_tokens": 31, "completion_tokens": 4}})
        sending.done()

    with ChatServer(answer) as server:
        engine = ServerEngine(server.url)
        pieces = engine.chat(QUESTION, max_tokens=7, temperature=0.5, seed=3)
        assert next(pieces) == "A token "
        more.set()
        assert list(pieces) == ["is 一段"]
        assert [asked.path for asked in server.asked] == ["/v1/models", "/v1/chat/completions"]
        body = server.asked[1].body
    assert body["messages"] == [{"role": m.role, "content": m.content} for m in QUESTION]
    assert (body["model"], body["stream"], body["max_tokens"], body["temperature"], body["seed"]) == (
        "small",
        True,
        7,
        0.5,
        3,
    )
    assert "tools" not in body
    assert (engine.name, engine.usage.prompt, engine.usage.answer) == ("small", 31, 4)


def test_a_tool_call_in_pieces_becomes_one_in_the_hermes_form() -> None:
    def answer(sending: Sending) -> None:
        sending.head()
        sending.delta(tool_calls=[{"index": 0, "id": "a", "function": {"name": "calculate", "arguments": ""}}])
        for piece in ('{"expre', 'ssion": "2 * ', '24"}'):
            sending.delta(tool_calls=[{"index": 0, "function": {"arguments": piece}}])
        sending.delta(tool_calls=[{"index": 1, "function": {"name": "progress", "arguments": "{}"}}])
        sending.done()

    with ChatServer(answer) as server:
        text = "".join(ServerEngine(server.url, "m").chat(QUESTION, tools=[TOOL]))
        assert server.asked[0].body["tools"] == [TOOL]
    said, made = calls.read(text)
    assert said == ""
    assert made == (ToolCall("calculate", {"expression": "2 * 24"}), ToolCall("progress", {}))


def test_calls_and_results_of_earlier_turns_go_out_in_the_servers_own_form() -> None:
    call = ToolCall("calculate", {"expression": "2 * 24"})
    turns = [*QUESTION, Message("assistant", calls.write(call)), Message("tool", "2 * 24 = 48")]
    _, _, made, result = written(turns, native=True)
    assert made["tool_calls"][0]["function"] == {"name": "calculate", "arguments": '{"expression": "2 * 24"}'}
    assert result == {"role": "tool", "tool_call_id": made["tool_calls"][0]["id"], "content": "2 * 24 = 48"}
    _, _, made, result = written(turns, native=False)
    assert made == {"role": "assistant", "content": calls.write(call)}
    assert result["role"] == "user" and "2 * 24 = 48" in result["content"]


def test_a_server_without_tools_is_asked_again_without() -> None:
    def answer(sending: Sending) -> None:
        if "tools" in sending.asked.body:
            sending.json({"error": {"message": "small does not support tools"}}, status=400)
        else:
            sending.say("Plainly.")

    with ChatServer(answer) as server:
        assert "".join(ServerEngine(server.url).chat(QUESTION, tools=[TOOL])) == "Plainly."


def test_a_server_that_does_not_stream_is_understood() -> None:
    def answer(sending: Sending) -> None:
        message = {"role": "assistant", "content": "All at once.", "tool_calls": None}
        sending.json({"choices": [{"message": message, "finish_reason": "stop"}]})

    with ChatServer(answer) as server:
        assert list(ServerEngine(server.url).chat(QUESTION)) == ["All at once."]


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (401, {}, {}, "wants a key (status 401)"),
        (403, {}, {}, "wants a key (status 403)"),
        (404, {}, {"error": {"message": "no such model"}}, "no chat at /v1/chat/completions, or no model small"),
        (400, {}, {"error": {"message": "context too long"}}, "refuses the question (status 400): context too long"),
        (422, {}, {"detail": "bad field"}, "refuses the question (status 422): bad field"),
        (429, {"Retry_After": "17"}, {}, "says to wait 17 s"),
        (429, {"Retry_After": "tomorrow"}, {}, "too much to do: ask again"),
        (429, {}, {}, "too much to do: ask again"),
        (500, {}, {"error": "out of memory"}, "failed (status 500): out of memory. Without"),
        (502, {}, {}, "failed (status 502): it gives no reason."),
        (503, {}, {"message": "loading\x1b[31m"}, "failed (status 503): loading\\x1b[31m"),
        (302, {"Location": "http://127.0.0.1:1/"}, {}, "sends elsewhere (status 302)"),
    ],
)
def test_each_refusal_has_its_sentence(status: int, headers: dict[str, str], body: object, words: str) -> None:
    sentence, said = failure(lambda sending: sending.json(body, status, **headers))
    assert words in sentence
    assert not said


def half_a_line(sending: Sending) -> None:
    sending.head()
    sending.delta(content="Half")
    sending.write(b'data: {"choices": [{"del')


def no_end(sending: Sending) -> None:
    sending.head()
    sending.delta(content="Half")


def an_error_within(sending: Sending) -> None:
    sending.head()
    sending.delta(content="Half")
    sending.event({"error": {"message": "the model fell over"}})


def silent_after_a_word(sending: Sending) -> None:
    sending.head()
    sending.delta(content="Half")
    silence(sending)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (half_a_line, "The answer of HOST broke off."),
        (no_end, "The answer of HOST broke off."),
        (an_error_within, "HOST failed: the model fell over"),
        (silent_after_a_word, "HOST was silent for 0.4 s."),
    ],
)
def test_a_stream_that_breaks_keeps_what_was_said(answer: Callable[[Sending], None], words: str) -> None:
    with ChatServer(answer) as server:
        said, error = until_failure(ServerEngine(server.url, limits=SHORT))
        assert words.replace("HOST", server.url.removeprefix("http://")) in str(error)
    assert said == ["Half"]


def test_an_end_without_done_is_an_end_where_the_server_gave_its_reason() -> None:
    def answer(sending: Sending) -> None:
        sending.head()
        sending.event({"choices": [{"delta": {"content": "Whole."}, "finish_reason": "stop"}]})

    with ChatServer(answer) as server:
        assert list(ServerEngine(server.url).chat(QUESTION)) == ["Whole."]


def keeps_alive_and_says_nothing(sending: Sending) -> None:
    sending.head()
    for _ in range(100):
        if not sending.write(b": ping\n\n"):
            return
        time.sleep(0.05)


def a_web_page(sending: Sending) -> None:
    sending.head(200, "text/html")
    sending.write(b"<html>Log in first</html>")


def a_broken_document(sending: Sending) -> None:
    sending.head(200, "application/json")
    sending.write(b'{"choices": [')


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (silence, "HOST was silent for 0.4 s."),
        (keeps_alive_and_says_nothing, "HOST was silent for 0.4 s."),
        (a_web_page, "What HOST answers at /v1/chat/completions is not OpenAI's protocol."),
        (a_broken_document, "What HOST answers at /v1/chat/completions is not OpenAI's protocol."),
    ],
)
def test_what_is_no_answer_has_its_sentence(answer: Callable[[Sending], None], words: str) -> None:
    sentence, said = failure(answer)
    assert words in sentence
    assert not said


def test_a_server_that_never_stops_sending_is_left() -> None:
    def text(sending: Sending) -> None:
        sending.head()
        while sending.delta(content="and on " * 500):
            pass

    def a_line(sending: Sending) -> None:
        sending.head()
        while sending.write(b"x" * 65536):
            pass

    def comments(sending: Sending) -> None:
        sending.head()
        while sending.write(b": still here\n" * 5000):
            pass

    patient = Limits(connect=2.0, first=20.0, between=20.0)
    for endless in (text, a_line, comments):
        with ChatServer(endless) as server:
            said, error = until_failure(ServerEngine(server.url, limits=patient))
            assert "does not stop sending" in str(error)
            assert len("".join(said)) <= 100_000
            assert server.chats[0].gone.wait(5), "the connection is closed"


def test_nobody_there_is_said_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _, error = until_failure(ServerEngine(f"http://127.0.0.1:{port}"))
    assert str(error) == f"127.0.0.1:{port} cannot be reached. Without `--server` the model on this machine answers."


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    with ChatServer(lambda sending: sending.say("no"), tls=True) as server:
        _, error = until_failure(ServerEngine(server.url))
        assert "is not trusted on this machine" in str(error)
        assert not server.asked, "nothing was sent to it"


def test_a_certificate_that_the_person_vouches_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(lambda sending: sending.say("yes"), tls=True) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(Path(__file__).parent.parent / "runtime" / "tls" / "certificate.pem"))
        assert list(ServerEngine(server.url).chat(QUESTION)) == ["yes"]


def test_https_to_a_server_that_speaks_http_is_said() -> None:
    with ChatServer(lambda sending: sending.say("no")) as server:
        _, error = until_failure(ServerEngine(server.url.replace("http:", "https:")))
        assert "is it http rather than https?" in str(error)


@pytest.mark.parametrize("at", ["before the head", "within the stream"])
def test_cancelling_ends_the_wait_and_the_connection(at: str) -> None:
    waiting = threading.Event()

    def answer(sending: Sending) -> None:
        if at == "within the stream":
            sending.head()
            sending.delta(content="First")
        waiting.set()
        silence(sending, 10)

    with ChatServer(answer) as server:
        engine = ServerEngine(server.url, "m")
        times: list[float] = []

        def cancel() -> None:
            waiting.wait(5)
            time.sleep(0.1)
            times.append(time.monotonic())
            engine.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        said, error = until_failure(engine)
        waited = time.monotonic() - times[0]
        thread.join()
        assert isinstance(error, Cancelled)
        assert said == (["First"] if at == "within the stream" else [])
        # A tenth of a second is the promise; a busy machine gets more before the test calls it broken.
        assert waited < 1.0
        assert server.chats[0].gone.wait(5), "the server can stop computing"


def test_closing_the_iterator_ends_the_connection() -> None:
    def answer(sending: Sending) -> None:
        sending.head()
        while sending.delta(content="more "):
            time.sleep(0.01)

    with ChatServer(answer) as server:
        pieces = ServerEngine(server.url, "m").chat(QUESTION)
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]
        assert server.chats[0].gone.wait(5)


def test_the_key_goes_to_the_server_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def answer(sending: Sending) -> None:
        sending.json({"error": {"message": f"Incorrect API key provided: {KEY}"}}, status=400)

    monkeypatch.setenv("QWTUTOR_HOME", str(tmp_path))
    monkeypatch.setenv("QWTUTOR_API_KEY", KEY)
    with caplog.at_level("DEBUG"), ChatServer(answer) as server:
        engine = ServerEngine(server.url)
        _, error = until_failure(engine)
        assert server.asked[-1].authorization == f"Bearer {KEY}"
    shown = [repr(engine), str(engine.__dict__), str(error), repr(error), repr(error.values), str(error.__cause__)]
    assert not any(KEY in text for text in shown)
    assert "***" in str(error)
    assert not any(KEY in record.getMessage() for record in caplog.records if not record.name.startswith("httpcore"))
    assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_refused_key_is_told_from_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWTUTOR_API_KEY", KEY)
    sentence, _ = failure(lambda sending: sending.json({}, 401))
    assert "does not accept the key (status 401)" in sentence


def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWTUTOR_API_KEY", "sk-one\nsk-two")
    with ChatServer(lambda sending: sending.say("no")) as server:
        _, error = until_failure(ServerEngine(server.url))
        assert str(error) == "What QWTUTOR_API_KEY holds is no key."
        assert not server.asked


def test_another_programs_key_is_not_sent_in_clear_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    from tutor.agent.server import api_key

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert api_key("https://api.example.org/v1") == KEY
    assert api_key("http://127.0.0.1:8080/v1") == KEY
    assert api_key("http://teacher.example.org/v1") == ""
    monkeypatch.setenv("QWTUTOR_API_KEY", "mine")
    assert api_key("http://teacher.example.org/v1") == "mine"


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://localhost:8080", "http://localhost:8080/v1"),
        ("http://localhost:8080/", "http://localhost:8080/v1"),
        ("https://api.example.org/v1", "https://api.example.org/v1"),
        ("https://api.example.org/v1/", "https://api.example.org/v1"),
        ("https://api.example.org/openai/v1/chat/completions", "https://api.example.org/openai/v1"),
        ("https://api.example.org/api/paas/v4", "https://api.example.org/api/paas/v4"),
        ("http://[::1]:8080", "http://[::1]:8080/v1"),
    ],
)
def test_an_address_is_taken_with_or_without_its_version(given: str, base: str) -> None:
    assert base_of(given) == base


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8080", "ftp://example.org", "file:///etc/passwd", "http://", "http://a:b", "http://u:p@host/v1"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        ServerEngine(url)


def test_a_server_that_names_no_model_is_asked_about() -> None:
    with ChatServer(lambda sending: sending.say("no"), models=()) as server:
        _, error = until_failure(ServerEngine(server.url))
        assert "names no model" in str(error)


@pytest.fixture(scope="module")
def llama_server(smollm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """llama-cpp-python's own server on this machine, with SmolLM2."""
    assert find_spec("uvicorn"), "llama-cpp-python's server extra is not installed"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [
        sys.executable,
        "-m",
        "llama_cpp.server",
        "--model",
        str(smollm),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with log.open("wb") as out, subprocess.Popen([*command, "--n_ctx", "2048"], stdout=out, stderr=out) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(600):
                try:
                    if httpx.get(f"{url}/v1/models", trust_env=False).status_code == 200:
                        break
                except httpx.HTTPError:
                    assert process.poll() is None, log.read_text(errors="replace")[-2000:]
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def test_llama_cpps_own_server_chats_and_streams(llama_server: str) -> None:
    engine = ServerEngine(llama_server)
    question = (Message("system", "Answer in one word."), Message("user", "What is the capital of France?"))
    pieces = list(engine.chat(question, max_tokens=16))
    assert len(pieces) > 1
    assert "Paris" in "".join(pieces)
    assert "".join(engine.chat(question, max_tokens=16)) == "".join(pieces), "at temperature 0 it says the same again"


def test_a_model_that_is_called_by_its_path_is_shown_by_its_file() -> None:
    with ChatServer(lambda sending: sending.say("Yes."), models=("/models/small.gguf",)) as server:
        engine = ServerEngine(server.url)
        assert engine.name == server.url.removeprefix("http://")
        assert list(engine.chat(QUESTION)) == ["Yes."]
        assert engine.name == "small.gguf"
        assert server.asked[1].body["model"] == "/models/small.gguf"


def test_llama_cpps_own_server_takes_tools_and_earlier_calls(llama_server: str) -> None:
    turns = (
        *QUESTION,
        Message("assistant", calls.write(ToolCall("calculate", {"expression": "2 * 24"}))),
        Message("tool", "2 * 24 = 48"),
    )
    pieces = list(ServerEngine(llama_server).chat(turns, tools=[TOOL], max_tokens=12))
    assert pieces


def test_llama_cpps_own_server_hears_of_a_cancel(llama_server: str) -> None:
    engine = ServerEngine(llama_server)
    pieces = engine.chat((Message("user", "Count from one to one thousand in words."),), max_tokens=1500)
    next(pieces)
    engine.cancel()
    with pytest.raises(Cancelled):
        list(pieces)
    assert "".join(engine.chat((Message("user", "Say yes."),), max_tokens=4)), "it answers the next question"
