"""Exit status 0 done, 1 the work failed, 2 wrong usage; each failure one sentence on standard error, no traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.program import COMMAND, Run, qwtutor


def failed(run: Run, status: int, *said: str) -> None:
    assert run.status == status, run.stderr
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    for words in said:
        assert words in run.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lesson",), "SLUG"),
        (("lesosn",), "lesson"),
        (("lessons", "--jsn"), "--json"),
        (("lessons", "too", "many"), "too many"),
        (("lessons", "--course", "/no/such/folder"), "/no/such/folder"),
        (("--lang", "fr", "lessons"), "zh, en"),
        (("next", "--top", "0", "x"), "a whole number from 1 to 1000, not 0"),
        (("next", "--top", "many", "x"), "not many"),
        (("decode", "--temperature", "nan", "x"), "--temperature"),
        (("decode", "--strategy", "best", "x"), "greedy, sample, beam"),
        (("tokenize", "--tokenizer", "none", "x"), "cl100k_base"),
        (("demo", "tokenizer", "--set", "merges=-1"), "merges"),
        (("demo", "tokenizer", "--set", "merges"), "NAME=VALUE"),
        (("grade", "tokenizer", "1"), "LESSON/QUESTION"),
        (("progress", "reset"), "--yes"),
        (("completion", "tcsh"), "bash, zsh, fish"),
        ((), "--plain"),
    ],
)
def test_wrong_usage_is_2_and_says_what_was_expected(words: tuple[str, ...], said: str) -> None:
    failed(qwtutor(*words), 2, said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lesson", "tokeniser"), "tokenizer"),
        (("lesson", "encoder"), "encoder"),
        (("quiz", "nothing"), "nothing"),
        (("grade", "tokenizer/q-nothing", "1"), "q-first-merge"),
        (("demo", "tokeniser"), "tokenizer"),
        (("next", "--model", "qwen3-1.7b", "x"), "qwtutor models pull qwen3-1.7b"),
        (("next", "--model", "/no/such.gguf", "x"), "/no/such.gguf"),
        (("models", "info", "nothing"), "nothing"),
        (("progress", "import", "Makefile"), "JSON"),
    ],
)
def test_work_that_fails_is_1_and_says_why(words: tuple[str, ...], said: str) -> None:
    failed(qwtutor(*words, cwd=Path(__file__).parent.parent.parent), 1, said)


def test_a_missing_model_says_how_to_fetch_it(tmp_path: Path) -> None:
    failed(qwtutor("score", "--json", "x", QWTUTOR_MODELS=str(tmp_path)), 1, "qwtutor models pull")


def test_input_that_is_not_text_says_which_byte() -> None:
    failed(qwtutor("tokenize", "--tokenizer", "cl100k_base", "-", stdin=b"ab\xff"), 1, "2", "0xff")


def test_a_word_that_is_not_text_is_wrong_usage() -> None:
    failed(qwtutor("tokenize", "--tokenizer", "cl100k_base", os.fsdecode(b"\xff")), 2, "UTF-8")


def test_a_model_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\x03\0\0\0" + b"\xff" * 64)
    failed(qwtutor("next", "--model", str(broken), "x"), 1)
    failed(qwtutor("models", "info", str(broken)), 1)


def test_check_fails_on_a_broken_course_with_file_and_line(course: Path, tmp_path: Path) -> None:
    assert qwtutor("check", str(course)).status == 0
    for kind in ("lessons", "quizzes"):
        (tmp_path / kind).mkdir()
    text = (course / "lessons" / "01-pairs.yaml").read_text(encoding="utf-8")
    (tmp_path / "lessons" / "01-pairs.yaml").write_text(text.replace("minutes: 5", "minutes: soon"), encoding="utf-8")
    run = qwtutor("check", str(tmp_path))
    assert run.status == 1
    line = text.splitlines().index("minutes: 5") + 1
    assert f"lessons/01-pairs.yaml:{line}" in run.stdout
    problems = qwtutor("check", str(tmp_path), "--json")
    assert problems.status == 1
    assert {"file", "line", "field", "expected", "found"} <= problems.data["problems"][0].keys()


def test_what_should_not_happen_is_a_sentence_and_the_log_has_the_rest(tmp_path: Path) -> None:
    # A folder where the lessons' index should be read: nothing the program expects.
    sabotage = tmp_path / "sitecustomize.py"
    sabotage.write_text(
        "import sys\n"
        "class Trap:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'tutor.content.library':\n"
        "            raise ZeroDivisionError('trap')\n"
        "sys.meta_path.insert(0, Trap())\n"
    )
    run = qwtutor("lessons", PYTHONPATH=f"{tmp_path}{os.pathsep}{Path(__file__).parent.parent.parent}")
    log = Path(os.environ["QWTUTOR_HOME"]) / "log" / "errors.txt"
    failed(run, 1, "ZeroDivisionError", str(log))
    assert "Traceback" in log.read_text() and "trap" in log.read_text()


def test_an_unwritable_home_still_says_a_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    for words in (("progress",), ("quiz", "tokenizer"), ("models", "use", "smollm2-135m")):
        failed(qwtutor(*words, QWTUTOR_HOME=str(blocked / "home")), 1)
    assert qwtutor("lessons", QWTUTOR_HOME=str(blocked / "home")).status == 0


def test_the_command_is_the_module() -> None:
    assert COMMAND[1:] == ("-m", "tutor")
    assert qwtutor("--version").stdout.startswith("qwtutor ")
