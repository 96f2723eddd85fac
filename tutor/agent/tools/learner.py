"""The tool that knows the learner."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from tutor.agent.tools.workbench import Observation, Workbench
from tutor.content.problem import ContentError
from tutor.domain.errors import NotFound
from tutor.domain.language import Text, both
from tutor.domain.plaintext import visible
from tutor.store.progress import Hard

READ = 0.95  # of a lesson: its last screen may not have been scrolled to the end
HARD = 5
PROMPT_CHARACTERS = 80


def progress(at: Workbench) -> Observation:
    """What the learner has read and answered, what is due for review, and what they find hard."""
    if at.progress is None:
        raise NotFound("Nothing is known of the learner here.")
    now, lessons = at.now(), [entry.slug for entry in at.library.entries() if entry.written]
    known = {slug: each for slug, each in at.progress.lesson_progress().items() if slug in lessons}
    finished = [slug for slug, each in known.items() if each.fraction >= READ]
    begun = [slug for slug, each in known.items() if 0 < each.fraction < READ]
    answered, right = sum(each.answered for each in known.values()), sum(each.right for each in known.values())
    waiting = at.progress.due(now, lessons=lessons, beyond_limit=True)
    hard = [each for each in at.progress.hard(now, 2 * HARD) if each.lesson in known][:HARD]
    lines = [
        both("Lessons finished: {n} of {all}{names}.", n=len(finished), all=len(lessons), names=_named(finished)),
        both("Lessons begun: {n}{names}.", n=len(begun), names=_named(begun)),
        both("Questions answered: {n}; right at the latest try: {right}.", n=answered, right=right),
        both("Due for review now: {n}{names}.", n=len(waiting), names=_named(each.lesson for each in waiting)),
        both("Hardest so far:") if hard else both("No question was answered wrong."),
        *(_trouble(at, each) for each in hard),
    ]
    data = {
        "finished": finished,
        "begun": begun,
        "answered": answered,
        "right": right,
        "due": len(waiting),
        "hard": [{"lesson": each.lesson, "question": each.question, "wrong": each.wrong} for each in hard],
    }
    return Observation("\n".join(at.say(line) for line in lines), data)


def _named(slugs: Iterable[str]) -> str:
    """The lessons in brackets, each once, in order; nothing where there is none."""
    each_once = list(dict.fromkeys(slugs))
    return f" ({', '.join(each_once)})" if each_once else ""


def _trouble(at: Workbench, hard: Hard) -> Text:
    return both(
        "{lesson}/{question}: wrong {wrong} of {reviews} times, remembered now with {percent}: {prompt}",
        lesson=hard.lesson,
        question=hard.question,
        wrong=hard.wrong,
        reviews=hard.reviews,
        percent=f"{hard.retrievability:.0%}",
        prompt=_prompt(at, hard),
    )


def _prompt(at: Workbench, hard: Hard) -> str:
    """The beginning of the question; never its answer."""
    with suppress(ContentError, NotFound):
        for question in at.library.quiz(hard.lesson).questions:
            if question.id == hard.question:
                text = visible(" ".join(at.say(question.prompt).split()))
                return text if len(text) <= PROMPT_CHARACTERS else text[: PROMPT_CHARACTERS - 3] + "..."
    return "-"
