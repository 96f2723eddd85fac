"""The model's process killed, stopped, cancelled, orphaned: one sentence, and the next request works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.soak import count
from tutor.domain.errors import Cancelled, ModelFailed
from tutor.domain.model import Strategy
from tutor.runtime.client import WorkerModel

PROMPT = "Once upon a time"
GREEDY = Strategy()
ENDLESS = {"max_tokens": 2000, "ignore_eos": True}
# Generous: a test waits so long for what happens at once on an idle machine.
PATIENCE = 60.0


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Ended and reaped: no zombie either."""
    return not psutil.pid_exists(pid)


@pytest.fixture
def model(smollm: Path, tmp_path: Path) -> WorkerModel:
    with WorkerModel(smollm, log=tmp_path / "log") as model:
        yield model


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_a_process_that_dies_in_the_middle_costs_one_sentence(model: WorkerModel, number: signal.Signals) -> None:
    steps = model.decode(PROMPT, GREEDY, **ENDLESS)
    next(steps)
    pid = model.pid
    os.kill(pid, number)
    with pytest.raises(ModelFailed) as failed:
        list(steps)
    assert number.name in failed.value.message
    assert "\n" not in str(failed.value)
    assert gone(pid)
    assert model.next(PROMPT).top
    assert model.pid != pid


def test_a_stopped_process_is_ended_and_started_again(model: WorkerModel) -> None:
    steps = model.decode(PROMPT, GREEDY, **ENDLESS)
    next(steps)
    pid = model.pid
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ModelFailed, match="sign of life"):
        list(steps)
    assert gone(pid)
    assert model.next(PROMPT).top


def test_a_process_that_dies_idle_is_replaced_without_a_word(tiny: WorkerModel) -> None:
    pid = tiny.info() and tiny.pid
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: gone(pid))
    eventually(lambda: tiny._process.ended)
    assert tiny.next("the").top


def test_after_three_crashes_within_a_minute_it_stays_off_and_says_why(tiny: WorkerModel) -> None:
    for _ in range(3):
        steps = tiny.decode("the", GREEDY, max_tokens=100, ignore_eos=True)
        next(steps)
        os.kill(tiny.pid, signal.SIGSTOP)
        waiting = threading.Thread(target=lambda: os.kill(tiny.pid, signal.SIGKILL))
        waiting.start()
        waiting.join()
        eventually(lambda: tiny._process.ended)
    for _ in range(2):
        with pytest.raises(ModelFailed) as off:
            tiny.next("the")
        assert "3 times" in off.value.message
        assert "SIGKILL" in off.value.message
        assert tiny.pid is None


def test_random_kills_never_leave_a_client_without_an_answer(smollm: Path, tmp_path: Path) -> None:
    for n in range(count(30)):
        with WorkerModel(smollm, log=tmp_path / "log") as model:
            model.info()
            threading.Timer(0.01 * n, os.kill, (model.pid, signal.SIGKILL)).start()
            with pytest.raises(ModelFailed):
                for _ in range(1000):
                    list(model.decode(PROMPT, GREEDY, max_tokens=20))
            assert model.next(PROMPT).top


def test_a_cancel_is_heard_inside_a_long_prompt(smollm: Path, tmp_path: Path) -> None:
    fractions: list[float] = []

    def hear(phase: str, fraction: float) -> None:
        if phase == "prompt":
            fractions.append(fraction)
            model.cancel()

    with WorkerModel(smollm, log=tmp_path / "log", on_progress=hear) as model:
        for ask in (lambda: model.next("word " * 3000), lambda: model.score("word " * 3000)):
            fractions.clear()
            with pytest.raises(Cancelled):
                ask()
            assert model.next(PROMPT).top
            # It ended long before the prompt did.
            assert max(fractions) < 0.5


def test_a_cancel_from_another_thread_ends_a_stream(model: WorkerModel) -> None:
    steps = model.decode(PROMPT, GREEDY, **ENDLESS)
    next(steps)
    threading.Thread(target=model.cancel).start()
    with pytest.raises(Cancelled):
        for _ in steps:
            pass
    pid = model.pid
    assert model.next(PROMPT).top
    assert model.pid == pid


def test_cancelling_gives_the_same_answers_afterwards(model: WorkerModel) -> None:
    before = list(model.decode(PROMPT, GREEDY, max_tokens=3))
    for _ in range(3):
        steps = model.decode(PROMPT + " there was", GREEDY, **ENDLESS)
        next(steps)
        steps.close()
        assert list(model.decode(PROMPT, GREEDY, max_tokens=3)) == before


def test_closing_the_iterator_stops_the_process_from_decoding_on(model: WorkerModel) -> None:
    steps = model.decode(PROMPT, GREEDY, **ENDLESS)
    next(steps)
    steps.close()
    assert model.next(PROMPT).top
    process = psutil.Process(model.pid)
    busy = sum(process.cpu_times()[:2])
    time.sleep(0.5)
    assert sum(process.cpu_times()[:2]) - busy < 0.4


def test_a_second_caller_waits_for_its_turn(tiny: WorkerModel) -> None:
    expected = {text: tiny.next(text) for text in ("the", "cat", "a b", "s")}
    wrong: list[str] = []

    def ask(text: str) -> None:
        for _ in range(30):
            wrong.extend([text] * (tiny.next(text) != expected[text]))

    threads = [threading.Thread(target=ask, args=(text,)) for text in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_reader_that_pauses_keeps_nobody_waiting(tiny: WorkerModel) -> None:
    steps = tiny.decode("the", GREEDY, max_tokens=50, ignore_eos=True)
    first = next(steps)
    assert tiny.next("cat").top
    assert len([first, *steps]) == 50


def test_the_process_outlives_the_thread_that_first_asked(tiny: WorkerModel) -> None:
    thread = threading.Thread(target=tiny.info)
    thread.start()
    thread.join()
    pid = tiny.pid
    assert tiny.next("the").top
    assert tiny.pid == pid


def test_close_leaves_no_process_and_whoever_waits_is_told(model: WorkerModel) -> None:
    steps = model.decode(PROMPT, GREEDY, **ENDLESS)
    next(steps)
    pid = model.pid
    model.close()
    assert gone(pid)
    with pytest.raises(Cancelled):
        list(steps)
    with pytest.raises(ModelFailed, match="closed"):
        model.next(PROMPT)
    model.close()


ORPHANED = """
import sys, time
from pathlib import Path
from tutor.runtime.client import WorkerModel
from tutor.domain.model import Strategy
model = WorkerModel(Path(sys.argv[1]), log=Path(sys.argv[2]))
steps = model.decode("Once upon a time", Strategy(), max_tokens=2000, ignore_eos=True)
next(steps)
print(model.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_process_ends_with_the_program(smollm: Path, tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", ORPHANED, str(smollm), str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        pid = int(program.stdout.readline())
        assert psutil.pid_exists(pid)
        program.send_signal(number)
        program.wait()
        eventually(lambda: gone(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_the_process_gets_no_secrets_no_terminal_keys_and_no_network(
    tiny: WorkerModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    tiny.info()
    process = psutil.Process(tiny.pid)
    assert "SECRET_TOKEN" not in process.environ()
    assert os.getpgid(tiny.pid) != os.getpgid(0)
    assert process.nice() > psutil.Process().nice()
    assert process.net_connections() == []


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is empty"), (b"PK\x03\x04 a zip", "no GGUF file"), (b"GGUF\x03\x00\x00\x00", "breaks off")],
)
def test_a_file_that_is_no_model_gets_a_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "broken\x1b[31m.gguf"
    path.write_bytes(content)
    with WorkerModel(path, log=tmp_path / "log") as model:
        for _ in range(4):
            # Not a crash: it may be tried as often as one likes.
            with pytest.raises(ModelFailed, match=says) as failed:
                model.info()
        assert "\x1b" not in str(failed.value)
        assert "broken" in failed.value.message


def test_a_missing_file_and_a_folder_get_sentences(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.gguf", tmp_path):
        with WorkerModel(path, log=tmp_path / "log") as model, pytest.raises(ModelFailed, match="cannot be read"):
            model.info()


def test_a_model_cut_short_is_refused_before_it_is_mapped(smollm: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.gguf"
    with smollm.open("rb") as file:
        path.write_bytes(file.read(4_000_000))
    with WorkerModel(path, log=tmp_path / "log") as model, pytest.raises(ModelFailed, match="up to byte"):
        model.info()


def test_nothing_heavy_is_imported_for_the_client() -> None:
    code = (
        "import sys, tutor.runtime.client; print([n for n in ('numpy', 'llama_cpp', 'quicktok') if n in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_a_listener_that_fails_stops_nothing(tiny_file: Path, tmp_path: Path) -> None:
    def hear(phase: str, fraction: float) -> None:
        raise RuntimeError("the listener is broken")

    with WorkerModel(tiny_file, log=tmp_path / "log", on_progress=hear) as model:
        assert model.next("the").top
    assert "the listener is broken" in (tmp_path / "log").read_text()


def test_a_crash_leaves_no_core_file_and_the_process_goes_first_when_memory_is_short(tiny: WorkerModel) -> None:
    tiny.info()
    assert psutil.Process(tiny.pid).rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert Path(f"/proc/{tiny.pid}/oom_score_adj").read_text().strip() == "500"
