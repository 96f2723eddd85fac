"""Who answers a request: the loop over the lessons, the model alone, or what is said about a quiz question."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from tutor.agent import loop
from tutor.agent.about_question import a_hint, a_mistake
from tutor.agent.desk import Desk
from tutor.agent.engine import Engine
from tutor.agent.events import Event
from tutor.agent.local import LocalEngine
from tutor.agent.passages import asked_in
from tutor.agent.tools import Toolbox
from tutor.domain.errors import ModelMissing
from tutor.ui.screens.tutor.talk import Request, Run
from tutor.ui.turn import ALONE, HINT, MISTAKE

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp
    from tutor.ui.services import Services


def answering(app: TutorApp, request: Request) -> Run:
    """How `request` is answered; nothing has begun yet."""
    return Run(lambda run: _events(app.services, request, run))


def _events(services: Services, request: Request, run: Run) -> Generator[Event]:
    turn, posed = request.turn, request.place.posed
    if posed is not None and turn.kind in (HINT, MISTAKE):
        yield from _about_question(services, request)
        return
    desk = _desk(services, request)
    run.on_stop = desk.stop
    if run.stopped.is_set():
        return
    if turn.kind == ALONE and desk.engine is None:
        raise ModelMissing("The model {name} is not on this machine.", name=services.model_name)
    place = request.place
    events = loop.answer(
        turn.question,
        desk=desk,
        history=request.history,
        near=place.near or None,
        context=place.context,
        alone=turn.kind == ALONE,
        posed=posed,
    )
    with closing(events):
        yield from events


def _desk(services: Services, request: Request) -> Desk:
    toolbox = Toolbox(services.library, services.progress, services.model, asked_in(request.turn.question))
    server = services.settings.get("server")
    if server and not request.model:
        from tutor.agent.server import ServerEngine

        return Desk(services.library, toolbox, ServerEngine(server))
    return Desk(services.library, toolbox, _local(services, request.model))


def _local(services: Services, model: str) -> Engine | None:
    """The model on this machine; None where its file is not there: then the lessons are quoted."""
    try:
        return LocalEngine(services.model(model))
    except ModelMissing:
        return None


def _about_question(services: Services, request: Request) -> Iterator[Event]:
    posed, turn = request.place.posed, request.turn
    assert posed is not None
    if turn.kind == HINT or posed.verdict is None:
        yield from a_hint(posed, turn.strength or 1, services.library)
    else:
        yield from a_mistake(posed, services.library)
