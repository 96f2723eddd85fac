"""The demo player: say what will happen, then watch it computed, a step forward, a step back, with other parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget

from tutor.demos import registry
from tutor.domain.demo import Step
from tutor.domain.errors import Cancelled, ModelMissing, TutorError
from tutor.domain.language import language, tr
from tutor.domain.plaintext import visible
from tutor.domain.posed import Posed, posed
from tutor.domain.session import Session
from tutor.ui.answering import checkpoint_key, give_answer, taking
from tutor.ui.drafting import Drafting
from tutor.ui.draw.frames import draw_step
from tutor.ui.draw.question import verdict_lines
from tutor.ui.draw.wrap import wrap
from tutor.ui.labs import is_lab, lab_of
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.fit import value_text
from tutor.ui.widgets.lines import Lines
from tutor.ui.widgets.pager import Pager
from tutor.ui.widgets.question import QuestionView

COLUMN = 100
PLAY_SECONDS = 0.8
SHOWN_VALUE = 40
# Which view of a lab a demo goes on in.
VIEWS = {
    "decoder": "attention",
    "gpt": "layers",
    "loss": "surprise",
    "embedding": "neighbours",
    "model-files": "file",
}


class PlayerScreen(TutorScreen):
    """Plays the demo `name`. With `session`, the reader answers its question before the first step is shown.

    The answer is graded and saved at once; the verdict is shown behind the last step, when it can be seen to be so.
    """

    BESIDE = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,right", "step(1)", "Next step", id="player.next"),
        Binding("backspace,left", "step(-1)", "Step back", id="player.back"),
        Binding("o", "vote", "Vote", id="player.vote"),
        Binding("p", "play", "Play / pause", id="player.play"),
        Binding("e", "edit", "Change", id="player.edit"),
        Binding("r", "reset", "Reset", id="player.reset"),
        Binding("o", "lab", "Lab", id="player.lab"),
        Binding("g,home", "first", "First step", show=False, id="player.first"),
        Binding("G,end", "last", "Last step", show=False, id="player.last"),
        Binding("j,down", "line(1)", "Line down", show=False, id="player.line_down"),
        Binding("k,up", "line(-1)", "Line up", show=False, id="player.line_up"),
        Binding("f", "fetch", "Fetch the model", show=False, id="player.fetch"),
        Binding("escape", "stop", "Stop, back", show=False, id="player.stop"),
        Binding("q", "back", "Back", id="screen.back"),
    ]

    DEFAULT_CSS = "PlayerScreen #ask { height: 4fr; scrollbar-size-vertical: 1; }"

    class Heard(Message):
        """From the model's thread: it is loading its file, or reading a long prompt."""

        def __init__(self, phase: str, fraction: float) -> None:
            super().__init__()
            self.phase = phase
            self.fraction = fraction

    def __init__(
        self,
        name: str,
        preset: Mapping[str, Any] | None = None,
        *,
        session: Session | None = None,
    ) -> None:
        super().__init__()
        self.name_of_demo = name
        self.demo = registry.load(name)
        self.preset = registry.in_language(preset or {})
        self.given = dict(self.preset)
        self.session = session
        self.committed = session is None or session.verdict is not None
        self._drafting = Drafting(self, lambda: {_key(session): session} if session is not None else {})
        self.index = 0
        self.run: registry.DemoRun | None = None
        self._waiting = False
        self._doing = ""
        self._wanted = -1  # the step that was asked for while another was being computed
        self._playing: Any = None
        self._trouble: TutorError | None = None

    # -- building ----------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        yield Lines(id="parameters")
        if self.session is not None and not self.committed:
            with VerticalScroll(id="ask", can_focus=False):
                yield QuestionView(self.session, label=tr("First say what will happen"))
        yield Pager(self._step_lines, id="stage")

    def about(self) -> str:
        return tr(
            "A demo computes while you watch. Space is the next step, Backspace the one before, e changes a parameter, "
            "r goes back to the lesson's own. Nothing you see is canned."
        )

    def context(self) -> str:
        given = {param.name: self.given.get(param.name, param.default) for param in self.demo.PARAMS}
        settings = ", ".join(f"{name}={visible(value_text(value))[:SHOWN_VALUE]}" for name, value in given.items())
        said = tr("The demo “{title}” with {settings}.", title=self.demo.TITLE.get(), settings=settings)
        run = self.run
        if run is None or not self.committed or self.index >= run.known:
            return said
        step = tr("Step {index}: {title}.", index=self.index + 1, title=run.steps[self.index].title.get())
        return f"{said} {step}"

    def near(self) -> str:
        return self.session.item.lesson if self.session is not None else super().near()

    def posed(self) -> Posed | None:
        """What the reader is to say beforehand; as long as the end has not shown it, it is open."""
        found = posed(self.session)
        if found is None or (self.run is not None and self.run.finished and self.index == self.run.known):
            return found
        return Posed(found.lesson, found.question)

    def hinted(self) -> None:
        for view in self.query(QuestionView):
            view.note_hint()

    def focus_text(self) -> None:
        self.set_focus(None)
        for view in self.query(QuestionView):
            view.take_focus()

    def heading(self) -> tuple[str, str]:
        return self.demo.TITLE.get(), self._where()

    def _where(self) -> str:
        run = self.run
        if run is None or not run.known:
            return ""
        if self._waiting and self.index < run.known:
            return tr("computing..")
        if run.finished and self.index == run.known:
            return ""
        if run.finished:
            return tr("step {index} of {count}", index=self.index + 1, count=run.known)
        return tr("step {index}", index=self.index + 1)

    def on_mount(self) -> None:
        super().on_mount()
        if self.committed:
            self._start()
        else:
            self.query_one(QuestionView).take_focus()

    def on_screen_suspend(self) -> None:
        self._drafting.keep()

    def on_unmount(self) -> None:
        self._stop()
        self._drafting.keep()

    def on_resize(self) -> None:
        self.relabel()

    def relabel(self) -> None:
        super().relabel()
        self._draw_parameters()
        self._draw_step()
        for view in self.query(QuestionView):
            view.label = tr("First say what will happen")
            view.draw()

    def _width(self) -> int:
        return max(24, min(COLUMN, self.room - 3))

    def _draw_parameters(self) -> None:
        palette = self.app.palette
        line = Text()
        for param in self.demo.PARAMS:
            value = self.given.get(param.name, param.default)
            shown = visible(value_text(value))
            if len(shown) > SHOWN_VALUE:
                shown = shown[: SHOWN_VALUE - 2] + ".."
            changed = param.name in self.given and self.given[param.name] != self.preset.get(param.name, param.default)
            line.append(param.name, palette.muted)
            line.append("=", palette.muted)
            line.append(shown, palette.accent if changed else palette.text)
            line.append("  ")
        lines = wrap(line, self._width())[:3]
        self.query_one("#parameters", Lines).set_lines([Text(" ") + text for text in [*lines, Text()]])

    def _draw_step(self, *, top: bool = False) -> None:
        self.query_one("#stage", Pager).redraw(top=top)
        self.retitle()

    def _step_lines(self, width: int) -> list[Text]:
        palette, width = self.app.palette, min(COLUMN, width - 2)
        lines: list[Text] = []
        if self._trouble is not None:
            lines = self._trouble_lines(self._trouble, width)
        elif self.run is not None and self.committed and self.index < self.run.known:
            lines = draw_step(self.run.steps[self.index], width, palette, language())
        elif self.run is not None and self.run.finished:
            lines = self._verdict_lines(width)
        elif self._waiting:
            lines = [Text(self._doing or tr("computing..  Esc stops"), style=palette.muted)]
        return [Text(" ") + line for line in lines]

    def _verdict_lines(self, width: int) -> list[Text]:
        """Whether what the reader had said was so."""
        if self.session is None or self.session.verdict is None:
            return []
        return [
            Text(),
            Text(tr("Your prediction"), style=self.app.palette.heading),
            *verdict_lines(self.session.verdict, width, self.app.palette),
        ]

    def _trouble_lines(self, error: TutorError, width: int) -> list[Text]:
        palette = self.app.palette
        lines = wrap(Text(error.message, style=palette.strong), width)
        if isinstance(error, ModelMissing):
            sentence = tr("f fetches the model {model} now; lessons and quizzes work without it.", model=self._model())
            return [*lines, Text(), *wrap(Text(sentence, style=palette.accent), width)]
        if error.hint:
            lines += wrap(Text(error.hint, style=palette.muted), width)
        return [*lines, Text(), *wrap(Text(tr("Space tries again, e changes a parameter."), palette.accent), width)]

    def _named(self) -> str:
        """The model that the demo is about; empty for the one in use."""
        return registry.model_named(self.name_of_demo, self.given)

    def _model(self) -> str:
        return self._named() or self.app.services.model_name

    # -- running -----------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._stop()
        self.run, self.index, self._trouble = None, 0, None
        self._want(0)

    def _stop(self) -> None:
        if self._playing is not None:
            self._playing.stop()
            self._playing = None
        if self.run is not None:
            self.run.stop()
        if self._waiting:
            self.app.services.cancel_model()

    def _want(self, index: int) -> None:
        """Show step `index`, computing it first where it is not known yet."""
        run = self.run
        if run is not None and index < run.known:
            self.index = index
            self._draw_step()
            return
        if run is not None and run.finished:
            self._show_verdict()
            return
        if self._waiting:
            self._wanted = index
            return
        self._waiting = True
        self._doing = ""
        self.app.services.on_model_progress = self._hear
        self._draw_step()
        self.beside(partial(self._compute, index))

    async def _compute(self, index: int) -> None:
        services = self.app.services
        try:
            step = await services.with_model(lambda: self._step(index))
        except Cancelled:
            step = None
        except TutorError as error:
            self._trouble = error
            step = None
        finally:
            self._waiting = False
        if not self.is_mounted:
            return
        if step is not None:
            self._trouble = None
            self.index = index
            if index > 0:
                self.say()  # what was said before the first step stands beside it
            if self._wanted == index + 1:
                self._want(self._wanted)
        elif self.run is not None and self.run.finished:
            self._show_verdict()
        self._draw_step()

    def _hear(self, phase: str, fraction: float) -> None:
        self.post_message(self.Heard(phase, fraction))

    def on_player_screen_heard(self, event: Heard) -> None:
        if self._waiting:
            percent = f"{event.fraction:.0%}"
            loading = tr("loading the model.. {percent}  Esc stops", percent=percent)
            self._doing = (
                loading if event.phase == "load" else tr("reading the prompt.. {percent}  Esc stops", percent=percent)
            )
            self._draw_step()

    def _show_verdict(self) -> None:
        """The page behind the last step, where there was a prediction. Playing ends here."""
        if self._playing is not None:
            self.action_play()
        if self.run is not None and self.session is not None and self.session.verdict is not None:
            self.index = self.run.known
            self._draw_step(top=True)

    def _step(self, index: int) -> Step | None:
        """Runs on the model's thread."""
        if self.run is None or self._trouble is not None:
            from tutor.runtime.without import without_model

            needs = registry.wants_model(self.name_of_demo, self.given)
            model = self.app.services.model(self._named()) if needs else without_model()
            self.run = registry.DemoRun(self.name_of_demo, self.given, model)
        return self.run.step(index)

    # -- keys --------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("step", "play", "edit", "reset", "first", "last"):
            return self.committed
        if action == "fetch":
            return isinstance(self._trouble, ModelMissing)
        if action in ("lab", "vote"):
            found = lab_of(self.name_of_demo)
            return self.committed and found is not None and (found.name == "arena") == (action == "vote")
        return True

    def action_step(self, direction: int) -> None:
        if self._trouble is not None:
            self._start()
        elif self.index + direction >= 0:
            self._want(self.index + direction)

    def action_first(self) -> None:
        self._want(0)

    def action_last(self) -> None:
        if self.run is not None and self.run.known:
            self._want(self.run.known - 1)

    def action_line(self, step: int) -> None:
        self.query_one("#stage", Pager).scroll_relative(y=step, animate=False)

    def action_play(self) -> None:
        """Plays at an even pace until the end, a key, or p again."""
        if self._playing is not None:
            self._playing.stop()
            self._playing = None
        else:
            self._playing = self.set_interval(PLAY_SECONDS, lambda: self._want(self.index + 1))

    def action_reset(self) -> None:
        self.given = dict(self.preset)
        self._draw_parameters()
        self._start()

    def action_vote(self) -> None:
        """To the arena; where this demo counts its votes, back to it."""
        if any(is_lab(screen, "arena") for screen in self.app.screen_stack):
            self.action_back()
        else:
            self.action_lab()

    def action_lab(self) -> None:
        """On to the lab that this demo belongs to, with what stands here."""
        found = lab_of(self.name_of_demo)
        if found is not None:
            self._stop()
            here = {param.name: self.given.get(param.name, param.default) for param in self.demo.PARAMS}
            view = {"view": VIEWS[self.name_of_demo]} if self.name_of_demo in VIEWS else {}
            self.app.open_lab(found.name, view | {name: here[name] for name in found.parameters if name in here})

    def action_edit(self) -> None:
        from tutor.ui.screens.parameters import ParametersScreen

        self._stop()
        self.app.push_screen(ParametersScreen(self.demo, self.given), self._edited)

    def _edited(self, given: dict[str, Any] | None) -> None:
        if given is not None and given != self.given:
            self.given = given
            self._draw_parameters()
            self._start()

    def action_fetch(self) -> None:
        from tutor.ui.screens.models import ModelsScreen

        self.app.push_screen(ModelsScreen(fetch=self._model()), lambda _: self._start())

    def action_stop(self) -> None:
        """Esc stops what is being computed or played; where nothing is, it leads back."""
        if self._waiting or self._playing is not None:
            self._stop()
        else:
            self.action_back()

    def action_back(self) -> None:
        self._stop()
        self._drafting.keep()
        if self.run is not None:
            given, name = self.given, self.name_of_demo
            self.app.services.store_later(lambda progress: progress.keep(f"demo:{name}", given))
        self.app.pop_screen()

    # -- the prediction ----------------------------------------------------------------------------------------------

    def on_question_view_edited(self) -> None:
        self._drafting.noted()

    async def on_question_view_answered(self, event: QuestionView.Answered) -> None:
        await taking(self, event.view.question, partial(self._take, event))

    async def _take(self, event: QuestionView.Answered) -> None:
        session = self.session
        if session is None:
            return
        if await give_answer(self.app, session, event.view, event.answer, keep=_key(session), reveal=False):
            self.committed = True
            await self.query_one("#ask").remove()
            self.refresh_bindings()
            self.say(tr("Saved. Now watch; whether you were right stands behind the last step."))
            self._start()


def _key(session: Session) -> str:
    return checkpoint_key(session.item.lesson, session.item.question.id)
