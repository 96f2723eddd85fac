"""What a question asks for: its words without those that every question has, with their like in the other language."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, pairwise
from pathlib import Path

from tutor.content.walk import HAN

LIKE = 0.2  # what a word of like meaning counts beside one that was asked for
MISSPELT = 0.9
WEAK = 0.6  # a Han pair with a character such as 对 or 能, which may be grammar or part of a word
COMPOUND = 1.0
SUBJECT = 1.5  # a word for what lessons are about
GENERAL = 0.5

_FOLDER = Path(__file__).parent
_RUN = re.compile(f"[a-z0-9]+(?:[-_.][a-z0-9]+)*|[{HAN}]+")
_PART = re.compile("[a-z0-9]+")
# Longest first: 是怎么回事 before 怎么.
_ASKING = re.compile(
    "是怎么回事|怎么回事|总结一下|总结|概括一下|概括|归纳|这节课|这一课|这一节|这节|这课|本课|本节|讲了什么|讲的是什么|讲什么|说了什么|"
    "是不是|能不能|可不可以|有没有|为什么|什么样|怎么样|怎么办|什么是|是什么|有什么|为何|为啥|怎么|怎样|如何|什么|"
    "哪个|哪些|哪里|哪种|哪儿|多少|几个|请问|告诉我|解释|讲讲|讲一下|说说|介绍|到底|究竟|可以|应该|一下|一个|一种|这个|那个|这些|那些|"
    "以及|还是|或者|但是|因为|所以|如果|干嘛|干什么|干啥|意思|时候|现在|需要|会怎样|一定|觉得|知道|吗|呢|吧|啊|啥|么|的|了"
)
_WEAK = frozenset(
    "选做看想搞弄是在和与及把被让给对我你他它们这那就都也很有会要能去到从用不没里跟比来还再又该得着过最越更几"
)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """`word` without the endings of English: sampled, samples and sampling are one; so are tokenizer and tokenize."""
    if len(word) <= 3 or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ation", "ing", "ed", "er", "or"):
        base = word.removesuffix(ending)
        if base != word and len(base) >= 3 and re.search("[aeiouy]", base):
            if base[-1] == base[-2] and base[-1] not in "lsz":
                base = base[:-1]
            word = base
            break
    if word.endswith("e") and len(word) > 3:
        word = word[:-1]
    return word[:-2] + "iz" if word.endswith("is") and len(word) > 5 else word


def terms(text: str) -> Iterator[str]:
    """The stems of words, compounds such as `top-k` whole and in parts, Han characters alone and in pairs."""
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        if run[0].isascii():
            parts = _PART.findall(run)
            yield from map(stem, parts)
            if len(parts) > 1:
                yield run
        else:
            yield from _pairs(run)
            yield from run


def phrases(text: str) -> Iterator[str]:
    """Each two words that stand side by side on a line, as one term."""
    for line in unicodedata.normalize("NFKC", text).lower().splitlines():
        yield from (f"{first} {second}" for first, second in pairwise(map(stem, _PART.findall(line))))


def _pairs(run: str) -> Iterator[str]:
    return (run[i : i + 2] for i in range(len(run) - 1))


class Vocabulary:
    """The terms that there are, and which of them a term that is none was meant for."""

    def __init__(
        self,
        known: Iterable[str],
        subject: Collection[str] = (),
        names: Iterable[str] = (),
    ) -> None:
        """`subject` are those of the terms that lessons are about; `names` are the terms of the glossary and how learners
        ask, as they are spelled.
        """
        self._known = frozenset(known)
        self.subject = frozenset(subject)
        self.names = frozenset(filter(None, map(_spelled, names)))
        self._compounds = {term.translate(_NO_JOINTS): term for term in sorted(filter(_is_compound, self._known))}
        self._words: dict[tuple[str, int], list[str]] = defaultdict(list)
        for term in self._known:
            if term.isascii() and term.isalpha():
                self._words[term[0], len(term)].append(term)

    def __contains__(self, term: str) -> bool:
        return term in self._known

    def compound(self, joined: str) -> str | None:
        """The compound that `joined` is without its hyphens: topk and top k are top-k."""
        return self._compounds.get(joined)

    def slip(self, term: str) -> str | None:
        """The known word that `term` is most likely a slip of: one letter off from five on, two from nine on."""
        if not term.isascii() or not term.isalpha() or len(term) < 5:
            return None
        allowed = 1 if len(term) < 9 else 2
        best: tuple[int, str] | None = None
        for length in range(len(term) - allowed, len(term) + allowed + 1):
            for word in self._words.get((term[0], length), ()):
                distance = _distance(term, word, allowed)
                if distance <= allowed and (best is None or (distance, word) < best):
                    best = (distance, word)
        return best[1] if best else None


def _spelled(text: str) -> str:
    """`text` as names are compared: the stems of its words, or its Han characters, with a space at each end."""
    folded = unicodedata.normalize("NFKC", text).lower()
    runs = re.findall(f"[a-z0-9]+|[{HAN}]+", folded)
    return "".join(f" {stem(run)} " if run[0].isascii() else run for run in runs).replace("  ", " ")


_NO_JOINTS = str.maketrans("", "", "-_.")


def _is_compound(term: str) -> bool:
    return term.isascii() and not term.isalnum() and any(character.isalpha() for character in term)


def wanted(question: str, known: Vocabulary) -> dict[str, float]:
    """The terms that `question` asks for, with what each counts.

    A word that is not known is taken for the known one it may be a slip of. Words of like meaning count for less. A
    question of nothing but common words is taken as it stands.
    """
    folded = unicodedata.normalize("NFKC", question).lower()
    weights: dict[str, float] = {}
    for term, weight in list(_asked(folded)) or [(term, 1.0) for term in terms(folded)]:
        meant = term if term in known else known.slip(term)
        if meant is None or meant == term:
            weights[term] = max(weights.get(term, 0.0), weight)
        else:
            weights[meant] = max(weights.get(meant, 0.0), MISSPELT * weight)
    for phrase in phrases(folded):
        if phrase in known:
            weights.setdefault(phrase, COMPOUND)
    for joined in _neighbours(folded):
        if joined in known and joined not in _words("common"):
            weights.setdefault(joined, COMPOUND)
        if compound := known.compound(joined):
            weights.setdefault(compound, COMPOUND)
    for group in _groups():
        said = {alike for alike in _meanings(folded, set(weights), group)}
        if said:
            weight = LIKE if any(term in known for term in said) else MISSPELT
            for term in group_terms(group):
                weights.setdefault(term, weight)
    return {term: weight * _worth(term, known) for term, weight in weights.items()}


def _worth(term: str, known: Vocabulary) -> float:
    return GENERAL if term in _general() else SUBJECT if term in known.subject else 1.0


def is_general(term: str) -> bool:
    """Whether `term` is of many subjects and tells little about which is meant."""
    return term in _general()


def content_words(question: str) -> list[str]:
    """The terms of `question` that are not common to all questions: single Han characters only where alone."""
    return [term for term, _ in _asked(unicodedata.normalize("NFKC", question).lower())]


@dataclass(frozen=True, slots=True)
class Unit:
    """A word, or a Han character of one, that a question is made of, and the terms any of which bears it out."""

    terms: frozenset[str]
    han: bool


def units(question: str, known: Vocabulary) -> list[Unit]:
    """What `question` is made of, without the words that any question may have."""
    folded = unicodedata.normalize("NFKC", question).lower()
    found = []
    for run in _RUN.findall(_general_han().sub(" ", _ASKING.sub(" ", folded))):
        if run[0].isascii():
            words = [
                part for part in _PART.findall(run) if part not in _words("common") and stem(part) not in _general()
            ]
            found += [Unit(frozenset(_meant(word, run, known)), False) for word in words]
        else:
            pairs = [pair for pair in _pairs(run) if _tells(pair, known)] if len(run) > 1 else [run]
            for at, character in enumerate(run):
                here = frozenset(pair for pair in pairs if pair in (run, run[at - 1 : at + 1], run[at : at + 2]))
                if here and character not in _WEAK:
                    found.append(Unit(here, True))
    return found


def _tells(pair: str, known: Vocabulary) -> bool:
    return pair not in _general() and (pair in known or not _WEAK & set(pair))


def _meant(word: str, run: str, known: Vocabulary) -> Iterator[str]:
    yield from (stem(word), run)
    if stem(word) not in known and (slip := known.slip(stem(word))):
        yield slip
    if compound := known.compound(word):
        yield compound
    yield from _likes().get(stem(word), ())


def mentions(text: str, names: Iterable[str]) -> bool:
    """Whether any of `names` stands in `text`, in whatever form of its words."""
    spelled = _spelled(text)
    return any(name in spelled for name in map(_spelled, names) if name)


def names_subject(question: str, known: Vocabulary) -> bool:
    """Whether `question` names something that lessons are about: a term, or what means the same."""
    spelled = _spelled(question)
    if any(name in spelled for name in chain(known.names, _field())):
        return True
    folded = unicodedata.normalize("NFKC", question).lower()
    meant = _words_meant(folded, known)
    return any(
        any(True for _ in _meanings(folded, meant, group)) and any(_spelled(each) in known.names for each in group)
        for group in _groups()
    )


def _words_meant(folded: str, known: Vocabulary) -> set[str]:
    words = {word for word in _neighbours(folded) if len(word) > 1 and not word.isdigit()} - _words("common")
    slips = {known.slip(stem(word)) for word in words if stem(word) not in known and stem(word) not in _general()}
    return {stem(word) for word in words} | {term for term in (*slips, *map(known.compound, words)) if term}


def _asked(folded: str) -> Iterator[tuple[str, float]]:
    for run in _RUN.findall(_ASKING.sub(" ", folded)):
        if run[0].isascii():
            parts = _PART.findall(run)
            yield from ((stem(part), 1.0) for part in parts if part not in _words("common"))
            if len(parts) > 1:
                yield run, COMPOUND
        elif len(run) == 1:
            if run not in _WEAK:
                yield run, 1.0
        else:
            for pair in _pairs(run):
                weak = (pair[0] in _WEAK) + (pair[1] in _WEAK)
                if weak < 2:
                    yield pair, WEAK if weak else 1.0


def _neighbours(folded: str) -> Iterator[str]:
    """Words that may be one: each that has no hyphen, and each pair of neighbours written together."""
    words = _PART.findall(folded)
    yield from words
    for first, second in pairwise(words):
        yield first + second


@cache
def _words(kind: str) -> frozenset[str]:
    """`common` words ask for nothing; `general` ones are of many subjects and tell little about which is meant."""
    listed = json.loads(_FOLDER.joinpath("words.json").read_text(encoding="utf-8"))[kind]
    return frozenset(" ".join(listed).split())


@cache
def _general() -> frozenset[str]:
    return frozenset(map(stem, _words("general")))


@cache
def _general_han() -> re.Pattern[str]:
    """The general words in Han: cut out before a run is taken in pairs, they leave none that straddles them."""
    return re.compile(
        "|".join(sorted((word for word in _words("general") if not word.isascii()), key=len, reverse=True))
    )


@cache
def _field() -> tuple[str, ...]:
    """Words of the field that any lesson is about, as names are compared."""
    listed = json.loads(_FOLDER.joinpath("words.json").read_text(encoding="utf-8"))["subject"]
    return tuple(_spelled(word.strip()) for row in listed for word in row.split(","))


@cache
def _groups() -> tuple[tuple[str, ...], ...]:
    """Words of like meaning, from synonyms.json."""
    return tuple(map(tuple, json.loads(_FOLDER.joinpath("synonyms.json").read_text(encoding="utf-8"))))


@cache
def _likes() -> dict[str, frozenset[str]]:
    """For each Latin word of the groups, the terms of all that means the same."""
    likes: defaultdict[str, set[str]] = defaultdict(set)
    for group in _groups():
        for word in group:
            if word.isascii():
                likes[_alike(word)].update(group_terms(group))
    return {word: frozenset(found) for word, found in likes.items()}


def _meanings(folded: str, words: set[str], group: tuple[str, ...]) -> Iterator[str]:
    """Those of `group` that are in the question, as terms."""
    for each in group:
        if not each.isascii() and each in folded:
            yield from group_terms((each,))
        elif each.isascii() and _alike(each) in words:
            yield _alike(each)


def group_terms(group: Iterable[str]) -> Iterator[str]:
    for each in group:
        if each.isascii():
            yield _alike(each)
        elif len(each) == 1:
            yield each
        else:
            yield from _pairs(each)


def _alike(word: str) -> str:
    return stem(word) if word.isalnum() else word


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
