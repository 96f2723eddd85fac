"""Terminals as people have them: few colours or none, tmux, slow bytes, small and changing sizes, put to sleep and woken."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_plain import folded, talk
from tests.terminal import Terminal
from tests.ui.conftest import Start
from tests.ui.traces import assert_left_as_found
from tutor import places
from tutor.content.library import Library

SGR = re.compile(rb"\x1b\[([\d;]*)m")
SCREENS = {
    "home": "",
    "lesson": "<enter>",
    "quiz": "z",
    "search": "/",
    "models": "m",
    "settings": ",",
    "palette": "<c-p>",
    "help": "?",
}


def styles(sent: bytes) -> set[bytes]:
    """The numbers of every style that was set; a colour of 256 or more counts as one."""
    found: set[bytes] = set()
    for numbers in SGR.findall(sent):
        found |= set(re.findall(rb"(?:[34]8;2;\d+;\d+;\d+|[34]8;5;\d+|\d+)", numbers))
    return found


def walk(tutor: Terminal) -> None:
    """Over every screen and through a question, a demo and its parameters."""
    tutor.expect("Start here")
    for key in SCREENS.values():
        tutor.send(key)
        tutor.settle()
        if key:
            tutor.send("<esc>")
            tutor.expect("lessons written")
            tutor.settle(0.1)
    tutor.send("z")
    tutor.expect("1/12")
    tutor.send("1")
    tutor.expect(r"Right\.|Not right\.")
    tutor.send("q")
    tutor.expect("lessons written")
    tutor.send("<c-p>")
    tutor.expect("Commands")
    tutor.send("demo tok")
    tutor.expect("> Demo tokenizer")
    tutor.send("<enter>")
    tutor.expect("step 1")
    tutor.send("<space>e")
    tutor.expect("parameters")
    tutor.send("<c-q>")
    assert tutor.wait() == 0


def test_without_colour_only_weight_and_reverse_are_sent(start: Start) -> None:
    tutor = start("--lang", "en", env={"NO_COLOR": "1"})
    walk(tutor)
    # Bold, dim, italic, underlined, reverse, struck, and each of them off; the terminal's own two colours.
    plain = {b"%d" % n for n in (0, 1, 2, 3, 4, 7, 9, 22, 23, 24, 27, 29, 39, 49)}
    colours = {style for style in styles(bytes(tutor.sent)) if style not in plain}
    assert not colours


@pytest.mark.parametrize(
    "environment",
    [
        {"TERM": "xterm", "COLORTERM": "", "TEXTUAL_COLOR_SYSTEM": "standard"},
        {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"},
    ],
    ids=["16 colours", "ssh"],
)
def test_sixteen_colours_are_the_terminals_own(start: Start, environment: dict[str, str]) -> None:
    tutor = start("--lang", "en", env=environment)
    walk(tutor)
    seen = styles(bytes(tutor.sent))
    assert not [style for style in seen if b";" in style]
    assert seen & {b"%d" % n for n in (*range(31, 38), *range(91, 98))}, "there is some colour"


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_that_sits_still_sends_nothing(start: Start, name: str) -> None:
    tutor = start("--lang", "en")
    tutor.expect("Start here")
    tutor.send(SCREENS[name])
    tutor.settle(1.5)
    before = len(tutor.sent)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        tutor.pump(0.1)
    assert len(tutor.sent) == before, bytes(tutor.sent[before:])


SIZES = [(120, 40), (60, 20), (20, 5), (1, 1), (80, 24)]


def test_a_terminal_that_was_smaller_for_a_moment_is_painted_anew(start: Start) -> None:
    # The program looks only when it is large again: no size has changed, and what was cut off is gone all the same.
    tutor = start("--lang", "en")
    tutor.expect("Start here")
    tutor.settle(0.5)
    before = tutor.text()
    os.kill(tutor.pid, signal.SIGWINCH)
    tutor.settle(0.5)
    tutor.screen.resize(5, 20)
    tutor.screen.resize(24, 80)
    assert tutor.text() != before
    os.kill(tutor.pid, signal.SIGWINCH)
    tutor.settle(0.5)
    assert tutor.text() == before


@pytest.mark.parametrize("name", [*SCREENS, "demo", "parameters", "outline", "look inside"])
def test_a_resize_breaks_nothing(start: Start, name: str, smollm: Path) -> None:
    ways = {
        "demo": "<c-p>demo tok<enter>",
        "parameters": "<c-p>demo tok<enter>e",
        "outline": "<enter>o",
        "look inside": "mji",
    }
    tutor = start("--lang", "en")
    tutor.expect("Start here")
    for key in re.findall(r"<[^>]+>|.", {**SCREENS, **ways}[name]):
        tutor.send(key)
        tutor.settle(0.15)
    tutor.settle(0.5)
    before = tutor.text()
    for size in SIZES:
        tutor.resize(*size)
        tutor.settle(0.15)
        tutor.send("jkk" if name not in ("search", "palette") else "<down><up><up>")
        tutor.settle(0.1)
    tutor.settle(0.5)
    assert tutor.status is None
    assert tutor.text() == before, "back at the old size it looks as it did"
    tutor.send("<c-q>")
    assert tutor.wait() == 0
    assert b"Traceback" not in tutor.sent


@pytest.mark.parametrize("link", [{}, {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}], ids=["here", "ssh"])
def test_keys_whose_bytes_come_slowly_are_still_those_keys(start: Start, link: dict[str, str]) -> None:
    tutor = start("--lang", "en", env=link)
    tutor.expect("Start here")
    for _ in range(2):
        for byte in (b"\x1b", b"[", b"B"):
            os.write(tutor.fd, byte)
            tutor.pump(0.02)
        tutor.settle()
    tutor.expect("> Decoding lab")


def test_wide_characters_and_emoji_in_a_field(start: Start) -> None:
    tutor = start("--lang", "en")
    tutor.expect("Start here")
    tutor.send("/")
    tutor.expect("words in")
    os.write(tutor.fd, "分词👩‍👩‍👧é𝔘🇨🇳".encode())
    tutor.settle(0.5)
    for _ in range(12):
        tutor.send("<left>")
    tutor.send("x")
    tutor.settle()
    for _ in range(20):
        tutor.send("<bs>")
    tutor.settle()
    tutor.send("<c-q>")
    assert tutor.wait() == 0
    assert b"Traceback" not in tutor.sent


def test_put_to_sleep_the_terminal_is_the_shells_and_woken_the_screen_is_back(tmp_path: Path) -> None:
    # The shell's own line editor sets modes too.
    settings = tmp_path / "inputrc"
    settings.write_text("set enable-bracketed-paste off\n")
    with Terminal(["bash", "--norc", "-i"], env={"PS1": "shell: ", "INPUTRC": str(settings)}) as terminal:
        terminal.expect("shell:")
        terminal.send(f"{sys.executable} -m tutor --lang en<enter>")
        terminal.expect("Start here")
        terminal.settle()
        terminal.send("<c-z>")
        terminal.expect("Stopped|已停止|shell: *$")
        assert_left_as_found(bytes(terminal.sent))
        terminal.send("stty -a | tr ';' ' ' | grep -ow 'icanon\\|-icanon'<enter>")
        terminal.expect(r"\nicanon")
        terminal.send("fg<enter>")
        terminal.expect("lessons written")
        terminal.settle()
        terminal.send("z")
        terminal.expect("1/12")
        terminal.send("<c-q>")
        terminal.settle(0.5)
        terminal.send("exit<enter>")
        assert terminal.wait() == 0
        assert_left_as_found(bytes(terminal.sent))


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[list[str]]:
    """A tmux server of our own, ended with the test."""
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("tmux is not installed: nothing was tried inside it")
    command = [program, "-f", os.devnull, "-S", str(tmp_path / "tmux")]
    yield command
    subprocess.run([*command, "kill-server"], check=False, capture_output=True)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_inside_tmux(tmux: list[str], size: tuple[int, int], language: str) -> None:
    words = {"en": ("Start here", r"Right\.|Not right\."), "zh": ("从这里开始", "对。")}[language]
    command = [*tmux, "new-session", sys.executable, "-m", "tutor", "--lang", language]
    with Terminal(command, size=size, env={"LC_ALL": "C.UTF-8"}) as terminal:
        terminal.expect(words[0])
        terminal.send("<enter>")
        terminal.expect("%")
        terminal.settle()
        terminal.send("<space>n")
        terminal.settle()
        terminal.send("z")
        terminal.expect("1/12")
        terminal.send("1")
        terminal.expect(words[1])
        terminal.settle()
        terminal.send("<enter>")
        terminal.expect(r"2/1[23]")
        terminal.send("<c-q>")
        terminal.expect(r"\[exited\]")
    assert b"Traceback" not in terminal.sent


@pytest.mark.parametrize("slug", ["tokenizer", "decoding"])
def test_spoken_in_chinese_a_lesson_and_its_quiz_come_to_their_end(slug: str, smollm: Path) -> None:
    lesson = Library(cache=places.cache()).lesson(slug)
    with talk("--lang", "zh", "lesson", slug, "--plain", "--model", str(smollm)) as person:
        said = person.listen()
        for _ in range(200):
            if "z: 测验" in said or "z：测验" in said:
                break
            answering = said.rstrip().endswith("你的答案：")
            said = person.say("/s" if answering else "a" if re.search(r"\ba[:：]", said[-200:]) else "")
        for section in lesson.sections:
            assert folded(section.title.zh) in folded(person.heard), section.title.zh
        said, answer = person.say("z"), "1"
        for _ in range(300):
            if "完成：" in said:
                break
            asks = said.rstrip().endswith("你的答案：")
            said = person.say(answer if asks else "")
            # What is no answer to this kind of question is skipped.
            answer = "/s" if asks and said.rstrip().endswith("你的答案：") else "1"
        assert re.search(r"完成：12 题答对 \d+ 题。", said), said
