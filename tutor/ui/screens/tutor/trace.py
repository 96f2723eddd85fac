"""How an answer came about: what was found, what was used, what the model was given, how long it took."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tutor.domain.language import tr
from tutor.domain.plaintext import clean, visible
from tutor.ui.draw.wrap import wrap
from tutor.ui.screens.base import TutorScreen
from tutor.ui.turn import Turn
from tutor.ui.widgets.pager import Pager

WIDTH = 100


class TraceScreen(TutorScreen):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,pagedown", "page(1)", "Next page", id="trace.page_down", key_display="Space"),
        Binding("backspace,pageup", "page(-1)", "Page back", show=False, id="trace.page_up"),
        Binding("j,down", "line(1)", "Line down", show=False, id="trace.line_down"),
        Binding("k,up", "line(-1)", "Line up", show=False, id="trace.line_up"),
        Binding("g,home", "edge(-1)", "Beginning", show=False, id="trace.first"),
        Binding("G,end", "edge(1)", "End", show=False, id="trace.last"),
        Binding("t,q,escape", "back", "Back", id="screen.back", key_display="q"),
    ]

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self.turn = turn

    def body(self) -> Iterable[Widget]:
        yield Pager(self._lines, id="trace")

    def heading(self) -> tuple[str, str]:
        return tr("How it came about"), f"{self.turn.seconds:.2f} s"

    def about(self) -> str:
        return tr(
            "Everything that led to the answer, in order: the passages that were found with their scores, the tools "
            "with what they said, and the very text that the model was given. Nothing else was known to it."
        )

    def relabel(self) -> None:
        super().relabel()
        self.query_one(Pager).redraw()

    def _lines(self, width: int) -> list[Text]:
        width = max(20, min(WIDTH, width - 2))
        return [Text(" ") + line for part in self._parts() for line in part.lines(width)]

    def _parts(self) -> Iterator[_Part]:
        turn, palette = self.turn, self.app.palette
        heading, muted = palette.heading, palette.muted
        yield _Part(Text())
        yield _Part(Text(clean(turn.question), palette.strong))
        yield _Part(Text())
        if turn.passages:
            covered = tr("enough to answer from") if turn.covered else tr("not enough to answer from")
            title = tr("1. Found in the lessons: {count}, {covered}", count=len(turn.passages), covered=covered)
            yield _Part(Text(title, heading))
        for passage in turn.passages:
            place = f"{passage.score:7.2f}  [{passage.lesson}#{passage.section}] "
            yield _Part(Text.assemble((visible(place), palette.accent), visible(passage.title.get())), hang=9)
            if passage.text:
                yield _Part(Text(clean(passage.text), muted), indent=9)
        yield _Part(Text())
        yield _Part(Text(tr("2. Tools used: {count}", count=len(turn.calls)), heading))
        for index, call in enumerate(turn.calls):
            arguments = json.dumps(call.arguments, ensure_ascii=False)
            yield _Part(Text.assemble((visible(call.tool), palette.accent), " " + visible(arguments)), hang=2)
            if index < len(turn.results):
                result = turn.results[index]
                yield _Part(Text(clean(result.observation), palette.bad if result.failed else muted), indent=2)
        yield _Part(Text())
        yield _Part(Text(tr("3. What the model was given"), heading))
        if not turn.prompts:
            stopped = turn.stopped and turn.model
            nothing = tr("It was stopped while it read.") if stopped else tr("Nothing: no model spoke here.")
            yield _Part(Text(nothing, muted))
        for prompt in turn.prompts:
            counted = tr(
                "{tokens} tokens, {reused} of them evaluated before", tokens=prompt.tokens, reused=prompt.reused
            )
            if prompt.tokens:
                yield _Part(Text(counted, palette.accent))
            yield _Part(Text(clean(prompt.text), muted), indent=2)
        yield _Part(Text())
        if turn.spoken:
            yield _Part(Text(tr("What the model said to that, before it was checked"), heading))
        for spoken in turn.spoken:
            yield _Part(Text(clean(spoken.text)), indent=2)
            held = tr("Kept: {words}", words=clean(spoken.kept)) if spoken.kept else tr("Nothing of it was kept.")
            yield _Part(Text(held, palette.accent), indent=2)
            yield _Part(Text())
        yield _Part(Text(tr("4. The answer"), heading))
        yield _Part(Text(clean(turn.text)), indent=2)
        for doubt in turn.unsupported:
            yield _Part(Text(f"? {clean(doubt.text)}", palette.bad), indent=2)
            yield _Part(Text(clean(doubt.why.get()), muted), indent=4)
        yield _Part(Text())
        yield from (_Part(line) for line in self._figures())

    def _figures(self) -> Iterator[Text]:
        turn, muted = self.turn, self.app.palette.muted
        yield Text(tr("Model: {model}", model=visible(turn.model) or tr("none")), muted)
        if turn.tokens:
            yield Text(tr("Tokens said: {tokens}", tokens=turn.tokens), muted)
        if turn.seconds_to_first_token is not None:
            yield Text(tr("To the first word: {seconds} s", seconds=f"{turn.seconds_to_first_token:.2f}"), muted)
        yield Text(tr("Altogether: {seconds} s", seconds=f"{turn.seconds:.2f}"), muted)

    # -- keys --------------------------------------------------------------------------------------------------------

    def action_page(self, direction: int) -> None:
        pager = self.query_one(Pager)
        pager.scroll_relative(y=direction * max(1, pager.size.height - 2), animate=False)

    def action_line(self, step: int) -> None:
        self.query_one(Pager).scroll_relative(y=step, animate=False)

    def action_edge(self, direction: int) -> None:
        pager = self.query_one(Pager)
        pager.scroll_to(y=0 if direction < 0 else pager.max_scroll_y, animate=False)


class _Part:
    """A paragraph of the trace."""

    def __init__(self, text: Text, *, indent: int = 0, hang: int = 0) -> None:
        self._text, self._indent, self._hang = text, indent, hang

    def lines(self, width: int) -> list[Text]:
        return wrap(self._text, width, indent=self._indent, hang=self._hang)
