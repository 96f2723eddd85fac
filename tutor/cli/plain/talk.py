"""The tutor, spoken: a question, its answer from the lessons, the next question."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, cast

from tutor.cli.plain.speech import ask, say
from tutor.cli.plain.visit import Visit
from tutor.domain.errors import ModelMissing
from tutor.domain.language import language, tr
from tutor.domain.plaintext import clean

if TYPE_CHECKING:
    from tutor.agent.events import Event
    from tutor.agent.local import Stoppable
    from tutor.content.library import Library


def converse(visit: Visit) -> None:
    """Answer until an empty line. Without a model the lessons are quoted."""
    from tutor.agent.desk import Desk, Turn
    from tutor.agent.local import LocalEngine
    from tutor.agent.loop import answer
    from tutor.agent.tools import Toolbox

    desk: Desk | None = None
    turns: list[Turn] = []
    while (question := ask(tr("Your question, or Enter to go back: "))) not in ("", "q", "/q"):
        if desk is None:
            try:
                engine = LocalEngine(cast("Stoppable", visit.model()))
            except ModelMissing:
                engine = None
            desk = Desk(visit.library, Toolbox(visit.library, visit.progress, visit.model, language()), engine)
        with closing(answer(question, desk=desk, history=turns)) as events:
            turns.append(Turn(question, _say(events, visit.library)))


def _say(events: Iterator[Event], library: Library) -> str:
    """The lessons' own sentences as soon as they are there, the rest at the end; gives all that was said."""
    from tutor.agent.events import Citation, TextDelta, Withdrawn
    from tutor.cli.commands.ask import below_it

    said, waiting = "", ""
    below: dict[str, None] = {}
    for event in events:
        match event:
            case TextDelta():
                waiting += event.text
            case Withdrawn():
                said, waiting = "", ""
                say(event.why)
            case Citation() if waiting:
                say(clean(waiting.strip()))
                said, waiting = said + waiting, ""
        if line := below_it(event, library):
            below[line] = None
    for each in filter(None, (waiting.strip(), *below)):
        say(clean(each))
    return said + waiting
