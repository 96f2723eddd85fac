"""What every screen has: a title line, a message line that says things once, the keys at the bottom, a way back."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from tutor.domain.language import tr
from tutor.ui.widgets.bars import KeyBar, TitleBar
from tutor.ui.widgets.lines import Lines

if TYPE_CHECKING:
    from tutor.domain.posed import Posed
    from tutor.ui.app import TutorApp


class TutorScreen(Screen[Any]):
    """Subclasses give `heading()`, `body()` and `about()`; `relabel()` draws anew after a change of language or theme."""

    app: TutorApp

    # Whether the tutor can stand beside what this screen shows, where the terminal is wide enough.
    BESIDE: ClassVar[bool] = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", id="app.search"),
        Binding("q,escape", "back", "Back", id="screen.back", key_display="q"),
    ]

    DEFAULT_CSS = """
    TutorScreen { layout: vertical; }
    TutorScreen #message { height: auto; max-height: 50vh; }
    """

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield from self.body()
        yield Lines(id="message")
        yield KeyBar()

    def on_mount(self) -> None:
        self.relabel()

    def body(self) -> Iterable[Widget]:
        return ()

    def heading(self) -> tuple[str, str]:
        """The title line: left and right."""
        return ("", "")

    def about(self) -> str:
        """What this screen is and what one does here, in a sentence or two, for `?`."""
        return ""

    # -- what the tutor is told of this screen -----------------------------------------------------------------------

    def context(self) -> str:
        """What is on screen, in words."""
        return ""

    def near(self) -> str:
        """The lesson that this is about, by its slug: that of the screen underneath, unless a screen knows its own."""
        stack = self.app.screen_stack
        below = stack[stack.index(self) - 1] if self in stack[1:] else None
        return below.near() if isinstance(below, TutorScreen) else ""

    def posed(self) -> Posed | None:
        """The quiz question that stands here."""
        return None

    def hinted(self) -> None:
        """The tutor has given a hint to the question that stands here: it counts as one."""

    @property
    def room(self) -> int:
        """The cells that the tutor beside the text leaves."""
        panels = (panel for panel in self.query("TutorPanel.docked") if panel.display)
        return self.size.width - sum(int(panel.outer_size.width) for panel in panels)

    def making_room(self) -> Callable[[], None]:
        """The tutor is about to come or to go; what is returned is called when the text has its other width."""
        return self.relabel

    def focus_text(self) -> None:
        """Back from the tutor to what it stands beside."""
        self.set_focus(None)

    def relabel(self) -> None:
        """Draw everything that has words anew. Called on mount and when language or theme change."""
        self.retitle()
        self.query_one(KeyBar).refresh()

    def on_resize(self) -> None:
        for panel in self.query("TutorPanel.docked"):
            panel.fit_screen()  # type: ignore[attr-defined]  # known here only by name: most screens never load it

    def retitle(self) -> None:
        left, right = self.heading()
        self.query_one(TitleBar).show(left, right)

    def say(self, sentence: str = "") -> None:
        """Say `sentence` on the message line, or clear it."""
        from tutor.ui.draw.wrap import wrap

        width = max(20, self.room - 2)
        lines = wrap(Text(sentence, style=self.app.palette.strong), width) if sentence else []
        self.query_one("#message", Lines).set_lines([Text(" ") + line for line in lines])

    def beside(self, work: Callable[[], Coroutine[Any, Any, None]], *, exclusive: bool = False) -> None:
        """Run `work` beside the screen. It is called when its turn comes: never, where the program ends first."""
        self.run_worker(work, exclusive=exclusive, exit_on_error=False)  # type: ignore[arg-type]  # Textual's union

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        # Work beside the screen that met a mistake of ours: the screen goes on, and does not keep silent about it.
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            self.say(
                tr("Something went wrong that should not have: {kind}: {error}", kind=type(error).__name__, error=error)
            )

    def action_back(self) -> None:
        self.app.pop_screen()

    def action_search(self) -> None:
        from tutor.ui.screens.search import SearchScreen

        self.app.push_screen(SearchScreen())
