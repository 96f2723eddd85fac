"""One question, answered in place: in a lesson, before a demo, in a quiz, in a review. Grading is the host's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text as RichText
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from tutor.domain.answers import parse_answer
from tutor.domain.draft import Draft
from tutor.domain.errors import UsageError
from tutor.domain.language import Text, tr
from tutor.domain.plaintext import visible
from tutor.domain.quantity import unit_name
from tutor.domain.quiz import Choice, Multi, Order, Predict, Spans, Verdict
from tutor.domain.session import Session
from tutor.ui.draw.markdown import markdown
from tutor.ui.draw.question import option_lines, verdict_lines
from tutor.ui.draw.wrap import wrap
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.lines import Lines

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp

COLUMN = 84


class QuestionView(Vertical, can_focus=True):
    """Shows `question`, collects an answer and posts `Answered`; the host grades and calls `show_verdict`.

    What is entered stands in the session's turn from the first key on: whoever keeps the session keeps the draft too.
    """

    app: TutorApp

    DEFAULT_CSS = """
    QuestionView { height: auto; width: 1fr; max-width: 86; padding: 0 1; margin: 0 0 1 0; }
    QuestionView Input { margin: 1 0 0 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Answer", id="question.submit"),
        Binding("enter", "go_on", "Go on", id="question.go_on"),
        Binding("down,j", "move(1)", "Down", show=False, id="question.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="question.up"),
        Binding("left", "move(-1)", "Left", show=False, id="question.left"),
        Binding("right", "move(1)", "Right", show=False, id="question.right"),
        Binding("space", "pick", "Pick", id="question.pick"),
        Binding("h,ctrl+t", "hint", "Hint", id="question.hint"),
        *[Binding(str(n), f"number({n})", show=False, id=f"question.option_{n}") for n in range(1, 10)],
    ]

    class Answered(Message):
        """The reader has committed to `answer` (its form depends on the kind: see tutor.domain.quiz)."""

        def __init__(self, view: QuestionView, answer: Any) -> None:
            super().__init__()
            self.view = view
            self.answer = answer

    class Edited(Message):
        """Something was typed, moved or picked, or the hint taken: the session is worth keeping."""

        def __init__(self, view: QuestionView) -> None:
            super().__init__()
            self.view = view

    class Rated(Message):
        """After the verdict, 1-4: how hard it was (1 again, 2 hard, 3 good, 4 easy)."""

        def __init__(self, view: QuestionView, rating: int) -> None:
            super().__init__()
            self.view = view
            self.rating = rating

    class Finished(Edited):
        """The verdict has been read; the host goes on."""

    def __init__(self, session: Session, *, label: str = "") -> None:
        """Shows the turn that `session` stands at now, whatever the session does later."""
        super().__init__()
        self.question = session.question
        self.label = label
        self.turn = session.turn
        self.draft = self.turn.draft or Draft()
        self.verdict: Verdict | None = None
        self._busy = ""
        self._error = ""
        self._order = session.order
        if isinstance(self.question, Order) and not self.draft.arrangement:
            self.draft.arrangement = self._order
        if session.verdict is not None:
            self._recall(session.turn.answer, session.verdict)
        # Where an answer is typed, Tab goes to its line at once.
        self.can_focus = self.answered or not self.typed

    # -- what kind of answering this is ------------------------------------------------------------------------------

    def _options(self) -> list[Text]:
        question = self.question
        if isinstance(question, Choice | Multi):
            return [option.text for option in question.options]
        if isinstance(question, Predict) and question.options:
            return [option.text for option in question.options]
        if isinstance(question, Order):
            return list(question.items)
        return []

    @property
    def typed(self) -> bool:
        """Whether the answer is typed into a line."""
        return not self._options() and not isinstance(self.question, Spans)

    @property
    def answered(self) -> bool:
        return self.verdict is not None

    # -- building and drawing ----------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Lines(self._prompt_lines, id="prompt")
        yield Lines(self._option_lines, id="options")
        if self.typed:
            field = AnswerInput(self.draft.typed, placeholder=self._placeholder())
            field.display = not self.answered
            yield field
        yield Lines(self._feedback_lines, id="feedback")

    def on_mount(self) -> None:
        for field in self.query(AnswerInput):
            field.cursor_position = self.draft.cursor
            # Told at the very key, before a next one can leave the question.
            self.watch(field, "value", partial(self._typed_on, field), init=False)
            self.watch(field, "selection", partial(self._typed_on, field), init=False)

    def _placeholder(self) -> str:
        unit = getattr(self.question, "unit", "")
        return tr("your answer, in {unit}", unit=unit_name(unit)) if unit else tr("your answer")

    def take_focus(self) -> None:
        """Put the focus where the next key belongs."""
        if self.typed and not self.answered:
            self.query_one(AnswerInput).focus()
        else:
            self.focus()

    def draw(self) -> None:
        """All lines anew, for the current language, theme and state. Only what differs is repainted."""
        if not self.is_mounted:
            return
        for lines in self.query(Lines):
            lines.redraw()
        for field in self.query(AnswerInput):
            field.placeholder = self._placeholder()
            field.display = not self.answered

    def _prompt_lines(self, width: int) -> list[RichText]:
        palette = self.app.palette
        lines = [RichText(self.label, style=palette.accent)] if self.label else []
        return [*lines, *markdown(self.question.prompt.get(), width, palette), RichText()]

    def _option_lines(self, width: int) -> list[RichText]:
        question, draft, palette = self.question, self.draft, self.app.palette
        if isinstance(question, Spans):
            return self._spans_lines(width)
        options = self._options()
        shown = list(draft.arrangement) if isinstance(question, Order) else self._order
        right = self._right_options()
        lines: list[RichText] = []
        for place, index in enumerate(shown):
            verdict = None
            if self.answered and not isinstance(question, Order):
                verdict = True if index in right else (False if index in draft.picked else None)
            lines += option_lines(
                place,
                options[index].get(),
                width,
                palette,
                cursor=self.active and not self.answered and place == draft.cursor,
                chosen=index in draft.picked,
                verdict=verdict,
            )
        return lines

    @property
    def active(self) -> bool:
        """Whether keys go to this question."""
        return self.has_focus or self.has_focus_within

    def on_focus(self) -> None:
        self.draw()

    def on_blur(self) -> None:
        self.draw()

    def on_descendant_focus(self) -> None:
        self.draw()

    def on_descendant_blur(self) -> None:
        self.draw()

    def _right_options(self) -> set[int]:
        options = getattr(self.question, "options", ())
        right = {index for index, option in enumerate(options) if option.correct}
        if self.verdict and self.verdict.correct:
            right = set(self.draft.picked)
        return right

    def _spans_lines(self, width: int) -> list[RichText]:
        """The text with its cuts as bars; the cursor stands between two characters."""
        text, draft, palette = getattr(self.question, "text", ""), self.draft, self.app.palette
        line = RichText()
        for place, character in enumerate(text):
            at_cursor = place == draft.cursor and not self.answered
            if place:
                cut = place in draft.picked
                sign = "|" if cut else " "
                line.append(sign, palette.selection + palette.accent if at_cursor else palette.accent)
            line.append(visible(character) if character != " " else "_", palette.strong)
        return [*wrap(line, width), RichText()]

    def _feedback_lines(self, width: int) -> list[RichText]:
        palette = self.app.palette
        lines: list[RichText] = []
        if self._error:
            lines += [RichText(), *wrap(RichText(self._error, style=palette.bad), width)]
        if self._busy:
            lines += [RichText(), RichText(self._busy, style=palette.muted)]
        if self.turn.hint and self.question.hint and not self.answered:
            lines += [RichText(), *markdown(f"**{tr('Hint')}** {self.question.hint.get()}", width, palette)]
        if self.verdict is None:
            if not (self._error or self._busy):
                how = self._how() if self.active else tr("Enter: answer this.")
                lines += [RichText(), *wrap(RichText(how, style=palette.muted), width)]
            return lines
        if self.typed:
            given = tr("Your answer: {answer}", answer=visible(self.draft.typed))
            lines += wrap(RichText(given, style=palette.muted), width)
        return [*lines, RichText(), *verdict_lines(self.verdict, width, palette)]

    def _how(self) -> str:
        """How this kind of question is answered."""
        question = self.question
        if isinstance(question, Multi):
            return tr("Several may be right: Space marks, Enter answers.")
        if isinstance(question, Order):
            return tr("Put them in order: Space picks a line up, arrows move it, Enter answers.")
        if isinstance(question, Spans):
            return tr("Arrows move between characters, Space cuts or joins, Enter answers.")
        if self.typed:
            return tr("Type your answer, Enter gives it, Ctrl+T shows the hint.")
        return tr("Arrows and Enter, or the number of your answer.")

    # -- what the host says ------------------------------------------------------------------------------------------

    def show_busy(self, sentence: str) -> None:
        self._busy, self._error = sentence, ""
        self.draw()

    def show_error(self, sentence: str) -> None:
        """The answer was not taken; it stays as it was entered."""
        self._busy, self._error = "", sentence
        self.draw()

    def show_verdict(self, verdict: Verdict) -> None:
        self._busy = self._error = ""
        self.verdict = verdict
        self.can_focus = True
        self.draw()
        self.focus()
        self.refresh_bindings()

    def _recall(self, answer: Any, verdict: Verdict) -> None:
        """Stand as it stood when `answer` had been given."""
        draft = self.draft
        if isinstance(self.question, Order) and isinstance(answer, list):
            draft.arrangement = tuple(answer)
        elif isinstance(answer, list):
            draft.picked = tuple(answer)
        elif self._options() and isinstance(answer, int):
            draft.picked = (answer,)
        elif answer is not None:
            draft.typed = str(answer)
        self.verdict = verdict

    # -- keys --------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("submit", "go_on"):
            return self.answered == (action == "go_on")
        if action == "pick":
            return isinstance(self.question, Multi | Order | Spans) and self._open
        if action == "hint":
            return bool(self.question.hint) and not self.turn.hint and not self.answered
        if action == "move":
            return not self.typed and self._open
        return True

    @property
    def _open(self) -> bool:
        """Whether the answer can still be changed: none was given yet."""
        return not (self.answered or self._busy)

    def action_move(self, step: int) -> None:
        draft, question = self.draft, self.question
        count = len(question.text) if isinstance(question, Spans) else len(self._order)
        low = 1 if isinstance(question, Spans) else 0
        target = max(low, min(count - 1, draft.cursor + step))
        if isinstance(question, Order) and draft.picked:
            arrangement = list(draft.arrangement)
            arrangement.insert(target, arrangement.pop(draft.cursor))
            draft.arrangement = tuple(arrangement)
        draft.cursor = target
        self._edited()

    def action_pick(self) -> None:
        draft, question = self.draft, self.question
        if isinstance(question, Order):
            draft.picked = () if draft.picked else (draft.arrangement[draft.cursor],)
        else:
            target = draft.cursor if isinstance(question, Spans) else self._order[draft.cursor]
            if isinstance(question, Spans) and target == 0:
                target = draft.cursor = 1
            draft.picked = tuple(sorted(set(draft.picked) ^ {target}))
        self._edited()

    def action_number(self, number: int) -> None:
        if self.answered:
            if number <= 4:
                self.post_message(self.Rated(self, number))
            return
        if self._busy or isinstance(self.question, Spans) or number > len(self._order):
            return
        self.draft.cursor = number - 1
        if isinstance(self.question, Multi):
            self.action_pick()
        elif isinstance(self.question, Order):
            self._edited()
        else:
            self.action_submit()

    def action_hint(self) -> None:
        self.turn.hint = True
        self.draw()
        self.refresh_bindings()
        self.post_message(self.Edited(self))

    def note_hint(self) -> None:
        """A hint was given elsewhere: it counts as if it had been taken here."""
        if not (self.answered or self.turn.hint):
            self.action_hint()

    def action_submit(self) -> None:
        if not self._busy:
            self._submit()

    def action_go_on(self) -> None:
        self.post_message(self.Finished(self))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._busy:
            self._submit()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def _typed_on(self, field: AnswerInput) -> None:
        self.draft.typed, self.draft.cursor = field.value, field.cursor_position
        self._begun()

    def _submit(self) -> None:
        try:
            answer = self._read_answer()
        except UsageError as error:
            self.show_error(str(error))
            return
        self._error = ""
        self.draw()
        self.post_message(self.Answered(self, answer))

    def _read_answer(self) -> Any:
        draft, question = self.draft, self.question
        if isinstance(question, Order):
            draft.picked = ()
            return list(draft.arrangement)
        if isinstance(question, Spans):
            return sorted(draft.picked)
        if isinstance(question, Multi):
            if not draft.picked:
                raise UsageError("Mark at least one answer with Space, then press Enter.")
            return sorted(draft.picked)
        if self._options():
            index = self._order[draft.cursor]
            draft.picked = (index,)
            return index
        if not draft.typed.strip():
            raise UsageError("Type an answer first.")
        return parse_answer(question, draft.typed, order=self._order)

    def _edited(self) -> None:
        self._error = ""
        self.draw()
        self._begun()

    def _begun(self) -> None:
        if self.turn.verdict is None:
            self.turn.draft = self.draft
            self.post_message(self.Edited(self))
