"""Hints to an open question, in three strengths, that never say the answer; and the start from a mistake.

However the reader begs, what a hint is made of is the question, its section and the wrong options, with a blank for
whatever says the right one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tutor.agent.passages import sentences
from tutor.agent.secrets import BLANK, Secret, secret
from tutor.content.blocks import PROSE, blocks
from tutor.content.library import Library
from tutor.content.problem import ContentError
from tutor.content.query import content_words, terms
from tutor.domain.answers import Answer
from tutor.domain.errors import NotFound
from tutor.domain.grading import variant
from tutor.domain.language import language, tr
from tutor.domain.lesson import Section
from tutor.domain.plaintext import clean
from tutor.domain.quiz import Choice, Multi, Number, Option, Order, Predict, Question, Spans, TextAnswer, Verdict

STRENGTHS = (1, 2, 3)
ENOUGH_OPTIONS = 3  # of fewer, to rule one out is to tell


def hint(
    question: Question,
    strength: int,
    library: Library,
    slug: str,
    *,
    expected: Any = None,
    seed: int | str | None = None,
) -> str:
    """A hint to `question` of the lesson `slug` in the current language: 1 a nudge, 2 what its section says, 3 how.

    It never holds the right option's text, the number or an accepted answer. `expected` and `seed` as for `grade`:
    without them every number that might be the answer is left blank.
    """
    hidden = secret(question, expected=expected, seed=seed)
    if isinstance(question, Number):
        question = variant(question, seed)
    section = _section(library, slug, question.section)
    made = {1: _nudge, 2: _said_there, 3: _method}[min(max(strength, 1), 3)](question, section, hidden)
    return next(text for text in (*made, _where(section), tr("Read what the question asks once more, word by word."), BLANK)
                if _safe(text, hidden))  # fmt: skip


def from_mistake(question: Question, answer: Answer, verdict: Verdict, library: Library, slug: str) -> str:
    """What to say first after the wrong `answer`: why it is wrong, then where to look; never what is right."""
    hidden = secret(question)
    section = _section(library, slug, question.section)
    said = [clean(text) for text in _wrong(question, answer, verdict) if not hidden.said(text)]
    return "\n".join([*said, text]) if _safe(text := _where(section), hidden) else "\n".join(said)


def _section(library: Library, slug: str, id: str) -> Section | None:
    try:
        return library.lesson(slug).section(id)
    except (ContentError, NotFound):
        return None


def _safe(text: str, hidden: Secret) -> bool:
    return bool(text.strip()) and not hidden.told(text)


# The three strengths: texts to try, best first


def _nudge(question: Question, section: Section | None, hidden: Secret) -> Iterator[str]:
    yield _masked(str(question.hint), hidden)
    yield _where(section)


def _said_there(question: Question, section: Section | None, hidden: Secret) -> Iterator[str]:
    if section is None:
        return
    asked = set(content_words(str(question.prompt)))
    prose = [block.text for block in blocks(str(section.body)) if block.kind == PROSE]
    told = [one for text in prose for one in sentences(text) if not one.endswith((":", "："))]
    for sentence in sorted(told, key=lambda one: -len(asked & set(terms(one)))):
        masked = _masked(sentence, hidden)
        title = _masked(str(section.title), hidden)
        if masked and title:
            yield tr("The section “{title}” says: {sentence}", title=title, sentence=masked)
        elif masked:
            yield tr("Its section says: {sentence}", sentence=masked)


def _method(question: Question, section: Section | None, hidden: Secret) -> Iterator[str]:
    yield from _ruled_out(question, hidden)
    how = _how(question)
    own = _masked(str(question.hint), hidden)
    yield f"{own}\n{how}" if own else how
    yield how
    yield from _said_there(question, section, hidden)


def _ruled_out(question: Question, hidden: Secret) -> Iterator[str]:
    options = question.options if isinstance(question, (Choice, Multi, Predict)) else ()
    wrong = [option for option in options if not option.correct and not hidden.told(str(option.text))]
    known = any(option.correct for option in options) or not isinstance(question, Predict)
    if len(options) < ENOUGH_OPTIONS or not known:
        return
    for option in wrong:
        why = _masked(str(option.why), hidden)
        if why:
            yield tr("It is not “{option}”: {why}", option=str(option.text), why=why)


def _how(question: Question) -> str:
    match question:
        case Order():
            return tr("Take any two: which of them needs what the other leaves? Then the next two.")
        case Spans():
            return tr("Go through the text from the left and ask at each place what the section's rule says.")
        case Number():
            return tr("Write down what is given, then what is asked, and the formula of the section between them.")
        case Predict():
            return tr("Go through the demo's first step by hand with the values of the question.")
        case TextAnswer():
            return tr("Say in your own words what the answer does; the section has a name for it, or shows it.")
    return tr("Hold each option against the section: which of its words does the text contradict?")


def _where(section: Section | None) -> str:
    return tr("Look at the section “{title}” again.", title=str(section.title)) if section is not None else ""


def _masked(text: str, hidden: Secret) -> str:
    """`text` with blanks for the answer; nothing where too little is left, or it is told in other words."""
    masked = hidden.blanked(clean(text))
    return "" if masked == BLANK else masked


# The start from a mistake


def _wrong(question: Question, answer: Answer, verdict: Verdict) -> Iterator[str]:
    if isinstance(question, Multi):
        chosen = [question.options[int(index)] for index in sorted(answer)]
        yield from (_does_not_belong(option) for option in chosen if not option.correct)
        if any(option.correct and option not in chosen for option in question.options):
            yield tr("Something that belongs is still missing.")
    elif isinstance(question, Choice):
        yield str(question.options[int(answer)].why)
    elif isinstance(question, Order):
        yield tr("The order is not right yet: find the first item that comes too early.")
    else:
        yield str(verdict.why)


def _does_not_belong(option: Option) -> str:
    return tr("“{option}” does not belong: {why}", option=option.text.get(language()), why=option.why.get(language()))
