"""Neighbours: which tokens lie nearest to a token, or to a sum of tokens, in the embedding matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from tutor.domain.errors import TutorError, UsageError
from tutor.domain.language import both, tr
from tutor.domain.model import Neighbours
from tutor.ui.draw import neighbours as draw
from tutor.ui.draw.neighbours import Query
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.labs.views.base import View, ViewScreen
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.lines import Lines, Row, RowList

COLUMN = 90
ASKED = 100  # so many are looked at for what was expected
SHOWN = 40
KEPT_TRAIL = 50
FIRST_QUERY = "␣king - ␣man + ␣woman = ␣queen"


class NeighboursView(View):
    """The list is walked along: Enter asks for the neighbours of a neighbour, Backspace goes back, s puts a "
    "space before each token or takes it away."""

    NAME = "neighbours"
    TITLE = both("Neighbours")
    SENTENCE = False

    DEFAULT_CSS = "NeighboursView #asked { padding: 0 1; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "write", "Words", id="neighbours.write"),
        Binding("backspace", "back", "Before", id="neighbours.back"),
        Binding("s", "spaced", "Space before", id="neighbours.spaced"),
        Binding("escape", "leave", "Leave the words as they were", show=False, id="neighbours.leave"),
    ]

    def __init__(self, lab: ViewScreen) -> None:
        super().__init__(lab)
        self.trail: list[Query] = [Query.read(FIRST_QUERY)]  # the last is the one on show
        self.shown = SHOWN
        self._model = ""
        self._found: dict[tuple[str, Query], Neighbours] = {}
        self._typing = False

    def compose(self) -> Iterable[Widget]:
        yield Lines(self._head, id="asked")
        yield RowList(id="nearest", enter="Its neighbours")
        yield AnswerInput(enter="Look")

    def about(self) -> str:
        return tr(
            "Neighbours: the tokens whose rows of the embedding matrix point the same way, by cosine. i writes a token, "
            "or a sum such as king - man + woman = queen, where what stands behind = is what you expect; ␣ is a space of "
            "the token's own. Enter goes on to the neighbours of a neighbour, Backspace goes back, s puts a "
            "space before each token or takes it away."
        )

    def status(self) -> str:
        return self.asking.progress

    @property
    def asked(self) -> Query:
        return self.trail[-1]

    # -- what is kept ------------------------------------------------------------------------------------------------

    def restore(self, given: Mapping[str, Any]) -> None:
        token, shown = given.get("token"), given.get("k")
        if isinstance(token, str) and (asked := _read(token)) is not None:
            self.trail = [asked]
        if isinstance(given.get("trail"), list) and (trail := [_query(each) for each in given["trail"]]):
            self.trail = [each for each in trail if each is not None] or self.trail
        if isinstance(shown, int) and 1 <= shown <= ASKED:
            self.shown = shown

    def state(self) -> dict[str, Any]:
        return {"k": self.shown, "trail": [list(each) for each in self.trail[-KEPT_TRAIL:]]}

    # -- asking ------------------------------------------------------------------------------------------------------

    def take_focus(self) -> None:
        (self.query_one(AnswerInput) if self._typing else self.query_one(RowList)).focus()

    def show(self, text: str) -> None:
        self._model = self.app.services.model_name
        self._want()

    def _want(self) -> None:
        asked = self.asked
        if (self._model, asked) in self._found:
            self.asking.leave()
            self.redraw()
        else:
            self.asking.ask(
                lambda model: model.neighbours(asked.plus, asked.minus, top=ASKED),
                partial(self._found.__setitem__, (self._model, asked)),
            )

    def _ask(self, asked: Query) -> None:
        if asked != self.asked:
            self.trail.append(asked)
            self.query_one(RowList).set_rows([], cursor=0)
        self._want()
        self.screen.refresh_bindings()
        self.lab.keep_soon()

    # -- drawing -----------------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        if not self.is_mounted or not self.query(RowList):
            return
        self.query_one("#asked", Lines).redraw()
        self.query_one(RowList).set_rows(self._rows(max(30, min(COLUMN, self.size.width - 4))))
        if self.lab.view is self:
            self.lab.retitle()

    def on_resize(self) -> None:
        self.redraw()

    def _answer(self) -> Neighbours | None:
        return self._found.get((self._model, self.asked))

    def _head(self, width: int) -> list[Text]:
        palette, width = self.app.palette, min(COLUMN, width)
        found = self._answer()
        if found is None:
            return [Text(str(self.asked), palette.strong), Text(), *self._waiting(width)]
        lines = draw.head_lines(self.asked, found, width, palette)
        return [*lines, *draw.verdict_lines(self.asked, found, width, palette), Text()]

    def _waiting(self, width: int) -> list[Text]:
        lines = self.asking.lines(width)
        if isinstance(self.asking.trouble, UsageError):
            hint = tr(
                "Many words are one token only with a space before them: s puts one before each, or takes it away. i "
                "writes others."
            )
            lines += wrap(Text(hint, self.app.palette.muted), width)
        return lines

    def _rows(self, width: int) -> list[Row]:
        found = self._answer()
        if found is None:
            return []
        own = (*found.plus, *found.minus)
        return [
            Row(draw.row(number, each, own, width, self.app.palette), key=each.text)
            for number, each in enumerate(found.nearest[: self.shown], 1)
        ]

    # -- keys --------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "leave":
            return self._typing
        if action == "back":
            return len(self.trail) > 1 and not self._typing
        return not self._typing

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        token = str(event.row.key)
        if "\ufffd" in token:
            self.lab.say(tr("This token is a part of a character: it cannot be asked for by its text."))
        else:
            self._ask(Query((token,)))

    def action_back(self) -> None:
        self.trail.pop()
        self._want()
        self.screen.refresh_bindings()
        self.lab.keep_soon()

    def action_spaced(self) -> None:
        self._ask(self.asked.spaced())

    def action_write(self) -> None:
        self._typing = True
        field = self.query_one(AnswerInput)
        field.placeholder = tr("a token, or a sum: king - man + woman = queen")
        field.value = str(self.asked)
        field.display = True
        field.focus()
        field.action_end()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            asked = Query.read(event.value)
        except TutorError as error:
            self.lab.say(str(error))
            return
        self.action_leave()
        self._ask(asked)

    def action_leave(self) -> None:
        self._typing = False
        self.query_one(AnswerInput).display = False
        self.lab.say()
        self.take_focus()


def _read(typed: str) -> Query | None:
    try:
        return Query.read(typed)
    except UsageError:
        return None


def _query(kept: object) -> Query | None:
    """A query as `state` wrote it down, None for anything else."""
    match kept:
        case [list() as plus, list() as minus, str() as expected] if plus:
            return Query(tuple(map(str, plus)), tuple(map(str, minus)), expected)
    return None
