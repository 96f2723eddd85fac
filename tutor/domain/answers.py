"""From what was typed to an answer, and what both sides of a comparison are brought to before they are compared."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tutor.domain.errors import UsageError
from tutor.domain.language import Text
from tutor.domain.plaintext import visible
from tutor.domain.quantity import parse_quantity
from tutor.domain.quiz import Choice, Multi, Number, Option, Order, Predict, Question, Spans

if TYPE_CHECKING:
    from tutor.domain.model import TokenPiece

# An answer by the kind of its question: choice int, multi frozenset[int], number float, text str,
# order tuple[int, ...], spans frozenset[int]; predict int (an option's index), float, str or list.
Answer = Any

MAX_TYPED = 2000  # characters of a typed answer

_LISTED = re.compile(r"[,;、\s]+")
# Not among them: the signs that mean something in an answer (# < > + * / \ @ = | ~ ^ & % $).
_PUNCTUATION = re.compile("[-.,;:!?'\"`()\\[\\]{}_\u2010-\u2015\u2018-\u201f。、《》〈〉「」『』【】·…]")


def parse_answer(question: Question, typed: str, *, order: Sequence[int] = ()) -> Answer:
    """The answer that `typed` means.

    Options and items are named by number (from 1), by letter, or by their text in either language. `order` is the
    permutation they were shown in (`option_order`); without it numbers and letters count in the file's order.
    Raises UsageError saying what was expected.
    """
    if len(typed) > MAX_TYPED:
        raise UsageError("An answer may have {limit} characters.", limit=MAX_TYPED)
    text = unicodedata.normalize("NFKC", typed).strip()
    match question:
        case Choice() | Predict(options=[_, *_]):
            texts = [option.text for option in question.options]
            found = _pick(texts, text, order)
            if found is None:
                raise _not_an_option(typed, len(texts))
            return found
        case Multi():
            return _parse_multi(question, text, typed, order)
        case Number():
            return parse_quantity(typed, question.unit)
        case Order():
            return _parse_order(question, text, typed, order)
        case Spans():
            return _parse_spans(question, typed)
        case Predict():
            return _parse_value(text, question.unit)
        case _:
            return typed.strip()


def plain_answer(answer: Answer) -> Any:
    """`answer` as JSON data: sets sorted, tuples as lists. `grade` takes it back in this form too."""
    if isinstance(answer, (set, frozenset)):
        return sorted(answer)
    return list(answer) if isinstance(answer, tuple) else answer


def _pick(texts: Sequence[Text], typed: str, order: Sequence[int] = ()) -> int | None:
    shown = order or range(len(texts))
    word = typed.strip().removesuffix(".").removesuffix(")").strip()
    if word.isascii() and word.isdigit() and 1 <= int(word[:4]) <= len(texts):
        return shown[int(word) - 1]
    if len(word) == 1 and 0 <= ord(word.lower()) - ord("a") < len(texts):
        return shown[ord(word.lower()) - ord("a")]
    for index, text in enumerate(texts):
        if fold(typed) and fold(typed) in (fold(text.zh), fold(text.en)):
            return index
    return None


def _not_an_option(typed: str, n: int) -> UsageError:
    return UsageError(
        "“{typed}” is not one of the {n} options.",
        hint="Type an option's number (1 to {n}), its letter (a to {last}) or its text.",
        typed=visible(typed[:40]),
        n=n,
        last=chr(ord("a") + n - 1),
    )


def _parse_multi(question: Multi, text: str, typed: str, order: Sequence[int]) -> frozenset[int]:
    texts = [option.text for option in question.options]
    whole = _pick(texts, text, order)
    if whole is not None:
        return frozenset([whole])
    words = [word for word in _LISTED.split(text.strip("[]")) if word]
    # Letters without anything between them, and digits too while every option has one digit.
    if len(words) == 1 and (text.isalpha() or (text.isdigit() and len(texts) < 10)):
        words = list(text)
    chosen = [_pick(texts, word, order) for word in words]
    if not chosen or None in chosen:
        by_text = [_pick(texts, part, order) for part in re.split(r"[;\n]", text)]
        if None in by_text:
            raise UsageError(
                "“{typed}” does not name options of the {n} there are.",
                hint="Type their numbers or letters, as in 1,3 or ac.",
                typed=visible(typed[:40]),
                n=len(texts),
            )
        chosen = by_text
    return frozenset(index for index in chosen if index is not None)


def _parse_order(question: Order, text: str, typed: str, order: Sequence[int]) -> tuple[int, ...]:
    n = len(question.items)
    listed = _json_list(text)
    if listed is not None and sorted(map(str, listed)) == sorted(map(str, range(n))):
        return tuple(int(index) for index in listed)  # indices as the file has them, as an answer is kept
    words = [str(word) for word in listed] if listed is not None else [w for w in _LISTED.split(text) if w]
    if len(words) == 1 and n < 10 and len(text) == n:
        words = list(text)
    found = [_pick(question.items, word, order) for word in words]
    if len(found) != n or set(found) != set(range(n)):
        raise UsageError(
            "“{typed}” is not an order of the {n} items.",
            hint="Name each item once, first to last, as in {example}.",
            typed=visible(typed[:40]),
            n=n,
            example=",".join(str(i) for i in range(n, 0, -1)),
        )
    return tuple(index for index in found if index is not None)


def _parse_spans(question: Spans, typed: str) -> frozenset[int]:
    for text in (typed, typed.strip()):
        cut = _cuts_marked(question.text, text)
        if cut is not None:
            return cut
    numbers = [word for word in _LISTED.split(unicodedata.normalize("NFKC", typed).strip(" []")) if word]
    if numbers and all(word.isdigit() and 0 < int(word[:9]) < len(question.text) for word in numbers):
        return frozenset(int(word) for word in numbers)
    raise UsageError(
        "“{typed}” does not cut the text “{text}”.",
        hint="Write the text with | at each cut, or the positions of the cuts between 1 and {last}, as in 2,5.",
        typed=visible(typed[:60]),
        text=visible(question.text),
        last=len(question.text) - 1,
    )


def _cuts_marked(text: str, typed: str) -> frozenset[int] | None:
    """Where `typed`, which is `text` with | put in, has its cuts; None when it is another text."""
    start = len(text) - len(text.lstrip()) if typed[:1] != text[:1] else 0  # a shell may have eaten the first space
    at, cuts = start, set()
    for character in typed:
        if at < len(text) and character == text[at]:
            at += 1
        elif character in "|｜":
            cuts.add(at)
        else:
            return None
    if text[at:].strip():
        return None
    return frozenset(cut for cut in cuts if 0 < cut < len(text))


def _parse_value(text: str, unit: str) -> float | str | list[Any]:
    listed = _json_list(text)
    if listed is not None:
        return listed
    try:
        return parse_quantity(text, unit)
    except UsageError:
        return text


def _json_list(text: str) -> list[Any] | None:
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def fold(text: str) -> str:
    """`text` as answers are compared: NFKC, case folded, without spaces and common punctuation.

    A point between digits and a minus before a number stay; a text of nothing but punctuation stays as it is.
    """
    text = unicodedata.normalize("NFKC", text).replace("\u2212", "-").replace("Ġ", " ").replace("▁", " ").casefold()
    bare = re.sub(r"(?<=\d)\.(?=\d)", "\ue000", text)
    bare = re.sub(r"(?<![\w)])-(?=\d)", "\ue001", bare)
    bare = re.sub(r"\s", "", _PUNCTUATION.sub("", bare))
    return bare.replace("\ue000", ".").replace("\ue001", "-") or text.strip()


def cuts(given: Iterable[Any]) -> frozenset[int]:
    """Where a tokenizer cuts, as character offsets: from offsets, from the tokens' texts, or from token pieces.

    Between two pieces that share a character (a token may end inside one) there is no cut.
    """
    tokens = list(given)
    if all(isinstance(token, int) for token in tokens):
        return frozenset(tokens)
    if all(isinstance(token, str) for token in tokens):
        ends = [sum(map(len, tokens[: i + 1])) for i in range(len(tokens) - 1)]
        return frozenset(ends) - {0}
    spans = [_range(token) for token in tokens]
    return frozenset(b[0] for a, b in pairwise(spans) if b[0] > 0 and a[1] <= b[0])


def _range(token: TokenPiece | dict[str, Any]) -> tuple[int, int]:
    return (token["start"], token["end"]) if isinstance(token, dict) else (token.start, token.end)


def mark_cuts(text: str, offsets: Collection[int]) -> str:
    """`text` with | at each cut."""
    edges = [0, *sorted(offsets), len(text)]
    return "|".join(text[a:b] for a, b in pairwise(edges))


def option_order(question: Question, seed: int | str) -> tuple[int, ...]:
    """The order to show options or items in: file indices, the same for the same seed on every machine and Python.

    Items that are to be put in order never come in the right one.
    """
    shown: Sequence[Option | Text] = ()
    match question:
        case Choice() | Multi() | Predict():
            shown = question.options
        case Order():
            shown = question.items
    indices = sorted(range(len(shown)), key=lambda index: draw(seed, question.id, index))
    if isinstance(question, Order) and len(indices) > 1 and indices == sorted(indices):
        indices = [*indices[1:], indices[0]]
    return tuple(indices)


def draw(seed: int | str, *names: object) -> int:
    """A number that looks random and depends on nothing but its arguments (64 bits of SHA-256)."""
    digest = hashlib.sha256("\0".join(map(str, (seed, *names))).encode()).digest()
    return int.from_bytes(digest[:8], "big")
