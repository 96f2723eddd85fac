"""Whether a question is one that learners ask of the lessons or one about something else, told from its words.

Naive Bayes over two lists of questions: the ways to ask that the lessons give, and those of elsewhere.json, which no
lesson answers: on topics whose lesson is not there (they are left out once it is), and on everything under the sun.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from tutor.content.query import terms

SMOOTHING = 0.5  # of a question more in each list
KNOWN = 200  # questions asked of the lessons: of so many, their words count half as much as of very many
SENTENCE = 12  # words that make a sentence, where a section gives no ways to ask and its text stands for them

_FILE = Path(__file__).parent / "elsewhere.json"


class Odds:
    """What each word of a question says for the lessons and against."""

    def __init__(self, sections: Iterable[tuple[str, str, dict[str, Any]]]) -> None:
        """`sections` are (lesson, section, row), as `sections.load` has them; they are counted when first asked."""
        self._sections = sections

    @cached_property
    def _here(self) -> tuple[Counter[str], float]:
        counts: Counter[str] = Counter()
        questions = 0.0
        for *_, row in self._sections:
            fields = row["fields"]
            counts.update(fields["asked"] or fields["body"])
            questions += sum(len(ways) for *_, ways in row["asked"]) or sum(fields["body"].values()) / SENTENCE
        return counts, questions

    @cached_property
    def _elsewhere(self) -> tuple[Counter[str], float]:
        listed = json.loads(_FILE.read_text(encoding="utf-8"))
        there = {lesson for lesson, *_ in self._sections}
        topics = (questions for slug, questions in listed["topics"].items() if slug not in there)
        questions = [*listed["near"], *listed["other"], *(each for topic in topics for each in topic)]
        return Counter(term for question in questions for term in set(terms(question))), float(len(questions))

    def of(self, question: str) -> float:
        """The sum over the words of `question` of the logarithm of how many times as often learners use each.

        Above 0 it is more like what is asked of the lessons. Words that stand in neither list count nothing.
        """
        (here, asked), (elsewhere, others) = self._here, self._elsewhere
        if not asked:
            return 0.0
        ours, theirs = SMOOTHING * asked / others, SMOOTHING  # one and the same rate
        said = sum(
            math.log((here[term] + ours) / (elsewhere[term] + theirs) * (others + theirs) / (asked + ours))
            for term in set(terms(question))
            if here[term] or elsewhere[term]
        )
        return said * asked / (asked + KNOWN)
