"""Models: which there are, which are here, fetch one with progress, use, inspect, add or remove it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from tutor.domain.errors import Cancelled, TutorError
from tutor.domain.language import tr
from tutor.domain.plaintext import visible
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.fit import fit, row_of
from tutor.ui.widgets.lines import Lines, Row, RowList

if TYPE_CHECKING:
    from tutor.runtime.catalogue import ModelEntry
    from tutor.runtime.pull import Progress

BAR = 30
SHOW_EVERY = 0.2  # seconds between two pictures of the progress bar


class ModelsScreen(TutorScreen):
    """With `fetch`, that model is fetched at once. A download under way is kept when the screen is left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fetch", "Fetch", id="models.fetch"),
        Binding("i", "info", "Look inside", id="models.info"),
        Binding("a", "add", "Add a file", id="models.add"),
        Binding("x", "remove", "Remove", id="models.remove"),
        Binding("s", "stop", "Stop", id="models.stop"),
    ]

    DEFAULT_CSS = "ModelsScreen Input { display: none; margin: 0 1; } ModelsScreen #details { padding: 0 1; }"

    class Received(Message):
        """From the download's thread: how far it is."""

        def __init__(self, progress: Progress) -> None:
            super().__init__()
            self.progress = progress

    def __init__(self, *, fetch: str = "") -> None:
        super().__init__()
        self._fetch_first = fetch
        self._fetching: ModelEntry | None = None
        self._stop = threading.Event()
        self._sure_to_remove = ""
        self._asks_trust: Path | None = None

    def body(self) -> Iterable[Widget]:
        yield RowList(id="models", enter="Use")
        yield Lines(id="details")
        yield AnswerInput(placeholder=tr("path of a .gguf file"), enter="Add a file")

    def heading(self) -> tuple[str, str]:
        return tr("Models"), tr("used: {model}", model=self.app.services.model_name)

    def about(self) -> str:
        return tr(
            "Model files on this machine. Enter uses the one under the cursor, f fetches it (it goes on where it was "
            "interrupted), i looks inside, a adds a file of your own, x removes one. Lessons and quizzes work without."
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(RowList).focus()
        if self._fetch_first:
            rows = self.query_one(RowList)
            at = next((i for i, row in enumerate(rows.rows) if _name(row) == self._fetch_first), rows.cursor)
            rows.set_rows(rows.rows, cursor=at)
            self.action_fetch()

    def on_unmount(self) -> None:
        self._stop.set()

    def relabel(self) -> None:
        super().relabel()
        self.query_one(RowList).set_rows(self._rows())
        self.query_one(Input).placeholder = tr("path of a .gguf file")
        self._describe()

    def on_resize(self) -> None:
        self.query_one(RowList).set_rows(self._rows())

    def on_screen_resume(self) -> None:
        self.relabel()

    # -- drawing -----------------------------------------------------------------------------------------------------

    def _rows(self) -> list[Row]:
        from tutor.runtime import catalogue

        palette, width = self.app.palette, max(30, min(92, self.size.width - 4))
        states = {
            "installed": tr("here"),
            "unchecked": tr("here, not checked yet"),
            "partial": tr("partly fetched"),
            "missing": tr("not here"),
            "damaged": tr("damaged"),
        }
        rows = [Row(Text(), heading=True)]
        used = self.app.services.model_name
        for entry in catalogue.models():
            state = catalogue.state(entry)
            name = Text(("* " if entry.name == used else "  ") + visible(entry.name))
            name.stylize(palette.strong if state in ("installed", "unchecked") else palette.muted)
            right = f"{entry.bytes / 1e6:,.0f} MB  {states.get(state, state)}"
            rows.append(Row(row_of(name, Text(right, style=palette.muted), width), key=entry))
        return rows

    def _describe(self) -> None:
        """Below the list: what the model under the cursor is."""
        entry, palette = self._entry(), self.app.palette
        if entry is None or self._fetching is not None:
            return
        facts = [entry.family, entry.quantization, entry.licence, ", ".join(entry.languages)]
        lines = [Text("  ".join(visible(fact) for fact in facts if fact), style=palette.muted)]
        if entry.note:
            lines.append(Text(entry.note.get(), style=palette.muted))
        self.query_one("#details", Lines).set_lines([fit(line, self.size.width - 3) for line in lines])

    def _entry(self) -> ModelEntry | None:
        row = self.query_one(RowList).current
        key = row.key if row else None
        return None if key is None or isinstance(key, str) else key  # type: ignore[return-value]

    def on_row_list_moved(self) -> None:
        self._sure_to_remove = ""
        self.say()
        self._describe()

    # -- fetching ----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop":
            return self._fetching is not None
        return True

    def action_fetch(self) -> None:
        entry = self._entry()
        if entry is None or self._fetching is not None:
            return
        self._fetching = entry
        self._stop.clear()
        self.say(tr("Fetching {model}. s stops; what has come is kept.", model=entry.name))
        self.refresh_bindings()
        self.beside(partial(self._fetch, entry))

    async def _fetch(self, entry: ModelEntry) -> None:
        from tutor.runtime.pull import pull

        try:
            await asyncio.to_thread(pull, entry, on_progress=self._tell, stopped=self._stop.is_set)
        except Cancelled:
            sentence = tr("Stopped. f goes on from there.")
        except TutorError as error:
            sentence = str(error)
        else:
            sentence = tr("{model} is here and its content is right.", model=entry.name)
        self._fetching = None
        if self.is_mounted:
            self.relabel()
            self.refresh_bindings()
            self.say(sentence)

    def _tell(self, progress: Progress) -> None:
        self.post_message(self.Received(progress))

    def on_models_screen_received(self, event: Received) -> None:
        palette, progress = self.app.palette, event.progress
        done = progress.received / progress.total if progress.total else 0.0
        filled = round(BAR * done)
        speed = f"{progress.bytes_per_second / 1e6:.1f} MB/s" if progress.bytes_per_second else ""
        left = tr("{seconds} s left", seconds=round(progress.seconds_left)) if progress.seconds_left else ""
        line = Text.assemble(
            ("#" * filled, palette.accent),
            ("." * (BAR - filled), palette.rule),
            f" {done:.0%}  {progress.received / 1e6:,.0f}/{progress.total / 1e6:,.0f} MB  {speed}  {left}",
        )
        source = Text(visible(progress.source), style=palette.muted)
        self.query_one("#details", Lines).set_lines([fit(line, self.size.width - 3), fit(source, self.size.width - 3)])

    def action_stop(self) -> None:
        self._stop.set()

    def action_back(self) -> None:
        field = self.query_one(Input)
        if field.has_focus:
            self._hide_field()
            return
        if self._fetching is not None:
            self._stop.set()
        self.dismiss(None)

    # -- using, looking, adding, removing ----------------------------------------------------------------------------

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        from tutor.runtime import catalogue

        entry = self._entry()
        if entry is None:
            return
        if catalogue.state(entry) in ("installed", "unchecked"):
            self.app.services.use_model(entry.name)
            self.relabel()
            self.say(tr("{model} is used from now on.", model=entry.name))
        else:
            self.say(
                tr(
                    "{model} is not on this machine; f fetches it ({megabytes} MB).",
                    model=entry.name,
                    megabytes=f"{entry.bytes / 1e6:,.0f}",
                )
            )

    def action_info(self) -> None:
        from tutor.ui.screens.gguf import GgufScreen

        entry = self._entry()
        if entry is None:
            return
        if not entry.location.is_file():
            self.say(
                tr(
                    "{model} is not on this machine; f fetches it ({megabytes} MB).",
                    model=entry.name,
                    megabytes=f"{entry.bytes / 1e6:,.0f}",
                )
            )
            return
        self.app.push_screen(GgufScreen(entry.location))

    def action_add(self) -> None:
        field = self.query_one(Input)
        field.display = True
        field.focus()
        self.say(tr("Type the path of a .gguf file. It stays where it is."))

    def _hide_field(self) -> None:
        field = self.query_one(Input)
        field.display = False
        self._asks_trust = None
        self.say()
        self.query_one(RowList).focus()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        path = Path(event.value.strip()).expanduser()
        trust = self._asks_trust == path
        self.say(tr("reading and checking the file.."))
        self.beside(partial(self._add, path, trust), exclusive=True)

    async def _add(self, path: Path, trust: bool) -> None:
        from tutor.runtime import catalogue

        try:
            entry = await asyncio.to_thread(catalogue.add, path, trust=trust)
        except catalogue.UnknownContent as error:
            self._asks_trust = path
            self.say(f"{error.message} " + tr("Enter once more if you trust where it came from, Esc leaves it."))
        except TutorError as error:
            self.say(str(error))
        else:
            self._hide_field()
            self.relabel()
            self.say(tr("{model} is added.", model=visible(entry.name)))

    def action_remove(self) -> None:
        from tutor.runtime import catalogue

        entry = self._entry()
        if entry is None:
            return
        if self._sure_to_remove != entry.name:
            self._sure_to_remove = entry.name
            self.say(tr("x once more removes {model} from this machine.", model=visible(entry.name)))
            return
        self._sure_to_remove = ""
        try:
            freed = catalogue.remove(entry.name)
        except TutorError as error:
            self.say(str(error))
            return
        self.relabel()
        self.say(tr("Removed; {megabytes} MB are free again. f fetches it again.", megabytes=f"{freed / 1e6:,.0f}"))


def _name(row: Row) -> str:
    return getattr(row.key, "name", "")
