"""`qwtutor search`: sections that speak of something."""

from __future__ import annotations

import click

from tutor.cli import diagnostics, opening, output
from tutor.cli.group import command
from tutor.cli.options import Amount, Words, course_option, json_option, lang_option
from tutor.domain.language import tr


@command("search", tr("Find the sections that speak of something."), "qwtutor search 'byte pair encoding' --json")
@click.argument("query", type=Words())
@click.option("--limit", type=Amount(int, 1, 100), default=10, help=tr("At most so many sections."))
@course_option
@json_option
@lang_option
def search(*, query: str, limit: int, as_json: bool) -> None:
    from tutor.content.search import search as find

    hits = find(opening.library(), query.strip(), limit)
    if as_json:
        output.document({"hits": [{"lesson": hit.lesson, "section": hit.section, "score": hit.score} for hit in hits]})
        return
    if not hits:
        diagnostics.say(tr("No section speaks of that."))
    for hit in hits:
        output.line(f"{hit.lesson}/{hit.section}: {hit.title}")
        output.line(f"    {hit.snippet}")
