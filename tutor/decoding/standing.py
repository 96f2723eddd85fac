"""How a contest stands: both ratings of the judge's votes, how sure they are, and how the judge leans."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tutor.decoding.arena import described
from tutor.decoding.contest import EVEN, LEFT, RIGHT, Booth, Contest, Round, Share
from tutor.decoding.election import Election, span
from tutor.domain.frames import Frame, Note, Table
from tutor.domain.language import Text, same
from tutor.domain.plaintext import visible


@dataclass(frozen=True, slots=True)
class Poll:
    """The votes of `contest` and how they are to be counted: what is shown of it, and written to a file."""

    contest: Contest
    k: float
    start: float
    resamples: int
    seed: int

    @classmethod
    def of(cls, booth: Booth, contest: Contest) -> Poll:
        """As it is now: what is voted on later is not in it."""
        now = replace(contest, rounds=list(contest.rounds))
        return cls(now, booth.k, booth.start, booth.resamples, booth.seed)

    @property
    def given(self) -> dict[str, Any]:
        """The parameters with which the demo `assistants` counts the same."""
        names = ("k", "start", "resamples", "seed")
        return {"votes": self.contest.listed()} | {name: getattr(self, name) for name in names}

    def election(self) -> Election | None:
        """None where nobody has voted."""
        votes = self.contest.votes
        if not votes:
            return None
        return Election(votes, k=self.k, start=self.start, resamples=self.resamples, seed=self.seed)


def standing(poll: Poll) -> tuple[Frame, ...]:
    """The ratings after the latest vote and what it moved, whether the lead stands, and how the judge leans."""
    election = poll.election()
    if election is None:
        return (Note(Text("还没有票。", "There is no vote yet.")),)
    last = poll.contest.rounds[-1]
    frames: list[Frame] = [_ratings(poll, election, moved=last.vote is not None), Note(_verdict(election))]
    return (*frames, *(Note(text) for text in leanings(poll.contest)))


def names_of(contest: Contest) -> dict[str, str]:
    """What each contender is, in a few words; the model only where there are two."""
    setups = contest.setups
    if contest.one_model:
        setups = {side: replace(setup, model="") for side, setup in setups.items()}
    return {side: visible(described(setup)) for side, setup in setups.items()}


def _ratings(poll: Poll, election: Election, *, moved: bool) -> Table:
    history = election.history
    columns = (
        Text("谁", "Who"),
        Text("胜", "Won"),
        same("Elo"),
        *((Text("这一票", "Moved"),) if moved else ()),
        same("Bradley–Terry"),
        Text("95% 区间", "95% interval"),
    )
    rows = []
    for i, name in enumerate(election.names):
        fit, sample = election.fit, election.sample
        rows.append(
            (
                name,
                f"{election.wins[i].sum():g}",
                f"{history[-1][i]:.1f}",
                *((f"{history[-1][i] - history[-2][i]:+.1f}",) if moved else ()),
                f"{fit.ratings[i]:.1f}" if fit else "?",
                span(sample.interval(i)) if sample else "?",
            )
        )
    rows.sort(key=lambda row: -float(row[2]))
    return Table(columns, tuple(rows))


def _verdict(election: Election) -> Text:
    count = len(election.votes)
    head = Text(f"{count} 票。", f"Votes: {count}. ")
    if election.problem is not None:
        said = election.problem.said
    elif election.fit is not None and election.sample is not None:
        said = election.verdict(election.fit, election.sample)
    else:
        said = Text()
    return Text(head.zh + said.zh, head.en + said.en)


def leanings(contest: Contest) -> tuple[Text, ...]:
    """How often the left answer won, and the longer one: what both have nothing to do with who is better."""
    left, longer = contest.left_won(), contest.longer_won()
    texts = []
    if left.of:
        texts.append(_leaning(left, Text("左边的回答", "The left answer"), Text("位置", "position")))
    if longer.of:
        texts.append(_leaning(longer, Text("较长的回答", "The longer answer"), Text("长度", "length")))
    return tuple(texts)


def _leaning(share: Share, who: Text, bias: Text) -> Text:
    low, high = share.interval
    if low <= 0.5 <= high:
        said = Text("可能只是碰巧", "may be chance")
    else:
        said = Text(f"不含 50%，像是有{bias.zh}偏差", f"without 50%: a {bias.en} bias?")
    percent = share.count / share.of
    return Text(
        f"{who.zh}赢了 {share.of} 次中的 {share.count} 次：{percent:.0%}（95% 区间 {low:.0%} .. {high:.0%}，{said.zh}）。",
        f"{who.en} won {share.count} of {share.of}: {percent:.0%} (95%: {low:.0%} .. {high:.0%}, {said.en}).",
    )


def revealed(contest: Contest, decided: Round) -> tuple[Text, ...]:
    """What the judge said, and who was who."""
    said = {
        LEFT: Text("你投给了左边。", "You voted for the left answer."),
        RIGHT: Text("你投给了右边。", "You voted for the right answer."),
        EVEN: Text("你判了平局：各得半胜。", "You called it a tie: half a win for each."),
    }.get(decided.verdict, Text("没有投票。", "No vote."))
    left, right = decided.order
    names = names_of(contest)
    who = Text(
        f"左边是 {left}（{names[left]}），右边是 {right}（{names[right]}）。",
        f"Left was {left} ({names[left]}), right was {right} ({names[right]}).",
    )
    return said, who
