"""The blind arena, spoken: two answers, a vote, and only then who was who. The votes are those of the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tutor.cli import opening, output
from tutor.cli.plain.speech import WIDTH, Leave, ask, say
from tutor.cli.plain.visit import Visit
from tutor.decoding.contest import EVEN, LEFT, MOST_PROMPT, RIGHT, SKIP, Booth, Contest, Round, play
from tutor.decoding.standing import Poll, revealed, standing
from tutor.domain.language import language, tr
from tutor.ui.draw.frames import draw
from tutor.ui.draw.palette import SPOKEN
from tutor.ui.screens.labs.arena_kept import KEPT, cleared, keep, restored, take, taken_back

VOTES = {"1": LEFT, "2": RIGHT, "3": EVEN, "t": EVEN, "0": SKIP, "s": SKIP}


def opened(visit: Visit, given: Mapping[str, Any] | None = None) -> Booth:
    """The booth as it was left, with what is asked for. Raises UsageError."""
    booth = restored(visit.progress.kept(KEPT))
    take(booth, given or {})
    return booth


def sit(visit: Visit, given: Mapping[str, Any] | None = None) -> None:
    """Round after round until the person leaves or the input ends; every vote is on the disk before it is answered.

    Raises UsageError, NotFound, ModelMissing, ModelFailed.
    """
    booth = opened(visit, given)
    contest = booth.contest(opening.model_name())
    prompt = str((given or {}).get("prompt", "")).strip()
    try:
        while True:
            if contest.open is None or (prompt and contest.open.prompt != prompt):
                contest.draw(prompt or booth.next_prompt(contest), booth.seed)
            judge(visit, booth, contest)
            prompt = between(visit, booth, contest)
    except (Leave, EOFError):
        say(tr("Your votes are kept."))
    finally:
        keep(visit.progress, booth, contest)


def judge(visit: Visit, booth: Booth, contest: Contest) -> None:
    """Have the open round answered, ask for the verdict, keep it, and say who was who."""
    now = contest.open
    if now is None:
        return
    if not now.answered:
        now = contest.open = answered(visit, booth, contest)
    say()
    say(tr("Prompt: {prompt}", prompt=now.prompt))
    for label, answer, whole in zip((tr("1, left:"), tr("2, right:")), now.answers, now.whole, strict=True):
        say()
        say(label)
        say(answer or tr("(no words)"))
        if not whole:
            say(tr(".. cut off here"))
    say()
    verdict = asked()
    decided = keep(visit.progress, booth, contest, lambda contest: contest.judge(verdict))
    for text in revealed(contest, decided) if decided else ():
        say(text)
    say_standing(booth, contest)


def answered(visit: Visit, booth: Booth, contest: Contest) -> Round:
    say(tr("Two contenders answer; who is who is said after your vote."))
    *_, (last, _) = play(contest, visit.model, booth.max_tokens)
    return last


def asked() -> str:
    while True:
        typed = ask(tr("[1: left is better, 2: right is better, 3: a tie, 0: no vote, q: leave] ")).lower()
        if typed in ("q", "/q"):
            raise Leave
        if typed in VOTES:
            return VOTES[typed]


def between(visit: Visit, booth: Booth, contest: Contest) -> str:
    """What to do after a vote; gives a prompt of the person's own, or nothing for the next of the list."""
    while True:
        typed = ask(tr("[Enter: next prompt, o: your own prompt, u: take the vote back, c: clear, q: leave] ")).lower()
        match typed.removeprefix("/"):
            case "":
                return ""
            case "q":
                raise Leave
            case "o":
                own = ask(tr("Your prompt: "))[:MOST_PROMPT]
                if own:
                    booth.add(own)
                return own
            case "u":
                keep(visit.progress, booth, contest, taken_back)
                say(tr("Taken back."))
                if contest.open is not None:
                    return contest.open.prompt
                say_standing(booth, contest)
            case "c":
                keep(visit.progress, booth, contest, cleared)
                say(tr("The votes of this pair are cleared; u brings them back."))


def say_standing(booth: Booth, contest: Contest) -> None:
    for frame in standing(Poll.of(booth, contest)):
        output.bare(draw(frame, WIDTH, SPOKEN, language()))
