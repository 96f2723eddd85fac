"""The branches of an exploration: as a tree beside the lab, and as a list to go to one or to delete one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tutor.decoding.exploration import Exploration
from tutor.domain.frames import Node, Tree
from tutor.domain.language import both, tr
from tutor.domain.plaintext import visible
from tutor.ui.draw.palette import SPACE_SIGN
from tutor.ui.screens.base import TutorScreen
from tutor.ui.widgets.fit import row_of
from tutor.ui.widgets.lines import Row, RowList

STEM = 24  # characters of a stem's or a branch's text that the tree shows


def stretch_text(exploration: Exploration, index: int, tokens: int) -> str:
    """What the last `tokens` tokens up to `index` wrote, on one line, unfinished bytes in hex."""
    pieces, unfinished = exploration.spelled(index)
    text = visible("".join(pieces[len(pieces) - tokens :]))
    return f"{text}<{unfinished.hex(' ')}>" if unfinished else text


def branch_tree(exploration: Exploration) -> Tree:
    """Tokens that follow one another without a fork are one node. Chosen are those that lead to the cursor."""
    on_path = {0, *exploration.path(exploration.cursor)}
    nodes = [Node(_cropped(visible(exploration.prompt_text)), None, "chosen")]
    # (first token of a stretch, where it hangs)
    waiting = [(child, 0) for child in reversed(exploration.children(0))]
    while waiting:
        first, parent = waiting.pop()
        last, tokens = first, 1
        while len(below := exploration.children(last)) == 1 and last != exploration.cursor:
            last, tokens = below[0], tokens + 1
        text = _cropped(stretch_text(exploration, last, tokens).replace(" ", SPACE_SIGN))
        here = last == exploration.cursor
        mark = "new" if here else "chosen" if last in on_path else ""
        waiting += [(child, len(nodes)) for child in reversed(below)]
        nodes.append(Node(text, parent, mark, str(tokens)))
    return Tree(tuple(nodes), both("Branches"))


def _cropped(text: str) -> str:
    return text if len(text) <= STEM else ".." + text[2 - STEM :]


class BranchesScreen(TutorScreen):
    """Dismissed with the exploration as it is then, standing where Enter was pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x,delete", "delete", "Delete", id="branches.delete"),
        Binding("u", "undo", "Undo", id="branches.undo"),
        Binding("q,escape", "back", "Back", id="screen.back", key_display="q"),
    ]

    def __init__(self, exploration: Exploration) -> None:
        super().__init__()
        self.exploration = exploration
        self._before: list[Exploration] = []

    def body(self) -> Iterable[Widget]:
        yield RowList(id="branches", enter="Go there")

    def heading(self) -> tuple[str, str]:
        return tr("Branches"), str(len(self.exploration.leaves()))

    def about(self) -> str:
        return tr("Every text that was tried from this prompt. Enter goes to its end, x deletes it, u brings it back.")

    def on_mount(self) -> None:
        super().on_mount()
        rows = self.query_one(RowList)
        rows.focus()
        ends = [row.key for row in rows.rows]
        path = self.exploration.path(self.exploration.cursor)
        rows.set_rows(rows.rows, cursor=next((i for i, end in enumerate(ends) if end in path), len(ends) - 1))

    def on_resize(self) -> None:
        self.relabel()

    def relabel(self) -> None:
        super().relabel()
        self.query_one(RowList).set_rows(self._rows())

    def _rows(self) -> list[Row]:
        palette, width = self.app.palette, max(20, self.size.width - 4)
        rows = []
        for leaf in self.exploration.leaves():
            tokens = len(self.exploration.path(leaf))
            right = tr(
                "{tokens} tokens  ln P {logprob}", tokens=tokens, logprob=f"{self.exploration.logprob(leaf):.2f}"
            )
            text = stretch_text(self.exploration, leaf, tokens)
            room = max(10, width - len(right) - 4)
            shown = text if len(text) <= room else ".." + text[2 - room :]
            rows.append(Row(row_of(Text(shown), Text(right, palette.muted), width), key=leaf))
        if not rows:
            sentence = tr("Nothing was written from this prompt yet: every token that is taken begins a branch.")
            rows.append(Row(Text(sentence, palette.muted), heading=True))
        return rows

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        if isinstance(event.row.key, int):
            self.dismiss(self.exploration.go(event.row.key))

    def action_delete(self) -> None:
        row = self.query_one(RowList).current
        if row is not None and isinstance(row.key, int):
            self._before.append(self.exploration)
            self.exploration = self.exploration.delete(row.key)
            self.relabel()
            self.say(tr("Deleted. u brings it back."))

    def action_undo(self) -> None:
        if self._before:
            self.exploration = self._before.pop()
            self.relabel()
            self.say()

    def action_back(self) -> None:
        self.dismiss(self.exploration)
