"""Two contenders before one judge: rounds whose answers are seen before it is known whose they are, and the votes.

All that is kept of it: nothing here knows a screen, nor asks a model by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from tutor.decoding.arena import PAIR, SIDES, Setup, answering, order_of, read_setup
from tutor.decoding.ratings import TIE, WIN
from tutor.domain.errors import UsageError
from tutor.domain.language import Text
from tutor.domain.model import Model

LEFT, RIGHT, EVEN, SKIP = VERDICTS = ("left", "right", "tie", "skip")
MOST_ROUNDS = 1000  # of one pair
MOST_CONTESTS = 20
MOST_OWN = 30
MOST_PROMPT = 1000  # characters, as in the demo
SPOKEN_FOR = 20  # rounds whose answers are kept word for word
NORMAL = 1.959964  # 95 % of a normal distribution lie within so many standard deviations

# Short answers do, and two readers may well disagree on which is better.
PROMPTS = (
    Text("用一句话告诉一个十岁的孩子：天为什么是蓝的？", "Tell a ten-year-old in one sentence why the sky is blue."),
    Text("给一家只卖汤的小店起三个名字。", "Suggest three names for a shop that sells nothing but soup."),
    Text(
        "老板要你周末加班。用两句话礼貌地拒绝。",
        "Your boss wants you to work on Saturday. Decline politely, in two sentences.",
    ),
    Text("写两句关于雨的诗。", "Write two lines of verse about rain."),
    Text("23 乘 17 是多少？写出步骤。", "What is 23 times 17? Show the steps."),
    Text(
        "说出早睡的一个理由，要让一个夜猫子信服。",
        "Give one reason to go to bed early that would convince a night owl.",
    ),
    Text(
        "用 Python 写一个函数，判断一个词是不是回文。",
        "Write a Python function that tells whether a word is a palindrome.",
    ),
    Text(
        "把这句话说得像朋友聊天：“兹定于明日召开会议。”",
        "Say this as one would to a friend: “A meeting shall be convened tomorrow.”",
    ),
)


@dataclass(frozen=True, slots=True)
class Round:
    """One prompt, answered by both. `order` names who stands left and who right; all pairs are in that order.

    `lengths` are characters, of which the answers may be forgotten later; `whole` says who came to an end by itself.
    `verdict` is empty until the judge has spoken.
    """

    prompt: str
    order: tuple[str, str]
    seed: int
    answers: tuple[str, str] = ("", "")
    whole: tuple[bool, bool] = (False, False)
    lengths: tuple[int, int] = (0, 0)
    answered: bool = False
    verdict: str = ""

    @property
    def vote(self) -> tuple[str, str, float] | None:
        """One, the other, what the one scored; None where no vote was given."""
        left, right = self.order
        match self.verdict:
            case "left":
                return left, right, WIN
            case "right":
                return right, left, WIN
            case "tie":
                return "a", "b", TIE
        return None

    @property
    def longer(self) -> str:
        """Which of the answers is longer, `left` or `right`; empty where neither is."""
        left, right = self.lengths
        return "" if left == right else LEFT if left > right else RIGHT


@dataclass(frozen=True, slots=True)
class Share:
    """So many `of` so many."""

    count: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % for the probability behind it (Wilson 1927): it holds for few votes too, and never leaves [0, 1]."""
        if not self.of:
            return 0.0, 1.0
        p, spread = self.count / self.of, NORMAL**2 / self.of
        middle = (p + spread / 2) / (1 + spread)
        half = math.sqrt(p * (1 - p) * spread + spread**2 / 4) / (1 + spread)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(slots=True)
class Contest:
    """The rounds of one pair, `a` and `b` as `read_setup` takes them. `open` is the one that waits for its verdict.

    `drawn` counts the rounds ever drawn, those taken back included: a draw never comes twice.
    """

    a: dict[str, Any]
    b: dict[str, Any]
    rounds: list[Round] = field(default_factory=list)
    cleared: list[Round] = field(default_factory=list)
    open: Round | None = None
    drawn: int = 0

    @property
    def setups(self) -> dict[str, Setup]:
        return {side: read_setup(side, getattr(self, side)) for side in SIDES}

    @property
    def one_model(self) -> bool:
        """Whether both contenders are the same model: the time that an answer takes then tells nothing of whose it is."""
        return self.a.get("model") == self.b.get("model")

    # -- the judge ---------------------------------------------------------------------------------------------------

    def draw(self, prompt: str, seed: int) -> Round:
        """A new open round on `prompt`. Raises UsageError where the pair has too many."""
        if len(self.rounds) >= MOST_ROUNDS:
            raise UsageError(
                "This pair has had {most} rounds.", hint="Clear its votes, or choose other settings.", most=MOST_ROUNDS
            )
        first = [each.order[0] for each in self.rounds]
        seed = seed + 2 * self.drawn
        self.open = Round(prompt, order_of(seed, first.count("a") - first.count("b")), seed)
        self.drawn += 1
        return self.open

    def judge(self, verdict: str) -> Round:
        """The verdict on the open round, which must have been answered."""
        if self.open is None or not self.open.answered or verdict not in VERDICTS:
            raise ValueError(f"no open round, or no verdict: {verdict}")
        decided, self.open = replace(self.open, verdict=verdict), None
        self.rounds.append(decided)
        self.cleared = []
        for at in range(len(self.rounds) - SPOKEN_FOR):
            self.rounds[at] = replace(self.rounds[at], answers=("", ""))
        return decided

    def undo(self) -> bool:
        """Take the latest verdict back: its round is open again where its answers are still known. Or what was cleared.

        Whether there was anything.
        """
        if self.rounds:
            last = self.rounds.pop()
            self.open = replace(last, verdict="") if any(last.answers) else self.open
        elif self.cleared:
            self.rounds, self.cleared = self.cleared, []
        else:
            return False
        return True

    def clear(self) -> None:
        """Forget all rounds; `undo` brings them back until the next verdict."""
        if self.rounds:
            self.cleared, self.rounds = self.rounds, []

    # -- what came of it ---------------------------------------------------------------------------------------------

    @property
    def votes(self) -> list[tuple[str, str, float]]:
        return [vote for each in self.rounds if (vote := each.vote)]

    def listed(self) -> list[list[str]]:
        """The votes as the demo `assistants` takes them."""
        return [[one, other] if score == WIN else [one, other, "tie"] for one, other, score in self.votes]

    def left_won(self) -> Share:
        """How often the left answer won, of the rounds that either won."""
        decided = [each for each in self.rounds if each.verdict in (LEFT, RIGHT)]
        return Share(sum(each.verdict == LEFT for each in decided), len(decided))

    def longer_won(self) -> Share:
        """How often the longer answer won, of the rounds that either won and in which one was longer."""
        decided = [each for each in self.rounds if each.verdict in (LEFT, RIGHT) and each.longer]
        return Share(sum(each.verdict == each.longer for each in decided), len(decided))


def play(
    contest: Contest, models: Callable[[str], Model], max_tokens: int, *, first: str = ""
) -> Iterator[tuple[Round, int]]:
    """Both answers to the open round as they grow, and the tokens so far; at last the round answered, still unjudged.

    `models` gives the model of a name. `first` is the contender that is asked first, else the left one: where the pace
    of two models can be watched, it must not go by sides. Raises what models raise.
    """
    now, setups, before = contest.open, contest.setups, 0
    if now is None:
        return
    for place in (1, 0) if first == now.order[1] else (0, 1):
        setup, tokens = setups[now.order[place]], 0
        model = models(setup.model)
        for answer in answering(model, setup, now.prompt, seed=now.seed + 1 + place, max_tokens=max_tokens):
            tokens = answer.tokens
            now = replace(
                now, answers=_put(now.answers, place, answer.text), whole=_put(now.whole, place, answer.whole)
            )
            yield now, before + tokens
        before += tokens
    yield replace(now, lengths=(len(now.answers[0]), len(now.answers[1])), answered=True), before


def _put(pair: tuple[Any, Any], place: int, value: Any) -> tuple[Any, Any]:
    return (value, pair[1]) if place == 0 else (pair[0], value)


@dataclass(slots=True)
class Booth:
    """Where one votes: the pair that is on, the contests of every pair there was, and prompts of the judge's own."""

    a: dict[str, Any] = field(default_factory=lambda: dict(PAIR["a"]))
    b: dict[str, Any] = field(default_factory=lambda: dict(PAIR["b"]))
    max_tokens: int = 64
    seed: int = 0
    k: float = 32.0
    start: float = 1000.0
    resamples: int = 400
    own: list[str] = field(default_factory=list)
    contests: list[Contest] = field(default_factory=list)

    def contest(self, model: str) -> Contest:
        """That of the pair that is on, where `model` answers for who names none; a new one where it never met."""
        pair = {side: {"model": model} | getattr(self, side) for side in SIDES}
        for at, each in enumerate(self.contests):
            if (each.a, each.b) == (pair["a"], pair["b"]):
                # The latest stands last.
                self.contests.append(self.contests.pop(at))
                return each
        found = Contest(pair["a"], pair["b"])
        self.contests = [*(each for each in self.contests if each.rounds or each.cleared), found][-MOST_CONTESTS:]
        return found

    def next_prompt(self, contest: Contest) -> str:
        """The one that this pair has answered least often, the judge's own first."""
        asked = [each.prompt for each in contest.rounds]
        return min([*reversed(self.own), *(each.get() for each in PROMPTS)], key=asked.count)

    def add(self, prompt: str) -> None:
        """A prompt of the judge's own, from now on among those that come round."""
        if all(prompt not in (each.zh, each.en) for each in PROMPTS):
            self.own = [*(each for each in self.own if each != prompt), prompt][-MOST_OWN:]

    # -- kept --------------------------------------------------------------------------------------------------------

    def adopt(self, kept: Booth) -> None:
        """What another program has done since: its votes and its prompts. Settings and open rounds stay one's own."""
        for theirs in kept.contests:
            for mine in self.contests:
                if (mine.a, mine.b) == (theirs.a, theirs.b):
                    mine.rounds, mine.cleared = theirs.rounds, theirs.cleared
                    mine.drawn = max(mine.drawn, theirs.drawn)
                    break
            else:
                self.contests.insert(0, theirs)
        self.own = [*(each for each in kept.own if each not in self.own), *self.own][-MOST_OWN:]

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any) -> Booth:
        """What `to_dict` made, but for the numbers, whose bounds are the demo's; what is damaged in it is left out."""
        booth = cls()
        if not isinstance(data, Mapping):
            return booth
        for side in SIDES:
            with suppress(UsageError):
                read_setup(side, data.get(side))
                setattr(booth, side, data[side])
        booth.own = [each for each in _list(data.get("own")) if isinstance(each, str) and each.strip()][-MOST_OWN:]
        booth.contests = [found for each in _list(data.get("contests")) if (found := _contest(each)) is not None]
        return booth


def _list(data: Any) -> list[Any]:
    return list(data) if isinstance(data, (list, tuple)) else []


def _contest(data: Any) -> Contest | None:
    if not isinstance(data, Mapping):
        return None
    try:
        for side in SIDES:
            read_setup(side, data.get(side))
    except UsageError:
        return None
    contest = Contest(data["a"], data["b"], list(_rounds(data.get("rounds"))), list(_rounds(data.get("cleared"))))
    contest.open = next(iter(_rounds([data.get("open")], judged=False)), None)
    drawn = data.get("drawn")
    contest.drawn = drawn if isinstance(drawn, int) and drawn >= len(contest.rounds) else len(contest.rounds)
    return contest


def _rounds(data: Any, *, judged: bool = True) -> Iterable[Round]:
    names = {each.name for each in fields(Round)}
    for each in _list(data):
        if not isinstance(each, Mapping) or set(each) != names:
            continue
        pairs = {name: tuple(_list(each[name])) for name in ("order", "answers", "whole", "lengths")}
        found = Round(**{**each, **pairs})
        if _sound(found) and (found.verdict in VERDICTS if judged else not found.verdict):
            yield found


def _sound(found: Round) -> bool:
    """Whether every part is of its kind."""
    return (
        isinstance(found.prompt, str)
        and sorted(map(str, found.order)) == list(SIDES)
        and isinstance(found.seed, int)
        and [type(each) for each in (*found.answers, *found.whole, *found.lengths)]
        == [str] * 2 + [bool] * 2 + [int] * 2
        and isinstance(found.answered, bool)
    )
