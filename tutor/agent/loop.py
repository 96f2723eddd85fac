"""The tutor's answer to a question, as a generator of events: found, called, said, checked.

a tool that the question plainly asks for → its result is the answer
passages that cover the question          → the model says it in its words, checked against them
neither                                   → the lessons don't cover it; the nearest sections, and an offer
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

from tutor.agent import calls, prompt, suggest
from tutor.agent.about_question import explained
from tutor.agent.asides import aside
from tutor.agent.begging import pleads
from tutor.agent.defined import defining, first_of
from tutor.agent.desk import Desk, Turn
from tutor.agent.engine import Engine
from tutor.agent.events import (
    Citation,
    Done,
    Event,
    Passage,
    Prompt,
    Retrieved,
    Spoken,
    Suggestion,
    TextDelta,
    ToolCall,
    ToolResult,
    Unsupported,
    Withdrawn,
)
from tutor.agent.follow_up import asks_on, further, language_wanted, once_more, whole
from tutor.agent.grammar import gbnf
from tutor.agent.guard import Guard
from tutor.agent.held import held
from tutor.agent.orders import without_orders
from tutor.agent.passages import asked_in, sentences
from tutor.agent.quote import Quoted, quote
from tutor.agent.retrieval import Found, find
from tutor.agent.router import Proposal, propose
from tutor.agent.verify import verify
from tutor.content.query import content_words
from tutor.domain.errors import Cancelled, TutorError
from tutor.domain.language import Text, both
from tutor.domain.posed import Posed

ANSWER_TOKENS = 160
SHORT_TOKENS = 100
CALL_TOKENS = 200
CONTEXT_CHARACTERS = 200
# Something that a tool could work on: a number, or what is quoted.
_GIVES_SOMETHING = re.compile(r"\d|[“”\"「『`]")
_IN_SHORT = Text(zh="\n\n换句话说：", en="\n\nIn other words: ")

Heard = Callable[[str], Iterator[Event]]

__all__ = ["Desk", "Turn", "answer"]


def answer(
    question: str,
    *,
    desk: Desk,
    history: Sequence[Turn] = (),
    near: str | None = None,
    context: str = "",
    alone: bool = False,
    posed: Posed | None = None,
) -> Generator[Event, None, None]:
    """What happens while `question` is answered, the last event being Done with the whole.

    `near` is the slug of the lesson on screen, `context` the text there. `alone` asks the model without the lessons;
    nothing of what it says is borne out then. At temperature 0, so that a question has one answer. Closing the iterator
    stops the model; after `desk.stop()` from another thread Done comes at once, with what was said.

    While `posed`, the quiz question on screen, is open, nothing that comes tells its answer: whoever begs gets a hint,
    stronger each time; `history` tells how strong the last was. After the verdict begging gets the answer explained.
    Hints are no part of the conversation.

    Raises TutorError where the engine fails and there is no fallback.
    """
    if posed is not None and posed.open:
        guard = Guard(posed, desk.library, history)
        # Without what is on screen, the question itself: a model that reads it may solve it.
        answering = _Answering(question, desk, guard.history(), near, "", bare=guard.bare)
        return guard.answers(question, answering.events(alone=alone))
    told = [turn for turn in history if not turn.strength]
    if posed is not None and not alone and pleads(question) and (content_words(question) or not told):
        return explained(posed, desk.library)
    return _Answering(question, desk, told, near, context).events(alone=alone)


class _Answering:
    """One question under way."""

    def __init__(
        self,
        question: str,
        desk: Desk,
        history: Sequence[Turn],
        near: str | None,
        context: str,
        *,
        bare: Callable[[str], str] = without_orders,
    ) -> None:
        """`bare` is what of a passage may be read and said."""
        self.question = question.strip()
        self.desk = desk
        self.history = history
        self.near = near
        self.context = context
        self.bare = bare
        self.language = language_wanted(question) or asked_in(question)
        self.started = time.monotonic()
        self.first: float | None = None
        self.text = ""
        self.model = ""
        self.tokens = 0
        self.calls: list[tuple[ToolCall, ToolResult]] = []
        self.citations: tuple[Citation, ...] = ()
        self.in_lessons = False

    def events(self, *, alone: bool) -> Generator[Event, None, None]:
        self.desk.toolbox.language = self.language
        try:
            yield from self._alone() if alone else self._answer()
        except Cancelled:
            offered = tuple(suggest.following(self.desk.library, self.citations))
            yield self._done(citations=self.citations, suggestions=offered, stopped=True)

    def _answer(self) -> Iterator[Event]:
        apart = aside(self.question, self.desk.library, self.near)
        if apart and (said := self.bare(apart.get(self.language))):
            self.in_lessons = True
            yield self._say(said)
            yield from self._end((), (), ())
            return
        proposal = propose(self.question) or once_more(self.question, self.history)
        if proposal is not None and (call := self._completed(proposal)):
            result = yield from self._call(call)
            if not result.failed:
                yield from self._observed(result)
                return
        found = self._found()
        yield Retrieved(found.passages, found.covered)
        if found.covered and self._quote(found.passages).answer:
            self.in_lessons = True
            yield from self._from_lessons(found.passages)
            return
        if proposal is None and (chosen := self._chosen()):
            result = yield from self._call(chosen)
            if not result.failed:
                yield from self._observed(result)
                return
        yield from self._failed() if self.calls else self._declined(found)

    def _found(self) -> Found:
        library = self.desk.library
        found = find(library, self._wanted(), near=self.near, language=self.language)
        if first := defining(self._wanted(), library, self.near, self.language):
            found = replace(found, covered=True, passages=first_of(found.passages, first))
        passages = (replace(passage, text=self.bare(passage.text)) for passage in found.passages)
        return replace(found, passages=tuple(passage for passage in passages if passage.text))

    def _wanted(self) -> str:
        """What to look for."""
        return whole(self.question, self.history, self.context[:CONTEXT_CHARACTERS])

    def _quote(self, passages: Sequence[Passage]) -> Quoted:
        """The lessons' own sentences; those that were said last are not said again to who asks on."""
        if self.history and asks_on(self.question):
            passages = further(passages, self.history[-1].answer)
        return quote(self._wanted(), passages)

    # Tools

    def _completed(self, proposal: Proposal) -> ToolCall | None:
        """The call proposed, its missing arguments written by the model; None where there is no model to do it."""
        told = next(each for each in self.desk.toolbox.schemas() if each["function"]["name"] == proposal.tool)
        required = told["function"]["parameters"].get("required", ())
        if set(required) <= proposal.arguments.keys():
            return ToolCall(proposal.tool, proposal.arguments)
        # Of what may be left out the model writes nothing: a small one would only make values up.
        written = self._written([told], [_only(told, [name for name in required if name not in proposal.arguments])])
        return written and ToolCall(written.tool, written.arguments | proposal.arguments)

    def _chosen(self) -> ToolCall | None:
        """The tool that the model would use for what no lesson covers, if any: asked where there is something to use."""
        engine, toolbox = self.desk.engine, self.desk.toolbox
        if engine is None or engine.small or not _GIVES_SOMETHING.search(self.question):
            return None
        return self._written(toolbox.schemas(), toolbox.grammar_schemas(), or_none=True)

    def _written(
        self, told: Sequence[dict[str, Any]], schemas: Sequence[dict[str, Any]], *, or_none: bool = False
    ) -> ToolCall | None:
        """A call that the model writes, `told` of the tools; the grammar admits what `schemas` admit."""
        engine = self.desk.engine
        if engine is None:
            return None
        asked = prompt.for_call(self.question, self.language)
        grammar = gbnf(schemas, or_none=or_none)
        text = "".join(engine.chat(asked.messages, tools=told, grammar=grammar, max_tokens=CALL_TOKENS))
        self.model = engine.name
        self.tokens += engine.usage.answer
        _, found = calls.read(text)
        return found[0] if found else None

    def _call(self, call: ToolCall) -> Generator[Event, None, ToolResult]:
        yield call
        observation = self.desk.toolbox.call(call.tool, call.arguments)
        result = ToolResult(call.tool, without_orders(observation.text), observation.failed)
        self.calls.append((call, result))
        yield result
        return result

    def _observed(self, result: ToolResult) -> Iterator[Event]:
        """The answer is what the tool found, its numbers untouched."""
        self.in_lessons = True
        yield self._say(result.observation)
        yield from self._end((), (), suggest.called(self.calls[-1][0]))

    def _failed(self) -> Iterator[Event]:
        """No lesson covers it, and the tool says why it cannot."""
        yield self._say(self.calls[-1][1].observation)
        yield from self._end((), (), ())

    # The lessons

    def _from_lessons(self, passages: Sequence[Passage]) -> Iterator[Event]:
        engine = self.desk.engine
        if engine is None:
            yield from self._quoted(passages)
        elif engine.small:
            yield from self._quoted_and_said(passages)
        else:
            yield from self._spoken(passages)

    def _quoted(self, passages: Sequence[Passage]) -> Iterator[Event]:
        """The lessons' own sentences."""
        quoted = self._quote(passages)
        yield self._say(quoted.answer)
        yield from self._end(quoted.citations, ())

    def _quoted_and_said(self, passages: Sequence[Passage]) -> Iterator[Event]:
        """The lessons' own sentences, at once, and then what of the model's words holds and is not said yet."""
        quoted = self._quote(passages)
        yield self._say(quoted.answer)
        yield from self._cite(quoted.citations)
        asked = prompt.in_other_words(self.question, self.language, quoted.citations)
        words = yield from self._generate(asked, lambda _: iter(()), SHORT_TOKENS)
        gist = held(words, self.question, quoted.citations, passages, self.desk.library)
        yield Spoken(words, gist)
        if gist:
            yield self._say(_IN_SHORT.get(self.language) + gist)
        yield from self._end(quoted.citations, ())

    def _spoken(self, passages: Sequence[Passage]) -> Iterator[Event]:
        """What the model makes of the passages, if that holds; else their own sentences."""
        asked = prompt.from_notes(self.question, self.language, passages, self.history, self.context)
        citations = prompt.Citations(asked.notes)
        yield from self._generate(asked, lambda piece: self._said(citations.add(piece)))
        yield from self._said(citations.end())
        checked = verify(self.text, asked.notes, self._results(), self.question, self.desk.library)
        self.text = checked.answer
        whole = {fault.text for fault in checked.unsupported}
        if asked_in(self.text) != self.language or all(sentence in whole for sentence in sentences(self.text)):
            yield Spoken(self.text, "")
            yield Withdrawn(both("What the model said does not rest on the lessons; here are their own words."))
            self.text = ""
            yield from self._quoted(passages)
        elif checked.citations:
            yield from self._end(checked.citations, checked.unsupported)
        else:
            yield from self._end(self._likeliest(asked.notes), checked.unsupported)

    def _likeliest(self, notes: Sequence[Passage]) -> tuple[Citation, ...]:
        """The section that the answer is nearest to, where the model named none."""
        nearest = quote(self.text, notes, 1).citations
        return nearest or tuple(Citation(note.lesson, note.section, sentences(note.text)[0]) for note in notes[:1])

    def _results(self) -> list[ToolResult]:
        return [result for _, result in self.calls]

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
        yield from self._generate(prompt.alone(self.question, self.language), self._said)
        why = both("This is what the model says without the lessons; nothing here bears it out.")
        marks = [Unsupported(self.text, 0, len(self.text), why)] if self.text else []
        yield from self._end((), marks, ())

    def _generate(self, asked: prompt.Asked, heard: Heard, most: int = ANSWER_TOKENS) -> Generator[Event, None, str]:
        """The model's words, each piece given to `heard`; from the fallback where the engine fails."""
        assert self.desk.engine is not None
        before = self.text
        try:
            return (yield from self._stream(self.desk.engine, asked, heard, most))
        except Cancelled:
            raise
        except TutorError as error:
            if self.desk.fallback is None:
                raise
            yield Withdrawn(error.said)
            self.text = ""
            if before:
                yield self._say(before)
            return (yield from self._stream(self.desk.fallback, asked, heard, most))

    def _stream(self, engine: Engine, asked: prompt.Asked, heard: Heard, most: int) -> Generator[Event, None, str]:
        self.model = engine.name
        words = ""
        pieces = engine.chat(asked.messages, max_tokens=most)
        with closing(cast("Generator[str, None, None]", pieces)):
            for piece in pieces:
                if not words:
                    yield Prompt(asked.text, engine.usage.prompt, engine.usage.reused)
                words += piece
                yield from heard(piece)
        self.tokens += engine.usage.answer
        return words

    def _said(self, text: str) -> Iterator[Event]:
        if text:
            yield self._say(text)

    # The end

    def _cite(self, citations: Sequence[Citation]) -> Iterator[Event]:
        """Those that were not told yet: a stop keeps what was said together with where it stands."""
        yield from (each for each in citations if each not in self.citations)
        self.citations = tuple(citations)

    def _say(self, text: str) -> TextDelta:
        if self.first is None:
            self.first = time.monotonic() - self.started
        self.text += text
        return TextDelta(text)

    def _end(
        self,
        citations: Sequence[Citation],
        unsupported: Sequence[Unsupported],
        suggestions: Iterable[Suggestion] | None = None,
    ) -> Iterator[Event]:
        offered = tuple(suggest.following(self.desk.library, citations) if suggestions is None else suggestions)
        yield from self._cite(citations)
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


def _only(told: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A tool's schema with those of its arguments alone."""
    function = told["function"]
    properties = {name: function["parameters"]["properties"][name] for name in names}
    parameters = {"type": "object", "properties": properties, "required": list(names)}
    return {**told, "function": {**function, "parameters": parameters}}
