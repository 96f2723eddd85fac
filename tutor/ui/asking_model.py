"""Asking the model from a screen: it says how far it is, Esc stops it, trouble is a sentence and a key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from rich.text import Text
from textual.binding import Binding, BindingType

from tutor.domain.errors import Cancelled, ModelMissing, TutorError
from tutor.domain.language import tr
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.base import TutorScreen

if TYPE_CHECKING:
    from tutor.domain.model import Model

T = TypeVar("T")


class Asking:
    """One question at a time, the newest: an older one under way is stopped, and its answer is not heard.

    `changed` is called on the screen's own thread whenever there is something else to show: a question has begun, is
    farther, has an answer or has failed. What was asked last can be asked again.
    """

    def __init__(self, screen: TutorScreen, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._changed = changed
        self._last: Callable[[], None] | None = None
        self._question: object = None  # the one whose answer is waited for
        self._progress = ""
        self.trouble: TutorError | None = None
        self.named = ""  # the model that the question is put to, where it is another than the one in use

    @property
    def model(self) -> str:
        return self.named or self._screen.app.services.model_name

    @property
    def busy(self) -> bool:
        return self._question is not None

    @property
    def progress(self) -> str:
        """How far the question under way is, in words; empty where none is."""
        return (self._progress or tr("computing..  Esc stops")) if self.busy else ""

    def ask(self, work: Callable[[Model], T], then: Callable[[T], None]) -> None:
        """Run `work` on the model's thread, then `then` with its answer on the screen's."""
        self.run(lambda: work(self._screen.app.services.model()), then)

    def run(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Like `ask`, for what the model in use has no part in."""
        self._drop()
        self._last = partial(self.run, work, then)
        self._question = question = object()
        self.trouble = None
        self._screen.app.services.on_model_progress = self._hear
        self._screen.beside(partial(self._answer, question, work, then))
        self._tell()

    def again(self) -> None:
        """Ask once more what was asked last."""
        if self._last is not None:
            self._last()

    def stop(self) -> bool:
        """Stop the question under way; whether there was one."""
        if not self.busy:
            return False
        self._drop()
        self.trouble = Cancelled("Stopped.")
        self._tell()
        return True

    def leave(self) -> bool:
        """Nobody looks any more: stop the question under way and forget what went wrong; whether either was there."""
        unfinished = self.busy or self.trouble is not None
        self._drop()
        self.trouble = None
        return unfinished

    def fetch(self) -> None:
        """Fetch the missing model in place, and ask again."""
        from tutor.ui.screens.models import ModelsScreen

        self._screen.app.push_screen(ModelsScreen(fetch=self.model), lambda _: self.again())

    def lines(self, width: int) -> list[Text]:
        """What stands where an answer will: how far it is, or what is wrong and what can be done about it."""
        palette = self._screen.app.palette
        if self.busy:
            return wrap(Text(self.progress, palette.muted), width)
        if (error := self.trouble) is None:
            return []
        lines = wrap(Text(error.message, palette.strong), width)
        if isinstance(error, ModelMissing):
            way_out = tr("f fetches the model {model} now; lessons and quizzes work without it.", model=self.model)
            return [*lines, Text(), *wrap(Text(way_out, palette.accent), width)]
        if error.hint:
            lines += wrap(Text(error.hint, palette.muted), width)
        return [*lines, Text(), *wrap(Text(tr("r tries again."), palette.accent), width)]

    def _drop(self) -> None:
        if self.busy:
            self._question = None
            self._progress = ""
            self._screen.app.services.cancel_model()

    async def _answer(self, question: object, work: Callable[[], T], then: Callable[[T], None]) -> None:
        services = self._screen.app.services

        def put() -> T:
            # Dropped while it waited for its turn.
            if question is not self._question:
                raise Cancelled("Stopped.")
            return work()

        try:
            answer = await services.with_model(put)
        except TutorError as error:
            self._end(question, error)
            return
        except Exception:
            # A mistake of ours: the screen says so, and must not go on waiting for the answer.
            self._end(question, None)
            raise
        if question is self._question:
            self._question = None
            then(answer)
            self._end(None, None)

    def _end(self, question: object, error: TutorError | None) -> None:
        if question is not self._question or not self._screen.is_mounted:
            return
        self._question = None
        self._progress = ""
        self.trouble = error
        self._tell()

    def _tell(self) -> None:
        self._screen.refresh_bindings()
        self._changed()

    def _hear(self, phase: str, fraction: float) -> None:
        """From the model's thread: it is loading its file, or reading a long prompt."""
        self._screen.call_later(self._heard, phase, fraction)

    def _heard(self, phase: str, fraction: float) -> None:
        if self.busy:
            percent = f"{fraction:.0%}"
            if phase == "load":
                self._progress = tr("loading the model.. {percent}  Esc stops", percent=percent)
            else:
                self._progress = tr("reading the prompt.. {percent}  Esc stops", percent=percent)
            self._changed()


class ModelScreen(TutorScreen):
    """A screen that asks the model through `asking`, and has the keys that go with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fetch", "Fetch the model", id="model.fetch"),
        Binding("r", "again", "Try again", id="model.again"),
        Binding("escape", "stop", "Stop, back", show=False, id="model.stop"),
        Binding("q", "back", "Back", id="screen.back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.asking = Asking(self, self.relabel)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        trouble = self.asking.trouble
        if action == "fetch":
            return isinstance(trouble, ModelMissing)
        if action == "again":
            return trouble is not None
        return super().check_action(action, parameters)

    def action_fetch(self) -> None:
        self.asking.fetch()

    def action_again(self) -> None:
        self.asking.again()

    def action_stop(self) -> None:
        """Esc stops what is being computed; where nothing is, it leads back."""
        if not self.asking.stop():
            self.action_back()
