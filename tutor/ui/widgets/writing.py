"""A field that several lines are written in. What was typed or pasted is kept to the letter, and shown harmlessly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click, Key, Paste
from textual.geometry import Offset
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tutor.ui.draw.glyphs import spelled
from tutor.ui.draw.sheet import Sheet
from tutor.ui.widgets.fit import fit
from tutor.ui.widgets.lines import strip_of

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp

CARET = Style(reverse=True)
# What a key does, by method and its arguments. Not bindings: those wait their turn behind letters that were typed
# later, where many keys come at once over a slow link.
EDITING: dict[str, tuple[str, tuple[Any, ...]]] = {
    "enter": ("action_done", (True,)),
    "escape": ("action_done", (False,)),
    "ctrl+j": ("action_insert", ("\n",)),
    "left": ("move", (-1,)),
    "right": ("move", (1,)),
    "up": ("move_rows", (-1,)),
    "down": ("move_rows", (1,)),
    "pageup": ("move_rows", (-10,)),
    "pagedown": ("move_rows", (10,)),
    "home": ("move_to_edge", (-1,)),
    "ctrl+a": ("move_to_edge", (-1,)),
    "end": ("move_to_edge", (1,)),
    "ctrl+e": ("move_to_edge", (1,)),
    "ctrl+home": ("move_to_edge", (-1, True)),
    "ctrl+end": ("move_to_edge", (1, True)),
    "backspace": ("delete", (-1,)),
    "delete": ("delete", (1,)),
    "ctrl+d": ("delete", (1,)),
    "ctrl+w": ("delete_word", ()),
    "alt+backspace": ("delete_word", ()),
    "ctrl+u": ("delete_to", (-1,)),
    "ctrl+k": ("delete_to", (1,)),
}


class WritingField(Widget, can_focus=True):
    """Posts `Changed` when the text or the caret is another, `Done` on Enter or Esc.

    Every letter is a letter here. A file or a paste of any size is as quick as a short line: only what is seen is
    drawn, and nothing is undone by showing it (control characters, several kinds of line ends).
    """

    # The bar of keys then names none that would only be typed.
    takes_text = True

    DEFAULT_CSS = "WritingField { width: 1fr; height: 3; background: $panel; padding: 0 1; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "done(True)", "Done", show=False, id="writing.done"),
        Binding("escape", "done(False)", "To the tokens", id="writing.leave"),
        Binding("ctrl+j", "insert('\\n')", "New line", id="writing.newline"),
    ]

    class Changed(Message):
        """`text` says whether the text is another, or only the caret."""

        def __init__(self, field: WritingField, *, text: bool) -> None:
            super().__init__()
            self.field = field
            self.text = text

        @property
        def control(self) -> WritingField:
            return self.field

    class Done(Message):
        """The reader goes on; `enter` says with which key."""

        def __init__(self, field: WritingField, *, enter: bool) -> None:
            super().__init__()
            self.field = field
            self.enter = enter

    app: TutorApp

    def __init__(self, text: str = "", *, placeholder: str = "", id: str | None = None, enter: str = "Done") -> None:
        """`enter` says, in English as `tr` takes it, what Enter does here."""
        super().__init__(id=id, markup=False)
        self.sheet = Sheet(text)
        self.placeholder = placeholder
        self.enter = enter
        self.label = ""

    @property
    def text(self) -> str:
        return self.sheet.text

    def write(self, text: str) -> None:
        """Show another text, without a message."""
        self.sheet.write(text)
        self._seen()

    # -- drawing -----------------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self._seen()

    def on_focus(self) -> None:
        self._seen()

    def on_blur(self) -> None:
        self.refresh()

    @property
    def _indent(self) -> int:
        return Text(self.label).cell_len + 2 if self.label else 0

    def _seen(self) -> None:
        # One cell stays free for the caret behind the last character.
        self.sheet.fit(self.size.width - self._indent - 1, self.size.height)
        if self.has_focus:
            self.sheet.show_caret()
        self._rows = self.sheet.rows()
        self.refresh()
        if self.has_focus:
            self.app.cursor_position = self.cursor_screen_offset

    @property
    def cursor_screen_offset(self) -> Offset:
        """Where an input method shows what is being composed."""
        return self.content_region.offset + Offset(self._indent + self.sheet.caret_cell, self.sheet.caret_row)

    def render_line(self, y: int) -> Strip:
        width, style, palette = self.size.width, self.rich_style, self.app.palette
        if self.sheet.empty:
            line = fit(Text(self.placeholder if not y else "", palette.muted), width - self._indent)
        else:
            rows = getattr(self, "_rows", [])
            line = Text(spelled(rows[y]) if y < len(rows) else "")
        if self.has_focus and y == self.sheet.caret_row:
            line = self._with_caret(line)
        if self.label:
            before = self.label if not y else ""
            line = Text.assemble((before, palette.accent), " " * (self._indent - Text(before).cell_len), line)
        return strip_of(self, line, width, style)

    def _with_caret(self, line: Text) -> Text:
        at, used = 0, 0
        cell = self.sheet.caret_cell
        while at < len(line.plain) and used < cell:
            used += line[at].cell_len
            at += 1
        if at >= len(line.plain):
            line.append(" ")
        line.stylize(CARET, at, at + 1)
        return line

    # -- keys --------------------------------------------------------------------------------------------------------

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        return character is not None and character.isprintable()

    def on_key(self, event: Key) -> None:
        if event.is_printable and event.character is not None:
            event.stop()
            event.prevent_default()
            self.action_insert(event.character)
        elif event.key in EDITING:
            event.stop()
            event.prevent_default()
            name, arguments = EDITING[event.key]
            if name.startswith("action_"):
                getattr(self, name)(*arguments)
            else:
                getattr(self.sheet, name)(*arguments)
                self._changed(text=name.startswith("delete"))

    def on_paste(self, event: Paste) -> None:
        event.stop()
        # A terminal sends the ends of pasted lines as if Enter had been pressed.
        self.action_insert(event.text.replace("\r\n", "\n").replace("\r", "\n"))

    def on_click(self, event: Click) -> None:
        if (at := event.get_content_offset(self)) is not None:
            self.sheet.point(max(0, at.x - self._indent), at.y)
            self._changed(text=False)

    def _changed(self, *, text: bool) -> None:
        self._seen()
        self.post_message(self.Changed(self, text=text))

    def action_insert(self, text: str) -> None:
        self.sheet.insert(text)
        self._changed(text=True)

    def action_done(self, enter: bool) -> None:
        self.post_message(self.Done(self, enter=enter))
