"""Ctrl+P: everything there is to do, found by typing a part of its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from tutor.demos import registry
from tutor.domain.language import tr
from tutor.ui.labs import KEYS, LABS
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.fit import fit, row_of
from tutor.ui.widgets.lines import Row, RowList

Command = tuple[str, str, Callable[[], object]]


class PaletteScreen(TutorScreen):
    """Rows hold what is called when they are chosen; the palette closes first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "run", "Do it", id="palette.run"),
        Binding("down", "move(1)", "Down", show=False, id="palette.down", priority=True),
        Binding("up", "move(-1)", "Up", show=False, id="palette.up", priority=True),
        Binding("escape", "back", "Back", id="palette.back"),
    ]

    # Eight rows: each key may bring eight others, and that must stay under 0.8 kB on a slow link.
    DEFAULT_CSS = "PaletteScreen Input { margin: 0 1 1 1; } PaletteScreen #commands { height: 8; }"

    def body(self) -> Iterable[Widget]:
        yield AnswerInput(placeholder=tr("a part of its name"), enter="Do it")
        yield RowList(id="commands")

    def heading(self) -> tuple[str, str]:
        return tr("Commands"), ""

    def about(self) -> str:
        return tr("Everything there is to do. Type a part of a name, Enter does it.")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#commands", RowList).can_focus = False
        self.query_one(Input).focus()

    def relabel(self) -> None:
        super().relabel()
        self._filter(self.query_one(Input).value)

    def _commands(self) -> Iterable[Command]:
        """Name, where it leads, and what to call."""
        app = self.app
        from tutor.ui.screens import models, quiz, search, settings

        yield tr("Search"), "/", lambda: app.push_screen(search.SearchScreen())
        yield tr("Ask the tutor"), "a", app.action_ask
        yield tr("Review"), "r", lambda: quiz.open_review(app)
        yield tr("Models"), "m", lambda: app.push_screen(models.ModelsScreen())
        yield tr("Settings"), ",", lambda: app.push_screen(settings.SettingsScreen())
        yield "中文 / English", "L", app.action_language
        for lab in LABS:
            yield lab.title.get(), KEYS[lab.name], partial(app.open_lab, lab.name)
        for theme in ("dark", "light", "terminal"):
            yield tr("Theme: {name}", name=tr(theme)), "", partial(app.look, theme)
        yield tr("Quit"), "Ctrl+Q", app.action_leave
        for entry in app.services.entries():
            if entry.written:
                title = f"{entry.number:02d} {entry.title.get()}"
                yield title, tr("lesson"), partial(app.open_lesson, entry.slug)
                yield f"{tr('Quiz')} {title}", tr("quiz"), partial(quiz.open_quiz, app, entry.slug)
        for name in registry.names():
            yield f"{tr('Demo')} {name}", tr("demo"), partial(app.open_demo, name)

    def _filter(self, typed: str) -> None:
        palette, width = self.app.palette, self.size.width - 3
        words = typed.casefold().split()
        rows = [
            Row(row_of(Text(name), Text(where), width), key=call)
            for name, where, call in self._commands()
            if all(word in name.casefold() for word in words)
        ]
        if not rows:
            sentence = tr("No command has that in its name.")
            rows = [Row(fit(Text(sentence, style=palette.muted), width), heading=True)]
        self.query_one("#commands", RowList).set_rows(rows, cursor=0)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_run()

    def action_move(self, step: int) -> None:
        self.query_one("#commands", RowList).action_move(step)

    def action_run(self) -> None:
        self.query_one("#commands", RowList).action_choose()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        call = event.row.key
        if callable(call):
            self.app.pop_screen()
            call()
