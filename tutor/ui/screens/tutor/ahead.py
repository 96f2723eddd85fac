"""While a question is typed, what its answer needs is made ready: the index, the model, the beginning of its prompt."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

from tutor.agent.ahead import read_beginning, read_lessons
from tutor.agent.local import LocalEngine
from tutor.domain.errors import TutorError
from tutor.domain.language import language

if TYPE_CHECKING:
    from tutor.content.library import Library
    from tutor.runtime.client import WorkerModel
    from tutor.ui.services import Services


def get_ready(services: Services) -> None:
    """Begin, once for each language and model; the model is left alone while it has something else to do."""
    if services.ready_for is None:
        threading.Thread(target=_have_lessons, args=(services.library,), name="lessons", daemon=True).start()
        services.ready_for = ()
    wanted = (language(), services.model_name)
    if services.ready_for != wanted and not services.settings.get("server"):
        ready = _Ready(services)
        if services.ahead(ready.make, ready.stop):
            services.ready_for = wanted


class _Ready:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._language = language()
        self._model: WorkerModel | None = None
        self._stopped = threading.Event()

    def make(self) -> None:
        """On the model's thread. What goes wrong is told when it is asked for."""
        try:
            model = self._services.model()
            # Loading is not stopped: whoever comes next would have to begin it anew.
            model.info()
            self._model = model
            if not self._stopped.is_set():
                read_beginning(LocalEngine(model), self._language)
        except TutorError:
            return
        finally:
            self._model = None

    def stop(self) -> None:
        self._stopped.set()
        if (model := self._model) is not None:
            model.cancel()


def _have_lessons(library: Library) -> None:
    # What is made stays as long as the program: looking through it for garbage, time and again while it grows, would
    # hold up keys by 100 ms.
    gc.disable()
    try:
        read_lessons(library)
    finally:
        gc.freeze()
        gc.enable()
