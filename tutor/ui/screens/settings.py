"""Settings: a row each; Enter or the side arrows go to the next value, which holds from then on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from tutor.domain.errors import TutorError
from tutor.domain.language import language, tr
from tutor.domain.plaintext import visible
from tutor.store.settings import accepted
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.answer import AnswerInput
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

    DEFAULT_CSS = "SettingsScreen Input { display: none; margin: 0 1; }"

    def body(self) -> Iterable[Widget]:
        yield RowList(id="settings", enter="Next value")
        yield AnswerInput(id="server", enter="Take it")

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
            "server": (tr("Tutor answers from"), self._server() or tr("this machine")),
        }
        rows = [Row(Text(), heading=True)]
        for key, (name, value) in values.items():
            rows.append(Row(row_of(Text(name), Text(value, style=palette.accent), width), key=key))
        said = tr(
            "A server that speaks OpenAI's protocol can be the tutor's voice. Its key is read from the environment "
            "({name}) and never written down.",
            name="QWTUTOR_API_KEY, OPENAI_API_KEY",
        )
        rows.append(Row(Text(), heading=True))
        return [*rows, *(Row(line, heading=True) for line in wrap(Text(said, style=palette.muted), width))]

    def _server(self) -> str:
        return visible(str(self.app.services.settings.get("server") or ""))

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
        elif key == "server":
            self._edit_server()
            return
        self.relabel()

    # -- the tutor's server ------------------------------------------------------------------------------------------

    def _edit_server(self) -> None:
        field = self.query_one(AnswerInput)
        field.placeholder = tr("http://127.0.0.1:8080/v1, or empty: this machine")
        field.value, field.display = self._server(), True
        field.focus()
        field.action_end()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            address = accepted("server", event.value)
        except TutorError as error:
            self.say(str(error))
            return
        self.app.services.keep_setting("server", address)
        self._leave_field()

    def _leave_field(self) -> None:
        self.query_one(AnswerInput).display = False
        self.say()
        self.query_one(RowList).focus()
        self.relabel()

    def action_back(self) -> None:
        if self.query_one(AnswerInput).has_focus:
            self._leave_field()
        else:
            super().action_back()

    def on_screen_resume(self) -> None:
        self.query_one(RowList).set_rows(self._rows())


def _neighbour(values: tuple[Any, ...], value: Any, step: int) -> Any:
    return values[(values.index(value) + step) % len(values)] if value in values else values[0]
