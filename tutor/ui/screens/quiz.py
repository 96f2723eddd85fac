"""A quiz, or what is due for review: one question after the other, each answer saved before its verdict is shown."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from tutor.domain.errors import TutorError
from tutor.domain.language import tr
from tutor.domain.posed import Posed, posed
from tutor.domain.quiz import Question
from tutor.domain.schedule import Rating
from tutor.domain.session import Item, Session, Turn
from tutor.ui.answering import give_answer, taking, undone_on_failure
from tutor.ui.drafting import Drafting, standing
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.base import TutorScreen
from tutor.ui.services import now
from tutor.ui.widgets.lines import Row, RowList
from tutor.ui.widgets.question import QuestionView

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp

REVIEW = "sitting:review"
RATING_NAMES = {Rating.AGAIN: "again", Rating.HARD: "hard", Rating.GOOD: "good", Rating.EASY: "easy"}


def open_quiz(app: TutorApp, slug: str) -> None:
    """The quiz of a lesson: the sitting that was interrupted, or a new one."""
    try:
        quiz = app.services.quiz(slug)
        title = app.services.library.lesson(slug).title
    except TutorError as error:
        app.tell(error)
        return
    if not quiz.questions:
        app.tell(tr("This lesson has no quiz yet."))
        return
    key = f"sitting:{slug}"

    def begin() -> Session:
        return Session([Item(slug, question) for question in quiz.questions], seed=random.getrandbits(32))

    session = _interrupted(app, key, lambda _, id: quiz.question(id)) or begin()
    app.push_screen(QuizScreen(session, key, tr("Quiz"), title.get, begin))


def open_review(app: TutorApp) -> None:
    """What is due over all lessons, the most at risk first, within the day's limit."""
    library = app.services.library

    def find(slug: str, id: str) -> Question | None:
        with contextlib.suppress(TutorError):
            return library.quiz(slug).question(id)
        return None

    def begin() -> Session:
        slugs = [entry.slug for entry in app.services.entries() if entry.written]
        due = app.services.progress.due(now(), lessons=slugs)
        items = [Item(d.lesson, question) for d in due if (question := find(d.lesson, d.question)) is not None]
        return Session(items, seed=random.getrandbits(32), source="review")

    session = _interrupted(app, REVIEW, find) or begin()
    if not session.turns:
        app.tell(tr("Nothing is due. Questions come back here when they are about to be forgotten; z opens a quiz."))
        return
    app.push_screen(QuizScreen(session, REVIEW, tr("Review"), lambda: "", begin))


def _interrupted(app: TutorApp, key: str, find: Callable[[str, str], Question | None]) -> Session | None:
    for screen in app.screen_stack:
        if isinstance(screen, QuizScreen) and screen.key == key and not screen.session.finished:
            return screen.session  # two screens on one sitting do not overwrite each other's answers
    kept = app.services.keeping.kept(key)
    if kept is None:
        return None
    try:
        session = Session.from_dict(kept, find)
    except TutorError:
        # What was answered is in the log; only the place in the sitting is lost.
        return None
    return None if session.finished or not session.turns else session


class QuizScreen(TutorScreen):
    """Drives `session`, which is kept under `key` with every answer and every typed character."""

    BESIDE = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "undo", "Undo", id="quiz.undo"),
        Binding("s", "skip", "Skip", id="quiz.skip"),
        Binding("v", "section", "Read it up", id="quiz.section"),
        Binding("n", "again", "Start over", id="quiz.again"),
        Binding("pagedown", "scroll(1)", show=False, id="quiz.page_down"),
        Binding("pageup", "scroll(-1)", show=False, id="quiz.page_up"),
        Binding("q,escape", "back", "Back", id="screen.back", key_display="q"),
    ]

    DEFAULT_CSS = """
    QuizScreen #stage { height: 1fr; scrollbar-size-vertical: 1; padding: 1 0 0 0; }
    QuizScreen #summary { display: none; }
    """

    def __init__(
        self, session: Session, key: str, kind: str, title: Callable[[], str], begin: Callable[[], Session]
    ) -> None:
        super().__init__()
        self.session = session
        self.key = key
        self.kind = kind
        self.title_of = title
        self.begin = begin
        self.saved = ""
        self._drafting = Drafting(self, lambda: {self.key: self.session})
        self._left: Turn | None = None  # where the sitting stood when another screen came over this one

    # -- building ----------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        yield VerticalScroll(id="stage", can_focus=False)
        yield RowList(id="summary")

    def about(self) -> str:
        return tr(
            "One question after the other. Every answer is saved before its verdict is shown; leave whenever you like "
            "and go on later. After a verdict 1 to 4 say how hard it was (again, hard, good, easy), u takes it back."
        )

    def context(self) -> str:
        found = self.posed()
        if found is None:
            return tr("The summary of a quiz.")
        return tr("A quiz question: {question}", question=found.question.prompt.get())

    def near(self) -> str:
        turns, items = self.session.turns, self.session.items
        return items[turns[min(self.session.at, len(turns) - 1)].item].lesson

    def posed(self) -> Posed | None:
        return posed(self.session)

    def hinted(self) -> None:
        for view in self.query(QuestionView):
            view.note_hint()

    def focus_text(self) -> None:
        for view in self.query(QuestionView):
            view.take_focus()
        if self.session.finished:
            self.query_one("#summary").focus()

    def heading(self) -> tuple[str, str]:
        done, count = min(self.session.at + 1, len(self.session.turns)), len(self.session.turns)
        place = tr("summary") if self.session.finished else f"{done}/{count}"
        title = self.title_of()
        return f"{self.kind}  {title}" if title else self.kind, "  ".join(filter(None, (self.saved, place)))

    def on_mount(self) -> None:
        super().on_mount()
        self.call_later(self._show)

    def relabel(self) -> None:
        super().relabel()
        for view in self.query(QuestionView):
            view.label = self._label()
            view.draw()
        if self.session.finished:
            self._fill_summary()

    def on_screen_suspend(self) -> None:
        self._drafting.keep()
        self._left = standing(self.session)

    async def on_screen_resume(self) -> None:
        if self._left is not None and self._left != standing(self.session):
            self.say()  # the sitting went on in a screen above
            await self._show()

    def on_unmount(self) -> None:
        self._drafting.keep()

    def on_resize(self) -> None:
        if self.session.finished:
            self._fill_summary()

    def _label(self) -> str:
        if self.session.finished:
            return ""
        attempt = tr("once more") if self.session.turn.attempt else ""
        lesson = ""
        if self.session.source == "review":
            entry = self.app.services.entry(self.session.item.lesson)
            lesson = entry.title.get() if entry else self.session.item.lesson
        return "  ".join(part for part in (lesson, attempt) if part)

    async def _show(self) -> None:
        """The turn the session stands at, or the summary behind the last one."""
        stage, summary = self.query_one("#stage"), self.query_one("#summary", RowList)
        finished = self.session.finished
        # Said of the answer on the screen, where there is one.
        self.saved = tr("saved") if not finished and self.session.verdict else ""
        stage.display, summary.display = not finished, finished
        await stage.remove_children()
        self.retitle()
        self.refresh_bindings()
        if finished:
            self._fill_summary()
            summary.focus()
            return
        view = QuestionView(self.session, label=self._label())
        await stage.mount(view)
        stage.scroll_to(y=0, animate=False)
        view.take_focus()

    # -- summary -----------------------------------------------------------------------------------------------------

    def _fill_summary(self) -> None:
        palette, width = self.app.palette, max(20, min(84, self.room - 4))
        result = self.session.summary()
        rows = [Row(Text(), heading=True)]
        sentence = tr("{right} of {total} right at the first try.", right=result.right, total=result.total)
        rows += [Row(line, heading=True) for line in wrap(Text(sentence, style=palette.strong), width)]
        details = []
        if result.with_hint:
            details.append(tr("{count} with a hint", count=result.with_hint))
        if result.skipped:
            details.append(tr("{count} skipped", count=result.skipped))
        if details:
            rows.append(Row(Text(", ".join(details), style=palette.muted), heading=True))
        rows.append(Row(Text(), heading=True))
        if result.read_again:
            rows.append(Row(Text(tr("Worth reading again"), style=palette.heading), heading=True))
            for again in result.read_again:
                name = self._section_title(again.lesson, again.section)
                rows.append(Row(Text(f"{name}  ({again.count})"), key=(again.lesson, again.section)))
            rows.append(Row(Text(), heading=True))
        rows.append(Row(Text(tr("Back")), key="back"))
        rows.append(Row(Text(tr("Start over")), key="again"))
        self.query_one("#summary", RowList).set_rows(rows)

    def _section_title(self, slug: str, id: str) -> str:
        try:
            lesson = self.app.services.library.lesson(slug)
        except TutorError:
            return slug
        section = lesson.section(id)
        return section.title.get() if section else lesson.title.get()

    async def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        key = event.row.key
        if isinstance(key, tuple):
            self.app.open_lesson(key[0], section=key[1])
        elif key == "again":
            await self.action_again()
        else:
            self.app.pop_screen()

    # -- answering ---------------------------------------------------------------------------------------------------

    async def on_question_view_answered(self, event: QuestionView.Answered) -> None:
        await taking(self, event.view.question, partial(self._take, event))

    async def _take(self, event: QuestionView.Answered) -> None:
        if await give_answer(self.app, self.session, event.view, event.answer, keep=self.key):
            self._note_saved()
            if event.view.verdict and event.view.verdict.correct:
                self.say(tr("Enter goes on. Too easy? Press 4."))
            elif self._comes_again():
                self.say(tr("Enter goes on. The question comes once more at the end; v opens the section."))
            else:
                self.say(tr("Enter goes on; v opens the section."))

    def _comes_again(self) -> bool:
        turn, last = self.session.turn, self.session.turns[-1]
        return last.item == turn.item and last.attempt > turn.attempt

    def _note_saved(self) -> None:
        self.saved = tr("saved")
        self.retitle()
        self.refresh_bindings()

    def on_question_view_edited(self, event: QuestionView.Edited) -> None:
        self._drafting.noted()

    async def on_question_view_finished(self, event: QuestionView.Finished) -> None:
        self.session.next()
        self._keep()
        self.say()
        await self._show()

    async def on_question_view_rated(self, event: QuestionView.Rated) -> None:
        try:
            with undone_on_failure(self.session):
                outcome = self.session.rate(Rating(event.rating))
                kept, at = self.session.to_dict(), now()
                await self.app.services.store(lambda progress: progress.record(outcome, now=at, keep={self.key: kept}))
        except TutorError as error:
            self.say(str(error))
            return
        self._note_saved()
        self.say(tr("Rated {rating}. Enter goes on, u takes it back.", rating=tr(RATING_NAMES[Rating(event.rating)])))

    def _keep(self) -> None:
        self._drafting.keep_session(self.key, self.session)

    # -- keys --------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        finished = self.session.finished
        answered = not finished and self.session.verdict is not None
        if action == "skip":
            return not finished and not answered
        if action == "section":
            return answered
        if action == "again":
            return finished
        if action == "undo":
            return any(turn.verdict for turn in self.session.turns)
        return True

    async def action_undo(self) -> None:
        """Take back the newest answer of this sitting and show its question again."""
        try:
            with undone_on_failure(self.session):
                undone = self.session.undo()
                if not undone:
                    self.say(tr("There is nothing to take back."))
                    return
                kept, at = self.session.to_dict(), now()
                await self.app.services.store(lambda progress: progress.undo(undone, now=at, keep={self.key: kept}))
        except TutorError as error:
            self.say(str(error))
            return
        self.say(tr("Taken back: that answer no longer counts."))
        await self._show()

    async def action_skip(self) -> None:
        self.session.skip()
        self._keep()
        await self._show()

    def action_section(self) -> None:
        item = self.session.item
        self.app.open_lesson(item.lesson, section=item.question.section)

    async def action_again(self) -> None:
        self.session = self.begin()
        self.saved = ""
        if not self.session.turns:
            self.app.pop_screen()
            return
        self._keep()
        await self._show()

    def action_scroll(self, direction: int) -> None:
        stage = self.query_one("#stage")
        stage.scroll_relative(y=direction * max(1, stage.size.height - 2), animate=False)

    def action_back(self) -> None:
        if not self.session.finished:
            self._keep()
        self.app.pop_screen()
