"""`qwtutor check`: what a machine can hold of a course's quality."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tutor.cli import diagnostics, opening, output
from tutor.cli.group import command
from tutor.cli.options import call, course_option, json_option, lang_option, model_option
from tutor.domain.language import tr


@command(
    "check",
    tr("Check lessons and quizzes: languages, lengths, references, figures computed again."),
    "qwtutor check",
    "qwtutor check my-course --no-demos",
)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--demos/--no-demos", default=True, help=tr("Compute the figures of the text again."))
@course_option
@model_option
@json_option
@lang_option
def check(*, folder: Path | None, demos: bool, as_json: bool) -> int:
    from tutor.content.check import check as find_problems

    if folder:
        call().course = folder
    library = opening.library()
    if call().model:
        with opening.model() as model:
            problems = find_problems(library, demos=demos, model=model)
    else:
        problems = find_problems(library, demos=demos)
    if as_json:
        output.document({"problems": [problem_data(problem) for problem in problems]})
    else:
        for problem in problems:
            output.line(str(problem))
        diagnostics.say(tr("{count} problems.", count=len(problems)) if problems else tr("No problems."))
    return diagnostics.FAILED if problems else diagnostics.DONE


def problem_data(problem: Any) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("file", "line", "field", "expected", "found")}
