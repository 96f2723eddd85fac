"""From an answer on screen to a verdict on screen: computed where need be, graded, written down, then said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tutor.domain.errors import Cancelled, TutorError
from tutor.domain.grading import grade
from tutor.domain.language import Text, tr
from tutor.domain.quiz import Predict, Question, Spans, Verdict
from tutor.domain.schedule import Rating, rating_for
from tutor.ui.services import now

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp
    from tutor.ui.widgets.question import QuestionView


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer that has been graded and written down. `review` is its id in the log."""

    review: int
    answer: Any
    verdict: Verdict
    rating: Rating

    def to_dict(self) -> dict[str, Any]:
        verdict = self.verdict
        texts = {name: [text.zh, text.en] for name, text in _texts(verdict).items()}
        return {"answer": self.answer, "correct": verdict.correct, **texts}

    @staticmethod
    def restore(view: QuestionView, kept: dict[str, Any]) -> None:
        """Show in `view` what was answered and said in an earlier sitting; nothing is graded again."""
        try:
            texts = {name: Text(*kept[name]) for name in ("why", "explain", "expected")}
            verdict = Verdict(bool(kept["correct"]), **texts)
        except (KeyError, TypeError):
            return
        view.show_answer(kept.get("answer"), verdict)


def _texts(verdict: Verdict) -> dict[str, Text]:
    return {"why": verdict.why, "explain": verdict.explain, "expected": verdict.expected}


async def answer_question(
    app: TutorApp, lesson: str, view: QuestionView, answer: Any, *, source: str
) -> Recorded | None:
    """Grade `answer`, write it down, show the verdict. On a failure the view says why and keeps the answer."""
    question = view.question
    try:
        if isinstance(question, Predict | Spans):
            view.show_busy(tr("computing the answer.."))
        expected = await app.services.expected(question)
        verdict = grade(question, answer, expected=expected, seed=view.seed)
        rating = rating_for(correct=verdict.correct, hint=view.draft.hint)
        review = await record(app, lesson, question, answer, verdict, rating, hint=view.draft.hint, source=source)
    except Cancelled:
        view.show_error("")
        return None
    except TutorError as error:
        view.show_error(str(error))
        return None
    view.show_verdict(verdict)
    return Recorded(review, answer, verdict, rating)


async def record(
    app: TutorApp,
    lesson: str,
    question: Question,
    answer: Any,
    verdict: Verdict,
    rating: Rating,
    *,
    hint: bool,
    source: str,
) -> int:
    """One transaction, off the event loop; returns the review's id after the commit."""
    at = now()
    return await app.services.store(
        lambda progress: progress.record(
            lesson=lesson,
            question=question.id,
            revision=question.revision,
            answer=answer,
            correct=verdict.correct,
            hint=hint,
            rating=rating,
            now=at,
            source=source,
        )
    )
