"""`qwtutor lessons` and `qwtutor lesson`: what there is to read, and one lesson to read."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from tutor.cli import opening, output
from tutor.cli.group import command
from tutor.cli.options import call, course_option, json_option, lang_option, model_option, plain_option
from tutor.domain.entry import PARTS, Entry
from tutor.domain.frames import to_json
from tutor.domain.labs import lab
from tutor.domain.language import tr
from tutor.domain.lesson import CheckBlock, DemoBlock, LabBlock, Lesson, Reference, Section


@command("lessons", tr("List the lessons."), "qwtutor lessons", "qwtutor lessons --json")
@course_option
@json_option
@lang_option
def lessons(*, as_json: bool) -> None:
    entries = opening.library().entries()
    if as_json:
        output.document([entry_data(entry) for entry in entries])
        return
    part = ""
    for entry in sorted(entries, key=lambda entry: (entry.part, entry.number)):
        if entry.part != part:
            part = entry.part
            output.line(f"{part}. {PARTS.get(part, '')}")
        output.line("  " + entry_line(entry))


def entry_line(entry: Entry) -> str:
    """One lesson in a list: number, slug, what there is of it, title."""
    if entry.problem:
        what = tr("cannot be read")
    elif not entry.written:
        what = tr("not written yet")
    else:
        what = tr("{minutes} min, {questions} questions", minutes=entry.minutes, questions=entry.questions)
    return f"{entry.number:>2}  {entry.slug}  ({what})\n        {entry.title}"


def entry_data(entry: Entry) -> dict[str, Any]:
    return {
        "slug": entry.slug,
        "number": entry.number,
        "part": entry.part,
        "title": to_json(entry.title),
        "minutes": entry.minutes,
        "questions": entry.questions,
        "written": entry.written,
        "problem": to_json(entry.problem) if entry.problem else None,
    }


def complete_slug(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    entries = opening.library().entries()
    return [
        CompletionItem(entry.slug, help=str(entry.title))
        for entry in entries
        if entry.written and entry.slug.startswith(incomplete)
    ]


@command("lesson", tr("Print a lesson."), "qwtutor lesson tokenizer --lang en", "qwtutor lesson tokenizer --plain")
@click.argument("slug", shell_complete=complete_slug)
@course_option
@model_option
@plain_option
@json_option
@lang_option
def lesson(*, slug: str, as_json: bool) -> int | None:
    library = opening.library()
    found = library.lesson(slug)
    if as_json:
        output.document(lesson_data(found))
        return None
    if call().plain:
        from tutor.cli.plain.reading import read
        from tutor.cli.plain.visit import Opened

        with Opened() as visit:
            return read(visit, found)
    print_lesson(found)
    return None


def print_lesson(lesson: Lesson) -> None:
    """The whole lesson, as a page to scroll through."""
    output.prose(f"# {lesson.title}")
    output.line()
    output.prose(lesson.answer)
    for block in lesson.blocks:
        output.line()
        if isinstance(block, Section):
            output.prose(f"## {block.title}")
            output.line()
            output.prose(block.body)
        elif isinstance(block, DemoBlock):
            output.line("> " + tr("Demo: qwtutor demo {name}", name=demo_call(block)))
        elif isinstance(block, LabBlock):
            output.line("> " + lab_line(block))
        elif isinstance(block, CheckBlock):
            output.line("> " + tr("Question: qwtutor quiz {slug}, {id}", slug=lesson.slug, id=block.question))
    if lesson.references:
        output.line()
        output.line(tr("References"))
        for reference in lesson.references:
            output.prose(f"- {reference_line(reference)}")


def reference_line(reference: Reference) -> str:
    return f"{reference.authors} ({reference.year}). {reference.title}. {reference.where}."


def demo_call(block: DemoBlock) -> str:
    """The words after `qwtutor demo` that run this block as the lesson does."""
    import json
    import shlex

    from tutor.demos.registry import in_language

    words = [block.name]
    for name, value in in_language(block.set).items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        words += ["--set", shlex.quote(f"{name}={shown}")]
    return " ".join(words)


def lab_line(block: LabBlock) -> str:
    """Where the lab of this block is, and what does the same in lines."""
    found = lab(block.name)
    return tr(
        "{title}: a lab of the full screen, `qwtutor`. In lines: {commands}",
        title=found.title,
        commands=", ".join(f"qwtutor {name}" for name in found.commands),
    )


def lesson_data(lesson: Lesson) -> dict[str, Any]:
    data: dict[str, Any] = to_json(lesson)
    data["blocks"] = [{_BLOCKS[type(block)]: to_json(block)} for block in lesson.blocks]
    return data


_BLOCKS = {Section: "section", DemoBlock: "demo", LabBlock: "lab", CheckBlock: "check"}
