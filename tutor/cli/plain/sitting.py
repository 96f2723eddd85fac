"""A quiz or a review, spoken: question after question, then what to read again. Left in the middle, it goes on there."""

from __future__ import annotations

import secrets

from tutor.cli import diagnostics, opening
from tutor.cli.plain.asking import ask_turn
from tutor.cli.plain.speech import Leave, ask, say, say_numbered
from tutor.cli.plain.visit import Visit
from tutor.domain.errors import NotFound, TutorError
from tutor.domain.language import tr
from tutor.domain.quiz import Question
from tutor.domain.session import Item, Session, Summary

REVIEW = "sitting:review"
"""Where a sitting is kept, as the screen does: begun here it can be gone on with there, and the other way round."""


def quiz(visit: Visit, slug: str) -> int:
    """The quiz of a lesson, gone on with where it was left."""
    found = visit.library.quiz(slug)
    say(tr("Quiz: {title}", title=visit.library.lesson(slug).title))
    key = f"sitting:{slug}"
    session = resumed(visit, key) or Session([Item(slug, each) for each in found.questions], secrets.randbits(31))
    return sit(visit, session, key)


def review(visit: Visit, limit: int | None = None) -> int:
    """The questions that are due, the most at risk first."""
    say(tr("Review"))
    interrupted = resumed(visit, REVIEW)
    if interrupted is not None:
        return sit(visit, interrupted, REVIEW)
    now = opening.now()
    slugs = [entry.slug for entry in visit.library.entries() if entry.written and not entry.problem]
    items = []
    for due in visit.progress.due(now, limit, lessons=slugs):
        question = find(visit, due.lesson, due.question)
        if question is not None:
            items.append(Item(due.lesson, question))
    if not items:
        say(tr("Nothing is due for review now."))
        return diagnostics.DONE
    say(tr("Review: {count} questions.", count=len(items)))
    return sit(visit, Session(items, secrets.randbits(31), source="review"), REVIEW)


def find(visit: Visit, slug: str, id: str) -> Question | None:
    """The question, or None where a lesson or question is gone since it was answered."""
    try:
        return visit.library.quiz(slug).question(id)
    except TutorError:
        return None


def sit(visit: Visit, session: Session, key: str) -> int:
    """Question after question, to the summary; left in the middle, the sitting stays under `key`."""
    try:
        while not session.finished:
            say()
            again = " " + tr("Once more.") if session.turn.attempt else ""
            say(tr("Question {number} of {count}.", number=session.at + 1, count=len(session.turns)) + again)
            ask_turn(visit, session, key)
    except Leave:
        say(tr("Left at question {number}. What you answered is saved.", number=session.at + 1))
        return diagnostics.DONE
    visit.progress.keep(key, None, now=opening.now())
    say()
    say_summary(visit, session.summary())
    return diagnostics.DONE


def resumed(visit: Visit, key: str) -> Session | None:
    """The sitting that was left in the middle, unless the person wants a new one."""
    data = visit.progress.kept(key)
    if data is None:
        return None
    try:
        session = Session.from_dict(data, lambda slug, id: find(visit, slug, id))
    except TutorError as error:
        say(str(error))
        return None
    if session.finished or not session.turns:
        return None
    question = tr("You left at question {number}. Enter: go on there, n: start anew. ", number=session.at + 1)
    return None if ask(question).lower() in ("n", "no") else session


def say_summary(visit: Visit, summary: Summary) -> None:
    """How it went, and the sections to read again, to be opened by number."""
    say(tr("Done: {right} of {total} right.", right=summary.right, total=summary.total))
    for sentence, count in (
        (tr("With a hint: {count}.", count=summary.with_hint), summary.with_hint),
        (tr("Wrong: {count}.", count=summary.wrong), summary.wrong),
        (tr("Skipped: {count}.", count=summary.skipped), summary.skipped),
    ):
        if count:
            say(sentence)
    if not summary.read_again:
        return
    say(tr("Read again:"))
    for number, each in enumerate(summary.read_again, 1):
        say_numbered(
            number,
            tr("{section}, in {lesson}", section=section_title(visit, each.lesson, each.section), lesson=each.lesson),
        )
    while True:
        typed = ask(tr("[number: read that section, Enter: leave] "))
        if not typed or typed == "q":
            return
        if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= len(summary.read_again):
            from tutor.cli.plain.reading import say_section

            chosen = summary.read_again[int(typed) - 1]
            section = visit.library.lesson(chosen.lesson).section(chosen.section)
            if section is not None:
                say_section(section)


def section_title(visit: Visit, slug: str, id: str) -> str:
    try:
        section = visit.library.lesson(slug).section(id)
    except NotFound:
        section = None
    return str(section.title) if section else id
