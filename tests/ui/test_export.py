"""A run as a file: its JSON says how to do it again, nothing in it acts, and no file is ever written over."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from tests.decoding.test_beam import Random
from tests.terminal import Terminal
from tests.ui.hostile import HOSTILE
from tests.ui.searches import PROMPT, Searcher, opened
from tests.ui.traces import PROGRAM
from tutor.decoding.beam import beam
from tutor.decoding.documents import Run, document
from tutor.decoding.exploration import Exploration
from tutor.decoding.runs import BeamRun, LockstepRun, Prompt
from tutor.domain.errors import TutorError
from tutor.domain.model import Candidate, DecodeStep, Strategy
from tutor.runtime.client import WorkerModel
from tutor.ui.draw.palette import PLAIN
from tutor.ui.export import KINDS, export_run, free_name, picture
from tutor.ui.screens.labs.beam import BeamScreen
from tutor.ui.screens.labs.export import ExportScreen
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.lines import Lines

EVIL = [
    "<script>alert(1)</script>",
    "]]>",
    '"&quot;',
    "\x1b[2J",
    "\x00",
    "\ufffe",
    "\u202e",
    "你好",
    HOSTILE,
    "{unique_id}",
]


def explored(labels: Sequence[str] = (" a", " b"), *, text: str = "go") -> Exploration:
    """A fork of two branches, one of them by hand."""
    run = Exploration(text, tuple(PROMPT), text, model="toy")
    strategy = Strategy("sample", temperature=0.7, seed=3)
    for depth in range(len(labels) - 1):
        both = [Candidate(i, labels[i], -0.5 - i, data=labels[i].encode(errors="replace")) for i in (depth, depth + 1)]
        own = both[0]
        run.remember(strategy, DecodeStep(own.id, own.text, own.data, own.logprob, tuple(both), 1.0, 0.25))
        aside = run.take(both[1].id, strategy)
        run = aside.go(run.cursor).forward(strategy)
    return run


def searched(labels: Sequence[str] = (), *, text: str = "go", steps: int = 5) -> BeamRun:
    found = BeamRun(Prompt(text, tuple(PROMPT), "toy", typed=True), length_penalty=0.5, max_tokens=steps)
    model = Searcher(labels=labels)
    for step in found.begin(model):  # type: ignore[arg-type]
        found.add(step)
    rows = list(model.lockstep(PROMPT, (Strategy("greedy"), Strategy("sample")), max_tokens=steps))
    found.greedy, found.drawn = ([row[i] for row in rows if row[i]] for i in range(2))  # type: ignore[misc]
    return found


def raced(labels: Sequence[str] = (), *, text: str = "go") -> LockstepRun:
    strategies = (Strategy("greedy"), Strategy("sample", temperature=2.0, seed=4))
    found = LockstepRun(Prompt(text, tuple(PROMPT), "toy", typed=True), strategies, 5)
    for step in found.begin(Searcher(labels=labels)):  # type: ignore[arg-type]
        found.add(step)
    return found


RUNS = {"exploration": explored, "beam": searched, "lockstep": raced}


@pytest.mark.parametrize("name", RUNS)
def test_a_picture_is_text_only_whatever_the_model_says(name: str, tmp_path: Path) -> None:
    run: Run = RUNS[name](EVIL, text="<b>&amp;</b>\x1b]0;x\x07 <script>")
    drawn = export_run(run, tmp_path / "run.svg", "svg").read_text(encoding="utf-8")
    tree = ET.fromstring(drawn)
    tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert tags <= {"svg", "style", "defs", "clipPath", "rect", "g", "text", "circle"}
    for element in tree.iter():
        for attribute, value in element.attrib.items():
            assert not attribute.lower().startswith("on") and "href" not in attribute
            assert "javascript:" not in value and "http" not in value
        if element.tag.endswith("style"):
            assert "@import" not in (element.text or "") and "url(" not in (element.text or "")
        if element.tag.endswith("text") and element.text and "textLength" in element.attrib:
            assert float(element.attrib["textLength"]) == pytest.approx(12.2 * cell_len(element.text), rel=1e-3)
    said = "".join(tree.itertext()).replace("\xa0", " ")
    assert "<script>" in said and "你好" in said
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\ufffe]", drawn)


@pytest.mark.parametrize("name", RUNS)
def test_text_and_json_are_what_they_say_they_are(name: str, tmp_path: Path) -> None:
    run: Run = RUNS[name](EVIL)
    text = export_run(run, tmp_path / "run.txt", "text").read_text(encoding="utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    assert text.startswith("model: toy\nprompt: go\n")
    assert max(line.cell_len for line in picture(run, 100, PLAIN)) <= 100
    written = export_run(run, tmp_path / "run.json", "json").read_text(encoding="utf-8")
    data = json.loads(written, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert (data["format"], data["kind"], data["model"]) == (1, name, "toy")
    assert data["prompt"]["ids"] == PROMPT


def test_an_explored_tree_is_whole_in_its_document() -> None:
    run = explored([" a", " b", " c"])
    data = document(run)
    assert [(each["parent"], each["id"], each["how"]) for each in data["tokens"]] == [
        (node.parent, node.id, node.how) for node in run.nodes[1:]
    ]
    assert bytes.fromhex(data["tokens"][0]["bytes"]) == run.nodes[1].data
    by_hand = [each for each in data["branches"] if any(run.nodes[i].how == "hand" for i in each["tokens"])]
    assert by_hand and all(each["command"] is None for each in by_hand)
    drawn = next(each for each in data["branches"] if each["tokens"] == run.path(run.cursor))
    assert drawn["command"][-2:] == ["--", "go"] and "--seed" in drawn["command"]
    assert document(Exploration("go", (5, 0, 1), chat=True))["prompt"]["typed"] is False


def test_a_search_in_its_document_is_the_search() -> None:
    data = document(searched())
    oracle = list(beam(Random(2, 40), PROMPT, length_penalty=0.5, max_tokens=5, top=8))
    for step, own in zip(data["steps"], oracle, strict=True):
        for fate in ("kept", "finished", "pruned"):
            assert [(e["parent"], e["id"]) for e in step[fate]] == [(e.parent, e.id) for e in getattr(own, fate)]
    assert [each["ids"] for each in data["beams"]] == [list(each.ids) for each in oracle[-1].beams]
    assert document(BeamRun(Prompt("go", (0,))))["command"] is None, "a prompt that cannot be typed"


def test_an_existing_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("mine")
    (tmp_path / "run-2.json").symlink_to(tmp_path / "nowhere")
    written = [export_run(explored(), path, "json") for _ in range(2)]
    assert [each.name for each in written] == ["run-3.json", "run-4.json"]
    assert path.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    assert free_name(path).name == "run-5.json"


@pytest.mark.parametrize("name", ["no/such/folder/run.json", "run.json/under.json", "x" * 300 + ".json", "a\x00b.json"])
def test_a_file_that_cannot_be_written_is_a_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("mine")
    with pytest.raises(TutorError, match="cannot be written"):
        export_run(explored(), tmp_path / name, "json")
    assert sorted(os.listdir(tmp_path)) == ["run.json"]


def test_the_screen_writes_and_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def work() -> None:
        async with opened(BeamScreen, Searcher(), {"max_tokens": 3}) as desk:
            await desk.press("x")
            screen = desk.pilot.app.screen
            assert isinstance(screen, ExportScreen)

            def message() -> str:
                return "".join(line.plain for line in screen.query_one("#message", Lines).lines).replace(" ", "")

            for place, kind in enumerate(KINDS):
                await desk.pilot.press("home", *["down"] * place, "enter")
                await desk.until(lambda: screen.query_one(AnswerInput).has_focus)
                await desk.pilot.press("enter")
                await desk.until(lambda kind=kind: f"beam-search{KINDS[kind]}" in message())  # type: ignore[misc]
            await desk.pilot.press("home", "enter")
            await desk.until(lambda: screen.query_one(AnswerInput).has_focus)
            assert screen.query_one(AnswerInput).value == "beam-search-2.json"
            screen.query_one(AnswerInput).value = "beam-search"
            await desk.pilot.press("enter")
            await desk.until(lambda: "isthere" in message())
            await desk.pilot.press("enter")
            await desk.until(lambda: screen.query_one(AnswerInput).has_focus)
            screen.query_one(AnswerInput).value = "no/folder"
            await desk.pilot.press("enter")
            await desk.until(lambda: "cannotbewritten" in message())
            await desk.pilot.press("escape", "escape")
            assert desk.pilot.app.screen is desk.screen

    asyncio.run(work())
    names = ["beam-search-2.json", "beam-search.json", "beam-search.svg", "beam-search.txt"]
    assert sorted(os.listdir(tmp_path)) == names


def decoded(words: Sequence[str], model: Path) -> Any:
    """What the command of a document prints, on the model file itself."""
    place = words.index("--model") + 1
    command = [*PROGRAM, "--lang", "en", *words[1:place], str(model), *words[place + 1 :]]
    with Terminal(["sh", "-c", f"{shlex.join(command)} > out.json"], cwd=str(Path.cwd())) as terminal:
        assert terminal.wait(timeout=120) == 0, terminal.text()
    return json.loads(Path("out.json").read_text(encoding="utf-8"))


def test_the_commands_of_a_document_write_its_tokens_again(
    smollm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = '-- The cat\'s "name" is'
    with WorkerModel(smollm, log=tmp_path / "log") as model:
        ids = model.next(text, top=0).ids
        prompt = Prompt(text, ids, "smollm2-135m", typed=True)
        beams = BeamRun(prompt, width=3, length_penalty=0.6, max_tokens=6)
        for step in beams.begin(model):
            beams.add(step)
        hot = Strategy("sample", temperature=1.3, top_p=0.9, typical_p=0.95, seed=5)
        race = LockstepRun(prompt, (Strategy("greedy"), hot), 6)
        for row in race.begin(model):
            race.add(row)
        run = Exploration(text, ids, text, model="smollm2-135m")
        for depth in range(5):
            run.remember(hot, model.look(run.ids, hot, draw=run.draw(hot.seed), top=10))
            run = run.forward(hot)
            assert run.depth == depth + 1
    (branch,) = document(run)["branches"]
    assert decoded(branch["command"], smollm)["ids"] == branch["ids"]
    searched_again = decoded(document(beams)["command"], smollm)
    assert [each["ids"] for each in searched_again["beams"]] == [each["ids"] for each in document(beams)["beams"]]
    sampled = document(race)["texts"][1]
    assert sampled["ids"][:5] == branch["ids"]
    # It is the strategy of the branch, six tokens instead of five.
    place = branch["command"].index("--max-tokens") + 1
    assert sampled["command"] == [*branch["command"][:place], "6", *branch["command"][place + 1 :]]
