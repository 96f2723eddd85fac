"""Whether the lessons answer a question: how much of it they speak of, whether it names what they are about, and whether
it is worded as what learners ask of them.

The three are weighed by a logistic regression, fitted to the questions in bench/questions/tuned; its coefficients are
rounded. What of a question is not said anywhere counts most: a section that answers has nearly all of its words.
"""

from __future__ import annotations

import math

from tutor.content.query import Unit, names_subject, units
from tutor.content.search import Match, Matches

SHARE = 10.0  # for the whole of the question
NAMED = 1.2
ODDS = 0.54  # for each factor of e
MOST_ODDS = 18.0  # a long question does not outweigh the rest
BIAS = -8.8
HAN = 0.3  # what a Han character weighs beside a Latin word
SECTIONS = 3  # the best of so many sections counts


def coverage(question: str, found: Matches) -> tuple[bool, float]:
    """Whether `question` is covered, and how likely that is (0 to 1)."""
    asked = units(question, found.vocabulary)
    share = max((_share(asked, match) for match in found.best[:SECTIONS]), default=0.0)
    odds = max(-MOST_ODDS, min(MOST_ODDS, found.odds.of(question)))
    evidence = SHARE * share + NAMED * names_subject(question, found.vocabulary) + ODDS * odds + BIAS
    return evidence > 0, 1 / (1 + math.exp(-evidence))


def _share(asked: list[Unit], match: Match) -> float:
    total = sum(map(_weight, asked))
    return sum(_weight(unit) for unit in asked if unit.terms & match.said) / total if total else 0.0


def _weight(unit: Unit) -> float:
    return HAN if unit.han else 1.0
