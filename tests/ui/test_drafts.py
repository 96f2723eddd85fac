"""Half an answer is not lost: however its question is left, it stands there when the question is opened again."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Any

import pytest

from tests.soak import count
from tests.terminal import Terminal
from tests.ui.conftest import Start
from tests.ui.test_kills import SITTING, Kept, title
from tutor.content.library import Library
from tutor.domain.session import Item, Session
from tutor.store.progress import Progress

MULTI, NUMBER, ORDER, SPANS, TEXT = 6, 7, 8, 10, 11  # the tokenizer quiz: where a question of each kind stands
AT_MOST_LOST = 0.5  # seconds before a kill


def stand_at(number: int) -> None:
    """An interrupted sitting of the quiz, at question `number`."""
    quiz = Library(None).quiz("tokenizer")
    session = Session([Item("tokenizer", question) for question in quiz.questions], seed=5)
    session.at = number - 1
    with Progress.open() as progress:
        progress.keep(SITTING, session.to_dict())
        progress.set_position("tokenizer", 0, 0, 0.1)  # so that z on the home screen means this quiz


def kept_draft(key: str = SITTING) -> dict[str, Any] | None:
    data = Kept().data[key]
    return data["turns"][data["at"]]["draft"]


def home(start: Start) -> Terminal:
    tutor = start("--lang", "en")
    tutor.expect("Start here|Continue")
    return tutor


def open_quiz(tutor: Terminal, number: int) -> str:
    tutor.send("z")
    tutor.expect(rf"\A Quiz .* {number}/12\n")
    tutor.settle(0.3)
    return tutor.text()


def open_lesson(tutor: Terminal, name: str) -> None:
    tutor.send("<c-p>")
    tutor.expect("Commands")
    tutor.send(name)
    tutor.expect(f"> {name}")
    tutor.send("<enter>")
    tutor.expect(rf"\A {name}.*%\n")
    tutor.settle(0.1)


def press(tutor: Terminal, keys: str) -> str:
    """The screen when `keys` have been pressed."""
    tutor.send(keys)
    tutor.settle(0.3)
    return tutor.text()


@pytest.mark.parametrize(
    ("number", "keys"),
    [(MULTI, "<space><down><down><space>h"), (ORDER, "<down><space><down>h"), (SPANS, "<right><right><space><right>")],
    ids=["multi", "order", "spans"],
)
def test_what_was_picked_is_there_after_q_and_a_new_start(start: Start, number: int, keys: str) -> None:
    stand_at(number)
    tutor = home(start)
    untouched = open_quiz(tutor, number)
    begun = press(tutor, keys)
    assert begun != untouched
    assert press(tutor, "qz") == begun, "in one breath, before the disk has been written"
    tutor.send("q")
    tutor.expect("Start here|Continue")
    tutor.send("q")
    assert tutor.wait() == 0
    assert open_quiz(home(start), number).splitlines()[:-1] == begun.splitlines()[:-1]


def test_what_was_typed_is_there_however_the_question_was_left(start: Start) -> None:
    stand_at(TEXT)
    tutor = home(start)
    open_quiz(tutor, TEXT)
    press(tutor, "字节对<left>")
    tutor.send("二<esc>")
    tutor.expect("Continue")
    tutor.send("z")
    tutor.expect("字节二对")
    tutor.send("三<c-p>")
    tutor.expect("Commands")
    tutor.send("<esc>")
    tutor.expect("字节二三对")
    for leave, letter in ((signal.SIGHUP, "h"), (signal.SIGTERM, "t")):
        tutor.send(letter)
        tutor.expect(f"{letter}对")
        os.kill(tutor.pid, leave)
        assert tutor.wait() == 128 + leave
        tutor = home(start)
        open_quiz(tutor, TEXT)
        tutor.expect(f"{letter}对")
    tutor.send("q<c-q>")
    assert tutor.wait() == 0
    tutor = home(start)
    open_quiz(tutor, TEXT)
    tutor.expect("字节二三htq对")
    tutor.send("<enter>")
    tutor.expect("saved")
    assert kept_draft() is None, "an answer that was given is none that was begun"
    assert [turn["draft"] for turn in Kept().turns()] == [None] * len(Kept().turns())
    tutor.send("u")
    tutor.expect("Taken back")
    assert "字节" not in tutor.text()


def test_a_kill_loses_at_most_the_last_half_second_of_what_was_typed(start: Start) -> None:
    chance = random.Random(11)
    stand_at(NUMBER)
    for _ in range(count(40)):
        tutor = home(start)
        open_quiz(tutor, NUMBER)
        typed, due = (kept_draft() or {"typed": ""})["typed"], ""
        assert typed in tutor.text()
        seen = [(time.monotonic(), typed)]  # what stood on the screen, and since when
        for _ in range(chance.randint(3, 12)):
            typed += chance.choice("0123456789")
            tutor.send(typed[-1])
            tutor.expect(typed)
            seen.append((time.monotonic(), typed))
            tutor.pump(chance.choice([0.0, 0.05, 0.2, 0.4]))
        pause = time.monotonic() + chance.uniform(0.0, AT_MOST_LOST)
        while time.monotonic() < pause:
            tutor.pump(0.01)
        killed = time.monotonic()
        os.kill(tutor.pid, signal.SIGKILL)
        tutor.wait()
        for since, text in seen:
            if since <= killed - AT_MOST_LOST:
                due = text
        kept = (kept_draft() or {"typed": ""})["typed"]
        assert typed.startswith(kept) and kept.startswith(due), (typed, kept, due)
        if len(kept) > 25:
            stand_at(NUMBER)


def test_checkpoints_and_predictions_are_kept_half_answered(start: Start) -> None:
    name, key = "36 ", "checkpoint:agent/{}"
    tutor = home(start)
    open_lesson(tutor, name)
    stops = {}
    for kind, keys in BEGIN.items():
        tab_to(tutor, kind)
        stops[kind] = press(tutor, keys)
    tutor.send("q")
    tutor.settle(0.2)
    tutor.send("q")
    tutor.expect("Continue")
    assert kept_draft(key.format("q-renormalise")) == {"cursor": 3, "picked": [], "arrangement": [], "typed": "12."}
    assert kept_draft(key.format("q-trifecta"))["picked"]  # type: ignore[index]
    tutor.send("q")
    assert tutor.wait() == 0

    again = home(start)
    open_lesson(again, name)
    for kind, begun in stops.items():
        assert checkpoint(tab_to(again, kind), kind) == checkpoint(begun, kind)


BEGIN = {"order": "<down><space><down>", "number": "12.", "multi": "<down><space>"}  # as they come in the lesson
HOW = {"order": "Space picks a line up", "number": "Type your answer, Enter gives it", "multi": "Space marks"}


def tab_to(tutor: Terminal, kind: str) -> str:
    """Tab goes to every card and question in turn, to where an answer is typed at once."""
    for _ in range(8):
        tutor.send("<tab>")
        tutor.settle(0.15)
        if HOW[kind] in tutor.text():
            return tutor.text()
    raise AssertionError(f"no question of the kind {kind}:\n{tutor.text()}")


def checkpoint(text: str, kind: str) -> list[str]:
    """The lines of the question on the page, without the page's scroll bar."""
    whole = text[: text.index(HOW[kind])]
    return [line[:79].rstrip() for line in whole[whole.rindex(" Checkpoint\n") :].splitlines()]


def body(text: str) -> list[str]:
    return text.splitlines()[1:-1]


def test_a_prediction_before_a_demo_is_kept_half_made(start: Start) -> None:
    tutor = home(start)
    open_lesson(tutor, "02 ")
    tutor.send("<tab><enter>")
    tutor.expect(r"> \( \) 1")
    tutor.send("<down><down>")
    tutor.expect(r"> \( \) 3")
    tutor.send("q")
    tutor.expect("02 How is")
    os.kill(tutor.pid, signal.SIGKILL)
    tutor.wait()
    tutor = home(start)
    open_lesson(tutor, "02 ")
    tutor.send("<tab><enter>")
    tutor.expect(r"> \( \) 3")
    tutor.send("<enter>")
    tutor.expect("Saved. Now watch")
    assert kept_draft("checkpoint:tokenizer/q-first-merge") is None


def test_the_quiz_opened_over_itself_is_one_sitting(start: Start) -> None:
    stand_at(5)
    tutor = home(start)
    open_quiz(tutor, 5)
    tutor.send("1")
    tutor.expect("saved")
    tutor.send("v")  # to the lesson, and with z from there to the quiz once more
    tutor.expect(r"\A 02 .*%\n")
    tutor.send("z")
    tutor.expect("saved")
    tutor.send("<enter>")
    tutor.expect(r"\A Quiz .* 6/1\d\n")
    begun = body(press(tutor, "<space><down>"))
    tutor.send("q")
    tutor.expect(r"\A 02 .*%\n")
    tutor.send("q")
    tutor.expect(r"\A Quiz .* 6/1\d\n")
    tutor.settle()
    assert "saved" not in title(tutor)
    assert body(tutor.text()) == begun
    tutor.send("q")
    tutor.expect("Start here|Continue")
    assert [turn["outcome"] != "" for turn in Kept().turns()].count(True) == 1
