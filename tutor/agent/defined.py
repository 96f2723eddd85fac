"""Questions that ask what a term means: the glossary's definition comes first, whatever else speaks of it more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from tutor.agent.events import Passage
from tutor.agent.retrieval import PASSAGE_CHARACTERS, definition
from tutor.agent.tools.lessons import Entry, folded, terms
from tutor.content.blocks import blocks
from tutor.content.library import Library
from tutor.content.sections import introduced

_WHAT = re.compile(
    r"(?:so |ok |and |but |please )*(?:what(?:'s| is| are)|whats|explain)(?: exactly)? (?:an? |the )?(.{1,40}?)(?: exactly| anyway)?"
    r"|(?:请问|那)?(?:到底|究竟)?(?:什么(?:是|叫)|啥(?:是|叫)|何为|何谓|(?:请)?解释一?下?)(.{1,20}?)"
    r"|(?:请问|那)?(.{1,20}?)(?:到底|究竟)?(?:是|指)(?:个)?(?:什么|啥)(?:意思|东西)?(?:呢|啊|呀)?|(.{1,20}?)(?:什么|啥)意思",
    re.IGNORECASE,
)


def asks_meaning(question: str) -> bool:
    """Whether `question` asks what something is, and nothing more."""
    return _WHAT.fullmatch(_bare(question)) is not None


def defining(question: str, library: Library, near: str | None, language: str) -> Passage | None:
    """The section that introduces the term that `question` asks the meaning of, its definition first; None where it
    asks something else.
    """
    entry = _term_asked(question, library, near)
    return entry and _introduction(entry, library, language)


def first_of(passages: Sequence[Passage], defining: Passage) -> tuple[Passage, ...]:
    """`passages` with that section in front, as it was found where it was."""
    others = [each for each in passages if (each.lesson, each.section) != (defining.lesson, defining.section)]
    found = next((each for each in passages if each not in others), None)
    best = max((each.score for each in passages), default=1.0)
    if found is not None and found.text.startswith(defining.text.partition("\n\n")[0]):
        return (replace(found, score=best), *others)
    # What answers the question elsewhere was found for words that are not what is asked.
    return (replace(defining, score=best), *(replace(each, pointed=()) for each in others))


def _term_asked(question: str, library: Library, near: str | None) -> Entry | None:
    asked = _WHAT.fullmatch(_bare(question))
    if asked is None:
        return None
    name = folded(next(filter(None, asked.groups())))
    same = [each for each in terms(library) if name and name in map(folded, (*each.names, *each.term.also))]
    return next((each for each in same if each.lesson == near), same[0] if same else None)


def _introduction(entry: Entry, library: Library, language: str) -> Passage | None:
    """The definition, and as much of the section as a passage holds."""
    lesson = library.lesson(entry.lesson)
    section = lesson.section(introduced(entry.term, lesson))
    if section is None:
        return None
    text = definition(entry.term, language)
    for block in blocks(section.body.get(language)):
        if len(text) + len(block.text) > PASSAGE_CHARACTERS[language]:
            break
        text += f"\n\n{block.text}"
    return Passage(lesson.slug, section.id, section.title, text, 1.0)


def _bare(question: str) -> str:
    return question.strip().rstrip("?？。.!！ ").replace("’", "'")
