"""What the screens share: lessons, progress, the model. Slow work goes to threads; screens only ever await."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tutor import places
from tutor.content.library import Library
from tutor.domain.errors import NotFound, TutorError
from tutor.store.progress import Progress
from tutor.ui.keeping import Keeping

if TYPE_CHECKING:
    from tutor.domain.entry import Entry
    from tutor.domain.quiz import Question, Quiz
    from tutor.runtime.client import WorkerModel
    from tutor.ui.app import TutorApp

T = TypeVar("T")


def now() -> datetime:
    """The clock of the whole screen room, in UTC; everything below takes the time as an argument."""
    return datetime.now(UTC)


class Services:
    """Opened once by `run`, closed once at the end. One thread writes progress, another talks to the model."""

    def __init__(self, library: Library, progress: Progress, model: str | None) -> None:
        self.library = library
        self.progress = progress
        self.settings: dict[str, Any] = dict(progress.settings())
        self.asked_model = model
        self._store_thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self.keeping = Keeping(progress, self.store_later)
        self._model_thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._worker: WorkerModel | None = None
        self._entries: tuple[Entry, ...] | None = None
        # Who hears, from the model's thread, how far loading the file or reading a prompt is.
        self.on_model_progress: Callable[[str, float], None] | None = None
        self._closing = threading.Event()
        self._latest: Future[Any] | None = None  # what the model's thread was given last
        self._stop_ahead: Callable[[], None] | None = None
        self.ready_for: tuple[str, ...] | None = None  # the language and model last made ready for the tutor

    @classmethod
    def open(cls, *, course: Path | None = None, model: str | None = None) -> Services:
        library = Library(course, cache=places.cache())
        return cls(library, Progress.open(now=now()), model)

    def give_up(self) -> None:
        """Nobody waits any more for what runs beside the screen: reading lessons ends at the next file."""
        self._closing.set()

    def close(self) -> None:
        self.give_up()
        self._make_way()
        self._store_thread.shutdown(wait=True)
        if self._worker is not None:
            self._worker.cancel()
        self._model_thread.shutdown(wait=False, cancel_futures=True)
        if self._worker is not None:
            self._worker.close()
        self.progress.close()

    async def after_start(self, app: TutorApp) -> None:
        """What can wait until the first screen stands: today's backup, and the index of new or changed lessons."""
        if self.progress.notice:
            app.tell(str(self.progress.notice))
        await self.store(lambda progress: progress.backup(now()))
        if any(entry.stale for entry in self.entries()):
            await asyncio.to_thread(self.library.refresh, stopped=self._closing.is_set)
            self.look_again()
            app.index_ready()

    def entries(self) -> tuple[Entry, ...]:
        """All topics, looked up once; `look_again` forgets them."""
        if self._entries is None:
            self._entries = self.library.entries()
        return self._entries

    def look_again(self) -> None:
        self._entries = None

    def entry(self, slug: str) -> Entry | None:
        return next((entry for entry in self.entries() if entry.slug == slug), None)

    def quiz(self, slug: str) -> Quiz:
        """The quiz of a lesson; an empty one where none is written. Raises ContentError."""
        from tutor.domain.quiz import Quiz

        try:
            return self.library.quiz(slug)
        except NotFound:
            return Quiz(slug, ())

    # -- progress ----------------------------------------------------------------------------------------------------

    async def store(self, work: Callable[[Progress], T]) -> T:
        """Run `work` on the thread that owns writing. Returns only after the commit."""
        return await asyncio.wrap_future(self._store_thread.submit(work, self.progress))

    def store_later(self, work: Callable[[Progress], object]) -> None:
        """Like `store` for what nobody waits for: a reading position, a draft."""
        self._store_thread.submit(work, self.progress)

    def keep_setting(self, name: str, value: Any) -> None:
        self.settings[name] = value
        self.store_later(lambda progress: progress.set_setting(name, value))

    def keymap(self) -> dict[str, str]:
        """Keys the reader has remapped: `keys.json` in the data folder, {"list.down": "down,n"}."""
        path = places.home() / "keys.json"
        if not path.exists():
            return {}
        try:
            keys = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TutorError(
                "The key map {path} cannot be read: {why}.", hint="Mend it or delete it.", path=path, why=error
            ) from None
        if not isinstance(keys, dict) or not all(isinstance(value, str) for value in keys.values()):
            raise TutorError(
                "The key map {path} must be one JSON object of binding names and keys.",
                hint="Mend it or delete it.",
                path=path,
            )
        return keys

    # -- the model ---------------------------------------------------------------------------------------------------

    @property
    def model_name(self) -> str:
        from tutor.runtime.catalogue import default_name

        return self.asked_model or self.settings.get("model") or default_name()

    def model(self, name: str = "") -> WorkerModel:
        """The process of the model `name` (a name or a path), or of the one in use, started when first asked.

        One process at a time. Raises NotFound, ModelMissing where the file is not there.
        """
        from tutor.runtime.catalogue import find
        from tutor.runtime.client import WorkerModel

        name = name or self.model_name
        path = find(name)
        if self._worker is not None and self._worker.path != path:
            self._worker.close()
            self._worker = None
        if self._worker is None:
            self._worker = WorkerModel(path, name=name, on_progress=self._heard)
        return self._worker

    def _heard(self, phase: str, fraction: float) -> None:
        if self.on_model_progress is not None:
            self.on_model_progress(phase, fraction)

    def use_model(self, name: str) -> None:
        self.asked_model = None
        self.keep_setting("model", name)

    async def with_model(self, work: Callable[[], T]) -> T:
        """Run `work`, which talks to the model or computes for long, on the thread that owns the model."""
        self._make_way()
        future = self._latest = self._model_thread.submit(work)
        return await asyncio.wrap_future(future)

    def _make_way(self) -> None:
        if self._stop_ahead is not None:
            self._stop_ahead()
            self._stop_ahead = None

    def ahead(self, work: Callable[[], None], stop: Callable[[], None]) -> bool:
        """Run `work` on the model's thread if that is idle, until anything else is wanted of it: then `stop` is called.

        Whether it was begun.
        """
        if self._latest is not None and not self._latest.done():
            return False
        self._latest, self._stop_ahead = self._model_thread.submit(work), stop
        return True

    def cancel_model(self) -> None:
        if self._worker is not None:
            self._worker.cancel()

    async def expected(self, question: Question) -> Any:
        """The right answer of a question that is computed when asked, or None for the kinds that carry theirs."""
        from tutor.domain.quiz import Predict, Spans

        if isinstance(question, Predict | Spans):
            from tutor.runtime.expected import expected

            return await self.with_model(lambda: expected(question, self.model))
        return None
