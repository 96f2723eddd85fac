"""The two lines that stand on every screen: where am I, and what can I do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from tutor.domain.language import tr
from tutor.ui.widgets.lines import strip_of

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp

KEY_NAMES = {
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "backspace": "Bksp",
    "question_mark": "?",
    "slash": "/",
    "comma": ",",
    "tab": "Tab",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
    "full_stop": ".",
    "upper_l": "L",
    "delete": "Del",
    "f1": "F1",
    "f5": "F5",
}


LAST = ("/", "q", "Esc", "?", "F1")


def key_name(key: str) -> str:
    """What is printed on the key: `question_mark` is `?`, `ctrl+p` is `Ctrl+P`."""
    if key.startswith("ctrl+"):
        return "Ctrl+" + key[5:].upper()
    return KEY_NAMES.get(key, key)


class TitleBar(Widget):
    """One line: where the reader is, and at its right end what is worth knowing (progress, saved, model)."""

    DEFAULT_CSS = "TitleBar { height: 1; width: 1fr; }"

    app: TutorApp

    def __init__(self, title: str = "", right: str = "") -> None:
        super().__init__(markup=False)
        self._title, self._right = title, right

    def show(self, title: str | None = None, right: str | None = None) -> None:
        before = (self._title, self._right)
        self._title = self._title if title is None else title
        self._right = self._right if right is None else right
        if before != (self._title, self._right):
            self.refresh()

    def render_line(self, y: int) -> Strip:
        palette, width = self.app.palette, self.size.width
        right = Text(self._right, style=palette.muted, no_wrap=True)
        right.truncate(max(0, width // 2), overflow="ellipsis")
        title = Text(" " + self._title, style=palette.accent, no_wrap=True)
        title.truncate(max(0, width - right.cell_len - 3), overflow="ellipsis")
        gap = width - title.cell_len - right.cell_len - 1
        return strip_of(self, title + Text(" " * max(1, gap)) + right, width, self.rich_style)


class KeyBar(Widget):
    """One line: the keys that do something here. What does not fit is behind `?`, which always fits."""

    DEFAULT_CSS = "KeyBar { height: 1; width: 1fr; dock: bottom; }"

    app: TutorApp

    def __init__(self) -> None:
        super().__init__(markup=False)

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._update())

    def _update(self) -> None:
        # The signal also fires when nothing a reader sees has changed.
        if self._keys() != getattr(self, "_shown", None):
            self.refresh()

    def _keys(self) -> list[tuple[str, str]]:
        """Key and meaning, in the order of the bindings; what is the same everywhere stands last."""
        focused = self.screen.focused
        field = focused if isinstance(focused, Input) or getattr(focused, "takes_text", False) else None
        keys: dict[str, tuple[str, str]] = {}
        if enter := getattr(focused, "enter", ""):
            keys["submit" if field is not None else "choose"] = ("Enter", tr(enter))
        for active in self.screen.active_bindings.values():
            binding = active.binding
            # In a field a letter is a letter: only keys that are none still do what they do elsewhere.
            if field is not None and len(key_name(binding.key)) == 1:
                continue
            if binding.show and active.enabled and binding.description:
                name = binding.key_display if field is None else None
                keys.setdefault(binding.action, (name or key_name(binding.key), tr(binding.description)))
        pairs = list(keys.values())
        tail = [pair for pair in pairs if pair[0] in LAST]
        return [pair for pair in pairs if pair not in tail] + tail

    def render_line(self, y: int) -> Strip:
        palette, width = self.app.palette, self.size.width
        self._shown = self._keys()
        tail = [pair for pair in self._shown if pair[0] in LAST]
        body = [pair for pair in self._shown if pair not in tail]
        room = width - 1 - sum(self._width(pair) for pair in tail)
        line = Text(" ")
        for pair in body:
            if self._width(pair) > room:
                break
            room -= self._width(pair)
            line += self._pair(pair)
        for pair in tail:
            line += self._pair(pair)
        return strip_of(self, line, width, self.rich_style + palette.muted)

    def _pair(self, pair: tuple[str, str]) -> Text:
        return Text.assemble((pair[0], self.app.palette.accent), (f" {pair[1]}  ", self.app.palette.muted))

    @staticmethod
    def _width(pair: tuple[str, str]) -> int:
        return Text(f"{pair[0]} {pair[1]}  ").cell_len
