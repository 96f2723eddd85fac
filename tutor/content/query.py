"""What a question asks for: its words without those that every question has, with their like in the other language."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from tutor.content.walk import HAN

LIKE = 0.2  # what a word of like meaning counts beside one that was asked for
MISSPELT = 0.8

_RUN = re.compile(f"[a-z0-9]+(?:[-_.][a-z0-9]+)*|[{HAN}]+")
_PART = re.compile("[a-z0-9]+")
# Longest first: 是怎么回事 before 怎么.
_ASKING = re.compile(
    "是怎么回事|怎么回事|是不是|能不能|可不可以|有没有|为什么|什么样|怎么样|什么是|是什么|有什么|为何|为啥|怎么|怎样|如何|什么|哪个|哪些|哪里|哪种|"
    "多少|几个|请问|告诉我|解释|讲讲|介绍|到底|究竟|可以|应该|一下|一个|一种|这个|那个|这些|那些|以及|还是|或者|但是|因为|所以|如果|"
    "干嘛|干什么|意思|时候|现在|需要|会怎样|吗|呢|吧|啊|啥|的|了|是|在|和|与|及|把|被|让|给|对|我|你|他|它|们|这|那|就|都|也|很|有|会|要|能|去|到|从|用|不|没"
)
_COMMON = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "from",
        "by",
        "with",
        "without",
        "and",
        "or",
        "but",
        "if",
        "then",
        "than",
        "as",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "am",
        "do",
        "does",
        "did",
        "doing",
        "have",
        "has",
        "had",
        "having",
        "i",
        "me",
        "my",
        "we",
        "us",
        "our",
        "you",
        "your",
        "he",
        "she",
        "it",
        "its",
        "they",
        "them",
        "their",
        "this",
        "that",
        "these",
        "those",
        "there",
        "here",
        "what",
        "which",
        "who",
        "whom",
        "whose",
        "when",
        "where",
        "why",
        "how",
        "can",
        "could",
        "should",
        "would",
        "will",
        "may",
        "might",
        "must",
        "shall",
        "not",
        "no",
        "nor",
        "so",
        "too",
        "very",
        "just",
        "only",
        "about",
        "into",
        "over",
        "under",
        "again",
        "further",
        "once",
        "all",
        "any",
        "both",
        "each",
        "few",
        "more",
        "most",
        "other",
        "some",
        "such",
        "own",
        "same",
        "s",
        "t",
        "don",
        "now",
        "get",
        "got",
        "tell",
        "explain",
        "please",
        "mean",
        "means",
        "meaning",
        "really",
        "actually",
        "vs",
        "versus",
        "between",
        "use",
        "used",
        "using",
        "right",
        "ok",
        "thing",
        "things",
        "way",
        "ways",
        "isn",
        "aren",
        "doesn",
        "didn",
        "won",
        "want",
        "know",
        "let",
        "make",
        "makes",
        "made",
        "keep",
        "keeps",
        "really",
    ]
)


def terms(text: str) -> Iterator[str]:
    """Words without a plural s, compounds such as `top-k` whole and in parts, Han characters alone and in pairs."""
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        if run[0].isascii():
            parts = _PART.findall(run)
            yield from map(singular, parts)
            if len(parts) > 1:
                yield run
        else:
            yield from (run[i : i + 2] for i in range(len(run) - 1))
            yield from run


def singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def wanted(question: str, known: Collection[str]) -> dict[str, float]:
    """The terms that `question` asks for, with what each counts; `known` are the terms that there are.

    A word that is not known is taken for the known one it may be a slip of. Words of like meaning count for less. A
    question of nothing but common words is taken as it stands.
    """
    folded = unicodedata.normalize("NFKC", question).lower()
    asked = list(_asked(folded)) or list(terms(folded))
    weights: dict[str, float] = {}
    for term in asked:
        if term not in known and (meant := _slip(term, known)):
            weights[meant] = max(weights.get(meant, 0.0), MISSPELT)
        else:
            weights[term] = 1.0
    meanings = _meanings(folded, set(weights))
    for term in meanings:
        weights.setdefault(term, LIKE)
    return weights


def content_words(question: str) -> list[str]:
    """The terms of `question` that are not common to all questions: single Han characters only where alone."""
    return list(_asked(unicodedata.normalize("NFKC", question).lower()))


def _asked(folded: str) -> Iterator[str]:
    for run in _RUN.findall(_ASKING.sub(" ", folded)):
        if run[0].isascii():
            for term in terms(run):
                if term not in _COMMON:
                    yield term
        elif len(run) == 1:
            yield run
        else:
            yield from (run[i : i + 2] for i in range(len(run) - 1))


@cache
def _groups() -> tuple[tuple[str, ...], ...]:
    path = Path(__file__).with_name("synonyms.json")
    return tuple(tuple(group) for group in json.loads(path.read_text(encoding="utf-8")))


def _meanings(folded: str, words: set[str]) -> Iterator[str]:
    """The terms of all that means the same as something in the question."""
    for group in _groups():
        if any(each in folded if not each.isascii() else singular(each) in words for each in group):
            for each in group:
                if each.isascii():
                    yield singular(each)
                elif len(each) == 1:
                    yield each
                else:
                    yield from (each[i : i + 2] for i in range(len(each) - 1))


def _slip(term: str, known: Collection[str]) -> str | None:
    """The known word that `term` is most likely a slip of: one letter off from five on, two from nine on."""
    if not term.isascii() or not term.isalpha() or len(term) < 5:
        return None
    allowed = 1 if len(term) < 9 else 2
    best: tuple[int, str] | None = None
    for word in known:
        if abs(len(word) - len(term)) <= allowed and word[0] == term[0] and word.isalpha():
            distance = _distance(term, word, allowed)
            if distance <= allowed and (best is None or (distance, word) < best):
                best = (distance, word)
    return best[1] if best else None


def _distance(a: str, b: str, limit: int) -> int:
    """Letters to insert, leave out, change or swap with their neighbour (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        last, before, row = before, row, [i]
        for j, y in enumerate(b, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]
