"""Strategies in lockstep: each writes what it writes alone, and where they part is said with the odds."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.ui.hostile import HOSTILE
from tests.ui.searches import NOBODY, PROMPT, Desk, Searcher, Words, opened
from tutor.decoding.runs import USUAL, LockstepRun, Prompt, distinct_pairs, next_strategy
from tutor.decoding.steps import decode
from tutor.domain.model import DecodeStep, Strategy
from tutor.ui.draw.lockstep import lockstep_lines, parting_lines, parting_title
from tutor.ui.draw.palette import PLAIN
from tutor.ui.screens.labs.lockstep import LockstepScreen
from tutor.ui.widgets.pager import Pager


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def alone(strategy: Strategy, count: int) -> list[DecodeStep]:
    return list(decode(Words(2, 40), PROMPT, strategy, max_tokens=count))


def page(desk: Desk) -> str:
    return "\n".join(line.plain for line in desk.screen.query_one(Pager).lines)


def test_each_writes_what_it_writes_alone_and_enter_goes_on_with_the_chosen_one() -> None:
    async def work() -> None:
        async with opened(LockstepScreen, Searcher()) as desk:
            await desk.press("space", "space", "space", "right", "right", "enter")
            await desk.until(lambda: desk.answer is not NOBODY)
            assert [id for id, _, _ in desk.answer] == [step.id for step in alone(USUAL[2], 4)]
            for place, strategy in enumerate(USUAL[:3]):
                assert [s.id for s in desk.search.column(place)] == [s.id for s in alone(strategy, 4)]

    run(work())


def test_known_ground_asks_nothing_and_playing_runs_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tutor.ui.screens.labs.stepping.PLAY_SECONDS", 0.01)

    async def work() -> None:
        async with opened(LockstepScreen, Searcher(), {"max_tokens": 5}) as desk:
            await desk.press("space", "backspace", "space", "backspace")
            assert (desk.model.steps, desk.model.asked) == (2, ["lockstep"])
            await desk.pilot.press("p")
            await desk.until(lambda: desk.screen.step == 5)
            assert desk.model.steps == 5
            await desk.until(lambda: "last step" in desk.message())

    run(work())


def test_two_to_four_strategies_are_added_changed_removed_and_kept() -> None:
    async def first() -> None:
        async with opened(LockstepScreen, Searcher()) as desk:
            await desk.press("space", "plus")
            await desk.until(lambda: len(desk.search.strategies) == 4 and desk.screen.step == 2)
            await desk.press("plus")
            assert len(desk.search.strategies) == 4
            await desk.press("minus", "minus", "minus", "minus")
            assert desk.search.strategies == USUAL[:2]
            await desk.pilot.press("e", "end", "enter", "7", "enter", "q")
            await desk.until(lambda: desk.search.strategies[1].seed == 7)
            await desk.until(lambda: desk.screen.step == 2)
            assert "seed 7" in page(desk)

    async def again() -> None:
        async with opened(LockstepScreen, Searcher()) as desk:
            assert [each.seed for each in desk.search.strategies] == [0, 7]

    run(first())
    run(again())


def test_a_process_that_ends_costs_a_sentence_and_the_columns_stay() -> None:
    async def work() -> None:
        async with opened(LockstepScreen, Searcher()) as desk:
            await desk.press("space")
            desk.model.failures = 1
            await desk.press("space")
            assert "process has ended" in page(desk)
            assert len(desk.search.steps) == 2
            await desk.press("r")
            await desk.until(lambda: desk.screen.step == 3)
            assert "process has ended" not in page(desk)
            assert [s.id for s in desk.search.column(0)] == [s.id for s in alone(USUAL[0], 3)]

    run(work())


def race(*strategies: Strategy, steps: int = 8, labels: tuple[str, ...] = ()) -> LockstepRun:
    found = LockstepRun(Prompt("go", tuple(PROMPT)), strategies, steps)
    for step in found.begin(Searcher(labels=labels)):  # type: ignore[arg-type]
        found.add(step)
    return found


def test_where_they_part_each_strategys_odds_stand_beside_the_models() -> None:
    hot = Strategy("sample", temperature=1.2, seed=3)
    found = race(Strategy("greedy"), Strategy("sample", top_k=1), hot)
    own = [alone(Strategy("greedy"), 8), alone(hot, 8)]
    place = next(i for i, (a, b) in enumerate(zip(*own, strict=True)) if a.id != b.id)
    assert own[1][place].id in [each.id for each in own[0][place].top], "its odds are known to all"
    assert found.parting() == place
    assert found.leaves(1) is None and found.leaves(2) == place
    assert f"token {place + 1}:" in parting_title(found, 8)
    assert parting_title(found, place) == ""
    lines = [line.plain.split() for line in parting_lines(found, 8, 100, PLAIN)]
    first, last = (own[0][place], own[1][place])
    odds = Words(2, 40).logits((*PROMPT, *(step.id for step in own[0][:place])))
    p = math.exp(odds[first.id]) / sum(map(math.exp, odds))
    taken = next(line for line in lines if line and line[0] == f"␣w{first.id}")
    assert taken[:6] == [f"␣w{first.id}", f"{p:.4f}", ">", "1.0000", ">", "1.0000"]
    other = next(line for line in lines if line and line[0] == f"␣w{last.id}")
    assert other[2:4] == ["x", "x"] and other[4] == ">"
    draw = f"u={last.draw:.4f}"
    assert any(line[-1] == draw for line in lines if line)


@pytest.mark.parametrize("width", [37, 57, 77, 99, 100, 117])
def test_columns_stand_beside_each_other_from_a_hundred_cells_and_fit(width: int) -> None:
    found = race(*USUAL, labels=("你好", " the", HOSTILE, "\n", "\x1b[2J", "👩‍👩‍👧", " longer-than-a-column"))
    lines = lockstep_lines(found, 8, width, PLAIN, cursor=1) + parting_lines(found, 8, width, PLAIN)
    assert max(line.cell_len for line in lines) <= width
    assert not any(c in line.plain for line in lines for c in "\x1b\n\x07\u202e")
    heads = [sum(f" {n} " in f" {line.plain}" for line in lines[:1]) for n in range(1, 5)]
    assert heads == ([1, 1, 1, 1] if width >= 100 else [1, 0, 0, 0])


def test_another_strategy_is_always_a_new_one() -> None:
    found: list[Strategy] = []
    for _ in range(8):
        found.append(next_strategy(found))
    assert len(set(found)) == 8


def test_pairs_of_tokens_are_counted_once_each() -> None:
    assert distinct_pairs([1, 2, 1, 2, 1]) == 0.5
    assert distinct_pairs([1, 2, 3]) == 1.0
    assert distinct_pairs([]) == 1.0
