"""Questions that only ask on, that ask what a term means, or that no section answers."""

from __future__ import annotations

import pytest

from tutor.agent.asides import aside
from tutor.agent.defined import asks_meaning, defining
from tutor.agent.desk import Turn
from tutor.agent.follow_up import asks_on, language_wanted, once_more, whole
from tutor.content.library import Library

BEFORE = [Turn("how does beam search work", "It keeps prefixes."), Turn("why?", "So.")]


@pytest.mark.parametrize(
    "question",
    [
        "why?",
        "Give me an example",
        "can you explain that more simply?",
        "I don't get it",
        "举个例子",
        "再详细一点",
        "没看懂",
    ],
)
def test_what_names_no_subject_is_asked_of_the_last_question_that_did(question: str) -> None:
    assert asks_on(question)
    assert whole(question, BEFORE, "").startswith("how does beam search work")
    assert whole(question, [], "the padding lesson").startswith("the padding lesson")


@pytest.mark.parametrize(
    "question",
    [
        "give me an example of greedy decoding",
        "why does a batch need padding?",
        "解释一下注意力",
        "再解释一下束搜索",
    ],
)
def test_what_names_a_subject_is_asked_as_it_stands(question: str) -> None:
    assert not asks_on(question)
    assert whole(question, BEFORE, "") == question


def test_another_thing_is_asked_of_the_same_tool() -> None:
    proposed = once_more("那 hello 呢？", [Turn("“你好，世界”是几个 token？", "3")])
    assert proposed and (proposed.tool, proposed.arguments["text"]) == ("tokenize", "hello")
    proposed = once_more("and “bye bye”?", [Turn('how many tokens is "hello"', "1")])
    assert proposed and proposed.arguments["text"] == "bye bye"
    assert once_more("那 hello 呢？", [Turn("什么是束搜索", "…")]) is None
    assert once_more("and in Chinese?", [Turn('how many tokens is "hello"', "1")]) is None


def test_the_other_language_is_heard_only_where_nothing_else_is_asked() -> None:
    assert [language_wanted(each) for each in ("and in Chinese?", "用中文说", "用英文再讲一遍", "English")] == [
        "zh",
        "zh",
        "en",
        "",
    ]
    assert not language_wanted("how many tokens does this take in Chinese?")


@pytest.mark.parametrize(
    ("question", "lesson", "begins"),
    [
        ("what is a token?", "tokenizer", "token: "),
        ("什么是词元？", "tokenizer", "词元（token）："),
        ("so what's beam search exactly?", "decoding", "beam search: "),
        ("温度是什么", "decoding", "温度（temperature）："),
    ],
)
def test_a_term_asked_for_is_defined_first(library: Library, question: str, lesson: str, begins: str) -> None:
    language = "en" if question.isascii() else "zh"
    found = defining(question, library, None, language)
    assert found and found.lesson == lesson and found.text.startswith(begins)
    assert asks_meaning(question)


def test_only_a_term_itself_is_taken_for_one(library: Library) -> None:
    for question in ("what is the price of a token", "什么是天气", "温度是 0 会怎样", "is a token a word?"):
        assert defining(question, library, None, "en") is None


def test_greetings_are_answered_and_a_lesson_is_summed_up(library: Library) -> None:
    for question in ("hi", "谢谢！", "你是谁？", "what can you do?", "thanks a lot"):
        assert aside(question, library, None)
    assert aside("这课讲了什么？", library, "padding") == library.lesson("padding").answer
    assert aside("what is this lesson about?", library, "decoding") == library.lesson("decoding").answer
    for question in ("what is this lesson about?", "hi, what is padding?", "谢谢的编码是什么"):
        assert aside(question, library, None) is None
