"""The decoding lab: what is known is not asked again, what fails costs nothing, and playing writes what decode writes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import psutil
import pytest
from textual.binding import Binding, BindingType

from tests.ui.conftest import Start
from tutor.decoding.distribution import Logits
from tutor.decoding.exploration import Exploration
from tutor.decoding.steps import decode, look
from tutor.domain.errors import ModelFailed
from tutor.domain.model import DecodeStep, Distribution, Message, Strategy, TokenPiece
from tutor.ui.app import TutorApp
from tutor.ui.screens.base import TutorScreen
from tutor.ui.screens.labs.decoding import DecodingLab
from tutor.ui.screens.labs.lab_desk import Desk, escaped, unescaped
from tutor.ui.services import Services
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.lines import Lines, RowList

WORDS = [f" {letter}" for letter in "abcdefghijklmnop"]
END = len(WORDS)
SAMPLE = {"prompt": " a b", "strategy": "sample", "temperature": 1.5, "seed": 4}


class Sayer:
    """A model in this process: words of a letter, logits that depend on every token before. `asked` counts calls.

    While `gate` is shut it computes without end; `failures` says how many of the next calls it fails.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.failures = 0
        self.seen: list[int] = []

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        self.gate.wait(10)
        if self.failures:
            self.failures -= 1
            raise ModelFailed("The model's process has ended.")

    def logits(self, ids: Sequence[int]) -> Logits:
        logits: Logits = np.random.default_rng([3, *ids]).normal(size=END + 1).astype(np.float32)
        logits[END] -= 4
        return logits

    def evaluate(self, ids: Sequence[int]) -> Logits:
        self.seen += ids
        return self.logits(self.seen)

    def piece(self, id: int) -> bytes:
        return b"" if id == END else WORDS[id].encode()

    def label(self, id: int) -> str:
        return "<end>" if id == END else WORDS[id]

    def ends(self, id: int) -> bool:
        return id == END

    def ids(self, text: str) -> tuple[int, ...]:
        return tuple(WORDS.index(" " + letter) for letter in text.split())

    def next(self, prompt: str, *, top: int = 10) -> Distribution:
        self._ask("next")
        return Distribution(self.ids(prompt), (), 0.0)

    def tokenize(self, text: str) -> tuple[TokenPiece, ...]:
        self._ask("tokenize")
        return tuple(TokenPiece(id, WORDS[id], WORDS[id].encode(), 0, 0) for id in self.ids(text))

    def conversation(self, messages: Sequence[Message]) -> tuple[TokenPiece, ...]:
        self._ask("conversation")
        end = TokenPiece(END, "<end>", b"<end>", 0, 0, special=True)
        return (end, *(TokenPiece(id, WORDS[id], WORDS[id].encode(), 0, 0) for id in self.ids(messages[0].content)))

    def look(
        self, ids: Sequence[int], strategy: Strategy, *, draw: float = 0.0, top: int = 40, also: Sequence[int] = ()
    ) -> DecodeStep:
        self._ask("look")
        return look(self, self.logits(ids), strategy, ids, draw=draw, top=top, also=also)


class Lab:
    """The lab under test, its keys, and the model that it asks."""

    def __init__(self, app: TutorApp, pilot: Any, model: Sayer, screen: DecodingLab) -> None:
        self.app, self.pilot, self.model, self.screen = app, pilot, model, screen

    @property
    def exploration(self) -> Exploration:
        exploration = self.screen.desk.exploration
        assert exploration is not None
        return exploration

    @property
    def ids(self) -> list[int]:
        return [self.exploration.nodes[index].id for index in self.exploration.path(self.exploration.cursor)]

    async def press(self, *keys: str) -> None:
        """Each key, and after it the model's answer."""
        for key in keys:
            await self.pilot.press(key)
            await self.until(lambda: not self.screen.asking.busy)

    async def until(self, true: Callable[[], bool]) -> None:
        for _ in range(500):
            await self.pilot.pause()
            if true():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it never came")

    def shown(self) -> str:
        return "\n".join(row.text.plain for row in self.screen.query_one("#candidates", RowList).rows)


@asynccontextmanager
async def opened(services: Services, model: Sayer, given: dict[str, Any] | None = SAMPLE) -> AsyncIterator[Lab]:
    app = TutorApp(services, language="en")
    services.model = cast("Any", lambda: model)  # type: ignore[method-assign]
    async with app.run_test(size=(80, 24)) as pilot:
        screen = DecodingLab(given)
        app.push_screen(screen)
        lab = Lab(app, pilot, model, screen)
        await lab.until(lambda: not screen.asking.busy and screen.is_mounted and screen.view.drawn is not None)
        yield lab


@pytest.fixture
def services() -> Iterator[Services]:
    opened = Services.open(model="toy")
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_going_back_and_forth_over_known_ground_asks_the_model_nothing(services: Services) -> None:
    async def work() -> None:
        async with opened(services, Sayer()) as lab:
            await lab.press(*["space"] * 5)
            assert lab.model.asked == ["next"] + ["look"] * 6
            there = lab.ids
            await lab.press(*["backspace"] * 5)
            assert lab.ids == []
            await lab.press(*["right"] * 5, "left", "left", "space", "space")
            await lab.press("left_square_bracket", "right_square_bracket")
            assert lab.ids == there
            assert len(lab.model.asked) == 7

    run(work())


def test_playing_writes_what_decode_writes_and_asks_for_one_step_at_a_time(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tutor.ui.screens.labs.decoding.PLAY_SECONDS", 0.0)
    model = Sayer()
    strategy = Strategy("sample", temperature=1.5, seed=4)
    whole = [step.id for step in decode(Sayer(), model.ids(" a b"), strategy, max_tokens=9)]

    async def work() -> None:
        async with opened(services, model, SAMPLE | {"max_tokens": 9}) as lab:
            model.gate.clear()
            await lab.pilot.press("p")
            await lab.until(lambda: len(model.asked) == 3)
            await asyncio.sleep(0.1)
            assert len(lab.ids) == 1, "the step that is not there yet is waited for"
            assert len(model.asked) == 3
            model.gate.set()
            await lab.until(lambda: len(lab.ids) == 9 and not lab.screen.asking.busy)
            assert lab.ids == whole
            assert len(model.asked) == 11

    run(work())


def test_another_strategy_at_a_place_is_one_look_and_no_step(services: Services) -> None:
    async def work() -> None:
        async with opened(services, Sayer()) as lab:
            await lab.press("space", "space")
            before, ids = len(lab.model.asked), lab.ids
            await lab.press("s")
            assert lab.model.asked[before:] == ["look"]
            assert "seed 5" in lab.screen.view.query_one("#settings").lines[0].plain  # type: ignore[attr-defined]
            await lab.press("u")
            assert lab.screen.desk.value("seed") == 4
            assert lab.ids == ids
            assert len(lab.model.asked) == before + 1

    run(work())


def test_a_token_by_hand_is_a_branch_that_can_be_deleted_and_brought_back(services: Services) -> None:
    async def work() -> None:
        async with opened(services, Sayer()) as lab:
            await lab.press("space", "space", "backspace", "g", "down", "down", "down", "enter")
            exploration = lab.exploration
            assert len(exploration.leaves()) == 2
            assert exploration.here.how == "hand"
            await lab.press("b")
            await lab.press("x", "escape")
            assert len(lab.exploration.leaves()) == 1
            assert lab.ids == [exploration.nodes[1].id]
            await lab.press("u")
            assert len(lab.exploration.leaves()) == 2
            await lab.press("space", "u")
            assert len(lab.exploration.leaves()) == 2, "undoing deletes nothing"

    run(work())


def test_typed_text_is_gone_on_with_and_a_failure_on_the_way_loses_nothing(services: Services) -> None:
    async def work() -> None:
        async with opened(services, Sayer()) as lab:
            await lab.press("space")
            first = lab.ids
            await lab.pilot.press("t", "c", "space", "d", "space", "e")
            lab.model.failures = 1
            await lab.press("enter")
            assert "process has ended" in lab.shown()
            assert lab.ids == first
            await lab.press("space")
            assert lab.ids == [*first, *lab.model.ids("c d e")]
            nodes = lab.exploration.nodes
            assert [node.how for node in nodes[1:]] == ["sample", "typed", "typed", "typed"]
            assert all(node.logprob > -20 for node in nodes)

    run(work())


def test_a_failed_step_is_a_sentence_and_space_tries_again(services: Services) -> None:
    async def work() -> None:
        async with opened(services, Sayer()) as lab:
            await lab.press("space", "space")
            ids = lab.ids
            lab.model.failures = 1
            await lab.press("space")
            assert "process has ended" in lab.shown()
            assert lab.ids[:2] == ids
            await lab.press("backspace")
            assert "process has ended" not in lab.shown()
            await lab.press("space")
            assert len(lab.ids) == 3
            assert "process has ended" not in lab.shown()
            assert len(lab.model.asked) == 6

    run(work())


def test_keys_are_answered_while_the_model_computes(services: Services) -> None:
    async def work() -> None:
        async with opened(services, Sayer()) as lab:
            await lab.press("space", "space")
            lab.model.gate.clear()
            await lab.pilot.press("space", "i")
            assert lab.screen.query_one(AnswerInput).has_focus
            await lab.pilot.press("escape", "backspace", "backspace")
            assert len(lab.ids) == 1
            await lab.pilot.press("b")
            await lab.until(lambda: lab.app.screen is not lab.screen)
            await lab.pilot.press("escape")
            lab.model.gate.set()
            await lab.until(lambda: not lab.screen.asking.busy)
            asked = len(lab.model.asked)
            await lab.press("space", "space")
            assert len(lab.model.asked) == asked, "the answer that came meanwhile was kept"

    run(work())


def test_what_was_explored_is_there_again_without_asking(services: Services) -> None:
    model = Sayer()

    async def first() -> None:
        async with opened(services, model, None) as lab:
            await lab.press("i")
            await lab.pilot.press("ctrl+u", "c", "space", "d", "enter")
            await lab.press("space", "space", "backspace", "g", "down", "down", "enter")
            await lab.press("q")
            kept.append(lab.exploration)

    async def again() -> None:
        async with opened(services, model, None) as lab:
            assert lab.screen.desk.prompt == "c d"
            assert lab.exploration.to_dict() == kept[0].to_dict()
            await lab.press("backspace", "space")

    kept: list[Exploration] = []
    model.ids = lambda text: Sayer.ids(model, text if text != "The cat is called" else "a")  # type: ignore[method-assign]
    run(first())
    asked = len(model.asked)
    run(again())
    assert len(model.asked) == asked


def test_the_prompt_as_a_chat_is_another_exploration_and_both_stay(services: Services) -> None:
    async def work() -> None:
        async with opened(services, Sayer()) as lab:
            await lab.press("space", "space")
            raw = lab.ids
            await lab.press("c")
            assert lab.exploration.prompt_ids == (END, 0, 1)
            assert lab.exploration.opening == "<end> a b"
            await lab.press("space")
            await lab.press("c")
            assert lab.ids == raw
            await lab.press("c")
            assert len(lab.ids) == 1
            assert lab.model.asked.count("next") == lab.model.asked.count("conversation") == 1

    run(work())


class Search(TutorScreen):
    """Stands for beam search: finds ` c d` at once, with Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "found", "Found")]

    def __init__(self, prompt_ids: list[int], start: str, params: dict[str, Any]) -> None:
        super().__init__()
        self.given = (prompt_ids, start, params)

    def action_found(self) -> None:
        self.dismiss([(id, WORDS[id].encode(), WORDS[id]) for id in (2, 3)])


def test_a_path_that_beam_search_found_is_gone_on_with(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tutor.ui.screens.labs.beam.BeamScreen", Search)

    async def work() -> None:
        async with opened(services, Sayer(), {"prompt": " a b", "strategy": "beam", "width": 3}) as lab:
            await lab.until(lambda: isinstance(lab.app.screen, Search))
            search = lab.app.screen
            assert isinstance(search, Search)
            ids, start, params = search.given
            assert (ids, start, params["width"]) == ([0, 1], " a b", 3)
            await lab.press("enter")
            assert lab.ids == [2, 3]
            assert [node.how for node in lab.exploration.nodes[1:]] == ["beam", "beam"]
            assert lab.exploration.nodes[2].step is not None
            await lab.press("u")
            assert lab.ids == []
            assert len(lab.exploration.leaves()) == 1

    run(work())


def test_a_full_tree_is_a_sentence(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tutor.decoding.exploration.MAX_NODES", 4)

    async def work() -> None:
        async with opened(services, Sayer()) as lab:
            await lab.press(*["space"] * 5)
            assert len(lab.ids) == 3
            assert "the most there can be" in lab.screen.query_one("#message", Lines).lines[0].plain
            await lab.press("backspace", "space")
            assert len(lab.ids) == 3

    run(work())


@pytest.mark.parametrize(
    "damaged",
    [7, {"prompt": 3, "settings": [], "recent": [None, {"nodes": 1}]}, {"settings": {"seed": "x", "top_p": 7}}],
)
def test_a_damaged_state_is_left_out(damaged: Any) -> None:
    desk = Desk("toy", {})
    desk.restore(damaged)
    assert desk.to_dict() == Desk("toy", {}).to_dict()


@pytest.mark.parametrize("text", ["a\nb", "a\\nb", "\\", "\t\\\\n\n", "print('a\\n')\n"])
def test_a_prompt_of_several_lines_can_be_edited_on_one(text: str) -> None:
    assert "\n" not in escaped(text)
    assert unescaped(escaped(text)) == text


def test_playing_on_the_real_model_stays_within_its_bytes_and_outlives_its_worker(start: Start, smollm: Path) -> None:
    wanted = ["--strategy", "sample", "--seed", "0", "--max-tokens", "24", "The cat is called"]
    command = [sys.executable, "-m", "tutor", "decode", "--model", str(smollm), "--json", *wanted]
    whole = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=120).stdout)
    tutor = start("--lang", "en", "--model", str(smollm))
    tutor.expect("Start here")
    tutor.settle()
    tutor.send("D")
    tutor.expect(r"Entropy .* nats")
    tutor.settle()
    before = len(tutor.sent)
    tutor.send("p")
    tutor.expect(r"24 tokens played", timeout=90)
    tutor.settle()
    assert (len(tutor.sent) - before) / 24 <= 8_000
    text = "The cat is called" + whole["text"]
    drawn = " ".join(line.strip() for line in tutor.text().splitlines()[1:5])
    assert text.split()[-8:] == drawn.split()[-8:]
    (worker,) = psutil.Process(tutor.pid).children()
    worker.suspend()
    tutor.send("<bs><bs>")
    tutor.expect("22 tokens")
    tutor.send("<space><space>")
    tutor.expect("24 tokens")
    tutor.send("s")
    tutor.settle()
    worker.kill()
    tutor.expect("process has ended")
    assert "24 tokens" in tutor.text()
    tutor.send("<space>")
    tutor.expect(r"seed 1 .*Entropy")
    assert "24 tokens" in tutor.text()
