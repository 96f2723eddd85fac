"""What the views inside the model have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import Vertical

from tutor.domain.language import Text
from tutor.ui.asking_model import Asking, ModelScreen

if TYPE_CHECKING:
    from tutor.ui.app import TutorApp


class ViewScreen(ModelScreen):
    """A screen that shows a view, about `text`."""

    text = ""
    view: View | None = None

    def keep_soon(self) -> None:
        """What was typed or explored in the view has changed."""


class View(Vertical):
    """One way to look at a model. It is made when first shown, keeps its state while another is, and asks for itself.

    `NAME` is what a lesson opens it by and its state is kept under. With `SENTENCE` it is about the sentence that the
    views share: `show` is then called with it whenever it is another one, or the view comes into sight.
    """

    NAME: ClassVar[str]
    TITLE: ClassVar[Text]
    SENTENCE: ClassVar[bool] = True

    DEFAULT_CSS = "View { height: 1fr; }"

    app: TutorApp

    def __init__(self, lab: ViewScreen) -> None:
        super().__init__(id=self.NAME)
        self.lab = lab
        self.asking = Asking(lab, self.redraw)

    def about(self) -> str:
        """What this view shows and what one does here, for `?`."""
        return ""

    def status(self) -> str:
        """What the title bar says at its right."""
        return self.asking.progress

    def restore(self, given: Mapping[str, Any]) -> None:
        """Take what a lesson gives or was kept, before the view is shown: anything may be missing, or of another kind."""

    def state(self) -> dict[str, Any]:
        """What `restore` needs to have the view as it is now, as JSON data."""
        return {}

    def take_focus(self) -> None:
        """Put the cursor where this view's keys are heard: on itself, or the first of its widgets that can have it."""
        for widget in (self, *self.query("*")):
            if widget.focusable:
                widget.focus()
                return

    def show(self, text: str) -> None:
        """Come into sight, about the sentence `text`. What is known about it already is not computed again."""

    def redraw(self) -> None:
        """Draw anew: an answer came, language, theme or size changed."""

    def stop(self) -> None:
        """Go out of sight: nobody waits for an answer any more."""
        self.asking.leave()
