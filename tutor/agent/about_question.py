"""What the tutor says about a quiz question itself: hints while it is open, then what was wrong, and what is right."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from tutor.agent import hints
from tutor.agent.events import Done, Event, Suggestion, TextDelta
from tutor.agent.secrets import secret
from tutor.content.library import Library
from tutor.content.problem import ContentError
from tutor.domain.errors import NotFound
from tutor.domain.language import tr
from tutor.domain.posed import Posed


def a_hint(posed: Posed, strength: int, library: Library, *, before: str = "") -> Iterator[Event]:
    """The hint of `strength`, `before` said first."""
    text = hints.hint(posed.question, strength, library, posed.lesson)
    yield from _said(f"{before}\n\n{text}" if before else text, posed, library, strength)


def a_mistake(posed: Posed, library: Library) -> Iterator[Event]:
    """Where to begin after the answer that was given, which was wrong."""
    assert posed.verdict is not None
    yield from _said(
        hints.from_mistake(posed.question, posed.answer, posed.verdict, library, posed.lesson), posed, library
    )


def explained(posed: Posed, library: Library) -> Generator[Event, None, None]:
    """The answer, once there is a verdict, and why it is so."""
    verdict = posed.verdict
    assert verdict is not None
    right = tr("The answer is {answer}.", answer=verdict.expected.get()) if verdict.expected else ""
    told = (right, verdict.why.get(), verdict.explain.get())
    yield from _said("\n\n".join(filter(None, told)), posed, library)


def _said(text: str, posed: Posed, library: Library, strength: int = 0) -> Iterator[Event]:
    offered = tuple(_section(posed, library))
    yield TextDelta(text)
    yield from offered
    yield Done(text, in_lessons=True, suggestions=offered, strength=strength)


def _section(posed: Posed, library: Library) -> Iterator[Suggestion]:
    """The section that answers the question, to be read."""
    id, hidden = posed.question.section, secret(posed.question)
    try:
        section = library.lesson(posed.lesson).section(id)
    except (ContentError, NotFound):
        return
    if section is not None and not (posed.open and (hidden.told(section.title.zh) or hidden.told(section.title.en))):
        yield Suggestion("section", f"{posed.lesson}#{id}", section.title)
