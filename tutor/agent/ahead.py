"""What the first question would wait for, done before it is asked."""

from __future__ import annotations

from tutor.agent import prompt
from tutor.agent.engine import Engine
from tutor.agent.retrieval import find
from tutor.content.library import Library


def read_lessons(library: Library) -> None:
    """Have the index of the lessons, and what is counted in it: 0.3 s from its file, 1 s where they have to be read."""
    find(library, "model")


def read_beginning(engine: Engine, language: str) -> None:
    """Have the model evaluate what it is told before every question in `language`, some 400 tokens. Raises TutorError."""
    asked = prompt.in_other_words("", language, ()) if engine.small else prompt.from_notes("", language, ())
    for _ in engine.chat(asked.messages, max_tokens=1):
        pass
