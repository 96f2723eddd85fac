"""An exploration: what was tried stays, what was seen is not asked again, and all of it survives as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tutor.decoding.distribution import Logits
from tutor.decoding.exploration import Exploration, draw_at
from tutor.decoding.steps import decode, look
from tutor.domain.errors import UsageError
from tutor.domain.model import DecodeStep, Strategy

PIECES = [b"a", b"b", "的".encode()[:2], "的".encode()[2:], b"\xff", b"", b" c", b"d"]
END = 5
SAMPLE = Strategy("sample", temperature=1.3, top_k=6, seed=11)


class Sayer:
    """Logits that depend on every token before; `looks` counts how often it was asked."""

    def __init__(self) -> None:
        self.looks = 0
        self.seen: list[int] = []

    def logits(self, ids: Sequence[int]) -> Logits:
        logits: Logits = np.random.default_rng([7, *ids]).normal(size=len(PIECES)).astype(np.float32)
        return logits

    def evaluate(self, ids: Sequence[int]) -> Logits:
        self.seen += ids
        return self.logits(self.seen)

    def piece(self, id: int) -> bytes:
        return PIECES[id]

    def label(self, id: int) -> str:
        return "<end>" if id == END else PIECES[id].decode("utf-8", "replace")

    def ends(self, id: int) -> bool:
        return id == END

    def visit(self, exploration: Exploration, strategy: Strategy, also: Sequence[int] = ()) -> DecodeStep:
        """Look where `exploration` stands, unless that is known."""
        if (known := exploration.looked(strategy)) is not None:
            return known
        self.looks += 1
        ids = exploration.ids
        step = look(self, self.logits(ids), strategy, ids, draw=exploration.draw(strategy.seed), top=4, also=also)
        exploration.remember(strategy, step)
        return step


def walked(model: Sayer, steps: int, strategy: Strategy = SAMPLE) -> Exploration:
    exploration = Exploration("a b", (0, 1), "a b", model="toy")
    for _ in range(steps):
        model.visit(exploration, strategy)
        exploration = exploration.forward(strategy)
    return exploration


def of_ids(ids: Sequence[int], model: Sayer) -> Exploration:
    """An exploration that goes over `ids`, each by hand."""
    exploration = Exploration("a", (0,), "a")
    for id in ids:
        model.visit(exploration, Strategy(), also=list(range(len(PIECES))))
        exploration = exploration.take(id, Strategy())
    return exploration


@pytest.mark.parametrize("seed", [0, 5, 2**31 - 1])
def test_draws_are_those_of_a_whole_run(seed: int) -> None:
    run = np.random.Generator(np.random.PCG64(seed)).random(50)
    assert [draw_at(seed, depth) for depth in range(50)] == run.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_stepping_forward_writes_what_decode_writes(seed: int) -> None:
    strategy = Strategy("sample", temperature=0.9, top_p=0.95, repeat_penalty=1.1, seed=seed)
    whole = list(decode(Sayer(), [0, 1], strategy, max_tokens=12, ignore_eos=True))
    exploration = walked(Sayer(), 12, strategy)
    nodes = [exploration.nodes[index] for index in exploration.path(exploration.cursor)]
    assert [node.id for node in nodes] == [step.id for step in whole]
    assert [node.logprob for node in nodes] == [step.logprob for step in whole]
    assert exploration.text(exploration.cursor) == "".join(step.text for step in whole)
    assert exploration.logprob(exploration.cursor) == pytest.approx(math.fsum(step.logprob for step in whole))


def test_known_ground_is_not_asked_for_again() -> None:
    model = Sayer()
    exploration = walked(model, 6)
    asked = model.looks
    there = exploration.cursor
    for _ in range(6):
        exploration = exploration.back()
        model.visit(exploration, SAMPLE)
    assert exploration.cursor == 0
    assert exploration.back().cursor == 0
    for _ in range(6):
        exploration = exploration.forward(SAMPLE)
    assert exploration.cursor == there
    assert len(exploration.nodes) == 7
    assert model.looks == asked == 6


def test_what_a_strategy_does_not_use_does_not_make_it_another() -> None:
    model = Sayer()
    exploration = walked(model, 0)
    model.visit(exploration, Strategy("greedy", temperature=2, top_k=3, seed=1))
    model.visit(exploration, Strategy("greedy", top_p=0.5, seed=9))
    model.visit(exploration, Strategy("sample", width=2))
    model.visit(exploration, Strategy("sample", width=8, length_penalty=1))
    assert model.looks == 2
    model.visit(exploration, Strategy("greedy", repeat_penalty=1.5))
    model.visit(exploration, Strategy("sample", seed=1))
    assert model.looks == 4


def test_a_choice_by_hand_is_a_branch_and_the_other_stays() -> None:
    model = Sayer()
    exploration = walked(model, 3)
    first = exploration.cursor
    exploration = exploration.back()
    step = model.visit(exploration, SAMPLE)
    other = next(each for each in step.top if each.id != step.id)
    exploration = exploration.take(other.id, SAMPLE)
    assert (exploration.here.how, exploration.here.logprob) == ("hand", other.logprob)
    assert exploration.here.step is step
    assert exploration.leaves() == [first, exploration.cursor]
    again = exploration.back().take(other.id, SAMPLE)
    assert again.cursor == exploration.cursor
    assert again.nodes == exploration.nodes


def test_deleting_a_branch_takes_what_leads_to_it_alone_and_joining_brings_it_back() -> None:
    model = Sayer()
    trunk = walked(model, 2)
    step = model.visit(trunk, SAMPLE)
    one, two = [each.id for each in step.top if each.id != step.id][:2]
    both = trunk.take(one, SAMPLE).go(trunk.cursor).take(two, SAMPLE)
    model.visit(both, SAMPLE)
    both = both.forward(SAMPLE)
    gone = both.delete(both.cursor)
    assert [gone.nodes[leaf].id for leaf in gone.leaves()] == [one]
    assert gone.here.looks is both.nodes[trunk.cursor].looks
    assert gone.text(gone.cursor) == trunk.text(trunk.cursor)
    back = gone.joined(both)
    assert {tuple(back.nodes[i].id for i in back.path(leaf)) for leaf in back.leaves()} == {
        tuple(both.nodes[i].id for i in both.path(leaf)) for leaf in both.leaves()
    }
    only = walked(model, 3)
    assert only.delete(only.cursor).nodes == only.nodes[:1]


def test_bytes_of_a_character_show_in_hex_until_it_is_whole() -> None:
    model = Sayer()
    half = of_ids([6, 2], model)
    assert half.spelled(half.cursor) == ([" c", ""], "的".encode()[:2])
    assert half.text(half.cursor) == " c"
    whole = of_ids([6, 2, 3], model)
    assert whole.spelled(whole.cursor) == ([" c", "", "的"], b"")
    broken = of_ids([4, 2, 0, END], model)
    assert broken.spelled(broken.cursor) == (["<ff>", "", "<e7 9a>a", "<end>"], b"")
    assert broken.text(broken.cursor) == "\ufffd\ufffda"


def test_a_token_that_ends_the_text_can_be_gone_beyond() -> None:
    model = Sayer()
    ended = of_ids([0, END], model)
    assert ended.here.ends
    model.visit(ended, Strategy())
    assert ended.forward(Strategy()).depth == 3


def test_json_gives_back_the_tree_and_what_was_seen() -> None:
    model = Sayer()
    exploration = walked(model, 4).back()
    model.visit(exploration, Strategy())
    exploration = exploration.forward(Strategy())
    kept = Exploration.from_dict(json.loads(json.dumps(exploration.to_dict(), allow_nan=False)))
    assert kept.to_dict() == exploration.to_dict()
    assert kept.ids == exploration.ids
    assert [node.step for node in kept.nodes] == [node.step for node in exploration.nodes]
    asked = model.looks
    model.visit(kept.back(), SAMPLE)
    assert model.looks == asked


@pytest.mark.parametrize(("seen", "places"), [(0, set()), (1, {1}), (2, {1, 3}), (5, {0, 1, 2, 3})])
def test_json_without_all_that_was_seen_has_all_tokens(seen: int, places: set[int]) -> None:
    exploration = walked(Sayer(), 4).go(1)
    part = Exploration.from_dict(exploration.to_dict(seen=seen))
    assert [node.id for node in part.nodes] == [node.id for node in exploration.nodes]
    assert {index for index, node in enumerate(part.nodes) if node.looks} == places


def _changed(path: list[str | int], value: Any) -> Any:
    data: Any = walked(Sayer(), 3).to_dict()
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [],
        _changed(["format"], 2),
        _changed(["nodes"], []),
        _changed(["cursor"], 4),
        _changed(["cursor"], -1),
        _changed(["ids"], ["x"]),
        _changed(["nodes", 2, "parent"], 2),
        _changed(["nodes", 2, "parent"], -1),
        _changed(["nodes", 0, "parent"], 0),
        _changed(["nodes", 1, "data"], "zz"),
        _changed(["nodes", 1, "how"], "magic"),
        _changed(["nodes", 0, "looks", 0, "step"], {}),
        _changed(["prompt"], 3),
    ],
)
def test_what_is_no_exploration_is_refused_with_a_sentence(data: Any) -> None:
    with pytest.raises(UsageError, match="This is no exploration"):
        Exploration.from_dict(data)


def test_what_was_seen_after_one_prompt_is_not_taken_for_another() -> None:
    model = Sayer()
    model.visit(Exploration("a", (0,)), SAMPLE)
    assert Exploration("b", (1,)).looked(SAMPLE) is None


def test_a_full_tree_says_so_and_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tutor.decoding.exploration.MAX_NODES", 4)
    model = Sayer()
    exploration = walked(model, 3)
    model.visit(exploration, SAMPLE)
    with pytest.raises(UsageError, match="has 3 tokens, the most"):
        exploration.forward(SAMPLE)
    known = exploration.back().forward(SAMPLE)
    assert known.cursor == exploration.cursor
