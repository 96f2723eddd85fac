"""The blind arena: two contenders answer, the reader votes, and only then is said who was who."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from tutor.decoding.contest import MOST_PROMPT, Booth, Contest, Round, play
from tutor.decoding.standing import Poll, names_of, revealed, standing
from tutor.domain.errors import TutorError
from tutor.domain.frames import Frame
from tutor.domain.language import tr
from tutor.ui.asking_model import ModelScreen
from tutor.ui.draw.arena import answer_columns, prompt_lines, verdict_lines
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.labs.arena_form import ArenaForm, given_of, settle
from tutor.ui.screens.labs.arena_kept import KEPT, Work, cleared, keep, restored, take, taken_back
from tutor.ui.screens.labs.lab_desk import escaped, unescaped
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.pager import Pager

if TYPE_CHECKING:
    from tutor.domain.model import Model

BEAT = 0.15  # seconds between two looks at answers that grow


class ArenaLab(ModelScreen):
    """`given`: the pair as the demo `assistants` has it (`a`, `b`), a `prompt` to begin with, how votes are counted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "vote('left')", "Vote left", id="arena.left"),
        Binding("2", "vote('right')", "Vote right", id="arena.right"),
        Binding("3,t", "vote('tie')", "Tie", key_display="3", id="arena.tie"),
        Binding("0,s", "vote('skip')", "Neither", key_display="0", id="arena.skip"),
        Binding("space,enter", "next", "Next prompt", key_display="Space", id="arena.next"),
        Binding("space,enter", "hold", "Next prompt, once you have voted", show=False, id="arena.hold"),
        Binding("u", "undo", "Undo", id="arena.undo"),
        Binding("i", "prompt", "Own prompt", id="arena.prompt"),
        Binding("e", "settings", "Who", id="arena.settings"),
        Binding("d", "demo", "Ratings", id="arena.demo"),
        Binding("x", "export", "Export", id="arena.export"),
        Binding("C", "clear", "Clear", id="arena.clear"),
        Binding("j,down", "line(1)", "Line down", show=False, id="arena.line_down"),
        Binding("k,up", "line(-1)", "Line up", show=False, id="arena.line_up"),
    ]

    AUTO_FOCUS = ""  # the line for a prompt waits until it is asked for

    DEFAULT_CSS = "ArenaLab Input { display: none; margin: 0 1; }"

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        """Raises UsageError for a value out of bounds."""
        super().__init__()
        self._given = dict(given or {})
        take(Booth(), self._given)
        self.booth = Booth()
        self.contest = Contest({}, {})
        self.shown: Round | None = None  # under way, open or decided
        self._frames: tuple[Frame, ...] = ()  # how the votes stand
        self._tokens = 0
        self._loaded = "a"  # of two models the contender that is asked first: the one that is loaded
        self._saving = False

    # -- building ----------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        yield Pager(self._lines, id="stage")
        yield AnswerInput(enter="Take it")

    def about(self) -> str:
        return tr(
            "Two contenders answer one prompt: the same model in two settings, or two models. Which of them stands left "
            "is drawn and hidden. 1 votes for the left answer, 2 for the right, 3 calls a tie, 0 is no vote; only then "
            "is said who was who, and the ratings move. i takes a prompt of your own, e says who the two are, u takes "
            "the last vote back, C clears the votes of this pair, d counts them in the demo, x writes them to a file."
        )

    def context(self) -> str:
        if (shown := self.shown) is None:
            return tr("The blind arena.")
        said = tr(
            "The blind arena; votes so far: {votes}. Prompt: {prompt}",
            votes=len(self.contest.votes),
            prompt=shown.prompt,
        )
        if not shown.answered:
            return said
        answers = tr("Left answer: {left} Right answer: {right}", left=shown.answers[0], right=shown.answers[1])
        who = " ".join(map(str, revealed(self.contest, shown))) if shown.verdict else ""
        return f"{said} {answers} {who}".strip()

    def heading(self) -> tuple[str, str]:
        return tr("Blind arena"), tr("votes: {votes}", votes=len(self.contest.votes))

    def on_mount(self) -> None:
        # One underneath, under a lesson for instance, has votes that may not be on the disk yet.
        below = next((each for each in self.app.screen_stack if isinstance(each, ArenaLab) and each is not self), None)
        self.booth = below.booth if below else restored(self.app.services.progress.kept(KEPT))
        take(self.booth, self._given)
        super().on_mount()
        self._enter(str(self._given.get("prompt", "")).strip())

    def on_unmount(self) -> None:
        self.asking.leave()
        self._store_later()

    def on_screen_resume(self) -> None:
        # Another model may have been chosen meanwhile, or votes given in an arena on top of this one.
        if self.shown is None or self._saving or self.asking.busy or self.asking.trouble is not None:
            return
        latest = [self.contest.open, *self.contest.rounds[-1:]]
        if self.contest is not self.booth.contest(self._model_name()) or self.shown not in latest:
            self._enter()

    def relabel(self) -> None:
        super().relabel()
        self._show()

    def on_resize(self) -> None:
        self.relabel()

    def _model_name(self) -> str:
        return self.app.services.model_name

    def _enter(self, prompt: str = "") -> None:
        """Go on with the pair that is on: with its open round, else with the next prompt."""
        self.contest = self.booth.contest(self._model_name())
        self._frames = ()
        if self.contest.votes:
            self.beside(self._recount)
        left_open = self.contest.open
        if prompt and (left_open is None or left_open.prompt != prompt):
            self._begin(prompt)
        elif left_open is None:
            self._begin(self.booth.next_prompt(self.contest))
        elif left_open.answered:
            self.shown = left_open
            self._changed()
        else:
            self._ask()

    # -- drawing -----------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self.retitle()
        self.refresh_bindings()
        self._show()

    def _show(self, *, top: bool = False) -> None:
        self.query_one(Pager).redraw(top=top)

    def _lines(self, width: int) -> list[Text]:
        shown, palette, width = self.shown, self.app.palette, width - 2
        if shown is None:
            return []
        lines = prompt_lines(shown.prompt, width, palette)
        if shown.verdict:
            lines += [Text(), *verdict_lines(self.contest, shown, self._frames, width, palette)]
        elif shown.answered:
            sentence = tr("Which answer is better? 1 left, 2 right, 3 tie, 0 neither. Who is who is said afterwards.")
            lines += [Text(), *wrap(Text(sentence, palette.accent), width)]
        else:
            lines += [Text(), *self._waiting_lines(width)]
        if not self._hidden:
            names = names_of(self.contest) if shown.verdict else {}
            lines += [
                Text(),
                *answer_columns(shown, [names[side] for side in shown.order] if names else [], width, palette),
            ]
        return [Text(" ") + line for line in lines]

    @property
    def _hidden(self) -> bool:
        """Two models answer at different speeds: nothing is shown before both are done."""
        return self.shown is not None and not self.shown.answered and not self.contest.one_model

    def _waiting_lines(self, width: int) -> list[Text]:
        if self._hidden and self.asking.busy and self._tokens:
            sentence = tr(
                "Both answer before either is shown: their speed would tell who is who. {tokens} tokens..  Esc stops",
                tokens=self._tokens,
            )
            return wrap(Text(sentence, self.app.palette.muted), width)
        if self._tokens and self.asking.busy:
            return wrap(
                Text(tr("Two contenders answer. Who is who is hidden..  Esc stops"), self.app.palette.muted), width
            )
        return self.asking.lines(width)

    # -- a round -----------------------------------------------------------------------------------------------------

    def _begin(self, prompt: str) -> None:
        try:
            self.contest.draw(prompt, self.booth.seed)
        except TutorError as error:
            self.say(str(error))
            return
        self.say()
        self._ask()

    def _ask(self) -> None:
        """Have the open round answered; asked again it comes out the same."""
        contest, now = self.contest, self.contest.open
        if now is None:
            return
        self.shown, self._tokens = now, 0
        self._show(top=True)
        setups = contest.setups
        named = [setups[side].model for side in now.order]
        self.asking.named = named[0] if named[0] == named[1] else ""
        self.asking.run(partial(self._play, contest, now), self._answered)

    def _play(self, contest: Contest, now: Round) -> Round:
        """On the model's thread."""
        beat, last = time.monotonic(), now
        first = "" if contest.one_model else self._loaded

        def model(name: str) -> Model:
            self.asking.named = name
            return self.app.services.model(name)

        for last, tokens in play(contest, model, self.booth.max_tokens, first=first):
            if time.monotonic() >= beat:
                beat = time.monotonic() + BEAT
                self.call_later(self._grow, now, last, tokens)
        return last

    def _grow(self, asked: Round, now: Round, tokens: int) -> None:
        if self.asking.busy and self.contest.open is asked:
            self.shown, self._tokens = now, tokens
            self._show()

    def _answered(self, now: Round) -> None:
        self.contest.open = self.shown = now
        self._loaded = "b" if self._loaded == "a" else "a"
        self._changed()
        self._store_later()

    def action_next(self) -> None:
        if not self._saving:
            self._begin(self.booth.next_prompt(self.contest))

    def action_hold(self) -> None:
        """Space before the verdict: who has not said which is better is not told who is who."""
        self.say(tr("First your verdict: 1 left, 2 right, 3 tie, 0 neither."))

    # -- the verdict -------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        shown = self.shown
        if action in ("vote", "hold"):
            return shown is not None and shown.answered and not shown.verdict
        if action == "next":
            return shown is None or bool(shown.verdict)
        if action == "undo":
            return bool(self.contest.rounds or self.contest.cleared)
        if action in ("demo", "export", "clear"):
            return bool(self.contest.rounds)
        return super().check_action(action, parameters)

    def action_vote(self, verdict: str) -> None:
        if self._saving or self.contest.open is None or not self.contest.open.answered:
            return
        self.say()
        self._save(lambda contest: contest.judge(verdict))

    def action_undo(self) -> None:
        if self._saving:
            return
        self.asking.leave()
        if self.contest.rounds:
            self.say(tr("The last verdict is taken back. You know who is who now: vote as you had meant to."))
        else:
            self.say(tr("The votes are back."))
        self._save(taken_back)

    def action_clear(self) -> None:
        if not self._saving:
            self.say(tr("The votes of this pair are cleared; u brings them back."))
            self._save(cleared)

    def _save(self, work: Work) -> None:
        self._saving = True
        self.beside(partial(self._saved, work))

    async def _saved(self, work: Work) -> None:
        booth, contest = self.booth, self.contest
        try:
            shown = await self.app.services.store(lambda progress: keep(progress, booth, contest, work))
        except TutorError as error:
            self.say(str(error))
            return
        finally:
            self._saving = False
        if self.is_mounted:
            await self._recount()
            self.shown = shown or self.shown
            self._changed()
            self._show(top=True)

    async def _recount(self) -> None:
        """Resampling takes longer than a key may."""
        contest = self.contest
        frames = await asyncio.to_thread(standing, Poll.of(self.booth, contest))
        if contest is self.contest and self.is_mounted:
            self._frames = frames
            self._changed()

    def _store_later(self) -> None:
        booth, contest = self.booth, self.contest
        self.app.services.store_later(lambda progress: keep(progress, booth, contest))

    # -- prompts and settings ----------------------------------------------------------------------------------------

    def action_prompt(self) -> None:
        field = self.query_one(AnswerInput)
        field.placeholder, field.value, field.display = tr("a prompt of your own; \\n is a new line"), "", True
        if self.booth.own:
            field.value = escaped(self.booth.own[-1])
        field.focus()
        field.action_select_all()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        prompt = unescaped(event.value).strip()
        if len(prompt) > MOST_PROMPT:
            self.say(tr("A prompt has at most {most} characters.", most=MOST_PROMPT))
            return
        self._close_field()
        if prompt:
            self.booth.add(prompt)
            self._begin(prompt)

    def _close_field(self) -> None:
        self.query_one(AnswerInput).display = False
        self.say()
        self.set_focus(None)

    def action_settings(self) -> None:
        from tutor.ui.screens.parameters import ParametersScreen

        self.app.push_screen(ParametersScreen(ArenaForm(), given_of(self.booth)), self._settled)

    def _settled(self, given: dict[str, Any] | None) -> None:
        if given is None:
            return
        settle(self.booth, given)
        if self.contest is not self.booth.contest(self._model_name()):
            self._enter()
            self.say(
                tr(
                    "Another pair; its own votes: {votes}. Those of other pairs are kept.",
                    votes=len(self.contest.votes),
                )
            )
        else:
            self.beside(self._recount)
        self._store_later()

    # -- elsewhere ---------------------------------------------------------------------------------------------------

    def action_demo(self) -> None:
        """The votes in the demo: how each moved Elo, Bradley–Terry, resampling."""
        from tutor.ui.screens.player import PlayerScreen

        self.app.push_screen(PlayerScreen("assistants", Poll.of(self.booth, self.contest).given))

    def action_export(self) -> None:
        from tutor.ui.screens.labs.export import ExportScreen

        self.app.push_screen(ExportScreen(Poll.of(self.booth, self.contest)))

    def action_line(self, step: int) -> None:
        self.query_one(Pager).scroll_relative(y=step, animate=False)

    def action_stop(self) -> None:
        """Esc closes the line for a prompt, stops the model, or leads back."""
        if self.query_one(AnswerInput).display:
            self._close_field()
        else:
            super().action_stop()
