"""What the arena keeps, on the screen and in lines alike: a vote is on the disk before it is said who was who."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

from tutor.decoding.arena import SIDES, read_setup
from tutor.decoding.contest import Booth, Contest, Round
from tutor.demos import assistants
from tutor.demos.registry import parse
from tutor.domain.errors import UsageError
from tutor.store.progress import Progress
from tutor.ui.labs import kept_under
from tutor.ui.screens.labs.arena_form import COUNTED

KEPT = kept_under("arena", None)  # votes are few: wherever the arena is opened from, they are the same
Work = Callable[[Contest], Round | None]


def keep(progress: Progress, booth: Booth, contest: Contest, work: Work | None = None) -> Round | None:
    """Do `work` on `contest`, keep all, and return what it returned.

    Another program may have voted meanwhile: its votes count, and stay. What cannot be written was not done. Raises
    TutorError.
    """
    before = replace(contest, rounds=list(contest.rounds), cleared=list(contest.cleared))
    try:
        booth.adopt(restored(progress.kept(KEPT)))
        done = work(contest) if work is not None else None
        progress.keep(KEPT, booth.to_dict())
    except BaseException:
        for each in fields(contest):
            setattr(contest, each.name, getattr(before, each.name))
        raise
    return done


def taken_back(contest: Contest) -> Round | None:
    """Undo as `keep` takes it: the round that is open again."""
    return contest.open if contest.undo() else None


def cleared(contest: Contest) -> None:
    contest.clear()


def restored(kept: Any) -> Booth:
    """The booth as it was kept; what is damaged is as it is usually."""
    booth = Booth.from_dict(kept)
    for param in assistants.PARAMS:
        if param.name in COUNTED and isinstance(kept, Mapping) and param.name in kept:
            with suppress(UsageError):
                setattr(booth, param.name, parse(param, kept[param.name]))
    return booth


def take(booth: Booth, given: Mapping[str, Any]) -> None:
    """What the arena is opened with. Raises UsageError."""
    for param in assistants.PARAMS:
        if param.name in given and param.name in (*SIDES, *COUNTED, "prompt"):
            value = parse(param, given[param.name])
            if param.name in SIDES:
                read_setup(param.name, value)
            if param.name != "prompt":
                setattr(booth, param.name, value)
            elif value.strip():
                booth.add(value.strip())
