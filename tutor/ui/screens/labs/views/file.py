"""The file: what is in a model's file, read without loading any of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from tutor.domain.language import both, tr
from tutor.domain.modelfile import chat_template, memory_at
from tutor.domain.plaintext import clean, visible
from tutor.ui.draw import modelfile as draw
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.labs.views.base import View, ViewScreen
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.fit import row_of
from tutor.ui.widgets.lines import Row, RowList

if TYPE_CHECKING:
    from tutor.domain.modelfile import ModelFile

COLUMN = 110
LEAST_CONTEXT, MOST_CONTEXT = 128, 2**22
# A row is built for each; the largest models in use have some 1,500. The filter reaches all of them.
SHOWN_TENSORS = 2000
SHOWN_CHARACTERS = 20_000  # of a text in the metadata
SECTIONS = ("types", "parts", "memory", "metadata", "template", "tensors")
FILTER, OPEN = "filter", "open"

Key = tuple[str, str]


def read(name: str) -> tuple[Path, ModelFile]:
    """The header of the model `name` (a name of the catalogue, or a path). Raises NotFound, ModelMissing, TutorError.

    A file is not hashed first: what is damaged in it is for the reader to see.
    """
    from tutor.runtime import catalogue, gguf

    entry = next((each for each in catalogue.models() if each.name == name), None)
    path = entry.location if entry is not None and entry.location.is_file() else catalogue.find(name)
    return path, gguf.inspect(path)


class FileView(View):
    """All of it is one list of sections that fold; a row that has more to say opens in place."""

    NAME = "file"
    TITLE = both("The file")
    SENTENCE = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "Sort", id="file.sort"),
        Binding("f", "filter", "Filter", id="file.filter"),
        Binding("plus,equals_sign", "context(1)", "Context", key_display="+ -", id="file.longer"),
        Binding("minus", "context(-1)", "Shorter context", show=False, id="file.shorter"),
        Binding("o", "open", "Another file", id="file.open"),
        Binding("down", "pick(1)", "Down", show=False, id="file.pick_down"),
        Binding("up", "pick(-1)", "Up", show=False, id="file.pick_up"),
        Binding("escape", "leave", "Back to the list", show=False, id="file.leave"),
    ]

    def __init__(self, lab: ViewScreen) -> None:
        super().__init__(lab)
        self.path = ""  # a name or a path; empty is the model in use
        self.file: ModelFile | None = None
        self.sort = "file"
        self.filter = ""
        self.context = 4096
        self.opened: set[Key] = {("section", each) for each in SECTIONS if each != "template"}
        self._location = Path()
        self._read = ""
        self._field = ""  # what is being typed: FILTER, OPEN or nothing
        self._filter_before = ""

    def compose(self) -> Iterable[Widget]:
        yield RowList(id="contents", enter="Open, fold")
        yield AnswerInput()

    def about(self) -> str:
        return tr(
            "The file: its metadata, chat template and tensors; only the header is read. Enter opens and folds, s "
            "sorts the tensors, f filters them, + and - change the context whose memory is reckoned, o opens another "
            "file, one too big to load as well."
        )

    def status(self) -> str:
        if self.asking.busy or self.file is None:
            return self.asking.progress
        return draw.amount(self.file.bytes)

    @property
    def rows(self) -> RowList:
        return self.query_one(RowList)

    @property
    def field(self) -> AnswerInput:
        return self.query_one(AnswerInput)

    # -- what is kept ------------------------------------------------------------------------------------------------

    def restore(self, given: Mapping[str, Any]) -> None:
        self.path = given["path"].strip() if isinstance(given.get("path"), str) else ""
        self.sort = given["sort"] if given.get("sort") in draw.SORTS else "file"
        self.filter = given["filter"] if isinstance(given.get("filter"), str) else ""
        context = given.get("context")
        if isinstance(context, int) and LEAST_CONTEXT <= context <= MOST_CONTEXT:
            self.context = context
        if isinstance(given.get("open"), list):
            self.opened = {("section", each) for each in SECTIONS if each in given["open"]}

    def state(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "sort": self.sort,
            "filter": self.filter,
            "context": self.context,
            "open": [each for each in SECTIONS if ("section", each) in self.opened],
        }

    # -- reading -----------------------------------------------------------------------------------------------------

    def take_focus(self) -> None:
        (self.field if self._field else self.rows).focus()

    def show(self, text: str) -> None:
        name = self.path or self.app.services.model_name
        if name != self._read or (self.file is None and not self.asking.busy):
            self._read = name
            self.file = None
            self.asking.run(partial(read, name), self._take)

    def _take(self, found: tuple[Path, ModelFile]) -> None:
        self._location, self.file = found
        self.rows.set_rows([], cursor=0)

    # -- drawing -----------------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        if self.is_mounted and self.query(RowList):
            current, rows = self.rows.current, self._rows(self._width())
            # What the cursor was on, wherever it stands now.
            at = next(
                (i for i, row in enumerate(rows) if current and row.key is not None and row.key == current.key), None
            )
            self.rows.set_rows(rows, cursor=at)
            self.lab.retitle()

    def on_resize(self) -> None:
        self.redraw()

    def _width(self) -> int:
        return max(30, min(COLUMN, self.size.width - 4))

    def _rows(self, width: int) -> list[Row]:
        palette = self.app.palette
        if self._field == OPEN:
            return self._models(width)
        if self.file is None:
            way_out = [Text(), Text(tr("o opens another file."), palette.accent)] if self.asking.trouble else []
            return _still([*self.asking.lines(width), *way_out])
        rows = _still([*draw.summary_lines(self._location.name, self.file, width, palette), Text()])
        for section in SECTIONS:
            title, right, body = self._section(self.file, section, width)
            key = ("section", section)
            is_open = key in self.opened
            heading = Text.assemble(("- " if is_open else "+ ", palette.muted), (title, palette.heading))
            rows.append(Row(row_of(heading, Text(right, palette.muted), width), key=key))
            if is_open:
                rows += [*body(), Row(Text(), heading=True)]
        return rows

    def _section(self, file: ModelFile, section: str, width: int) -> tuple[str, str, Callable[[], list[Row]]]:
        """Its title, what stands at the right of it, and its rows, made when it is open."""
        palette, inner = self.app.palette, width - 2
        if section == "types":
            return tr("Bytes by type"), "", lambda: _still(draw.type_lines(file, inner, palette), 2)
        if section == "parts":
            return tr("Parameters by part"), "", lambda: _still(draw.part_lines(file, inner, palette), 2)
        if section == "memory":
            memory = memory_at(file, self.context)
            title = tr("Memory at {context} tokens", context=f"{self.context:,}")
            return title, draw.amount(memory.total), lambda: _still(draw.memory_lines(file, memory, inner, palette), 2)
        if section == "metadata":
            return tr("Metadata"), f"{len(file.metadata):,}", lambda: self._metadata(file, inner)
        if section == "template":
            template = chat_template(file)
            right = tr("{count} characters", count=f"{len(template):,}") if template else tr("none")
            return tr("Chat template, as text"), right, lambda: _scrolled(template, inner)
        return tr("Tensors"), "", lambda: self._tensors(file, inner)

    def _metadata(self, file: ModelFile, width: int) -> list[Row]:
        rows = []
        for name, value in file.metadata.items():
            key = ("metadata", name)
            rows.append(Row(Text("  ") + draw.metadata_line(name, value, width, self.app.palette), key=key))
            if key in self.opened:
                first = getattr(value, "first", None)
                rows += _scrolled(str(value) if first is None else f"{value}: {', '.join(map(str, first))} ..", width)
        return rows

    def _tensors(self, file: ModelFile, width: int) -> list[Row]:
        palette = self.app.palette
        found = draw.tensors_shown(file.tensors, self.sort, self.filter)
        rows = _still([Text(self._which(file, len(found)), palette.muted)], 2)
        for tensor in found[:SHOWN_TENSORS]:
            key = ("tensor", tensor.name)
            rows.append(Row(Text("  ") + draw.tensor_line(tensor, width, palette), key=key))
            if key in self.opened:
                rows += _still(draw.tensor_lines(tensor, width - 2, palette), 4)
        if len(found) > SHOWN_TENSORS:
            more = tr("{count} more; a filter brings them in sight.", count=f"{len(found) - SHOWN_TENSORS:,}")
            rows += _still([Text(more, palette.muted)], 2)
        return rows

    def _which(self, file: ModelFile, found: int) -> str:
        sort = draw.sort_name(self.sort)
        if not self.filter.strip():
            return tr("all {count}, {sort}", count=f"{file.tensor_count:,}", sort=sort)
        return tr(
            "{found} of {count} with `{filter}`, {sort}",
            found=f"{found:,}",
            count=f"{file.tensor_count:,}",
            filter=visible(self.filter.strip()),
            sort=sort,
        )

    def _models(self, width: int) -> list[Row]:
        """The models on this machine, to open one of."""
        from tutor.runtime import catalogue

        palette = self.app.palette
        rows = _still([Text(tr("Models on this machine; or write the path of a .gguf file below."), palette.muted)])
        for entry in catalogue.models():
            if entry.location.is_file():
                right = Text(draw.amount(entry.bytes), palette.muted)
                rows.append(Row(row_of(Text(visible(entry.name)), right, width), key=("model", entry.name)))
        return rows

    # -- keys --------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("sort", "filter", "context"):
            return self.file is not None and not self._field
        if action == "open":
            return not self._field
        if action == "pick":
            return self._field == OPEN
        if action == "leave":
            return bool(self._field)
        return True

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        kind, name = event.row.key if isinstance(event.row.key, tuple) else ("", "")
        if kind == "model":
            self._open(name)
        elif kind:
            self.opened ^= {(kind, name)}
            self._changed()

    def action_sort(self) -> None:
        names = list(draw.SORTS)
        self.sort = names[(names.index(self.sort) + 1) % len(names)]
        self._changed()
        self._go_to_tensors()

    def action_context(self, step: int) -> None:
        context = self.context * 2 if step > 0 else self.context // 2
        if LEAST_CONTEXT <= context <= MOST_CONTEXT:
            self.context = context
            self.opened.add(("section", "memory"))
            self._changed()
            self._go_to(("section", "memory"))

    def action_filter(self) -> None:
        self._filter_before = self.filter
        self._type(FILTER, self.filter, tr("part of a tensor's name, or a type such as Q8_0"))
        self._go_to_tensors()

    def action_open(self) -> None:
        self._type(OPEN, "", tr("path of a .gguf file; empty is the model under the cursor"))
        at = next((i for i, row in enumerate(self.rows.rows) if row.key == ("model", self._read)), 0)
        self.rows.set_rows(self.rows.rows, cursor=at)

    def action_pick(self, step: int) -> None:
        self.rows.action_move(step)

    def action_leave(self) -> None:
        if self._field == FILTER:
            self.filter = self._filter_before
        self._leave()

    # -- typing ------------------------------------------------------------------------------------------------------

    def _type(self, what: str, value: str, placeholder: str) -> None:
        self._field = what
        field = self.field
        field.enter = "Filter" if what == FILTER else "Open"
        field.placeholder = placeholder
        with self.prevent(Input.Changed):
            field.value = value
        field.display = True
        field.focus()
        field.action_end()
        self.redraw()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._field == FILTER and event.value != self.filter:
            self.filter = event.value
            self._changed()
            self._go_to_tensors()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._field == FILTER:
            self._leave()
        elif self._field == OPEN and (typed := event.value.strip()):
            self._open(typed)
        elif self._field == OPEN:
            self.rows.action_choose()

    def _open(self, name: str) -> None:
        self.path = "" if name == self.app.services.model_name else name
        self._leave()
        self.file, self._read = None, ""
        self.show("")
        self.lab.keep_soon()

    def _leave(self) -> None:
        self._field = ""
        self.field.display = False
        self.rows.focus()
        self._changed()

    def _changed(self) -> None:
        self.redraw()
        self.lab.keep_soon()
        self.screen.refresh_bindings()

    def _go_to_tensors(self) -> None:
        """To the first of them, where the cursor is on none: what a key changes is to be in sight."""
        self.opened.add(("section", "tensors"))
        self.redraw()
        current = self.rows.current
        if current is None or not isinstance(current.key, tuple) or current.key[0] != "tensor":
            self._go_to(("section", "tensors"))

    def _go_to(self, key: Key) -> None:
        at = next((i for i, row in enumerate(self.rows.rows) if row.key == key), None)
        if at is not None:
            self.rows.set_rows(self.rows.rows, cursor=at)


def _still(lines: Iterable[Text], indent: int = 0) -> list[Row]:
    """Rows that the cursor passes over."""
    return [Row(Text(" " * indent) + line, heading=True) for line in lines]


def _scrolled(text: str, width: int) -> list[Row]:
    """A long text in rows that the cursor goes through, so that all of it comes into sight."""
    shown = clean(text[:SHOWN_CHARACTERS])
    rows = [Row(Text("    ") + line) for paragraph in shown.split("\n") for line in wrap(Text(paragraph), width - 4)]
    if len(text) > SHOWN_CHARACTERS:
        rows.append(Row(Text("    " + tr("{count} more characters", count=f"{len(text) - SHOWN_CHARACTERS:,}"))))
    return rows
