"""`qwtutor check`: what a machine can hold of a course's quality."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tutor.cli import diagnostics, opening, output
from tutor.cli.group import command
from tutor.cli.options import call, course_option, json_option, lang_option, model_option
from tutor.domain.errors import ModelMissing
from tutor.domain.frames import to_json
from tutor.domain.language import tr

if TYPE_CHECKING:
    from tutor.content.problem import Problem


@command(
    "check",
    tr("Check lessons and quizzes: languages, lengths, references, figures computed again."),
    "qwtutor check",
    "qwtutor check my-course --no-demos",
)
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--demos/--no-demos", default=True, help=tr("Compute the figures of the text again."))
@course_option
@model_option
@json_option
@lang_option
def check(*, folder: Path | None, demos: bool, as_json: bool) -> int:
    from tutor.content.check import check as find_problems
    from tutor.runtime.tokenizers import tokenize

    if folder:
        call().course = folder
    library = opening.library()
    with opening.Models() as models:
        try:
            model = models.model() if demos else None
        except ModelMissing:
            model = None  # what needs one is then listed as not computed
        problems = find_problems(library, demos=demos, model=model, tokenize=tokenize)
    failures = [problem for problem in problems if not problem.note]
    if as_json:
        output.document({"problems": [problem_data(problem) for problem in problems]})
        return diagnostics.FAILED if failures else diagnostics.DONE
    for problem in problems:
        output.line(str(problem))
    if failures:
        diagnostics.say(tr("{count} problems.", count=len(failures)))
        return diagnostics.FAILED
    diagnostics.say(tr("No problems."))
    return diagnostics.DONE


def problem_data(problem: Problem) -> dict[str, Any]:
    names = ("file", "line", "field", "expected", "found", "note")
    return {name: to_json(getattr(problem, name)) for name in names}
