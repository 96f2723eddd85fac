"""The tree of a beam search: it remembers every step, and as an outline it hides branches but loses none."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.decoding.test_beam import Random
from tutor.decoding.beam import beam
from tutor.decoding.outline import Folding, Line, outline, spelled
from tutor.decoding.runs import BeamRun, Prompt, Stream
from tutor.decoding.tree import Branch, SearchTree
from tutor.domain.errors import ModelFailed
from tutor.domain.model import BeamCandidate, BeamStep


def search(seed: int, *, width: int = 3, max_tokens: int = 8, penalty: float = 0.0) -> list[BeamStep]:
    return list(beam(Random(seed), [0], width=width, max_tokens=max_tokens, length_penalty=penalty, top=5))


searches = st.builds(search, st.integers(0, 10_000), width=st.integers(1, 5), max_tokens=st.integers(1, 10))


def texts(steps: list[BeamStep]) -> dict[str, set[tuple[int, ...]]]:
    """All that was looked at, by what became of it, straight from the steps."""
    found: dict[str, set[tuple[int, ...]]] = {"kept": set(), "finished": set(), "pruned": set()}
    beams: list[tuple[int, ...]] = [()]
    for step in steps:
        for fate, ids in found.items():
            ids |= {(*beams[each.parent], each.id) for each in getattr(step, fate)}
        beams = [(*beams[each.parent], each.id) for each in step.kept]
    return found


def ids(tree: SearchTree, index: int) -> tuple[int, ...]:
    return tuple(id for id, _, _ in tree.path(index))


@settings(max_examples=40, deadline=None)
@given(searches)
def test_the_tree_holds_all_that_was_looked_at_each_where_it_belongs(steps: list[BeamStep]) -> None:
    tree = SearchTree(steps)
    held: dict[str, set[tuple[int, ...]]] = {"kept": {()}, "finished": set(), "pruned": set()}
    for index, branch in enumerate(tree.branches):
        held[branch.fate].add(ids(tree, index))
        own = [tree.branches[i].candidate for i in tree.line(index)[1:]]
        assert math.isclose(branch.total, math.fsum(each.logprob for each in own if each), abs_tol=1e-9)
    expected = texts(steps)
    assert held == expected | {"kept": expected["kept"] | {()}}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from([0.0, 1.0, -0.5]))
def test_what_is_in_the_running_at_the_end_is_the_result(seed: int, width: int, penalty: float) -> None:
    steps = search(seed, width=width, penalty=penalty)
    tree = SearchTree(steps)
    result = [tree.branches[i].score for i in tree.running()][:width]
    assert result == [each.score for each in steps[-1].beams]
    assert {each.ids for each in steps[-1].beams} <= {ids(tree, i) for i in tree.running()}


@settings(max_examples=30, deadline=None)
@given(searches)
def test_an_earlier_step_stands_as_it_stood_then(steps: list[BeamStep]) -> None:
    whole, grown = SearchTree(steps), SearchTree()
    for number, step in enumerate(steps, start=1):
        grown.add(step)
        assert whole.running(number) == grown.running()
        assert outline(whole, number) == outline(grown, number)


def on_lines(lines: list[Line]) -> list[int]:
    return [node for line in lines if not line.fold for node in line.nodes]


@settings(max_examples=40, deadline=None)
@given(searches)
def test_every_branch_is_on_a_line_or_counted_on_one(steps: list[BeamStep]) -> None:
    tree = SearchTree(steps)
    for number in range(1, len(steps) + 1):
        lines = outline(tree, number)
        shown = on_lines(lines)
        assert len(shown) == len(set(shown))
        assert {node for end in tree.running(number) for node in tree.line(end)} <= set(shown)
        known = [i for i, branch in enumerate(tree.branches) if branch.depth <= number]
        folded = {i for i in known if i not in shown and tree.branches[i].parent in shown}
        assert sum(line.hidden + (len(line.nodes) if line.fold else 0) for line in lines) == len(folded)
        # What this step pruned has a line that names it, unless its beam died with it.
        just_now = {i for i in folded if tree.branches[i].depth == number}
        named = {node for line in lines if line.fold for node in line.nodes}
        alive = {node for end in tree.running(number) for node in tree.line(end)}
        assert {i for i in just_now if tree.branches[i].parent in alive} <= named


@settings(max_examples=30, deadline=None)
@given(searches)
def test_opened_everywhere_it_shows_every_branch_once_under_its_parent(steps: list[BeamStep]) -> None:
    tree = SearchTree(steps)
    lines = outline(tree, len(steps), Folding(opened=frozenset(range(len(tree.branches)))))
    assert sorted(on_lines(lines)) == list(range(len(tree.branches)))
    assert not any(line.hidden or line.fold for line in lines)
    above: dict[int, int] = {}  # by level, the node of the last line
    for line in lines:
        level = len(line.more) - line.fork
        parent = tree.branches[line.nodes[0]].parent
        if parent >= 0:
            assert parent in (above.get(level), above.get(len(line.more)))
        above[len(line.more)] = line.end


def test_a_run_without_a_fork_is_one_line_however_long() -> None:
    steps = list(beam(Random(1, 4), [0], width=1, max_tokens=24, ignore_eos=True, top=4))
    tree = SearchTree(steps)
    lines = outline(tree, 24)
    assert [len(line.nodes) for line in lines if not line.fold] == [1, 24]
    assert sum(line.hidden for line in lines) + len(lines[-1].nodes) == 24 * 3
    apart = outline(tree, 24, Folding(apart=frozenset(lines[1].nodes)))
    assert [line.nodes for line in apart if not line.fold] == [(i,) for i in tree.line(tree.running()[0])]


def test_a_run_is_spelled_whole_characters_first() -> None:
    def token(data: bytes, text: str) -> Branch:
        return Branch(0, 1, "kept", BeamCandidate(0, 7, text, data, -1.0, -1.0, -1.0))

    assert spelled([token(b" \xe4\xbd", " \ufffd"), token(b"\xa0", "\ufffd")]) == "␣你"
    assert spelled([token(b"a", "a"), token(b"", "<|end|>"), token(b"\xe4", "\ufffd")]) == "a<|end|>\\xe4"
    assert spelled([token(b"a", "a"), token(b"\x1b[2J", "\x1b[2J")]) == "a\\x1b[2J"


def test_a_stream_that_broke_off_comes_back_to_where_it_was() -> None:
    steps = search(3)
    begun = []

    def begin(_model: object) -> object:
        begun.append(1)
        for number, step in enumerate(steps):
            if number == 3 and len(begun) == 1:
                raise ModelFailed("The model's process has ended.")
            yield step

    stream: Stream[BeamStep] = Stream(begin)  # type: ignore[arg-type]
    stream.reach(None, 2)  # type: ignore[arg-type]
    with pytest.raises(ModelFailed):
        stream.reach(None, 9)  # type: ignore[arg-type]
    assert stream.known == steps[:3]
    stream.reach(None, 99)  # type: ignore[arg-type]
    assert (stream.known, stream.ended, len(begun)) == (steps, True, 2)


def test_first_choices_are_counted_among_each_beams_own_candidates() -> None:
    run = BeamRun(Prompt("", (0,)), width=3)
    model = Random(5)
    for step in beam(model, [0], width=3, max_tokens=6, top=5):
        run.add(step)
    for index in run.tree.running():
        path = ids(run.tree, index)
        best = [int(model.logits((0, *path[:n])).argmax()) for n in range(len(path))]
        assert run.first_choices(index) == sum(a == b for a, b in zip(path, best, strict=True))
