"""Two to four strategies on one prompt, a token each at every step, and where they part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tutor.decoding.runs import MOST_STRATEGIES, USUAL, LockstepRun, next_strategy, path_of
from tutor.decoding.strategy import validate
from tutor.demos import decoding
from tutor.domain.errors import TutorError
from tutor.domain.language import both, tr
from tutor.domain.model import Strategy
from tutor.domain.plaintext import visible
from tutor.ui.draw.lockstep import lockstep_lines, parting_lines, parting_title
from tutor.ui.draw.search import fit_end
from tutor.ui.screens.labs.stepping import SteppingScreen
from tutor.ui.widgets.fit import fit
from tutor.ui.widgets.lines import Lines
from tutor.ui.widgets.pager import Pager

LEAST_STRATEGIES = 2
KEPT = "lab:decoding:strategies"
KINDS = ("greedy", "sample")
NAMES = ("strategy", "temperature", "top_k", "typical_p", "top_p", "min_p", "repeat_penalty", "seed")


class StrategyForm:
    """One strategy, as the form for a demo's parameters takes it."""

    TITLE = both("One strategy")
    PARAMS = tuple(
        replace(param, choices=KINDS) if param.name == "strategy" else param
        for param in decoding.PARAMS
        if param.name in NAMES
    )


class LockstepScreen(SteppingScreen[LockstepRun]):
    """Decodes from `prompt_ids`, which read as `start`; of `params`, as the demo `decoding` has them, `max_tokens`.

    Dismissed with the path of a strategy to go on from, or None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Go on", id="lockstep.take"),
        Binding("e", "edit", "Change", id="lockstep.edit"),
        Binding("plus,equals_sign", "add", "Add", key_display="+", id="lockstep.add"),
        Binding("minus", "remove", "Remove", key_display="-", id="lockstep.remove"),
        Binding("right,tab", "choose(1)", "Next strategy", show=False, id="lockstep.right"),
        Binding("left,shift+tab", "choose(-1)", "Strategy before", show=False, id="lockstep.left"),
        Binding("j,down", "line(1)", "Line down", show=False, id="lockstep.line_down"),
        Binding("k,up", "line(-1)", "Line up", show=False, id="lockstep.line_up"),
    ]

    def __init__(self, prompt_ids: list[int], start: str, params: Mapping[str, Any]) -> None:
        super().__init__(prompt_ids, start, params)
        self._max_tokens: int = params.get("max_tokens", 24)
        self.strategies: tuple[Strategy, ...] = USUAL[:3]
        self.cursor = 0
        self._begin()

    def _begin(self) -> None:
        self.start(LockstepRun(self.prompt, self.strategies, self._max_tokens))

    # -- building ----------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        yield Lines(self._head_lines, id="head")
        yield Pager(self._page_lines, id="columns")

    def about(self) -> str:
        return tr(
            "Strategies side by side on one prompt: Space gives each its next token. Left and Right choose a strategy, "
            "e changes it, + and - add and remove one, Enter goes on in the lab with what it wrote."
        )

    def heading(self) -> tuple[str, str]:
        return tr("Strategies in lockstep"), self.where()

    def on_mount(self) -> None:
        super().on_mount()
        self._restore()
        self.want(1)

    def relabel(self) -> None:
        super().relabel()
        self.show()

    def changed(self) -> None:
        self.retitle()
        self.query_one(Pager).redraw()

    def show(self) -> None:
        self.query_one("#head", Lines).redraw()
        self.changed()

    def _head_lines(self, width: int) -> list[Text]:
        text = visible(self.prompt.text)
        lines = [Text(" " + fit_end(text, width - 2), self.app.palette.strong)]
        if self.step and (title := parting_title(self.search, self.step)):
            lines.append(fit(Text(" " + title, self.app.palette.heading), width - 1))
        return [*lines, Text()]

    def _page_lines(self, width: int) -> list[Text]:
        palette, width = self.app.palette, width - 2
        lines = lockstep_lines(self.search, self.step, width, palette, cursor=self.cursor)
        if self.asking.trouble is not None or (self.asking.busy and not self.step):
            lines += [Text(), *self.asking.lines(width)]
        elif self.step:
            lines += [Text(), *parting_lines(self.search, self.step, width, palette)]
        return [Text(" ") + line for line in lines]

    def action_line(self, step: int) -> None:
        self.query_one(Pager).scroll_relative(y=step, animate=False)

    # -- the strategies ----------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "add":
            return len(self.strategies) < MOST_STRATEGIES
        if action == "remove":
            return len(self.strategies) > LEAST_STRATEGIES
        return super().check_action(action, parameters)

    def action_choose(self, step: int) -> None:
        self.cursor = (self.cursor + step) % len(self.strategies)
        self.show()

    def action_add(self) -> None:
        self.cursor = len(self.strategies)
        self._race((*self.strategies, next_strategy(self.strategies)))

    def action_remove(self) -> None:
        left = tuple(each for i, each in enumerate(self.strategies) if i != self.cursor)
        self.cursor = min(self.cursor, len(left) - 1)
        self._race(left)

    def action_edit(self) -> None:
        from tutor.ui.screens.parameters import ParametersScreen

        self._pause()
        strategy = self.strategies[self.cursor]
        given = {name: strategy.kind if name == "strategy" else getattr(strategy, name) for name in NAMES}
        self.app.push_screen(ParametersScreen(StrategyForm(), given), self._edited)

    def _edited(self, given: dict[str, Any] | None) -> None:
        if given is None:
            return
        values = {param.name: given.get(param.name, param.default) for param in StrategyForm.PARAMS}
        strategy = Strategy(values.pop("strategy"), **values)
        self._race((*self.strategies[: self.cursor], strategy, *self.strategies[self.cursor + 1 :]))

    def _race(self, strategies: tuple[Strategy, ...]) -> None:
        """Decode again with other strategies, as far as the step that is shown."""
        if strategies == self.strategies:
            return
        self.strategies = strategies
        kept = [asdict(each) for each in strategies]
        self.app.services.store_later(lambda progress: progress.keep(KEPT, kept))
        self._begin()
        self.refresh_bindings()

    def _restore(self) -> None:
        """The strategies as they were left."""
        kept = self.app.services.progress.kept(KEPT)
        try:
            found = tuple(Strategy(**each) for each in kept or ())
            for each in found:
                validate(each)
        except (TypeError, TutorError):
            return
        if LEAST_STRATEGIES <= len(found) <= MOST_STRATEGIES:
            self.strategies = found
            self._begin()

    def action_take(self) -> None:
        """Enter: on in the lab with what the chosen strategy has written so far."""
        if self.step:
            self.take(path_of(self.search.column(self.cursor, self.step)))
