"""`qwtutor quiz` and `qwtutor review`: questions in spoken lines, or as data."""

from __future__ import annotations

from typing import Any

import click

from tutor.cli import opening, output
from tutor.cli.commands.lessons import complete_slug
from tutor.cli.group import command
from tutor.cli.options import Amount, course_option, json_option, lang_option, model_option, plain_option
from tutor.domain.frames import to_json
from tutor.domain.language import tr
from tutor.domain.quiz import Number, Order, Question, Quiz


@command(
    "quiz",
    tr("Take the quiz of a lesson, in lines. With --json: print its questions, without the answers."),
    "qwtutor quiz tokenizer",
    "qwtutor quiz tokenizer --json",
)
@click.argument("slug", shell_complete=complete_slug)
@course_option
@model_option
@plain_option
@json_option
@lang_option
def quiz(*, slug: str, as_json: bool) -> int | None:
    if as_json:
        output.document(quiz_data(opening.library().quiz(slug)))
        return None
    from tutor.cli.plain import sitting
    from tutor.cli.plain.visit import Opened

    with Opened() as visit:
        return sitting.quiz(visit, slug)


def quiz_data(quiz: Quiz) -> dict[str, Any]:
    return {"lesson": quiz.lesson, "questions": [question_data(question) for question in quiz.questions]}


def question_data(question: Question) -> dict[str, Any]:
    """What is asked, options in the order of the file (as `grade` counts them), nothing that gives the answer away."""
    from tutor.domain.grading import option_order, variant

    if isinstance(question, Number):
        question = variant(question)
    data = {key: to_json(getattr(question, key)) for key in ("id", "kind", "section", "prompt", "hint")}
    options = getattr(question, "options", ())
    if options:
        data["options"] = [to_json(option.text) for option in options]
    if isinstance(question, Order):
        # Shuffled, or the list itself would be the answer; `grade` takes the texts as a JSON list.
        data["items"] = [to_json(question.items[index]) for index in option_order(question, 0)]
    data |= {key: to_json(getattr(question, key)) for key in ("unit", "text", "tokenizer") if hasattr(question, key)}
    return data


@command(
    "review",
    tr("Review what is due, in lines. With --json: print what is due."),
    "qwtutor review",
    "qwtutor review --json --limit 5",
)
@click.option("--limit", type=Amount(int, 1, 10_000), help=tr("At most so many questions."))
@course_option
@model_option
@plain_option
@json_option
@lang_option
def review(*, limit: int | None, as_json: bool) -> int | None:
    if as_json:
        with opening.progress() as progress:
            written = [entry.slug for entry in opening.library().entries() if entry.written]
            due = progress.due(opening.now(), limit, lessons=written)
        output.document(
            {
                "due": [
                    {
                        "lesson": each.lesson,
                        "question": each.question,
                        "due": each.due.isoformat(),
                        "retrievability": each.retrievability,
                    }
                    for each in due
                ]
            }
        )
        return None
    from tutor.cli.plain import sitting
    from tutor.cli.plain.visit import Opened

    with Opened() as visit:
        return sitting.review(visit, limit)
