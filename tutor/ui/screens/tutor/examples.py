"""Questions to begin with, about what is on screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tutor.domain.errors import TutorError
from tutor.domain.language import language, tr

if TYPE_CHECKING:
    from tutor.ui.screens.tutor.talk import Place
    from tutor.ui.services import Services

EXAMPLES = 3
_SERIES = re.compile(r"^千问LLM之.{1,4}?：\s*")  # the number of a question, before the question


def examples(services: Services, place: Place) -> list[str]:
    """Three questions: of the lesson on screen its own and two of its terms, else of all lessons."""
    general = [
        tr("What is a token?"),
        tr("Why is decoding not always greedy?"),
        tr("How many tokens is “hello world”?"),
    ]
    if not place.near:
        return general
    try:
        lesson = services.library.lesson(place.near)
    except TutorError:
        return general
    terms = [term.zh if language() == "zh" else term.en for term in lesson.terms]
    asked = [tr("What is {term}?", term=term or other.en) for term, other in zip(terms, lesson.terms, strict=True)]
    return [_SERIES.sub("", lesson.title.get()), *asked, *general][:EXAMPLES]
