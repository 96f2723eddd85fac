"""The tutor's answer to a question, as a generator of events: found, called, said, checked.

a tool that the question plainly asks for → its result is the answer
passages that cover the question          → the model says it in its words, checked against them
neither                                   → the lessons don't cover it; the nearest sections, and an offer
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence

from tutor.agent import prompt, suggest
from tutor.agent.desk import Desk, Turn
from tutor.agent.engine import Engine
from tutor.agent.events import (
    Citation,
    Done,
    Event,
    Passage,
    Prompt,
    Retrieved,
    Suggestion,
    TextDelta,
    ToolCall,
    ToolResult,
    Unsupported,
    Withdrawn,
)
from tutor.agent.passages import asked_in, sentences
from tutor.agent.quote import quote
from tutor.agent.retrieval import Found, find
from tutor.agent.router import Proposal, propose
from tutor.agent.verify import verify
from tutor.content.query import content_words
from tutor.domain.errors import Cancelled, TutorError
from tutor.domain.language import both

ANSWER_TOKENS = 160

__all__ = ["Desk", "Turn", "answer"]


def answer(
    question: str,
    *,
    desk: Desk,
    history: Sequence[Turn] = (),
    near: str | None = None,
    context: str = "",
    alone: bool = False,
) -> Generator[Event, None, None]:
    """What happens while `question` is answered, the last event being Done with the whole.

    `near` is the slug of the lesson on screen, `context` the text there. `alone` asks the model without the lessons;
    nothing of what it says is borne out then. At temperature 0, so that a question has one answer. Closing the iterator
    stops the model; after `desk.stop()` from another thread Done comes at once, with what was said.

    Raises TutorError where the engine fails and there is no fallback.
    """
    return _Answering(question, desk, history, near, context).events(alone=alone)


class _Answering:
    """One question under way."""

    def __init__(self, question: str, desk: Desk, history: Sequence[Turn], near: str | None, context: str) -> None:
        self.question = question.strip()
        self.desk = desk
        self.history = history
        self.near = near
        self.context = context
        self.language = asked_in(question)
        self.started = time.monotonic()
        self.first: float | None = None
        self.text = ""
        self.model = ""
        self.tokens = 0
        self.calls: list[tuple[ToolCall, ToolResult]] = []
        self.in_lessons = False

    def events(self, *, alone: bool) -> Generator[Event, None, None]:
        self.desk.toolbox.language = self.language
        try:
            yield from self._alone() if alone else self._answer()
        except Cancelled:
            yield self._done(stopped=True)

    def _answer(self) -> Iterator[Event]:
        proposal = propose(self.question)
        if proposal is not None:
            result = yield from self._call(proposal)
            if not result.failed:
                yield from self._observed(result)
                return
        found = find(self.desk.library, self._wanted(), near=self.near)
        yield Retrieved(found.passages, found.covered)
        if not found.covered:
            yield from self._declined(found)
            return
        self.in_lessons = True
        yield from self._spoken(found) if self.desk.engine else self._quoted(found.passages)

    def _wanted(self) -> str:
        """What to look for: a question that only asks on, with the one before it."""
        if self.history and len(content_words(self.question)) < 2:
            return f"{self.history[-1].question} {self.question}"
        return self.question

    # Tools

    def _call(self, proposal: Proposal) -> Generator[Event, None, ToolResult]:
        call = ToolCall(proposal.tool, proposal.arguments)
        yield call
        observation = self.desk.toolbox.call(call.tool, call.arguments)
        result = ToolResult(call.tool, observation.text, observation.failed)
        self.calls.append((call, result))
        yield result
        return result

    def _observed(self, result: ToolResult) -> Iterator[Event]:
        """The answer is what the tool found, its numbers untouched."""
        self.in_lessons = True
        yield self._say(result.observation)
        yield from self._end((), (), suggest.called(self.calls[-1][0]))

    # The lessons

    def _quoted(self, passages: Sequence[Passage]) -> Iterator[Event]:
        """The lessons' own sentences."""
        quoted = quote(self.question, passages)
        yield self._say(quoted.answer)
        yield from self._end(quoted.citations, ())

    def _spoken(self, found: Found) -> Iterator[Event]:
        """What the model makes of the passages, if that holds; else their own sentences."""
        asked = prompt.from_lessons(self.question, self.language, found.passages, self.history, self.context)
        yield from self._generate(asked, prompt.Citations(asked.notes))
        checked = verify(self.text, asked.notes, [result for _, result in self.calls], self.question)
        self.text = checked.answer
        if len(checked.unsupported) >= len(sentences(self.text)) or asked_in(self.text) != self.language:
            yield Withdrawn(both("What the model said does not rest on the lessons; here are their own words."))
            self.text = ""
            yield from self._quoted(found.passages)
            return
        yield from self._end(checked.citations, checked.unsupported)

    def _declined(self, found: Found) -> Iterator[Event]:
        said = both("The lessons don't cover this.")
        if found.nearest:
            said = both(
                "The lessons don't cover this. The nearest sections: {sections}.",
                sections=" ".join(f"[{each.lesson}#{each.section}]" for each in found.nearest),
            )
        yield self._say(said.get(self.language))
        offers = [*suggest.nearest(found.nearest)]
        if self.desk.engine:
            offers.append(suggest.alone(self.question))
        yield from self._end((), (), offers)

    # The model

    def _alone(self) -> Iterator[Event]:
        yield from self._generate(prompt.alone(self.question, self.language), None)
        why = both("This is what the model says without the lessons; nothing here bears it out.")
        marks = [Unsupported(self.text, 0, len(self.text), why)] if self.text else []
        yield from self._end((), marks)

    def _generate(self, asked: prompt.Asked, citations: prompt.Citations | None) -> Iterator[Event]:
        """The model's answer as it comes; from the fallback where the engine fails."""
        assert self.desk.engine is not None
        try:
            yield from self._stream(self.desk.engine, asked, citations)
        except Cancelled:
            raise
        except TutorError as error:
            if self.desk.fallback is None:
                raise
            yield Withdrawn(error.said)
            self.text = ""
            yield from self._stream(self.desk.fallback, asked, citations)

    def _stream(self, engine: Engine, asked: prompt.Asked, citations: prompt.Citations | None) -> Iterator[Event]:
        self.model = engine.name
        told = False
        for piece in engine.chat(asked.messages, max_tokens=ANSWER_TOKENS):
            if not told:
                told = True
                yield Prompt(asked.text, engine.usage.prompt, engine.usage.reused)
            if said := citations.add(piece) if citations else piece:
                yield self._say(said)
        if citations and (said := citations.end()):
            yield self._say(said)
        self.tokens += engine.usage.answer

    # The end

    def _say(self, text: str) -> TextDelta:
        if self.first is None:
            self.first = time.monotonic() - self.started
        self.text += text
        return TextDelta(text)

    def _end(
        self,
        citations: Sequence[Citation],
        unsupported: Sequence[Unsupported],
        suggestions: Iterator[Suggestion] | Sequence[Suggestion] | None = None,
    ) -> Iterator[Event]:
        offered = tuple(suggest.following(self.desk.library, citations) if suggestions is None else suggestions)
        yield from citations
        yield from unsupported
        yield from offered
        yield self._done(citations=tuple(citations), unsupported=tuple(unsupported), suggestions=offered)

    def _done(
        self,
        *,
        citations: tuple[Citation, ...] = (),
        unsupported: tuple[Unsupported, ...] = (),
        suggestions: tuple[Suggestion, ...] = (),
        stopped: bool = False,
    ) -> Done:
        return Done(
            self.text,
            self.in_lessons,
            citations,
            tuple(self.calls),
            unsupported,
            suggestions,
            self.model,
            self.tokens,
            time.monotonic() - self.started,
            self.first,
            stopped,
        )
