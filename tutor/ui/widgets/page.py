"""The parts of a lesson's page: text, sections, and cards that open something."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message

from tutor.domain.lesson import DemoBlock, LabBlock, Section
from tutor.ui.widgets.lines import Draw, Lines


class Page(VerticalScroll, can_focus=True):
    """The scrolled column."""

    DEFAULT_CSS = "Page { width: 1fr; height: 1fr; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }"

    class Scrolled(Message):
        """The page stands elsewhere."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Scrolled())


class TextBlock(Lines):
    """A section, or the head or foot of the lesson, in the reading column."""

    DEFAULT_CSS = "TextBlock { max-width: 86; padding: 0 1; }"


class SectionBlock(TextBlock):
    """A section of the lesson; `section` says which."""

    def __init__(self, section: Section, draw: Draw) -> None:
        super().__init__(draw)
        self.section = section


class Card(TextBlock, can_focus=True):
    """Something that opens with Enter: a demo, a lab, the quiz (None)."""

    DEFAULT_CSS = "Card { margin: 0 0 1 0; }"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Open", id="card.open")]

    class Opened(Message):
        def __init__(self, card: Card) -> None:
            super().__init__()
            self.card = card

    def __init__(self, draw: Draw, block: DemoBlock | LabBlock | None) -> None:
        super().__init__(draw)
        self.block = block

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    def action_open(self) -> None:
        self.post_message(self.Opened(self))

    def on_click(self) -> None:
        self.action_open()
