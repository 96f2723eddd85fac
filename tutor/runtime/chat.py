"""An answer in a conversation: what its beginning has in common with earlier ones is not evaluated again, and a grammar
may say what the answer can be. Runs in the worker.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import llama_cpp.llama_cpp as lib
import numpy as np

from tutor.decoding.distribution import Ids, Logits
from tutor.decoding.steps import decode
from tutor.domain.errors import UsageError
from tutor.domain.model import ChatPiece, Strategy
from tutor.runtime.llama import CHUNK, Engine, Held

# Beginnings that are remembered: a tutor's in two languages, and that of its tool calls. 400 tokens of Qwen's smallest
# are 5 MB each.
BEGINNINGS = 3

Progress = Callable[[float], None]


class Chats:
    """The conversations of one engine. What comes before their last messages is evaluated once and kept for others.

    Only whole chunks are reused, as a prompt does, so that one conversation is answered alike whatever was asked before.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._beginnings: list[Held] = []  # latest last

    def answer(
        self,
        ids: Sequence[int],
        *,
        grammar: str,
        max_tokens: int,
        strategy: Strategy,
        stop: Sequence[str],
        progress: Progress,
    ) -> Iterator[ChatPiece]:
        """Up to `max_tokens` tokens after the conversation `ids`, as ChatPieces; the text ends before any of `stop`."""
        engine = self._engine
        before = engine.evaluated
        logits = self._evaluate(ids, max_tokens, progress)
        reused = len(ids) - (engine.evaluated - before)
        plain = strategy.kind == "greedy" and strategy.repeat_penalty == 1
        constraint = Grammar(grammar, engine.vocabulary.handle, judge_all=not plain) if grammar else None
        model = _Answer(engine, logits, constraint)
        text = Stopping(stop)
        for step in decode(model, ids, strategy, max_tokens=max_tokens, top=0):
            piece = text.end(step.text) if step.finished else text.add(step.text)
            yield ChatPiece(piece, step.id, prompt=len(ids), reused=reused, finished=step.finished or text.stopped)
            if text.stopped:
                return
        if rest := text.end(""):
            yield ChatPiece(rest, step.id, prompt=len(ids), reused=reused)

    def _evaluate(self, ids: Sequence[int], room: int, progress: Progress) -> Logits:
        """The logits after `ids`, from the longest beginning that is known."""
        engine = self._engine
        known = [held for held in self._beginnings if held.ids == tuple(ids[: len(held.ids)])]
        longest = max(known, key=lambda held: len(held.ids), default=None)
        if longest and len(longest.ids) > engine.begins_with(ids):
            engine.restore(longest, room=len(ids) + room)
        length = self._beginning(ids)
        if length and not (longest and len(longest.ids) == length):
            engine.prompt(ids[:length], room=len(ids) - length + room, progress=progress)
            longest = engine.held()
        if longest:
            self._beginnings = [*(held for held in self._beginnings if held is not longest), longest][-BEGINNINGS:]
        return engine.prompt(ids, room=room, progress=progress)

    def _beginning(self, ids: Sequence[int]) -> int:
        """How many tokens there are before the last message, in whole chunks."""
        ends = self._engine.vocabulary.ends
        turns = [place for place, id in enumerate(ids) if ends(id)]
        return turns[-2] // CHUNK * CHUNK if len(turns) > 1 else 0


class _Answer:
    """The engine as decoding sees it: the prompt is evaluated already, and the grammar has a say in what follows."""

    def __init__(self, engine: Engine, logits: Logits, grammar: Grammar | None) -> None:
        self._engine = engine
        self._first: Logits | None = logits
        self._grammar = grammar
        vocabulary = engine.vocabulary
        self.piece, self.label, self.ends = vocabulary.piece, vocabulary.label, vocabulary.ends

    def evaluate(self, ids: Sequence[int]) -> Logits:
        if self._first is not None:
            logits, self._first = self._first, None
        else:
            if self._grammar:
                self._grammar.accept(ids[-1])
            logits = self._engine.extend(ids[-1])
        if self._grammar:
            self._engine.abort.check()
            logits = self._grammar.allowed(logits)
        return logits


# llama_token_data
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
# Tokens judged before all are.
FEW = 256


class Grammar:
    """A text that must keep to a grammar in GBNF, with its start symbol `root`, token by token.

    Judging all of 150,000 tokens takes half a second. Where the most likely one that is allowed will be taken, the most
    likely of all is judged first, then a few; only with `judge_all` may any other be taken.
    """

    def __init__(self, source: str, vocabulary: Any, *, judge_all: bool) -> None:
        self._judge_all = judge_all
        self._sampler = lib.llama_sampler_init_grammar(vocabulary, source.encode(), b"root")
        if not self._sampler:
            raise UsageError("The grammar cannot be read.", hint="It must be GBNF with a rule named root.")

    def __del__(self) -> None:
        if getattr(self, "_sampler", None):
            lib.llama_sampler_free(self._sampler)

    def accept(self, id: int) -> None:
        """`id`, which was allowed, is the next token of the text."""
        lib.llama_sampler_accept(self._sampler, id)

    def allowed(self, logits: Logits) -> Logits:
        """`logits` (n_vocab,), minus infinity where a token may not come next: at least those above the best that may."""
        judged = logits.copy()
        for ids in self._stages(logits):
            judged[ids] = self._judged(logits, ids)
            if np.isfinite(judged[ids]).any():
                break
        return judged

    def _stages(self, logits: Logits) -> Iterator[Ids]:
        if not self._judge_all:
            yield np.array([logits.argmax()])
            yield np.argpartition(-logits, min(FEW, len(logits) - 1))[:FEW]
        yield np.arange(len(logits))

    def _judged(self, logits: Logits, ids: Ids) -> Logits:
        """The logits of `ids`, minus infinity where a token may not come next."""
        candidates = np.zeros(len(ids), dtype=_CANDIDATE)
        candidates["id"] = ids
        candidates["logit"] = logits[ids]
        data = candidates.ctypes.data_as(lib.llama_token_data_p)
        array = lib.llama_token_data_array(data=data, size=len(ids), selected=-1, sorted=False)
        lib.llama_sampler_apply(self._sampler, ctypes.byref(array))
        return candidates["logit"]


class Stopping:
    """A text in pieces, of which what may be the beginning of a stop is held back until it is known."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._waiting = ""
        self.stopped = False

    def add(self, piece: str) -> str:
        """What can be said after `piece` came."""
        text = self._waiting + piece
        found = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if found:
            self.stopped, self._waiting = True, ""
            return text[: min(found)]
        held = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._waiting = text[len(text) - held :]
        return text[: len(text) - held]

    def end(self, piece: str) -> str:
        """All that is left, `piece` being the last."""
        said = self.add(piece)
        rest, self._waiting = self._waiting, ""
        return said + rest


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` are the beginning of `stop`."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
