"""Questions, one class a kind. Progress hangs on lesson slug + question id; `revision` restarts a card."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as attribute  # `Predict` has a field of that name
from typing import Any, ClassVar

from tutor.domain.language import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What every kind has. `section` is the id of the section that answers it."""

    kind: ClassVar[str] = ""

    id: str
    section: str
    prompt: Text
    explain: Text
    hint: Text = Text()
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Option:
    text: Text
    why: Text
    correct: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Question):
    """Exactly one option is right. An answer is the option's index in the file, however it was shuffled."""

    kind: ClassVar[str] = "choice"
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Multi(Question):
    """Several options may be right. An answer is a set of indices."""

    kind: ClassVar[str] = "multi"
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Question):
    """A number with a unit. With `vary`, `answer` is an expression over the varied names, drawn anew each review.

    `tolerance` is an absolute distance, or with `relative: true` a fraction of the answer.
    """

    kind: ClassVar[str] = "number"
    answer: float | str
    tolerance: float = 0.0
    relative: bool = False
    unit: str = ""
    vary: dict[str, list[float]] = attribute(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextAnswer(Question):
    """Any of `accept`, after NFKC and folding of case and spaces."""

    kind: ClassVar[str] = "text"
    accept: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Question):
    """`items` are in the right order in the file, shown shuffled. An answer is the list of file indices as arranged."""

    kind: ClassVar[str] = "order"
    items: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Predict(Question):
    """What will the demo say? The right answer is `field` of the result of `demo` run with `set`, computed when asked.

    With `options` the reader picks among values; each option's `text` is compared with the computed value.
    """

    kind: ClassVar[str] = "predict"
    demo: str
    field: str
    set: dict[str, Any] = attribute(default_factory=dict)
    options: tuple[Option, ...] = ()
    tolerance: float = 0.0
    relative: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans(Question):
    """Cut `text` where `tokenizer` cuts it. An answer is the set of character offsets of the cuts."""

    kind: ClassVar[str] = "spans"
    text: str
    tokenizer: str


KINDS: dict[str, type[Question]] = {cls.kind: cls for cls in (Choice, Multi, Number, TextAnswer, Order, Predict, Spans)}


@dataclass(frozen=True, slots=True)
class Quiz:
    lesson: str
    questions: tuple[Question, ...]

    def question(self, id: str) -> Question | None:
        return next((question for question in self.questions if question.id == id), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What grading found. `why` speaks to the answer given, `explain` to the question; `expected` is shown when wrong."""

    correct: bool
    why: Text
    explain: Text
    expected: Text = Text()
