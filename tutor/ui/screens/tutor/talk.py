"""A conversation with the tutor: its turns, the answer under way, and what is kept of it. What draws it only listens."""

from __future__ import annotations

import asyncio
import os
import threading
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tutor.agent.desk import Turn as Said
from tutor.agent.events import Done, Event
from tutor.domain.errors import Cancelled, TutorError
from tutor.domain.language import tr
from tutor.store import conversations
from tutor.store.conversations import Conversation
from tutor.ui.services import now
from tutor.ui.turn import ALONE, HINT, LESSONS, MISTAKE, Turn

if TYPE_CHECKING:
    from tutor.domain.posed import Posed
    from tutor.ui.app import TutorApp

TITLE_CHARACTERS = 80
# Seconds between two pictures of an answer that is being said: a slow link gets fewer, larger ones.
EVERY = 0.1 if "SSH_CONNECTION" in os.environ else 0.05


@dataclass(frozen=True)
class Place:
    """What was on screen when the tutor was asked: a lesson's slug, the rest in words, and a question if one stood."""

    near: str = ""
    context: str = ""
    posed: Posed | None = None

    @property
    def key(self) -> str:
        """One conversation at a time for each: a lesson, a question that is open, everything else."""
        return f"{self.near}/{self.posed.question.id}" if self.posed is not None else self.near


@dataclass
class Request:
    """What is to be answered, for `Voice`. `history` holds the turns before; `model` may name another one than that
    in use."""

    turn: Turn
    place: Place
    history: tuple[Said, ...] = ()
    model: str = ""


class Run:
    """An answer under way. Its events are pulled on the model's thread and picked up on the screen's.

    `answer` sets `on_stop` to what ends it from outside.
    """

    def __init__(self, answer: Callable[[Run], Generator[Event]]) -> None:
        self._answer = answer
        self._events: deque[Event] = deque()
        self.on_stop: Callable[[], None] | None = None
        self.stopped = threading.Event()

    def pull(self) -> None:
        """On the model's thread. After a stop nothing is heard but the end, where that comes at once."""
        if self.stopped.is_set():
            return
        try:
            with closing(self._answer(self)) as events:
                for event in events:
                    stopped = self.stopped.is_set()
                    if not stopped or isinstance(event, Done):
                        self._events.append(event)
                    if stopped:
                        break
        finally:
            self.on_stop = None

    def stop(self) -> None:
        self.stopped.set()
        # None while it waits its turn behind another screen's work, which is not to be stopped.
        if (on_stop := self.on_stop) is not None:
            on_stop()

    def events(self) -> Iterator[Event]:
        """What has happened since the last time."""
        while self._events:
            yield self._events.popleft()


Answering = Callable[["TutorApp", Request], Run]


@dataclass
class Talk:
    """Whoever listens is called on the screen's thread whenever there is something else to show."""

    app: TutorApp
    place: Place
    answering: Answering
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    turns: list[Turn] = field(default_factory=list)
    draft: str = ""
    deleted: bool = False
    _listeners: list[Callable[[], None]] = field(default_factory=list)
    _run: Run | None = None
    _progress: str = ""

    # -- asking ------------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        return bool(self.turns) and self.turns[-1].busy

    def ask(self, question: str, *, model: str = "") -> None:
        """Ask the lessons."""
        self._begin(Turn(question, LESSONS), model)

    def alone(self, turn: Turn) -> None:
        """Ask the model what it would say to the question of `turn` without the lessons."""
        self._begin(Turn(turn.question, ALONE))

    def hint(self) -> None:
        """The next stronger hint to the question that is open, or once more the strongest."""
        given = max((turn.strength for turn in self.turns if turn.kind == HINT), default=0)
        strength = min(3, given + 1)
        if given < 3:
            self._begin(Turn(tr("A hint, please."), HINT, strength=strength))

    def mistake(self) -> None:
        """Start from the wrong answer that was given, once."""
        if not any(turn.kind == MISTAKE for turn in self.turns):
            self._begin(Turn(tr("Why is my answer wrong?"), MISTAKE))

    def again(self, model: str = "") -> None:
        """The last question once more, where it failed or of another model."""
        if self.turns and not self.busy:
            last = self.turns[-1]
            if last.trouble is not None:
                self.turns.pop()
            self._begin(Turn(last.question, last.kind, strength=last.strength), model)

    def _begin(self, turn: Turn, model: str = "") -> None:
        self.stop()
        history = tuple(
            Said(each.question, each.text, each.strength)
            for each in self.turns
            if each.kind in (LESSONS, HINT) and each.text
        )
        turn.busy = True
        self.turns.append(turn)
        self.keep()
        run = self._run = self.answering(self.app, Request(turn, self.place, history, model))
        self._progress = ""
        self.app.services.on_model_progress = self._hear
        self.app.run_worker(partial(self._follow, run, turn), exit_on_error=False)  # type: ignore[arg-type]
        self._tell()

    def stop(self) -> bool:
        """Stop the answer under way; what was said stays. Whether there was one."""
        if self._run is None or not self.busy:
            return False
        turn = self.turns[-1]
        self._run.stop()
        for event in self._run.events():  # said before the stop, and not yet shown
            turn.take(event)
        turn.busy, turn.stopped = False, True
        self._tell()
        return True

    # -- following an answer -----------------------------------------------------------------------------------------

    async def _follow(self, run: Run, turn: Turn) -> None:
        pulled = asyncio.ensure_future(self.app.services.with_model(run.pull))
        try:
            while not pulled.done():
                await asyncio.wait({pulled}, timeout=EVERY)
                self._take(run, turn)
            pulled.result()
        except asyncio.CancelledError:
            run.stop()
            raise
        except Cancelled:
            turn.stopped = True
        except TutorError as error:
            turn.trouble = None if turn.stopped else error
        except Exception as error:
            # A mistake of ours: the conversation goes on, and does not keep silent about it.
            turn.trouble = TutorError(
                "Something went wrong that should not have: {kind}: {error}", kind=type(error).__name__, error=error
            )
            raise
        finally:
            turn.busy = False
            self.keep()
            self._tell()

    def _take(self, run: Run, turn: Turn) -> None:
        """One picture for all that has happened since the last."""
        news = False
        for event in run.events():
            if turn.stopped and not isinstance(event, Done):
                continue
            turn.take(event)
            news = True
        if turn.busy and turn.progress != self._progress:
            turn.progress = self._progress
            news = True
        if news:
            self._tell()

    def _hear(self, phase: str, fraction: float) -> None:
        """From the model's thread: it is loading its file, or reading the prompt."""
        percent = f"{fraction:.0%}"
        if phase == "load":
            self._progress = tr("loading the model.. {percent}  Esc stops", percent=percent)
        else:
            self._progress = tr("reading the prompt.. {percent}  Esc stops", percent=percent)

    def _tell(self) -> None:
        for changed in list(self._listeners):
            changed()

    def listen(self, changed: Callable[[], None]) -> None:
        self._listeners.append(changed)

    def forget(self, changed: Callable[[], None]) -> None:
        if changed in self._listeners:
            self._listeners.remove(changed)

    # -- kept --------------------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        asked = [turn.question for turn in self.turns if turn.kind in (LESSONS, ALONE)]
        if not asked and self.place.posed is not None:
            return " ".join(self.place.posed.question.prompt.get().split())[:TITLE_CHARACTERS]
        return " ".join((asked or [""])[0].split())[:TITLE_CHARACTERS]

    def conversation(self) -> Conversation:
        words = "\n".join(f"{turn.question}\n{turn.text}" for turn in self.turns)
        return Conversation(self.id, self.title, self.place.near, words, tuple(turn.to_dict() for turn in self.turns))

    def keep(self) -> None:
        """Write it down, off the event loop."""
        if self.deleted:
            return
        kept, at = self.conversation(), now()
        self.app.services.store_later(lambda progress: conversations.save(progress, kept, now=at))

    def take_up(self, kept: Conversation) -> None:
        """Go on with a conversation that was kept."""
        self.id = kept.id
        self.turns = [turn for data in kept.turns if (turn := Turn.from_dict(data)) is not None]
