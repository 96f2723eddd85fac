"""What a hint must not say: the right answer to a question, in any language and notation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import Any

from tutor.agent.numbers import figures, in_words
from tutor.agent.spelled import spelled_out
from tutor.content.query import content_words, terms
from tutor.domain.errors import TutorError
from tutor.domain.grading import model_answer, variant
from tutor.domain.quantity import close
from tutor.domain.quiz import Choice, Multi, Number, Option, Order, Predict, Question, Spans, TextAnswer

BLANK = "____"
BLANKS = 3  # a sentence with more of them says nothing any more
TELLING = 0.7  # of the right answer's words in a text give it away
MOST = 0.6  # of the steps of an order do
NEAR = 0.02  # of a number: what is rounded further tells little of it
ONE = 1  # in words it is mostly no number: once, first, 一样
SHORT = 3  # characters: what is shorter is looked for as a word by itself


@dataclass(frozen=True, slots=True)
class Secret:
    """The `texts` and `numbers` that answer a question; `any_number` where it is not known which does.

    `steps` are the words that stand for each item of an order, in the right order.
    """

    texts: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    tolerance: float = 0.0
    relative: bool = False
    any_number: bool = False
    steps: tuple[frozenset[str], ...] = ()

    def hidden(self, text: str) -> str:
        """`text` with a blank for each place that says the answer."""
        for secret in sorted(self.texts, key=len, reverse=True):
            text = _pattern(secret).sub(BLANK, text)
        for start, end, value in reversed(_numbers(text) if self.numbers or self.any_number else []):
            unknown = self.any_number and (value != ONE or text[start].isdigit())
            if unknown or any(self._is(value, number) for number in self.numbers):
                text = text[:start] + BLANK + text[end:]
        return text

    def blanked(self, text: str) -> str:
        """`text` with a few blanks; nothing but one where it takes more, or tells in other words."""
        masked = self.hidden(text)
        tells = self.told(masked) if masked != text else self.said(text) or self.retold(text)
        return BLANK if tells or masked.count(BLANK) > BLANKS else masked

    def told(self, text: str) -> bool:
        """Whether `text` says the answer, or most of its words."""
        return self.said(text) or self.hidden(text) != text or self.retold(text)

    def said(self, text: str) -> bool:
        """Whether `text` says the answer letter for letter, forwards or backwards, whatever stands between them."""
        folded = _folded(text)
        return any(one in folded for one in self._letters())

    def _letters(self) -> Iterator[str]:
        numbers = (str(number).removesuffix(".0") for number in self.numbers)
        for one in map(_letters_of, chain(self.texts, numbers)):
            if len(one) > SHORT:
                yield from (one, one[::-1])

    def retold(self, text: str) -> bool:
        """Whether most words of the answer stand in `text`."""
        said = set(terms(text)) if self.texts else set()
        wanted = (_content(secret) for secret in self.texts)
        retold = any(len(words) >= SHORT and len(words & said) >= TELLING * len(words) for words in wanted)
        return retold or self.in_order(text)

    def in_order(self, text: str) -> bool:
        """Whether `text` comes to most of the steps, one after the other."""
        places = (place for word in terms(text) for place, words in enumerate(self.steps) if word in words)
        met = list(dict.fromkeys(places)) if self.steps else []
        return len(met) >= max(SHORT, MOST * len(self.steps)) and met == sorted(met)

    def _is(self, value: float, number: float) -> bool:
        values = value, value * 100
        return any(close(v, number, self.tolerance, relative=self.relative) or _rounded(v, number) for v in values)


def secret(question: Question, *, expected: Any = None, seed: int | str | None = None) -> Secret:
    """What answers `question`; `expected` is the demo's value for `predict`, the tokenizer's cuts for `spans`."""
    match question:
        case Choice() | Multi():
            return _of_texts(_texts(option for option in question.options if option.correct))
        case TextAnswer():
            return _of_texts(question.accept)
        case Order():
            return _of_order(question)
        case Number():
            return _of_number(question, seed)
        case Predict():
            return _of_prediction(question, expected)
        case Spans():  # cut or whole: what stands between its letters makes no difference
            return Secret((question.text,), any_number=True)
    return Secret(any_number=True)


def _texts(options: Iterable[Option]) -> list[str]:
    return [text for option in options for text in (option.text.zh, option.text.en) if text]


def _of_texts(texts: Sequence[str]) -> Secret:
    """What is nothing but a number is hidden in every notation."""
    plain = [text.strip("`* ") for text in texts]
    numbers = tuple(value for text in plain for start, end, value in _numbers(text) if end - start == len(text))
    return Secret(tuple(plain), numbers)


def _of_order(question: Order) -> Secret:
    texts = tuple(text for item in question.items for text in (item.zh, item.en) if text)
    first: dict[str, int] = {}  # the step that a word stands for is the first that has it
    for place, item in enumerate(question.items):
        for word in (*content_words(item.zh), *content_words(item.en)):
            first.setdefault(word, place)
    steps = [frozenset(word for word in first if first[word] == place) for place in range(len(question.items))]
    return Secret(texts, steps=tuple(steps))


def _of_number(question: Number, seed: int | str | None) -> Secret:
    if question.vary and seed is None:
        return Secret(any_number=True)
    answer = float(variant(question, seed).answer)
    return Secret(numbers=(answer, -answer), tolerance=question.tolerance, relative=question.relative)


def _of_prediction(question: Predict, expected: Any) -> Secret:
    marked = _texts(option for option in question.options if option.correct)
    if expected is None:
        known = _of_texts(marked)
        digits = sum(any(one.isdigit() for one in text) for text in known.texts)
        return replace(known, any_number=not marked or digits > len(known.numbers))
    try:
        right = model_answer(question, expected)
    except TutorError:
        right = None
    if question.options and right is not None:
        marked += _texts([question.options[int(right)]])
    said = [str(one) for one in (expected if isinstance(expected, (list, tuple)) else [expected])]
    found = _of_texts([*marked, *said])
    return Secret(found.texts, found.numbers, question.tolerance, question.relative)


def _rounded(value: float, number: float) -> bool:
    """Whether `value` is `number` rounded, and still near it."""
    if not number or abs(value - number) > NEAR * abs(number):
        return False
    places = Decimal(repr(value)).normalize().as_tuple().exponent
    return isinstance(places, int) and round(number, -places) == value


@lru_cache(maxsize=4096)
def _pattern(secret: str) -> re.Pattern[str]:
    """`secret` with any blanks between its words, however it is emphasised; a short one only as a word by itself."""
    words = re.escape(unicodedata.normalize("NFKC", secret)).replace(r"\ ", r"\s*")
    edge = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
    ascii_edges = secret[:1].isascii() and secret[:1].isalnum(), secret[-1:].isascii() and secret[-1:].isalnum()
    return re.compile((edge[0] if ascii_edges[0] else "") + words + (edge[1] if ascii_edges[1] else ""), re.IGNORECASE)


def _folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


@lru_cache(maxsize=4096)
def _letters_of(secret: str) -> str:
    return _folded(secret)


@lru_cache(maxsize=4096)
def _content(secret: str) -> frozenset[str]:
    return frozenset(content_words(secret))


def _numbers(text: str) -> list[tuple[int, int, float]]:
    """The numbers of `text`, in digits and in words, in their order."""
    digits = [(one.start, one.end, float(one.value)) for one in figures(text) if one.value is not None]
    found = digits
    for spelled in (spelled_out(text), in_words(text)):
        found = found + [
            (start, end, float(value))
            for start, end, value in spelled
            if not any(a < end and start < b for a, b, _ in found)
        ]
    return sorted(found)
