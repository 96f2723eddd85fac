"""Beam search as a living tree: a step forward, a step back, what was pruned still there, and greedy beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tutor.decoding.outline import Folding, Line
from tutor.decoding.runs import BeamRun, Prompt, Stream
from tutor.decoding.strategy import BOUNDS
from tutor.demos import decoding
from tutor.domain.language import both, tr
from tutor.domain.model import BeamStep, Model
from tutor.domain.plaintext import visible
from tutor.ui.asking_model import Asking, ModelScreen
from tutor.ui.draw.search import TreeColumns, text_rows, tree_rows, verdict
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.labs.companions import companions, is_typed
from tutor.ui.widgets.lines import Lines, Row, RowList

PLAY_SECONDS = 0.8
SETTINGS = ("width", "length_penalty", "max_tokens")
TEXT_ROWS = 4  # texts in the running that are listed on a screen of 24 rows, three at the end


class BeamForm:
    """What of a search can be changed, as the form for a demo's parameters takes it."""

    TITLE = both("Beam search")
    PARAMS = tuple(param for param in decoding.PARAMS if param.name in SETTINGS)


class BeamScreen(ModelScreen):
    """Searches from `prompt_ids`, which read as `start`, with `params` as the demo `decoding` has them.

    Dismissed with the path of the branch to go on from, as [(id, bytes, label), ...], or None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "step(1)", "Next", id="beam.next"),
        Binding("backspace", "step(-1)", "Step back", show=False, id="beam.back"),
        Binding("right", "unfold", "Open", id="beam.unfold"),
        Binding("left", "fold", "Fold", show=False, id="beam.fold"),
        Binding("w", "wider(1)", "Wider", id="beam.wider"),
        Binding("W", "wider(-1)", "Narrower", show=False, id="beam.narrower"),
        Binding("e", "edit", "Change", id="beam.edit"),
        Binding("p", "play", "Play", id="beam.play"),
        Binding("right_square_bracket", "last", "To the end", key_display="]", id="beam.last"),
        Binding("left_square_bracket", "first", "First step", show=False, id="beam.first"),
        Binding("x", "export", "Export", id="beam.export"),
    ]

    DEFAULT_CSS = "BeamScreen #texts { max-height: 60vh; }"

    def __init__(self, prompt_ids: list[int], start: str, params: Mapping[str, Any]) -> None:
        super().__init__()
        self.asking = Asking(self, self._changed)
        self._prompt = Prompt(start, tuple(prompt_ids))
        self._settings = {param.name: params.get(param.name, param.default) for param in BeamForm.PARAMS}
        self._folding = Folding()
        self._step = 0  # the one that is shown, from 1
        self._wanted = 1
        self._playing: Any = None
        self._begin()

    def _begin(self) -> None:
        """A new search with the settings as they are now."""
        self.search = BeamRun(self._prompt, **self._settings)
        self._stream: Stream[BeamStep] = Stream(self.search.search)
        self._folding = Folding()
        self._step = 0

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
        return BeamForm.TITLE.get(), self._where()

    def _where(self) -> str:
        if self.asking.busy:
            return tr("computing..  Esc stops")
        if not self._step:
            return ""
        if self.search.finished:
            return tr("step {index} of {count}", index=self._step, count=len(self.search.steps))
        return tr("step {index}", index=self._step)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(RowList).focus()
        self._want(1)

    def on_unmount(self) -> None:
        self._leave()

    def on_resize(self) -> None:
        self.relabel()

    def relabel(self) -> None:
        super().relabel()
        self._redraw()

    def _changed(self) -> None:
        self.retitle()
        self.query_one("#texts", Lines).redraw()

    def _redraw(self) -> None:
        self._show_tree()
        self.query_one("#head", Lines).redraw()
        self.query_one("#texts", Lines).redraw()
        self.retitle()

    def _head_lines(self, width: int) -> list[Text]:
        palette = self.app.palette
        line = Text(" ")
        for name, value in self._settings.items():
            line.append(f"{name}=", palette.muted).append(f"{value:g}  ", palette.accent)
        lines = wrap(line, width)[:2]
        if self._step:
            lines.append(Text("  ") + TreeColumns(self._tree_width(), self.search.length_penalty != 0).heading(palette))
        return lines

    def _tree_width(self) -> int:
        return max(24, self.size.width - 3)  # the cursor, the scroll bar

    def _show_tree(self, *, at: int | None = None) -> None:
        """The tree; the cursor stays on its branch, or goes to branch `at`."""
        rows = self.query_one(RowList)
        if not self._step:
            rows.set_rows([], cursor=0)
            return
        width = self._tree_width()
        start = visible(self._prompt.text)
        drawn = tree_rows(self.search, self._step, width, self.app.palette, self._folding, prompt=start)
        here = at if at is not None else self._node()
        cursor = next((i for i, (line, _) in enumerate(drawn) if not line.fold and here in line.nodes), None)
        if cursor is None:
            cursor = next((i for i, (line, _) in enumerate(drawn) if line.end == here), rows.cursor)
        rows.set_rows([Row(text, key=line) for line, text in drawn], cursor=cursor)

    def _text_lines(self, width: int) -> list[Text]:
        lines: list[Text] = []
        palette, asking = self.app.palette, self.asking
        if self._step:
            ended = self.search.finished and self._step == len(self.search.steps)
            most = TEXT_ROWS - ended if self.size.height <= 24 else self.search.width + TEXT_ROWS
            lines += [Text(), *text_rows(self.search, self._step, width - 2, palette, most=most)]
            if ended:
                lines += wrap(Text(verdict(self.search), palette.text), width - 2)
        if asking.trouble is not None or (asking.busy and not self._step):
            lines += [Text(), *asking.lines(width - 2)]
        return [Text(" ") + line for line in lines]

    # -- stepping ----------------------------------------------------------------------------------------------------

    def _want(self, step: int) -> None:
        """Show a step; what is not known yet is computed first."""
        self._wanted = step
        if step <= len(self.search.steps):
            self._go(step)
        elif self.search.finished:
            self._pause()
            self._go(len(self.search.steps))
            self.say(tr("That was the last step. The result is below; Backspace goes back."))
        elif not self.asking.busy:
            search, stream = self.search, self._stream
            self.asking.ask(lambda model: self._compute(model, search, stream, step), lambda _: self._arrived(search))

    def _compute(self, model: Model, search: BeamRun, stream: Stream[BeamStep], step: int) -> None:
        """Runs on the model's thread."""
        if not search.prompt.model:
            search.prompt = self._prompt = is_typed(model, search.prompt, self.app.services.model_name)
        if not search.greedy:
            search.greedy, search.drawn = companions(model, search.prompt, search.max_tokens)
        stream.reach(model, step)

    def _arrived(self, search: BeamRun) -> None:
        if search is not self.search:
            return
        for step in self._stream.known[len(search.steps) :]:
            search.add(step)
        self._go(min(self._wanted, len(search.steps)))
        if self._wanted > self._step and not search.finished:
            self.call_later(self._want, self._wanted)

    def _go(self, step: int) -> None:
        first = not self._step
        self._step = step
        self.say()
        self._show_tree(at=self.search.tree.running(step)[0] if first else None)
        self._redraw()
        self.refresh_bindings()

    def action_step(self, direction: int) -> None:
        step = self._wanted if self.asking.busy else self._step
        self._want(max(1, step + direction))

    def action_first(self) -> None:
        self._want(1)

    def action_last(self) -> None:
        self._want(self.search.max_tokens)

    def action_play(self) -> None:
        """Plays at an even pace until the end, a key, or p again."""
        if self._playing is None:
            self._playing = self.set_interval(PLAY_SECONDS, lambda: self._want(self._step + 1))
        else:
            self._pause()

    def _pause(self) -> None:
        if self._playing is not None:
            self._playing.stop()
            self._playing = None

    # -- the tree ----------------------------------------------------------------------------------------------------

    def _line(self) -> Line | None:
        row = self.query_one(RowList).current
        return row.key if row is not None and isinstance(row.key, Line) else None

    def _node(self) -> int:
        line = self._line()
        return line.end if line is not None else 0

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
            self._leave()
            self.dismiss(self.search.tree.path(line.end))

    # -- the settings ------------------------------------------------------------------------------------------------

    def action_wider(self, by: int) -> None:
        low, high = BOUNDS["width"]
        self._change({"width": max(int(low), min(int(high), self._settings["width"] + by))})

    def action_edit(self) -> None:
        from tutor.ui.screens.parameters import ParametersScreen

        self._pause()
        self.app.push_screen(ParametersScreen(BeamForm, self._settings), self._edited)

    def _edited(self, given: dict[str, Any] | None) -> None:
        defaults = {param.name: param.default for param in BeamForm.PARAMS}
        self._change(defaults | (given or self._settings))

    def _change(self, settings: dict[str, Any]) -> None:
        """Search again with other settings, as far as the step that is shown."""
        changed = self._settings | settings
        if changed == self._settings:
            return
        step, before = max(1, self._step), self.search
        self._leave()
        self._settings = changed
        self._begin()
        if changed["max_tokens"] == before.max_tokens:
            self.search.greedy, self.search.drawn = before.greedy, before.drawn
        self._redraw()
        self._want(min(step, self.search.max_tokens))

    # -- leaving -----------------------------------------------------------------------------------------------------

    def action_export(self) -> None:
        from tutor.ui.screens.labs.export import ExportScreen

        if self._step:
            self._pause()
            self.app.push_screen(ExportScreen(self.search))

    def action_stop(self) -> None:
        if self._playing is not None:
            self._pause()
        else:
            super().action_stop()

    def action_back(self) -> None:
        self._leave()
        self.dismiss(None)

    def _leave(self) -> None:
        self._pause()
        if self.asking.busy:
            self.app.services.cancel_model()
        else:
            self._stream.close()
