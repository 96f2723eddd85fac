"""What to do next after an answer: a section, a demo, a question of the quiz, each one key away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from tutor.agent.events import Citation, Passage, Suggestion, ToolCall
from tutor.agent.retrieval import Nearest
from tutor.content.library import Library
from tutor.content.problem import ContentError
from tutor.demos import registry
from tutor.domain import labs
from tutor.domain.errors import NotFound
from tutor.domain.language import both
from tutor.domain.lesson import DemoBlock, Lesson, Section


def nearest(found: Sequence[Nearest | Passage]) -> Iterator[Suggestion]:
    """The sections themselves."""
    for each in found:
        yield Suggestion("section", f"{each.lesson}#{each.section}", each.title)


def alone(question: str) -> Suggestion:
    return Suggestion("alone", question, both("What the model says without the lessons"))


def called(call: ToolCall) -> Iterator[Suggestion]:
    """The place where one can do by hand what the tool did."""
    match call.tool:
        case "run_demo":
            given = call.arguments.get("parameters") or {}
            name = str(call.arguments.get("name"))
            with suppress(NotFound):
                yield Suggestion("demo", name, registry.load(name).TITLE, dict(given))
        case "tokenize":
            yield Suggestion("lab", "tokens", labs.lab("tokens").title, {"text": call.arguments.get("text", "")})
        case "next_tokens":
            yield Suggestion(
                "lab", "decoding", labs.lab("decoding").title, {"prompt": call.arguments.get("prompt", "")}
            )


def following(library: Library, cited: Sequence[Citation | Passage]) -> Iterator[Suggestion]:
    """For the section that the answer rests on most: the section, the demo that comes with it, a question about it."""
    if not cited:
        return
    slug, id = cited[0].lesson, cited[0].section
    with suppress(ContentError, NotFound):
        lesson = library.lesson(slug)
        section = lesson.section(id)
        if section is None:
            return
        yield Suggestion("section", f"{slug}#{id}", section.title)
        if demo := _demo_after(lesson, section):
            yield Suggestion("demo", demo.name, registry.load(demo.name).TITLE, dict(demo.set))
        question = next((each for each in library.quiz(slug).questions if each.section == id), None)
        if question:
            yield Suggestion("question", f"{slug}#{question.id}", both("A question about it"))


def _demo_after(lesson: Lesson, section: Section) -> DemoBlock | None:
    """The demo that follows the section before the next one begins."""
    seen = False
    for block in lesson.blocks:
        if isinstance(block, Section):
            seen = block is section
        elif seen and isinstance(block, DemoBlock):
            return block
    return None
