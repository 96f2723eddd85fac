"""The tutor as a part of a screen: what was said, the line to ask on, and the keys that go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tutor.agent.events import Unsupported
from tutor.domain.errors import ModelMissing
from tutor.domain.language import language, tr
from tutor.domain.plaintext import visible
from tutor.ui.draw.answer import Action, Example, Part, turn_parts, under_way
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.tutor.ahead import get_ready
from tutor.ui.screens.tutor.examples import examples
from tutor.ui.screens.tutor.field import QuestionField
from tutor.ui.screens.tutor.pressing import open_pressed
from tutor.ui.screens.tutor.talk import Place, Talk
from tutor.ui.screens.tutor.talks import fresh_talk, missing_model, place_of, taken_up, talk_about
from tutor.ui.screens.tutor.transcript import Transcript
from tutor.ui.turn import HINT, Turn
from tutor.ui.widgets.fit import row_of
from tutor.ui.widgets.lines import Lines, RowList
from tutor.ui.widgets.writing import WritingField

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp
    from tutor.ui.screens.base import TutorScreen

COLUMN = 84
OUTLINE = 36  # what the outline of a lesson takes where it stands
LEAST, MOST = 46, 64
BESIDE_FROM = 120


def panel_width(width: int) -> int:
    """The cells of the panel on a screen of `width`: what the column of text leaves, within reason."""
    outline = OUTLINE if width >= 140 else 0
    return max(LEAST, min(MOST, width - COLUMN - outline))


class TutorPanel(Vertical):
    """Asks about what stands on `host`. `docked` says whether it stands beside that, or on a screen of its own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Stop, back", id="tutor.leave"),
        Binding("tab,shift+tab", "switch", "Question / answer", show=False, id="tutor.switch"),
        Binding("a", "more", "Ask", id="tutor.more"),
        Binding("f5", "more", "Ask", show=False, id="tutor.more_key"),
        Binding("t", "trace", "How it came about", id="tutor.trace"),
        Binding("n", "new", "New", id="tutor.new"),
        Binding("c", "conversations", "Conversations", id="tutor.conversations"),
        Binding("y", "copy", "Copy", id="tutor.copy"),
        Binding("m", "model", "Other model", id="tutor.model"),
        Binding("f", "fetch", "Fetch the model", id="tutor.fetch"),
        Binding("r", "again", "Try again", id="tutor.again"),
        Binding("q", "close", "Close", id="tutor.close"),
    ]

    DEFAULT_CSS = """
    TutorPanel { height: 1fr; width: 100%; padding: 0 1; }
    TutorPanel.docked { dock: right; border-left: ascii $border; }
    TutorPanel #reason { height: auto; max-height: 4; }
    """

    app: TutorApp

    def __init__(self, host: TutorScreen, *, docked: bool) -> None:
        super().__init__(classes="docked" if docked else "")
        self.host = host
        self.docked = docked
        self.talk: Talk = talk_about(host.app, place_of(host))
        self._drawn: dict[int, list[Part]] = {}
        self._drawn_for: object = None
        self._busy = False
        self.fit_screen()

    # -- building and drawing ----------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        if self.docked:
            yield Lines(self._head, id="head")
        yield Transcript(id="said")
        yield Lines(id="reason")
        yield QuestionField(self.talk.draft, id="ask", enter="Ask")

    def on_mount(self) -> None:
        self._listen(self.talk)
        self.relabel()
        self.enter()  # at once: what is typed right behind the key belongs to the question

    def on_unmount(self) -> None:
        self.talk.forget(self.changed)

    def fit_screen(self) -> None:
        """Beside the text, as wide as the text leaves room; where there is none, out of the way."""
        if not self.docked:
            return
        width, height = self.host.size
        self.display = width >= BESIDE_FROM
        self.styles.width = panel_width(width)
        self.styles.height = height - 1  # the keys at the bottom are the whole screen's

    @property
    def said(self) -> Transcript:
        return self.query_one(Transcript)

    @property
    def line(self) -> QuestionField:
        return self.query_one(QuestionField)

    def on_resize(self) -> None:
        self.changed()

    def relabel(self) -> None:
        """Language or theme have changed."""
        self.line.placeholder = tr("ask about what you read; Enter asks")
        self.line.refresh()
        self._drawn.clear()
        for lines in self.query(Lines):
            lines.redraw()
        self.changed()

    def _head(self, width: int) -> list[Text]:
        palette = self.app.palette
        return [row_of(Text(tr("Tutor"), palette.accent), Text(self.voice(), palette.muted), width)]

    def voice(self) -> str:
        """What answers: a server, the model in use, or the lessons alone."""
        services = self.app.services
        return visible(services.settings.get("server") or services.model_name)

    def changed(self) -> None:
        """Something else is to be shown."""
        if not self.is_attached or not self.said.size.width:
            return
        self._note_hint()
        parts, begins = self._parts()
        # Once the lessons have spoken, what the model adds below moves nothing: the reader is reading.
        turn = self.talk.turns[-1] if self.talk.turns else None
        self.said.show(parts, begins, growing=turn is not None and turn.busy and not turn.citations)
        self._say_why()
        if self._busy != self.talk.busy:
            self._busy = self.talk.busy
            self.refresh_bindings()

    def _parts(self) -> tuple[list[Part], int]:
        width = min(COLUMN, self.said.scrollable_content_region.width - 2)
        drawn_for = (width, language(), self.app.theme)
        if drawn_for != self._drawn_for:
            self._drawn.clear()
            self._drawn_for = drawn_for
        turns, fetch = self.talk.turns, self._fetchable()
        if not turns:
            return self._empty(width), 0
        parts: list[Part] = []
        begins = 0
        for turn in turns:
            begins = len(parts)
            parts += [*self._turn_parts(turn, width, fetch if turn is turns[-1] else ""), Part(Text())]
        return parts, begins

    def _turn_parts(self, turn: Turn, width: int, fetch: str) -> list[Part]:
        """Drawn once, for all turns but the last."""
        if turn is self.talk.turns[-1]:
            self._drawn.pop(id(turn), None)
            services = self.app.services
            local = services.model_name if services.settings.get("server") else ""
            return turn_parts(turn, width, self.app.palette, fetch=fetch, local=local)
        if id(turn) not in self._drawn:
            self._drawn[id(turn)] = turn_parts(turn, width, self.app.palette)
        return self._drawn[id(turn)]

    def _empty(self, width: int) -> list[Part]:
        palette = self.app.palette
        sentence = tr("Ask in Chinese or English. The answer comes from the lessons and says from where.")
        parts = [Part(Text()), *(Part(line) for line in wrap(Text(sentence, palette.muted), width)), Part(Text())]
        parts += [
            Part(line) for line in wrap(Text(tr("Or begin with one of these (Up, Enter):"), palette.muted), width)
        ]
        for question in examples(self.app.services, self.talk.place):
            first, *rest = wrap(Text(question, palette.accent), width, hang=2)
            parts += [Part(first, Example(question)), *(Part(line) for line in rest)]
        return parts

    def _fetchable(self) -> str:
        """The model that is not here and could be fetched."""
        turn = self.talk.turns[-1] if self.talk.turns else None
        if turn is None or turn.busy or turn.model:
            return ""
        return missing_model(self.app.services)

    # -- asking ------------------------------------------------------------------------------------------------------

    def enter(self) -> None:
        """Asked from the screen: what stands on it decides where to begin."""
        before = self.talk
        self._about(place_of(self.host))
        posed = self.talk.place.posed
        hinted = self.talk is before and bool(self.talk.turns)
        if posed is not None and posed.open:
            if not hinted or self.docked:
                self._hint()
            self.said.focus()
        elif posed is not None and posed.wrong:
            self.said.begin()
            self.talk.mistake()
            self.said.focus()
        else:
            self.line.focus()
            get_ready(self.app.services)

    def _about(self, place: Place) -> None:
        """The conversation that belongs to what is on screen now."""
        if place.key != self.talk.place.key:
            draft = self.line.text
            self._use(talk_about(self.app, place))
            if draft:
                self.line.write(draft)
        self.talk.place = place

    def _use(self, talk: Talk) -> None:
        self.talk.forget(self.changed)
        self._listen(talk)
        self.line.write(talk.draft)
        self.said.begin()
        self._drawn.clear()
        self.changed()

    def _listen(self, talk: Talk) -> None:
        self.talk = talk
        talk.listen(self.changed)

    def ask(self, question: str) -> None:
        """Ask `question`, about what is on screen now."""
        self._about(place_of(self.host))
        self.line.write("")
        self.talk.draft = ""
        self.said.begin()
        self.talk.ask(question)

    def _hint(self) -> None:
        self.said.begin()
        self.talk.hint()
        self.host.hinted()

    def _note_hint(self) -> None:
        """What begging got is a hint as any other, where its question still stands."""
        turn = self.talk.turns[-1] if self.talk.turns else None
        if turn is not None and turn.kind == HINT and not turn.busy:
            place = place_of(self.host)
            if place.key == self.talk.place.key and place.posed is not None and place.posed.open:
                self.host.hinted()

    def on_writing_field_changed(self, event: WritingField.Changed) -> None:
        event.stop()
        self.talk.draft = event.field.text

    def on_writing_field_done(self, event: WritingField.Done) -> None:
        event.stop()
        question = event.field.text.strip()
        if not event.enter:
            self.action_leave()
        elif question:
            self.ask(question)

    def on_question_field_left(self, event: QuestionField.Left) -> None:
        event.stop()
        self.said.from_below()

    def on_transcript_left(self, event: Transcript.Left) -> None:
        event.stop()
        self.line.focus()

    # -- what was said -----------------------------------------------------------------------------------------------

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._say_why()

    def _say_why(self) -> None:
        """Where the cursor is on what nothing bears out: why that is so; else what is under way, where that line is out
        of sight.
        """
        key = row.key if self.said.has_focus and (row := self.said.current) is not None else None
        if isinstance(key, Unsupported):
            self._say(key.why.get())
        else:
            self._say(under_way(self.talk.turns[-1]) if self.talk.busy and not self.said.ends_in_sight else "")

    def _say(self, sentence: str) -> None:
        """A sentence between what was said and the line to ask on."""
        width = max(10, self.size.width - 4)
        lines = wrap(Text(visible(sentence), self.app.palette.strong), width) if sentence else []
        self.query_one("#reason", Lines).set_lines(lines)

    def on_descendant_blur(self) -> None:
        self._say_why()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        key = event.row.key
        match key:
            case Example():
                self.ask(key.question)
            case Action(name="alone"):
                self.said.begin()
                self.talk.alone(key.turn)
            case Action(name="stronger"):
                self._hint()
            case Action(name="fetch"):
                self.action_fetch()
            case Action(name="again"):
                self.action_again()
            case Action(name="local"):
                self._ask_again(self.app.services.model_name)
            case Unsupported():
                self._say(key.why.get())
            case _:
                open_pressed(self.app, key)

    # -- keys --------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        last = self.talk.turns[-1] if self.talk.turns else None
        if action == "again":
            return last is not None and last.trouble is not None
        if action == "fetch":
            return bool(self._fetchable())
        if action in ("trace", "copy", "new"):
            return last is not None
        if action == "model":
            return last is not None and not last.busy
        return True

    def action_leave(self) -> None:
        """Esc stops the answer; where none is under way, it leads back to the text."""
        if self.talk.stop():
            return
        if self.docked:
            self.host.focus_text()
        else:
            self.app.pop_screen()

    def action_close(self) -> None:
        self.talk.stop()
        if self.docked:
            made_room = self.host.making_room()
            self.host.focus_text()
            self.remove()
            self.host.call_after_refresh(made_room)
        else:
            self.app.pop_screen()

    def action_switch(self) -> None:
        (self.said if self.line.has_focus else self.line).focus()

    def action_more(self) -> None:
        """A stronger hint where a question is open, else the line to ask on."""
        posed = self.talk.place.posed
        if posed is not None and posed.open and self.talk.turns:
            self._hint()
        else:
            self.line.focus()

    def action_new(self) -> None:
        self.talk.stop()
        self._use(fresh_talk(self.app, place_of(self.host)))
        self.line.focus()

    def action_copy(self) -> None:
        turn = self.talk.turns[-1]
        self.app.copy_to_clipboard(turn.text)
        self._say(tr("Copied, if the terminal allows it: the answer of {count} characters.", count=len(turn.text)))

    def action_trace(self) -> None:
        from tutor.ui.screens.tutor.trace import TraceScreen

        self.app.push_screen(TraceScreen(self.talk.turns[-1]))

    def action_conversations(self) -> None:
        from tutor.ui.screens.tutor.conversations import ConversationsScreen

        self.app.push_screen(ConversationsScreen(), self._take_up)

    def _take_up(self, id: str | None) -> None:
        talk = taken_up(self.app, self.talk.place, id) if id is not None else None
        if talk is None and self.talk.deleted:
            talk = fresh_talk(self.app, self.talk.place)
        if talk is not None:
            self._use(talk)
            self.line.focus()

    def action_model(self) -> None:
        from tutor.ui.screens.tutor.voices import VoicesScreen

        self.app.push_screen(VoicesScreen(), self._ask_again)

    def _ask_again(self, model: str | None) -> None:
        if model is not None:
            self.said.begin()
            self.talk.again(model)

    def action_again(self) -> None:
        self.said.begin()
        self.talk.again()

    def action_fetch(self) -> None:
        from tutor.ui.screens.models import ModelsScreen

        self.app.push_screen(ModelsScreen(fetch=self._fetchable()), lambda _: self._fetched())

    def _fetched(self) -> None:
        """The question once more, now that a model is there to answer it."""
        turn = self.talk.turns[-1] if self.talk.turns else None
        if turn is not None and not missing_model(self.app.services):
            if isinstance(turn.trouble, ModelMissing) or not turn.model:
                self.action_again()
            return
        self.changed()
