"""Hints help in three strengths and never say the answer."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import pytest

from tutor.agent.hints import STRENGTHS, from_mistake, hint
from tutor.content.library import Library
from tutor.domain.answers import Answer
from tutor.domain.grading import grade, variant
from tutor.domain.language import language, set_language
from tutor.domain.quiz import Choice, Multi, Number, Order, Predict, Question, TextAnswer


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _same_language_afterwards() -> Iterator[None]:
    before = language()
    yield
    set_language(before)


def every_question(library: Library) -> Iterator[tuple[str, Question]]:
    for entry in library.entries():
        if entry.written and entry.slug in library.quiz_files():
            yield from ((entry.slug, question) for question in library.quiz(entry.slug).questions)


def answers(question: Question) -> list[str]:
    """What would be the answer if it were said, in both languages."""
    match question:
        case Choice() | Multi():
            return [text for option in question.options if option.correct for text in (option.text.zh, option.text.en)]
        case Predict():
            return [text for option in question.options if option.correct for text in (option.text.zh, option.text.en)]
        case TextAnswer():
            return list(question.accept)
        case Order():
            return [text for item in question.items for text in (item.zh, item.en)]
        case Number() if not question.vary:
            return [f"{question.answer:g}", f"{question.answer:,}"]
    return []


def folded(text: str) -> str:
    return "".join(character for character in unicodedata.normalize("NFKC", text).casefold() if character.isalnum())


def says(text: str, answer: str) -> bool:
    """A long answer anywhere, a short one as a word by itself."""
    if len(folded(answer)) > 3:
        return folded(answer) in folded(text)
    words = "".join(character if character.isalnum() or character in ".,-" else " " for character in text.casefold())
    return answer.strip("`").casefold() in [word.strip(".,") for word in words.split()]


@pytest.mark.parametrize("spoken", ["zh", "en"])
def test_no_hint_to_any_question_says_the_answer(library: Library, spoken: str) -> None:
    set_language(spoken)
    asked = 0
    for slug, question in every_question(library):
        for strength in STRENGTHS:
            said = hint(question, strength, library, slug)
            assert said.strip()
            assert not any(says(said, answer) for answer in answers(question)), (slug, question.id, strength, said)
            asked += 1
    assert asked >= 100


def test_the_strengths_differ_where_there_is_something_to_say(library: Library) -> None:
    set_language("en")
    question = library.quiz("decoding").question("q-fixed-k")
    assert question is not None
    said = [hint(question, strength, library, "decoding") for strength in STRENGTHS]
    assert said[0] == "One counts tokens, the other counts probability."
    assert "The section" in said[1] and said[2].startswith("It is not “")


def test_a_varied_number_is_never_told_whichever_was_drawn(library: Library) -> None:
    set_language("en")
    question = library.quiz("decoding").question("q-tail-adds-up")
    assert isinstance(question, Number)
    for seed in range(6):
        answer = f"{variant(question, seed).answer:.1f}"
        assert all(answer not in hint(question, strength, library, "decoding", seed=seed) for strength in STRENGTHS)


def test_after_a_mistake_the_chosen_option_is_spoken_of_first_and_the_right_one_not(library: Library) -> None:
    set_language("en")
    question = library.quiz("decoding").question("q-fixed-k")
    assert isinstance(question, Choice)
    right = next(index for index, option in enumerate(question.options) if option.correct)
    for wrong in range(len(question.options)):
        if wrong != right:
            said = from_mistake(question, wrong, grade(question, wrong), library, "decoding")
            assert said.splitlines()[0] == question.options[wrong].why.en or "Look at" in said
            assert not says(said, question.options[right].text.en)


def test_what_is_missing_from_several_is_not_named(library: Library) -> None:
    set_language("en")
    question = library.quiz("tokenizer").question("q-byte-level")
    assert isinstance(question, Multi)
    chosen: Answer = frozenset({2})
    said = from_mistake(question, chosen, grade(question, chosen), library, "tokenizer")
    assert "takes bytes for tokens" in said and "still missing" in said
    assert not any(says(said, option.text.en) for option in question.options if option.correct)
