"""Killed at any moment, the program loses nothing that its screen showed as saved, and goes on where it was."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import time
from contextlib import closing
from typing import Any

from tests.soak import count
from tests.terminal import Terminal
from tests.ui.conftest import Start
from tutor import places
from tutor.store.progress import FILE, Progress

SITTING = "sitting:tokenizer"
PLACE = re.compile(r"(\d+)/(\d+)$")
VERDICT = re.compile(r"(?m)^ *(Right|Not right)\.")


class Kept:
    """What is in the progress file, read by SQLite itself, and then by a program that opens it."""

    def __init__(self) -> None:
        with closing(sqlite3.connect(places.home() / FILE)) as db:
            assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
            self.logged = {id for (id,) in db.execute("SELECT id FROM review")}
            self.data = {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM kept")}
        with Progress.open() as progress:
            assert not progress.notice
            assert progress.rebuild() == sum(each.answered for each in progress.lesson_progress().values())

    def turns(self, key: str = SITTING) -> list[dict[str, Any]]:
        """The turns of the sitting kept under `key`."""
        return self.data.get(key, {"turns": []})["turns"]

    def holds(self, place: int) -> bool:
        """Whether question `place` of the sitting (from 1) has its answer in the log."""
        turns = self.turns()
        return place <= len(turns) and turns[place - 1]["outcome"] in self.logged


def title(terminal: Terminal) -> str:
    return terminal.text().splitlines()[0].rstrip()


def place(terminal: Terminal) -> int:
    """The number of the question on the screen; 0 where there is none."""
    found = PLACE.search(title(terminal))
    return int(found[1]) if found else 0


def shown_as_saved(terminal: Terminal) -> bool:
    """A kill may leave half a picture: the title says at once which question it is and whether it is saved."""
    return "saved" in title(terminal)


def press_on(terminal: Terminal, chance: random.Random) -> None:
    """A key that answers what is on the screen, or goes on from it."""
    text = terminal.expect("computing the answer", gone=True)
    if "at the first try" in text:
        terminal.send("n")
    elif VERDICT.search(text):
        terminal.send(chance.choice(["<enter>", "<enter>", "<enter>", "1"]))
    elif "Ctrl+T" in text:
        terminal.send(f"{chance.randint(1, 99)}<enter>")
    elif "Space Pick" in text:
        terminal.send("<space><enter>")
    else:
        terminal.send(chance.choice(["<enter>", "1", "2"]))


def follow(terminal: Terminal, before: str) -> None:
    """Wait until the screen has answered the key; rating an answer as it was rated changes nothing."""
    for _ in range(20):
        if terminal.text() != before:
            break
        terminal.pump(0.05)
    terminal.expect("computing the answer", gone=True)
    terminal.settle(0.05)


def kill(terminal: Terminal, *, within: float, chance: random.Random) -> None:
    """Kill the program at some moment from now. What it had written by then is on the screen."""
    moment = time.monotonic() + chance.uniform(0.0, within)
    while time.monotonic() < moment:
        terminal.pump(0.002)
    os.kill(terminal.pid, signal.SIGKILL)
    while terminal.status is None:
        terminal.pump(0.05)


def test_no_answer_of_a_quiz_that_was_shown_as_saved_is_lost(start: Start) -> None:
    chance = random.Random(4)
    with Progress.open() as progress:
        progress.set_position("tokenizer", 0, 0, 0.1)  # so that z on the home screen means its quiz
    saved: set[tuple[int, int]] = set()  # sitting, question
    sitting, at = 0, 0
    for _ in range(count(300)):
        tutor = start("--lang", "en")
        tutor.expect("Start here|Continue")
        tutor.send("z")
        tutor.expect(r"\A Quiz .*\d+/\d+\n")
        tutor.settle(0.1)
        if at:
            # Where it was, give or take an Enter that was not yet shown, or not yet written down.
            assert abs(place(tutor) - at) <= 1, tutor.text()
        for _ in range(chance.randint(0, 6)):
            before = tutor.text()
            press_on(tutor, chance)
            follow(tutor, before)
            if "summary" in title(tutor):
                sitting += 1
            elif shown_as_saved(tutor):
                saved.add((sitting, place(tutor)))
        press_on(tutor, chance)
        kill(tutor, within=0.08, chance=chance)
        kept = Kept()
        at = place(tutor)
        if shown_as_saved(tutor):
            saved.add((sitting, at))
        if SITTING in kept.data:
            for number in [number for each, number in saved if each == sitting]:
                assert kept.holds(number), (number, tutor.text())
        else:
            # The last answer was given, and a new sitting begins.
            sitting, at = sitting + 1, 0
        assert len(kept.logged) >= len(saved)
    assert len(saved) > count(300) // 2, "enough was seen to be saved for this test to mean something"


def test_a_prediction_before_a_demo_is_made_once(start: Start) -> None:
    chance = random.Random(5)
    for _ in range(count(30)):
        with Progress.open() as progress:
            progress.keep("checkpoint:tokenizer/q-first-merge", None)
            before = len(Kept().logged)
        tutor = open_lesson(start)
        tutor.send("<tab><enter>")
        tutor.expect(r"> \( \) 1")
        tutor.send(chance.choice("123"))
        if chance.random() < 0.5:
            tutor.expect("Saved. Now watch")
        kill(tutor, within=0.3, chance=chance)
        kept = Kept()
        if "Saved. Now watch" in tutor.text() or "step 1" in title(tutor):
            assert len(kept.logged) == before + 1
            again = open_lesson(start)
            again.send("<tab><enter>")
            again.expect("step 1")
            assert "( ) 1" not in again.text()


def test_a_checkpoint_in_a_lesson_stays_answered(start: Start) -> None:
    chance = random.Random(6)
    for _ in range(count(30)):
        tutor = open_lesson(start)
        tutor.send("<tab><tab><tab>")
        tutor.expect("Arrows and Enter, or the number")
        before = Kept().logged
        tutor.send(chance.choice("123"))
        if chance.random() < 0.7:
            tutor.expect(VERDICT.pattern)
        kill(tutor, within=0.2, chance=chance)
        kept = Kept()
        if VERDICT.search(tutor.text()):
            assert len(kept.logged - before) == 1
            again = open_lesson(start)
            again.send("<tab><tab><tab>")
            again.expect(VERDICT.pattern)
            again.send("q")
            again.settle()
        with Progress.open() as progress:
            progress.keep("checkpoint:tokenizer/q-unigram", None)


def open_lesson(start: Start) -> Terminal:
    tutor = start("--lang", "en")
    tutor.expect("Start here|Continue")
    tutor.send("<c-p>")
    tutor.expect("Commands")
    tutor.send("02 how")
    tutor.expect("> 02 How is")
    tutor.send("<enter>")
    tutor.expect(r"\A 02 How is .*%\n")
    tutor.settle(0.1)
    return tutor


def test_an_answer_that_cannot_be_saved_is_not_shown_as_saved_and_can_be_given_again(start: Start) -> None:
    tutor = start("--lang", "en")
    tutor.expect("Start here")
    tutor.send("z")
    tutor.expect("1/12")
    with closing(sqlite3.connect(places.home() / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        tutor.send("1")
        tutor.expect("Another program holds", timeout=60)
        assert "saved" not in title(tutor) and not VERDICT.search(tutor.text())
        other.execute("ROLLBACK")
    tutor.send("1")
    tutor.expect(r"\A.*saved +1/1")
    assert len(Kept().logged) == 1
    with closing(sqlite3.connect(places.home() / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for key in ("1", "u"):
            tutor.send(key)
            tutor.expect("Another program holds", timeout=60)
            tutor.settle()
        other.execute("ROLLBACK")
    tutor.send("u")
    tutor.expect("Taken back")
    tutor.send("1")
    tutor.expect(r"\A.*saved +1/1")
    assert tutor.status is None
