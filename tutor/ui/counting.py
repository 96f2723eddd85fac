"""Counting a text under several tokenizers beside the screen, while it is being written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial

from textual.timer import Timer

from tutor.domain.errors import TutorError
from tutor.domain.model import Model
from tutor.runtime import tokenizers
from tutor.runtime.spans import Cut
from tutor.ui.asking_model import Asking
from tutor.ui.draw.cuts import label_width
from tutor.ui.draw.tokentable import Asked, Count
from tutor.ui.screens.base import TutorScreen

# The byte-level vocabularies take a moment, SentencePiece some more.
GROUPS = (tuple(tokenizers.BUNDLED), tokenizers.SENTENCEPIECE)
# Seconds between the beginnings of two counts; where counting takes long, a count may take a third of the time.
PAUSE, SHARE = 0.1, 3.0
PAINTED = 0.02  # seconds until what is shown is on the terminal
LATE = 0.4  # seconds after which figures of an earlier text are no longer shown


class Counting:
    """The newest question is answered, by the quickest tokenizers first; `counts` may still hold earlier answers.

    `changed` is called on the screen's own thread with the names of those that have another answer or none any more.
    """

    def __init__(self, screen: TutorScreen, changed: Callable[[Collection[str]], None]) -> None:
        self._screen = screen
        self._changed = changed
        self.names: Sequence[str] = tokenizers.NAMES
        # Those whose tokens will be drawn as soon as they are known.
        self.drawn: Collection[str] = ()
        self.asked = Asked("")
        self.counts: dict[str, Count] = {}
        self.trouble: TutorError | None = None
        self.asking = Asking(screen, partial(changed, ("model",)))
        self._pause: Timer | None = None
        self._late: Timer | None = None
        self._waiting = False

    def ask(self, asked: Asked) -> None:
        """Count `asked` at once or, where a count was begun a moment ago, in a moment."""
        self.asked = asked
        if self._pause is not None:
            self._waiting = True
            return
        self._begin(PAUSE)

    def current(self, name: str) -> bool:
        """Whether the figures of a tokenizer are those of what was asked last."""
        count = self.counts.get(name)
        return count is not None and count.asked == self.asked

    def _begin(self, pause: float) -> None:
        self._waiting = False
        self._pause = self._screen.set_timer(pause, self._pause_over)
        if self._late is not None:
            self._late.stop()
        self._late = self._screen.set_timer(LATE, self._forget)
        self._screen.beside(partial(self._count, self.asked))

    def _pause_over(self) -> None:
        self._pause = None
        if self._waiting:
            self._begin(PAUSE)

    def _forget(self) -> None:
        """What is still of an earlier text goes: the new figures take their time."""
        old = [name for name in self.counts if not self.current(name)]
        for name in old:
            del self.counts[name]
        if old:
            self._changed(old)

    async def _count(self, asked: Asked) -> None:
        """Those whose tokens are looked at first, then by how quick they are; at last the model is asked."""
        begun = time.monotonic()
        looked_at = [name for name in self.drawn if name in self.names and name != "model"]
        others = [[name for name in group if name in self.names and name not in looked_at] for group in GROUPS]
        for names in filter(None, (looked_at, *others)):
            try:
                counts = await asyncio.to_thread(_counts, names, asked, self.drawn)
            except TutorError as error:
                self._end(asked, error)
                return
            if asked != self.asked or not self._screen.is_mounted:
                return
            self.trouble = None
            self._take(counts)
            # Painting goes before counting on.
            await asyncio.sleep(PAINTED)
        taken = time.monotonic() - begun
        if self._pause is not None and taken * SHARE > PAUSE:
            self._pause.stop()
            self._pause = self._screen.set_timer(taken * SHARE, self._pause_over)
        if "model" in self.names:
            self.asking.ask(partial(_model_count, asked, self.drawn), lambda count: self._take({"model": count}))

    def _take(self, counts: dict[str, Count]) -> None:
        self.counts.update(counts)
        self._changed(tuple(counts))

    def _end(self, asked: Asked, error: TutorError) -> None:
        if asked == self.asked and self._screen.is_mounted:
            self.trouble = error
            self.counts.clear()
            self._changed(self.names)


def _counts(names: Iterable[str], asked: Asked, drawn: Collection[str]) -> dict[str, Count]:
    """Raises UsageError."""
    found = {}
    for name in names:
        cut = tokenizers.cut(name, asked.text, special=asked.special)
        other = len(tokenizers.cut(name, asked.other, special=asked.special)) if asked.other else None
        found[name] = _ready(Count(asked, cut, other), drawn=name in drawn)
    return found


def _model_count(asked: Asked, drawn: Collection[str], model: Model) -> Count:
    cut = Cut.of(model.tokenize(asked.text, special=asked.special))
    other = len(model.tokenize(asked.other, special=asked.special)) if asked.other else None
    return _ready(Count(asked, cut, other), drawn="model" in drawn)


def _ready(count: Count, *, drawn: bool) -> Count:
    """What the screen will ask for is worked out here, beside it."""
    cut = count.cut
    _ = cut.incomplete, cut.size
    if drawn:
        _ = cut.ends
        for data in set(cut.data):
            label_width(data)
    return count
