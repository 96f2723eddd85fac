"""A sitting: questions one after the other, whether they come from one quiz or from what is due today.

The screen, `--plain` and the command line all drive this. It does no I/O and reads no clock: what it decides comes out
as an `Outcome`, which the store saves, and `to_dict` can be kept at any moment and gone on from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import uuid4

from tutor.domain.draft import Draft
from tutor.domain.errors import TutorError, UsageError
from tutor.domain.grading import Answer, grade, option_order, plain_answer, variant
from tutor.domain.language import Text
from tutor.domain.quiz import Number, Question, Verdict
from tutor.domain.schedule import Rating, rating_for

FORMAT = 1
RETRIES = 2  # how often a question answered wrong comes again at the end


@dataclass(frozen=True, slots=True)
class Item:
    """A question and the lesson it belongs to."""

    lesson: str
    question: Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One answer as the store logs it. `answer` is JSON data; `id` makes saving it twice the same as once.

    `source` says where it was answered: quiz, review, lesson, or cli. `replaces` is the id of the outcome that this
    one rates anew, empty otherwise.
    """

    lesson: str
    question: str
    revision: int
    answer: Any
    correct: bool
    hint: bool
    rating: Rating
    source: str = "quiz"
    replaces: str = ""
    id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(slots=True)
class Turn:
    """One time a question is asked. `attempt` counts from 0; `verdict` is None until it is answered.

    `draft` is the answer that has been begun and not given. `answered` numbers the answers of a sitting from 1, in the order they were given.
    """

    item: int
    attempt: int = 0
    hint: bool = False
    answer: Any = None
    verdict: Verdict | None = None
    rating: Rating | None = None
    outcome: str = ""
    answered: int = 0
    draft: Draft | None = None


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """A section whose questions went wrong `count` times."""

    lesson: str
    section: str
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Of the first attempts: `right` includes those `with_hint`. `read_again` has the worst section first."""

    total: int
    right: int
    with_hint: int
    wrong: int
    skipped: int
    read_again: tuple[ReadAgain, ...]


class Session:
    """Where somebody is in a sitting. `at` is the turn shown; behind the last turn the sitting is finished."""

    def __init__(self, items: Sequence[Item], seed: int, *, source: str = "quiz", retries: int = RETRIES) -> None:
        """`seed` decides how options are shuffled and numbers drawn, so that an interrupted sitting looks the same."""
        self.items = tuple(items)
        self.seed = seed
        self.source = source
        self.retries = retries
        self.turns = [Turn(item) for item in range(len(self.items))]
        self.at = 0

    @property
    def finished(self) -> bool:
        return self.at >= len(self.turns)

    @property
    def turn(self) -> Turn:
        """The turn shown. Raises IndexError when finished."""
        return self.turns[self.at]

    @property
    def item(self) -> Item:
        """The item shown, its question as the file has it."""
        return self.items[self.turn.item]

    @property
    def turn_seed(self) -> str:
        """What shuffles and varies this turn: a retry is shuffled anew."""
        return f"{self.seed}/{self.turn.item}/{self.turn.attempt}"

    @property
    def question(self) -> Question:
        """The question to show: a number question that varies has its numbers drawn."""
        question = self.item.question
        return variant(question, self.turn_seed) if isinstance(question, Number) else question

    @property
    def order(self) -> tuple[int, ...]:
        """The order to show options or items in, as file indices; empty for other kinds."""
        return option_order(self.item.question, self.turn_seed)

    @property
    def verdict(self) -> Verdict | None:
        return self.turn.verdict

    def take_hint(self) -> Text:
        """The hint. Seen before answering, it makes a right answer Hard."""
        hint = self.question.hint
        if hint and self.turn.verdict is None:
            self.turn.hint = True
        return hint

    def answer(self, answer: Answer, *, expected: Any = None) -> Verdict:
        """Grade `answer` and remember it; `outcome` is then ready to be saved. A wrong one comes again at the end.

        Raises UsageError for an answer that is none, and for a turn that has one; the turn then stays as it was.
        """
        turn = self.turn
        if turn.verdict is not None:
            raise UsageError("This question has been answered.", hint="Go on to the next one.")
        turn.verdict = grade(self.question, answer, expected=expected)
        turn.answer = plain_answer(answer)
        turn.draft = None
        turn.rating = rating_for(correct=turn.verdict.correct, hint=turn.hint)
        turn.outcome = uuid4().hex
        turn.answered = 1 + max(turn.answered for turn in self.turns)
        if not turn.verdict.correct and turn.attempt < self.retries:
            self.turns.append(Turn(turn.item, turn.attempt + 1))
        return turn.verdict

    @property
    def outcome(self) -> Outcome:
        """What to save of the turn shown. Raises ValueError while it is unanswered."""
        turn, item = self.turn, self.item
        if turn.verdict is None or turn.rating is None:
            raise ValueError("no answer yet")
        return Outcome(
            id=turn.outcome,
            lesson=item.lesson,
            question=item.question.id,
            revision=item.question.revision,
            answer=turn.answer,
            correct=turn.verdict.correct,
            hint=turn.hint,
            rating=turn.rating,
            source=self.source,
        )

    def rate(self, rating: Rating) -> Outcome:
        """Rate the answer shown by hand (Easy: "too easy"). The outcome to save replaces the one before.

        Raises UsageError where nothing is answered, and for anything but Again on a wrong answer.
        """
        turn = self.turn
        if turn.verdict is None:
            raise UsageError("There is nothing to rate before an answer.")
        if not turn.verdict.correct and rating is not Rating.AGAIN:
            raise UsageError("A wrong answer is rated Again.")
        before, turn.outcome, turn.rating = turn.outcome, uuid4().hex, rating
        return replace(self.outcome, replaces=before)

    def next(self) -> None:
        """On to the next turn; one left without an answer counts as skipped."""
        self.at = min(self.at + 1, len(self.turns))

    def skip(self) -> None:
        """The same as `next`, for a turn without an answer."""
        self.next()

    def back(self) -> None:
        self.at = max(self.at - 1, 0)

    def undo(self) -> str:
        """Take back the answer given last, and show its question unanswered again.

        Gives the id of the outcome to undo in the store, or an empty text where nothing was answered.
        """
        last = max(self.turns, key=lambda turn: turn.answered, default=Turn(0))
        if not last.answered:
            return ""
        self.at = self.turns.index(last)
        self.turns[self.at] = Turn(last.item, last.attempt)
        self.turns = [turn for turn in self.turns if turn.item != last.item or turn.attempt <= last.attempt]
        return last.outcome

    def summary(self) -> Summary:
        """How the first attempts went, and which sections to read again."""
        first = [turn for turn in self.turns if turn.attempt == 0]
        right = [turn for turn in first if turn.verdict and turn.verdict.correct]
        wrong = [turn for turn in first if turn.verdict and not turn.verdict.correct]
        sections = Counter((self.items[t.item].lesson, self.items[t.item].question.section) for t in wrong)
        return Summary(
            total=len(first),
            right=len(right),
            with_hint=sum(turn.hint for turn in right),
            wrong=len(wrong),
            skipped=len(first) - len(right) - len(wrong),
            read_again=tuple(ReadAgain(lesson, section, n) for (lesson, section), n in sections.most_common()),
        )

    def to_dict(self) -> dict[str, Any]:
        """The sitting as JSON data, without the questions' text."""
        return {
            "format": FORMAT,
            "seed": self.seed,
            "source": self.source,
            "retries": self.retries,
            "at": self.at,
            "items": [[item.lesson, item.question.id, item.question.revision] for item in self.items],
            "turns": [asdict(turn) for turn in self.turns],
        }

    @classmethod
    def from_dict(cls, data: Any, find: Callable[[str, str], Question | None]) -> Session:
        """The sitting that `to_dict` wrote, with the questions that `find(lesson, id)` gives.

        A question that is gone is left out; one whose revision was raised is asked anew. Raises TutorError for data
        that is no sitting.
        """
        try:
            return _restore(data, find)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise TutorError("The interrupted sitting cannot be read.", hint="Start it anew.") from error


def _restore(data: Any, find: Callable[[str, str], Question | None]) -> Session:
    if data["format"] != FORMAT:
        raise ValueError(data["format"])
    kept: dict[int, Item] = {}
    changed: set[int] = set()
    for index, (lesson, id, revision) in enumerate(data["items"]):
        question = find(lesson, id)
        if question is not None:
            kept[index] = Item(lesson, question)
            if question.revision != revision:
                changed.add(index)
    session = Session([], int(data["seed"]), source=str(data["source"]), retries=int(data["retries"]))
    # Items keep their places, and with them their shuffles, even where one between them is gone.
    session.items = tuple(kept.get(index, _GONE) for index in range(len(data["items"])))
    at = int(data["at"])
    for place, entry in enumerate(data["turns"]):
        turn = _turn(entry)
        if turn.item not in kept or (turn.item in changed and turn.attempt > 0):
            session.at -= place < at
            continue
        if turn.verdict is None:
            turn.draft = Draft.restored(entry.get("draft"), kept[turn.item].question)
        session.turns.append(Turn(turn.item) if turn.item in changed else turn)
    session.at = min(max(session.at + at, 0), len(session.turns))
    return session


_GONE = Item("", Question(id="", section="", prompt=Text(), explain=Text()))


def _turn(entry: dict[str, Any]) -> Turn:
    verdict = entry["verdict"]
    return Turn(
        item=int(entry["item"]),
        attempt=int(entry["attempt"]),
        hint=bool(entry["hint"]),
        answer=entry["answer"],
        verdict=None if verdict is None else _verdict(verdict),
        rating=None if entry["rating"] is None else Rating(entry["rating"]),
        outcome=str(entry["outcome"]),
        answered=int(entry["answered"]),
    )


def _verdict(entry: dict[str, Any]) -> Verdict:
    texts = {name: Text(**entry[name]) for name in ("why", "explain", "expected")}
    return Verdict(correct=bool(entry["correct"]), **texts)
