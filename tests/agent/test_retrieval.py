"""What is found for a question, in its language, and whether the lessons answer it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.content.samples import LESSON, QUIZ, make_course, numbered, replaced
from tutor.agent.retrieval import PASSAGE_CHARACTERS, find
from tutor.content.library import Library


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(cache=tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("beam search", ("decoding", "beam-search")),
        ("what does beam width do", ("decoding", "beam-search")),
        ("束搜索是怎么回事", ("decoding", "beam-search")),
        ("who came up with byte pair encoding", ("tokenizer", "bpe-training")),
        ("topp 0.9 什么意思", ("decoding", "truncation")),
        ("wordpeice", ("tokenizer", "other-algorithms")),
        ("labels 里的 -100 是什么", ("padding", "loss-mask")),
    ],
)
def test_the_section_that_answers_comes_first(library: Library, question: str, place: tuple[str, str]) -> None:
    found = find(library, question)
    assert (found.passages[0].lesson, found.passages[0].section) == place
    assert found.covered and found.nearest[0].section == place[1]


def test_passages_are_in_the_language_asked_without_marks_and_not_too_long(library: Library) -> None:
    for language, question, word in (
        ("en", "what is nucleus sampling?", "probabilities"),
        ("zh", "核采样是什么", "概率"),
    ):
        passages = find(library, question).passages
        assert word in passages[0].text
        assert len(passages) == 6 and all(
            len(passage.text) < PASSAGE_CHARACTERS[language] + 100 for passage in passages
        )
        assert not any("**" in passage.text or "`" in passage.text for passage in passages)


def test_a_definition_asked_for_comes_first(library: Library) -> None:
    assert find(library, "what is beam search").passages[0].text.startswith("beam search: Keeping the B most probable")


def test_tables_are_whole_or_left_out(library: Library) -> None:
    text = find(library, "how are T and the probabilities in the temperature table", limit=3).passages[0].text
    assert ("0.731" in text) == ("0.070" in text)


@pytest.mark.parametrize(
    "question",
    [
        "what's the weather like tomorrow",
        "how to fix a leaking tap",
        "红烧肉怎么做",
        "世界上最大的动物是什么",
        "who won the world cup",
        "",
        "？",
    ],
)
def test_what_is_off_the_subject_is_not_covered_but_the_nearest_are_named(library: Library, question: str) -> None:
    found = find(library, question)
    assert not found.covered and len(found.nearest) <= 3


def test_a_course_of_one_lesson_covers_what_it_speaks_of(tmp_path: Path) -> None:
    library = Library(make_course(tmp_path / "course"), tmp_path / "cache")
    assert find(library, "how do sheep come out of the gate?").covered
    assert not find(library, "how do wolves hunt?").covered
    assert find(library, "how do wolves hunt?").passages == ()


def test_the_lesson_on_screen_comes_before_its_equals(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course", LESSON, QUIZ)
    make_course(course, *numbered(8, "lambs"))
    library = Library(course, tmp_path / "cache")
    assert find(library, "gate").passages[0].lesson == "sheep"
    assert find(library, "gate", near="lambs").passages[0].lesson == "lambs"


def test_other_names_of_a_term_and_ways_to_ask_are_found(tmp_path: Path) -> None:
    text = replaced(LESSON, "en: sheep, definition", "en: sheep, also: [woolly], definition")
    text = replaced(text, "en: The first sheep}\n", "en: The first sheep}\n    also: [insomnia remedy]\n")
    library = Library(make_course(tmp_path / "course", text), tmp_path / "cache")
    for question in ("what is a woolly", "insomnia remedy"):
        assert find(library, question).covered
