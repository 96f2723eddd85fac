"""The line that an answer, a query or a value is typed on."""

from __future__ import annotations

from textual.geometry import Offset
from textual.widgets import Input

from tutor.domain.plaintext import clean


class AnswerInput(Input):
    """The line a typed answer is written on. The cursor does not blink, and stays where an input method needs it."""

    def __init__(self, value: str = "", *, placeholder: str = "", enter: str = "Answer", id: str | None = None) -> None:
        """`enter` says, in English as `tr` takes it, what Enter does here."""
        super().__init__(value, placeholder=placeholder, select_on_focus=False, id=id)
        self.cursor_blink = False
        self.enter = enter

    def validate_value(self, value: str) -> str:
        """One line without control characters, however it came here: typed, pasted, or out of a lesson."""
        return clean(" ".join(value.splitlines()).replace("\t", " "))

    @property
    def cursor_screen_offset(self) -> Offset:
        """Where the terminal's own cursor stands. Textual puts it a cell too far behind the last character."""
        offset = super().cursor_screen_offset
        return offset - Offset(1, 0) if self.cursor_at_end else offset
