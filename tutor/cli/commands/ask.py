"""`qwtutor ask`: an answer from the lessons, with where it stands in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any, cast

import click

from tutor.cli import diagnostics, opening, output
from tutor.cli.group import command
from tutor.cli.options import (
    Words,
    call,
    course_option,
    json_option,
    lang_option,
    model_option,
    server_option,
)
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.language import tr

if TYPE_CHECKING:
    from tutor.agent.engine import Engine
    from tutor.agent.events import Done, Event, Suggestion
    from tutor.agent.local import Stoppable
    from tutor.agent.loop import Desk
    from tutor.content.library import Library


@command(
    "ask",
    tr("Ask the tutor, who answers from the lessons. `-` reads standard input."),
    "qwtutor ask 'what does temperature do'",
    "qwtutor ask --json '一个汉字是几个词元？'",
    "qwtutor ask --server http://localhost:8080/v1 'why are logits divided by T'",
)
@click.argument("question", type=Words())
@server_option
@click.option("--fallback", is_flag=True, help=tr("Where the server fails, the model on this machine answers."))
@click.option("--alone", is_flag=True, help=tr("Without the lessons: what the model says by itself."))
@course_option
@model_option
@json_option
@lang_option
def ask(*, question: str, server: str, fallback: bool, alone: bool, as_json: bool) -> None:
    from tutor.agent.loop import answer

    if not question.strip():
        raise UsageError("The question is empty.")
    with (
        _desk(server, fallback=fallback, needed=alone) as desk,
        closing(answer(question, desk=desk, alone=alone)) as events,
    ):
        if as_json:
            output.document(_document(_last(events)))
        else:
            _print(events, desk.library)


@contextmanager
def _desk(server: str, *, fallback: bool, needed: bool) -> Iterator[Desk]:
    """What the tutor answers with. Without a model's file the lessons are quoted, unless a model is `needed` or named."""
    from tutor.agent.desk import Desk
    from tutor.agent.server import ServerEngine
    from tutor.agent.tools import Toolbox
    from tutor.domain.language import language

    with ExitStack() as opened:
        progress = opened.enter_context(opening.progress())
        models = opened.enter_context(opening.Models())
        library = opening.library()
        remote = ServerEngine(server, call().model) if server else None
        if remote:  # `--model` names one of the server's
            own = opening.model_in_use()
            second = _local(models, own, needed=False) if fallback else None
        else:
            own, second = opening.model_name(), None
        toolbox = Toolbox(library, progress, lambda: models.model(own), language())
        yield Desk(library, toolbox, remote or _local(models, own, needed=needed or bool(call().model)), second)


def _local(models: opening.Models, name: str, *, needed: bool) -> Engine | None:
    from tutor.agent.local import LocalEngine

    try:
        return LocalEngine(cast("Stoppable", models.model(name)))
    except ModelMissing as missing:
        if needed:
            raise
        diagnostics.say(tr("No model is there, so the lessons are quoted as they are."))
        diagnostics.say(missing.hint)
        return None


def _last(events: Iterator[Event]) -> Done:
    from tutor.agent.events import Done

    *_, last = events
    assert isinstance(last, Done)
    return last


def _document(done: Done) -> dict[str, Any]:
    return {
        "answer": done.answer,
        "in_lessons": done.in_lessons,
        "citations": [{"lesson": each.lesson, "section": each.section, "quote": each.quote} for each in done.citations],
        "calls": [
            {"tool": asked.tool, "arguments": asked.arguments, "observation": result.observation}
            for asked, result in done.calls
        ],
        "unsupported": [each.text for each in done.unsupported],
        "model": done.model,
        "seconds": done.seconds,
        "seconds_to_first_token": done.seconds_to_first_token,
    }


def _print(events: Iterator[Event], library: Library) -> None:
    """The answer as it comes, then where it stands in the lessons and what in it rests on nothing."""
    from tutor.agent.events import TextDelta, ToolCall, Withdrawn

    below: dict[str, None] = {}  # each line once
    for event in events:
        match event:
            case ToolCall():
                given = ", ".join(f"{name}={value!r}" for name, value in event.arguments.items())
                diagnostics.say(f"{event.tool}({given})")
            case TextDelta():
                output.prompt(event.text)
            case Withdrawn():
                output.line()
                diagnostics.say(str(event.why))
        if line := below_it(event, library):
            below[line] = None
    output.line()
    if below:
        output.line()
    for each in below:
        output.line(each)


def below_it(event: Event, library: Library) -> str:
    """The line below the answer that `event` is good for: a section, a doubt, what comes next; empty where none."""
    from tutor.agent.events import Citation, Suggestion, Unsupported

    match event:
        case Citation():
            return _section(library, event.lesson, event.section)
        case Unsupported():
            return tr("Not borne out: “{text}”. {why}", text=event.text, why=event.why)
        case Suggestion(kind="section"):
            return _section(library, *event.target.split("#", 1))
        case Suggestion(kind="demo" | "question"):
            return tr("Next: {title} ({command})", title=event.title, command=_command(event))
    return ""


def _section(library: Library, slug: str, id: str) -> str:
    section = library.lesson(slug).section(id)
    return f"[{slug}#{id}] {section.title if section else ''}".rstrip()


def _command(step: Suggestion) -> str:
    if step.kind == "demo":
        return f"qwtutor demo {step.target}"
    return f"qwtutor quiz {step.target.partition('#')[0]}"
