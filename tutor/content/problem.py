"""What is wrong in a content file: where it stands, what was expected, what was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tutor.domain.errors import TutorError
from tutor.domain.language import Text, both, same
from tutor.domain.plaintext import visible

SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """`line` counts from 1, 0 where the file as a whole is meant; `field` is a path such as `sections[2].body.zh`.

    A `note` is worth telling but no failure: something that could not be computed again here.
    """

    file: str
    line: int
    field: str
    expected: Text
    found: Text
    note: bool = False

    @property
    def text(self) -> Text:
        place = self.file + (f":{self.line}" if self.line else "") + (f": {self.field}" if self.field else "")
        sentence = both("{place}: expected {expected}; found {found}.")
        return fill(sentence, place=same(place), expected=self.expected, found=self.found)

    def __str__(self) -> str:
        return str(self.text)


class ContentError(TutorError):
    """A content file that cannot be used. `problems` holds all that was found; the sentence speaks of the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "{problem}",
            hint="`qwtutor check` lists {count} problems in this file." if len(self.problems) > 1 else "",
            problem=self.problems[0],
            count=len(self.problems),
        )


def fill(sentence: Text, **values: Text) -> Text:
    """`sentence` with each `{name}` replaced, in either language by that language's text."""
    return Text(
        sentence.format(**{name: text.get("zh") for name, text in values.items()}).zh,
        sentence.format(**{name: text.get("en") for name, text in values.items()}).en,
    )


def shown(value: object) -> Text:
    """`value` from a file as it may stand in a sentence: one line, short, without control characters."""
    text = visible(value if isinstance(value, str) else str(value))
    return same(text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "...")
