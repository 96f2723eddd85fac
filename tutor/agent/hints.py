"""Hints to an open question, in three strengths, that never say the answer; and the start from a mistake."""

from __future__ import annotations

from tutor.content.library import Library
from tutor.domain.answers import Answer
from tutor.domain.quiz import Question, Verdict

STRENGTHS = (1, 2, 3)


def hint(question: Question, strength: int, library: Library, slug: str) -> str:
    """A hint to `question` of the lesson `slug` in the current language: 1 where to look, 2 what stands there, 3 how.

    It never holds the right option's text, the number or an accepted answer.
    """
    return str(question.hint)


def from_mistake(question: Question, answer: Answer, verdict: Verdict, library: Library, slug: str) -> str:
    """What to say first after the wrong `answer`: why it is wrong, and where to look."""
    return str(verdict.why)
