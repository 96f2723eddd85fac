"""While a quiz question stands open: whoever begs gets a hint, and nothing that is said or shown tells the answer.

The lessons are read without the sentences that tell. What comes of it, a model's own words too, is heard sentence by
sentence before it is passed on, with blanks where the answer would be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from tutor.agent import hints
from tutor.agent.about_question import a_hint
from tutor.agent.begging import begs
from tutor.agent.desk import Turn
from tutor.agent.events import (
    Done,
    Event,
    Prompt,
    Retrieved,
    Suggestion,
    TextDelta,
    ToolCall,
    ToolResult,
    Unsupported,
    Withdrawn,
)
from tutor.agent.orders import without_orders
from tutor.agent.passages import asked_in, spans
from tutor.agent.secrets import BLANK, Secret, secret
from tutor.content.library import Library
from tutor.domain.language import Text, both, tr
from tutor.domain.posed import Posed
from tutor.domain.quiz import Predict

STREWN = 1.5  # times its length an answer may be spread over sentences and still be one
AROUND = 12  # characters by which a stretch of an answer is known again

_CITED = re.compile(r"\[[a-z0-9-]+#[a-z0-9-]+\]")
# A model's words that tell by pointing: at a place among the options, or at what the reader has said.
_POINTS = re.compile(
    r"\b(?:right|correct|true) (?:one|answer|option|choice)s?\b|\b(?:the|your) answer\b|\banswer\s*[:：]"
    r"|\b(?:option|choice|answer|number|letter) (?:[a-h]|\d|one|two|three|four|five|six)\b"
    r"|\b(?:first|second|third|fourth|fifth|sixth|last) (?:one|option|choice|answer|item)\b"
    r"|\byou(?:'re| are| were| have it| got it) (?:right|correct|wrong)\b"
    r"|^\W*(?:yes|no|correct|right|exactly|indeed|wrong|true|false)\b\W*$|^\W*[a-h]\b\W*$"
    r"|正确(?:的)?(?:答案|选项)|答案(?:是|为|：|:)|选项?\s*[a-h一二三四五六\d]|(?:是|选)?第[一二三四五六\d]个|你(?:说|选|答)(?:得)?(?:对|错)"
    r"|^\W*(?:对的?|是的?|没错|正确|不对|不是|错了?)\W*$",
    re.IGNORECASE,
)


class Guard:
    """For one request while `posed` is open; `history` holds the turns before it."""

    def __init__(self, posed: Posed, library: Library, history: Sequence[Turn]) -> None:
        self._posed = posed
        self._library = library
        self._history = history
        self._hidden = secret(posed.question)

    def history(self) -> list[Turn]:
        """The turns before without hints and begging, and without what tells."""
        kept = [turn for turn in self._history if not turn.strength and not begs(turn.question, self._posed.question)]
        return [replace(turn, question=self.bare(turn.question), answer=self.bare(turn.answer)) for turn in kept]

    def bare(self, text: str) -> str:
        """`text`, which is only data, with a blank for each sentence or word in it that tells."""
        kept, end = [], 0
        plain = without_orders(text)
        for start, stop in spans(plain):
            kept += [plain[end:start], self._hidden.blanked(plain[start:stop])]
            end = stop
        whole = "".join([*kept, plain[end:]])
        return "" if self._hidden.said(whole) else whole

    def answers(self, request: str, events: Generator[Event]) -> Generator[Event]:
        """`events`, which answer `request`, as they may be heard; a hint instead where it begs or nothing is left."""
        with closing(events):
            if begs(request, self._posed.question, self._begged_before()):
                yield from self._refused()
                return
            heard = yield from self._heard(request, events)
            if not heard:
                yield from self._refused()

    def _begged_before(self) -> str:
        last = self._history[-1] if self._history else None
        return last.question if last and (last.strength or begs(last.question, self._posed.question)) else ""

    def _refused(self) -> Iterator[Event]:
        given = max((turn.strength for turn in self._history), default=0)
        said = tr(
            "I do not tell the answer while the question is open. Answer it, a guess will do, or leave it for now. A hint:"
        )
        yield from a_hint(self._posed, min(given + 1, max(hints.STRENGTHS)), self._library, before=said)

    def _heard(self, request: str, events: Iterator[Event]) -> Generator[Event, None, bool]:
        """The events as they may be heard, and whether anything was left to say."""
        sieve = _Sieve(self._hidden)
        called: ToolCall | None = None
        for event in events:
            match event:
                case Retrieved():
                    found = self._found(event)
                    sieve.given = "\n".join(passage.text for passage in found.passages)
                    yield found
                case ToolCall():
                    called = event  # seen when it is known what came of it
                case ToolResult():
                    if self._told(event.observation) or (called and self._told(_written(called.arguments))):
                        return False
                    yield from filter(None, (called, event))
                case Prompt():  # made of what was read through `bare`, and of the request
                    yield event
                case TextDelta():
                    if ready := sieve.add(event.text):
                        yield TextDelta(ready)
                case Withdrawn():
                    sieve = _Sieve(self._hidden, sieve.given)
                    yield event
                case Done():
                    return (yield from self._end(request, event, sieve))
        return True

    def _found(self, found: Retrieved) -> Retrieved:
        # Their texts were read through `bare`.
        passages = (
            replace(each, title=Text() if self._named(each.title) else each.title, pointed=())
            for each in found.passages
        )
        return replace(found, passages=tuple(passages))

    def _end(self, request: str, done: Done, streamed: _Sieve) -> Generator[Event, None, bool]:
        """The rest of what was said, and the end with what may stand in it."""
        if rest := streamed.end():
            yield TextDelta(rest)
        sieve = _Sieve(self._hidden, streamed.given)
        sieve.add(done.answer)
        sieve.end()
        whole = sieve.said
        if not whole and done.answer and not done.stopped:
            return False
        if note := _note(whole, left_out=sieve.left_out):
            added = f"\n\n{note.get(asked_in(request))}"
            whole += added
            yield TextDelta(added)
        end = replace(
            done,
            answer=whole,
            citations=tuple(
                each
                for each in done.citations
                if (place := f"[{each.lesson}#{each.section}]") in whole or place not in done.answer
            ),
            unsupported=tuple(_moved(done, whole)),
            suggestions=tuple(each for each in done.suggestions if self._may_be_offered(each)),
        )
        yield from end.citations
        yield from end.unsupported
        yield from end.suggestions
        yield end
        return True

    def _told(self, text: str) -> bool:
        return any(self._hidden.told(text[start:stop]) for start, stop in spans(text)) or self._hidden.said(text)

    def _named(self, text: Text) -> bool:
        return self._hidden.told(text.zh) or self._hidden.told(text.en)

    def _may_be_offered(self, each: Suggestion) -> bool:
        question = self._posed.question
        if each.kind == "alone":
            return True
        if isinstance(question, Predict) and each.target == question.demo:
            return False
        itself = f"{self._posed.lesson}#{question.id}"
        return each.target != itself and not self._named(each.title) and not self._told(_written(each.given))


class _Sieve:
    """Text that comes in pieces, passed on by the sentence. `given` is what may be said whatever it points at."""

    def __init__(self, hidden: Secret, given: str = "") -> None:
        self._hidden = hidden
        self.given = given
        self.said = ""
        self.left_out = False
        self._waiting = ""

    def add(self, piece: str) -> str:
        """What may be heard now that `piece` has come; its last sentence waits, as it may go on."""
        self._waiting += piece
        return self._passed([*spans(self._waiting)][:-1])

    def end(self) -> str:
        return self._passed([*spans(self._waiting)])

    def _passed(self, places: Sequence[tuple[int, int]]) -> str:
        passed, end = "", 0
        for start, stop in places:
            if heard := self._sentence(self._waiting[start:stop]):
                between = self._waiting[end:start]
                piece = between + heard if self.said else heard
                passed, self.said = passed + piece, self.said + piece
            else:
                self.left_out = True
            end = stop
        self._waiting = self._waiting[end:]
        return passed

    def _sentence(self, sentence: str) -> str:
        """`sentence` as it may be said after what was said; empty where it may not, or says nothing any more."""
        masked = self._hidden.blanked(sentence)
        words = _CITED.sub("", masked).strip()
        points = words not in self.given and _POINTS.search(words)
        whole = f"{self.said} {masked}"
        spread = (
            self._hidden.said(whole) or self._hidden.in_order(whole) or self._hidden.retold(self._just_said() + words)
        )
        if points or spread or not any(one.isalnum() for one in words):
            return ""
        return masked

    def _just_said(self) -> str:
        """So much of what was said last as the answer itself would take: it may be strewn over short sentences."""
        room = round(STREWN * max(map(len, self._hidden.texts), default=0))
        return f"{self.said[-room:]} " if room else ""


def _note(said: str, *, left_out: bool) -> Text:
    """What is to be known about `said`, if anything of it was blanked or left out."""
    if BLANK in said:
        return both("{blank} stands for what would tell the answer while the question is open.", blank=BLANK)
    return both("What would tell the answer is left out while the question is open.") if left_out else Text()


def _moved(done: Done, whole: str) -> Iterator[Unsupported]:
    """The doubts about the answer where they stand in what is left of it, `whole`."""
    for each in done.unsupported:
        if each.text == done.answer:
            yield replace(each, text=whole, start=0, end=len(whole))
            continue
        before = done.answer[max(0, each.start - AROUND) : each.start]
        found = whole.find(before + each.text + done.answer[each.end : each.end + AROUND])
        if found >= 0:
            start = found + len(before)
            yield replace(each, start=start, end=start + len(each.text))


def _written(given: object) -> str:
    return json.dumps(given, ensure_ascii=False, default=str)
