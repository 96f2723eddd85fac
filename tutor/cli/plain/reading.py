"""A lesson, spoken: section by section, its demo step by step, its questions in place, the place kept."""

from __future__ import annotations

from tutor.cli import diagnostics, opening
from tutor.cli.commands.lessons import lab_line, reference_line
from tutor.cli.plain import arena
from tutor.cli.plain.asking import ask_turn
from tutor.cli.plain.speech import Leave, go_on, say, say_markdown, say_step
from tutor.cli.plain.visit import Visit
from tutor.demos import registry
from tutor.domain.errors import TutorError
from tutor.domain.labs import lab
from tutor.domain.language import tr
from tutor.domain.lesson import CheckBlock, DemoBlock, LabBlock, Lesson, Section
from tutor.domain.quiz import Question
from tutor.domain.session import Item, Session
from tutor.runtime.without import without_model

HEAD = 1
"""The screen counts a lesson's head as block 0, so that both find the place again that the other wrote down."""


def read(visit: Visit, lesson: Lesson) -> int:
    """Read from where the person left off, to the end or until they leave."""
    at = start(visit, lesson)
    try:
        while at < len(lesson.blocks):
            at = read_block(visit, lesson, at)
            place(visit, lesson, at)
        say_references(lesson)
        if visit.library.quiz(lesson.slug).questions and go_on(("z", tr("the quiz"))) == "z":
            from tutor.cli.plain.sitting import quiz

            return quiz(visit, lesson.slug)
    except Leave:
        place(visit, lesson, at)
        say(tr("Your place is kept."))
    return diagnostics.DONE


def start(visit: Visit, lesson: Lesson) -> int:
    """The block to begin with: 0 with the head said, or the one left off at."""
    position = visit.progress.position(lesson.slug)
    at = position.block - HEAD if position else 0
    if 0 < at < len(lesson.blocks):
        say(f"{lesson.title}")
        say(tr("Going on where you left off; b goes back."))
        return at
    say(lesson.title)
    say()
    say_markdown(lesson.answer)
    if lesson.goals:
        say(tr("After this lesson you can:"))
        for goal in lesson.goals:
            say_markdown(f"- {goal}")
    return 0


def place(visit: Visit, lesson: Lesson, at: int) -> None:
    fraction = at / max(len(lesson.blocks), 1)
    visit.progress.set_position(lesson.slug, at + HEAD, 0, fraction, now=opening.now())


def read_block(visit: Visit, lesson: Lesson, at: int) -> int:
    """Say one block; gives the block to go on with."""
    block = lesson.blocks[at]
    say()
    match block:
        case Section():
            say_section(block)
            back = go_on(("b", tr("back"))) == "b"
            return max(at - 1, 0) if back else at + 1
        case DemoBlock():
            run_demo(visit, lesson, block)
        case LabBlock(name="arena"):
            vote(visit, block)
        case LabBlock():
            say(lab_line(block))
        case CheckBlock():
            ask_in_place(visit, lesson, block.question)
    return at + 1


def say_section(section: Section) -> None:
    say(section.title)
    say()
    say_markdown(section.body)


def vote(visit: Visit, block: LabBlock) -> None:
    """The one lab that can be done in lines. What stands in the way (no model) is said, and the lesson goes on."""
    say(tr("{title}: {about}.", title=lab(block.name).title, about=lab(block.name).about))
    if go_on(("v", tr("vote"))) != "v":
        return
    try:
        arena.sit(visit, block.set)
    except TutorError as error:
        say(str(error))


def ask_in_place(visit: Visit, lesson: Lesson, id: str) -> None:
    question = visit.library.quiz(lesson.slug).question(id)
    if question is None:
        return
    say(tr("A question on what you have just read."))
    ask_alone(visit, lesson, question)


def ask_alone(visit: Visit, lesson: Lesson, question: Question) -> None:
    """A question outside a sitting: asked until answered or skipped, and no more once it was answered."""
    key = f"checkpoint:{lesson.slug}/{question.id}"  # as the screen keeps it
    session = answered_before(visit, question, key)
    if session is None:
        session = Session([Item(lesson.slug, question)], 0, source="lesson", retries=0)
    while not session.finished:
        ask_turn(visit, session, key)


def answered_before(visit: Visit, question: Question, key: str) -> Session | None:
    kept = visit.progress.kept(key)
    if kept is None:
        return None
    try:
        session = Session.from_dict(kept, lambda _, id: question if id == question.id else None)
    except TutorError:
        return None  # the answer is in the log; only what was said about it is lost
    return None if session.finished else session


def run_demo(visit: Visit, lesson: Lesson, block: DemoBlock) -> None:
    """The prediction first, then step by step. What stands in the way (no model) is said, and the lesson goes on."""
    try:
        demo = registry.load(block.name)
        say(tr("Demo: {title}", title=demo.TITLE))
        question = visit.library.quiz(lesson.slug).question(block.predict) if block.predict else None
        if question is not None:
            say(tr("First say what you expect."))
            ask_alone(visit, lesson, question)
        named = registry.model_named(block.name, block.set)
        model = visit.model(named) if registry.wants_model(block.name, block.set) else without_model()
        walk(registry.DemoRun(block.name, block.set, model))
    except TutorError as error:
        say(str(error))
        say(tr("The demo is left out for now."))


def walk(run: registry.DemoRun) -> None:
    """Step after step on Enter; `b` says the step before again, `a` all that are left, `s` leaves the demo."""
    at, all_left = 0, False
    while (step := run.step(at)) is not None:
        say()
        say(tr("Step {number}.", number=at + 1))
        say_step(step)
        if all_left:
            at += 1
            continue
        match go_on(("b", tr("step back")), ("a", tr("all steps")), ("s", tr("skip the rest"))):
            case "b":
                at = max(at - 1, 0)
            case "a":
                at, all_left = at + 1, True
            case "s":
                run.stop()
                return
            case _:
                at += 1
    say(tr("The demo is at its end."))


def say_references(lesson: Lesson) -> None:
    if lesson.terms:
        say()
        say(tr("Terms:"))
        for term in lesson.terms:
            say_markdown(f"- {term.zh} / {term.en}{tr(': ')}{term.definition}")
    if lesson.references:
        say()
        say(tr("References:"))
        for reference in lesson.references:
            say_markdown(f"- {reference_line(reference)}")
    say()
    say(tr("The lesson is at its end."))
