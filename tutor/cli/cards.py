"""Questions as the two sides of a card, for `progress export FILE.apkg`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tutor.cli import diagnostics, opening
from tutor.domain import grading
from tutor.domain.errors import TutorError, UsageError
from tutor.domain.language import tr
from tutor.domain.quiz import Number, Order, Question
from tutor.runtime.expected import expected
from tutor.store.anki import Note, guid_for, write_package
from tutor.store.exchange import export_json
from tutor.store.progress import Progress


def export_anki(target: Path, *, everything: bool) -> int:
    """Write the questions answered so far, or all there are, as an Anki package. Gives how many cards it has."""
    with opening.progress() as progress, opening.Models() as models:
        chosen = None if everything else answered(progress)
        notes = []
        for slug, question in questions():
            if chosen is not None and (slug, question.id) not in chosen:
                continue
            try:
                notes.append(note(slug, question, models))
            except TutorError as error:
                diagnostics.say(tr("Left out {lesson}/{id}: {reason}", lesson=slug, id=question.id, reason=error))
    if not notes:
        raise UsageError("No question has been answered yet.", hint="`--all` takes all questions there are.")
    return write_package(notes, target)


def answered(progress: Progress) -> set[tuple[str, str]]:
    """Lesson and id of every question with an answer that was not taken back."""
    data = export_json(progress)
    undone = {entry["review"] for entry in data["undone"]}
    return {(entry["lesson"], entry["question"]) for entry in data["reviews"] if entry["id"] not in undone}


def questions() -> Iterator[tuple[str, Question]]:
    library = opening.library()
    for entry in library.entries():
        if entry.written and entry.questions and not entry.problem:
            for question in library.quiz(entry.slug).questions:
                yield entry.slug, question


def note(slug: str, question: Question, models: opening.Models) -> Note:
    """Raises TutorError where the answer is computed by something that is not there."""
    value = expected(question, models.model)
    verdict = grading.grade(question, grading.model_answer(question, value), expected=value)
    shown = grading.variant(question) if isinstance(question, Number) else question
    texts = (
        question.items if isinstance(question, Order) else [option.text for option in getattr(question, "options", ())]
    )
    order = grading.option_order(question, slug)
    front = [str(shown.prompt), *(f"{number}. {texts[index]}" for number, index in enumerate(order, 1))]
    back = [str(part) for part in (verdict.expected, verdict.why, verdict.explain) if part]
    return Note("\n".join(front), "\n\n".join(back), guid_for(slug, question.id), (f"qwtutor::{slug}",))
