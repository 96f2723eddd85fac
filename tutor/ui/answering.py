"""From an answer on screen to a verdict on screen: computed where need be, graded, written down, and only then said."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from tutor.domain.errors import Cancelled, TutorError
from tutor.domain.language import tr
from tutor.domain.quiz import Predict, Question, Spans
from tutor.domain.session import Item, Session
from tutor.ui.services import Services, now

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp
    from tutor.ui.screens.base import TutorScreen
    from tutor.ui.widgets.question import QuestionView


def checkpoint_key(lesson: str, question: str) -> str:
    """Where the state of a question inside a lesson is kept."""
    return f"checkpoint:{lesson}/{question}"


def checkpoint(services: Services, lesson: str, question: Question) -> Session:
    """A question inside a lesson as it was left: answered with its verdict, or open."""
    kept = services.keeping.kept(checkpoint_key(lesson, question.id))
    if kept is not None:
        with contextlib.suppress(TutorError):
            session = Session.from_dict(kept, lambda _, id: question if id == question.id else None)
            if session.turns and not session.finished:
                return session
    return Session([Item(lesson, question)], seed=0, source="lesson", retries=0)


@contextlib.contextmanager
def undone_on_failure(session: Session) -> Iterator[None]:
    """What could not be saved was not done: where the block fails, `session` is as it was before."""
    at, turns = session.at, list(session.turns)
    before = [copy.copy(turn) for turn in turns]
    try:
        yield
    except BaseException:
        session.at, session.turns = at, turns
        for turn, was in zip(turns, before, strict=True):  # the very turns that the screen shows
            for field in fields(turn):
                setattr(turn, field.name, getattr(was, field.name))
        raise


async def taking(screen: TutorScreen, question: Question, take: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Await `take`, which gives an answer to `question`. Where that has to be computed first, maybe for many seconds,
    it happens beside the screen, which can say so and be left meanwhile."""
    if isinstance(question, Predict | Spans):
        screen.beside(take)
    else:
        await take()


async def give_answer(
    app: TutorApp, session: Session, view: QuestionView, answer: Any, *, keep: str, reveal: bool = True
) -> bool:
    """Answer the turn `session` stands at: grade, commit (with the sitting itself, under `keep`), show the verdict.

    Where that fails, the view says why and the answer stays as it was entered. Whether it was taken.
    Without `reveal` the verdict is left for the host to show. Where the reader goes elsewhere while it is computed,
    the question stays open.
    """
    if session.verdict is not None:
        return False  # the key was pressed twice before the screen had answered
    turn = session.turn
    if isinstance(view.question, Predict | Spans):
        view.show_busy(tr("computing the answer.."))
    try:
        expected = await app.services.expected(view.question)
        if session.finished or session.turn is not turn or session.verdict is not None:
            view.show_error("")
            return False
        with undone_on_failure(session):
            verdict = session.answer(answer, expected=expected)
            outcome, kept, at = session.outcome, session.to_dict(), now()
            await app.services.store(lambda progress: progress.record(outcome, now=at, keep={keep: kept}))
    except asyncio.CancelledError:
        app.services.cancel_model()
        raise
    except Cancelled:
        view.show_error("")
        return False
    except TutorError as error:
        view.show_error(str(error))
        return False
    if reveal:
        view.show_verdict(verdict)
    return True
