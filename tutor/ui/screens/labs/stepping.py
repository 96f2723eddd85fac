"""A search that is looked at step by step: a step forward is computed once, a step back is an index, and it plays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType

from tutor.decoding.runs import BeamRun, LockstepRun, Prompt, Stream
from tutor.domain.language import tr
from tutor.domain.model import Model
from tutor.ui.asking_model import Asking, ModelScreen
from tutor.ui.screens.labs.companions import is_typed

R = TypeVar("R", BeamRun, LockstepRun)

PLAY_SECONDS = 0.8
PATIENCE = 0.3  # seconds: on the way to a step farther ahead, one is shown so often


class SteppingScreen(ModelScreen, Generic[R]):
    """Looks at `search`; `step` is the one that is shown, from 1, or 0 before the first is there.

    Subclasses call `start`, and give `show`, which draws the step, and `changed`, when a question begins or ends.
    Dismissed with a path to go on from, as [(id, bytes, label), ...], or None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "step(1)", "Next", id="search.next"),
        Binding("backspace", "step(-1)", "Step back", show=False, id="search.back"),
        Binding("p", "play", "Play", show=False, id="search.play"),
        Binding("right_square_bracket", "last", "To the end", show=False, id="search.last"),
        Binding("left_square_bracket", "first", "First step", show=False, id="search.first"),
        Binding("x", "export", "Export", id="search.export"),
    ]

    search: R
    asking: Asking

    def __init__(self, prompt_ids: list[int], start: str, params: Mapping[str, Any]) -> None:
        super().__init__()
        self.asking = Asking(self, self.changed)
        self.prompt = Prompt(start, tuple(prompt_ids))
        self.step = 0
        self._stream: Stream[Any] = Stream(lambda _: iter(()))
        self._wanted = 1
        self._playing: Any = None

    def show(self) -> None:
        raise NotImplementedError

    def changed(self) -> None:
        raise NotImplementedError

    def prepare(self, model: Model) -> None:
        """Ask what else stands on the screen, before the first step. Runs on the model's thread."""

    def start(self, search: R) -> None:
        """Look at another search, at the same step."""
        self._leave()
        self._wanted = min(self.step or self._wanted, search.max_tokens)
        self.search, self._stream, self.step = search, Stream(search.begin), 0
        if self.is_mounted:
            self.show()
            self.want(self._wanted)

    def where(self) -> str:
        """For the right end of the title."""
        if self.asking.busy:
            return tr("computing..  Esc stops")
        if not self.step:
            return ""
        if self.search.finished:
            return tr("step {index} of {count}", index=self.step, count=len(self.search.steps))
        return tr("step {index}", index=self.step)

    # -- stepping ----------------------------------------------------------------------------------------------------

    def want(self, step: int) -> None:
        """Show a step; what is not known yet is computed first."""
        search, known = self.search, len(self.search.steps)
        self._wanted = step
        if step <= known:
            self._go(step)
        elif search.finished:
            self._pause()
            if self.step == known:
                self.say(tr("That was the last step; Backspace goes back."))
            else:
                self._go(known)
        elif not self.asking.busy:
            stream = self._stream
            self.asking.ask(lambda model: self._compute(model, search, stream, step), lambda _: self._arrived(search))

    def _compute(self, model: Model, search: R, stream: Stream[Any], step: int) -> None:
        """Runs on the model's thread."""
        if not self.prompt.model:
            self.prompt = is_typed(model, self.prompt, self.app.services.model_name)
        search.prompt = self.prompt
        self.prepare(model)
        stream.reach(model, step, patience=PATIENCE)

    def _arrived(self, search: R) -> None:
        if search is not self.search:
            return
        for step in self._stream.known[len(search.steps) :]:
            search.add(step)
        known = len(search.steps)
        wanted = min(self._wanted, known) if search.finished else self._wanted
        self._go(min(wanted, known), wanted=wanted)
        if wanted > known:
            self.call_later(self._go_on, search)

    def _go_on(self, search: R) -> None:
        if search is self.search:
            self.want(self._wanted)

    def _go(self, step: int, *, wanted: int = 0) -> None:
        self.step, self._wanted = step, max(step, wanted)
        self.say()
        self.show()
        self.refresh_bindings()

    def action_step(self, direction: int) -> None:
        step = self._wanted if self.asking.busy else self.step
        self.want(max(1, step + direction))

    def action_again(self) -> None:
        self.want(max(self._wanted, len(self.search.steps) + 1))

    def action_first(self) -> None:
        self.want(1)

    def action_last(self) -> None:
        self.want(self.search.max_tokens)

    def action_play(self) -> None:
        """Plays at an even pace until the end, a key, or p again."""
        if self._playing is None:
            self._playing = self.set_interval(PLAY_SECONDS, self._play_on)
        else:
            self._pause()

    def _play_on(self) -> None:
        if not self.asking.busy:
            self.want(self.step + 1)

    def _pause(self) -> None:
        if self._playing is not None:
            self._playing.stop()
            self._playing = None

    # -- leaving -----------------------------------------------------------------------------------------------------

    def take(self, path: list[tuple[int, bytes, str]]) -> None:
        """Back to the lab, which goes on with `path`."""
        self._leave()
        self.dismiss(path)

    def action_export(self) -> None:
        from tutor.ui.screens.labs.export import ExportScreen

        if self.step:
            self._pause()
            self.app.push_screen(ExportScreen(self.search))

    def action_stop(self) -> None:
        if self._playing is not None:
            self._pause()
        elif self.step < self._wanted and self.asking.trouble is None:
            # Under way to a step farther ahead, also between two questions.
            self._wanted = self.step
            self.asking.stop()
        else:
            super().action_stop()

    def action_back(self) -> None:
        self._leave()
        self.dismiss(None)

    def on_unmount(self) -> None:
        self._leave()

    def on_resize(self) -> None:
        self.relabel()

    def _leave(self) -> None:
        """Nobody looks at this search any more."""
        self._pause()
        if not self.asking.leave():
            self._stream.close()
