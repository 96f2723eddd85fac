"""The two file formats: how the domain's classes are spelled in YAML, and what each field may hold.

The loader and the JSON Schemas both walk the classes with these rules, so that they cannot disagree.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from typing import Any, get_type_hints

from tutor.domain.entry import PARTS
from tutor.domain.labs import LABS
from tutor.domain.language import Text
from tutor.domain.lesson import Asked, DemoBlock, Excerpts, Figure, LabBlock, Lesson, Reference, Section, Term
from tutor.domain.quiz import Choice, Multi, Number, Option, Order, Predict, Question, Quiz, Spans, TextAnswer

FORMAT = 1
ID_PATTERN = r"[a-z0-9][a-z0-9-]{0,63}"
DEMO_PATTERN = r"[a-z][a-z0-9-]{0,63}"


@dataclass(frozen=True, slots=True)
class Topic:
    """A question of the curriculum, whether its lesson is written or not."""

    number: int
    slug: str
    part: str
    title: Text


@dataclass(frozen=True, slots=True)
class Curriculum:
    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a field may hold. `doc` is shown by editors.

    `low`/`high` bound a number, or how many entries a list or mapping has; `pattern` must match a string, or each
    string of a list, as a whole; `choices` are the strings allowed; `key` is the field's name in the file.
    """

    doc: str
    low: float | None = None
    high: float | None = None
    pattern: str = ""
    choices: tuple[str, ...] = ()
    key: str = ""


_SET = Rule("Parameters of the demo, by name; the rest keep their defaults.")
_TOLERANCE = Rule("How far off an answer may be: an absolute distance, or a fraction where `relative` is true.", low=0)
_RELATIVE = Rule("Whether `tolerance` is a fraction of the answer rather than a distance.")
_UNIT = Rule("The unit of the answer, shown after the field.")
_OPTIONS = Rule("The options, shuffled when shown.", low=2, high=8)
_SLUG = Rule("The permanent name; progress hangs on it.", pattern=ID_PATTERN)
_PART = Rule("; ".join(f"{letter} {name.en}" for letter, name in PARTS.items()), choices=tuple(PARTS))
_NUMBER = Rule("The number in the curriculum, the same as in the file name.", low=1, high=9999)

RULES: dict[tuple[type, str], Rule] = {
    (Text, "zh"): Rule("In Chinese."),
    (Text, "en"): Rule("In English."),
    (Curriculum, "topics"): Rule("The topics, in order.", low=1, high=5000),
    (Topic, "number"): _NUMBER,
    (Topic, "slug"): _SLUG,
    (Topic, "part"): _PART,
    (Topic, "title"): Rule("The question."),
    (Lesson, "number"): _NUMBER,
    (Lesson, "slug"): _SLUG,
    (Lesson, "part"): _PART,
    (Lesson, "title"): Rule("The question that the lesson answers; in Chinese verbatim from the curriculum."),
    (Lesson, "answer"): Rule("The answer to the title in one sentence."),
    (Lesson, "goals"): Rule("What the reader can do afterwards; two to four, each testable.", low=1, high=12),
    (Lesson, "minutes"): Rule("How long it takes to read, in minutes.", low=1, high=240),
    (Lesson, "blocks"): Rule(
        "The text, in sections, with demos and questions where the reader needs them.", low=1, key="sections", high=100
    ),
    (Lesson, "prerequisites"): Rule("Slugs of the lessons to read before.", pattern=ID_PATTERN, high=36),
    (Lesson, "terms"): Rule("Entries for the glossary; each must occur in the text.", high=100),
    (Lesson, "figures"): Rule("Every number that the text rests on; `qwtutor check` computes them again.", high=200),
    (Lesson, "references"): Rule("The sources, each with what rests on it.", high=100),
    (Lesson, "asked"): Rule("How learners ask, and which sentences answer: found by search, not shown.", high=400),
    (Asked, "section"): Rule("The id of the section that answers it.", pattern=ID_PATTERN),
    (Asked, "at"): Rule("A few words of each sentence that answers, the most direct answer first."),
    (Asked, "zh"): Rule("Ways to ask for it in Chinese, as different in their words as can be.", high=20),
    (Asked, "en"): Rule("Ways to ask for it in English, as different in their words as can be.", high=20),
    (Excerpts, "zh"): Rule("Copied from the section's Chinese text, without its Markdown signs.", high=5),
    (Excerpts, "en"): Rule("Copied from the section's English text, without its Markdown signs.", high=5),
    (Term, "zh"): Rule("The term in Chinese."),
    (Term, "en"): Rule("The term in English."),
    (Term, "definition"): Rule("What it means, in one line."),
    (Term, "also"): Rule("Other names for it, in any language: found by search.", high=20),
    (Figure, "demo"): Rule("The demo that computes it.", pattern=DEMO_PATTERN),
    (Figure, "expect"): Rule("For each path in the demo's result, such as `merges[0]`, the value.", low=1, high=100),
    (Figure, "set"): _SET,
    (Figure, "tolerance"): Rule("How far off a number may be, as an absolute distance.", low=0),
    (Reference, "authors"): Rule("The authors, as the paper spells them."),
    (Reference, "title"): Rule("The title of the paper or book."),
    (Reference, "year"): Rule("The year it appeared.", low=1600, high=2200),
    (Reference, "where"): Rule("The arXiv id or the venue."),
    (Reference, "supports"): Rule("What in the lesson rests on it."),
    (Section, "id"): Rule("Permanent within the lesson.", pattern=ID_PATTERN),
    (Section, "title"): Rule("The section's heading."),
    (Section, "body"): Rule(
        "Markdown: paragraphs, lists, tables, emphasis, code, quotes. No HTML, images or LaTeX: formulas stand in "
        "Unicode on a line of their own, in a code fence `math`."
    ),
    (Section, "also"): Rule(
        "How learners ask for what stands here, in any language: found by search, not shown.", high=40
    ),
    (DemoBlock, "name"): Rule("The demo's name.", pattern=DEMO_PATTERN),
    (DemoBlock, "set"): _SET,
    (DemoBlock, "predict"): Rule(
        "The id of the question that the reader answers before the demo may run.", pattern=ID_PATTERN
    ),
    (LabBlock, "name"): Rule("The lab's name.", choices=tuple(lab.name for lab in LABS)),
    (LabBlock, "set"): Rule("What the lab is opened with, by name."),
    (Quiz, "lesson"): Rule("The slug of the lesson.", pattern=ID_PATTERN),
    (Quiz, "questions"): Rule("The questions, in the order of the lesson.", low=1, high=200),
    (Question, "id"): Rule("Permanent within the quiz; progress hangs on it.", pattern=ID_PATTERN),
    (Question, "section"): Rule("The id of the section that answers it.", pattern=ID_PATTERN),
    (Question, "prompt"): Rule("The question, in the Markdown of the lessons."),
    (Question, "explain"): Rule("Why the right answer is right; shown after right answers too."),
    (Question, "hint"): Rule("A nudge, shown on request; an answer after it counts as hard."),
    (Question, "revision"): Rule("Raised only when the meaning changes: then the card starts over.", low=1),
    (Option, "text"): Rule("What the option says."),
    (Option, "why"): Rule("Why it is right; or the idea that leads to it, and where that breaks."),
    (Option, "correct"): Rule("Whether it is right; left out where it is wrong."),
    (Choice, "options"): _OPTIONS,
    (Multi, "options"): _OPTIONS,
    (Number, "answer"): Rule("The number; with `vary` an expression over the varied names."),
    (Number, "tolerance"): _TOLERANCE,
    (Number, "relative"): _RELATIVE,
    (Number, "unit"): _UNIT,
    (Number, "vary"): Rule("For each name in the prompt's braces, the values drawn from at each review.", high=8),
    (TextAnswer, "accept"): Rule(
        "Answers taken as right, in both languages; case and spaces do not count.", low=1, high=50
    ),
    (Order, "items"): Rule("The items in the right order; shuffled when shown.", low=2, high=12),
    (Predict, "demo"): Rule("The demo whose result is the answer.", pattern=DEMO_PATTERN),
    (Predict, "field"): Rule("The path in the demo's result, such as `merges[0]`."),
    (Predict, "set"): _SET,
    (Predict, "options"): Rule("Values to pick from, if any; each text is compared with the result.", high=8),
    (Predict, "tolerance"): _TOLERANCE,
    (Predict, "relative"): _RELATIVE,
    (Predict, "unit"): _UNIT,
    (Spans, "text"): Rule("The text to cut."),
    (Spans, "tokenizer"): Rule("The tokenizer that cuts it.", pattern=r"[a-z0-9][a-z0-9_.-]{0,63}"),
}


@dataclass(frozen=True, slots=True)
class FieldShape:
    """A field of a class as the file spells it: `key` there, `name` in the class, `hint` its type."""

    key: str
    name: str
    hint: Any
    required: bool
    rule: Rule


@cache
def shape(cls: type) -> dict[str, FieldShape]:
    """The fields of `cls` by their key in the file."""
    hints = get_type_hints(cls)
    found = (_field_shape(cls, field, hints[field.name]) for field in fields(cls))
    return {field.key: field for field in found}


def _field_shape(cls: type, field: Field[Any], hint: Any) -> FieldShape:
    rule = RULES[next(base for base in cls.__mro__ if (base, field.name) in RULES), field.name]
    required = field.default is MISSING and field.default_factory is MISSING
    return FieldShape(rule.key or field.name, field.name, hint, required, rule)
