"""Which conversation belongs to what is on screen, and what the tutor is told of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutor.store import conversations
from tutor.ui.screens.tutor.talk import Place, Talk
from tutor.ui.screens.tutor.voice import answering

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp
    from tutor.ui.screens.base import TutorScreen
    from tutor.ui.services import Services


def place_of(screen: TutorScreen) -> Place:
    """What stands on `screen`."""
    return Place(screen.near(), screen.context(), screen.posed())


def talk_about(app: TutorApp, place: Place) -> Talk:
    """The conversation of this run of the program that belongs to `place`, or a new one."""
    talk = app.talks.get(place.key)
    if talk is None:
        return fresh_talk(app, place)
    talk.place = place
    return talk


def fresh_talk(app: TutorApp, place: Place) -> Talk:
    talk = app.talks[place.key] = Talk(app, place, answering)
    return talk


def taken_up(app: TutorApp, place: Place, id: str) -> Talk | None:
    """The kept conversation `id`, to be gone on with at `place`."""
    for talk in app.talks.values():
        if talk.id == id:
            talk.place = place
            return talk
    kept = conversations.load(app.services.progress, id)
    if kept is None:
        return None
    talk = fresh_talk(app, place)
    talk.take_up(kept)
    return talk


def forget(app: TutorApp, id: str) -> None:
    """The conversation `id` was deleted: what still runs of it is kept no more."""
    for key, talk in list(app.talks.items()):
        if talk.id == id:
            talk.deleted = True
            talk.stop()
            del app.talks[key]


def missing_model(services: Services) -> str:
    """The name of the model in use, where it could be fetched and is not here; empty where a server answers."""
    from tutor.domain.errors import TutorError
    from tutor.runtime import catalogue

    if services.settings.get("server"):
        return ""
    try:
        entry = catalogue.entry(services.model_name)
    except TutorError:
        return ""
    return "" if catalogue.state(entry) in ("installed", "unchecked") else entry.name
