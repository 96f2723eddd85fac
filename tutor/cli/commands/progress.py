"""`qwtutor progress`: what has been answered, and taking it elsewhere."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tutor.cli import diagnostics, opening, output
from tutor.cli.group import Group
from tutor.cli.options import course_option, json_option, lang_option, model_option, read_stdin
from tutor.domain.errors import TutorError, UsageError
from tutor.domain.language import tr
from tutor.domain.plaintext import visible

if TYPE_CHECKING:
    from tutor.store.progress import Progress

MAX_IMPORT = 200_000_000
"""Bytes of an export that are read: a thousand answers are about 300 kB."""


@click.group(
    "progress",
    cls=Group,
    help=tr("Show, export, import or reset what was learnt. Alone: show it."),
    invoke_without_command=True,
    examples=(
        "qwtutor progress show",
        "qwtutor progress export progress.json",
        "qwtutor progress import progress.json",
    ),
)
@course_option
@lang_option
@click.pass_context
def progress(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        print_summary(as_json=False)


@progress.command("show", help=tr("Say what was read and answered."), examples=("qwtutor progress show --json",))
@course_option
@json_option
@lang_option
def show(*, as_json: bool) -> None:
    print_summary(as_json=as_json)


def print_summary(*, as_json: bool) -> None:
    with opening.progress() as opened:
        data = summary(opened)
    if as_json:
        output.document(data)
        return
    output.line(tr("{right} of {answered} questions right.", right=data["right"], answered=data["answered"]))
    output.line(tr("{count} questions are due for review.", count=data["due"]))
    for each in data["lessons"]:
        output.line(
            "  "
            + tr(
                "{lesson}: {read} read, {right} of {answered} answered questions right",
                lesson=visible(each["lesson"]),
                read=f"{each['read']:.0%}",
                right=each["right"],
                answered=each["answered"],
            )
        )
    output.line(tr("Kept in {path}", path=visible(data["path"])))


def summary(opened: Progress) -> dict[str, Any]:
    written = [entry.slug for entry in opening.library().entries() if entry.written]
    lessons = [
        {"lesson": slug, "read": each.fraction, "answered": each.answered, "right": each.right}
        for slug, each in opened.lesson_progress().items()
    ]
    return {
        "answered": sum(each.answered for each in opened.lesson_progress().values()),
        "right": sum(each.right for each in opened.lesson_progress().values()),
        "due": opened.due_count(opening.now(), lessons=written),
        "lessons": lessons,
        "path": str(opened.path),
    }


@progress.command(
    "export",
    help=tr("Write all progress as JSON, to standard output or to FILE. A FILE called *.apkg becomes an Anki package."),
    examples=("qwtutor progress export > progress.json", "qwtutor progress export questions.apkg"),
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--all", "everything", is_flag=True, help=tr("Anki: all questions, not only those answered."))
@course_option
@model_option
@lang_option
def export(*, file: Path | None, everything: bool) -> None:
    from tutor.store.exchange import export_json

    if file is not None and file.suffix.lower() == ".apkg":
        from tutor.cli.cards import export_anki

        count = export_anki(file, everything=everything)
        diagnostics.say(tr("{count} cards are in {path}.", count=count, path=visible(str(file))))
        return
    with opening.progress() as opened:
        data = export_json(opened)
    if file is None or str(file) == "-":
        output.document(data)
        return
    write_file(file, json.dumps(data, ensure_ascii=False, indent=1) + "\n")
    diagnostics.say(tr("Everything is in {path}.", path=visible(str(file))))


def write_file(path: Path, text: str) -> None:
    """The whole file or none: beside it first, then into its place. Raises TutorError."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise TutorError(
            "{path} cannot be written: {reason}.", path=visible(str(path)), reason=error.strerror or error
        ) from error


@progress.command(
    "import",
    help=tr("Add what another machine exported. Nothing is lost, and what is known already is not added twice."),
    examples=(
        "qwtutor progress import progress.json",
        "ssh elsewhere qwtutor progress export | qwtutor progress import -",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@json_option
@lang_option
def import_file(*, file: Path, as_json: bool) -> None:
    from tutor.store.exchange import import_json

    data = read_json(file)
    with opening.progress() as opened:
        done = import_json(opened, data)
    if as_json:
        output.document({"added": done.added, "known": done.known})
    else:
        output.line(tr("{added} answers added, {known} were here already.", added=done.added, known=done.known))


def read_json(file: Path) -> Any:
    name = visible(str(file))
    try:
        if str(file) != "-" and file.stat().st_size > MAX_IMPORT:
            raise TutorError("{file} is too large to be exported progress.", file=name)
        return json.loads(read_stdin() if str(file) == "-" else file.read_text(encoding="utf-8"))
    except OSError as error:
        raise TutorError("{path} cannot be read: {reason}.", path=name, reason=error.strerror or error) from error
    except (ValueError, RecursionError) as error:
        raise TutorError("{file} is not JSON: {reason}.", file=name, reason=visible(str(error))) from error


@progress.command(
    "reset",
    help=tr("Forget all answers and places, after a copy was made. Settings stay."),
    examples=("qwtutor progress reset", "qwtutor progress reset --yes"),
)
@click.option("--yes", is_flag=True, help=tr("Do not ask."))
@json_option
@lang_option
def reset(*, yes: bool, as_json: bool) -> int:
    from tutor.store.exchange import reset as forget

    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("Say --yes where nobody can be asked.")
        output.prompt(tr("Forget all answers and places? y: yes, Enter: no. "))
        if input().strip().lower() not in ("y", "yes", "是"):
            diagnostics.say(tr("Nothing was changed."))
            return diagnostics.FAILED
    with opening.progress() as opened:
        copy = forget(opened, opening.now())
    if as_json:
        output.document({"copy": str(copy)})
    else:
        output.line(tr("Forgotten. A copy of what there was: {path}", path=visible(str(copy))))
    return diagnostics.DONE
