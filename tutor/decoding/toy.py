"""A model small enough to think through: a table from the text so far to logits.

It says what it is told after each text; where a text is not listed, it has finished. Its logits are float64, so that
figures agree with a hand's to the last digit.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from tutor.decoding.distribution import Logits, log_softmax
from tutor.domain.errors import UsageError
from tutor.domain.plaintext import clean, visible

MAX_ENTRIES = 50  # tokens of a toy's list, and texts that a toy knows
MAX_CHARACTERS = 40  # of a toy's token
MAX_LOGIT = 1000
MAX_SEQUENCES = 100
MAX_SEARCH = 10_000  # prefixes looked at to list a toy's sequences

Row = list[tuple[str, float]]
Toy = dict[str, Row]


class _ToyVocabulary:
    """The words of a toy, numbered as they first appear. Words that a text does not list are impossible after it.

    The prompt is not part of a toy's text; its words only count as seen, for the repetition penalty.
    """

    def __init__(self, toy: Toy) -> None:
        self.toy = toy
        self.words = list(dict.fromkeys(word for row in toy.values() for word, _ in row))

    def logits(self, text: str) -> Logits:
        """After `text`, (words,)."""
        logits = np.full(len(self.words), -np.inf)
        for word, logit in self.toy[text]:
            logits[self.words.index(word)] = logit
        return cast("Logits", logits)

    def piece(self, id: int) -> bytes:
        return self.words[id].encode()

    def label(self, id: int) -> str:
        return self.words[id]

    def finishes(self, text: str) -> bool:
        return text not in self.toy


class ToyModel(_ToyVocabulary):
    """A toy as `tutor.decoding.steps` wants a model."""

    def __init__(self, toy: Toy) -> None:
        super().__init__(toy)
        self.text: str | None = None

    def evaluate(self, ids: Sequence[int]) -> Logits:
        self.text = "" if self.text is None else self.text + "".join(self.words[id] for id in ids)
        return self.logits(self.text)

    def ends(self, id: int) -> bool:
        return self.finishes(f"{self.text}{self.words[id]}")


class ToyBeams(_ToyVocabulary):
    """A toy as `tutor.decoding.beam` wants a model."""

    def __init__(self, toy: Toy) -> None:
        super().__init__(toy)
        self.texts = [""]

    def start(self, prompt: Sequence[int]) -> Logits:
        self.texts = [""]
        return self.logits("")

    def extend(self, extensions: Sequence[tuple[int, int]]) -> list[Logits]:
        self.texts = [self.texts[parent] + self.words[id] for parent, id in extensions]
        return [self.logits(text) for text in self.texts]

    def ends(self, id: int, beam: int) -> bool:
        return self.finishes(self.texts[beam] + self.words[id])


def read_toy(given: Any) -> Toy:
    """The toy that `logits` describes. Raises UsageError saying which entry is none."""
    table = given if isinstance(given, dict) else {"": given}
    if "" not in table:
        raise UsageError('`logits` needs an entry for the start, under "".')
    return {text: _read_row(text, row) for text, row in table.items()}


def _read_row(text: str, given: Any) -> Row:
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_ENTRIES:
        raise UsageError(
            "`logits` after “{text}” must be a list of 1 to {high} pairs [token, logit].",
            text=visible(text[:MAX_CHARACTERS]),
            high=MAX_ENTRIES,
        )
    row = [_read_pair(pair) for pair in given]
    if len({word for word, _ in row}) < len(row):
        raise UsageError("`logits` after “{text}” names a token twice.", text=visible(text[:MAX_CHARACTERS]))
    return row


def _read_pair(pair: Any) -> tuple[str, float]:
    match pair:
        case [str(word), bool()]:
            pass
        case [str(word), int() | float() as logit] if 1 <= len(word) <= MAX_CHARACTERS and abs(logit) <= MAX_LOGIT:
            return word, float(logit)
    raise UsageError(
        "An entry of `logits` must be [token, logit]: 1 to {characters} characters, and a number from "
        "-{high} to {high}; not {given}.",
        characters=MAX_CHARACTERS,
        high=MAX_LOGIT,
        given=visible(json.dumps(pair, ensure_ascii=False)[:MAX_CHARACTERS]),
    )


def row_logprobs(row: Row) -> list[float]:
    """The log-probabilities of a row's tokens, in its order."""
    logprobs: list[float] = log_softmax(np.array([logit for _, logit in row])).tolist()
    return logprobs


def sequences(toy: Toy) -> list[dict[str, Any]]:
    """All that the toy can write, most probable first, at most MAX_SEQUENCES of them.

    A prefix is at least as probable as what grows from it, so taking the best prefix first finds the whole
    texts in order: exact search, which real vocabularies do not allow.
    """
    waiting: list[tuple[float, int, str]] = [(0.0, 0, "")]  # (-ln P, tokens, text)
    found: list[dict[str, Any]] = []
    for _ in range(MAX_SEARCH):
        if not waiting or len(found) == MAX_SEQUENCES:
            break
        nll, length, text = heapq.heappop(waiting)
        if text in toy:
            row = toy[text]
            for (word, _logit), logprob in zip(row, row_logprobs(row), strict=True):
                heapq.heappush(waiting, (nll - logprob, length + 1, text + word))
        else:
            found.append({"text": clean(text), "length": length, "logprob": -nll, "probability": math.exp(-nll)})
    return found
