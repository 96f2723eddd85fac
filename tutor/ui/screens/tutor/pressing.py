"""Where a citation or a proposal leads."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tutor.agent.events import Citation, Passage, Suggestion
from tutor.demos import registry
from tutor.domain.errors import NotFound, TutorError
from tutor.domain.language import tr
from tutor.domain.plaintext import visible

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp


def open_pressed(app: TutorApp, key: object) -> None:
    """Open it over the current screen; `q` leads back."""
    try:
        match key:
            case Citation() | Passage():
                app.open_lesson(key.lesson, section=key.section)
            case Suggestion(kind="section"):
                lesson, _, section = key.target.partition("#")
                app.open_lesson(lesson, section=section or None)
            case Suggestion(kind="demo"):
                _open_demo(app, key)
            case Suggestion(kind="lab"):
                app.open_lab(key.target, key.given)
            case Suggestion(kind="question"):
                _open_question(app, *key.target.partition("#")[::2])
    except TutorError as error:
        app.tell(error)


def _open_demo(app: TutorApp, proposed: Suggestion) -> None:
    from tutor.ui.screens.player import PlayerScreen

    given = registry.in_language(proposed.given)
    app.push_screen(PlayerScreen(proposed.target, given or None))


def _open_question(app: TutorApp, slug: str, id: str) -> None:
    """One question of a quiz, by itself."""
    from tutor.domain.session import Item, Session
    from tutor.ui.screens.quiz import QuizScreen

    question = app.services.quiz(slug).question(id)
    if question is None:
        raise NotFound("The quiz of {lesson} has no question {id}.", lesson=visible(slug), id=visible(id))

    def begin() -> Session:
        return Session([Item(slug, question)], seed=random.getrandbits(32))

    title = app.services.library.lesson(slug).title
    app.push_screen(QuizScreen(begin(), f"asked:{slug}/{id}", tr("Quiz"), title.get, begin))
