"""What one run of `--plain` holds open: the lessons, the person's progress, the model once it is needed."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from tutor.cli import opening
from tutor.cli.plain.speech import ask, say
from tutor.domain.errors import ModelMissing
from tutor.domain.language import tr

if TYPE_CHECKING:
    from tutor.content.library import Library
    from tutor.domain.model import Model
    from tutor.store.progress import Progress


class Visit:
    """Use as a context manager: closed at the end, the model's process with it."""

    def __init__(self, library: Library, progress: Progress, models: opening.Models) -> None:
        self.library = library
        self.progress = progress
        self._models = models

    def model(self, name: str = "") -> Model:
        """The model `name`, or the one in use. Where its file is missing, offers to fetch it.

        Raises NotFound, ModelMissing where fetching is refused.
        """
        try:
            return self._models.model(name)
        except ModelMissing as error:
            say(error.message)
            if not self._fetch(name or opening.model_name()):
                raise
        return self._models.model(name)

    def _fetch(self, name: str) -> bool:
        from tutor.cli.commands.models import fetch, size
        from tutor.runtime import catalogue

        entry = catalogue.entry(name)
        if not entry.sources:
            return False
        question = tr("Fetch {name} now, {size}? y: yes, Enter: no. ", name=entry.name, size=size(entry.bytes))
        if ask(question).lower() not in ("y", "yes", "是", "好"):
            return False
        fetch(entry, bar=False)
        return True


class Opened(ExitStack):
    """`with Opened() as visit`."""

    def __enter__(self) -> Visit:  # type: ignore[override]
        super().__enter__()
        progress = self.enter_context(opening.progress())
        if progress.notice:
            say(progress.notice)
        return Visit(opening.library(), progress, self.enter_context(opening.Models()))
