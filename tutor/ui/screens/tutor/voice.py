"""Who answers a request: the loop over the lessons, the model alone, or what is said about a quiz question."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from tutor.agent import hints, loop
from tutor.agent.desk import Desk
from tutor.agent.desk import Turn as Said
from tutor.agent.engine import Engine
from tutor.agent.events import Citation, Done, Event, Prompt, Retrieved, Suggestion, TextDelta, ToolResult, Withdrawn
from tutor.agent.local import LocalEngine
from tutor.agent.passages import asked_in
from tutor.agent.secrets import secret
from tutor.agent.tools import Toolbox
from tutor.domain.errors import ModelMissing
from tutor.domain.language import Text, tr
from tutor.ui.screens.tutor.talk import Request, Run
from tutor.ui.turn import ALONE, HINT, MISTAKE

if TYPE_CHECKING:
    from tutor.domain.quiz import Question
    from tutor.ui.app import TutorApp
    from tutor.ui.services import Services

SENTENCE_ENDS = ".!?。！？\n"


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
        history=tuple(Said(question, answer) for question, answer in request.history),
        near=place.near or None,
        context=place.context,
        alone=turn.kind == ALONE,
    )
    if posed is not None and posed.open:
        events = guarded(events, posed.question, lambda: _hint(services, request, 1))
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
        text = _hint(services, request, turn.strength or 1)
    else:
        text = hints.from_mistake(posed.question, posed.answer, posed.verdict, services.library, posed.lesson)
    suggestions = tuple(_section(services, posed.lesson, posed.question.section))
    yield TextDelta(text)
    yield Done(text, in_lessons=True, suggestions=suggestions)


def _hint(services: Services, request: Request, strength: int) -> str:
    posed = request.place.posed
    assert posed is not None
    return hints.hint(posed.question, strength, services.library, posed.lesson)


def _section(services: Services, slug: str, id: str) -> Iterator[Suggestion]:
    section = services.library.lesson(slug).section(id)
    if section is not None:
        yield Suggestion("section", f"{slug}#{id}", section.title)


def guarded(events: Generator[Event], question: Question, hint: Callable[[], str]) -> Generator[Event]:
    """`events` without anything that says the answer to `question`, which is still open.

    Whole sentences come through as they are said. Where the answer would be said, a hint ends it instead. What the
    answer was made from is left out of the trace until the question is answered.
    """
    told = secret(question).told
    held = said = ""
    with closing(events):
        for event in events:
            match event:
                case TextDelta():
                    held += event.text
                    ready = held[: max(held.rfind(end) for end in SENTENCE_ENDS) + 1]
                    if told(said + ready):
                        break
                    said, held = said + ready, held[len(ready) :]
                    if ready:
                        yield TextDelta(ready)
                case Withdrawn():
                    held = said = ""
                    yield event
                case Done() if told(event.answer):
                    break
                case Done():
                    yield _bare_end(event, told)
                    return
                case _:
                    yield _bare(event, told)
    text = tr("That would say the answer. A hint instead:") + "\n\n" + hint()
    yield TextDelta("\n\n" + text if said else text)
    yield Done(f"{said}\n\n{text}".strip(), in_lessons=True)


def _bare(event: Event, told: Callable[[str], bool]) -> Event:
    """What happened, without the texts that the answer is made from."""
    match event:
        case Retrieved():
            titles = ((each, Text() if told(each.title.get()) else each.title) for each in event.passages)
            return replace(event, passages=tuple(replace(each, text="", title=title) for each, title in titles))
        case Prompt():
            return replace(event, text=tr("(shown when the question is answered)"))
        case ToolResult():
            return replace(event, observation="")
        case Citation():
            return replace(event, quote="")
        case _:
            return event


def _bare_end(done: Done, told: Callable[[str], bool]) -> Done:
    return replace(
        done,
        suggestions=tuple(each for each in done.suggestions if not told(each.title.get())),
        citations=tuple(replace(each, quote="") for each in done.citations),
        calls=tuple((call, replace(result, observation="")) for call, result in done.calls),
    )
