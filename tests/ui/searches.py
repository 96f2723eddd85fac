"""A screen of searches with a model in this process, which counts what it is asked and fails when told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from tests.decoding.test_beam import Random
from tutor.decoding.beam import beam
from tutor.decoding.runs import BeamRun, LockstepRun
from tutor.decoding.steps import decode
from tutor.domain.errors import ModelFailed
from tutor.domain.model import BeamStep, DecodeStep, Strategy, TokenPiece
from tutor.ui.app import TutorApp
from tutor.ui.screens.labs.stepping import SteppingScreen
from tutor.ui.services import Services
from tutor.ui.widgets.lines import Lines

PROMPT = [0, 1]
NOBODY = object()  # what a screen that was not dismissed has answered


class Words(Random):
    """`Random` as a model that continues one text. Labels and bytes may be anything that a model says."""

    def __init__(self, seed: int, vocabulary: int, labels: Sequence[str] = ()) -> None:
        super().__init__(seed, vocabulary)
        self.labels = labels
        self._seen: tuple[int, ...] = ()

    def evaluate(self, ids: Sequence[int]) -> Any:
        self._seen += tuple(ids)
        return self.logits(self._seen)

    def piece(self, id: int) -> bytes:
        return b"" if id == self.vocabulary - 1 else self.label(id).encode()

    def label(self, id: int) -> str:
        return self.labels[id % len(self.labels)] if self.labels else f" w{id}"

    def ends(self, id: int, _beam: int = 0) -> bool:
        return id == self.vocabulary - 1


class Searcher:
    """Implements of domain.model.Model what the screens of searches ask. `failures` says how many steps it will fail."""

    def __init__(self, seed: int = 2, vocabulary: int = 40, labels: Sequence[str] = ()) -> None:
        self.seed, self.vocabulary, self.labels = seed, vocabulary, labels
        self.asked: list[str] = []
        self.steps = 0
        self.failures = 0

    def _words(self) -> Words:
        return Words(self.seed, self.vocabulary, self.labels)

    def _step(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ModelFailed("The model's process has ended.")
        self.steps += 1

    def tokenize(self, text: str, *, special: bool = False, bos: bool = False) -> tuple[TokenPiece, ...]:
        return tuple(TokenPiece(id, "", b"", 0, 0) for id in PROMPT)

    def beam(self, prompt: Sequence[int], **settings: Any) -> Iterator[BeamStep]:
        self.asked.append("beam")
        for step in beam(self._words(), prompt, **settings):
            self._step()
            yield step

    def lockstep(
        self, prompt: Sequence[int], strategies: Sequence[Strategy], *, max_tokens: int, top: int = 10
    ) -> Iterator[tuple[DecodeStep | None, ...]]:
        self.asked.append("lockstep")
        streams = [decode(self._words(), prompt, each, max_tokens=max_tokens, top=top) for each in strategies]
        while any(row := tuple(next(stream, None) for stream in streams)):
            self._step()
            yield row

    def cancel(self) -> None: ...


class Desk:
    """The screen under test, its keys, and what it was dismissed with."""

    def __init__(self, pilot: Any, model: Searcher, screen: SteppingScreen[Any]) -> None:
        self.pilot, self.model, self.screen = pilot, model, screen
        self.answer: Any = NOBODY

    @property
    def search(self) -> BeamRun | LockstepRun:
        found: BeamRun | LockstepRun = self.screen.search
        return found

    async def press(self, *keys: str) -> None:
        """Each key, and after it the model's answer."""
        for key in keys:
            await self.pilot.press(key)
            await self.until(lambda: not self.screen.asking.busy)

    async def until(self, true: Callable[[], bool]) -> None:
        for _ in range(500):
            await self.pilot.pause()
            if true():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it never came")

    def lines(self, id: str) -> str:
        return "\n".join(line.plain for line in self.screen.query_one(f"#{id}", Lines).lines)

    def message(self) -> str:
        return self.lines("message")


@asynccontextmanager
async def opened(
    kind: Callable[[list[int], str, dict[str, Any]], SteppingScreen[Any]],
    model: Searcher,
    params: dict[str, Any] | None = None,
    *,
    size: tuple[int, int] = (80, 24),
) -> AsyncIterator[Desk]:
    services = Services.open(model="toy")
    services.model = cast("Any", lambda: model)  # type: ignore[method-assign]
    app = TutorApp(services, language="en")
    async with app.run_test(size=size) as pilot:
        screen = kind(PROMPT, "go", params or {})
        desk = Desk(pilot, model, screen)
        app.push_screen(screen, lambda answer: setattr(desk, "answer", answer))
        await desk.until(lambda: screen.is_mounted and screen.step == 1 and not screen.asking.busy)
        yield desk
    services.close()
