"""Two to four strategies on one prompt, a token each at every step, and where they part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tutor.decoding.runs import MOST_STRATEGIES, USUAL, LockstepRun, Prompt, Stream, next_strategy, path_of
from tutor.decoding.strategy import validate
from tutor.demos import decoding
from tutor.domain.errors import TutorError
from tutor.domain.language import both, tr
from tutor.domain.model import DecodeStep, Model, Strategy
from tutor.domain.plaintext import visible
from tutor.ui.asking_model import Asking, ModelScreen
from tutor.ui.draw.lockstep import lockstep_lines, parting_lines
from tutor.ui.draw.search import fit_end
from tutor.ui.screens.labs.companions import is_typed
from tutor.ui.widgets.lines import Lines
from tutor.ui.widgets.pager import Pager

PLAY_SECONDS = 0.8
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


class LockstepScreen(ModelScreen):
    """Decodes from `prompt_ids`, which read as `start`; of `params`, as the demo `decoding` has them, `max_tokens`.

    Dismissed with the path of a strategy to go on from, as [(id, bytes, label), ...], or None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Go on", id="lockstep.take"),
        Binding("space", "step(1)", "Next", id="lockstep.next"),
        Binding("backspace", "step(-1)", "Step back", show=False, id="lockstep.back"),
        Binding("e", "edit", "Change", id="lockstep.edit"),
        Binding("plus,equals_sign", "add", "Add", key_display="+", id="lockstep.add"),
        Binding("minus", "remove", "Remove", key_display="-", id="lockstep.remove"),
        Binding("right,tab", "choose(1)", "Next strategy", show=False, id="lockstep.right"),
        Binding("left,shift+tab", "choose(-1)", "Strategy before", show=False, id="lockstep.left"),
        Binding("p", "play", "Play", id="lockstep.play"),
        Binding("x", "export", "Export", id="lockstep.export"),
        Binding("right_square_bracket", "last", "To the end", show=False, id="lockstep.last"),
        Binding("left_square_bracket", "first", "First step", show=False, id="lockstep.first"),
        Binding("j,down", "line(1)", "Line down", show=False, id="lockstep.line_down"),
        Binding("k,up", "line(-1)", "Line up", show=False, id="lockstep.line_up"),
    ]

    def __init__(self, prompt_ids: list[int], start: str, params: Mapping[str, Any]) -> None:
        super().__init__()
        self.asking = Asking(self, self._changed)
        self._prompt = Prompt(start, tuple(prompt_ids))
        self._max_tokens: int = params.get("max_tokens", 24)
        self.strategies: tuple[Strategy, ...] = USUAL[:3]
        self.cursor = 0
        self._step = 0
        self._wanted = 1
        self._playing: Any = None
        self._begin()

    def _begin(self) -> None:
        self.race = LockstepRun(self._prompt, self.strategies, self._max_tokens)
        self._stream: Stream[tuple[DecodeStep | None, ...]] = Stream(self.race.decode)
        self._step = 0

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
        return tr("Strategies in lockstep"), self._where()

    def _where(self) -> str:
        if self.asking.busy:
            return tr("computing..  Esc stops")
        if not self._step:
            return ""
        if self._stream.ended:
            return tr("step {index} of {count}", index=self._step, count=len(self.race.steps))
        return tr("step {index}", index=self._step)

    def on_mount(self) -> None:
        super().on_mount()
        self._restore()
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
        self.query_one(Pager).redraw()

    def _redraw(self) -> None:
        self.query_one("#head", Lines).redraw()
        self._changed()

    def _head_lines(self, width: int) -> list[Text]:
        text = visible(self._prompt.text)
        return [Text(" " + fit_end(text, width - 2), self.app.palette.strong), Text()]

    def _page_lines(self, width: int) -> list[Text]:
        palette, width = self.app.palette, width - 2
        lines = lockstep_lines(self.race, self._step, width, palette, cursor=self.cursor)
        if self.asking.trouble is not None or (self.asking.busy and not self._step):
            lines += [Text(), *self.asking.lines(width)]
        elif self._step:
            lines += [Text(), *parting_lines(self.race, self._step, width, palette)]
        return [Text(" ") + line for line in lines]

    # -- stepping ----------------------------------------------------------------------------------------------------

    def _want(self, step: int) -> None:
        """Show a step; what is not known yet is computed first."""
        self._wanted = step
        if step <= len(self.race.steps):
            self._go(step)
        elif self._stream.ended:
            self._pause()
            self._go(len(self.race.steps))
            self.say(tr("That was the last step; Backspace goes back."))
        elif not self.asking.busy:
            race, stream = self.race, self._stream
            self.asking.ask(lambda model: self._compute(model, race, stream, step), lambda _: self._arrived(race))

    def _compute(
        self, model: Model, race: LockstepRun, stream: Stream[tuple[DecodeStep | None, ...]], step: int
    ) -> None:
        """Runs on the model's thread."""
        if not race.prompt.model:
            race.prompt = self._prompt = is_typed(model, race.prompt, self.app.services.model_name)
        stream.reach(model, step)

    def _arrived(self, race: LockstepRun) -> None:
        if race is not self.race:
            return
        race.steps += self._stream.known[len(race.steps) :]
        if self._wanted > len(race.steps):
            self.call_later(self._want, self._wanted)
        self._go(min(self._wanted, len(race.steps)))

    def _go(self, step: int) -> None:
        self._step = step
        self.say()
        self._redraw()
        self.refresh_bindings()

    def action_step(self, direction: int) -> None:
        step = self._wanted if self.asking.busy else self._step
        self._want(max(1, step + direction))

    def action_first(self) -> None:
        self._want(1)

    def action_last(self) -> None:
        self._want(self.race.max_tokens)

    def action_line(self, step: int) -> None:
        self.query_one(Pager).scroll_relative(y=step, animate=False)

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

    # -- the strategies ----------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "add":
            return len(self.strategies) < MOST_STRATEGIES
        if action == "remove":
            return len(self.strategies) > LEAST_STRATEGIES
        return super().check_action(action, parameters)

    def action_choose(self, step: int) -> None:
        self.cursor = (self.cursor + step) % len(self.strategies)
        self._redraw()

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
        self.app.push_screen(ParametersScreen(StrategyForm, given), self._edited)

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
        step = max(1, self._step)
        self._leave()
        self.strategies = strategies
        self._begin()
        kept = [asdict(each) for each in strategies]
        self.app.services.store_later(lambda progress: progress.keep(KEPT, kept))
        self._redraw()
        self.refresh_bindings()
        self._want(step)

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

    # -- leaving -----------------------------------------------------------------------------------------------------

    def action_take(self) -> None:
        if self._step:
            path = path_of(self.race.column(self.cursor, self._step))
            self._leave()
            self.dismiss(path)

    def action_export(self) -> None:
        from tutor.ui.screens.labs.export import ExportScreen

        if self._step:
            self._pause()
            self.app.push_screen(ExportScreen(self.race))

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
