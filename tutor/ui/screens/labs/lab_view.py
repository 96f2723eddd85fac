"""How the decoding lab looks: the text, what is known of the next token, its candidates as bars, the branches beside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size

from tutor.decoding.exploration import Exploration
from tutor.domain.language import language, tr
from tutor.domain.model import DecodeStep, Strategy
from tutor.ui.draw import distribution
from tutor.ui.draw.frames import draw
from tutor.ui.draw.palette import mark_sign
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.labs.lab_branches import branch_tree
from tutor.ui.screens.labs.lab_desk import FILTERS
from tutor.ui.screens.labs.lab_walk import Walk
from tutor.ui.widgets.fit import fit
from tutor.ui.widgets.lines import Lines, Row, RowList
from tutor.ui.widgets.pager import Pager

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp

WIDE = 120  # cells from which the tree of branches stands beside
LOW = 24  # rows below which what is known above the bars shares its lines
# The line of the tree with the sign of where one stands, behind its branches or its depth.
_HERE = re.compile(rf"[ ├└│─]*(\d+> )?\{mark_sign('new')} ")


class Candidates(RowList):
    """The tokens that might come next; the arrows to the sides step through the text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Take it", id="decoding.take"),
        Binding("right", "screen.step", "Next token", show=False, id="decoding.right"),
        Binding("left", "screen.step_back", "Token back", show=False, id="decoding.left"),
    ]


class DecodingView(Vertical):
    """Shows where `walk` stands. What stands here stays until something else is known, or `waiting` says to say so."""

    DEFAULT_CSS = """
    DecodingView { height: 1fr; }
    DecodingView #text { height: 4; }
    DecodingView #settings { height: 1; }
    DecodingView #stage { height: 1fr; }
    DecodingView #side { width: 36%; display: none; }
    DecodingView.-wide #side { display: block; }
    """

    app: TutorApp

    def __init__(self, walk: Walk) -> None:
        super().__init__()
        self.walk = walk
        self.drawn: DecodeStep | None = None  # the distribution that is shown
        self._drawn_for: Size | None = None

    def compose(self) -> ComposeResult:
        yield Pager(self._text_lines, id="text")
        yield Pager(self._settings_lines, id="settings")
        with Horizontal(id="stage"):
            with Vertical():
                yield Lines(id="about")
                yield Candidates(id="candidates", enter="Take it")
            yield Pager(self._tree_lines, id="side")

    def on_resize(self) -> None:
        # A line of text that opens below takes a row of the list: nothing has to be drawn anew for that.
        if (size := self.screen.size) == self._drawn_for:
            return
        self._drawn_for = size
        self.set_class(size.width >= WIDE, "-wide")
        self.query_one("#text").styles.height = 3 if size.height < LOW else 4 if size.height < 32 else 5
        # The widgets within have their new sizes only after the next layout.
        self.call_after_refresh(self.show)

    def show(self, *, waiting: bool = False) -> None:
        if not self.is_mounted or not self.children:
            return
        self.query_one("#text", Pager).redraw()
        self.query_one("#settings", Pager).redraw()
        if self.has_class("-wide"):
            self._show_tree()
        if self.walk.step is not None:
            self._show_step(self.walk.step)
        elif waiting or not self.walk.asking.busy:
            self._show_lines()

    def _show_tree(self) -> None:
        side = self.query_one("#side", Pager)
        side.redraw()
        # Where one stands stays in view, with some of what is around it.
        here = next((y for y, line in enumerate(side.lines) if _HERE.match(line.plain)), 0)
        height, top = side.size.height, side.scroll_offset.y
        if not top <= here < top + height:
            side.scroll_to(y=max(0, here - height // 2), animate=False)

    def redraw(self) -> None:
        """Everything anew: the language or the theme has changed."""
        self.drawn = None
        self.show(waiting=True)

    def _show_step(self, step: DecodeStep) -> None:
        exploration, rows = self.walk.desk.exploration, self.query_one(Candidates)
        if exploration is None:
            return
        palette, width = self.app.palette, self._width()
        self.query_one("#about", Lines).set_lines(self._about_lines(step, width))
        tried = {exploration.nodes[child].id for child in exploration.children(exploration.cursor)}
        drawn = distribution.rows(step, tried, width, palette)
        # Another distribution begins with the cursor on what the strategy takes, unless that would scroll the best
        # away; the same one keeps the cursor.
        chosen = next((i for i, (candidate, _) in enumerate(drawn) if candidate.id == step.id), 0)
        cursor = None if step is self.drawn else chosen if chosen < rows.size.height else 0
        rows.set_rows([Row(text, key=candidate) for candidate, text in drawn], cursor=cursor)
        self.drawn = step

    def _show_lines(self) -> None:
        """What stands in place of the distribution: how far the model is, or what is wrong and can be done."""
        width = self._width()
        self.drawn = None
        self.query_one("#about", Lines).set_lines([Text()])
        lines = self.walk.asking.lines(width)
        self.query_one(Candidates).set_rows([Row(line, heading=True) for line in lines])

    def _width(self) -> int:
        return max(24, self.query_one(Candidates).size.width - 4)

    # -- the text and its branches -----------------------------------------------------------------------------------

    def _text_lines(self, width: int) -> list[Text]:
        desk, palette, width = self.walk.desk, self.app.palette, width - 2
        height = self.query_one("#text").size.height
        exploration = desk.exploration or Exploration(desk.prompt, (), desk.prompt)
        lines = distribution.so_far(exploration, width, height, palette)
        if len(exploration.nodes) == 1:
            hint = tr("Space takes what the strategy chooses, Enter the token under the cursor, t types your own.")
            more = wrap(Text(hint, palette.muted), width)
            blank = [Text()] if len(lines) + len(more) < height else []
            if len(lines) + len(more) <= height:
                lines += blank + more
        return [Text(" ") + line for line in lines]

    def _tree_lines(self, width: int) -> list[Text]:
        exploration = self.walk.desk.exploration
        if exploration is None or len(exploration.nodes) == 1:
            return []
        return draw(branch_tree(exploration), width - 1, self.app.palette, language())

    def _settings_lines(self, width: int) -> list[Text]:
        """The strategy, how the model reads the prompt, and what is set otherwise than by default."""
        palette, strategy = self.app.palette, self.walk.desk.strategy
        line = Text.assemble((f" {strategy.kind}", palette.accent), "  ")
        if strategy.kind == "sample":
            line.append("seed ", palette.muted).append(f"{strategy.seed}  ")
        line.append(tr("as a chat") if self.walk.desk.chat else tr("as raw text"), palette.muted)
        for name in FILTERS:
            value = getattr(strategy, name)
            if value != getattr(Strategy(), name):
                line.append(f"  {name} ", palette.muted).append(f"{value:g}")
        return [fit(line, width)]

    # -- above the bars ----------------------------------------------------------------------------------------------

    def _about_lines(self, step: DecodeStep, width: int) -> list[Text]:
        """All that is known of the distribution, in sentences and as the stretch of [0, 1) that is drawn from."""
        palette = self.app.palette
        stages = list(distribution.stage_lines(step, self.walk.desk.strategy))
        lines = [fit(Text(sentence), width) for sentence in (distribution.entropy_line(step), *stages)]
        if self.screen.size.height < LOW:
            lines = wrap(Text("; ".join([distribution.entropy_line(step), *stages])), width)[:3]
        lines.append(fit(Text(distribution.choice_line(step), palette.chosen), width))
        lines += distribution.ruler(step, width, palette)
        # A list has a cell more at its left, for its cursor.
        lines.append(Text(" ") + distribution.heading(step, width, palette))
        return [Text(" ") + line for line in lines]
