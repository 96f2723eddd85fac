"""From an answer on screen to a verdict on screen: computed where need be, graded, written down, and only then said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutor.domain.errors import Cancelled, TutorError
from tutor.domain.language import tr
from tutor.domain.quiz import Predict, Question, Spans
from tutor.domain.session import Item, Session
from tutor.ui.services import now

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp
    from tutor.ui.widgets.question import QuestionView


def single(lesson: str, question: Question, *, source: str) -> Session:
    """A sitting of one question that is asked once: a checkpoint in the text, a prediction before a demo."""
    return Session([Item(lesson, question)], seed=0, source=source, retries=0)


async def give_answer(app: TutorApp, session: Session, view: QuestionView, answer: Any, *, keep: str) -> bool:
    """Answer the turn `session` stands at: grade, commit (with the sitting itself, under `keep`), show the verdict.

    Where that fails, the view says why and the answer stays as it was entered. Whether it was taken.
    """
    if isinstance(view.question, Predict | Spans):
        view.show_busy(tr("computing the answer.."))
    try:
        expected = await app.services.expected(view.question)
        verdict = session.answer(answer, expected=expected)
        outcome, kept, at = session.outcome, session.to_dict(), now()
        await app.services.store(lambda progress: progress.record(outcome, now=at, keep={keep: kept}))
    except Cancelled:
        view.show_error("")
        return False
    except TutorError as error:
        view.show_error(str(error))
        return False
    view.show_verdict(verdict)
    return True
