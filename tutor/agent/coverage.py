"""Whether the lessons answer a question: how much of it they speak of, whether it names what they are about, how its words
are spread over what learners ask of them and of other things, and how like it is to one of the former.

The four are weighed by a logistic regression, fitted to the questions in bench/questions/tuned; its coefficients are
rounded. What of a question is not said anywhere counts most: a section that answers has nearly all of its words.
"""

from __future__ import annotations

import math

from tutor.content.query import Unit, names_subject, units
from tutor.content.search import Match, Matches

SHARE = 10.1  # for the whole of the question
NAMED = 1.2
ODDS = 0.59  # for each factor of e
ALIKE = 9.4  # for the very question
MOST_ALIKE = 0.6  # more is not surer
UNTOLD = 0.2  # taken for that where a section does not say how learners ask
MOST_ODDS = 18.0  # a long question does not outweigh the rest
BIAS = -9.7
HERE = 1.0  # for an answer in the lesson that is being read
DOUBT = 0.15  # of a word that was not said: of a question of one word less is known than of a long one
HAN = 0.3  # what a Han character weighs beside a Latin word
SECTIONS = 3  # the best of so many sections counts


def coverage(question: str, found: Matches, near: str | None = None) -> tuple[bool, float]:
    """Whether `question` is covered, and how likely that is (0 to 1); `near` is the slug of the lesson on screen."""
    asked = units(question, found.vocabulary)
    share = max((_share(asked, match) for match in found.best[:SECTIONS]), default=0.0)
    odds = max(-MOST_ODDS, min(MOST_ODDS, found.odds.of(question)))
    alike = max(map(_alike, found.best[:SECTIONS]), default=0.0)
    evidence = SHARE * share + NAMED * names_subject(question, found.vocabulary) + ODDS * odds + BIAS
    evidence += ALIKE * min(alike, MOST_ALIKE)
    if near is not None and any(match.lesson == near for match in found.best[:1]):
        evidence += HERE
    return evidence > 0, 1 / (1 + math.exp(-evidence))


def _alike(match: Match) -> float:
    return match.pointers[0].likeness if match.pointers else UNTOLD


def _share(asked: list[Unit], match: Match) -> float:
    total = sum(map(_weight, asked))
    return sum(_weight(unit) for unit in asked if unit.terms & match.said) / (total + DOUBT)


def _weight(unit: Unit) -> float:
    return HAN if unit.han else 1.0
