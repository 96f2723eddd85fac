"""A short list to choose from, over the current screen: the sections of a lesson."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.widget import Widget

from tutor.domain.language import tr
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.lines import Row, RowList


class OutlineScreen(TutorScreen):
    """Dismissed with the chosen row's key, or with None."""

    def __init__(self, rows: Sequence[Row], here: object) -> None:
        super().__init__()
        self._rows = rows
        self._here = here

    def body(self) -> Iterable[Widget]:
        cursor = next((index for index, row in enumerate(self._rows) if row.key == self._here), 0)
        yield RowList(self._rows, cursor=cursor)

    def heading(self) -> tuple[str, str]:
        return tr("Sections"), ""

    def about(self) -> str:
        return tr("The sections of this lesson. Enter goes to the one under the cursor.")

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        self.dismiss(event.row.key)

    def action_back(self) -> None:
        self.dismiss(None)
