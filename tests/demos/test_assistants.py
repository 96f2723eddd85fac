"""Ratings against Elo's rule in plain loops, a Bradley–Terry fit by Newton's method, and answers one knows by hand."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from tests.demos.play import control_characters, frames, play, untranslated
from tutor.decoding.ratings import Tally, bootstrap, bradley_terry, solvable, tally
from tutor.demos import assistants, registry
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.frames import Note, Table
from tutor.domain.language import set_language
from tutor.domain.model import Message, Strategy
from tutor.runtime.client import WorkerModel

Votes = list[list[Any]]


def result_of(votes: Votes, **given: Any) -> dict[str, Any]:
    return play(assistants, {"votes": votes, "resamples": 0, **given})[1]


def random_votes(seed: int, players: int, count: int) -> Votes:
    """Votes in which a ring of wins makes sure that there is an answer."""
    random = np.random.default_rng(seed)
    names = [f"p{i}" for i in range(players)]
    ring = [[names[i], names[(i + 1) % players]] for i in range(players)]
    return ring + [[names[i] for i in random.choice(players, 2, replace=False)] for _ in range(count)]


# Oracles


def elo_by_hand(votes: Votes, k: float, start: float) -> dict[str, float]:
    ratings: dict[str, float] = {}
    for winner, loser, *tie in votes:
        a, b = ratings.get(winner, start), ratings.get(loser, start)
        p = 1 / (1 + 10 ** ((b - a) / 400))
        moved = k * ((0.5 if tie else 1) - p)
        ratings[winner], ratings[loser] = a + moved, b - moved
    return ratings


def newton(votes: Votes, mean: float) -> dict[str, float]:
    """The maximum of the same likelihood by another method: Newton steps on the log strengths."""
    names = sorted({name for vote in votes for name in vote[:2]})
    theta = np.zeros(len(names))
    for _ in range(100):
        gradient, hessian = np.zeros(len(names)), np.zeros((len(names), len(names)))
        for winner, loser, *tie in votes:
            i, j = names.index(winner), names.index(loser)
            q = 1 / (1 + math.exp(theta[i] - theta[j]))
            surprise = q - 0.5 if tie else q
            gradient[i] += surprise
            gradient[j] -= surprise
            for a, b, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
                hessian[a, b] += sign * q * (1 - q)
        theta += np.clip(np.linalg.pinv(hessian) @ gradient, -1, 1)
    theta -= theta.mean()
    return {name: mean + 400 / math.log(10) * value for name, value in zip(names, theta, strict=True)}


# Ratings


@pytest.mark.parametrize(("k", "start"), [(32.0, 1000.0), (4.0, 1500.0), (0.0, -50.0), (400.0, 0.0)])
def test_elo_is_its_rule_applied_vote_by_vote(k: float, start: float) -> None:
    for votes in (assistants.VOTES, random_votes(1, 5, 40)):
        result = result_of(votes, k=k, start=start)
        assert result["elo"] == pytest.approx(elo_by_hand(votes, k, start))
        assert result["elo_reversed"] == pytest.approx(elo_by_hand(votes[::-1], k, start))
        assert sum(result["elo"].values()) == pytest.approx(start * len(result["elo"]))


@pytest.mark.parametrize("votes", [assistants.VOTES, *(random_votes(seed, 2 + seed, 30) for seed in range(4))])
def test_bradley_terry_is_the_maximum_that_newtons_method_finds(votes: Votes) -> None:
    result = result_of(votes, start=1200.0)
    assert result["bradley_terry"] == pytest.approx(newton(votes, 1200.0), abs=1e-6)
    names = result["names"]
    for i, name in enumerate(names):  # at the maximum everyone wins as often as expected
        met = np.array(result["wins"]) + np.array(result["wins"]).T
        assert sum(np.array(result["wins"])[i]) == pytest.approx(met[i] @ np.array(result["probabilities"])[i]), name


def test_two_players_stand_apart_by_the_logarithm_of_their_odds() -> None:
    result = result_of([["A", "B", 15], ["B", "A", 5]])
    assert result["bradley_terry"]["A"] - result["bradley_terry"]["B"] == pytest.approx(400 * math.log10(3))
    assert result["probabilities"][0][1] == pytest.approx(0.75)


def test_one_win_each_leaves_the_last_winner_ahead_in_elo_and_nobody_in_bradley_terry() -> None:
    result = result_of([["A", "B"], ["B", "A"]])
    assert result["gains"] == pytest.approx([16, 32 / (1 + 10 ** (-32 / 400))])
    assert result["elo"]["B"] > result["elo"]["A"]
    assert result["bradley_terry"] == pytest.approx({"A": 1000, "B": 1000})


def test_the_order_decides_who_leads_in_elo_and_nothing_in_bradley_terry() -> None:
    forwards, backwards = result_of(assistants.VOTES), result_of(assistants.VOTES[::-1])
    assert max(forwards["elo"], key=forwards["elo"].get) == "A" == forwards["leaders"]["elo"]
    assert max(backwards["elo"], key=backwards["elo"].get) == "B" == forwards["leaders"]["elo_reversed"]
    assert forwards["elo_reversed"] == backwards["elo"]
    assert forwards["bradley_terry"] == backwards["bradley_terry"]
    assert sum(forwards["elo_leads"].values()) == pytest.approx(1)


def test_a_vote_with_a_count_is_that_many_votes() -> None:
    assert result_of([["A", "B", 3], ["B", "A", 2]]) == result_of([["A", "B"]] * 3 + [["B", "A"]] * 2)


def test_the_longest_chain_and_the_most_votes_are_rated() -> None:
    chain = [[f"p{i}", f"p{i + 1}", 90] for i in range(11)] + [[f"p{i + 1}", f"p{i}", 90] for i in range(11)]
    assert set(map(round, result_of(chain)["bradley_terry"].values())) == {1000}


def test_one_vote_has_no_order_to_depend_on() -> None:
    notes = [step.note.en for step in play(assistants, {"votes": [["A", "B"]]})[0]]
    assert any("same ratings in every order" in note for note in notes)
    assert not any("other ratings" in note for note in notes)


# Intervals


def test_intervals_are_those_of_resampling_the_votes_one_by_one() -> None:
    _, result = play(assistants, {"votes": [["A", "B", 30], ["B", "A", 10]], "resamples": 1000})
    random = np.random.default_rng(5)
    leads = []
    for _ in range(4000):
        won = int((random.integers(0, 40, 40) < 30).sum())
        leads.append(400 * math.log10(won / (40 - won)))
    low, high = np.quantile(leads, (0.025, 0.975))
    assert result["lead"]["low"] == pytest.approx(low, abs=25)
    assert result["lead"]["high"] == pytest.approx(high, abs=25)
    assert result["intervals"]["A"][0] == pytest.approx(1000 + result["lead"]["low"] / 2)


def test_four_times_the_votes_halve_the_interval() -> None:
    widths = []
    for times in (1, 4, 16):
        wins = np.array([[0.0, 60.0], [40.0, 0.0]]) * times
        low, high = bootstrap(Tally(wins, np.zeros((2, 2))), 1000, mean=0, seed=0).lead(0, 1) or (0, 0)
        widths.append(high - low)
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.15)
    assert widths[1] / widths[2] == pytest.approx(2, rel=0.15)


def test_a_seed_gives_the_same_intervals_again() -> None:
    given = {"votes": assistants.VOTES, "seed": 7}
    assert play(assistants, given)[1] == play(assistants, given)[1]
    assert play(assistants, given)[1]["intervals"] != play(assistants, given | {"seed": 8})[1]["intervals"]


def test_an_interval_is_refused_where_many_resamples_have_no_answer() -> None:
    steps, result = play(assistants, {"votes": [["A", "B", 3], ["B", "A", 1]], "resamples": 500})
    assert result["unsolvable"] / 500 == pytest.approx(0.75**4 + 0.25**4, abs=0.08)
    assert result["intervals"] == {"A": None, "B": None}
    assert result["lead"]["low"] is None
    assert str(result["unsolvable"]) in steps[-1].note.en


def test_a_few_resamples_without_an_answer_are_left_out_and_said() -> None:
    steps, result = play(assistants, {"votes": assistants.VOTES})
    assert 0 < result["unsolvable"] < 20
    assert f"{result['unsolvable']} resamples" in steps[-1].note.en


# Ties


def with_ties(votes: Votes, seed: int) -> Votes:
    """A third of the votes made ties."""
    random = np.random.default_rng(seed)
    return [[*vote, "tie"] if random.random() < 1 / 3 else vote for vote in votes]


@pytest.mark.parametrize("seed", range(3))
def test_a_tie_is_half_a_win_in_both_ratings(seed: int) -> None:
    votes = with_ties(random_votes(seed, 4, 40), seed)
    result = result_of(votes, k=24, start=1200)
    assert 0 < result["ties"] == sum(len(vote) == 3 for vote in votes)
    assert result["elo"] == pytest.approx(elo_by_hand(votes, 24, 1200))
    assert result["bradley_terry"] == pytest.approx(newton(votes, 1200), abs=1e-6)
    # Nor does it matter who of the two stands first in it.
    turned = [[vote[1], vote[0], "tie"] if len(vote) == 3 else vote for vote in votes]
    assert result_of(turned, k=24, start=1200)["elo"] == pytest.approx(result["elo"])
    assert result_of(turned, k=24, start=1200)["bradley_terry"] == pytest.approx(result["bradley_terry"])


def test_ties_of_two_give_the_lead_that_half_wins_give() -> None:
    result = result_of([["A", "B", 9], ["B", "A", 3], *[["A", "B", "tie"]] * 4])
    assert result["bradley_terry"]["A"] - result["bradley_terry"]["B"] == pytest.approx(400 * math.log10(11 / 5))
    assert result["wins"] == [[0, 11], [5, 0]]


def test_a_tie_is_drawn_whole_when_votes_are_resampled() -> None:
    """Every vote a tie: each resample is too, so that nothing varies. As two halves they would."""
    _, result = play(assistants, {"votes": [["A", "B", "tie"]] * 12, "resamples": 200})
    assert result["unsolvable"] == 0
    assert result["lead"]["low"] == result["lead"]["high"] == pytest.approx(0)
    mixed = [["A", "B", 20], ["B", "A", 10], *[["B", "A", "tie"]] * 30]
    _, result = play(assistants, {"votes": mixed, "resamples": 1000})
    random, leads = np.random.default_rng(5), []
    for _ in range(1000):
        drawn = random.choice([1.0, 0.0, 0.5], 60, p=[20 / 60, 10 / 60, 30 / 60]).sum()
        leads.append(400 * math.log10(drawn / (60 - drawn)))
    low, high = np.quantile(leads, (0.025, 0.975))
    assert result["lead"]["low"] == pytest.approx(low, abs=12)
    assert result["lead"]["high"] == pytest.approx(high, abs=12)


# Votes that say too little


@pytest.mark.parametrize(
    ("votes", "problem"),
    [
        ([["A", "B"]], "never-wins"),
        ([["A", "B", 5], ["A", "C"], ["C", "A"]], "never-wins"),
        ([["A", "B"], ["A", "C"], ["B", "C"], ["C", "B"]], "never-loses"),
        ([["A", "B"], ["B", "A"], ["C", "D"], ["D", "C"]], "apart"),
        ([["A", "B"], ["B", "A"], ["C", "D"], ["D", "C"], ["A", "C"]], "one-sided"),
    ],
)
def test_votes_without_a_finite_answer_are_answered_with_a_sentence(votes: Votes, problem: str) -> None:
    steps, result = play(assistants, {"votes": votes})
    assert result["problem"] == problem
    assert result["bradley_terry"] == {}
    assert steps[-1].note.en
    assert not untranslated(steps)
    assert result["elo"] == pytest.approx(
        elo_by_hand([vote[:2] for vote in votes for _ in range(vote[2] if len(vote) > 2 else 1)], 32, 1000)
    )


def test_solvable_is_a_chain_of_wins_from_everyone_to_everyone() -> None:
    for seed in range(60):
        random = np.random.default_rng(seed)
        players = int(random.integers(2, 7))
        wins = (random.random((players, players)) < 0.3) * (1.0 - np.eye(players))
        reach = {i: _walk(wins, i) for i in range(players)}
        assert bool(solvable(wins)) == all(len(found) == players for found in reach.values())


def _walk(wins: Any, start: int) -> set[int]:
    found, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        new = {int(j) for j in np.flatnonzero(wins[here])} - found
        found |= new
        waiting += new
    return found


def test_many_tables_at_once_are_rated_as_each_alone() -> None:
    tables = np.stack(
        [
            tally([(int(a[1]), int(b[1]), 1.0) for a, b in random_votes(s, 3, 20) if int(a[1]) != int(b[1])], 3).wins
            for s in range(5)
        ]
    )
    together = bradley_terry(tables, mean=0).ratings
    for table, row in zip(tables, together, strict=True):
        assert row == pytest.approx(bradley_terry(table, mean=0).ratings, abs=1e-6)


# The blind arena


def test_two_settings_answer_unnamed_and_are_revealed_afterwards(smol: WorkerModel) -> None:
    given = {"prompt": "Say hello.", "a": {"temperature": 0}, "b": {"temperature": 1, "system": "Be rude."}}
    seen = set()
    for seed in (0, 2):
        steps, result = play(assistants, {**given, "max_tokens": 4, "seed": seed, "votes": [["a", "b"]]}, smol)
        seen.add(result["first"])
        shown = [frame.text.en for frame in steps[1].frames if isinstance(frame, Note)]
        order = ["a", "b"] if result["first"] == "a" else ["b", "a"]
        assert shown == [
            f"{place}: {result['answers'][side]}" for place, side in zip(["First", "Second"], order, strict=True)
        ]
        revealed = {row[1]: row[2] for row in frames(steps[2:3], Table)[0].rows}
        assert list(revealed) == order
        assert revealed == {"a": "temperature 0", "b": "temperature 1, system: Be rude."}
        assert not control_characters(steps)
    assert seen == {"a", "b"}
    ids = [piece.id for piece in smol.conversation([Message("user", "Say hello.")])]
    greedy = "".join(step.text for step in smol.decode(ids, Strategy(), max_tokens=4, top=1)).strip()
    assert result["answers"]["a"] == greedy
    assert result["elo"] == {"a": 1016, "b": 984}


def test_votes_on_others_are_left_out_of_an_arena(smol: WorkerModel) -> None:
    _, result = play(assistants, {"prompt": "Hi", "max_tokens": 1}, smol)
    assert result["names"] == []
    assert set(result["answers"]) == {"a", "b"}


def test_only_a_prompt_needs_a_model() -> None:
    assert not registry.wants_model("assistants")
    assert registry.wants_model("assistants", {"prompt": "Hi"})
    with pytest.raises(ModelMissing):
        play(assistants, {"prompt": "Hi"})


# Pictures and bad values


def test_names_reach_the_pictures_without_control_characters_and_both_languages_are_there() -> None:
    steps, _ = play(assistants, {"votes": [["a\x1b[2J", "b"], ["b", "a\x1b[2J"]]})
    assert not control_characters(steps)
    assert not untranslated(steps)
    assert [step.progress for step in steps] == sorted(step.progress or 0 for step in steps)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"votes": [["A"]]}, "votes"),
        ({"votes": [["A", "A"]]}, "votes"),
        ({"votes": [["A", "B", 0]]}, "votes"),
        ({"votes": [["A", "B", True]]}, "votes"),
        ({"votes": [["A", " "]]}, "votes"),
        ({"votes": [["A", "A", "tie"]]}, "votes"),
        ({"votes": [["A", "B", "draw"]]}, "votes"),
        ({"votes": [["A" * 21, "B"]]}, "votes"),
        ({"votes": {"A": "B"}}, "votes"),
        ({"votes": [["A", "B", 2000], ["A", "B"]]}, "2000"),
        ({"votes": [["x", f"p{i}"] for i in range(12)]}, "12"),
        ({"k": 401}, "k"),
        ({"resamples": 1001}, "resamples"),
        ({"prompt": "Hi", "a": []}, "a"),
        ({"prompt": "Hi", "b": {"temperature": 11}}, "temperature"),
        ({"prompt": "Hi", "b": {"warmth": 1}}, "warmth"),
        ({"prompt": "Hi", "b": {"system": 3}}, "system"),
        ({"prompt": "Hi", "b": {"model": "other"}}, "`a` and `b`"),
    ],
)
def test_a_bad_value_is_answered_with_a_sentence(given: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError) as caught:
        play(assistants, given, object())
    assert named in caught.value.message
    set_language("zh")
    assert re.search("[\u4e00-\u9fff]", caught.value.message)
