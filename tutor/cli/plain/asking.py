"""One question, spoken: asked, hinted at, answered, judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tutor.cli import opening
from tutor.cli.plain.speech import Leave, ask, go_on, say, say_markdown, say_numbered
from tutor.cli.plain.visit import Visit
from tutor.domain import grading
from tutor.domain.errors import TutorError, UsageError
from tutor.domain.language import Text, tr
from tutor.domain.plaintext import visible
from tutor.domain.quantity import unit_name
from tutor.domain.quiz import Choice, Multi, Number, Order, Predict, Question, Spans, TextAnswer, Verdict
from tutor.domain.schedule import Rating
from tutor.domain.session import Session

KIND_NAMES = {
    "choice": Text("选择题：选一项", "Choose one"),
    "multi": Text("多选题：选出所有对的", "Choose all that are right"),
    "number": Text("填一个数", "Give a number"),
    "text": Text("填写答案", "Write the answer"),
    "order": Text("排序题", "Put in order"),
    "predict": Text("预测题：先说出你的判断", "Predict: say what you expect"),
    "spans": Text("切分题", "Cut the text"),
}


def ask_turn(visit: Visit, session: Session, key: str) -> None:
    """Ask the session's current question until it is answered, skipped or left (Leave).

    The answer and the sitting, kept under `key`, are on the disk before the verdict is said.
    """
    say_question(session.question, session.order)
    while session.verdict is None:
        typed = ask(tr("Your answer: "))
        match command(session.question, typed):
            case "q":
                raise Leave
            case "s":
                session.skip()
                keep(visit, session, key)
                return
            case "h":
                say(session.take_hint() or tr("This question has no hint."))
            case "u":
                take_back(visit, session, key)
                return
            case "?":
                say_question(session.question, session.order)
            case _:
                if not answered(visit, session, typed, key):
                    return
    after(visit, session, key)


def answered(visit: Visit, session: Session, typed: str, key: str) -> bool:
    """Grade and save what was typed; a slip of the keyboard is said. False where the question cannot be answered now."""
    from tutor.runtime.expected import expected

    question = session.question
    try:
        answer = grading.parse_answer(question, typed, order=session.order)
    except UsageError as error:
        say(error.message)
        say(error.hint)
        return True
    try:
        if isinstance(question, Predict | Spans):
            say(tr("Computing the answer."))
        session.answer(answer, expected=expected(question, visit.model))
    except UsageError as error:
        say(str(error))
        return True
    except TutorError as error:
        say(str(error))
        say(tr("This question is left out for now."))
        session.skip()
        return False
    visit.progress.record(session.outcome, now=opening.now(), keep=kept(session, key))
    return True


def after(visit: Visit, session: Session, key: str) -> None:
    """Say the verdict; go on, rate it easy, or take it back."""
    verdict = session.verdict
    assert verdict is not None
    say_verdict(verdict)
    offers = [("u", tr("take the answer back"))]
    if verdict.correct:
        offers.insert(0, ("e", tr("that was too easy")))
    try:
        chosen = go_on(*offers)
    except Leave:
        session.next()
        keep(visit, session, key)
        raise
    if chosen == "u":
        take_back(visit, session, key)
        return
    if chosen == "e":
        visit.progress.record(session.rate(Rating.EASY), now=opening.now(), keep=kept(session, key))
    session.next()
    keep(visit, session, key)


def kept(session: Session, key: str) -> dict[str, Any]:
    """What is written down with an answer, so that the sitting can be gone on with."""
    return {key: session.to_dict()}


def keep(visit: Visit, session: Session, key: str) -> None:
    # A finished sitting is nothing to go on with; a lone question stays as it was when it was answered.
    if not session.finished:
        visit.progress.keep(key, session.to_dict(), now=opening.now())


def take_back(visit: Visit, session: Session, key: str) -> None:
    """Undo the latest answer of this sitting, in the log too; its question comes again."""
    undone = session.undo()
    if not undone:
        say(tr("There is no answer to take back."))
        return
    visit.progress.undo(undone, now=opening.now(), keep=kept(session, key))
    say(tr("Taken back."))


def command(question: Question, typed: str) -> str:
    """The command that `typed` is, or nothing: `/h` anywhere, a bare `h` where no answer could look like it.

    An empty line asks for the question again.
    """
    word = typed.lower()
    if not word or word == "?":
        return "?"
    letter = word.removeprefix("/")[:1]
    bare = word in ("h", "s", "q", "u") and takes_bare_letters(question)
    return letter if letter in "hsqu" and (bare or word.startswith("/")) else ""


def takes_bare_letters(question: Question) -> bool:
    """Whether no answer to the question can be one of the letters h, s, q, u."""
    match question:
        case Choice() | Multi() | Order() | Predict(options=[_, *_]):
            return count_shown(question) < ord("h") - ord("a") + 1
        case Number():
            return True
    return False


def count_shown(question: Question) -> int:
    return len(question.items) if isinstance(question, Order) else len(getattr(question, "options", ()))


def say_question(question: Question, order: Sequence[int]) -> None:
    say(tr("{sentence}.", sentence=KIND_NAMES[question.kind]))
    say_markdown(question.prompt)
    match question:
        case Choice() | Multi() | Predict():
            texts = [question.options[index].text for index in order]
        case Order():
            texts = [question.items[index] for index in order]
        case _:
            texts = []
    for number, text in enumerate(texts, 1):
        say_numbered(number, text)
    say(how_to_answer(question))
    slash = "" if takes_bare_letters(question) else "/"
    say(tr("{s}h: a hint; {s}s: skip; {s}u: take the last answer back; {s}q: leave.", s=slash))


def how_to_answer(question: Question) -> str:
    match question:
        case Choice():
            return tr("Type a number from 1 to {count}.", count=len(question.options))
        case Multi():
            return tr("Type all the numbers that are right, as in 1,3.")
        case Order():
            return tr("Type the numbers in the right order, as in 2,1,3.")
        case Number() if question.unit:
            return tr("Type a number; the unit is {unit}.", unit=unit_name(question.unit))
        case Number():
            return tr("Type a number.")
        case Predict() if question.options:
            return tr("Type a number from 1 to {count}.", count=len(question.options))
        case Spans():
            return tr("Type the text with | where it is cut: {text}", text=visible(question.text))
        case TextAnswer() | Predict():
            return tr("Type your answer.")
    raise TypeError(f"unknown kind of question: {question.kind}")


def say_verdict(verdict: Verdict) -> None:
    say(tr("Right.") if verdict.correct else tr("Not right."))
    if verdict.why:
        say_markdown(verdict.why)
    if not verdict.correct and verdict.expected:
        say_markdown(tr("The right answer: {answer}", answer=verdict.expected))
    say_markdown(verdict.explain)
