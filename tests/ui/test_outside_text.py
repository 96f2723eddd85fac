"""Text from outside is only text: on the bytes of a real terminal nothing in it acts, and its markup stands there as written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tests.ui.conftest import Start
from tests.ui.hostile import HOSTILE, MARKED, assert_harmless, hostile_course, hostile_gguf
from tests.ui.traces import PROGRAM


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return hostile_course(tmp_path / "course", MARKED)


def visit(terminal: Terminal, *steps: str) -> str:
    """Keys, and after each the screen has come to rest; all that was on it."""
    seen = [terminal.text()]
    for step in steps:
        terminal.send(step)
        terminal.settle(0.15)
        seen.append(terminal.text())
    return "\n".join(seen)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", [(80, 24), (150, 40)], ids=["80x24", "150x40"])
def test_a_course_on_the_screen(start: Start, course: Path, language: str, size: tuple[int, int]) -> None:
    tutor = start("--lang", language, "--course", str(course), size=size)
    tutor.expect(r"\[red\]A")
    tutor.settle()
    seen = visit(tutor, "j", "<c-p>", "sheep", "<esc>", "/", "gate", "<esc>")
    seen += visit(tutor, "g", "<enter>", *["<space>"] * 8, "o", "<esc>", "g", "<tab>", "<enter>", "1", "<space>", "q")
    seen += visit(tutor, "<tab>", "<tab>", "3<enter>", "q")
    seen += visit(tutor, "z", "1", "<enter>", "3<enter>", "<enter>", "1", "<enter>", "?", "q", "q")
    assert tutor.status is None, "no text from outside is a command"
    for literal in ("[red]A[/red]", "[@click=app.leave]C[/]", "]0;owned"):
        assert literal in seen, seen
    tutor.send("<c-q>")
    assert tutor.wait() == 0
    assert_harmless(bytes(tutor.sent))


def test_a_course_with_control_characters_is_refused_in_a_harmless_sentence(start: Start, tmp_path: Path) -> None:
    course = hostile_course(tmp_path / "course", HOSTILE)
    tutor = start("--lang", "en", "--course", str(course))
    tutor.expect("sheep")
    visit(tutor, *"jjjjj", "<enter>")  # past the labs
    tutor.expect("no control characters")
    visit(tutor, "z", "/", "gate", "<esc>", "<c-p>", "sheep", "<enter>", "r")
    assert tutor.status is None
    tutor.send("<c-q>")
    assert tutor.wait() == 0
    assert_harmless(bytes(tutor.sent))


@pytest.mark.parametrize(
    "words",
    [
        ("lessons",),
        ("lesson", "sheep"),
        ("search", "gate"),
        ("check",),
        ("grade", "sheep/q-one", "1"),
        ("lesson", "sheep", "--plain"),
        ("quiz", "sheep"),
        ("--plain",),
        ("lesson", HOSTILE.replace("\x00", "")),
        ("grade", "sheep/q-one", HOSTILE),
        ("tokenize", "--tokenizer", "cl100k_base", HOSTILE),
        ("demo", "tokenizer", "--set", f"encode={HOSTILE}"),
        ("demo", HOSTILE),
        (HOSTILE,),
    ],
    ids=lambda words: words[0] if words[0] != HOSTILE else "name",
)
def test_a_course_and_hostile_words_on_the_command_line(course: Path, words: tuple[str, ...]) -> None:
    where = ("--course", str(course)) if words[0] != "check" else ()
    words = (*words, str(course)) if words[0] == "check" else words
    with Terminal([*PROGRAM, "--lang", "en", *where, *words]) as terminal:
        for _ in range(40):
            terminal.settle(0.4)
            if terminal.status is not None:
                break
            # Talks want an answer: a number where there is a question, else Enter; at last they are left.
            terminal.send("1<enter>")
        terminal.send("<c-d>") if terminal.status is None else None
        terminal.wait()
        assert b"Traceback" not in terminal.sent
        assert_harmless(bytes(terminal.sent))


def test_a_model_file_on_the_screen_and_on_the_command_line(start: Start, tmp_path: Path) -> None:
    path = hostile_gguf(tmp_path)
    plain = shutil.copy(path, tmp_path / "plain.gguf")
    models = {"QWTUTOR_MODELS": str(tmp_path / "models")}
    for words in (
        ("models", "info", str(path)),
        ("models", "add", "--trust", str(path)),
        ("models", "list"),
        ("doctor",),
    ):
        with Terminal([*PROGRAM, "--lang", "en", *words], env=models) as terminal:
            terminal.wait(timeout=60)
            assert b"Traceback" not in terminal.sent
            assert_harmless(bytes(terminal.sent))

    tutor = start("--lang", "en", env=models, size=(120, 40))
    tutor.expect("Start here")
    visit(tutor, "m", "a", f"{plain}<enter>", "<enter>")
    tutor.expect("plain")
    seen = visit(tutor, "G", "i", "j", "q", "k", "i", "q", "<enter>", "q", "<c-p>", "demo decoding", "<enter>")
    assert "[red]A[/red]" in seen and "]0;ownedx" in seen
    assert tutor.status is None
    tutor.send("<c-q>")
    assert tutor.wait() == 0
    assert_harmless(bytes(tutor.sent))


def test_what_is_pasted_and_typed(start: Start) -> None:
    tutor = start("--lang", "en")
    tutor.expect("Start here")
    paste = f"\x1b[200~{HOSTILE.replace(chr(27) + '[201~', '')}\x1b[201~"
    for place in ("/", "<c-p>"):
        visit(tutor, place)
        os.write(tutor.fd, paste.encode())
        tutor.settle()
        visit(tutor, "<esc>")
        tutor.expect("Start here")
    visit(tutor, "<c-p>", "demo tok", "<enter>", "e", "<down><down><down>", "<enter>")
    os.write(tutor.fd, paste.encode())
    visit(tutor, "<enter>")
    while "lessons written" not in tutor.text():
        visit(tutor, "<esc>")
    visit(tutor, "g", "z")
    tutor.expect("1/12")
    visit(tutor, "1", "<enter>")
    os.write(tutor.fd, paste.encode())
    visit(tutor, "<enter>")
    visit(tutor, "<esc>", "m", "a")
    os.write(tutor.fd, paste.encode())
    visit(tutor, "<enter>")
    assert tutor.status is None
    tutor.send("<c-q>")
    assert tutor.wait() == 0
    assert_harmless(bytes(tutor.sent))


COURSES = {
    "missing": {},
    "empty": {"lessons": None},
    "broken": {"lessons/01-a.yaml": "[", "quizzes/01-a.yaml": "{{{"},
    "other things": {"lessons/01-a.yaml": "a: 1", "lessons/02-b.yaml": "- 1", "lessons/03-c.yaml": "\x00\x01"},
    "a file": None,
}


@pytest.mark.parametrize("kind", COURSES)
def test_a_course_that_is_none_is_a_sentence_and_the_program_lives(start: Start, tmp_path: Path, kind: str) -> None:
    folder, files = tmp_path / "course", COURSES[kind]
    if files is None:
        folder.write_text("no folder")
    for name, text in (files or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if text is None else path.write_text(text)
    tutor = start("--lang", "en", "--course", str(folder))
    tutor.settle(1.0)
    if tutor.status is None:
        visit(tutor, "<enter>", "z", "r", "/", "a", "<esc>", "<c-p>", "a", "<esc>", "m", "q", ",", "q", "?", "q")
        assert tutor.status is None, tutor.text()
        tutor.send("<c-q>")
        assert tutor.wait() == 0
    else:
        assert tutor.wait() in (1, 2)
    assert b"Traceback" not in tutor.sent
    assert b"should not have" not in tutor.sent
