"""Walking through an exploration: what is known is shown at once, what is not is asked of the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from tutor.decoding.exploration import Exploration
from tutor.domain.errors import UsageError
from tutor.domain.model import DecodeStep, Message, Model, Strategy
from tutor.ui.asking_model import Asking
from tutor.ui.draw.distribution import LISTED
from tutor.ui.screens.labs.lab_desk import Desk

if TYPE_CHECKING:
    from tutor.ui.screens.base import TutorScreen

Token = tuple[int, bytes, str]  # id, bytes, label

MOST_TYPED = 256  # tokens of a text typed by hand
MOST_AHEAD = 3  # steps asked for while another is being computed


class Walk:
    """Goes where it is told on the `desk`, and asks for what is missing there, one question at a time.

    `changed` is called whenever there is something else to show. What was to be followed when the model failed is
    followed when it is asked again.
    """

    def __init__(self, screen: TutorScreen, desk: Desk, changed: Callable[[], None]) -> None:
        self.desk = desk
        self._screen = screen
        self.asking = Asking(screen, changed)
        self._changed = changed
        self._about: object = None  # what the question under way is about
        self._following: tuple[str, Sequence[Token] | str] | None = None
        self._steps = 0

    @property
    def step(self) -> DecodeStep | None:
        """What the strategy would do where one stands; None where that is not known yet."""
        exploration = self.desk.exploration
        if exploration is None or self._following is not None:
            return None
        return exploration.looked(self.desk.strategy)

    # -- going -------------------------------------------------------------------------------------------------------

    def go(self, exploration: Exploration) -> None:
        """Stand at the cursor of `exploration`."""
        self.desk.exploration = exploration
        self.look()

    def look(self) -> None:
        """The prompt, the settings or the place have changed: what was to be followed from elsewhere is dropped."""
        self._following = None
        self._steps = 0
        self.proceed()

    def forward(self) -> None:
        """Take the strategy's choice: now, or when it is known. After trouble, ask again."""
        exploration = self.desk.exploration
        if exploration is not None and self.step is not None:
            try:
                self.desk.exploration = exploration.forward(self.desk.strategy)
            except UsageError as error:
                self._screen.say(str(error))
                return
            self.proceed()
        elif self.asking.busy:
            self._steps = min(self._steps + 1, MOST_AHEAD)
        else:
            self.proceed()

    def follow(self, how: str, what: Sequence[Token] | str) -> None:
        """Go on with these tokens, or with those of a text, whatever the strategy would choose."""
        self._following = (how, what)
        self.proceed()

    def proceed(self) -> None:
        """Ask for what is not known where one stands. Nothing is asked twice."""
        desk = self.desk
        exploration, strategy, following = desk.exploration, desk.strategy, self._following
        if exploration is None:
            work = partial(_read, desk.model, desk.prompt, desk.chat)
            self._ask((desk.model, desk.prompt, desk.chat), work, self._arrived)
        elif following is not None:
            how, what = following
            work = partial(_follow, exploration, strategy, how, what)
            self._ask((exploration.here, following), work, partial(self._followed, following))
        elif exploration.looked(strategy) is None:
            work = partial(_look, exploration, strategy)
            self._ask((exploration.here, strategy), work, partial(self._looked, exploration))
        else:
            self._changed()

    # -- asking ------------------------------------------------------------------------------------------------------

    def _ask(self, about: object, work: Callable[[Model], Exploration], then: Callable[[Exploration], None]) -> None:
        if self.asking.busy and about == self._about:
            return
        self._about = about
        self.asking.ask(work, then)

    def _arrived(self, exploration: Exploration) -> None:
        self.desk.exploration = exploration
        self.proceed()

    def _followed(self, following: object, exploration: Exploration) -> None:
        if following is self._following:
            self._following = None
            self._arrived(exploration)

    def _looked(self, asked: Exploration, _: Exploration) -> None:
        exploration = self.desk.exploration
        if self._steps and exploration is not None and exploration.here is asked.here:
            self._steps -= 1
            self.forward()


# These run on the model's thread. What the model says is remembered by the nodes, which all states share.


def _read(name: str, prompt: str, chat: bool, model: Model) -> Exploration:
    """An exploration of `prompt` by the model called `name`."""
    if not chat:
        return Exploration(prompt, model.next(prompt, top=0).ids, prompt, chat, name)
    pieces = model.conversation([Message("user", prompt)])
    opening = b"".join(piece.text.encode() if piece.special else piece.data for piece in pieces)
    return Exploration(prompt, tuple(piece.id for piece in pieces), opening.decode("utf-8", "replace"), chat, name)


def _look(exploration: Exploration, strategy: Strategy, model: Model, *, also: Sequence[int] = ()) -> Exploration:
    tried = [exploration.nodes[child].id for child in exploration.children(exploration.cursor)]
    draw = exploration.draw(strategy.seed)
    step = model.look(exploration.ids, strategy, draw=draw, top=LISTED, also=[*tried, *also])
    exploration.remember(strategy, step)
    return exploration


def _follow(
    exploration: Exploration, strategy: Strategy, how: str, what: Sequence[Token] | str, model: Model
) -> Exploration:
    tokens = [(each.id, each.data, each.text) for each in model.tokenize(what)] if isinstance(what, str) else what
    if len(tokens) > MOST_TYPED:
        raise UsageError(
            "These are {count} tokens; at most {most} can be added at once.", count=len(tokens), most=MOST_TYPED
        )
    for id, data, label in tokens:
        step = exploration.looked(strategy)
        if step is None or all(candidate.id != id for candidate in step.top):
            _look(exploration, strategy, model, also=[id])
        exploration = exploration.take(id, strategy, how=how, label=label, data=data)
    return exploration
