"""The decoding lab: the next token's distribution, a step forward and back, any token by hand, branches that stay."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from tutor.decoding.exploration import Exploration
from tutor.demos.registry import parse
from tutor.domain.errors import TutorError
from tutor.domain.language import Text as Words
from tutor.domain.language import both, tr
from tutor.domain.model import Candidate
from tutor.ui.asking_model import ModelScreen
from tutor.ui.labs import kept_under
from tutor.ui.screens.base import TutorScreen
from tutor.ui.screens.labs.lab_branches import BranchesScreen
from tutor.ui.screens.labs.lab_desk import PROMPT, SETTINGS, Desk, SettingsForm, escaped, unescaped
from tutor.ui.screens.labs.lab_view import DecodingView
from tutor.ui.screens.labs.lab_walk import Token, Walk
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.lines import RowList

PLAY_SECONDS = 0.2
KEEP_SECONDS = 2.0
SLOW_SECONDS = 1.0  # what takes longer says that it is being computed: a step of a large model should not blink


class DecodingLab(ModelScreen):
    """`given`: parameters of the demo `decoding`, and `chat`. What was explored with them is there again next time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "step", "Next", id="decoding.next"),
        Binding("backspace", "step_back", "Step back", id="decoding.back"),
        Binding("p", "play", "Play", id="decoding.play"),
        Binding("e", "settings", "Settings", id="decoding.settings"),
        Binding("i", "prompt", "Prompt", id="decoding.prompt"),
        Binding("t", "type", "Type", id="decoding.type"),
        Binding("b", "branches", "Branches", id="decoding.branches"),
        Binding("B", "beam", "Beams", id="decoding.beam"),
        Binding("C", "compare", "Compare", id="decoding.compare"),
        Binding("c", "chat", "Chat template", id="decoding.chat"),
        Binding("s", "seed", "Next seed", id="decoding.seed"),
        Binding("u", "undo", "Undo", id="decoding.undo"),
        Binding("x,E", "export", "Export", id="decoding.export"),
        Binding("left_square_bracket", "end(-1)", "To the prompt", show=False, id="decoding.first"),
        Binding("right_square_bracket", "end(1)", "To the branch's end", show=False, id="decoding.last"),
    ]

    AUTO_FOCUS = "#candidates"

    DEFAULT_CSS = "DecodingLab Input { display: none; margin: 0 1; }"

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        """Raises UsageError for a value out of bounds."""
        super().__init__()
        self._given = dict(given or {})
        self.desk = Desk("", self._given)
        self.walk = Walk(self, self.desk, self._changed)
        self.asking = self.walk.asking
        self.view = DecodingView(self.walk)
        self._slow: Timer | None = None
        self._play: Timer | None = None
        self._playing = 0  # tokens that are still to be played
        self._due = 0.0
        self._field = ""  # what the line of text is for: prompt, type
        self._keeping = False
        self._beams = False  # beam search is what was asked for: it opens as soon as the prompt is read

    # -- building ----------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        yield self.view
        yield AnswerInput(enter="Take it")

    def about(self) -> str:
        return tr(
            "The loaded model, one token at a time. The bars are its distribution of the next token: Space takes what "
            "the strategy chooses, Enter the token under the cursor, Backspace goes back. Nothing that was tried is "
            "lost: every other choice is a branch, and b lists them. Beside a token, > is what the strategy takes, = what "
            "it leaves in, x what it cuts, * what was tried from here."
        )

    def context(self) -> str:
        strategy = self.desk.strategy
        said = tr(
            "The decoding lab, strategy {strategy}, prompt: {prompt}", strategy=strategy.kind, prompt=self.desk.prompt
        )
        written = self.desk.exploration.text(self.desk.exploration.cursor) if self.desk.exploration else ""
        return tr("{lab} The model went on: {text}", lab=said, text=written) if written else said

    def heading(self) -> tuple[str, str]:
        exploration = self.desk.exploration
        if exploration is None or not exploration.depth:
            return tr("Decoding lab"), ""
        logprob = f"{exploration.logprob(exploration.cursor):.2f}"
        return tr("Decoding lab"), tr("{tokens} tokens  ln P {logprob}", tokens=exploration.depth, logprob=logprob)

    def on_mount(self) -> None:
        self.desk.model = self.app.services.model_name
        kept = self.app.services.progress.kept(self._key)
        self.desk.restore(kept)
        self._beams = kept is None and self._given.get("strategy") == "beam"
        super().on_mount()
        self.walk.look()

    def on_unmount(self) -> None:
        self._pause()
        self.asking.leave()
        self._keep()

    def on_screen_suspend(self) -> None:
        self._pause()

    def on_screen_resume(self) -> None:
        # Another model may have been chosen meanwhile.
        if self.desk.model and self.desk.model != self.app.services.model_name:
            self.desk.model = self.app.services.model_name
            self.walk.look()

    def relabel(self) -> None:
        super().relabel()
        self.view.redraw()

    # -- drawing -----------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        """The walk has something else to show."""
        if not self.is_running:
            return
        asking = self.asking.busy and self.walk.step is None
        if self._slow is not None and not asking:
            self._slow.stop()
            self._slow = None
        # What stands there stays for a moment: most answers come sooner than a reader could see it go.
        self.view.show(waiting=asking and self.view.drawn is None)
        self.retitle()
        if asking and self._slow is None:
            self._slow = self.set_timer(SLOW_SECONDS, self._wait)
        if self._playing:
            self.call_after_refresh(self._play_on)
        if self._beams and self.walk.step is not None:
            self._beams = False
            self.action_beam()
        self._keep_soon()

    def _wait(self) -> None:
        if self.asking.busy and self.walk.step is None:
            self.view.show(waiting=True)

    # -- stepping ----------------------------------------------------------------------------------------------------

    def action_step(self) -> None:
        self._pause()
        self._forward()

    def _forward(self) -> None:
        self.say()
        self.walk.forward()
        self._say_end()

    def _say_end(self) -> None:
        exploration = self.desk.exploration
        if exploration is not None and exploration.here.ends:
            self._pause()
            self.say(tr("The model ends the text here. Space goes on all the same."))

    def action_step_back(self) -> None:
        self._pause()
        self.say()
        if (exploration := self.desk.exploration) is not None and exploration.cursor:
            self.walk.go(exploration.back())

    def action_end(self, direction: int) -> None:
        """To the end of the prompt, or of the branch: where it forks, along what was tried last."""
        self._pause()
        exploration = self.desk.exploration
        if exploration is None:
            return
        index = exploration.cursor if direction > 0 else 0
        while direction > 0 and (below := exploration.children(index)):
            index = below[-1]
        self.walk.go(exploration.go(index))

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Enter takes the token under the cursor, whatever the strategy would."""
        exploration, step = self.desk.exploration, self.walk.step
        if not isinstance(event.row.key, Candidate) or exploration is None or step is not self.view.drawn:
            return
        self._pause()
        self._note(both("a token by hand"))
        try:
            self.walk.go(exploration.take(event.row.key.id, self.desk.strategy))
        except TutorError as error:
            self.say(str(error))
            return
        self._say_end()

    def action_undo(self) -> None:
        self._pause()
        what = self.desk.undo()
        self.say(tr("Undone: {what}.", what=what) if what else tr("There is nothing to undo."))
        if what:
            self.walk.look()

    def _note(self, what: Words) -> None:
        self.say()
        self.desk.note(what)

    # -- playing -----------------------------------------------------------------------------------------------------

    def action_play(self) -> None:
        """Five steps a second; the next one is asked for only when the last one stands on the screen."""
        if self._playing:
            self._pause()
            return
        self._playing = self.desk.value("max_tokens")
        self._due = time.monotonic()
        self.say()
        self._play_on()

    def _play_on(self) -> None:
        if self._playing and self._play is None and (self.walk.step is not None or not self.asking.busy):
            self._play = self.set_timer(max(0.001, self._due - time.monotonic()), self._play_step)

    def _play_step(self) -> None:
        self._play = None
        if self.asking.trouble is not None:
            self._pause()
        elif self._playing:
            self._playing -= 1
            self._due = max(time.monotonic(), self._due) + PLAY_SECONDS
            self._forward()
            if not self._playing and not self._ended():
                self.say(tr("{count} tokens played; p goes on.", count=self.desk.value("max_tokens")))

    def _ended(self) -> bool:
        exploration = self.desk.exploration
        return exploration is not None and exploration.here.ends

    def _pause(self) -> None:
        self._playing = 0
        if self._play is not None:
            self._play.stop()
            self._play = None

    # -- changing what it is about -----------------------------------------------------------------------------------

    def action_seed(self) -> None:
        if self.desk.strategy.kind != "sample":
            self.say(tr("Only sampling draws random numbers: e sets strategy to sample."))
            return
        self._set({"seed": (self.desk.value("seed") + 1) % 2**31}, both("the seed"))

    def action_chat(self) -> None:
        """The same question as raw text and as a conversation: two explorations, both kept."""
        self._pause()
        self._note(both("the chat template"))
        self.desk.chat = not self.desk.chat
        self.walk.look()

    def action_settings(self) -> None:
        from tutor.ui.screens.parameters import ParametersScreen

        self._pause()
        given = {param.name: self.desk.value(param.name) for param in SETTINGS}
        self.app.push_screen(ParametersScreen(SettingsForm(), given), self._settled)

    def _settled(self, given: dict[str, Any] | None) -> None:
        if given is None:
            return
        beams = given.get("strategy") == "beam"
        if beams:
            # Several texts at once have a screen of their own; here the strategy stays what it was.
            given["strategy"] = self.desk.value("strategy")
        changed = {name: value for name, value in given.items() if value != self.desk.value(name)}
        if changed:
            self._set(changed, both("the settings"))
        if beams:
            self.action_beam()

    def _set(self, values: Mapping[str, Any], what: Words) -> None:
        self._pause()
        self._note(what)
        self.desk.settings |= values
        self.walk.look()

    def action_prompt(self) -> None:
        self._open_field("prompt", escaped(self.desk.prompt), tr("the prompt; \\n is a new line"))

    def action_type(self) -> None:
        self._open_field("type", "", tr("how the text goes on; \\n is a new line"))

    def _open_field(self, name: str, value: str, placeholder: str) -> None:
        self._pause()
        self._field = name
        field = self.query_one(AnswerInput)
        field.placeholder, field.value, field.display = placeholder, value, True
        field.focus()
        field.action_end()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = unescaped(event.value)
        try:
            prompt = parse(PROMPT, text) if self._field == "prompt" else ""
        except TutorError as error:
            self.say(str(error))
            return
        self._close_field()
        if self._field == "type":
            if text:
                self._note(both("typed text"))
                self.walk.follow("typed", text)
        elif prompt != self.desk.prompt:
            self._note(both("the prompt"))
            self.desk.prompt = prompt
            self.walk.look()

    def _close_field(self) -> None:
        self.query_one(AnswerInput).display = False
        self.say()
        self.query_one("#candidates").focus()

    # -- other screens -----------------------------------------------------------------------------------------------

    def action_branches(self) -> None:
        self._pause()
        if (exploration := self.desk.exploration) is not None:
            self.app.push_screen(BranchesScreen(exploration), partial(self._went, exploration))

    def _went(self, before: Exploration, after: Exploration | None) -> None:
        if after is None or after is before:
            return
        if len(after.nodes) < len(before.nodes):
            self._note(both("a deleted branch"))
        self.walk.go(after)

    def action_beam(self) -> None:
        from tutor.ui.screens.labs.beam import BeamScreen

        self._open_search(BeamScreen, "beam")

    def action_compare(self) -> None:
        from tutor.ui.screens.labs.lockstep import LockstepScreen

        self._open_search(LockstepScreen, "lockstep")

    def _open_search(self, screen: Callable[..., TutorScreen], how: str) -> None:
        """Other ways to write on from here; one that was found there is gone on with."""
        self._pause()
        exploration = self.desk.exploration
        if exploration is None:
            self.say(tr("The model has to read the prompt first: Space asks it."))
            return
        start = self.desk.prompt + ("\n" if self.desk.chat else "") + exploration.text(exploration.cursor)
        self.app.push_screen(screen(exploration.ids, start, self.desk.params), partial(self._found, how))

    def _found(self, how: str, path: list[Token] | None) -> None:
        if path:
            self._note(both("a path taken over"))
            self.walk.follow(how, path)

    def action_export(self) -> None:
        from tutor.ui.screens.labs.export import ExportScreen

        self._pause()
        if (exploration := self.desk.exploration) is not None:
            self.app.push_screen(ExportScreen(exploration))

    # -- trouble, and leaving ----------------------------------------------------------------------------------------

    def action_again(self) -> None:
        self.walk.proceed()

    def action_fetch(self) -> None:
        from tutor.ui.screens.models import ModelsScreen

        self.app.push_screen(ModelsScreen(fetch=self.app.services.model_name), lambda _: self.walk.proceed())

    def action_stop(self) -> None:
        """Esc leaves the line of text, stops what is computed or played; where nothing is, it leads back."""
        if self.query_one(AnswerInput).has_focus:
            self._close_field()
        elif self._playing:
            self._pause()
        else:
            super().action_stop()

    @property
    def _key(self) -> str:
        return kept_under("decoding", self._given)

    def _keep_soon(self) -> None:
        if not self._keeping:
            self._keeping = True
            self.set_timer(KEEP_SECONDS, self._keep)

    def _keep(self) -> None:
        self._keeping = False
        key, desk = self._key, self.desk.copy()
        self.app.services.store_later(lambda progress: progress.keep(key, desk.to_dict()))
