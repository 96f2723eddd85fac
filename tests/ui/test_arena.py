"""The blind arena in a real terminal and in lines: nobody is named before the vote, and a vote once shown is kept."""

from __future__ import annotations

import json
import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import qwtutor
from tests.terminal import Terminal
from tests.ui.conftest import Start
from tutor.cli.commands.demo import asks_for_a_vote, read_settings
from tutor.cli.options import Call
from tutor.decoding.contest import Booth, Contest
from tutor.demos import registry
from tutor.domain.errors import TutorError, UsageError
from tutor.domain.labs import check_parameters
from tutor.store.progress import Progress
from tutor.ui.screens.labs import arena_kept
from tutor.ui.screens.labs.arena_form import ArenaForm, given_of, settle
from tutor.ui.screens.labs.arena_kept import KEPT, restored, taken_back

VOTE = 8000  # bytes
WHICH = "Which answer is better"


def keep(**given: Any) -> None:
    """The arena as it was left: with short answers, and what else is given."""
    with Progress.open() as progress:
        progress.keep(KEPT, Booth().to_dict() | {"max_tokens": 4, **given})


def booth() -> Booth:
    with Progress.open() as progress:
        return restored(progress.kept(KEPT))


def contest() -> Contest:
    return booth().contests[-1]


def verdicts() -> list[str]:
    return [each.verdict for each in contest().rounds]


def open_arena(start: Start, model: str) -> Terminal:
    tutor = start("--lang", "en", "--model", model)
    tutor.expect("Start here|Continue")
    tutor.send("V")
    return tutor


def test_a_vote_is_blind_kept_through_a_kill_taken_back_and_counted(start: Start, smollm: Path, tmp_path: Path) -> None:
    keep()
    tutor = open_arena(start, str(smollm))
    tutor.expect(WHICH)
    assert not re.search(r"temperature|\b[ab]:", tutor.text()), "nobody is named yet"
    tutor.send("<space>")
    tutor.expect("First your verdict")
    tutor.settle()
    before = len(tutor.sent)
    tutor.send("1")
    shown = tutor.expect(r"You voted for the left answer\. Left was [ab] \(temperature")
    os.kill(tutor.pid, signal.SIGKILL)
    assert len(tutor.sent) - before <= VOTE
    (round_,) = contest().rounds
    assert round_.verdict == "left"
    assert re.search(rf"Left was {round_.order[0]} ", shown)

    again = open_arena(start, str(smollm))
    again.expect(rf"votes: 1.*{WHICH}")
    again.send("t")
    again.expect("You called it a tie")
    again.expect(r"Votes: 2\.")
    again.send("u")
    again.expect(f"taken back.*{WHICH}|{WHICH}.*taken back")
    again.send("2")
    again.expect("You voted for the right answer")
    assert verdicts() == ["left", "right"]
    again.send("<space>")
    again.expect(WHICH)
    again.send("0")
    again.expect("No vote")
    again.send("C")
    again.expect("votes: 0.*cleared")
    assert verdicts() == []
    again.send("u")
    again.expect("votes: 2.*votes are back")
    assert verdicts() == ["left", "right", "skip"]
    again.send("x")
    again.expect("Export")
    again.send("<enter>")
    again.expect("Enter Write")
    again.send("<c-u>")
    again.settle(0.1)
    again.send(str(tmp_path / "mine"))
    again.settle(0.1)
    again.send("<enter>")
    again.expect("Written")
    again.send("<esc>")
    again.expect("votes: 2")
    again.send("d")
    again.expect("step 1")
    again.send("o")
    again.expect("Blind arena.*votes: 2")

    # What was written counts to the same in the demo, and the command line says the same.
    written = json.loads((tmp_path / "mine.json").read_text())
    given = read_settings(tuple(word for word in written["command"][3:] if word != "--set"))
    assert registry.run("assistants", given)[1]["elo"] == pytest.approx(written["elo"])
    assert written["votes"] == contest().listed()
    assert qwtutor("arena", "--json", "--model", str(smollm)).data == written


def test_an_answer_is_stopped_asked_again_and_to_a_prompt_of_ones_own(start: Start, smollm: Path) -> None:
    keep(max_tokens=128)
    tutor = open_arena(start, str(smollm))
    tutor.expect(r"Who is who is hidden.*1 left answer")
    tutor.send("1")
    tutor.send("<esc>")
    tutor.expect("Stopped")
    tutor.send("r")
    tutor.expect("Who is who is hidden")
    tutor.send("<esc>")
    tutor.expect("Stopped")
    tutor.send("i")
    tutor.expect("Enter Take it")
    tutor.send("Say hi\\nand bye<enter>")
    tutor.expect(r"Say hi\s+and bye")
    tutor.expect("Who is who is hidden")
    tutor.send("<esc>")
    tutor.expect("Stopped")
    tutor.send("<esc>")
    tutor.expect("Start here|Continue")
    tutor.send("q")
    assert tutor.wait() == 0
    assert booth().own == ["Say hi\nand bye"]
    assert verdicts() == []
    opened = contest().open
    assert opened is not None and opened.prompt == "Say hi\nand bye" and not opened.answered


def test_two_models_are_hidden_until_both_are_done(start: Start, smollm: Path) -> None:
    # One file under two names: two models, as far as the arena can know.
    keep(max_tokens=24, a={"model": "smollm2-135m", "temperature": 0}, b={"model": str(smollm), "temperature": 0})
    tutor = open_arena(start, str(smollm))
    tutor.expect("their speed would tell")
    assert "left answer" not in tutor.text()
    tutor.expect(WHICH)
    tutor.send("3")
    tutor.expect(r"a \(smollm2-135m, temperature 0\).*b \(SmolLM2-135M-Instruct.Q4_1.gguf,\s+temperature 0\)|b .*a ")
    (round_,) = contest().rounds
    assert round_.answers[0] == round_.answers[1]


def test_without_a_model_the_arena_offers_to_fetch_it(start: Start, tmp_path: Path) -> None:
    tutor = start("--lang", "zh", "--model", "smollm2-135m", env={"QWTUTOR_MODELS": str(tmp_path)}, size=(60, 20))
    tutor.expect("从这里开始")
    tutor.send("V")
    tutor.expect("f .*smollm2-135m")
    tutor.send("q")
    tutor.expect("从这里开始")


def test_votes_in_lines_are_those_of_the_screen(smollm: Path) -> None:
    keep()
    model = ("--model", str(smollm))
    said = qwtutor("arena", *model, stdin="x\n1\nu\n2\no\nSay hi.\nt\nc\nu\n\nq\n").stdout
    assert verdicts() == ["right", "tie"]
    assert [each.prompt for each in contest().rounds][1] == "Say hi."
    first, second, *_ = re.split("You voted", said)
    assert not re.search(r"temperature|\bLeft was", first)
    assert "for the left answer.\nLeft was " in second
    said = qwtutor("demo", "assistants", "--plain", *model, "--set", "prompt=Hi", "--set", "max_tokens=4", stdin="1\n")
    assert said.status == 0 and "Votes: 3." in said.stdout
    assert verdicts() == ["right", "tie", "left"]
    assert qwtutor("arena", "--votes", *model).data == contest().listed()
    with pytest.raises(UsageError):
        check_parameters("arena", {"width": 3})


def test_with_votes_given_or_for_a_script_the_demo_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not asks_for_a_vote("assistants", {"prompt": "Hi"}), "nobody is at a terminal"
    monkeypatch.setattr("tutor.cli.commands.demo.call", lambda: Call(plain=True))
    assert asks_for_a_vote("assistants", {"prompt": "Hi"})
    assert not asks_for_a_vote("assistants", {"prompt": "Hi", "votes": "[]"})
    assert not asks_for_a_vote("assistants", {})
    assert not asks_for_a_vote("decoding", {})


def test_the_plain_lesson_asks_for_a_vote(smollm: Path) -> None:
    keep()
    said = qwtutor("lesson", "assistants", "--plain", "--model", str(smollm), stdin="\n\nv\n2\nq\nq\n").stdout
    assert "You voted for the right answer" in said and "Your place is kept" in said
    assert verdicts() == ["right"]


def test_the_form_gives_back_what_it_shows() -> None:
    for side in ({"temperature": 0.0}, {"temperature": 1.0, "top_k": 5, "system": "Be brief.", "model": "m"}):
        shown = Booth(a=dict(side), k=20.0)
        settled = Booth()
        settle(settled, given_of(shown))
        assert settled == shown
    assert len({param.name for param in ArenaForm.PARAMS}) == len(ArenaForm.PARAMS)
    assert restored({"max_tokens": 10**9, "seed": -1, "k": "x", "start": None}) == Booth()


def judge(progress: Progress, booth: Booth, verdict: str) -> None:
    mine = booth.contest("m")
    mine.open = replace(mine.draw("a prompt", 0), answers=("one", "to"), answered=True)
    arena_kept.keep(progress, booth, mine, lambda contest: contest.judge(verdict))


def test_two_programs_at_once_lose_no_vote(monkeypatch: pytest.MonkeyPatch) -> None:
    with Progress.open() as progress:
        one, other = Booth(own=["mine"]), Booth(own=["theirs"])
        judge(progress, one, "left")
        judge(progress, other, "right")
        judge(progress, one, "tie")
        elsewhere = Booth(a={"temperature": 2.0})
        judge(progress, elsewhere, "skip")
        arena_kept.keep(progress, other, other.contest("m"), taken_back)
        judge(progress, one, "right")
        found = restored(progress.kept(KEPT))
        assert [[each.verdict for each in pair.rounds] for pair in found.contests] in (
            [["skip"], ["left", "right", "right"]],
            [["left", "right", "right"], ["skip"]],
        )
        assert sorted(found.own) == ["mine", "theirs"]

        # What cannot be written was not done, and can be done again.
        def refuse(*_: object, **__: object) -> None:
            raise TutorError("The disk is full.")

        with monkeypatch.context() as patch:
            patch.setattr(Progress, "keep", refuse)
            with pytest.raises(TutorError):
                judge(progress, one, "tie")
        still = one.contest("m")
        assert len(still.rounds) == 3 and still.open is not None
        arena_kept.keep(progress, one, still, lambda contest: contest.judge("tie"))
        assert [each.verdict for each in still.rounds] == ["left", "right", "right", "tie"]
