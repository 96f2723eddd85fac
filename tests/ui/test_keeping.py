"""What is kept by and by: the latest of each key, in order with the answers, and known before it is written."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest

from tests.domain.questions import MULTI, TEXT
from tests.domain.test_session import sitting
from tutor.domain.draft import Draft
from tutor.domain.errors import TutorError
from tutor.store.progress import Progress
from tutor.ui.answering import undone_on_failure
from tutor.ui.keeping import Keeping


class Disk:
    """A thread that writes, so slow that nothing happens until `run`. `written` has what really went to the file."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.waiting: list[Callable[[Progress], object]] = []
        self.keeping = Keeping(progress, self.waiting.append)

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)(self.progress)


@pytest.fixture
def disk() -> Iterator[Disk]:
    with Progress.open() as progress:
        yield Disk(progress)


def test_what_is_not_written_yet_is_known_and_only_the_latest_is_written(disk: Disk) -> None:
    written = []
    keep = disk.progress.keep
    disk.progress.keep = lambda key, value: (written.append(value), keep(key, value))  # type: ignore[assignment]
    for stage in range(100):
        disk.keeping.keep("sitting:a", stage)
    disk.keeping.keep("sitting:b", "other")
    assert (disk.keeping.kept("sitting:a"), disk.keeping.kept("sitting:b")) == (99, "other")
    assert disk.progress.kept("sitting:a") is None
    disk.run()
    assert written == [99, "other"]
    assert (disk.progress.kept("sitting:a"), disk.keeping.kept("sitting:a")) == (99, 99)


def test_an_answer_recorded_between_two_drafts_does_not_come_after_the_later(disk: Disk) -> None:
    disk.keeping.keep("sitting:a", "draft")
    disk.waiting.append(lambda progress: progress.keep("sitting:a", "answered"))
    disk.keeping.keep("sitting:a", "next question")
    disk.run()
    assert disk.keeping.kept("sitting:a") == disk.progress.kept("sitting:a") == "next question"
    disk.progress.keep("sitting:a", "by another program")
    assert disk.keeping.kept("sitting:a") == "by another program", "what has been written is read from the file"


def test_forgetting_is_known_at_once_too(disk: Disk) -> None:
    disk.progress.keep("sitting:a", "old")
    disk.keeping.keep("sitting:a", None)
    disk.keeping.keep("sitting:a", None)
    assert disk.keeping.kept("sitting:a") is None
    disk.run()
    assert disk.keeping.kept("sitting:a") is disk.progress.kept("sitting:a") is None


def test_what_could_not_be_saved_leaves_the_very_turn_on_the_screen_with_its_draft() -> None:
    session = sitting(MULTI, TEXT)
    turn, draft = session.turn, Draft(cursor=1, picked=(0,))
    turn.draft = draft
    before = copy.deepcopy(session.to_dict())
    with pytest.raises(TutorError), undone_on_failure(session):
        session.answer({0})
        assert turn.draft is None and len(session.turns) == 3
        raise TutorError("The disk is full.")
    assert session.to_dict() == before
    assert session.turn is turn and turn.draft is draft
