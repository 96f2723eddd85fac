"""The tutor as a screen of its own, where there is no room beside the text."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from tutor.domain.language import tr
from tutor.domain.posed import Posed
from tutor.ui.screens.base import TutorScreen
from tutor.ui.screens.tutor.panel import BESIDE_FROM, TutorPanel


class AskScreen(TutorScreen):
    """Asks about what stands on `host`, the screen underneath."""

    AUTO_FOCUS = ""  # the panel says itself where the cursor belongs

    def __init__(self, host: TutorScreen) -> None:
        super().__init__()
        self.host = host

    def body(self) -> Iterable[Widget]:
        yield TutorPanel(self.host, docked=False)

    @property
    def panel(self) -> TutorPanel:
        return self.query_one(TutorPanel)

    def heading(self) -> tuple[str, str]:
        return tr("Tutor"), self.panel.voice()

    def about(self) -> str:
        return tutor_about()

    # What is asked on from here is still about the screen underneath.
    def near(self) -> str:
        return self.host.near()

    def context(self) -> str:
        return self.host.context()

    def posed(self) -> Posed | None:
        return self.host.posed()

    def on_screen_resume(self) -> None:
        if self.panel.is_mounted:
            self.retitle()
            self.panel.changed()

    def relabel(self) -> None:
        super().relabel()
        self.panel.relabel()


def tutor_about() -> str:
    return tr(
        "The tutor answers from the lessons and says from where: Enter on a row opens it. What stands behind ? rests on "
        "nothing that was found; the cursor on it says why. Up and down or Tab lead between the answer and the line to "
        "ask on, Ctrl+J begins a new line there, Esc stops an answer."
    )


def ask(host: TutorScreen) -> None:
    """Ask about what stands on `host`: beside it where there is room, else on a screen of its own."""
    if isinstance(host, AskScreen):
        host.panel.action_more()
        return
    if not (host.BESIDE and host.app.size.width >= BESIDE_FROM):
        host.app.push_screen(AskScreen(host))
        return
    panels = host.query(TutorPanel)
    if not panels:
        made_room = host.making_room()
        host.mount(TutorPanel(host, docked=True))
        host.call_after_refresh(made_room)
    elif panels.first().has_focus_within:
        panels.first().action_more()
    else:
        panels.first().enter()
