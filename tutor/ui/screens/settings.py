"""Settings: a row each; Enter or the side arrows go to the next value, which holds from then on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tutor.domain.language import language, tr
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.fit import row_of
from tutor.ui.widgets.lines import Row, RowList

LANGUAGE_NAMES = {"zh": "中文", "en": "English"}
THEMES = ("dark", "light", "terminal")
LIMITS = (10, 20, 30, 50, 100)


class SettingsScreen(TutorScreen):
    """Values are kept at once; there is nothing to save."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "change(1)", "Next value", show=False, id="settings.next"),
        Binding("left", "change(-1)", "Value before", show=False, id="settings.before"),
    ]

    def body(self) -> Iterable[Widget]:
        yield RowList(id="settings", enter="Next value")

    def heading(self) -> tuple[str, str]:
        return tr("Settings"), tr("kept at once")

    def about(self) -> str:
        return tr(
            "Enter or the right arrow goes to the next value, the left arrow to the one before. Changes hold at once."
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(RowList).focus()

    def relabel(self) -> None:
        super().relabel()
        self.query_one(RowList).set_rows(self._rows())

    def on_resize(self) -> None:
        self.query_one(RowList).set_rows(self._rows())

    def _rows(self) -> list[Row]:
        palette, width = self.app.palette, max(30, min(60, self.size.width - 4))
        values = {
            "language": (tr("Language"), LANGUAGE_NAMES[language()]),
            "theme": (tr("Theme"), tr(self.app.theme)),
            "daily_limit": (tr("Reviews a day at most"), str(self._limit())),
            "model": (tr("Model"), self.app.services.model_name),
        }
        rows = [Row(Text(), heading=True)]
        for key, (name, value) in values.items():
            rows.append(Row(row_of(Text(name), Text(value, style=palette.accent), width), key=key))
        return rows

    def _limit(self) -> int:
        value: Any = self.app.services.settings.get("daily_limit")
        return value if isinstance(value, int) else 20

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        self.action_change(1)

    def action_change(self, step: int) -> None:
        row = self.query_one(RowList).current
        key = row.key if row else None
        if key == "language":
            self.app.action_language()
        elif key == "theme":
            self.app.look(_neighbour(THEMES, self.app.theme, step))
        elif key == "daily_limit":
            self.app.services.keep_setting("daily_limit", _neighbour(LIMITS, self._limit(), step))
        elif key == "model":
            from tutor.ui.screens.models import ModelsScreen

            self.app.push_screen(ModelsScreen())
            return
        self.relabel()

    def on_screen_resume(self) -> None:
        self.query_one(RowList).set_rows(self._rows())


def _neighbour(values: tuple[Any, ...], value: Any, step: int) -> Any:
    return values[(values.index(value) + step) % len(values)] if value in values else values[0]
