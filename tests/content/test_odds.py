"""Whether a question is worded as one for the lessons, or as one about something else."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.content.samples import LESSON, make_course, numbered
from tutor.content import odds as odds_module
from tutor.content.library import Library
from tutor.content.odds import KNOWN, SMOOTHING, Odds
from tutor.content.query import terms
from tutor.content.search import matches

ASKED = """
asked:
  - section: one
    at: {en: [out of the gate]}
    en: [how many sheep are there, why do sheep jump, is a lamb a sheep]
"""
ELSEWHERE = (
    '{"topics": {"sheep": ["woolly jumper"], "goats": ["why do goats climb"]}, "near": [], "other": ["cook rice"]}'
)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    listed = tmp_path / "elsewhere.json"
    listed.write_text(ELSEWHERE, encoding="utf-8")
    monkeypatch.setattr(odds_module, "_FILE", listed)
    return make_course(tmp_path / "course", LESSON + ASKED)


def odds(course: Path) -> Odds:
    return matches(Library(course, course.parent / "cache"), "sheep").odds


def test_each_word_counts_by_how_often_either_list_has_it(course: Path) -> None:
    here = ["how many sheep are there", "why do sheep jump", "is a lamb a sheep"]
    elsewhere = ["why do goats climb", "cook rice"]  # the topic `sheep` is there: what is asked of it is not elsewhere

    def rate(term: str, questions: list[str], smoothing: float) -> float:
        found = sum(term in set(terms(question)) for question in questions)
        return (found + smoothing) / (len(questions) + smoothing)

    for question in ("why do sheep climb", "rice", "sheep", "woolly"):
        said = sum(
            math.log(rate(term, here, SMOOTHING * len(here) / len(elsewhere)) / rate(term, elsewhere, SMOOTHING))
            for term in set(terms(question))
            if any(term in set(terms(each)) for each in here + elsewhere)
        )
        assert odds(course).of(question) == pytest.approx(said * len(here) / (len(here) + KNOWN))


def test_a_topic_is_elsewhere_until_its_lesson_is_there(course: Path) -> None:
    assert odds(course).of("goats climb") < 0
    lesson, quiz, name = numbered(9, "goats")
    make_course(course, lesson + ASKED.replace("sheep", "goats"), quiz, name)
    assert odds(course).of("goats climb") > 0


def test_no_lesson_no_odds() -> None:
    assert Odds(()).of("how many sheep") == 0.0
