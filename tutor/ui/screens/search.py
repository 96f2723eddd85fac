"""`/`: search all lessons while you type; Enter opens the section."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from tutor.content.search import Hit, search
from tutor.domain.errors import TutorError
from tutor.domain.language import tr
from tutor.domain.plaintext import visible
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.fit import fit
from tutor.ui.widgets.lines import Lines, Row, RowList

LIMIT = 10  # a row each: what is not among the first ten is found by a better word
SNIPPET = 2
PAUSE = 0.15  # seconds without a key before the list follows what was typed


class SearchScreen(TutorScreen):
    """The query stays in its line; up and down move through what was found without leaving it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", id="search.open"),
        Binding("down", "move(1)", "Down", show=False, id="search.down", priority=True),
        Binding("up", "move(-1)", "Up", show=False, id="search.up", priority=True),
        Binding("escape", "back", "Back", id="search.back"),
    ]

    DEFAULT_CSS = "SearchScreen Input { margin: 0 1 1 1; } SearchScreen #snippet { padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._asked = ""
        self._pause: Timer | None = None

    def body(self) -> Iterable[Widget]:
        yield AnswerInput(placeholder=tr("words in Chinese or English"), enter="Open")
        yield RowList(id="hits")
        yield Lines(self._snippet_lines, id="snippet")

    def heading(self) -> tuple[str, str]:
        return tr("Search"), ""

    def about(self) -> str:
        return tr(
            "Searches the text of every lesson in both languages. Type, move with the arrows, Enter opens the section."
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#hits", RowList).can_focus = False
        self.query_one(Input).focus()
        self._show([], "")

    def relabel(self) -> None:
        super().relabel()
        self.query_one(Input).placeholder = tr("words in Chinese or English")
        if self._asked:
            self._search(self._asked)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._asked = event.value.strip()
        self._search(self._asked)

    def _search(self, query: str) -> None:
        if not query:
            self._show([], "")
            return
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE, lambda: self.beside(partial(self._find, query), exclusive=True))

    async def _find(self, query: str) -> None:
        try:
            hits = await asyncio.to_thread(search, self.app.services.library, query, LIMIT)
        except TutorError as error:
            self.say(str(error))
            return
        if self.is_mounted and query == self._asked:
            self._show(hits, query)

    def _show(self, hits: list[Hit], query: str) -> None:
        palette, width = self.app.palette, self.size.width - 3
        numbers = {entry.slug: entry.number for entry in self.app.services.entries()}
        rows: list[Row] = []
        for hit in hits:
            # In one style: every key brings ten other rows, and a link may be slow.
            title = Text(f"{numbers.get(hit.lesson, 0):02d} {hit.title.get()}", style=palette.text)
            rows.append(Row(fit(title, width), key=hit))
        if query and not hits:
            sentence = tr(
                "Nothing found for {query}. Try one word, or the term in the other language.", query=visible(query)
            )
            rows.append(Row(fit(Text(sentence, style=palette.muted), width), heading=True))
        self.query_one("#hits", RowList).set_rows(rows, cursor=0)
        self.query_one("#hits", RowList).scroll_to(y=0, animate=False)

        self.query_one("#snippet", Lines).redraw()

    def _snippet_lines(self, width: int) -> list[Text]:
        """Two lines of the text around what was found under the cursor."""
        row = self.query_one("#hits", RowList).current
        hit = row.key if row is not None else None
        if not isinstance(hit, Hit):
            return [Text()] * SNIPPET
        lines = wrap(Text(visible(hit.snippet.get()), style=self.app.palette.muted), width)
        return [*lines, Text(), Text()][:SNIPPET]

    def on_row_list_moved(self) -> None:
        self.query_one("#snippet", Lines).redraw()

    def action_move(self, step: int) -> None:
        self.query_one("#hits", RowList).action_move(step)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        self.query_one("#hits", RowList).action_choose()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        hit = event.row.key
        if isinstance(hit, Hit):
            self.app.open_lesson(hit.lesson, section=hit.section)
