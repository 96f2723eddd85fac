"""A quiz question as it stands before the reader: what the tutor may say depends on whether it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tutor.domain.answers import Answer
    from tutor.domain.quiz import Question, Verdict
    from tutor.domain.session import Session


class Posed(NamedTuple):
    """`question` of the lesson `lesson` (a slug), open as long as there is no verdict."""

    lesson: str
    question: Question
    answer: Answer = None
    verdict: Verdict | None = None

    @property
    def open(self) -> bool:
        return self.verdict is None

    @property
    def wrong(self) -> bool:
        return self.verdict is not None and not self.verdict.correct


def posed(session: Session | None) -> Posed | None:
    """The question that `session` stands at, if there is one."""
    if session is None or session.finished:
        return None
    return Posed(session.item.lesson, session.question, session.turn.answer, session.verdict)
