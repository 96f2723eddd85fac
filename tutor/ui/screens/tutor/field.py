"""Where a question is typed: Enter asks it, Ctrl+J begins a new line, Up goes to what was said."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Key
from textual.message import Message

from tutor.ui.widgets.writing import WritingField


class QuestionField(WritingField, inherit_bindings=False):
    """Posts `Left` when the cursor goes up from its first row."""

    DEFAULT_CSS = "QuestionField { height: 2; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "done(True)", "Ask", show=False, id="tutor.ask"),
        Binding("ctrl+j", "insert('\\n')", "New line", id="tutor.newline"),
    ]

    class Left(Message):
        """Up from the first row."""

    def on_key(self, event: Key) -> None:
        if event.key == "up" and self.sheet.caret_row == 0 and self.sheet.top == (0, 0):
            event.stop()
            event.prevent_default()
            self.post_message(self.Left())
