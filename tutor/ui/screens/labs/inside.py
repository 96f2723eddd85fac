"""Inside the model: five views of what happens in it, of a sentence of the reader's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from tutor.domain.language import both, tr
from tutor.domain.plaintext import visible
from tutor.ui.labs import kept_under
from tutor.ui.screens.labs.views.attention import AttentionView
from tutor.ui.screens.labs.views.base import View, ViewScreen
from tutor.ui.screens.labs.views.file import FileView
from tutor.ui.screens.labs.views.layers import LayersView
from tutor.ui.screens.labs.views.neighbours import NeighboursView
from tutor.ui.screens.labs.views.surprise import SurpriseView
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.fit import fit
from tutor.ui.widgets.lines import Lines

VIEWS: tuple[type[View], ...] = (AttentionView, LayersView, SurpriseView, NeighboursView, FileView)
SENTENCE = both("The cat sat on the mat because it was")
KEEP_SECONDS = 1.0
ROOMY = 30  # lines: below that every one is needed for what the views show


class InsideLab(ViewScreen):
    """`given` may name the `view`, the `text`, and what a view takes: `layer`, `head`, `k`, `other`, `token`, `path`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "sentence", "Sentence", id="inside.sentence"),
        Binding("tab", "switch(1)", "Next view", show=False, id="inside.next"),
        Binding("shift+tab", "switch(-1)", "View before", show=False, id="inside.previous"),
        Binding("1", "view(0)", "Attention", show=False, id="inside.attention"),
        Binding("2", "view(1)", "Layers", show=False, id="inside.layers"),
        Binding("3", "view(2)", "Surprise", show=False, id="inside.surprise"),
        Binding("4", "view(3)", "Neighbours", show=False, id="inside.neighbours"),
        Binding("5", "view(4)", "The file", show=False, id="inside.file"),
    ]

    AUTO_FOCUS = ""  # each view says itself where the cursor belongs

    DEFAULT_CSS = """
    InsideLab #views { height: 1fr; }
    InsideLab Input { display: none; }
    """

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._given = dict(given or {})
        self._views: dict[str, View] = {}
        self._kept: dict[str, Any] = {}
        self._keeping = False
        self.text = ""
        self.view: View | None = None

    # -- building ----------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        yield Lines(self._head_lines, id="head")
        yield AnswerInput(id="sentence", enter="Take it")
        yield Vertical(id="views")

    def about(self) -> str:
        about = tr(
            "Five views of the loaded model at work, all computed by it now. 1 to 5 or Tab change the view, i writes "
            "the sentence that they are about."
        )
        return f"{about} {self.view.about()}" if self.view is not None else about

    def context(self) -> str:
        if self.view is None:
            return ""
        said = tr("Inside the model, the view “{view}”", view=self.view.TITLE.get())
        return tr("{view} of the sentence: {text}", view=said, text=self.text) if self.view.SENTENCE else said

    def heading(self) -> tuple[str, str]:
        return tr("Inside the model"), self.view.status() if self.view is not None else ""

    def on_mount(self) -> None:
        kept = self.app.services.progress.kept(kept_under("inside", self._given))
        self._kept = kept if isinstance(kept, dict) else {}
        text = self._kept.get("text") or self._given.get("text")
        self.text = text if isinstance(text, str) else SENTENCE.get()
        super().on_mount()
        wanted = self._kept.get("view") or self._given.get("view")
        self._show(next((kind for kind in VIEWS if wanted == kind.NAME), VIEWS[0]))

    def on_unmount(self) -> None:
        if self.view is not None:
            self.view.stop()
        self._keep()

    def on_screen_resume(self) -> None:
        # Another model may have been chosen meanwhile.
        if self.view is not None and self.view.is_mounted:
            self.view.show(self.text)

    def on_resize(self) -> None:
        self.relabel()

    def relabel(self) -> None:
        super().relabel()
        self.query_one("#head", Lines).redraw()
        if self.view is not None:
            self.view.redraw()

    def _head_lines(self, width: int) -> list[Text]:
        """The views with their keys, and the sentence they are about."""
        palette = self.app.palette
        names = Text(" ")
        for n, kind in enumerate(VIEWS, 1):
            current = self.view is not None and self.view.NAME == kind.NAME
            left, right = ("[", "]") if current and palette.plain else ("", "")
            style = palette.heading if current else palette.muted
            names.append(f"{n} ", palette.accent).append(f"{left}{kind.TITLE}{right}", style).append("  ")
        if self.view is None or not self.view.SENTENCE or self.query_one("#sentence", AnswerInput).display:
            return [names]
        sentence = Text.assemble((" " + tr("Sentence") + " ", palette.muted), visible(self.text))
        gap = [Text()] if self.size.height >= ROOMY else []
        return [names, fit(sentence, width - 1), *gap]

    # -- the views ---------------------------------------------------------------------------------------------------

    def _show(self, kind: type[View]) -> None:
        before = self.view
        if before is not None:
            if before.NAME == kind.NAME:
                return
            before.stop()
            before.display = False
        view = self._views.get(kind.NAME)
        if view is None:
            view = self._views[kind.NAME] = kind(self)
            view.restore({**self._given, **_dict(_dict(self._kept.get("views")).get(kind.NAME))})
            self.query_one("#views").mount(view)
        self.view = view
        self.asking = view.asking
        view.display = True
        self.say()
        self.query_one("#head", Lines).redraw()
        # A view that was just made has its widgets only when the mounting is through.
        self.call_after_refresh(self._shown, view)

    def _shown(self, view: View) -> None:
        if view is self.view:
            if not self.query_one("#sentence", AnswerInput).has_focus:
                view.take_focus()
            view.show(self.text)
            view.redraw()
            self.retitle()
            self.keep_soon()

    def action_view(self, index: int) -> None:
        if index < len(VIEWS):
            self._show(VIEWS[index])

    def action_switch(self, step: int) -> None:
        index = next((i for i, kind in enumerate(VIEWS) if self.view and kind.NAME == self.view.NAME), 0)
        self._show(VIEWS[(index + step) % len(VIEWS)])

    # -- the sentence ------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "switch":
            return not isinstance(self.focused, Input)
        if action == "sentence":
            return self.view is not None and self.view.SENTENCE
        return super().check_action(action, parameters)

    def action_sentence(self) -> None:
        field = self.query_one("#sentence", AnswerInput)
        field.value = self.text
        field.display = True
        field.focus()
        field.action_end()
        self.query_one("#head", Lines).redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input is not self.query_one("#sentence", AnswerInput):
            return
        event.stop()
        if not event.value.strip():
            self.say(tr("Write a sentence, or Esc leaves it as it was."))
            return
        self.text = event.value
        self._leave_field()
        if self.view is not None:
            self.view.show(self.text)
        self.keep_soon()

    def _leave_field(self) -> None:
        self.query_one("#sentence", AnswerInput).display = False
        self.say()
        self.query_one("#head", Lines).redraw()
        if self.view is not None:
            self.view.take_focus()

    def action_stop(self) -> None:
        if self.query_one("#sentence", AnswerInput).has_focus:
            self._leave_field()
        else:
            super().action_stop()

    # -- what is kept ------------------------------------------------------------------------------------------------

    def keep_soon(self) -> None:
        """Keep what was typed and explored, once for many keys in a row."""
        if not self._keeping:
            self._keeping = True
            self.set_timer(KEEP_SECONDS, self._keep)

    def _keep(self) -> None:
        self._keeping = False
        if self.view is None:
            return
        states = {name: view.state() for name, view in self._views.items()}
        data = {"view": self.view.NAME, "text": self.text, "views": {**_dict(self._kept.get("views")), **states}}
        if data != self._kept:
            self._kept = data
            key = kept_under("inside", self._given)
            self.app.services.store_later(lambda progress: progress.keep(key, data))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
