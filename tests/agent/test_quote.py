"""An answer without a model is made of the passages' own sentences, each with its place."""

from __future__ import annotations

import pytest

from tutor.agent.events import Passage
from tutor.agent.quote import SENTENCES, quote
from tutor.agent.retrieval import find
from tutor.agent.verify import verify
from tutor.content.library import Library
from tutor.domain.language import Text


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(cache=tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("谁发明了 BPE", "Gage"),
        ("min-p 是什么", "最大概率"),
        ("who invented byte-pair encoding", "Gage (1994)"),
        ("what is beam search", "most probable prefixes"),
        ("length penalty 怎么算", "length^α"),
    ],
)
def test_the_fact_asked_for_is_quoted_and_bears_itself_out(library: Library, question: str, fact: str) -> None:
    passages = find(library, question).passages
    quoted = quote(question, passages)
    assert fact in quoted.answer
    assert 1 <= len(quoted.citations) <= SENTENCES + 1  # and the definition
    texts = {(passage.lesson, passage.section): passage.text for passage in passages}
    for citation in quoted.citations:
        assert citation.quote in texts[citation.lesson, citation.section]
        assert f"{citation.quote} [{citation.lesson}#{citation.section}]" in quoted.answer
    assert verify(quoted.answer, passages, (), question).unsupported == ()


def test_sentences_that_only_lead_on_or_ask_are_not_quoted() -> None:
    text = "Is a sheep a gate? A sheep is no gate. Why a sheep?\n\nSheep come in rows:"
    quoted = quote("what is a sheep", [Passage("sheep", "one", Text("羊", "Sheep"), text, 1.0)])
    assert quoted.answer == "A sheep is no gate. [sheep#one]"


def test_what_the_lesson_says_answers_the_question_comes_first() -> None:
    text = "Sheep eat grass. Sheep sleep in the fold. Gates have hinges. A sheep is worth ten."
    at = Passage("sheep", "one", Text("羊", "Sheep"), text, 1.0, (("worth ten", 0.5), ("no such words", 0.9)))
    said = [each.quote for each in quote("what do sheep cost", [at], 2).citations]
    assert said[0] == "A sheep is worth ten."
    assert len(said) == 2


def test_nothing_found_gives_nothing() -> None:
    assert quote("what is a sheep", []).answer == ""
    assert quote("wolves", [Passage("sheep", "one", Text("羊", "Sheep"), "A gate.", 1.0)]).citations == ()


def test_a_common_mistake_is_quoted_with_what_corrects_it() -> None:
    text = "Common mistake: a sheep is a gate. It is none. Gates have hinges."
    quoted = quote("is a sheep a gate", [Passage("sheep", "one", Text("羊", "Sheep"), text, 1.0)], 1)
    assert [each.quote for each in quoted.citations] == ["Common mistake: a sheep is a gate. It is none."]


def test_a_quotation_that_the_sentence_goes_on_after_does_not_end_it() -> None:
    text = "“羊，来了。”，牧人说。羊吃草。"
    quoted = quote("牧人说什么", [Passage("sheep", "one", Text("羊", "Sheep"), text, 1.0)], 1)
    assert quoted.citations[0].quote == "“羊，来了。”，牧人说。"
