"""The arena without a screen: places drawn, verdicts counted, taken back and kept, answers those of the model alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tutor.decoding.arena import order_of
from tutor.decoding.contest import MOST_ROUNDS, PROMPTS, SPOKEN_FOR, VERDICTS, Booth, Contest, Round, Share, play
from tutor.decoding.documents import document
from tutor.decoding.standing import Poll, leanings, standing
from tutor.demos import registry
from tutor.domain.errors import UsageError
from tutor.domain.frames import Table
from tutor.domain.model import Message, Strategy
from tutor.runtime.client import WorkerModel


@pytest.fixture(scope="module")
def smol(smollm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerModel]:
    with WorkerModel(smollm, threads=1, log=tmp_path_factory.mktemp("smol") / "log") as model:
        yield model


def judged(contest: Contest, verdict: str, lengths: tuple[int, int] = (3, 2)) -> Round:
    """A round of which only the verdict and the lengths matter."""
    drawn = contest.draw("a prompt", 0)
    contest.open = replace(drawn, answers=("one", "to"), lengths=lengths, answered=True)
    return contest.judge(verdict)


def random_contest(rounds: int, seed: int) -> Contest:
    random = np.random.default_rng(seed)
    contest = Booth().contest("m")
    for _ in range(rounds):
        judged(contest, str(random.choice(VERDICTS)), (int(random.integers(1, 9)), int(random.integers(1, 9))))
    return contest


# Places


def test_places_stay_balanced_and_none_can_be_foretold() -> None:
    contest = random_contest(400, 0)
    firsts = np.array([1 if each.order[0] == "a" else -1 for each in contest.rounds])
    ahead = np.concatenate([[0], firsts.cumsum()])
    # A fair coin wanders off, some 14 by its root mean square; this one is drawn back.
    assert math.sqrt((ahead**2).mean()) < 4
    for state, expected in ((ahead[:-1] == 0, 1 / 2), (ahead[:-1] > 0, 1 / 3), (ahead[:-1] < 0, 2 / 3)):
        share, count = (firsts[state] == 1).mean(), state.sum()
        assert share == pytest.approx(expected, abs=4 * math.sqrt(0.25 / count)), "twice as likely, never certain"
    assert [order_of(seed) for seed in range(50)] == [order_of(seed) for seed in range(50)]


def test_a_round_taken_back_or_cleared_is_not_drawn_again() -> None:
    contest = Booth().contest("m")
    seeds = [judged(contest, "left").seed]
    contest.undo()
    contest.open = None
    seeds.append(judged(contest, "left").seed)
    contest.clear()
    seeds.append(judged(contest, "right").seed)
    assert len(set(seeds)) == 3


# Votes


def test_votes_name_who_stood_there() -> None:
    for verdict in VERDICTS:
        contest = Booth().contest("m")
        decided = judged(contest, verdict)
        left, right = decided.order
        expected = {"left": [[left, right]], "right": [[right, left]], "tie": [["a", "b", "tie"]], "skip": []}
        assert contest.listed() == expected[verdict]


def test_what_the_screen_shows_is_what_the_demo_computes() -> None:
    for seed in range(3):
        contest = random_contest(40, seed)
        booth = Booth(k=20, start=1500, resamples=200, seed=3)
        poll = Poll.of(booth, contest)
        demo = registry.run("assistants", json.loads(json.dumps(poll.given)))[1]
        data = document(poll)
        assert data["elo"] == pytest.approx(demo["elo"])
        assert data["bradley_terry"] == pytest.approx(demo["bradley_terry"])
        table = next(frame for frame in standing(poll) if isinstance(frame, Table))
        by_name = {row[0]: row for row in table.rows}
        for i, name in enumerate(demo["names"]):
            low, high = demo["intervals"][name]
            row = by_name[name]
            assert (float(row[1]), row[2]) == (sum(demo["wins"][i]), f"{demo['elo'][name]:.1f}")
            assert row[-2:] == (f"{demo['bradley_terry'][name]:.1f}", f"{low:.1f} .. {high:.1f}")


def test_how_the_judge_leans_is_counted_over_rounds_that_either_won() -> None:
    contest = random_contest(200, 7)
    decided = [each for each in contest.rounds if each.verdict in ("left", "right")]
    uneven = [each for each in decided if each.lengths[0] != each.lengths[1]]
    left = sum(each.verdict == "left" for each in decided)
    longer = sum((each.verdict == "left") == (each.lengths[0] > each.lengths[1]) for each in uneven)
    assert contest.left_won() == Share(left, len(decided))
    assert contest.longer_won() == Share(longer, len(uneven))
    assert f"{left} of {len(decided)}" in leanings(contest)[0].en
    always = Booth().contest("m")
    for _ in range(10):
        judged(always, "left", (9, 1))
    assert [("bias?" in text.en, "偏差" in text.zh) for text in leanings(always)] == [(True, True)] * 2


@pytest.mark.parametrize(("count", "of"), [(0, 1), (1, 1), (5, 7), (50, 100), (0, 30), (999, 1000)])
def test_the_interval_of_a_share_holds_what_a_score_test_would_not_refuse(count: int, of: int) -> None:
    p = np.linspace(0, 1, 200_001)[1:-1]
    kept = p[np.abs(count / of - p) <= 1.959964 * np.sqrt(p * (1 - p) / of)]
    assert Share(count, of).interval == pytest.approx((kept.min(), kept.max()), abs=1e-4)


# Taken back, cleared, kept


def test_a_verdict_is_taken_back_and_its_round_open_again() -> None:
    contest = Booth().contest("m")
    first, second = judged(contest, "left"), judged(contest, "tie")
    contest.draw("another", 0)
    assert contest.undo()
    assert contest.rounds == [first]
    assert contest.open == replace(second, verdict="")
    contest.judge("right")
    assert [each.verdict for each in contest.rounds] == ["left", "right"]
    assert contest.undo() and contest.undo() and not contest.undo()


def test_cleared_votes_come_back_until_the_next_verdict() -> None:
    contest = random_contest(5, 1)
    before = list(contest.rounds)
    contest.clear()
    contest.clear()
    assert contest.rounds == []
    assert contest.undo()
    assert contest.rounds == before
    contest.clear()
    judged(contest, "left")
    assert contest.undo() and not contest.undo()


def test_a_verdict_needs_answers_and_a_pair_has_an_end() -> None:
    contest = Booth().contest("m")
    contest.draw("a prompt", 0)
    with pytest.raises(ValueError, match="no open round"):
        contest.judge("left")
    contest.rounds = [judged(contest, "left")] * MOST_ROUNDS
    with pytest.raises(UsageError):
        contest.draw("one more", 0)


def test_each_pair_has_votes_of_its_own_and_finds_them_again() -> None:
    booth = Booth()
    judged(booth.contest("m"), "left")
    booth.b = {"temperature": 1.5}
    assert booth.contest("m").rounds == []
    judged(booth.contest("m"), "tie")
    booth.b = Booth().b
    assert [each.verdict for each in booth.contest("m").rounds] == ["left"]
    assert booth.contest("another").rounds == []


def test_a_booth_is_kept_whole_and_what_is_damaged_is_left_out() -> None:
    booth = Booth(own=["mine"], a={"temperature": 0.5, "top_k": 3})
    contest = booth.contest("m")
    for _ in range(SPOKEN_FOR + 5):
        judged(contest, "right")
    contest.draw("open", 0)
    data = json.loads(json.dumps(booth.to_dict()))
    again = Booth.from_dict(data)
    assert again == booth
    assert [any(each.answers) for each in again.contests[0].rounds] == [False] * 5 + [True] * SPOKEN_FOR
    random = np.random.default_rng(2)
    junk: list[Any] = [None, -1, "x", [], {}, [[1]], True, math.inf]
    for _ in range(300):
        damaged = json.loads(json.dumps(data))
        place: Any = damaged
        for _ in range(int(random.integers(0, 4))):
            inside = (
                list(place) if isinstance(place, dict) else list(range(len(place))) if isinstance(place, list) else []
            )
            if not inside or not isinstance(place[key := inside[int(random.integers(len(inside)))]], (dict, list)):
                break
            place = place[key]
        if isinstance(place, dict) and place:
            place[list(place)[int(random.integers(len(place)))]] = junk[int(random.integers(len(junk)))]
        elif isinstance(place, list) and place:
            place[int(random.integers(len(place)))] = junk[int(random.integers(len(junk)))]
        found = Booth.from_dict(damaged)
        standing(Poll.of(found, found.contest("m")))


# Prompts


def test_prompts_come_round_ones_own_first() -> None:
    booth = Booth()
    booth.add("mine")
    booth.add(PROMPTS[0].en)
    contest = booth.contest("m")
    seen = []
    for _ in range(len(PROMPTS) + 2):
        contest.open = replace(contest.draw(booth.next_prompt(contest), 0), answered=True)
        seen.append(contest.judge("skip").prompt)
    assert seen == ["mine", *(each.en for each in PROMPTS), "mine"]


# The answers


def test_the_answers_are_the_models_own_under_each_setting(smol: WorkerModel) -> None:
    booth = Booth(a={"temperature": 0}, b={"temperature": 0.8, "system": "Be brief."}, max_tokens=4)
    contest, asked = booth.contest("one"), []

    def model(name: str) -> WorkerModel:
        asked.append(name)
        return smol

    drawn = contest.draw("Say hello.", 1)
    grown = list(play(contest, model, booth.max_tokens))
    done, tokens = grown[-1]
    assert asked == ["one", "one"]
    assert done.answered and not done.verdict and tokens == len(grown) - 1 <= 8
    for place, side in enumerate(drawn.order):
        system = [Message("system", "Be brief.")] if side == "b" else []
        ids = [piece.id for piece in smol.conversation([*system, Message("user", "Say hello.")])]
        strategy = Strategy("sample", temperature=0 if side == "a" else 0.8, seed=drawn.seed + 1 + place)
        steps = list(smol.decode(ids, strategy, max_tokens=4, top=1))
        assert done.answers[place] == "".join(step.text for step in steps).strip()
        assert done.whole[place] == steps[-1].finished
        assert done.lengths[place] == len(done.answers[place])
    # The right one asked first, as with two models, of which one is loaded: the answers are the same.
    turned = list(play(contest, model, booth.max_tokens, first=drawn.order[1]))
    assert turned[-1][0] == done
    assert not turned[0][0].answers[0] and not grown[0][0].answers[1]
