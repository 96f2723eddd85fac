"""A text under up to three tokenizers side by side, each a pane; a cursor stands at one place of the text in all."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.worker import Worker

from tutor.domain.language import tr
from tutor.ui.draw import cuts
from tutor.ui.draw.tokentable import Count
from tutor.ui.widgets.cutview import CutView
from tutor.ui.widgets.lines import Lines

if TYPE_CHECKING:
    from tutor.runtime.merges import Merging
    from tutor.ui.app import TutorApp

MOST = 3
SECOND, THIRD = 120, 180  # columns from which a second and a third tokenizer stand beside the first
AT_ONCE = 50_000  # tokens that are laid out within the key; more are laid out beside it


class CutPanes(Horizontal):
    """`merging` says how a tokenizer makes its tokens; it may take its time. Posts `Moved` when the cursor goes."""

    DEFAULT_CSS = """
    CutPanes { height: 1fr; }
    CutPanes Vertical { width: 1fr; height: 1fr; }
    CutPanes Lines { padding: 0 1; height: 1; }
    """

    class Moved(Message):
        """The cursor is on another token, or in another pane."""

    app: TutorApp

    def __init__(self, merging: Callable[[str], Merging]) -> None:
        super().__init__()
        self._merging = merging
        self._shown: list[tuple[str, Count | None]] = []
        self._turn = 0

    def compose(self) -> ComposeResult:
        for number in range(MOST):
            with Vertical():
                yield Lines(id=f"name{number}")
                yield CutView(id=f"tokens{number}")

    def room(self, columns: int) -> int:
        """How many panes there is room for on a screen of so many columns."""
        return 1 + (columns >= SECOND) + (columns >= THIRD)

    def show(
        self, shown: Sequence[tuple[str, Count | None]], zoom: str, instead: Callable[[str, int], list[Text]]
    ) -> None:
        """Show tokenizers with what they make of the text; `instead` gives lines where there are no tokens."""
        self._turn += 1
        self._shown = list(shown)
        for number, pane in enumerate(self.query(Vertical)):
            pane.display = number < len(shown)
        for number, (name, count) in enumerate(shown):
            palette, view = self.app.palette, self._view(number)
            title = Text.assemble((name, palette.heading), "  ", (_zoom_name(zoom, name), palette.muted))
            self.query_one(f"#name{number}", Lines).set_lines([title])
            if count is None or not len(count.cut):
                view.show(None, instead=instead(name, max(20, self.app.size.width // len(shown) - 4)))
                continue
            work = partial(self._rows, name, count, zoom, view.scrollable_content_region.width)
            if len(count.cut) * len(shown) <= AT_ONCE and (zoom != cuts.MERGES or name != "model"):
                view.show(work())
            else:
                self._beside(partial(self._show_later, view, work, self._turn))

    def _beside(self, work: Callable[[], object]) -> Worker[object]:
        return self.run_worker(work, exit_on_error=False)

    async def _show_later(self, view: CutView, work: Callable[[], cuts.Rows], turn: int) -> None:
        rows = await asyncio.to_thread(work)
        if turn == self._turn and self.is_mounted:
            view.show(rows)
            self.post_message(self.Moved())

    def _rows(self, name: str, count: Count, zoom: str, width: int) -> cuts.Rows:
        merging = self._merging(name) if zoom == cuts.MERGES else None
        return cuts.rows(zoom, count.cut, count.asked.text, width, self.app.palette, merging=merging)

    def _view(self, number: int) -> CutView:
        return self.query_one(f"#tokens{number}", CutView)

    def _seen(self) -> Iterator[tuple[CutView, Count]]:
        """The panes with tokens."""
        for number, (_, count) in enumerate(self._shown):
            if count is not None and len(count.cut):
                yield self._view(number), count

    def take_focus(self) -> None:
        self.screen.set_focus(self._view(0))

    @property
    def token(self) -> tuple[Count, int] | None:
        """The token under the cursor, of the pane that the reader is in, or of the first."""
        seen = list(self._seen())
        found = next(((view, count) for view, count in seen if view.has_focus), seen[0] if seen else None)
        if found is None or found[0].cursor >= len(found[1].cut):
            return None
        return found[1], found[0].cursor

    @property
    def character(self) -> int:
        """The character that the token under the cursor begins with."""
        return max(0, self.token[0].cut.start(self.token[1])) if self.token is not None else 0

    def go(self, character: int, but: CutView | None = None) -> None:
        """The cursor of every pane, but one, to the token that holds this character."""
        for view, count in self._seen():
            if view is not but:
                view.go(bisect_right(count.cut.ends, character))

    def on_cut_view_moved(self, event: CutView.Moved) -> None:
        event.stop()
        self.go(self.character, but=event.view)
        self.post_message(self.Moved())

    def on_descendant_focus(self) -> None:
        self.post_message(self.Moved())


def _zoom_name(zoom: str, name: str) -> str:
    if zoom == cuts.MERGES and name == "spm-unigram":
        return tr("no merges: of all ways to cut the text, the likeliest")
    return {
        cuts.CHARACTERS: tr("characters, ids below"),
        cuts.BYTES: tr("bytes, characters above, ids below"),
        cuts.MERGES: tr("merges in order: rank, then what stands"),
    }[zoom]
