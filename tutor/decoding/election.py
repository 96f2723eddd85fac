"""An election in pictures: the votes, Elo as it moves vote by vote, Bradley–Terry, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tutor.decoding import ratings
from tutor.decoding.ratings import Floats, Vote
from tutor.domain.demo import Step
from tutor.domain.frames import Curve, Frame, Matrix, Series, Table
from tutor.domain.language import Text, same
from tutor.domain.plaintext import visible

SHOWN_PLAYERS = 5  # up to so many, the table of votes says who beat whom
SHOWN_VOTES = 4  # votes that get a picture each
ORDERS = 200  # shuffles of the votes that Elo is run on


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why Bradley–Terry has no finite answer: `code` for the result, `said` for the reader."""

    code: str
    said: Text


class Election:
    """The votes, and both ratings made of them. Bradley–Terry and its resamples are computed when first asked for."""

    def __init__(
        self, votes: Sequence[tuple[str, str, float]], *, k: float, start: float, resamples: int, seed: int
    ) -> None:
        """`votes` are (one, other, what the one scored: 1 or 0.5).

        A vote moves at most `k` points, ratings begin at `start`, which is their mean.
        """
        self.names = sorted({name for vote in votes for name in vote[:2]})
        self.votes: list[Vote] = [(self.names.index(one), self.names.index(other), s) for one, other, s in votes]
        self.k = k
        self.start = start
        self.seed = seed
        self.resamples = resamples
        self.tally = ratings.tally(self.votes, len(self.names))
        self.wins = self.tally.wins
        self.history = self._elo(self.votes)
        self.problem = self._find_problem()

    def _elo(self, votes: list[Vote]) -> Floats:
        return ratings.elo(votes, len(self.names), k=self.k, start=self.start)

    @cached_property
    def fit(self) -> ratings.Fit | None:
        """Bradley–Terry; None where there is no finite answer."""
        return ratings.bradley_terry(self.wins, mean=self.start) if self.problem is None else None

    @cached_property
    def sample(self) -> ratings.Bootstrap | None:
        if self.fit is None or not self.resamples:
            return None
        return ratings.bootstrap(self.tally, self.resamples, mean=self.start, seed=self.seed)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(map(visible, self.names))

    def _named(self, values: Floats) -> dict[str, float]:
        return dict(zip(self.names, values.tolist(), strict=True))

    # Elo

    def elo_steps(self) -> Iterator[Step]:
        yield self._opening()
        for number in range(1, min(SHOWN_VOTES, len(self.votes)) + 1):
            yield self._vote(number)
        yield self._course()
        random = np.random.default_rng([self.seed, 1])
        self.shuffled = np.array(
            [self._elo([self.votes[i] for i in random.permutation(len(self.votes))])[-1] for _ in range(ORDERS)]
        )
        self.reversed = self._elo(self.votes[::-1])[-1]
        yield self._orders()

    def _opening(self) -> Step:
        won, lost = self.tally.won.sum(axis=1), self.tally.won.sum(axis=0)
        tied = self.tally.tied.sum(axis=0) + self.tally.tied.sum(axis=1)
        ties = bool(tied.any())
        met = range(len(self.names)) if len(self.names) <= SHOWN_PLAYERS else ()
        columns = (
            Text("助手", "Assistant"),
            *(Text(f"胜 {self.labels[i]}", f"beat {self.labels[i]}") for i in met),
            Text("共胜", "Won"),
            *((Text("平", "Tied"),) if ties else ()),
            Text("共负", "Lost"),
        )
        rows = tuple(
            (name, *(f"{row[i]:.0f}" for i in met), f"{w:.0f}", *((f"{t:.0f}",) if ties else ()), f"{n:.0f}")
            for name, row, w, t, n in zip(self.labels, self.tally.won, won, tied, lost, strict=True)
        )
        half = Text("平局给双方各记半胜。", "A tie is half a win for each. ") if ties else Text()
        note = Text(
            f"共 {len(self.votes)} 票，每票只说两个回答里哪个更好。{half.zh}怎样从中得出一个排名？",
            f"Votes: {len(self.votes)}. Each says only which of two answers is better. {half.en}What ranking do they "
            "give?",
        )
        return Step(Text("票", "The votes"), (Table(columns, rows),), note, progress=0.0)

    def _vote(self, number: int) -> Step:
        winner, loser, score = self.votes[number - 1]
        before, after = self.history[number - 1], self.history[number]
        p = ratings.expected(before[winner], before[loser])
        name, other = self.labels[winner], self.labels[loser]
        gain = after[winner] - before[winner]
        sentence = Text(f"{name} 胜 {other}", f"{name} beats {other}")
        if score != ratings.WIN:
            sentence = Text(f"{name} 与 {other} 平", f"{name} and {other} tie")
        note = Text(
            f"{sentence.zh}。赛前 {name} 的预期胜率 1/(1 + 10^(({before[loser]:.2f} - {before[winner]:.2f})/400)) = "
            f"{p:.3f}，所以移动 {self.k:g} × ({score:g} - {p:.3f}) = {gain:.2f} 分。越意外，移动越多。",
            f"{sentence.en}. {name} was expected to win with probability 1/(1 + 10^(({before[loser]:.2f} - "
            f"{before[winner]:.2f})/400)) = {p:.3f}, so {self.k:g} × ({score:g} - {p:.3f}) = {gain:.2f} points change "
            "hands. The greater the surprise, the more.",
        )
        columns = (Text("助手", "Assistant"), Text("赛前", "Before"), Text("赛后", "After"))
        rows = tuple(
            (label, f"{was:.2f}", f"{now:.2f}") for label, was, now in zip(self.labels, before, after, strict=True)
        )
        marks = tuple("chosen" if i == winner and score == ratings.WIN else "" for i in range(len(self.names)))
        frame = Table(columns, rows, Text("Elo 分", "Elo ratings"), marks)
        title = Text(f"第 {number} 票：{sentence.zh}", f"Vote {number}: {sentence.en}")
        return Step(title, (frame,), note, progress=0.4 * number / max(SHOWN_VOTES, 1))

    def _course(self) -> Step:
        xs = tuple(float(i) for i in range(len(self.history)))
        series = tuple(Series(same(name), xs, tuple(self.history[:, i].tolist())) for i, name in enumerate(self.labels))
        curve = Curve(
            series, Text("Elo 分随票数", "Elo ratings, vote by vote"), Text("票", "vote"), Text("分", "points")
        )
        note = Text(
            f"全部票之后：{self._listed(self.history[-1])}。最后几票的分量最重：更早的差距会被后来的票慢慢抹平。",
            f"After all votes: {self._listed(self.history[-1])}. The last votes weigh most: later ones wear down what "
            "earlier ones built.",
        )
        return Step(Text("Elo 的全程", "The course of Elo"), (curve,), note, progress=0.5)

    def _listed(self, values: Floats) -> str:
        order = np.argsort(-values, kind="stable")
        return ", ".join(f"{self.labels[i]} {values[i]:.1f}" for i in order)

    def _orders(self) -> Step:
        columns = (
            Text("助手", "Assistant"),
            Text("按原次序", "In order"),
            Text("倒过来", "Backwards"),
            Text(f"打乱 {ORDERS} 次：最低", f"{ORDERS} shuffles: low"),
            Text("最高", "high"),
            Text("领先的次数", "ends first"),
        )
        leads = self._leads()
        rows = tuple(
            (
                name,
                f"{self.history[-1][i]:.1f}",
                f"{self.reversed[i]:.1f}",
                f"{self.shuffled[:, i].min():.1f}",
                f"{self.shuffled[:, i].max():.1f}",
                f"{leads[i]:.0%}",
            )
            for i, name in enumerate(self.labels)
        )
        if np.ptp(self.shuffled, axis=0).max() > 0:
            note = Text(
                "票是同样的票，只换了次序，分数就不同。棋手会进步，次序因此有意义；一个冻结的模型不会。",
                "The same votes in another order give other ratings. A chess player improves, so order means something; "
                "a frozen model does not.",
            )
        else:
            note = Text("这些票怎样排，分数都一样。", "These votes give the same ratings in every order.")
        return Step(Text("换个次序", "In another order"), (Table(columns, rows),), note, progress=0.6)

    def _leads(self) -> list[float]:
        best = self.shuffled.argmax(axis=1)
        return [float((best == i).mean()) for i in range(len(self.names))]

    # Bradley–Terry

    def _find_problem(self) -> _Problem | None:
        if bool(ratings.solvable(self.wins)):
            return None
        met = self.wins + self.wins.T
        if not bool(ratings.solvable(met)):
            apart = "票分成互不相干的几组，组与组之间没有比过，分差无从谈起。"
            return _Problem(
                "apart", Text(apart, "The votes fall into groups that never met; nothing compares one with the other.")
            )
        for code, counts, zh, en in (
            ("never-wins", self.wins.sum(axis=1), "一次也没有赢过", "never wins"),
            ("never-loses", self.wins.sum(axis=0), "一次也没有输过", "never loses"),
        ):
            name = next((label for label, count in zip(self.labels, counts, strict=True) if count == 0), None)
            if name is not None:
                return _Problem(
                    code,
                    Text(
                        f"{name} {zh}：分差越大，这些票就越可能，没有尽头，所以没有有限的答案。再投几票。",
                        f"{name} {en}: the larger the gap the likelier the votes, without end, so no finite rating fits "
                        "best. More votes are needed.",
                    ),
                )
        return _Problem(
            "one-sided",
            Text(
                "有一组助手从没输给过另一组：两组的分差越大，这些票就越可能，所以没有有限的答案。再投几票。",
                "One group never lost to another: the larger the gap between them the likelier the votes, so no finite "
                "rating fits best. More votes are needed.",
            ),
        )

    def strength_steps(self) -> Iterator[Step]:
        if self.problem is not None:
            yield Step(
                Text("Bradley–Terry 没有答案", "Bradley–Terry has no answer"), (), self.problem.said, progress=1.0
            )
            return
        if self.fit is not None:
            yield self._strengths(self.fit)
        if self.fit is not None and self.sample is not None:
            yield self._intervals(self.fit, self.sample)

    def _strengths(self, fit: ratings.Fit) -> Step:
        columns = (Text("助手", "Assistant"), same("Bradley–Terry"), same("Elo"))
        rows = tuple(
            (self.labels[i], f"{fit.ratings[i]:.1f}", f"{self.history[-1][i]:.1f}") for i in np.argsort(-fit.ratings)
        )
        frames: tuple[Frame, ...] = (
            Table(columns, rows),
            Matrix(
                tuple(tuple(row) for row in self._probabilities(fit)),
                self.labels,
                self.labels,
                Text("行胜过列的概率", "Probability that the row beats the column"),
                low=0.0,
                high=1.0,
            ),
        )
        note = Text(
            f"Bradley–Terry 一次看完所有票：哪些强度使这些票最可能？迭代 {fit.rounds} 轮得到，与次序无关。"
            f"只有分差有意义；平均分定在 {self.start:g}。",
            f"Bradley–Terry reads all votes at once: which strengths make them most probable? Found in {fit.rounds} "
            f"rounds, whatever the order. Only differences mean anything; the mean is set to {self.start:g}.",
        )
        return Step(Text("一次看完所有票", "All votes at once"), frames, note, progress=0.8)

    def _probabilities(self, fit: ratings.Fit) -> list[list[float]]:
        return [[ratings.expected(mine, theirs) for theirs in fit.ratings] for mine in fit.ratings]

    def _intervals(self, fit: ratings.Fit, sample: ratings.Bootstrap) -> Step:
        columns = (Text("助手", "Assistant"), Text("分", "Rating"), Text("95% 区间", "95% interval"))
        rows = tuple(
            (self.labels[i], f"{fit.ratings[i]:.1f}", span(sample.interval(int(i)))) for i in np.argsort(-fit.ratings)
        )
        lost = Text()
        if sample.unsolvable and self._lead(fit, sample)["low"] is not None:
            lost = Text(
                f"{sample.unsolvable} 次重抽没有有限的答案，未计入：区间略偏窄。",
                f" {sample.unsolvable} resamples had no finite answer and are left out: the intervals are a little too "
                "narrow.",
            )
        said = self.verdict(fit, sample)
        note = Text(said.zh + lost.zh, said.en + lost.en)
        return Step(Text("有多确定", "How sure"), (Table(columns, rows),), note, progress=1.0)

    def verdict(self, fit: ratings.Fit, sample: ratings.Bootstrap) -> Text:
        """Whether the lead of the best over the second best stands."""
        lead = self._lead(fit, sample)
        first, second = visible(lead["first"]), visible(lead["second"])
        if lead["low"] is None:
            return Text(
                f"{self.resamples} 次重抽里有 {sample.unsolvable} 次没有有限的答案：票太少，说不出区间。",
                f"{sample.unsolvable} of {self.resamples} resamples had no finite answer: too few votes for an interval.",
            )
        between = span((lead["low"], lead["high"]))
        if lead["low"] > 0:
            return Text(
                f"{first} 比 {second} 高 {lead['points']:.1f} 分，区间 {between} 不含 0：领先站得住。",
                f"{first} leads {second} by {lead['points']:.1f}, and {between} does not hold 0: the lead stands.",
            )
        return Text(
            f"{first} 比 {second} 高 {lead['points']:.1f} 分，但区间 {between} 含 0：这些票分不出高下。",
            f"{first} leads {second} by {lead['points']:.1f}, but {between} holds 0: these votes cannot tell them "
            "apart.",
        )

    def _lead(self, fit: ratings.Fit, sample: ratings.Bootstrap) -> dict[str, Any]:
        first, second = (int(i) for i in np.argsort(-fit.ratings, kind="stable")[:2])
        low, high = sample.lead(first, second) or (None, None)
        points = float(fit.ratings[first] - fit.ratings[second])
        return {"first": self.names[first], "second": self.names[second], "points": points, "low": low, "high": high}

    def _first(self, values: Floats) -> str:
        return self.names[int(np.argmax(values))]

    def result(self) -> dict[str, Any]:
        moved = np.abs(np.diff(self.history, axis=0)).max(axis=1)
        result: dict[str, Any] = {
            "names": self.names,
            "wins": self.wins.tolist(),
            "ties": int(self.tally.tied.sum()),
            "elo": self._named(self.history[-1]),
            "elo_reversed": self._named(self.reversed),
            "gains": moved.tolist(),
            "elo_range": {
                name: [float(self.shuffled[:, i].min()), float(self.shuffled[:, i].max())]
                for i, name in enumerate(self.names)
            },
            "elo_leads": dict(zip(self.names, self._leads(), strict=True)),
            "leaders": {"elo": self._first(self.history[-1]), "elo_reversed": self._first(self.reversed)},
            "bradley_terry": {},
            "problem": self.problem.code if self.problem else "",
        }
        if self.fit is not None:
            result["leaders"]["bradley_terry"] = self._first(self.fit.ratings)
            result |= {
                "bradley_terry": self._named(self.fit.ratings),
                "probabilities": self._probabilities(self.fit),
                "rounds": self.fit.rounds,
            }
        if self.fit is not None and self.sample is not None:
            result |= {
                "intervals": {name: self.sample.interval(i) for i, name in enumerate(self.names)},
                "lead": self._lead(self.fit, self.sample),
                "unsolvable": self.sample.unsolvable,
            }
        return result


def span(bounds: tuple[float, float] | None) -> str:
    return f"{bounds[0]:.1f} .. {bounds[1]:.1f}" if bounds else "?"
