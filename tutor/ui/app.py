"""The application: language, theme, rooms to go to, and the services that screens share."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

# Chinese input methods and Ctrl+J break on terminals that half-support the kitty protocol; read at Textual's import.
os.environ.setdefault("TEXTUAL_DISABLE_KITTY_KEY", "1")
# Milliseconds that an escape byte waits for the rest of a key's sequence before it is the Escape key, which is to stop an
# answer within 100. A terminal writes a sequence at once and ssh sends what was written at once: where a network tears
# one, its ends arrive some 20 to 30 ms apart. The variable is curses': who sits behind a worse link can set it.
os.environ.setdefault("ESCDELAY", "45")
if "SSH_CONNECTION" in os.environ:
    # A slow link: the terminal's own sixteen colours, nothing that moves by itself, fewer and larger updates.
    os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", "standard")
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    os.environ.setdefault("TEXTUAL_FPS", "40")

from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.events import Resize
from textual.filter import Monochrome, NoColor
from textual.geometry import Size
from textual.screen import Screen

from tutor.domain.errors import TutorError
from tutor.domain.language import language as current_language
from tutor.domain.language import language_from_environment, set_language, tr
from tutor.ui.screens.base import TutorScreen
from tutor.ui.services import Services
from tutor.ui.themes import PALETTES, themes
from tutor.ui.thrift import Shown

if TYPE_CHECKING:
    from tutor.ui.draw.palette import Palette
    from tutor.ui.screens.tutor.talk import Talk

SWITCH_SECONDS = 0.001


class TutorApp(App[int]):
    """Screens are named and imported when first shown; everything they share is in `services`."""

    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = None
    CSS = """
    Screen { layout: vertical; background: $background; color: $foreground; }
    Input { border: none; padding: 0 1; height: 1; background: $panel; }
    Input:focus { border: none; background: $panel; }
    Input:nocolor > .input--cursor { text-style: reverse; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "Help", id="app.help"),
        Binding("a,f5", "ask", "Ask the tutor", id="app.ask"),
        Binding("ctrl+p", "palette", "Commands", id="app.palette", show=False),
        Binding("T,f2", "lab('tokens')", "Tokenizer lab", id="app.tokens", show=False),
        Binding("D,f3", "lab('decoding')", "Decoding lab", id="app.decoding", show=False),
        Binding("I,f4", "lab('inside')", "Inside the model", id="app.inside", show=False),
        Binding("V,f6", "lab('arena')", "Blind arena", id="app.arena", show=False),
        Binding("L", "language", "Language", id="app.language", show=False),
        Binding("ctrl+l", "redraw", "Draw the screen anew", id="app.redraw", show=False),
        Binding("ctrl+z", "suspend_process", "To the shell, `fg` comes back", id="app.suspend", show=False),
        Binding("ctrl+q,ctrl+c", "leave", "Quit", id="app.quit", show=False, priority=True, system=True),
    ]

    def __init__(self, services: Services, *, language: str | None = None) -> None:
        super().__init__()
        self.services = services
        self.talks: dict[str, Talk] = {}  # what was asked since the start, by what it was about
        self._shown = Shown()
        self._terminal_size: Size | None = None  # as the terminal last told it
        self._asked_language = language
        for theme in themes():
            self.register_theme(theme)
        self.animation_level = "none"
        if self.no_color:
            # Textual's way is greys, which are colours too.
            self._filters = [*(each for each in self._filters if not isinstance(each, Monochrome)), NoColor()]
        self._follow_settings()

    @property
    def palette(self) -> Palette:
        return PALETTES.get(self.theme, PALETTES["dark"])

    def _follow_settings(self) -> None:
        settings = self.services.settings
        set_language(self._asked_language or settings.get("language") or language_from_environment())
        theme = settings.get("theme") or ("terminal" if "SSH_CONNECTION" in os.environ else "dark")
        self._begin_with(theme if theme in PALETTES else "dark")
        self.set_keymap(self.services.keymap())

    def _begin_with(self, theme: str) -> None:
        """Take `theme` before anything is drawn. Assigned as later on, it would have every style sheet read twice."""
        self.set_reactive(TutorApp.theme, theme)
        self.stylesheet.set_variables(self.get_css_variables())
        self._refresh_truecolor_filter(self.ansi_theme)

    def get_default_screen(self) -> Screen[Any]:
        # Home is the first screen rather than pushed on an empty one, which would be laid out and painted as well.
        from tutor.ui.screens.home import HomeScreen

        return HomeScreen()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        super()._display(screen, self._shown.thrifty(renderable))

    def on_resize(self, event: Resize) -> None:
        self._shown.forget()
        # There and back before we looked: to Textual nothing happened, but the terminal has cut off what did not fit.
        if event.size == self._terminal_size:
            self.refresh(layout=True)
        self._terminal_size = event.size

    def action_redraw(self) -> None:
        """Send everything again: something else has written on the terminal."""
        self._shown.forget()
        self.refresh(layout=True)

    def on_load(self) -> None:
        self._catch_signals()

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self._shown.forget())
        self.call_after_refresh(self._after_first_screen)

    def _after_first_screen(self) -> None:
        # What is there now stays: full collections, which would hold up a key, need not look through it again.
        gc.freeze()
        gc.enable()
        # A key passes three threads on its way to the screen. Where another computes, each waits this long for its turn:
        # with Python's 5 ms a key takes 20 ms and more while the lessons are searched.
        sys.setswitchinterval(SWITCH_SECONDS)
        # Called only when its turn comes: the program may end first.
        work = partial(self.services.after_start, self)
        self.run_worker(work, exit_on_error=False)  # type: ignore[arg-type]  # Textual's union of what work may be

    def on_unmount(self) -> None:
        # Before the event loop ends, which waits for its threads.
        self.services.give_up()

    def _catch_signals(self) -> None:
        # A closed terminal or `kill` ends like `q`: the terminal restored, what was answered kept, no process behind.
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP", "SIGINT"):
            if hasattr(signal, name):
                with contextlib.suppress(NotImplementedError):
                    loop.add_signal_handler(getattr(signal, name), self._stop_by_signal, getattr(signal, name))

    def _stop_by_signal(self, number: int) -> None:
        self.exit(128 + number)

    def terminal_gone(self) -> None:
        """The terminal has hung up, whether or not a signal says so too."""
        self._stop_by_signal(signal.SIGHUP)

    def get_driver_class(self) -> type[Driver]:
        if os.name != "posix":
            return super().get_driver_class()
        from tutor.ui.driver import TerminalDriver

        return TerminalDriver

    def _fatal_error(self) -> None:
        # Textual's prints a traceback with what the variables hold. `run` raises the error instead.
        self._close_messages_no_wait()

    # -- going somewhere ---------------------------------------------------------------------------------------------

    def open_lesson(self, slug: str, *, section: str | None = None) -> None:
        from tutor.ui.screens.reader import ReaderScreen

        try:
            self.push_screen(ReaderScreen(self.services, slug, section=section))
        except TutorError as error:
            self.tell(error)

    def open_demo(self, name: str) -> None:
        """A demo outside any lesson, with the parameters it was last left with."""
        from tutor.ui.screens.player import PlayerScreen

        kept = self.services.progress.kept(f"demo:{name}")
        try:
            self.push_screen(PlayerScreen(name, kept if isinstance(kept, dict) else None))
        except TutorError as error:
            self.tell(error)

    def open_lab(self, name: str, given: Mapping[str, Any] | None = None) -> None:
        """A lab, with the parameters `given`, or as it was left. One that is open already comes to the front."""
        from tutor.demos.registry import in_language
        from tutor.ui.labs import lab_screen

        try:
            self.push_screen(lab_screen(name, in_language(given or {})))
        except TutorError as error:
            self.tell(error)

    def action_lab(self, name: str) -> None:
        from tutor.ui.labs import is_lab

        for screen in self.screen_stack:
            if is_lab(screen, name):
                if screen is not self.screen:
                    self.tell(tr("This lab is open already, under this screen: q leads back to it."))
                return
        self.open_lab(name)

    def look(self, theme: str) -> None:
        """Dark, light or the terminal's own colours, from now on."""
        self.theme = theme
        self.services.keep_setting("theme", theme)
        self._redraw()

    def index_ready(self) -> None:
        """New or changed lessons have been read: their titles are known now."""
        self._redraw()

    def _redraw(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, TutorScreen):
                screen.relabel()

    def tell(self, error: TutorError | str) -> None:
        """One sentence on the current screen's message line."""
        if isinstance(self.screen, TutorScreen):
            self.screen.say(str(error))

    def speak(self, language: str) -> None:
        """Everything on every open screen in `language` from now on; the choice is kept."""
        set_language(language)
        self.services.keep_setting("language", language)
        self._redraw()

    def action_language(self) -> None:
        self.speak("en" if current_language() == "zh" else "zh")

    def action_help(self) -> None:
        from tutor.ui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def action_ask(self) -> None:
        from tutor.ui.screens.tutor.ask import ask

        if isinstance(self.screen, TutorScreen):
            ask(self.screen)

    def action_palette(self) -> None:
        from tutor.ui.screens.palette import PaletteScreen

        if not isinstance(self.screen, PaletteScreen):
            self.push_screen(PaletteScreen())

    def action_leave(self) -> None:
        self.exit(0)


def show(services: Services, *, language: str | None = None) -> int:
    """Run the application until it is left. Returns the exit status; raises what stopped it, the terminal restored."""
    app = TutorApp(services, language=language)
    status = app.run(mouse=True)
    if app._exception is not None:
        raise app._exception
    return app.return_code or status or 0
