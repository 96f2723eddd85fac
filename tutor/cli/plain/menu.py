"""The way in: what there is to do, by number."""

from __future__ import annotations

from collections.abc import Callable

from tutor import __version__
from tutor.cli import diagnostics, opening
from tutor.cli.plain import arena, reading, sitting, talk
from tutor.cli.plain.speech import Leave, ask, say, say_numbered
from tutor.cli.plain.visit import Opened, Visit
from tutor.domain import language
from tutor.domain.entry import PARTS, Entry
from tutor.domain.errors import TutorError
from tutor.domain.language import tr


def menu() -> int:
    """Offer everything until the person leaves, or the input ends."""
    with Opened() as visit:
        say(f"qwtutor {__version__}. " + tr("Answer each question with a line and Enter."))
        try:
            while True:
                choose(visit)
        except (Leave, EOFError):
            say()
            say(tr("Good-bye. Everything you answered is saved."))
    return diagnostics.DONE


def choose(visit: Visit) -> None:
    """One round of the menu."""
    offers: list[tuple[str, Callable[[Visit], object]]] = [
        (continue_title(visit), continue_reading),
        (tr("Lessons"), choose_lesson),
        (due_title(visit), sitting.review),
        (tr("Search"), search),
        ("English" if language.language() == "zh" else "中文", switch_language),
        (tr("Blind arena: two answers, your vote"), arena.sit),
        (tr("Ask the tutor"), talk.converse),
    ]
    shown = [offer for offer in offers if offer[0]]
    say()
    for number, (title, _) in enumerate(shown, 1):
        say_numbered(number, title)
    say(tr("q. Leave"))
    typed = ask(tr("Number: ")).lower()
    if typed in ("q", "/q"):
        raise Leave
    if not (typed.isascii() and typed.isdigit() and 1 <= int(typed) <= len(shown)):
        say(tr("Type a number from 1 to {count}, or q.", count=len(shown)))
        return
    try:
        shown[int(typed) - 1][1](visit)
    except Leave:
        return
    except TutorError as error:
        say(str(error))


def continue_title(visit: Visit) -> str:
    position = visit.progress.last_position()
    if position is None or not visit.library.has(position.lesson):
        return ""
    entry = next(each for each in visit.library.entries() if each.slug == position.lesson)
    return tr("Continue: {title}", title=entry.title)


def continue_reading(visit: Visit) -> None:
    position = visit.progress.last_position()
    if position is not None:
        reading.read(visit, visit.library.lesson(position.lesson))


def due_title(visit: Visit) -> str:
    slugs = [entry.slug for entry in visit.library.entries() if entry.written]
    return tr("Review: {count} questions are due", count=visit.progress.due_count(opening.now(), lessons=slugs))


def choose_lesson(visit: Visit) -> None:
    entries = visit.library.entries()
    progress = visit.progress.lesson_progress()
    part = ""
    for entry in sorted(entries, key=lambda entry: (entry.part, entry.number)):
        if entry.part != part:
            part = entry.part
            say(f"{part}. {PARTS.get(part, '')}")
        done = progress.get(entry.slug)
        state = tr("not written yet") if not entry.written else state_words(entry, done)
        say_numbered(entry.number, f"{entry.title} ({state})")
    typed = ask(tr("The lesson's number, or Enter to go back: "))
    if not typed or typed == "q":
        return
    entry_chosen = next((each for each in entries if typed in (str(each.number), each.slug)), None)
    if entry_chosen is None:
        say(tr("There is no lesson {typed}.", typed=typed))
        return
    reading.read(visit, visit.library.lesson(entry_chosen.slug))


def state_words(entry: Entry, done: object) -> str:
    """How far a lesson is: read, answered."""
    if done is None:
        return tr("{minutes} min, {questions} questions", minutes=entry.minutes, questions=entry.questions)
    return tr(
        "{percent} read, {right} of {questions} questions right",
        percent=f"{getattr(done, 'fraction', 0.0):.0%}",
        right=getattr(done, "right", 0),
        questions=entry.questions,
    )


def search(visit: Visit) -> None:
    from tutor.content.search import search as find

    query = ask(tr("Search for: "))
    if not query:
        return
    hits = find(visit.library, query, 9)
    if not hits:
        say(tr("No section speaks of that."))
        return
    for number, hit in enumerate(hits, 1):
        say_numbered(number, f"{hit.title} ({hit.lesson})")
        say(hit.snippet, indent=3)
    typed = ask(tr("[number: read that section, Enter: leave] "))
    if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= len(hits):
        hit = hits[int(typed) - 1]
        section = visit.library.lesson(hit.lesson).section(hit.section)
        if section is not None:
            reading.say_section(section)


def switch_language(visit: Visit) -> None:
    """The other language, from now on and next time."""
    other = "en" if language.language() == "zh" else "zh"
    language.set_language(other)
    visit.progress.set_setting("language", other)
