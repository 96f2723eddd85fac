"""Layers (the logit lens): what the model would say after each layer, and how its answer comes up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tutor.decoding.token_pictures import name_of
from tutor.domain.language import both, tr
from tutor.domain.model import Lens, LensLayer
from tutor.ui.draw import lens as draw
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.labs.views.base import View, ViewScreen
from tutor.ui.widgets.lines import Lines, Row, RowList

FEWEST, USUAL, MOST = 1, 5, 20  # tokens told of each layer
MARGIN = 3  # of a list: its cursor's sign, its scroll bar


class LayersView(View):
    """A row a layer; the one under the cursor is told in full."""

    NAME = "layers"
    TITLE = both("Layers")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "more(1)", "More tokens", key_display="+ -", id="layers.more"),
        Binding("minus", "more(-1)", "Fewer tokens", show=False, id="layers.fewer"),
    ]

    DEFAULT_CSS = "LayersView #answer { padding: 0 1; } LayersView #detail { padding: 0 1; }"

    def __init__(self, lab: ViewScreen) -> None:
        super().__init__(lab)
        self.top = USUAL
        self.lens: Lens | None = None
        self._about: tuple[str, str] | None = None  # model and text
        self._asked = False  # about them
        self._cursor: int | None = None

    def compose(self) -> Iterable[Widget]:
        yield Lines(self._answer_lines, id="answer")
        yield RowList(id="layers", enter="")
        yield Lines(self._detail_lines, id="detail")

    def about(self) -> str:
        return tr(
            "The logit lens: what the model would say if it stopped after a layer, its state read through the final "
            "norm and the output matrix. The bar follows the token that it says in the end. Up and down move through "
            "the layers, + and - tell more or fewer tokens of each."
        )

    def status(self) -> str:
        if self.asking.busy or self.lens is None:
            return self.asking.progress
        return tr("{count} layers", count=len(self.lens.layers))

    # -- what is kept ------------------------------------------------------------------------------------------------

    def restore(self, given: Mapping[str, Any]) -> None:
        top, cursor = given.get("k"), given.get("layer")
        self.top = max(FEWEST, min(top, MOST)) if isinstance(top, int) else USUAL
        self._cursor = cursor if isinstance(cursor, int) else None

    def state(self) -> dict[str, Any]:
        return {"k": self.top, "layer": self._cursor}

    # -- asking ------------------------------------------------------------------------------------------------------

    def show(self, text: str) -> None:
        about = (self.app.services.model_name, text)
        if about != self._about:
            if self._about is not None:
                self._cursor = None
            self._about, self._asked, self.lens = about, False, None
        if not self._asked:
            self._ask(text)

    def _ask(self, text: str) -> None:
        self._asked, top = True, self.top
        self.asking.ask(lambda model: model.lens(text, top=top), self._take)

    def _take(self, lens: Lens) -> None:
        self.lens = lens
        if self._cursor is None:
            self._cursor = draw.arrival(lens).stays
        self._cursor = max(0, min(self._cursor, len(lens.layers) - 1))

    def stop(self) -> None:
        if self.asking.leave():
            self._asked = False

    # -- drawing -----------------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        if not self.is_mounted:
            return
        rows = self.query_one(RowList)
        if self.lens is None or self.asking.trouble is not None:
            rows.set_rows([])
        else:
            width, palette = _row_width(rows.size.width), self.app.palette
            worst = max(layer.rank for layer in self.lens.layers)
            layers = [Row(draw.row(layer, worst, width, palette), key=layer) for layer in self.lens.layers]
            rows.set_rows(layers, cursor=self._cursor)
        for lines in self.query(Lines):
            lines.redraw()
        if self.lab.view is self:
            self.lab.retitle()

    def on_resize(self) -> None:
        self.redraw()

    def _answer_lines(self, width: int) -> list[Text]:
        if self.lens is None or self.asking.trouble is not None:
            return self.asking.lines(width)
        palette = self.app.palette
        head = draw.heading(name_of(self.lens.final[0]), _row_width(width + 2), palette)
        answer = draw.answer_lines(self.lens.final, draw.arrival(self.lens), width, palette)
        return [*answer, Text(" ") + head]

    def _detail_lines(self, width: int) -> list[Text]:
        layer = self._layer()
        if layer is None or self.asking.trouble is not None:
            return []
        why = tr(
            "A logit lens (nostalgebraist 2020): the state after each layer, read by the final norm and the output "
            "matrix. Those were trained for the last layer only, so early readings are rough."
        )
        palette = self.app.palette
        return [*draw.detail(layer, width, palette), *wrap(Text(why, palette.muted), width)]

    def _layer(self) -> LensLayer | None:
        return self.lens.layers[self._cursor] if self.lens is not None and self._cursor is not None else None

    # -- keys --------------------------------------------------------------------------------------------------------

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        if isinstance(event.row.key, LensLayer):
            self._cursor = event.row.key.layer
            self.query_one("#detail", Lines).redraw()
            self.lab.keep_soon()

    def action_more(self, step: int) -> None:
        wanted = max(FEWEST, min(self.top + step, MOST))
        if wanted != self.top:
            self.top = wanted
            self._ask(self.lab.text)
            self.lab.keep_soon()


def _row_width(cells: int) -> int:
    """Of a row in a list of `cells`: its cursor's sign and its scroll bar take theirs."""
    return max(30, cells - MARGIN)
