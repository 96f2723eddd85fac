"""A lesson as the rest of the program sees it. The file format is checked in `content`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tutor.domain.language import Text


@dataclass(frozen=True, slots=True)
class Term:
    """A glossary entry. `also` are other names for it, in any language."""

    zh: str
    en: str
    definition: Text
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A number the text rests on: the demo `demo` with `set` must give each of `expect` (path in result -> value)."""

    demo: str
    expect: dict[str, Any]
    set: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class Reference:
    authors: str
    title: str
    year: int
    where: str
    supports: Text = Text()


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of text, one breath long. `id` is permanent within the lesson.

    `also` is what else people ask for when this is what they need: found by search, never shown.
    """

    id: str
    title: Text
    body: Text
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoBlock:
    """A demo embedded in the text. `predict` names the question to answer before it may run."""

    name: str
    set: dict[str, Any] = field(default_factory=dict)
    predict: str = ""


@dataclass(frozen=True, slots=True)
class LabBlock:
    """A lab that the reader may open here, with what the lesson puts into it."""

    name: str
    set: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckBlock:
    """A question of the lesson's quiz, answered in place."""

    question: str


Block = Section | DemoBlock | LabBlock | CheckBlock


@dataclass(frozen=True, slots=True)
class Excerpts:
    """Words copied from sentences of a section, as it says them in each language."""

    zh: tuple[str, ...] = ()
    en: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """Ways in which learners ask for something, and the sentences of `section` that answer it: those that `at` is from,
    the one that answers most directly first. Found by search, never shown.
    """

    section: str
    at: Excerpts
    zh: tuple[str, ...] = ()
    en: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lesson:
    number: int
    slug: str
    part: str
    title: Text
    answer: Text
    goals: tuple[Text, ...]
    minutes: int
    blocks: tuple[Block, ...]
    prerequisites: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    figures: tuple[Figure, ...] = ()
    references: tuple[Reference, ...] = ()
    asked: tuple[Asked, ...] = ()

    @property
    def sections(self) -> tuple[Section, ...]:
        return tuple(block for block in self.blocks if isinstance(block, Section))

    def section(self, id: str) -> Section | None:
        return next((section for section in self.sections if section.id == id), None)
