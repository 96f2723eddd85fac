"""`?`: what the current screen is, and every key that does something on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widget import Widget

from tutor.domain.language import tr
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.bars import key_name
from tutor.ui.widgets.lines import Lines

if TYPE_CHECKING:
    from textual.binding import Binding


class HelpScreen(TutorScreen):
    """Explains `screen`, which is still there underneath."""

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._about = screen.about() if isinstance(screen, TutorScreen) else ""
        bindings: dict[str, tuple[list[str], Binding]] = {}
        for key, active in screen.active_bindings.items():
            binding = active.binding
            if binding.description and not binding.system:
                bindings.setdefault(binding.action, ([], binding))[0].append(key)
        self._explained = list(bindings.values())

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="help"):
            yield Lines(id="text")

    def heading(self) -> tuple[str, str]:
        return tr("Help"), ""

    def relabel(self) -> None:
        super().relabel()
        palette, width = self.app.palette, max(20, min(84, self.size.width - 4))
        lines = [Text(), *wrap(Text(self._about), width), Text()] if self._about else [Text()]
        for keys, binding in self._explained:
            names = "  ".join(key_name(key) for key in keys[:3])
            line = Text.assemble((f"{names:<18}", palette.accent), tr(binding.description))
            lines += wrap(line, width, hang=18)
        lines += [
            Text(),
            *wrap(Text(tr("Keys can be changed: keys.json in the data folder, see the README."), palette.muted), width),
        ]
        self.query_one("#text", Lines).set_lines([Text("  ") + line for line in lines])

    def on_resize(self) -> None:
        self.relabel()
