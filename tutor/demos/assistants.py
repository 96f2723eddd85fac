"""Who answers better: blind votes on pairs of answers, and two ways to turn them into ratings.

Elo moves the ratings vote by vote, so that the order of the votes counts; Bradley–Terry asks which strengths make all
the votes most probable, and resampling says how sure that is. Both stand on one scale, `tutor.decoding.ratings`.
"""

from __future__ import annotations

import json
from typing import Any

from tutor.decoding.arena import PAIR, Arena, read_setup
from tutor.decoding.election import Election
from tutor.decoding.ratings import TIE, WIN
from tutor.domain.demo import Param, Params, Steps
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.language import Text
from tutor.domain.model import Model
from tutor.domain.plaintext import visible

TITLE = Text("助手对决：从盲投到排名，排名有多可靠", "Assistants: from blind votes to ratings, and how sure they are")
NEEDS_MODEL = True

MAX_PLAYERS = 12
MAX_VOTES = 2000
MAX_NAME = 20

# 24 votes on three assistants. In this order Elo has A ahead, read backwards B.
_PAIRS = "CA BA BC CA BC BA BA AC CA AB BC AC BC AB AC BC BC AB CB AB AC AB CB AC"
VOTES = [[pair[0], pair[1]] for pair in _PAIRS.split()]

PARAMS = (
    Param(
        "votes",
        "json",
        VOTES,
        Text(
            '投票：[[胜者, 败者], ...]；[胜, 败, 3] 是 3 票，[一方, 另一方, "tie"] 是平局',
            'Votes: [[winner, loser], ...]; [winner, loser, 3] is 3 of them, [one, other, "tie"] a tie',
        ),
        low=0,
        high=MAX_VOTES,
    ),
    Param(
        "k", "float", 32.0, Text("Elo：一票最多移动几分", "Elo: the most points that one vote moves"), low=0, high=400
    ),
    Param(
        "start",
        "float",
        1000.0,
        Text("起始分，也是平均分", "The rating to start from, and the mean"),
        low=-10_000,
        high=10_000,
    ),
    Param(
        "resamples",
        "int",
        400,
        Text("自助法重抽几次；0 不算区间", "Bootstrap: how many resamples; 0 leaves intervals out"),
        low=0,
        high=1000,
    ),
    Param(
        "seed",
        "int",
        0,
        Text("重抽、打乱和左右次序的种子", "The seed of resamples, shuffles and of who stands first"),
        low=0,
        high=2**31 - 1,
    ),
    Param(
        "prompt",
        "text",
        "",
        Text(
            "给了它，模型就用 a、b 两种设置各答一遍，不说谁是谁",
            "With it the model answers in settings a and b, unnamed",
        ),
        low=0,
        high=1000,
    ),
    Param(
        "a",
        "json",
        PAIR["a"],
        Text("设置 a：temperature、top_p、system 等", "Settings a: temperature, top_p, system and so on"),
        low=0,
        high=8,
    ),
    Param("b", "json", PAIR["b"], Text("设置 b", "Settings b"), low=0, high=8),
    Param("max_tokens", "int", 48, Text("每个回答最多几个词元", "Tokens of an answer at most"), low=1, high=128),
)


def needs_model(params: Params) -> bool:
    """Whether a run with `params` asks a model: only where there is a prompt to answer."""
    return bool(str(params.get("prompt", "")).strip())


def steps(params: Params, model: Model | None = None) -> Steps:
    """Result: `names` (sorted), `wins` (row against column, a tie half for each), `ties`, `elo` and `elo_reversed` (name: rating,
    after the votes in the order given and backwards), `gains` (points that each vote moved), `elo_range` (name: lowest
    and highest over 200 shuffles of the votes), `elo_leads` (name: share of those shuffles in which it ends first), `leaders` (who is first by each);
    `bradley_terry` (name: rating; empty where there is no finite answer, and `problem` says why), `probabilities`
    (row beats column, by Bradley–Terry), `intervals` (name: low, high; 95 %; null where too many
    resamples have no answer), `lead` (`first`, `second`, `points`,
    `low`, `high`: the best over the second best), `unsolvable` (resamples without an answer), `rounds` of MM.

    With a `prompt` also `answers` (a and b) and `first` (whose stood first); votes on others than a and b are left out.

    Raises UsageError for votes or settings that are none, ModelMissing, and what the model raises.
    """
    shown: dict[str, Any] = {}
    votes = _read_votes(params["votes"])
    if needs_model(params):
        if model is None:
            raise ModelMissing("This demo needs a model.", hint="Without `prompt` it needs none.")
        arena = Arena(
            params["prompt"], {side: read_setup(side, params[side]) for side in ("a", "b")}, params["max_tokens"]
        )
        shown = yield from arena.steps(model, params["seed"])
        votes = [vote for vote in votes if set(vote[:2]) == {"a", "b"}]
    if not votes:
        return shown | {"names": [], "wins": [], "elo": {}, "bradley_terry": {}}
    election = Election(votes, k=params["k"], start=params["start"], resamples=params["resamples"], seed=params["seed"])
    yield from election.elo_steps()
    yield from election.strength_steps()
    return shown | election.result()


def _read_votes(given: Any) -> list[tuple[str, str, float]]:
    votes: list[tuple[str, str, float]] = []
    for entry in given if isinstance(given, list) else [given]:
        match entry:
            case [str(winner), str(loser)] if _names(winner, loser):
                votes.append((winner, loser, WIN))
            case [str(one), str(other), "tie"] if _names(one, other):
                votes.append((one, other, TIE))
            case [str(winner), str(loser), int(times)] if _counts(times) and _names(winner, loser):
                votes += [(winner, loser, WIN)] * times
            case _:
                raise UsageError(
                    'An entry of `votes` must be [winner, loser], [winner, loser, times] or [one, other, "tie"]: two '
                    "different names of 1 to {characters} characters; not {given}.",
                    characters=MAX_NAME,
                    given=visible(json.dumps(entry, ensure_ascii=False)[:40]),
                )
        if len(votes) > MAX_VOTES:
            raise UsageError("`votes` must be at most {high} votes.", high=MAX_VOTES)
    if len({name for vote in votes for name in vote[:2]}) > MAX_PLAYERS:
        raise UsageError("`votes` must name at most {high} assistants.", high=MAX_PLAYERS)
    return votes


def _names(winner: str, loser: str) -> bool:
    return winner != loser and all(1 <= len(name) <= MAX_NAME and name.strip() for name in (winner, loser))


def _counts(times: int) -> bool:
    return not isinstance(times, bool) and 1 <= times <= MAX_VOTES
