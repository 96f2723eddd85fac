"""Beam search as a living tree: what is known is not computed again, and nothing that was pruned is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.decoding.test_beam import Random
from tests.ui.conftest import Start
from tests.ui.hostile import HOSTILE
from tests.ui.searches import NOBODY, PROMPT, Desk, Searcher, opened
from tutor.decoding.beam import beam
from tutor.decoding.outline import Line
from tutor.decoding.runs import BeamRun, Prompt
from tutor.domain.model import Strategy
from tutor.ui.draw.palette import PLAIN
from tutor.ui.draw.search import fit_middle, text_rows, tree_rows, verdict
from tutor.ui.screens.labs.beam import BeamScreen
from tutor.ui.widgets.lines import RowList


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def rows(desk: Desk) -> list[str]:
    return [row.text.plain for row in desk.screen.query_one(RowList).rows]


def line(desk: Desk) -> Line:
    row = desk.screen.query_one(RowList).current
    assert row is not None and isinstance(row.key, Line)
    return row.key


async def to(desk: Desk, wanted: Callable[[Line], bool]) -> None:
    """The cursor to the first line that is wanted."""
    lines = [row.key for row in desk.screen.query_one(RowList).rows]
    place = next(i for i, each in enumerate(lines) if isinstance(each, Line) and wanted(each))
    await desk.press("home", *["down"] * place)


def test_stepping_back_and_forth_over_known_ground_asks_the_model_nothing() -> None:
    async def work() -> None:
        async with opened(BeamScreen, Searcher()) as desk:
            await desk.press(*["space"] * 5)
            assert desk.model.asked == ["lockstep", "beam"]
            pictures, steps = [rows(desk)], desk.model.steps
            for _ in range(5):
                await desk.press("backspace")
                pictures.append(rows(desk))
            assert desk.screen.step == 1
            await desk.press("backspace", *["space"] * 5)
            assert rows(desk) == pictures[0]
            assert len({"".join(each) for each in pictures}) == 6
            assert (desk.model.asked, desk.model.steps) == (["lockstep", "beam"], steps)

    run(work())


def test_another_width_searches_again_to_the_same_step_and_greedy_stays() -> None:
    async def work() -> None:
        async with opened(BeamScreen, Searcher(), {"width": 2}) as desk:
            await desk.press("space", "space", "w")
            await desk.until(lambda: desk.screen.step == 3)
            assert desk.search.width == 3
            assert desk.model.asked == ["lockstep", "beam", "beam"]
            oracle = list(beam(Random(2, 40), PROMPT, width=3, top=6))[:3]
            kept = [[each.id for each in step.kept] for step in desk.search.steps]
            assert kept == [[each.id for each in step.kept] for step in oracle]
            await desk.press("W", "W", "W", "W")
            assert desk.search.width == 1
            await desk.until(lambda: desk.screen.step == 3)

    run(work())


def test_a_process_that_ends_costs_a_sentence_and_the_tree_stays() -> None:
    async def work() -> None:
        async with opened(BeamScreen, Searcher()) as desk:
            await desk.press("space", "space")
            tree = rows(desk)
            desk.model.failures = 1
            await desk.press("space")
            assert "process has ended" in desk.lines("texts")
            assert rows(desk) == tree
            await desk.press("backspace", "space")
            assert rows(desk) == tree
            await desk.press("r")
            await desk.until(lambda: desk.screen.step == 4)
            assert "process has ended" not in desk.lines("texts")
            assert [len(step.kept) for step in desk.search.steps] == [
                len(step.kept) for step in list(beam(Random(2, 40), PROMPT, width=4, top=8))[:4]
            ]

    run(work())


def test_after_trouble_on_the_way_to_the_end_trying_again_leads_there() -> None:
    async def work() -> None:
        async with opened(BeamScreen, Searcher(), {"max_tokens": 12}) as desk:
            await desk.press("space")
            desk.model.failures = 1
            await desk.press("right_square_bracket")
            assert "process has ended" in desk.lines("texts")
            await desk.press("r")
            await desk.until(lambda: desk.screen.step == 12)
            assert desk.search.finished

    run(work())


def test_a_pruned_branch_can_be_opened_and_gone_on_from() -> None:
    async def work() -> None:
        async with opened(BeamScreen, Searcher(), {"width": 2}) as desk:
            await desk.press("space", "space", "space")
            closed = rows(desk)
            await to(desk, lambda line: line.fold)
            folded = set(line(desk).nodes)
            await desk.press("enter")
            assert folded <= {row.key.end for row in desk.screen.query_one(RowList).rows if isinstance(row.key, Line)}
            await to(desk, lambda line: line.end in folded)
            chosen, tree = line(desk).end, desk.search.tree
            assert tree.branches[chosen].fate == "pruned"
            await to(desk, lambda line: line.end == tree.branches[chosen].parent)
            await desk.press("left")
            assert rows(desk) == closed, "what was opened closes"
            await to(desk, lambda line: line.fold)
            await desk.press("enter")
            await to(desk, lambda line: line.end == chosen)
            await desk.press("enter")
            await desk.until(lambda: desk.answer is not NOBODY)
            assert [id for id, _, _ in desk.answer] == [
                each.id for each in (tree.branches[i].candidate for i in tree.line(chosen)) if each
            ]

    run(work())


def test_the_last_step_says_who_won_and_is_the_last() -> None:
    async def work() -> None:
        async with opened(BeamScreen, Searcher(), {"max_tokens": 6}) as desk:
            await desk.press("right_square_bracket")
            await desk.until(lambda: desk.search.finished and desk.screen.step == len(desk.search.steps))
            assert "greedy" in desk.lines("texts") and "Holtzman" in desk.lines("texts").replace("\n ", " ")
            await desk.press("space")
            assert "last step" in desk.message()
            await desk.press("q")
            assert desk.answer is None

    run(work())


def test_the_verdict_is_computed_from_this_run() -> None:
    words = Random(2, 40)
    found = BeamRun(Prompt("go", (0, 1)), width=4, max_tokens=6)
    for step in beam(words, [0, 1], width=4, max_tokens=6, top=8):
        found.add(step)
    best = found.beams[0]
    model = Searcher(2)
    both = list(model.lockstep([0, 1], (Strategy("greedy"), Strategy("sample")), max_tokens=6))
    found.greedy = [row[0] for row in both if row[0]]
    found.drawn = [row[1] for row in both if row[1]]
    total = sum(step.logprob for step in found.greedy)
    said = verdict(found)
    assert f"{best.logprob:.2f}" in said and f"{total:.2f}" in said
    if tuple(step.id for step in found.greedy) == best.ids:
        assert "the same text" in said
    else:
        assert ("greedy loses" in said) == (total < best.logprob)
    assert f"{-best.logprob / len(best.ids):.2f} nats" in said


@pytest.mark.parametrize("width", [36, 57, 77, 117])
def test_no_line_is_wider_than_its_room_whatever_the_model_says(width: int) -> None:
    model = Searcher(3, 12, labels=["你好", " the", HOSTILE, "é", "\n", "\x1b[2J", " ", "👩‍👩‍👧"])
    found = BeamRun(Prompt(HOSTILE, (0, 1)), length_penalty=0.7)
    for step in found.begin(model):  # type: ignore[arg-type]
        found.add(step)
        number = len(found.steps)
        lines = [text for _, text in tree_rows(found, number, width, PLAIN, prompt="go")]
        lines += text_rows(found, number, width, PLAIN)
        assert max(each.cell_len for each in lines) <= width
        assert not any(c in each.plain for each in lines for c in "\x1b\n\x07\u202e")


def test_what_does_not_fit_keeps_both_its_ends() -> None:
    assert fit_middle("the cat sat on the mat", 12) == "the ..he mat"
    assert fit_middle("你好世界再见", 8) == "你..再见"
    assert fit_middle("short", 12) == "short"


def test_in_a_real_terminal_a_step_is_few_bytes_and_a_killed_process_loses_nothing(start: Start, smollm: Path) -> None:
    tutor = start("--lang", "en", "--model", str(smollm))
    tutor.expect("Start here")
    tutor.send("D")
    tutor.expect("Entropy", timeout=60)
    tutor.send("B")
    tutor.expect(r"greedy: a", timeout=60)
    for step in range(2, 7):
        tutor.settle()
        before = len(tutor.sent)
        tutor.send("<space>")
        tutor.expect(rf"step {step}\b")
        tutor.settle()
        assert len(tutor.sent) - before < 8000
    before = len(tutor.sent)
    tutor.send("<down>")
    tutor.settle()
    assert 0 < len(tutor.sent) - before < 1000
    tree = tutor.text()
    (worker,) = psutil.Process(tutor.pid).children()
    worker.kill()
    tutor.send("<bs>")
    tutor.expect(r"step 5\b")
    tutor.send("<space>")
    tutor.expect(r"step 6\b")
    tutor.settle()
    assert tutor.text().splitlines()[2:-1] == tree.splitlines()[2:-1]
    tutor.send("]")
    tutor.expect(r"r tries again|step (\d+) of \1", timeout=60)
    tutor.send("r")
    tutor.expect(r"step (\d+) of \1", timeout=60)
    tutor.expect("Holtzman et al")
    tutor.send("<enter>")
    tutor.expect(r"tokens +ln P", timeout=60)
    assert b"Traceback" not in tutor.sent
