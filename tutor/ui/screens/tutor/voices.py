"""Who is to answer: one of the models that are here, or the server from the settings."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual.widget import Widget

from tutor.domain.language import tr
from tutor.domain.plaintext import visible
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.lines import Row, RowList

SERVER = ""  # what a request without a model means where a server is set


class VoicesScreen(TutorScreen):
    """Dismissed with the name of a model, SERVER, or None."""

    def body(self) -> Iterable[Widget]:
        yield RowList(self._rows(), enter="Ask it")

    def heading(self) -> tuple[str, str]:
        return tr("Ask again, another model"), ""

    def about(self) -> str:
        return tr("Enter asks the last question once more, of the model under the cursor. The first answer stays.")

    def relabel(self) -> None:
        super().relabel()
        self.query_one(RowList).set_rows(self._rows())

    def _rows(self) -> list[Row]:
        from tutor.runtime import catalogue

        services, palette = self.app.services, self.app.palette
        rows = [Row(Text(), heading=True)]
        if server := services.settings.get("server"):
            rows.append(Row(Text(visible(server)), key=SERVER))
        here = [entry for entry in catalogue.models() if catalogue.state(entry) in ("installed", "unchecked")]
        rows += [Row(Text(visible(entry.name)), key=entry.name) for entry in here]
        if not here:
            rows.append(Row(Text(tr("No model is here: Models (Ctrl+P) fetches one."), palette.muted), heading=True))
        return rows

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        if isinstance(event.row.key, str):
            self.dismiss(event.row.key)

    def action_back(self) -> None:
        self.dismiss(None)
