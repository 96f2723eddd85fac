"""`qwtutor arena`: vote on two answers in lines, or print the votes."""

from __future__ import annotations

import json

import click

from tutor.cli import opening, output
from tutor.cli.commands.demo import read_settings
from tutor.cli.group import command
from tutor.cli.options import json_option, lang_option, model_option, plain_option
from tutor.domain.language import tr


@command(
    "arena",
    tr("Vote blindly on two answers of local models, in lines; the votes are those of the screen."),
    "qwtutor arena",
    "qwtutor arena --set 'b={\"model\": \"smollm2-135m\"}' --set 'prompt=Why is the sky blue?'",
    'qwtutor demo assistants --set votes="$(qwtutor arena --votes)"',
)
@click.option(
    "--set", "given", multiple=True, metavar="NAME=VALUE", help=tr("Set a, b, prompt, max_tokens, k, start or seed.")
)
@click.option("--votes", is_flag=True, help=tr("Print the votes as the demo assistants takes them, and end."))
@model_option
@plain_option
@json_option
@lang_option
def arena(*, given: tuple[str, ...], votes: bool, as_json: bool) -> None:
    from tutor.cli.plain.arena import opened, sit
    from tutor.cli.plain.visit import Opened
    from tutor.decoding.documents import document
    from tutor.decoding.standing import Poll
    from tutor.domain.labs import check_parameters

    settings = read_settings(given)
    check_parameters("arena", settings)
    with Opened() as visit:
        if not votes and not as_json:
            sit(visit, settings)
            return
        booth = opened(visit, settings)
        contest = booth.contest(opening.model_name())
        if votes:
            output.line(json.dumps(contest.listed(), ensure_ascii=False))
        else:
            output.document(document(Poll.of(booth, contest)))
