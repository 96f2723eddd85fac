"""Attention: how much each token of the sentence looks at each before it, in any layer and head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tutor.decoding.token_pictures import name_of
from tutor.domain.frames import Bar, Bars
from tutor.domain.language import both, language, tr
from tutor.ui.draw.frames import draw
from tutor.ui.draw.heatmap import Sheet, TextRow, contact_sheet, follow, heat_map, legend, sheet, weighted_text, window
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.labs.views.base import View, ViewScreen
from tutor.ui.widgets.fit import fit
from tutor.ui.widgets.pager import Pager

if TYPE_CHECKING:
    from tutor.decoding.attention import Weights
    from tutor.domain.model import Model

HEAD, SHEET, TOKEN = PICTURES = ("head", "sheet", "token")
SINK = 0.3  # a head that rests so much on the first token is said to
KEPT_BYTES = 64_000_000  # of layers asked for already: all of a sentence, some of a text of 256 tokens
STRONGEST = 4


class Layer(NamedTuple):
    """What the model did in one layer: `weights` (heads, queries, keys) and their `mean` (queries, keys)."""

    labels: tuple[str, ...]
    layers: int
    number: int
    weights: Weights
    mean: Weights


class AttentionView(View, can_focus=True):
    """The cursor is on a query token, and on the key token whose weight is told exactly."""

    NAME = "attention"
    TITLE = both("Attention")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "picture", "Picture", id="attention.picture"),
        Binding("right_square_bracket", "layer(1)", "Layer", key_display="[ ]", id="attention.layer"),
        Binding("left_square_bracket", "layer(-1)", "Layer before", show=False, id="attention.layer_before"),
        Binding("right,l", "head(1)", "Head", key_display="h l", id="attention.head"),
        Binding("left,h", "head(-1)", "Head before", show=False, id="attention.head_before"),
        Binding("down,j", "query(1)", "Token", show=False, id="attention.token"),
        Binding("up,k", "query(-1)", "Token before", show=False, id="attention.token_before"),
        Binding("m", "mean", "Mean of all heads", show=False, id="attention.mean"),
        Binding("w,shift+right", "key(1)", "Seen token", show=False, id="attention.seen"),
        Binding("b,shift+left", "key(-1)", "Seen token before", show=False, id="attention.seen_before"),
        Binding("pagedown,ctrl+d", "query(10)", "Ten tokens on", show=False, id="attention.page_down"),
        Binding("pageup,ctrl+u", "query(-10)", "Ten tokens back", show=False, id="attention.page_up"),
        Binding("g,home", "query(-1000)", "First", show=False, id="attention.first"),
        Binding("G,end", "query(1000)", "Last", show=False, id="attention.last"),
        Binding("enter", "open", "This head", show=False, id="attention.open"),
    ]

    def __init__(self, lab: ViewScreen) -> None:
        super().__init__(lab)
        self.picture = HEAD
        self.wanted = self.head = 0
        self.mean = False
        self.query_token: int | None = None  # None is the last one
        self.key_token: int | None = None  # None is the query itself
        self.corner = (0, 0)  # of the window, where the text is longer than it
        self.first_row = 0  # of a long text
        self.layout_of_heads = Sheet(1, 1, 1)
        self.shown: Layer | None = None
        self._about: tuple[str, str] | None = None  # model and text
        self._asked = False  # about them
        self._layers: dict[int, Layer] = {}

    def compose(self) -> Iterable[Widget]:
        yield Pager(self._lines)

    def about(self) -> str:
        return tr(
            "Attention: a row is a token, the shades in it say how much it looks at each token before it. [ and ] "
            "change the layer, left and right the head, up and down the token; b and w move along the tokens it sees. "
            "Space turns from one head to all heads of the layer, and to one token over the text; m averages the heads."
        )

    def status(self) -> str:
        if self.asking.busy or self.shown is None:
            return self.asking.progress
        return tr("{count} tokens", count=len(self.shown.labels))

    # -- what is kept ------------------------------------------------------------------------------------------------

    def restore(self, given: Mapping[str, Any]) -> None:
        self.wanted = _index(given.get("layer")) or 0
        self.head = _index(given.get("head")) or 0
        self.query_token, self.key_token = _index(given.get("query")), _index(given.get("key"))
        # A head of -1 is the demo's way to ask for all.
        self.mean = given.get("mean") is True or given.get("head") == -1
        self.picture = given["picture"] if given.get("picture") in PICTURES else HEAD

    def state(self) -> dict[str, Any]:
        return {
            "layer": self.wanted,
            "head": self.head,
            "query": self.query_token,
            "key": self.key_token,
            "mean": self.mean,
            "picture": self.picture,
        }

    # -- asking ------------------------------------------------------------------------------------------------------

    def show(self, text: str) -> None:
        about = (self.app.services.model_name, text)
        if about != self._about:
            if self._about is not None:
                self.query_token = self.key_token = None
            self._about, self._asked = about, False
            self._layers, self.shown = {}, None
        if not self._asked:
            self._asked = True
            self._want(self.wanted)

    def _want(self, layer: int) -> None:
        """Show `layer`, asking for it where it is not known yet; until it comes, what is shown stays."""
        self.wanted = layer
        if layer in self._layers:
            self.asking.leave()
            self._take(self._layers[layer])
            self.redraw()
        else:
            self.asking.ask(partial(_look, text=self.lab.text, layer=layer), self._take)

    def _take(self, found: Layer) -> None:
        self._layers[found.number] = found
        while len(self._layers) * found.weights.nbytes > KEPT_BYTES:
            del self._layers[next(iter(self._layers))]
        self.shown = found
        self.wanted = found.number
        self.head = min(self.head, len(found.weights) - 1)

    def stop(self) -> None:
        if self.asking.leave():
            self._asked = False
        if self.shown is not None:
            self.wanted = self.shown.number

    # -- drawing -----------------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        for pager in self.query(Pager):
            pager.redraw(top=self.picture != SHEET)
            if self.picture == SHEET:
                self._show_chosen(pager)
        if self.lab.view is self:
            self.lab.retitle()

    def _show_chosen(self, pager: Pager) -> None:
        """Many heads on a small screen: keep the chosen one in sight."""
        across, rows, _ = self.layout_of_heads
        top = 1 + self.head // across * (rows + 1)
        if not pager.scroll_offset.y <= top <= pager.scroll_offset.y + pager.size.height - rows - 1:
            pager.scroll_to(y=top - 1, animate=False)

    def _lines(self, width: int) -> list[Text]:
        width -= 1
        found = self.shown
        if found is None or self.asking.trouble is not None:
            lines = self.asking.lines(width)
        elif self.picture == SHEET:
            lines = self._sheet_lines(found, width)
        elif self.picture == TOKEN:
            lines = self._token_lines(found, width)
        else:
            lines = self._head_lines(found, width)
        return [Text(" ") + line for line in lines]

    def _top_line(self, found: Layer, width: int) -> Text:
        """Which layer and head; numbers begin at 0, as the model's own."""
        palette = self.app.palette
        line = Text.assemble(
            (tr("layer") + " ", palette.muted),
            (str(found.number), palette.strong),
            (f" (0-{found.layers - 1})   ", palette.muted),
        )
        if self.mean and self.picture != SHEET:
            line.append(tr("mean of {count} heads", count=len(found.weights)), palette.strong)
        else:
            line.append(tr("head") + " ", palette.muted).append(str(self.head), palette.strong)
            line.append(f" (0-{len(found.weights) - 1})", palette.muted)
        if self.picture != SHEET:
            keys = tr("m one head") if self.mean else tr("m mean of heads")
            line.append(f"   {keys}   {tr('j k token')}", palette.muted)
            if self.picture == HEAD:
                line.append(f"   {tr('b w what it sees')}", palette.muted)
        return fit(line, width)

    def _head_lines(self, found: Layer, width: int) -> list[Text]:
        palette, labels = self.app.palette, found.labels
        cursor = self._cursor(found)
        below = [*self._row_lines(found, width), *self._sink_lines(found, width)]
        height = self._height()
        if height - len(below) > 8:
            below += legend(width, palette, tr("under"), tr("empty: not seen yet"))
        size = (width, max(3, height - 1 - len(below)))
        shown = window(labels, cursor, self.corner, size)
        self.corner = (shown.queries.start, shown.keys.start)
        values = self._weights(found)[
            shown.queries.start : shown.queries.stop, shown.keys.start : shown.keys.stop
        ].tolist()
        return [
            self._top_line(found, width),
            *heat_map(values, shown, labels, cursor, palette),
            *below,
        ]

    def _sheet_lines(self, found: Layer, width: int) -> list[Text]:
        from tutor.decoding.attention import pooled, sink_share

        palette, height = self.app.palette, self._height()
        hint = wrap(
            Text(
                tr("Beside each head's number: how much of it rests on the first token. Enter opens the head."),
                palette.muted,
            ),
            width,
        )
        count, n = len(found.weights), len(found.labels)
        layout = self.layout_of_heads = sheet(count, n, width, height - 1 - len(hint))
        pictures = [pooled(head, layout.rows, layout.columns).tolist() for head in found.weights]
        names = [f"{i} {sink_share(head):.0%}" for i, head in enumerate(found.weights)]
        return [self._top_line(found, width), *contact_sheet(pictures, names, self.head, layout, palette), *hint]

    def _token_lines(self, found: Layer, width: int) -> list[Text]:
        palette = self.app.palette
        query, _ = self._cursor(found)
        weights = self._weights(found)[query].tolist()
        sink = self._sink_lines(found, width)
        room = self._height() - 2 - len(sink)
        text = self._window_of_text(weighted_text(found.labels, weights, query, width, palette), query, room // 4)
        lines = [line for row in text for line in (row.text, row.shades)]
        strongest = sorted(range(query + 1), key=lambda k: -weights[k])[: max(3, room - len(lines))]
        bars = Bars(tuple(Bar(_numbered(found, k), 100 * weights[k]) for k in strongest), high=100.0)
        sentence = tr("{token} looks at, in %:", token=_numbered(found, query))
        return [
            self._top_line(found, width),
            *lines,
            fit(Text(sentence, palette.strong), width),
            *draw(bars, width, palette, language()),
            *sink,
        ]

    def _window_of_text(self, rows: list[TextRow], query: int, most: int) -> list[TextRow]:
        """Of a long text so many rows, with the query's among them."""
        most = max(1, most)
        here = sum(row.first <= query for row in rows) - 1
        self.first_row = follow(self.first_row, here, min(most, len(rows)), len(rows))
        return rows[self.first_row : self.first_row + most]

    def _row_lines(self, found: Layer, width: int) -> list[Text]:
        """The weight under the cursor, and where the rest of the row is."""
        palette, (query, key) = self.app.palette, self._cursor(found)
        row = self._weights(found)[query].tolist()
        exact = tr(
            "{query} looks at {key}: {weight}",
            query=_numbered(found, query),
            key=_numbered(found, key),
            weight=f"{row[key]:.6f}",
        )
        strongest = sorted(range(query + 1), key=lambda k: -row[k])[:STRONGEST]
        most = tr("most at {tokens}", tokens=", ".join(f"{found.labels[k]} {row[k]:.0%}" for k in strongest))
        return [fit(Text(exact, palette.strong), width), fit(Text(most, palette.muted), width)]

    def _sink_lines(self, found: Layer, width: int) -> list[Text]:
        from tutor.decoding.attention import sink_share

        share = sink_share(self._weights(found))
        if share < SINK:
            return []
        sentence = (
            tr(
                "{share} % of the mean head's attention rests on the first token: an attention sink (Xiao et al. 2023, arXiv:2309.17453).",
                share=f"{100 * share:.0f}",
            )
            if self.mean
            else tr(
                "{share} % of this head's attention rests on the first token: an attention sink (Xiao et al. 2023, arXiv:2309.17453).",
                share=f"{100 * share:.0f}",
            )
        )
        return wrap(Text(sentence, self.app.palette.accent), width)

    def _height(self) -> int:
        return self.query_one(Pager).size.height

    def _weights(self, found: Layer) -> Weights:
        """What is looked at, (queries, keys)."""
        return found.mean if self.mean else found.weights[self.head]

    def _cursor(self, found: Layer) -> tuple[int, int]:
        last = len(found.labels) - 1
        query = last if self.query_token is None else min(self.query_token, last)
        return query, query if self.key_token is None else min(self.key_token, query)

    # -- keys --------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "open":
            return self.picture == SHEET
        return True

    def _changed(self) -> None:
        self.redraw()
        self.lab.keep_soon()

    def action_picture(self) -> None:
        self.picture = PICTURES[(PICTURES.index(self.picture) + 1) % len(PICTURES)]
        self._changed()

    def action_open(self) -> None:
        self.picture, self.mean = HEAD, False
        self._changed()

    def action_layer(self, step: int) -> None:
        if self.shown is not None:
            wanted = max(0, min(self.wanted + step, self.shown.layers - 1))
            if wanted != self.wanted:
                self._want(wanted)
                self.lab.keep_soon()

    def action_head(self, step: int) -> None:
        if self.shown is not None:
            # From the mean back to the head that was there before.
            step = 0 if self.mean and self.picture != SHEET else step
            self.head = max(0, min(self.head + step, len(self.shown.weights) - 1))
            self.mean = False
            self._changed()

    def action_mean(self) -> None:
        self.mean = not self.mean
        if self.picture == SHEET:
            self.picture = HEAD
        self._changed()

    def action_query(self, step: int) -> None:
        if self.shown is None:
            return
        if self.picture == SHEET:
            wanted = self.head + step * self.layout_of_heads.across
            if 0 <= wanted < len(self.shown.weights):
                self.action_head(wanted - self.head)
            return
        query, key = self._cursor(self.shown)
        moved = max(0, min(query + step, len(self.shown.labels) - 1))
        self.query_token = moved
        # A cursor on the diagonal stays on it.
        self.key_token = None if key == query else min(key, moved)
        self._changed()

    def action_key(self, step: int) -> None:
        if self.shown is not None:
            query, key = self._cursor(self.shown)
            self.query_token, self.key_token = query, max(0, min(key + step, query))
            self._changed()


def _look(model: Model, *, text: str, layer: int) -> Layer:
    """Runs on the model's thread, where numpy is loaded as well."""
    from tutor.decoding.attention import mean_over_heads, weights_of

    found = model.attention(text, min(layer, model.info().layers - 1))
    labels = tuple(name_of(piece) for piece in found.tokens)
    weights = weights_of(found)
    return Layer(labels, found.layers, found.layer, weights, mean_over_heads(weights))


def _numbered(found: Layer, token: int) -> str:
    return f'{token} "{found.labels[token]}"'


def _index(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
