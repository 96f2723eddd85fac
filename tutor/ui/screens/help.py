"""`?`: what the current screen is, and every key that does something on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.screen import Screen
from textual.widget import Widget

from tutor.domain.language import tr
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.bars import key_name
from tutor.ui.widgets.pager import Pager

if TYPE_CHECKING:
    from textual.binding import Binding


KEYS = 18  # cells for the names of keys


class HelpScreen(TutorScreen):
    """Explains `screen`, which is still there underneath."""

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._about = screen.about() if isinstance(screen, TutorScreen) else ""
        bindings: dict[str, tuple[list[str], Binding]] = {}
        for key, active in screen.active_bindings.items():
            binding = active.binding
            # Bindings without a name are the toolkit's own.
            if binding.id and binding.description and not binding.system:
                bindings.setdefault(binding.action, ([], binding))[0].append(key)
        self._explained = list(bindings.values())

    def body(self) -> Iterable[Widget]:
        yield Pager(self._lines, id="text", can_focus=True)

    def heading(self) -> tuple[str, str]:
        return tr("Help"), ""

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Pager).focus()

    def relabel(self) -> None:
        super().relabel()
        self.query_one(Pager).redraw()

    def _lines(self, width: int) -> list[Text]:
        palette, width = self.app.palette, max(20, min(84, width - 4))
        lines = [Text(), *wrap(Text(self._about), width), Text()] if self._about else [Text()]
        for keys, binding in self._explained:
            names = "  ".join(key_name(key) for key in keys[:3])
            line = Text.assemble((f"{names:<{KEYS}}", palette.accent), tr(binding.description))
            lines += wrap(line, width, hang=KEYS)
        sentence = tr("Keys can be changed: keys.json in the data folder, see the README.")
        lines += [Text(), *wrap(Text(sentence, style=palette.muted), width)]
        return [Text("  ") + line for line in lines]
