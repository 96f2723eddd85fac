"""A demo's parameters, one line each, typed over and checked one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Input

from tutor.demos import registry
from tutor.domain.demo import Demo, Param
from tutor.domain.errors import UsageError
from tutor.domain.language import tr
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.fit import value_text
from tutor.ui.widgets.lines import Lines
from tutor.ui.widgets.question import AnswerInput


class ParametersScreen(TutorScreen):
    """Dismissed with every parameter that differs from its default, checked; or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "apply", "Run", id="parameters.apply"),
        Binding("down,tab", "app.focus_next", "Next", show=False, id="parameters.next"),
        Binding("up,shift+tab", "app.focus_previous", "Before", show=False, id="parameters.before"),
        Binding("escape", "back", "Back", id="parameters.back"),
    ]

    DEFAULT_CSS = "ParametersScreen Lines { max-width: 86; padding: 0 1; } ParametersScreen Input { max-width: 84; }"

    def __init__(self, demo: Demo, given: Mapping[str, Any]) -> None:
        super().__init__()
        self.demo = demo
        self.given = dict(given)

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(can_focus=False):
            for param in self.demo.PARAMS:
                yield Lines(id=f"help-{param.name}")
                value = self.given.get(param.name, param.default)
                field = AnswerInput(value_text(value))
                field.id = f"value-{param.name}"
                yield field

    def heading(self) -> tuple[str, str]:
        return f"{self.demo.TITLE.get()} · {tr('parameters')}", ""

    def about(self) -> str:
        return tr(
            "The demo's parameters. Type over a value; Enter checks all of them and runs the demo; Esc changes nothing."
        )

    def relabel(self) -> None:
        super().relabel()
        palette = self.app.palette
        width = max(20, min(82, self.size.width - 4))
        for param in self.demo.PARAMS:
            text = Text.assemble((param.name, palette.accent), "  ", (param.help.get(), palette.muted))
            lines = wrap(text + Text(self._bounds(param), style=palette.muted), width)
            self.query_one(f"#help-{param.name}", Lines).set_lines([Text(), *lines])

    @staticmethod
    def _bounds(param: Param) -> str:
        if param.choices:
            return "  " + " | ".join(param.choices)
        if param.kind in ("int", "float") and param.low is not None and param.high is not None:
            return "  " + tr("from {low} to {high}", low=f"{param.low:g}", high=f"{param.high:g}")
        return ""

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_apply()

    def action_apply(self) -> None:
        checked: dict[str, Any] = {}
        for param in self.demo.PARAMS:
            field = self.query_one(f"#value-{param.name}", Input)
            try:
                value = registry.parse(param, field.value)
            except UsageError as error:
                self.say(str(error))
                field.focus()
                return
            if value != param.default or param.name in self.given:
                checked[param.name] = value
        self.dismiss(checked)

    def action_back(self) -> None:
        self.dismiss(None)
