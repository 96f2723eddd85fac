"""A model file opened from the list of models: the view of the lab, in a screen of its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textual.widget import Widget

from tutor.domain.language import tr
from tutor.ui.screens.labs.views.base import ViewScreen
from tutor.ui.screens.labs.views.file import FileView


class GgufScreen(ViewScreen):
    """The file at `path`. What is broken in it is said in a sentence."""

    AUTO_FOCUS = None  # the view says where the cursor belongs

    DEFAULT_CSS = "GgufScreen Input { display: none; margin: 0 1; }"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def body(self) -> Iterable[Widget]:
        self.view = FileView(self)
        self.view.restore({"path": str(self._path)})
        self.asking = self.view.asking
        yield self.view

    def heading(self) -> tuple[str, str]:
        return tr("The file"), self.view.status() if self.view is not None else ""

    def about(self) -> str:
        return self.view.about() if self.view is not None else ""

    def on_mount(self) -> None:
        super().on_mount()
        self.call_after_refresh(self._shown)

    def _shown(self) -> None:
        if self.view is not None:
            self.view.take_focus()
            self.view.show("")

    def relabel(self) -> None:
        super().relabel()
        if self.view is not None:
            self.view.redraw()

    def on_unmount(self) -> None:
        if self.view is not None:
            self.view.stop()
