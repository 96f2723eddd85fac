"""`qwtutor progress`: what has been answered, and taking it elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tutor.cli import diagnostics, opening, output
from tutor.cli.group import Group
from tutor.cli.options import course_option, json_option, lang_option, read_stdin
from tutor.domain.errors import TutorError, UsageError
from tutor.domain.language import tr


@click.group(
    "progress",
    cls=Group,
    help=tr("Show, export, import or reset what was learnt. Alone: show it."),
    invoke_without_command=True,
    examples=("qwtutor progress show", "qwtutor progress export progress.json", "qwtutor progress import progress.json"),
)
@lang_option
@click.pass_context
def progress(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        print_summary(as_json=False)
