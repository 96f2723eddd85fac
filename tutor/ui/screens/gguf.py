"""Inside a model file: header, metadata and tensors, read without loading any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual.widget import Widget

from tutor.domain.errors import TutorError
from tutor.domain.language import tr
from tutor.domain.plaintext import visible
from tutor.runtime.modelfiles import size_of
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.fit import fit, row_of
from tutor.ui.widgets.lines import Row, RowList

if TYPE_CHECKING:
    from tutor.domain.modelfile import ModelFile


class GgufScreen(TutorScreen):
    """The file at `path`. What is broken in it is said in a sentence."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._file: ModelFile | None = None
        self._bytes = size_of(path) or 0

    def body(self) -> Iterable[Widget]:
        yield RowList(id="contents", enter="")

    def heading(self) -> tuple[str, str]:
        return visible(self.path.name), tr("{megabytes} MB", megabytes=f"{self._bytes / 1e6:,.0f}")

    def about(self) -> str:
        return tr(
            "What is in a model file: its metadata, then each tensor with its shape, type and size. Nothing is loaded."
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(RowList).focus()
        self.beside(self._read)

    async def _read(self) -> None:
        from tutor.runtime.gguf import inspect

        try:
            self._file = await asyncio.to_thread(inspect, self.path)
        except TutorError as error:
            self.say(str(error))
            return
        if self.is_mounted:
            self.relabel()

    def relabel(self) -> None:
        super().relabel()
        if self._file is not None:
            self.query_one(RowList).set_rows(self._rows(self._file))

    def on_resize(self) -> None:
        self.relabel()

    def _rows(self, file: ModelFile) -> list[Row]:
        palette, width = self.app.palette, max(30, min(110, self.size.width - 4))
        count = tr(
            "{parameters} million parameters in {tensors} tensors",
            parameters=f"{file.parameters / 1e6:,.1f}",
            tensors=file.tensor_count,
        )
        rows = [
            Row(Text(f"GGUF {file.version}  {count}", style=palette.strong), heading=True),
            Row(Text(), heading=True),
        ]
        rows.append(Row(Text(tr("Metadata"), style=palette.heading), heading=True))
        for name, value in file.metadata.items():
            shown = Text(visible(str(value))[:200], style=palette.muted)
            rows.append(Row(row_of(Text(visible(name)), fit(shown, max(10, width // 2)), width), key=name))
        rows += [Row(Text(), heading=True), Row(Text(tr("Tensors"), style=palette.heading), heading=True)]
        for tensor in file.tensors:
            shape = " x ".join(str(n) for n in tensor.shape)
            right = f"{shape}  {tensor.type}  {tensor.bytes / 1e6:,.2f} MB"
            rows.append(
                Row(row_of(Text(visible(tensor.name)), Text(right, style=palette.muted), width), key=tensor.name)
            )
        return rows
