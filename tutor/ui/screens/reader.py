"""A lesson: text in one column, its demo and questions where the reader needs them, and the place kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import DescendantFocus
from textual.timer import Timer
from textual.widget import Widget

from tutor.domain.labs import lab
from tutor.domain.language import tr
from tutor.domain.lesson import CheckBlock, DemoBlock, LabBlock, Section
from tutor.domain.posed import Posed, posed
from tutor.ui.answering import checkpoint, checkpoint_key, give_answer, taking
from tutor.ui.drafting import Drafting
from tutor.ui.draw.markdown import markdown
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.base import TutorScreen
from tutor.ui.services import Services, now
from tutor.ui.widgets.fit import fit
from tutor.ui.widgets.lines import Row, RowList
from tutor.ui.widgets.page import Card, Page, SectionBlock, TextBlock
from tutor.ui.widgets.question import QuestionView

OUTLINE_FROM = 140
OUTLINE_WIDTH = 36
SAVE_AFTER = 0.6  # seconds without scrolling before the place is written down


class ReaderScreen(TutorScreen):
    """Raises NotFound or ContentError when made for a lesson that is not there or cannot be read."""

    BESIDE = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "act", "Demo, question", id="reader.act"),
        Binding("space", "page(1)", "Next page", id="reader.page_down"),
        Binding("backspace", "page(-1)", "Page back", id="reader.page_up", show=False),
        Binding("pagedown", "page(1)", show=False, id="reader.page_down_key"),
        Binding("pageup", "page(-1)", show=False, id="reader.page_up_key"),
        Binding("j,down", "line(1)", "Line down", show=False, id="reader.line_down"),
        Binding("k,up", "line(-1)", "Line up", show=False, id="reader.line_up"),
        Binding("g,home", "edge(-1)", "Beginning", show=False, id="reader.first"),
        Binding("G,end", "edge(1)", "End", show=False, id="reader.last"),
        Binding("n", "section(1)", "Next section", id="reader.next_section"),
        Binding("p", "section(-1)", "Section before", show=False, id="reader.previous_section"),
        Binding("o", "outline", "Outline", id="reader.outline"),
        Binding("z", "quiz", "Quiz", id="reader.quiz"),
        Binding("q,escape", "back", "Back", id="screen.back", key_display="q"),
    ]

    def __init__(self, services: Services, slug: str, *, section: str | None = None) -> None:
        super().__init__()
        self.slug = slug
        self.start_section = section
        self.lesson = services.library.lesson(slug)
        self.quiz = services.quiz(slug)
        self._sessions = {
            id: checkpoint(services, slug, question)
            for id in self._checkpoints()
            if (question := self.quiz.question(id)) is not None
        }
        self._drafting = Drafting(
            self, lambda: {checkpoint_key(slug, id): session for id, session in self._sessions.items()}
        )
        self._timer: Timer | None = None
        self._standing: QuestionView | None = None  # the question that the reader is at

    def _checkpoints(self) -> list[str]:
        return [block.question for block in self.lesson.blocks if isinstance(block, CheckBlock)]

    # -- building ----------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        with Horizontal():
            yield RowList(id="outline")
            with Page(id="page"):
                yield TextBlock(self._head)
                yield from self._blocks()
                if self.quiz.questions:
                    yield Card(self._quiz_card, None)
                yield TextBlock(self._references)

    def _blocks(self) -> Iterable[Widget]:
        for block in self.lesson.blocks:
            match block:
                case Section():
                    yield SectionBlock(block, partial(self._section, block))
                case DemoBlock():
                    yield Card(partial(self._demo_card, block), block)
                case LabBlock():
                    yield Card(partial(self._lab_card, block), block)
                case CheckBlock():
                    if session := self._sessions.get(block.question):
                        yield QuestionView(session, label=tr("Checkpoint"))

    def _head(self, width: int) -> list[Text]:
        lesson, palette = self.lesson, self.app.palette
        lines = [Text(), *wrap(Text(lesson.title.get(), style=palette.heading), width), Text()]
        lines += markdown(lesson.answer.get(), width, palette)
        lines += [Text(), Text(tr("After this lesson you can"), style=palette.muted)]
        for goal in lesson.goals:
            lines += markdown("- " + goal.get(), width, palette)
        if lesson.prerequisites:
            names = tr(", ").join(self._title_of(slug) for slug in lesson.prerequisites)
            lines += wrap(Text(tr("Builds on: {lessons}", lessons=names), style=palette.muted), width)
        return [*lines, Text()]

    def _title_of(self, slug: str) -> str:
        entry = self.app.services.entry(slug)
        return f"{entry.number:02d} {entry.title.get()}" if entry else slug

    def _section(self, section: Section, width: int) -> list[Text]:
        palette = self.app.palette
        head = wrap(Text(section.title.get(), style=palette.heading), width)
        return [*head, Text(), *markdown(section.body.get(), width, palette), Text()]

    def _demo_card(self, block: DemoBlock, width: int) -> list[Text]:
        from tutor.demos.registry import load

        palette = self.app.palette
        title = load(block.name).TITLE.get()
        first = (
            self._card_sign(block) + Text(tr("Demo"), style=palette.accent) + Text("  " + title, style=palette.strong)
        )
        sentence = (
            tr("Enter: first say what will happen, then watch it computed.")
            if block.predict
            else tr("Enter: watch it computed, step by step.")
        )
        return [first, *self._card_lines(sentence, width)]

    def _lab_card(self, block: LabBlock, width: int) -> list[Text]:
        palette, found = self.app.palette, lab(block.name)
        return [
            self._card_sign(block)
            + Text(tr("Lab"), style=palette.accent)
            + Text("  " + found.title.get(), style=palette.strong),
            *self._card_lines(tr("Enter: play with it yourself: {about}.", about=found.about), width),
        ]

    def _card_lines(self, sentence: str, width: int) -> list[Text]:
        palette = self.app.palette
        return [
            Text("| ", style=palette.accent) + line for line in wrap(Text(sentence, style=palette.muted), width - 2)
        ]

    def _card_sign(self, block: DemoBlock | LabBlock | None) -> Text:
        focused = isinstance(self.focused, Card) and self.focused.block is block
        return Text("> " if focused else "| ", style=self.app.palette.accent)

    def _quiz_card(self, width: int) -> list[Text]:
        palette = self.app.palette
        count = len(self.quiz.questions)
        return [
            self._card_sign(None)
            + Text(tr("Quiz"), style=palette.accent)
            + Text("  " + tr("{count} questions", count=count)),
            *self._card_lines(tr("Enter or z opens it."), width),
        ]

    def _references(self, width: int) -> list[Text]:
        lesson, palette = self.lesson, self.app.palette
        lines: list[Text] = []
        if lesson.terms:
            lines += [Text(tr("Terms"), style=palette.heading), Text()]
            for term in lesson.terms:
                lines += markdown(f"- **{term.zh}** / {term.en}{tr(': ')}{term.definition.get()}", width, palette)
            lines.append(Text())
        if lesson.references:
            lines += [Text(tr("Sources"), style=palette.heading), Text()]
            for source in lesson.references:
                text = Text(f"{source.authors} ({source.year}). {source.title}. {source.where}.")
                lines += wrap(text, width, hang=2)
                if source.supports:
                    lines += wrap(Text(source.supports.get(), style=palette.muted), width, indent=2)
            lines.append(Text())
        return lines

    # -- what the tutor is told ----------------------------------------------------------------------------------

    def context(self) -> str:
        section = self.lesson.section(self._section_here())
        lesson = tr("The lesson “{title}”", title=self.lesson.title.get())
        return tr("{lesson}, section “{section}”.", lesson=lesson, section=section.title.get()) if section else lesson

    def near(self) -> str:
        return self.slug

    def posed(self) -> Posed | None:
        view = self._standing
        return posed(self._sessions[view.question.id]) if view is not None else None

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        at = [event.widget, *event.widget.ancestors]
        if not any("docked" in widget.classes for widget in at):
            self._standing = next((widget for widget in at if isinstance(widget, QuestionView)), None)
        # Textual asks what is in view before the page is laid out where the Tab before has scrolled it.
        self.call_after_refresh(self._bring_into_view, event.widget)

    def _bring_into_view(self, widget: Widget) -> None:
        page = self.query_one(Page)
        if self.focused is widget and page in widget.ancestors:
            page.scroll_to_widget(widget, animate=False, origin_visible=True)

    def hinted(self) -> None:
        if self._standing is not None:
            self._standing.note_hint()

    def focus_text(self) -> None:
        if self._standing is not None:
            self._standing.take_focus()
        else:
            self.query_one(Page).focus()

    def making_room(self) -> Callable[[], None]:
        """The line that is read stays where it is, though lines are broken anew."""
        page = self.query_one(Page)
        top = page.scroll_offset.y
        first = next((child for child in page.children if child.virtual_region.bottom > top), None)
        if first is None:
            return self.relabel
        read = (top - first.virtual_region.y) / max(1, first.virtual_region.height)

        def stay() -> None:
            page.scroll_to(y=first.virtual_region.y + round(read * first.virtual_region.height), animate=False)

        return stay

    # -- words and places --------------------------------------------------------------------------------------------

    def about(self) -> str:
        return tr(
            "A lesson. Space turns the page, arrows move by a line, n goes to the next section. Tab goes to the next "
            "demo or question, Enter opens it, Esc leaves it. Your place is kept."
        )

    def heading(self) -> tuple[str, str]:
        return f"{self.lesson.number:02d} {self.lesson.title.get()}", self._percent()

    def _percent(self) -> str:
        page = self.query_one(Page)
        return f"{self._fraction(page):.0%}"

    @staticmethod
    def _fraction(page: Page) -> float:
        return min(1.0, page.scroll_offset.y / page.max_scroll_y) if page.max_scroll_y > 0 else 1.0

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Page).focus()
        # Nothing is painted until the page stands where it was left.
        self._opening = contextlib.ExitStack()
        self._opening.enter_context(self.app.batch_update())
        self.call_after_refresh(self._go_to_start)

    def relabel(self) -> None:
        super().relabel()
        for block in self.query(TextBlock):
            block.redraw()
        for view in self.query(QuestionView):
            view.label = tr("Checkpoint")
            view.draw()
        self._fill_outline()

    def on_screen_suspend(self) -> None:
        self._drafting.keep()

    def on_unmount(self) -> None:
        self._drafting.keep()

    def on_resize(self) -> None:
        self.query_one("#outline").display = self.size.width >= OUTLINE_FROM

    def _fill_outline(self) -> None:
        outline = self.query_one("#outline", RowList)
        outline.styles.width = OUTLINE_WIDTH
        outline.can_focus = False
        outline.display = self.size.width >= OUTLINE_FROM
        here = self._section_here()
        titles = [(section.id, Text(section.title.get())) for section in self.lesson.sections]
        rows = [Row(Text(), heading=True), *(Row(fit(title, OUTLINE_WIDTH - 4), key=id) for id, title in titles)]
        outline.set_rows(rows, cursor=next((i for i, row in enumerate(rows) if row.key == here), 1))

    def _go_to_start(self) -> None:
        with self._opening:
            self._find_place()
            self.retitle()
            self._fill_outline()
        self._note_place()

    def _find_place(self) -> None:
        page = self.query_one(Page)
        if self.start_section:
            self._show_section(self.start_section)
            return
        place = self.app.services.progress.position(self.slug)
        if place is not None:
            blocks = list(page.children)
            if place.block < len(blocks):
                page.scroll_to(y=blocks[place.block].virtual_region.y + place.line, animate=False)

    def _show_section(self, id: str) -> None:
        for view in self.query(SectionBlock):
            if view.section.id == id:
                self.query_one(Page).scroll_to(y=view.virtual_region.y, animate=False)

    def _section_here(self) -> str:
        top = self.query_one(Page).scroll_offset.y
        here = ""
        for view in self.query(SectionBlock):
            if view.virtual_region.y <= top + 1 or not here:
                here = view.section.id
        return here

    def on_page_scrolled(self) -> None:
        self.retitle()
        if self.query_one("#outline").display:
            self._fill_outline()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(SAVE_AFTER, self._note_place)

    def _note_place(self) -> None:
        page = self.query_one(Page)
        top = page.scroll_offset.y
        block, line = 0, 0
        for index, child in enumerate(page.children):
            if child.virtual_region.y <= top:
                block, line = index, top - child.virtual_region.y
        fraction, slug, at = self._fraction(page), self.slug, now()
        self.app.services.store_later(
            lambda progress: progress.set_position(slug, block=block, line=line, fraction=fraction, now=at)
        )

    def on_screen_resume(self) -> None:
        # Back from a demo or a quiz the keys turn pages again, and Enter means what is in view.
        if isinstance(self.focused, Card):
            self.query_one(Page).focus()

    # -- keys --------------------------------------------------------------------------------------------------------

    def action_page(self, direction: int) -> None:
        page = self.query_one(Page)
        if isinstance(self.focused, Card):
            page.focus()
        page.scroll_relative(y=direction * max(1, page.size.height - 2), animate=False)

    def action_line(self, step: int) -> None:
        self.query_one(Page).scroll_relative(y=step, animate=False)

    def action_edge(self, direction: int) -> None:
        page = self.query_one(Page)
        page.scroll_to(y=0 if direction < 0 else page.max_scroll_y, animate=False)

    def action_section(self, step: int) -> None:
        page = self.query_one(Page)
        top = page.scroll_offset.y
        places = [view.virtual_region.y for view in self.query(SectionBlock)]
        if step > 0:
            target = next((y for y in places if y > top), page.max_scroll_y)
        else:
            target = next((y for y in reversed(places) if y < top), 0)
        page.scroll_to(y=target, animate=False)

    def action_act(self) -> None:
        """Enter on the page: the demo or question in view, if there is one; else the page turns."""
        widget = self._in_view()
        if isinstance(widget, QuestionView):
            widget.take_focus()
            widget.scroll_visible(animate=False)
        elif isinstance(widget, Card):
            widget.action_open()
        else:
            self.action_page(1)

    def _in_view(self) -> Widget | None:
        page = self.query_one(Page)
        top, bottom = page.scroll_offset.y, page.scroll_offset.y + page.size.height
        for child in page.children:
            region = child.virtual_region
            if isinstance(child, Card | QuestionView) and top <= region.y < bottom:
                if isinstance(child, QuestionView) and child.answered:
                    continue
                return child
        return None

    def action_outline(self) -> None:
        from tutor.ui.screens.outline import OutlineScreen

        rows = [Row(Text(section.title.get()), key=section.id) for section in self.lesson.sections]
        self.app.push_screen(OutlineScreen(rows, self._section_here()), self._to_section)

    def _to_section(self, id: object) -> None:
        if isinstance(id, str):
            self._show_section(id)

    def action_quiz(self) -> None:
        from tutor.ui.screens.quiz import open_quiz

        open_quiz(self.app, self.slug)

    def action_back(self) -> None:
        if any(view.active and not view.answered for view in self.query(QuestionView)):
            self.query_one(Page).focus()
            return
        self._note_place()
        self._drafting.keep()
        self.app.pop_screen()

    # -- demo and questions ------------------------------------------------------------------------------------------

    def on_card_opened(self, event: Card.Opened) -> None:
        block = event.card.block
        if block is None:
            self.action_quiz()
            return
        if isinstance(block, LabBlock):
            self.app.open_lab(block.name, block.set)
            return
        from tutor.ui.screens.player import PlayerScreen

        question = self.quiz.question(block.predict) if block.predict else None
        session = checkpoint(self.app.services, self.slug, question) if question is not None else None
        self.app.push_screen(PlayerScreen(block.name, block.set, session=session))

    async def on_question_view_answered(self, event: QuestionView.Answered) -> None:
        id = event.view.question.id
        session = self._sessions[id]
        key = checkpoint_key(self.slug, id)

        async def take() -> None:
            await give_answer(self.app, session, event.view, event.answer, keep=key)

        await taking(self, event.view.question, take)

    def on_question_view_edited(self) -> None:
        self._drafting.noted()

    def on_question_view_finished(self, event: QuestionView.Finished) -> None:
        self.query_one(Page).focus()
        self.action_page(1)
