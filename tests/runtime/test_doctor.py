"""What the doctor says of a sound machine, and of one where something is wrong."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from tests.runtime.model_files import content
from tutor import places
from tutor.domain import language
from tutor.runtime import catalogue, doctor


def of(checks: list[doctor.Check], name: str) -> doctor.Check:
    return next(check for check in checks if check.name == name)


def test_a_sound_machine_is_said_to_be_one_without_asking_the_network(
    smollm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("the doctor asked the network")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setenv("TERM", "xterm-256color")
    checks = doctor.checks()
    wrong = {check.name: str(check.detail) for check in checks if not check.ok}
    assert not set(wrong) - {"terminal"}, wrong  # under a test runner stdout has the encoding it has
    assert "smollm2-135m" in of(checks, "models").detail.en
    assert of(checks, "llama").detail.en.startswith("0.3.")
    assert of(checks, "backend").detail.en


def test_everything_is_said_in_both_languages() -> None:
    for check in doctor.checks():
        for text in (check.title, check.detail):
            assert text.zh and text.en
    assert doctor.cores().title.zh == "处理器"


def test_the_screen_never_loads_llama_for_it() -> None:
    assert "llama_cpp" not in vars(doctor)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os.abort()", "It ends with signal 6: built for another processor?"),
        ("raise ImportError('libllama.so: no such file')", "ImportError: libllama.so: no such file"),
        ("print('chatter')", "It gave no answer."),
        ("import sys; sys.exit(3)", "It gave no answer."),
        ("import time; time.sleep(600)", "It did not start within 0.5 s."),
    ],
)
def test_a_broken_llama_is_described_and_takes_nothing_with_it(
    code: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "ASK_LLAMA", code)
    if "0.5" in said:
        monkeypatch.setattr(doctor, "IMPORT_SECONDS", 0.5)
    (check,) = doctor.llama(sys.executable)
    assert not check.ok and check.detail.en == said and "force-reinstall" in check.hint.en


def test_a_python_that_is_not_there_is_described() -> None:
    (check,) = doctor.llama("/no/such/python")
    assert not check.ok and check.detail.en == "Python could not be started."


def test_a_damaged_model_is_named_and_how_to_mend_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWTUTOR_MODELS", str(tmp_path))
    assert not doctor.models().ok
    (tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(content(1000))
    check = doctor.models()
    assert not check.ok and "damaged: smollm2-135m" in check.detail.en
    assert check.hint.en == "`qwtutor models pull smollm2-135m` fetches it again."


def test_a_damaged_list_of_models_is_a_finding_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWTUTOR_MODELS", str(tmp_path))
    (tmp_path / "added.json").write_text('{"models": [1]}')
    assert "added.json" in str(of(doctor.checks(), "models").detail)


def test_a_data_folder_that_cannot_be_written_to_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("QWTUTOR_HOME", str(blocked / "home"))
    check = doctor.data_folder()
    assert not check.ok and "cannot be written to" in check.detail.en and "QWTUTOR_HOME" in check.hint.en
    assert not places.home().exists()


def test_free_space_is_known_for_a_folder_that_is_not_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWTUTOR_MODELS", str(tmp_path / "not" / "yet"))
    assert str(tmp_path) in doctor.free_space().detail.en
    assert f"{catalogue.entry(catalogue.default_name()).bytes // 1_000_000} MB" in doctor.free_space().hint.en


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"TERM": "xterm-256color"}, "256 colours"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "full colour"),
        ({"TERM": "xterm", "NO_COLOR": "1", "COLORTERM": "truecolor"}, "no colours"),
        ({"TERM": "linux"}, "16 colours"),
        ({"TERM": "dumb"}, "TERM=dumb"),
        ({}, "TERM=-"),
        ({"TERM": "\x1b[31m"}, "TERM=\\x1b[31m"),
    ],
)
def test_the_terminal_is_judged_by_its_variables(env: dict[str, str], words: str) -> None:
    check = doctor.terminal(env)
    assert words in check.detail.en
    assert not check.ok or env["TERM"] not in ("", "dumb")


def test_a_missing_vocabulary_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tutor.runtime import tokenizers

    monkeypatch.setattr(tokenizers, "BUNDLED", {"cl100k_base": "no-such-vocabulary"})
    monkeypatch.setattr(tokenizers, "NAMES", ("model", "cl100k_base"))
    monkeypatch.setattr(language, "_current", "zh")
    check = doctor.tokenizers()
    assert not check.ok and "cl100k_base" in check.detail.zh
