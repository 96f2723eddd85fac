"""Home: go on where you stopped, review what is due, or choose among the 36 topics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tutor.domain.entry import PARTS, Entry
from tutor.domain.language import tr
from tutor.ui.labs import KEYS, LABS
from tutor.ui.screens.base import TutorScreen
from tutor.ui.services import now
from tutor.ui.widgets.fit import fit, row_of
from tutor.ui.widgets.lines import Row, RowList

if TYPE_CHECKING:
    from tutor.store.progress import LessonProgress

WIDTH = 100  # beyond that the eye loses the row between a title and its state


class HomeScreen(TutorScreen):
    """Rows: `continue` (slug), `review`, the labs (name), then each part with its topics (slug)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "review", "Review", id="home.review"),
        Binding("z", "quiz", "Quiz", id="home.quiz"),
        Binding("m", "models", "Models", id="home.models"),
        Binding("comma", "settings", "Settings", id="home.settings"),
        Binding("q,escape", "back", "Quit", id="screen.back", key_display="q"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._drawn_for = 0  # cells
        self._left = False

    def body(self) -> Iterable[Widget]:
        yield RowList(self._rows(), id="topics")

    def on_mount(self) -> None:
        self.retitle()

    def about(self) -> str:
        return tr(
            "Home lists the 36 questions of this course in six parts. Enter opens the row under the cursor: "
            "the first row goes on where you stopped reading."
        )

    def heading(self) -> tuple[str, str]:
        entries = self.app.services.entries()
        written = sum(entry.written for entry in entries)
        return "qwtutor", tr("{written} of {all} lessons written", written=written, all=len(entries))

    def relabel(self) -> None:
        super().relabel()
        self.query_one(RowList).set_rows(self._rows())

    def on_screen_suspend(self) -> None:
        self._left = True

    def on_screen_resume(self) -> None:
        # The first time, everything has just been drawn.
        if self._left:
            self.relabel()

    def on_resize(self) -> None:
        if self.app.size.width != self._drawn_for:
            self.query_one(RowList).set_rows(self._rows())

    def _rows(self) -> list[Row]:
        services, self._drawn_for = self.app.services, self.app.size.width
        width = min(WIDTH, self._drawn_for - 3)
        entries = services.entries()
        learnt = services.progress.lesson_progress()
        rows = [*self._first_rows(entries, width)]
        rows += self._labs(width)
        part = ""
        for entry in sorted(entries, key=lambda entry: (entry.part, entry.number)):
            if entry.part != part:
                part = entry.part
                rows.append(Row(Text(), heading=True))
                name = PARTS[part].get() if part in PARTS else ""
                rows.append(Row(Text(f"{part}  {name}", style=self.app.palette.heading), heading=True))
            rows.append(Row(self._topic(entry, learnt.get(entry.slug), width), key=("lesson", entry.slug)))
        if not entries:
            sentence = tr("This course has no lessons. Each is a file lessons/NN-slug.yaml in its folder.")
            rows.append(Row(Text(sentence, style=self.app.palette.muted), heading=True))
        return rows

    def _first_rows(self, entries: tuple[Entry, ...], width: int) -> Iterable[Row]:
        """What a returning reader most likely wants, under the cursor already."""
        palette, services = self.app.palette, self.app.services
        by_slug = {entry.slug: entry for entry in entries}
        last = services.progress.last_position()
        if last and last.lesson in by_slug:
            entry = by_slug[last.lesson]
            text = Text.assemble(
                (tr("Continue") + "  ", palette.strong),
                f"{entry.number:02d} {entry.title.get()}",
            )
            yield Row(
                row_of(text, Text(f"{last.fraction:.0%}", style=palette.muted), width), key=("lesson", last.lesson)
            )
        else:
            start = next((entry for entry in entries if entry.written), None)
            if start is not None:
                text = Text.assemble(
                    (tr("Start here") + "  ", palette.strong), f"{start.number:02d} {start.title.get()}"
                )
                yield Row(fit(text, width), key=("lesson", start.slug))
        written = [entry.slug for entry in entries if entry.written]
        due = services.progress.due_count(now(), lessons=written)
        if due:
            text = Text.assemble((tr("Review") + "  ", palette.strong), tr("{count} questions are due", count=due))
            yield Row(text, key=("review", ""))

    def _labs(self, width: int) -> Iterable[Row]:
        palette = self.app.palette
        yield Row(Text(), heading=True)
        yield Row(Text(tr("Labs"), style=palette.heading), heading=True)
        for lab in LABS:
            text = Text.assemble(lab.title.get() + "  ", (lab.about.get(), palette.muted))
            yield Row(row_of(text, Text(KEYS[lab.name], style=palette.muted), width), key=("lab", lab.name))

    def _topic(self, entry: Entry, learnt: LessonProgress | None, width: int) -> Text:
        palette = self.app.palette
        name = Text(f"{entry.number:02d}  {entry.title.get()}", style=palette.text if entry.written else palette.muted)
        if not entry.written:
            return row_of(name, Text(tr("not written yet"), style=palette.muted), width)
        parts = []
        if learnt and learnt.answered:
            parts.append(f"{learnt.right}/{entry.questions or learnt.answered}")
        if learnt and learnt.fraction:
            parts.append(tr("read {percent}", percent=f"{learnt.fraction:.0%}"))
        elif entry.minutes:
            parts.append(tr("{minutes} min", minutes=entry.minutes))
        return row_of(name, Text("  ".join(parts), style=palette.muted), width)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        if not isinstance(event.row.key, tuple):
            return
        kind, slug = event.row.key
        if kind == "review":
            self.action_review()
        elif kind == "lab":
            self.app.open_lab(slug)
        elif self.app.services.library.has(slug):
            self.app.open_lesson(slug)
        else:
            self.say(tr("This lesson is not written yet. The topics with a reading time beside them are."))

    def on_row_list_moved(self) -> None:
        self.say()

    def action_review(self) -> None:
        from tutor.ui.screens.quiz import open_review

        open_review(self.app)

    def action_quiz(self) -> None:
        row = self.query_one(RowList).current
        if row and isinstance(row.key, tuple) and row.key[0] == "lesson" and self.app.services.library.has(row.key[1]):
            from tutor.ui.screens.quiz import open_quiz

            open_quiz(self.app, row.key[1])
        else:
            self.say(tr("Put the cursor on a written lesson, then z opens its quiz."))

    def action_models(self) -> None:
        from tutor.ui.screens.models import ModelsScreen

        self.app.push_screen(ModelsScreen())

    def action_settings(self) -> None:
        from tutor.ui.screens.settings import SettingsScreen

        self.app.push_screen(SettingsScreen())

    def action_back(self) -> None:
        self.app.exit(0)
