"""The ways in which learners ask for what a section says, and how much of each a question is."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tutor.domain.lesson import Excerpts

# What a section's file keeps of `Asked`: excerpts in Chinese, in English, and the terms of each way, joined.
Row = Sequence[Sequence[str]]


class Ways:
    """The ways to ask of one section, by their terms: a question is compared with those alone that share one with it."""

    def __init__(self, phrases: Iterable[str], asked: Iterable[Row], rarity: Mapping[str, float]) -> None:
        """`phrases` and the ways of `asked` are terms, joined by spaces; `rarity` is what each term counts."""
        self.places: list[Excerpts | None] = []  # where what is asked for stands, if it is known more exactly
        self._place = array("H")  # of each way, its place
        self._whole = array("f")  # of each way, what its terms count
        self._having: dict[str, array[int]] = defaultdict(lambda: array("H"))  # term -> the ways that have it
        self._add(None, phrases, rarity)
        for zh, en, ways in asked:
            self._add(Excerpts(tuple(zh), tuple(en)), ways, rarity)

    def _add(self, place: Excerpts | None, ways: Iterable[str], rarity: Mapping[str, float]) -> None:
        self.places.append(place)
        for way in ways:
            terms = way.split(" ")
            for term in terms:
                self._having[term].append(len(self._place))
            self._place.append(len(self.places) - 1)
            self._whole.append(sum(rarity.get(term, 0.0) for term in terms) or 1.0)

    def alike(self, said: Mapping[str, float], rarity: Mapping[str, float]) -> list[float]:
        """For each place what the terms count that the question (`said`: what each counts) shares with the way most
        like it; less, the more of the way was not asked.
        """
        counts: dict[int, float] = {}
        shares: dict[int, float] = {}
        for term, count in said.items():
            rare = rarity.get(term, 0.0)
            for way in self._having.get(term, ()):
                counts[way] = counts.get(way, 0.0) + count
                shares[way] = shares.get(way, 0.0) + rare
        best = [0.0] * len(self.places)
        for way, count in counts.items():
            place = self._place[way]
            best[place] = max(best[place], count * shares[way] / self._whole[way])
        return best
