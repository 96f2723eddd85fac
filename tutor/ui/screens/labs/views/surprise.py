"""Surprise: how unexpected each token of a text was, and what the model expected instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from tutor.domain.language import both, tr
from tutor.domain.model import Candidate, Model
from tutor.ui.draw import surprise as draw
from tutor.ui.draw.surprise import Coloured, Scored
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.labs.views.base import View, ViewScreen
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.lines import Lines, Row, RowList
from tutor.ui.widgets.pager import Pager

if TYPE_CHECKING:
    from tutor.ui.draw.palette import Palette

EXPECTED = 5
PANEL = EXPECTED + 3  # the token under the cursor, what was expected there under its title, the legend
KEPT_TEXTS = 8

Place = tuple[int, int]  # which text, which token


def score(model: Model, text: str) -> Scored:
    found = model.score(text)
    pieces = model.tokenize(text)
    if len(pieces) != len(found.ids):
        # The model was trained to see a token of its own before any text.
        pieces = model.tokenize(text, bos=True)
    return Scored(pieces, found)


class SurpriseView(View, can_focus=True):
    """The text, coloured; or its tokens as a list. A second text may stand beside it. One cursor goes through both."""

    NAME = "surprise"
    TITLE = both("Surprise")

    DEFAULT_CSS = "SurpriseView #tokens { display: none; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "expected", "Expected", id="surprise.expected"),
        Binding("m", "mode", "Text / list", id="surprise.mode"),
        Binding("o", "other", "Other text", id="surprise.other"),
        Binding("right,l", "token(1)", "Token", key_display="h l", id="surprise.token"),
        Binding("left,h", "token(-1)", "Token before", show=False, id="surprise.token_before"),
        Binding("down,j", "line(1)", "Line down", show=False, id="surprise.down"),
        Binding("up,k", "line(-1)", "Line up", show=False, id="surprise.up"),
        Binding("g,home", "edge(-1)", "First", show=False, id="surprise.first"),
        Binding("G,end", "edge(1)", "Last", show=False, id="surprise.last"),
        Binding("n", "most", "Most surprising", id="surprise.most"),
        Binding("escape", "leave", "Leave the text as it was", show=False, id="surprise.leave"),
    ]

    def __init__(self, lab: ViewScreen) -> None:
        super().__init__(lab)
        self.text = ""
        self.other = ""
        self.listed = False
        self.at: Place = (0, 1)
        self._model = ""
        self._scored: dict[tuple[str, str], Scored] = {}
        self._expected: dict[tuple[str, str, int], tuple[Candidate, ...]] = {}
        self._coloured: dict[int, Coloured] = {}
        self._look: tuple[int, Palette] | None = None
        self._typing = False
        self._rank = 0  # how many of the most surprising tokens were gone to

    def compose(self) -> Iterable[Widget]:
        yield Pager(self._text_lines, id="text")
        yield RowList(id="tokens", enter="")  # Enter is this view's, in both pictures
        yield Lines(self._panel_lines, id="panel")
        yield AnswerInput(enter="Compare")

    def about(self) -> str:
        return tr(
            "Surprise: the digit under a token says how unexpected it was, 1 where the model had it coming, 5 where it "
            "was given under one chance in 1,024. Left and right move, Enter asks what the model expected there, n goes "
            "to the next most surprising token, m lists the tokens, o writes another text to compare. A perplexity of "
            "10 means: as unsure as among 10 tokens alike."
        )

    def status(self) -> str:
        one = self._of(0)
        if self.asking.busy or one is None:
            return self.asking.progress
        return tr("perplexity {perplexity}", perplexity=f"{one.score.perplexity:,.1f}")

    # -- what is kept ------------------------------------------------------------------------------------------------

    def restore(self, given: Mapping[str, Any]) -> None:
        self.other = given["other"] if isinstance(given.get("other"), str) else ""
        self.listed = given.get("list") is True
        at = given.get("at")
        if isinstance(at, list) and len(at) == 2 and all(isinstance(n, int) and n >= 0 for n in at):
            self.at = (min(at[0], 1), at[1])

    def state(self) -> dict[str, Any]:
        return {"other": self.other, "list": self.listed, "at": list(self.at)}

    # -- asking ------------------------------------------------------------------------------------------------------

    def show(self, text: str) -> None:
        if self.text and text != self.text:
            self.at = (0, 1)
        if (text, self.app.services.model_name) != (self.text, self._model):
            self.text, self._model = text, self.app.services.model_name
            self._coloured = {}
        self._want()

    def _want(self) -> None:
        """Score what is not scored yet, the first text first."""
        for text in (self.text, self.other):
            if text and (self._model, text) not in self._scored:
                self.asking.ask(partial(score, text=text), partial(self._take, self._model, text))
                return
        self._settle()
        self.redraw()

    def _take(self, model: str, text: str, found: Scored) -> None:
        self._scored[model, text] = found
        while len(self._scored) > KEPT_TEXTS:
            del self._scored[next(iter(self._scored))]
        self._coloured = {}
        self.call_later(self._want)

    def _of(self, which: int) -> Scored | None:
        return self._scored.get((self._model, self.other if which else self.text))

    def _settle(self) -> None:
        """The cursor within what there is."""
        which, index = self.at
        scored = self._of(which)
        if scored is None:
            which, scored = 0, self._of(0)
        if scored is not None:
            self.at = (which, min(index, len(scored.pieces) - 1))

    def action_expected(self) -> None:
        which, index = self.at
        scored, text = self._of(which), self.other if which else self.text
        if scored is None or not index or (self._model, text, index) in self._expected:
            return
        ids = scored.score.ids[:index]
        self.asking.ask(
            lambda model: model.next(ids, top=EXPECTED).top,
            lambda top: self._expected.__setitem__((self._model, text, index), top),
        )

    # -- drawing -----------------------------------------------------------------------------------------------------

    def take_focus(self) -> None:
        if self._typing:
            self.query_one(AnswerInput).focus()
        elif self.listed:
            self.query_one(RowList).focus()
        else:
            self.focus()

    def redraw(self) -> None:
        if not self.is_mounted or not self.query("#panel"):
            return
        self.query_one("#text").display = not self.listed
        self.query_one("#tokens").display = self.listed
        if self.listed:
            self._list()
        else:
            self.query_one(Pager).redraw()
            self._scroll()
        self.query_one("#panel", Lines).redraw()
        if self.lab.view is self:
            self.lab.retitle()

    def on_resize(self) -> None:
        self.redraw()

    def _layout(self, which: int, width: int) -> Coloured | None:
        if self._look != (width, self.app.palette):
            self._look, self._coloured = (width, self.app.palette), {}
        scored = self._of(which)
        if scored is not None and which not in self._coloured:
            self._coloured[which] = Coloured(scored, width, self.app.palette)
        return self._coloured.get(which)

    def _text_lines(self, width: int) -> list[Text]:
        width = min(100, width - 2)
        if self._of(0) is None:
            lines = self.asking.lines(width)
        else:
            lines = [line for which in (0, 1) for line in self._block(which, width)]
        return [Text(" ") + line for line in lines]

    def _block(self, which: int, width: int) -> list[Text]:
        """A text under its means, a blank line between."""
        coloured = self._layout(which, width)
        if coloured is None:
            return []
        head = self._head(which, width)
        return [*head, *coloured.drawn(self.at[1] if self.at[0] == which else None), Text()]

    def _head(self, which: int, width: int) -> list[Text]:
        palette, one, two = self.app.palette, self._of(0), self._of(1)
        lines: list[Text] = []
        if which and one is not None and two is not None:
            lines = wrap(Text(draw.comparison(one, two), palette.strong), width)
        scored = self._of(which)
        return [*lines, *(wrap(Text(draw.summary(scored), palette.muted), width) if scored is not None else [])]

    def _scroll(self) -> None:
        """Keep the line of the cursor in sight."""
        pager = self.query_one(Pager)
        width = min(100, pager.scrollable_content_region.width - 2)
        which, index = self.at
        coloured = self._coloured.get(which)
        if coloured is None:
            return
        above = len(self._block(0, width)) if which else 0
        row = above + len(self._head(which, width)) + 2 * coloured.line_of[index]
        top, height = pager.scroll_offset.y, pager.size.height
        if not top <= row < top + height - 1:
            pager.scroll_to(y=0 if row < height - 1 else row - height // 2, animate=False)

    def _list(self) -> None:
        palette, rows = self.app.palette, self.query_one(RowList)
        width = max(30, min(100, self.size.width - 4))
        found: list[Row] = []
        for which in (0, 1):
            scored = self._of(which)
            if scored is None:
                continue
            found += [Row(line, heading=True) for line in self._head(which, width)]
            found += [Row(draw.row(scored, i, width, palette), key=(which, i)) for i in range(len(scored.pieces))]
            found.append(Row(Text(), heading=True))
        at = next((i for i, row in enumerate(found) if row.key == self.at), 0)
        rows.set_rows(found or [Row(line, heading=True) for line in self.asking.lines(width)], cursor=at)

    def _panel_lines(self, width: int) -> list[Text]:
        palette = self.app.palette
        width = min(100, width - 2)
        which, index = self.at
        scored, lines = self._of(which), []
        if scored is not None:
            lines = [draw.detail(scored, index, width, palette), *self._expectation(scored, width)]
        lines = [*lines[: PANEL - 1], *[Text()] * (PANEL - 1 - len(lines))]
        return [Text(" ") + line for line in (*lines, draw.legend(width, palette) if scored is not None else Text())]

    def _expectation(self, scored: Scored, width: int) -> list[Text]:
        """What the model expected at the cursor, or how to ask."""
        palette, (which, index) = self.app.palette, self.at
        top = self._expected.get((self._model, self.other if which else self.text, index))
        if top is not None:
            title = Text(tr("The model expected:"), palette.muted)
            return [title, *draw.expected_rows(top, scored.pieces[index].id, width, palette)]
        if self.asking.busy or self.asking.trouble is not None:
            return self.asking.lines(width)
        return [Text(tr("Enter asks what the model expected here."), palette.muted)] if index else []

    # -- keys --------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "leave":
            return self._typing
        return not self._typing

    def _places(self) -> list[Place]:
        return [(which, i) for which in (0, 1) if (scored := self._of(which)) for i in range(len(scored.pieces))]

    def _go(self, place: Place) -> None:
        self._rank = 0
        if place != self.at:
            self.at = place
            if not self.asking.busy:
                self.asking.trouble = None
            self.redraw()
            self.lab.keep_soon()

    def action_token(self, step: int) -> None:
        places = self._places()
        if self.at in places:
            self._go(places[max(0, min(len(places) - 1, places.index(self.at) + step))])

    def action_line(self, step: int) -> None:
        which, index = self.at
        coloured = self._coloured.get(which)
        if coloured is None:
            return
        there = coloured.beside(index, step)
        if there != index:
            self._go((which, there))
        elif step > 0 and not which and self._of(1) is not None:
            self._go((1, 0))
        elif step < 0 and which and (one := self._of(0)) is not None:
            self._go((0, len(one.pieces) - 1))

    def action_edge(self, step: int) -> None:
        if places := self._places():
            self._go(places[0 if step < 0 else -1])

    def action_most(self) -> None:
        """To the most surprising token; pressed again, to the next one."""
        places = [place for place in self._places() if place[1]]
        order = sorted(places, key=lambda place: -(self._nats(place) or 0.0))
        if order:
            rank = self._rank
            self._go(order[rank % len(order)])
            self._rank = rank + 1

    def _nats(self, place: Place) -> float | None:
        scored = self._of(place[0])
        return scored.nats(place[1]) if scored is not None else None

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        event.stop()
        if isinstance(event.row.key, tuple):
            self.at = event.row.key
            self.query_one("#panel", Lines).redraw()
            self.lab.keep_soon()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        self.action_expected()

    def action_mode(self) -> None:
        self.listed = not self.listed
        self.redraw()
        self.take_focus()
        self.lab.keep_soon()

    # -- the other text ----------------------------------------------------------------------------------------------

    def action_other(self) -> None:
        self._typing = True
        field = self.query_one(AnswerInput)
        field.placeholder = tr("another text to compare; empty for none")
        field.value = self.other or self.text
        field.display = True
        field.focus()
        field.action_end()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.other = event.value if event.value.strip() else ""
        self._coloured.pop(1, None)
        self.action_leave()
        self._want()
        self.lab.keep_soon()

    def action_leave(self) -> None:
        self._typing = False
        self.query_one(AnswerInput).display = False
        self.take_focus()
        self._settle()
        self.redraw()
