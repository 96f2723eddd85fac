"""Whether the lessons answer a question: how much of it they speak of, and whether it names what they are about."""

from __future__ import annotations

from tutor.content.query import Unit, is_technical, names_subject, units
from tutor.content.search import Match, Matches

ENOUGH = 0.45  # of a question that names something of the subject
PLENTY = 0.7  # of one that only has a word that lessons use for it
HAN = 0.3  # what a Han character weighs beside a Latin word
SECTIONS = 3  # the best of so many sections counts


def coverage(question: str, found: Matches) -> tuple[bool, float]:
    """Whether `question` is covered, and the share of it (0 to 1) that the best section speaks of."""
    asked = units(question, found.vocabulary)
    share = max((_share(asked, match) for match in found.best[:SECTIONS]), default=0.0)
    known = found.vocabulary
    if share >= PLENTY and (is_technical(question, known) or any(unit.terms & known.subject for unit in asked)):
        return True, share
    return share >= ENOUGH and names_subject(question, known), share


def _share(asked: list[Unit], match: Match) -> float:
    total = sum(map(_weight, asked))
    return sum(_weight(unit) for unit in asked if unit.terms & match.said) / total if total else 0.0


def _weight(unit: Unit) -> float:
    return HAN if unit.han else 1.0
