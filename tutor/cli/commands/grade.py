"""`qwtutor grade`: judge one answer, with reasons. Nothing is written down."""

from __future__ import annotations

import click

from tutor.cli import opening, output
from tutor.cli.group import command
from tutor.cli.options import Words, course_option, json_option, lang_option, model_option
from tutor.domain.errors import NotFound, UsageError
from tutor.domain.frames import to_json
from tutor.domain.language import tr


@command(
    "grade",
    tr(
        "Judge an answer and say why. Options count from 1 as the file has them; `-` reads the answer from standard input."
    ),
    "qwtutor grade tokenizer/q-first-merge 2",
    "qwtutor grade tokenizer/q-first-merge b --json",
)
@click.argument("question", metavar="LESSON/QUESTION")
@click.argument("answer", type=Words())
@course_option
@model_option
@json_option
@lang_option
def grade(*, question: str, answer: str, as_json: bool) -> None:
    from tutor.domain import grading
    from tutor.runtime.expected import expected

    slug, slash, id = question.partition("/")
    if not slash or not id:
        raise UsageError("A question is named LESSON/QUESTION, not {given}.", given=question)
    quiz = opening.library().quiz(slug)
    found = quiz.question(id)
    if found is None:
        raise NotFound(
            "The quiz of {slug} has no question {id}.",
            hint="It has: {ids}.",
            slug=slug,
            id=id,
            ids=", ".join(each.id for each in quiz.questions),
        )
    parsed = grading.parse_answer(found, answer)
    with opening.Models() as models:
        verdict = grading.grade(found, parsed, expected=expected(found, models.model))
    if as_json:
        output.document({key: to_json(getattr(verdict, key)) for key in ("correct", "why", "explain")})
        return
    output.line(tr("Right.") if verdict.correct else tr("Not right."))
    if verdict.why:
        output.prose(verdict.why)
    if not verdict.correct and verdict.expected:
        output.prose(tr("The right answer: {answer}", answer=verdict.expected))
    output.prose(verdict.explain)
