"""An answer that has been begun: kept with the sitting, so that it stands there again when the question does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tutor.domain.quiz import Order, Question, Spans


@dataclass(slots=True)
class Draft:
    """What has been entered so far.

    `cursor` is the line it stands on (from 0), in a text to cut or a typed answer the character it stands before.
    `picked` and `arrangement` are indices into the file's options, `picked` in a text to cut the places of the cuts.
    """

    cursor: int = 0
    picked: tuple[int, ...] = ()
    arrangement: tuple[int, ...] = ()
    typed: str = ""

    @classmethod
    def restored(cls, data: Any, question: Question) -> Draft | None:
        """The draft that was kept as `data`; None where it is none, or not one of an answer to `question` as it is."""
        try:
            draft = cls(
                cursor=int(data["cursor"]),
                picked=tuple(map(int, data["picked"])),
                arrangement=tuple(map(int, data["arrangement"])),
                typed=str(data["typed"]),
            )
        except (KeyError, TypeError, ValueError):
            return None
        return draft if draft.fits(question) else None

    def fits(self, question: Question) -> bool:
        """Whether all places are ones that `question` has."""
        if isinstance(question, Spans):
            places = range(1, len(question.text))
            return set(self.picked) <= set(places) and 0 <= self.cursor < max(1, len(question.text))
        if isinstance(question, Order):
            lines = range(len(question.items))
            arranged = sorted(self.arrangement) == list(lines)
        else:
            lines = range(len(getattr(question, "options", ())))
            arranged = not self.arrangement
        cursors = range(max(1, len(lines))) if lines else range(len(self.typed) + 1)
        return arranged and set(self.picked) <= set(lines) and self.cursor in cursors
