"""Answers that have been begun on a screen, written down while they are typed: whoever leaves finds them again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

from textual.timer import Timer

from tutor.domain.session import Session, Turn
from tutor.ui.screens.base import TutorScreen

EVERY = 0.2  # seconds from a key to the writing of what it changed, with all that came after it


class Drafting:
    """For a screen that shows questions: `sessions()` gives their sessions by the keys they are kept under.

    The screen calls `noted` at every edit and `keep` when it goes.
    """

    def __init__(self, screen: TutorScreen, sessions: Callable[[], Mapping[str, Session]]) -> None:
        self._screen, self._sessions = screen, sessions
        self._timer: Timer | None = None
        self._kept = {key: standing(session) for key, session in sessions().items()}

    def noted(self) -> None:
        """Something was entered: it is written down in a moment."""
        if self._timer is None:
            self._timer = self._screen.set_timer(EVERY, self.keep)

    def keep(self) -> None:
        """Write down now what has changed of questions that are open."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        for key, session in self._sessions().items():
            turn = standing(session)
            # What is being answered this moment is written with its answer.
            if turn is not None and turn.verdict is None and turn != self._kept.get(key):
                self.keep_session(key, session)

    def keep_session(self, key: str, session: Session) -> None:
        """Write down how `session` stands, whatever has changed."""
        self._kept[key] = standing(session)
        self._screen.app.services.keeping.keep(key, None if session.finished else session.to_dict())


def standing(session: Session) -> Turn | None:
    """The turn that `session` stands at, as it is now; None behind the last one."""
    return None if session.finished else copy.deepcopy(session.turn)
