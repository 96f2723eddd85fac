"""A learner's way through the program, in a real terminal: first screen, lesson, demo, quiz, away and back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.ui.conftest import Start

SIZES = [(60, 20), (80, 24), (120, 40)]
WORDS = {
    "zh": {
        "continue": "继续",
        "start": "从这里开始",
        "right": "对。",
        "wrong": "不对。",
        "saved": "已保存",
        "quiz": "测验",
    },
    "en": {
        "continue": "Continue",
        "start": "Start here",
        "right": "Right.",
        "wrong": "Not right.",
        "saved": "saved",
        "quiz": "Quiz",
    },
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", ["zh", "en"])
def test_reads_predicts_watches_answers_and_comes_back(start: Start, language: str, size: tuple[int, int]) -> None:
    words = WORDS[language]
    tutor = start("--lang", language, size=size)
    tutor.expect(words["start"])
    tutor.send("<enter>")
    tutor.expect(r"0%")
    tutor.settle()
    # The demo asks for a prediction first, computes to its end and only then says whether it was right.
    tutor.send("<tab><enter>")
    tutor.expect(r"\( \) 1")
    tutor.send("1")
    tutor.expect(r"step 1\b|第 1 步")
    for step in range(2, 9):
        tutor.send("<space>")
        tutor.expect(rf"step {step}\b|第 {step} 步")
    tutor.send("<space>")
    tutor.expect(f"{words['right']}|{words['wrong']}")
    tutor.send("q")
    tutor.settle()
    tutor.send("<space><space>")
    tutor.settle()
    place = tutor.text()
    tutor.send("q")
    tutor.expect(words["continue"])
    tutor.settle(0.8)
    tutor.send("q")
    assert tutor.wait() == 0

    again = start("--lang", language, size=size)
    again.expect(words["continue"])
    again.send("<enter>")
    again.expect(r"\A" + re.escape(place.splitlines()[0]))
    again.settle()
    assert again.text() == place, "back at the very line"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_quiz_goes_on_where_it_was_left(start: Start, language: str) -> None:
    words = WORDS[language]
    tutor = start("--lang", language)
    tutor.expect(words["start"])
    tutor.send("z")
    tutor.expect("1/12")
    tutor.send("1")
    tutor.expect(f"{words['right']}|{words['wrong']}")
    assert words["saved"] in tutor.text()
    tutor.send("<enter>")
    tutor.expect("2/1[23]")
    tutor.settle()
    question = tutor.text()
    tutor.send("<esc>")
    tutor.expect(words["start"])
    tutor.send("q")
    assert tutor.wait() == 0

    again = start("--lang", language)
    again.expect("qwtutor")
    again.send("z")
    again.expect("2/1[23]")
    again.settle()
    assert again.text().splitlines()[1:-2] == question.splitlines()[1:-2]


def test_undo_takes_an_answer_back(start: Start) -> None:
    tutor = start("--lang", "en")
    tutor.expect("Start here")
    tutor.send("z")
    tutor.expect("1/12")
    tutor.send("1")
    tutor.expect("Right|Not right")
    tutor.send("u")
    tutor.expect("Taken back")
    tutor.expect(r"\( \) 1")


def test_language_changes_everywhere_at_one_key(start: Start) -> None:
    tutor = start("--lang", "en")
    tutor.expect("Start here")
    tutor.send("<enter>")
    tutor.expect("Why does a batch need padding")
    tutor.send("L")
    tutor.expect("为何需要padding")
    tutor.expect("翻页")
    tutor.send("q")
    tutor.expect("文本变成数字")


def test_help_names_every_key_of_the_screen(start: Start) -> None:
    tutor = start("--lang", "en", size=(120, 40))
    tutor.expect("Start here")
    tutor.send("?")
    tutor.expect("Home lists the 36 questions")
    for key in ("Enter", "Ctrl+P", "L ", "j"):
        tutor.expect(re.escape(key))
    tutor.send("q")
    tutor.expect("Start here")


def test_a_topic_that_is_not_written_says_so(start: Start) -> None:
    tutor = start("--lang", "en")
    tutor.expect("Start here")
    tutor.send("j" * 11 + "<enter>")  # past the labs and part A
    tutor.expect("This lesson is not written yet")


def test_search_opens_the_section(start: Start) -> None:
    tutor = start("--lang", "en")
    tutor.expect("Start here")
    tutor.send("/")
    tutor.expect("words in Chinese or English")
    tutor.send("256 bytes")
    tutor.expect("> 02 Start from 256 bytes")
    tutor.send("<enter>")
    tutor.expect("02 How is an LLM tokenizer made")
    tutor.settle()
    assert tutor.text().splitlines()[1].strip() == "Start from 256 bytes"
    tutor.send("q")
    tutor.expect("> 02")
    tutor.send("<esc>")
    tutor.expect("Continue")


def test_keys_can_be_remapped(start: Start) -> None:
    import json

    from tutor import places

    places.home().mkdir(parents=True)
    (places.home() / "keys.json").write_text(json.dumps({"app.help": "f5"}))
    tutor = start("--lang", "en")
    tutor.expect("Start here")
    tutor.send("\x1b[15~")
    tutor.expect("Home lists the 36 questions")


def test_chinese_typed_by_an_input_method_arrives_whole(start: Start) -> None:
    tutor = start("--lang", "zh")
    tutor.expect("从这里开始")
    tutor.send("/")
    tutor.expect("中文或英文的词")
    text = "分词器"
    # An input method commits a phrase at once; some terminals hand over its bytes in pieces.
    for byte in text.encode():
        import os

        os.write(tutor.fd, bytes([byte]))
        tutor.pump(0.01)
    tutor.expect(text)
    x, y = tutor.screen.cursor.x, tutor.screen.cursor.y
    row = tutor.text().splitlines()[y]
    assert text in row and x == 2 + 6, "the cursor stands behind what was typed, where the input method draws"


def test_pasted_text_is_taken_as_one_line(start: Start) -> None:
    tutor = start("--lang", "en")
    tutor.expect("Start here")
    tutor.send("/")
    tutor.expect("words in")
    import os

    os.write(tutor.fd, b"\x1b[200~merge q \x1b[31m list\x1b[201~")
    tutor.expect("merge q")
    assert "Search" in tutor.text()


def test_while_an_answer_is_computed_the_screen_says_so_and_can_be_left(start: Start, smollm: Path) -> None:
    tutor = start("--lang", "en", "--model", str(smollm))
    tutor.expect("Start here")
    tutor.send("<c-p>")
    tutor.settle()
    tutor.send("Hallucination")
    tutor.expect("> .*Hallucination")
    tutor.send("<enter>")
    tutor.expect("Asked five times")
    tutor.send("z")
    tutor.expect("1/9")
    tutor.send("1")
    tutor.expect("saved")
    tutor.send("<enter>")
    tutor.expect("Eight answers")
    tutor.send("1<enter>")
    tutor.expect("saved")
    tutor.send("<enter>")
    # The model is asked eight times for this one.
    tutor.expect("the real model answers four times")
    tutor.send("1<enter><enter>")
    tutor.expect("computing the answer")
    tutor.send("<esc>")
    tutor.expect("Asked five times")
    tutor.send("z")
    tutor.expect("the real model answers four times")
    tutor.expect("Enter gives it")
    tutor.send("1<enter>")
    tutor.expect(r"(?m)^ *(Right|Not right)\.", timeout=60)
    assert b"Traceback" not in tutor.sent
