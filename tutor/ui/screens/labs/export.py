"""Where a run goes as a file: what kind, under what name; an existing file is never written over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from tutor.decoding.documents import Run
from tutor.decoding.standing import Poll
from tutor.domain.errors import TutorError
from tutor.domain.language import both, tr
from tutor.domain.plaintext import clean
from tutor.ui.draw.wrap import wrap
from tutor.ui.export import KINDS, default_name, export_run, free_name
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.lines import Lines, Row, RowList

ABOUT = {
    "json": both("JSON: every token with its candidates, and the command that writes it again"),
    "text": both("Text: the tree and its numbers, to read or to paste"),
    "svg": both("SVG: a picture that opens in a browser"),
}
ABOUT_VOTES = ABOUT | {
    "json": both("JSON: every round, the votes, and the command that counts them again"),
    "text": both("Text: the ratings and every round, to read or to paste"),
}


class ExportScreen(TutorScreen):
    """Writes `run`. Dismissed with the path of the last file written, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "back", "Back", id="screen.back", key_display="q"),
    ]

    DEFAULT_CSS = """
    ExportScreen RowList { height: 5; }
    ExportScreen #about { padding: 0 1; }
    ExportScreen Input { display: none; margin: 0 1; }
    """

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run
        self._written: Path | None = None

    def body(self) -> Iterable[Widget]:
        yield RowList(id="kinds", enter="Name it")
        yield Lines(self._about_lines, id="about")
        yield AnswerInput(enter="Write")

    def heading(self) -> tuple[str, str]:
        return tr("Export"), ""

    def about(self) -> str:
        return tr(
            "Writes what stands on the screen before this one to a file: choose a kind, then a name. A name without a "
            "folder goes to the folder that the program was started in. No file is written over."
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(RowList).focus()

    def relabel(self) -> None:
        super().relabel()
        about = ABOUT_VOTES if isinstance(self._run, Poll) else ABOUT
        rows = [Row(Text(), heading=True), *(Row(Text(about[kind].get()), key=kind) for kind in KINDS)]
        self.query_one(RowList).set_rows(rows)
        self.query_one("#about", Lines).redraw()

    def _about_lines(self, width: int) -> list[Text]:
        palette = self.app.palette
        folder = clean(str(Path.cwd()))
        return wrap(Text(tr("A name without a folder goes to {folder}.", folder=folder), palette.muted), width)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        kind = str(event.row.key)
        field = self.query_one(AnswerInput)
        field.value = free_name(Path(default_name(self._run) + KINDS[kind])).name
        field.display = True
        field.focus()
        field.action_end()
        self.say()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name, row = event.value.strip(), self.query_one(RowList).current
        if not name:
            self.say(tr("A file needs a name; Esc goes back to the kinds."))
        elif row is not None:
            self.beside(partial(self._write, name, str(row.key)), exclusive=True)

    async def _write(self, name: str, kind: str) -> None:
        path = Path(name) if Path(name).suffix.lower() == KINDS[kind] else Path(name + KINDS[kind])
        try:
            written = await asyncio.to_thread(export_run, self._run, path, kind)
        except TutorError as error:
            self.say(str(error))
            return
        self._written = written.absolute()
        self._leave_field()
        where = clean(str(self._written))
        if written.name == path.name:
            self.say(tr("Written: {path}", path=where))
        else:
            self.say(tr("{name} is there already, so it is written as {path}", name=clean(path.name), path=where))

    def _leave_field(self) -> None:
        self.query_one(AnswerInput).display = False
        self.query_one(RowList).focus()

    def action_back(self) -> None:
        if self.query_one(AnswerInput).has_focus:
            self._leave_field()
            self.say()
        else:
            self.dismiss(self._written)
