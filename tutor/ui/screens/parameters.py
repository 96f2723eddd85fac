"""A demo's parameters: a list, one line each; Enter types over the value, which is checked at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from tutor.demos import registry
from tutor.domain.demo import Param
from tutor.domain.errors import UsageError
from tutor.domain.language import Text as Words
from tutor.domain.language import tr
from tutor.domain.plaintext import visible
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.fit import fit, value_text
from tutor.ui.widgets.lines import Lines, Row, RowList


class Form(Protocol):
    """What has parameters: a demo, a lab."""

    TITLE: Words
    PARAMS: tuple[Param, ...]


class ParametersScreen(TutorScreen):
    """Dismissed with the values given, all of them checked; unchanged ones included."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "default", "Default", id="parameters.default"),
        Binding("q,escape", "back", "Run with these", id="screen.back", key_display="q"),
    ]

    DEFAULT_CSS = """
    ParametersScreen #about { padding: 0 1; }
    ParametersScreen Input { display: none; margin: 0 1; }
    """

    def __init__(self, demo: Form, given: Mapping[str, Any]) -> None:
        super().__init__()
        self.demo = demo
        self.given = dict(given)

    def body(self) -> Iterable[Widget]:
        yield RowList(id="parameters", enter="Change")
        yield Lines(self._about_lines, id="about")
        yield AnswerInput(enter="Take it")

    def heading(self) -> tuple[str, str]:
        return f"{self.demo.TITLE.get()}  {tr('parameters')}", ""

    def about(self) -> str:
        return tr(
            "The demo's parameters. Enter types over a value, d puts the default back, q runs the demo with them."
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(RowList).focus()

    def relabel(self) -> None:
        super().relabel()
        self.query_one(RowList).set_rows(self._rows())
        self.query_one("#about", Lines).redraw()

    def _rows(self) -> list[Row]:
        palette, width = self.app.palette, max(30, self.size.width - 4)
        names = max(len(param.name) for param in self.demo.PARAMS) + 2
        rows = [Row(Text(), heading=True)]
        for param in self.demo.PARAMS:
            value = self.given.get(param.name, param.default)
            style = palette.accent if value != param.default else palette.text
            line = Text.assemble((param.name.ljust(names), palette.strong), (visible(value_text(value)), style))
            rows.append(Row(fit(line, width), key=param))
        return rows

    def _about_lines(self, width: int) -> list[Text]:
        """What the parameter under the cursor does, and what it may be."""
        param, palette = self._param(), self.app.palette
        if param is None:
            return []
        text = f"{param.help.get()}{_bounds(param)}"
        return [Text(), *wrap(Text(text, style=palette.muted), width)]

    def _param(self) -> Param | None:
        row = self.query_one(RowList).current
        return row.key if row is not None and isinstance(row.key, Param) else None

    def on_row_list_moved(self) -> None:
        self.say()
        self.query_one("#about", Lines).redraw()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        param = self._param()
        if param is not None:
            field = self.query_one(AnswerInput)
            field.value = value_text(self.given.get(param.name, param.default))
            field.display = True
            field.focus()
            field.action_select_all()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        param = self._param()
        if param is None:
            return
        try:
            self.given[param.name] = registry.parse(param, event.value)
        except UsageError as error:
            self.say(str(error))
            return
        self._leave_field()

    def _leave_field(self) -> None:
        self.query_one(AnswerInput).display = False
        self.say()
        self.query_one(RowList).focus()
        self.relabel()

    def action_default(self) -> None:
        param = self._param()
        if param is not None:
            self.given.pop(param.name, None)
            self.relabel()

    def action_back(self) -> None:
        if self.query_one(AnswerInput).has_focus:
            self._leave_field()
        else:
            self.dismiss(self.given)


def _bounds(param: Param) -> str:
    if param.choices:
        return "  " + " | ".join(param.choices)
    if param.kind in ("int", "float") and param.low is not None and param.high is not None:
        return "  " + tr("From {low} to {high}.", low=f"{param.low:g}", high=f"{param.high:g}")
    return ""
