"""The conversations that were kept: found by their words, gone on with, deleted, and that undone."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from tutor.domain.errors import TutorError
from tutor.domain.language import tr
from tutor.domain.plaintext import visible
from tutor.store import conversations
from tutor.store.conversations import Conversation, Listed
from tutor.ui.screens.base import TutorScreen
from tutor.ui.screens.tutor.talks import forget
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.fit import fit, row_of
from tutor.ui.widgets.lines import Row, RowList

WIDTH = 100


class ConversationsScreen(TutorScreen):
    """Dismissed with the id of the conversation to go on with, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Go on with it", id="conversations.open"),
        Binding("down", "move(1)", "Down", show=False, id="conversations.down", priority=True),
        Binding("up", "move(-1)", "Up", show=False, id="conversations.up", priority=True),
        Binding("ctrl+x", "delete", "Delete", id="conversations.delete", priority=True),
        Binding("ctrl+r", "undo", "Undo", id="conversations.undo"),
        Binding("escape", "back", "Back", id="conversations.back"),
    ]

    DEFAULT_CSS = "ConversationsScreen Input { margin: 0 1 1 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._deleted: list[tuple[Conversation, Listed]] = []

    def body(self) -> Iterable[Widget]:
        yield AnswerInput(placeholder=tr("words that were asked or answered"), enter="Go on with it")
        yield RowList(id="kept")

    def heading(self) -> tuple[str, str]:
        return tr("Conversations"), ""

    def about(self) -> str:
        return tr(
            "What was asked and answered, the newest first. Type to find one by its words, Enter goes on with it, "
            "Ctrl+X deletes the one under the cursor and Ctrl+R takes that back. They stay on this machine: an export "
            "of progress leaves them out."
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(RowList).can_focus = False
        self.query_one(Input).focus()

    def relabel(self) -> None:
        super().relabel()
        self.query_one(Input).placeholder = tr("words that were asked or answered")
        self._find()

    def on_resize(self) -> None:
        self._find()

    def _find(self) -> None:
        typed = self.query_one(Input).value
        try:
            found = conversations.found(self.app.services.progress, typed)
        except TutorError as error:
            self.say(str(error))
            return
        palette, width = self.app.palette, max(20, min(WIDTH, self.size.width - 4))
        rows = [
            Row(
                row_of(
                    Text(visible(each.title) or tr("(nothing asked)")),
                    Text("  ".join(filter(None, (visible(each.lesson), _day(each)))), palette.muted),
                    width,
                ),
                key=each,
            )
            for each in found
        ]
        if not rows:
            sentence = tr("No conversation has these words.") if typed.strip() else tr("No conversation yet.")
            rows = [Row(fit(Text(sentence, palette.muted), width), heading=True)]
        self.query_one(RowList).set_rows(rows)
        self.refresh_bindings()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._find()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_open()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self._deleted) if action == "undo" else True

    def action_move(self, step: int) -> None:
        self.query_one(RowList).action_move(step)

    def action_open(self) -> None:
        self.query_one(RowList).action_choose()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        if isinstance(event.row.key, Listed):
            self.dismiss(event.row.key.id)

    def action_delete(self) -> None:
        row = self.query_one(RowList).current
        if row is not None and isinstance(row.key, Listed):
            self.beside(partial(self._delete, row.key))

    async def _delete(self, listed: Listed) -> None:
        services = self.app.services
        try:
            kept = conversations.load(services.progress, listed.id)
            if kept is None:
                return
            await services.store(lambda progress: conversations.delete(progress, listed.id))
        except TutorError as error:
            self.say(str(error))
            return
        self._deleted.append((kept, listed))
        forget(self.app, listed.id)
        self._find()
        self.say(tr("Deleted: {title}. Ctrl+R takes it back.", title=visible(listed.title)))

    def action_undo(self) -> None:
        self.beside(self._undo)

    async def _undo(self) -> None:
        kept, listed = self._deleted[-1]
        try:
            await self.app.services.store(lambda progress: conversations.save(progress, kept, now=listed.updated_at))
        except TutorError as error:
            self.say(str(error))
            return
        self._deleted.pop()
        self._find()
        self.say(tr("It is back: {title}.", title=visible(listed.title)))

    def action_back(self) -> None:
        self.dismiss(None)


def _day(listed: Listed) -> str:
    return f"{listed.updated_at.astimezone():%Y-%m-%d %H:%M}"
