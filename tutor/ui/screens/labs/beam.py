"""Beam search as a living tree: a step forward, a step back, what was pruned still there, and greedy beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tutor.decoding.outline import Folding, Line
from tutor.decoding.runs import BeamRun
from tutor.decoding.strategy import BOUNDS
from tutor.demos import decoding
from tutor.domain.language import both, tr
from tutor.domain.model import Model
from tutor.domain.plaintext import visible
from tutor.ui.draw.search import TreeColumns, text_rows, tree_rows, verdict
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.labs.companions import companions
from tutor.ui.screens.labs.stepping import SteppingScreen
from tutor.ui.widgets.lines import Lines, Row, RowList

SETTINGS = ("width", "length_penalty", "max_tokens")
TEXT_ROWS = 4  # texts in the running that are listed on a screen of 24 rows, three at the end


class BeamForm:
    """What of a search can be changed, as the form for a demo's parameters takes it."""

    TITLE = both("Beam search")
    PARAMS = tuple(param for param in decoding.PARAMS if param.name in SETTINGS)


class BeamScreen(SteppingScreen[BeamRun]):
    """Searches from `prompt_ids`, which read as `start`, with `params` as the demo `decoding` has them.

    Dismissed with the path of the branch to go on from, or None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l,right", "unfold", "Open", key_display="Right", id="beam.unfold"),
        Binding("h,left", "fold", "Fold", show=False, id="beam.fold"),
        Binding("w", "wider(1)", "Wider", show=False, id="beam.wider"),
        Binding("W", "wider(-1)", "Narrower", show=False, id="beam.narrower"),
        Binding("e", "edit", "Change", id="beam.edit"),
    ]

    DEFAULT_CSS = "BeamScreen #texts { max-height: 60vh; }"

    def __init__(self, prompt_ids: list[int], start: str, params: Mapping[str, Any]) -> None:
        super().__init__(prompt_ids, start, params)
        self._settings = {param.name: params.get(param.name, param.default) for param in BeamForm.PARAMS}
        self._folding = Folding()
        self.start(BeamRun(self.prompt, **self._settings))

    # -- building ----------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        yield Lines(self._head_lines, id="head")
        yield RowList(id="tree", enter="Go on")
        yield Lines(self._text_lines, id="texts")

    def about(self) -> str:
        return tr(
            "Beam search keeps the most probable texts at every step. Space is the next step, Backspace the one "
            "before. Right opens what is folded, also what was pruned; Enter goes on in the lab from the branch under "
            "the cursor. w and W change the width, e everything."
        )

    def heading(self) -> tuple[str, str]:
        return BeamForm.TITLE.get(), self.where()

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(RowList).focus()
        self.want(1)

    def relabel(self) -> None:
        super().relabel()
        self.show()

    def changed(self) -> None:
        self.retitle()
        self.query_one("#texts", Lines).redraw()

    def show(self) -> None:
        self._show_tree()
        self.query_one("#head", Lines).redraw()
        self.changed()

    def _head_lines(self, width: int) -> list[Text]:
        palette = self.app.palette
        line = Text(" ")
        for name, value in self._settings.items():
            line.append(f"{name}=", palette.muted).append(f"{value:g}", palette.accent)
            line.append(" (w W)  " if name == "width" else "  ", palette.muted)
        line.append("(e)", palette.muted)
        lines = wrap(line, width)[:2]
        if self.step:
            lines.append(Text("  ") + TreeColumns(self._tree_width(), self.search.length_penalty != 0).heading(palette))
        return lines

    def _tree_width(self) -> int:
        return max(24, self.size.width - 3)  # the cursor, the scroll bar

    def _show_tree(self, *, at: int | None = None) -> None:
        """The tree; the cursor stays on its branch, or goes to branch `at`."""
        rows = self.query_one(RowList)
        if not self.step:
            rows.set_rows([], cursor=0)
            return
        width = self._tree_width()
        start = visible(self.prompt.text)
        drawn = tree_rows(self.search, self.step, width, self.app.palette, self._folding, prompt=start)
        if at is None:
            line = self._line()
            at = line.end if line is not None else self.search.tree.running(self.step)[0]
        cursor = next((i for i, (line, _) in enumerate(drawn) if not line.fold and at in line.nodes), None)
        if cursor is None:
            cursor = next((i for i, (line, _) in enumerate(drawn) if line.end == at), rows.cursor)
        rows.set_rows([Row(text, key=line) for line, text in drawn], cursor=cursor)

    def _text_lines(self, width: int) -> list[Text]:
        lines: list[Text] = []
        palette, asking = self.app.palette, self.asking
        if self.step:
            ended = self.search.finished and self.step == len(self.search.steps)
            most = TEXT_ROWS - ended if self.size.height <= 24 else self.search.width + TEXT_ROWS
            lines += [Text(), *text_rows(self.search, self.step, width - 2, palette, most=most)]
            if ended:
                lines += wrap(Text(verdict(self.search), palette.text), width - 2)
        if asking.trouble is not None or (asking.busy and not self.step):
            lines += [Text(), *asking.lines(width - 2)]
        return [Text(" ") + line for line in lines]

    def prepare(self, model: Model) -> None:
        search = self.search
        if not search.greedy:
            search.greedy, search.drawn = companions(model, search.prompt, search.max_tokens)

    # -- the tree ----------------------------------------------------------------------------------------------------

    def _line(self) -> Line | None:
        row = self.query_one(RowList).current
        return row.key if row is not None and isinstance(row.key, Line) else None

    def on_row_list_moved(self) -> None:
        self.say()

    def action_unfold(self) -> None:
        """First the tokens of a run apart, then what was pruned behind one of them."""
        line, folding = self._line(), self._folding
        if line is None:
            return
        if not line.fold and len(line.nodes) > 1:
            self._folding = Folding(folding.opened, folding.apart | set(line.nodes))
            self._show_tree(at=line.nodes[0])
        elif line.fold or line.hidden:
            self._folding = Folding(folding.opened | {line.end}, folding.apart)
            self._show_tree(at=line.end)

    def action_fold(self) -> None:
        """The other way: what is open closes; where nothing is, the cursor goes to the fork above."""
        line, folding = self._line(), self._folding
        if line is None or not line.end:
            return
        parent = self.search.tree.branches[line.end].parent
        if line.end in folding.opened:
            self._folding = Folding(folding.opened - {line.end}, folding.apart)
        elif line.end in folding.apart:
            self._folding = Folding(folding.opened, folding.apart - self._run_around(line.end))
        else:
            self._show_tree(at=line.end if line.fold else parent)
            return
        self._show_tree(at=line.end)

    def _run_around(self, node: int) -> set[int]:
        """The tokens that stand apart in one go with `node`."""
        tree, apart = self.search.tree, self._folding.apart
        found = {node}
        while (above := tree.branches[min(found)].parent) in apart:
            found.add(above)
        below = [child for child in tree.children(max(found)) if child in apart]
        while len(below) == 1:
            found.add(below[0])
            below = [child for child in tree.children(below[0]) if child in apart]
        return found

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        line = self._line()
        if line is None or not line.end:
            return
        if line.fold:
            self.action_unfold()
        else:
            self.take(self.search.tree.path(line.end))

    # -- the settings ------------------------------------------------------------------------------------------------

    def action_wider(self, by: int) -> None:
        low, high = BOUNDS["width"]
        self._change({"width": max(int(low), min(int(high), self._settings["width"] + by))})

    def action_edit(self) -> None:
        from tutor.ui.screens.parameters import ParametersScreen

        self._pause()
        self.app.push_screen(ParametersScreen(BeamForm(), self._settings), self._edited)

    def _edited(self, given: dict[str, Any] | None) -> None:
        defaults = {param.name: param.default for param in BeamForm.PARAMS}
        self._change(defaults | (given or self._settings))

    def _change(self, settings: dict[str, Any]) -> None:
        """Search again with other settings, as far as the step that is shown."""
        changed = self._settings | settings
        if changed == self._settings:
            return
        before, search = self.search, BeamRun(self.prompt, **changed)
        if search.max_tokens == before.max_tokens:
            search.greedy, search.drawn = before.greedy, before.drawn
        self._settings, self._folding = changed, Folding()
        self.start(search)
