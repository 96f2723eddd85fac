from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.questions import (
    ALL,
    CHOICE,
    EXPECTED,
    MEMORY,
    MULTI,
    NUMBER,
    ORDER,
    PREDICT,
    PREDICT_NUMBER,
    PREDICT_OPTIONS,
    SPANS,
    TEXT,
    VARIED,
    option,
)
from tutor.domain.answers import cuts, fold
from tutor.domain.errors import TutorError, UsageError
from tutor.domain.grading import grade, model_answer, option_order, parse_answer, plain_answer, variant
from tutor.domain.language import Text, same
from tutor.domain.model import TokenPiece
from tutor.domain.quiz import Order, Question, Spans, TextAnswer

# What is typed


@pytest.mark.parametrize("typed", ["2", "b", "B", "b)", "2.", "tokens", " TOKENS ", "词元", "２"])
def test_a_choice_is_named_by_number_letter_or_text(typed: str) -> None:
    assert parse_answer(CHOICE, typed) == 1


@pytest.mark.parametrize("typed", ["", "0", "4", "d", "word", "-1", "22222222222"])
def test_what_names_no_option_is_refused_with_what_would(typed: str) -> None:
    with pytest.raises(UsageError, match="1 to 3"):
        parse_answer(CHOICE, typed)


def test_numbers_and_letters_follow_the_order_shown() -> None:
    assert parse_answer(CHOICE, "1", order=(2, 0, 1)) == 2
    assert parse_answer(CHOICE, "c", order=(2, 0, 1)) == 1
    assert parse_answer(CHOICE, "tokens", order=(2, 0, 1)) == 1
    assert parse_answer(ORDER, "1,2,3", order=(2, 0, 1)) == (2, 0, 1)


@pytest.mark.parametrize(
    "typed", ["1,3", "1 3", "13", "31", "ac", "A, C", "1，3", "a、c", "[1, 3]", "query; key", "查询；键"]
)
def test_several_options_are_named_in_any_way(typed: str) -> None:
    assert parse_answer(MULTI, typed) == {0, 2}


@pytest.mark.parametrize("typed", ["", "5", "1,9", "ax", "query, nothing"])
def test_one_unknown_option_refuses_the_whole(typed: str) -> None:
    with pytest.raises(UsageError, match="1,3"):
        parse_answer(MULTI, typed)


@pytest.mark.parametrize(
    "typed",
    ["2,3,1", "2 3 1", "231", "bca", "[1, 2, 0]", "[2, 3, 1]", '["count", "merge", "split"]', "计数、合并、切分"],
)
def test_an_order_is_named_by_numbers_letters_json_or_texts(typed: str) -> None:
    assert parse_answer(ORDER, typed) == (1, 2, 0)


@pytest.mark.parametrize("typed", ["", "1,2", "1,1,2", "1,2,3,4", "[0, 1]", "[[1], 2, 3]", "[1, 2, 3"])
def test_an_order_names_each_item_once(typed: str) -> None:
    with pytest.raises(UsageError, match="each item once"):
        parse_answer(ORDER, typed)


@pytest.mark.parametrize(
    "typed", ["un|believ|able", "2,8", "2 8", "[2, 8]", "8,2", "un｜believ｜able", "|un|believ|able|"]
)
def test_cuts_are_marked_or_counted(typed: str) -> None:
    assert parse_answer(SPANS, typed) == {2, 8}


@pytest.mark.parametrize("typed", ["", "un|believ", "0,2", "2,12", "un|belief|able", "x"])
def test_another_text_is_no_cut_of_this_one(typed: str) -> None:
    with pytest.raises(UsageError, match="unbelievable"):
        parse_answer(SPANS, typed)


def test_a_text_left_whole_has_no_cuts() -> None:
    assert parse_answer(SPANS, "unbelievable") == frozenset()


def test_a_leading_space_that_the_shell_ate_is_no_difference() -> None:
    question = Spans(id="q", section="s", prompt=Text(), explain=Text(), text=" the cat", tokenizer="model")
    assert parse_answer(question, "the| cat") == parse_answer(question, " the| cat") == {4}


@pytest.mark.parametrize(
    ("typed", "value"), [("1.25", 1.25), ("1k", 1000), ('["e", "s"]', ["e", "s"]), ("es", "es"), ("[broken", "[broken")]
)
def test_a_prediction_is_read_by_its_own_nature(typed: str, value: object) -> None:
    assert parse_answer(PREDICT, typed) == value


def test_an_endless_answer_is_refused() -> None:
    for question in ALL:
        with pytest.raises(UsageError, match="2000"):
            parse_answer(question, "1" * 2001)


@given(st.sampled_from(ALL), st.text(max_size=30))
def test_anything_typed_is_graded_or_answered_with_a_sentence(question: Question, typed: str) -> None:
    try:
        answer = parse_answer(question, typed)
    except UsageError as error:
        assert error.exit_status == 2
        assert str(error)
        return
    once = grade(question, answer, expected=EXPECTED.get(question.id), seed=3)
    again = json.loads(json.dumps(plain_answer(answer)))
    assert grade(question, again, expected=EXPECTED.get(question.id), seed=3) == once


# What is right


@pytest.mark.parametrize("question", ALL, ids=lambda q: q.id)
def test_the_model_answer_is_right(question: Question) -> None:
    expected = EXPECTED.get(question.id)
    for seed in (None, 0, 1, "7/3/0"):
        answer = model_answer(question, expected, seed=seed)
        verdict = grade(question, answer, expected=expected, seed=seed)
        assert verdict.correct
        assert verdict.expected.zh and verdict.expected.en


def test_an_option_s_own_reason_is_given_right_or_wrong() -> None:
    wrong, right = grade(CHOICE, 0), grade(CHOICE, 1)
    assert not wrong.correct
    assert wrong.why == Text("为何字节", "why bytes")
    assert wrong.expected == Text("词元", "tokens")
    assert right.correct
    assert right.why == Text("为何词元", "why tokens")
    assert right.explain == CHOICE.explain


@pytest.mark.parametrize("answer", [-1, 3, "x", None, [1]])
def test_an_answer_that_is_none_is_refused(answer: object) -> None:
    with pytest.raises(UsageError, match="choice"):
        grade(CHOICE, answer)


def test_several_are_right_only_together_and_each_miss_is_named() -> None:
    assert grade(MULTI, {0, 2, 3}).correct
    verdict = grade(MULTI, {0, 1, 2})
    assert not verdict.correct
    assert verdict.why.en.splitlines() == ["“bias” does not belong: why bias", "“value” belongs too: why value"]
    assert verdict.why.zh.splitlines() == ["“偏置”不该选：为何偏置", "“值”也该选：为何值"]
    assert not grade(MULTI, []).correct


def test_a_number_within_tolerance_is_right_and_says_the_exact_one() -> None:
    assert grade(NUMBER, 1e6).why == Text()
    verdict = grade(NUMBER, 1_005_000)
    assert verdict.correct
    assert "1,000,000" in verdict.why.en
    assert not grade(NUMBER, 1_020_000).correct


def test_a_wrong_number_hears_how_far_and_what_probably_happened() -> None:
    verdict = grade(MEMORY, 112)
    assert verdict.why.en.startswith("112 is 8 times too large. That is a factor of 8: bits")
    assert verdict.why.zh.startswith("112 大了 8 倍")
    assert verdict.expected == same("14 GB")


def test_text_is_compared_without_case_spaces_and_punctuation() -> None:
    for typed in ("byte pair encoding", "Byte-Pair Encoding.", "bytepair  encoding", "ｂｐｅ", "字节对编码。", "“BPE”"):
        assert grade(TEXT, typed).correct, typed
    for typed in ("wordpiece", "", "byte", "-"):
        assert not grade(TEXT, typed).correct, typed


def test_a_slip_of_the_pen_is_told_apart_from_a_wrong_idea() -> None:
    assert "spelling" in grade(TEXT, "byte-pair encodnig").why.en
    numbers = replace(TEXT, accept=("39013, 97",))
    assert not grade(numbers, "39013, 99").why, "another number is not misspelt"
    assert not grade(TEXT, "sentencepiece").why


@pytest.mark.parametrize(
    ("a", "b"), [("0.5", "05"), ("1.5", "15"), ("-1", "1"), ("##ing", "ing"), ("<s>", "s"), ("a+b", "ab"), ("?", "!")]
)
def test_signs_that_mean_something_are_not_folded(a: str, b: str) -> None:
    question = TextAnswer(id="q", section="s", prompt=Text(), explain=Text(), accept=(a,))
    assert grade(question, a).correct
    assert not grade(question, b).correct


@given(st.text("abcXYZ词元", max_size=20), st.sampled_from([" ", "-", ", ", "。", "\u3000", "_"]))
def test_case_and_what_stands_between_letters_make_no_difference(text: str, between: str) -> None:
    assert fold(between.join(text.upper()) + between) == fold(text) or not text


def test_an_order_says_the_first_place_that_is_wrong() -> None:
    assert grade(ORDER, [0, 1, 2]).correct
    verdict = grade(ORDER, (0, 2, 1))
    assert not verdict.correct
    assert verdict.why.en == "The first place that is wrong is 2: there comes “count”, and “merge” is number 3."
    assert verdict.expected == Text("切分 → 计数 → 合并", "split → count → merge")
    with pytest.raises(UsageError):
        grade(ORDER, (0, 0, 1))


def test_items_that_read_alike_may_change_places() -> None:
    question = Order(
        id="q", section="s", prompt=Text(), explain=Text(), items=(same("norm"), same("attention"), same("norm"))
    )
    assert grade(question, (2, 1, 0)).correct


def test_cuts_name_what_is_missing_and_what_is_too_much() -> None:
    verdict = grade(SPANS, {2, 5}, expected=[2, 8])
    assert not verdict.correct
    assert "liev|able" in verdict.why.en.split("not make")[0]
    assert "beli" not in verdict.why.en.split("not make")[0]
    assert "nbel|ieva" in verdict.why.en.split("not make")[1]
    assert verdict.expected == same("un|believ|able")


def test_a_space_at_a_cut_is_seen_and_places_are_listed_in_the_reader_s_language() -> None:
    question = Spans(id="q", section="s", prompt=Text(), explain=Text(), text="I paid 12.", tokenizer="model")
    verdict = grade(question, {7}, expected=["I", " paid", " ", "1", "2", "."])
    assert "I|␣pai, paid|␣12., id␣1|2., d␣12|." in verdict.why.en
    assert "I|␣pai、paid|␣12.、id␣1|2.、d␣12|." in verdict.why.zh
    assert verdict.expected == same("I|␣paid|␣|1|2|.")


def test_cuts_come_from_offsets_texts_or_pieces() -> None:
    pieces = (
        TokenPiece(1, "un", b"un", 0, 2),
        TokenPiece(2, "believ", b"believ", 2, 8),
        TokenPiece(3, "able", b"able", 8, 12),
    )
    as_json = [{"start": piece.start, "end": piece.end} for piece in pieces]
    assert cuts([2, 8]) == cuts(["un", "believ", "able"]) == cuts(pieces) == cuts(as_json) == {2, 8}
    assert cuts(["unbelievable"]) == cuts([]) == frozenset()


def test_a_token_that_ends_inside_a_character_cuts_nothing() -> None:
    # "a龙b" in three tokens, the middle character split between the first two.
    pieces = (TokenPiece(1, "", b"a\xe9", 0, 2), TokenPiece(2, "", b"\xbe\x99", 1, 2), TokenPiece(3, "b", b"b", 2, 3))
    assert cuts(pieces) == {2}


def test_what_the_demo_said_is_needed() -> None:
    for question in (PREDICT, PREDICT_NUMBER, PREDICT_OPTIONS, SPANS):
        with pytest.raises(TutorError, match="has not been run"):
            grade(question, model_answer(question, EXPECTED[question.id]), expected=None)


@pytest.mark.parametrize(
    ("expected", "typed", "right"),
    [
        (["e", "s"], '["e", "s"]', True),
        (["e", "s"], "e, s", True),
        (["e", "s"], "e s", True),
        (["e", "s"], "es", False),
        (["e", "s"], "s, e", False),
        ([1, 2.5], "1, 2.5", True),
        (42, "42", True),
        (42, "43", False),
        (42.0, "forty-two", False),
        ("42", "42", True),
        (" the", "the", True),
        ("Ġthe", " The", True),
        ("the", "teh", False),
        (True, "yes", True),
        (True, "true", True),
        (True, "1", True),
        (False, "否", True),
        (False, "是", False),
        ("。", "。", True),
        ("。", "，", False),
    ],
)
def test_a_prediction_is_compared_with_the_value_by_that_value_s_nature(
    expected: object, typed: str, right: bool
) -> None:
    assert grade(PREDICT, parse_answer(PREDICT, typed), expected=expected).correct is right


def test_a_predicted_number_has_a_tolerance_and_hears_how_far_off_it_was() -> None:
    assert grade(PREDICT_NUMBER, parse_answer(PREDICT_NUMBER, "1.28 nats"), expected=1.25).correct
    verdict = grade(PREDICT_NUMBER, 1.8034, expected=1.25)
    assert not verdict.correct
    assert "other logarithm" in verdict.why.en
    assert verdict.expected == Text("1.25 奈特", "1.25 nats")


def test_what_floating_point_left_of_a_zero_is_said_as_zero() -> None:
    verdict = grade(PREDICT_NUMBER, 1.0, expected=4.4e-16)
    assert verdict.expected == Text("0 奈特", "0 nats")
    assert verdict.why.en == "1 is too high."


def test_an_option_is_right_when_it_says_what_the_demo_said() -> None:
    assert grade(PREDICT_OPTIONS, 1, expected=" London").correct
    assert grade(PREDICT_OPTIONS, 0, expected="巴黎").correct
    assert not grade(PREDICT_OPTIONS, 0, expected=" London").correct


def test_the_right_prediction_is_said_as_its_option_says_it() -> None:
    options = (option("n | est", "n | est"), option("ne | s | t", "ne | s | t"))
    question = replace(PREDICT_OPTIONS, options=options)
    assert grade(question, 1, expected=["n", "est"]).expected == same("n | est")
    assert grade(replace(question, options=(option("King", "King"),)), 0, expected=" King").expected == same("King")


def test_a_result_that_no_option_says_is_said_so() -> None:
    verdict = grade(PREDICT_OPTIONS, 1, expected=" Oslo")
    assert not verdict.correct
    assert "Oslo" in verdict.why.en
    with pytest.raises(TutorError, match="Oslo"):
        model_answer(PREDICT_OPTIONS, " Oslo")


def test_control_characters_of_a_result_never_come_through() -> None:
    verdict = grade(PREDICT, "x", expected="\x1b[31mred\x07")
    assert "\x1b" not in verdict.expected.en
    assert "\x07" not in verdict.expected.en


# What varies


def test_a_varied_number_is_the_same_for_one_seed_and_differs_between_seeds() -> None:
    drawn = {seed: variant(VARIED, seed) for seed in range(40)}
    assert drawn == {seed: variant(VARIED, seed) for seed in range(40)}
    assert len({question.answer for question in drawn.values()}) > 5
    # Fixed for good: an interrupted sitting must show the same numbers after an update.
    assert variant(VARIED, 0).prompt.en == "8 heads of 80: how wide?"


@pytest.mark.parametrize("seed", range(12))
def test_a_variant_s_texts_and_answer_agree(seed: int) -> None:
    question = variant(VARIED, seed)
    heads, width = (int(word.strip(":")) for word in question.prompt.en.split() if word.strip(":").isdigit())
    assert question.answer == heads * width
    assert question.hint.en == f"times {width}"
    assert question.explain.zh == f"{heads} × {width} = {heads * width}"
    assert variant(question, seed) == question


def test_an_answer_may_be_an_expression_without_anything_varied() -> None:
    from dataclasses import replace

    assert grade(replace(NUMBER, answer="10 ** 6"), 1e6).correct
    with pytest.raises(TutorError):
        grade(replace(NUMBER, answer="heads * 2"), 1)


def test_options_are_shuffled_the_same_way_for_one_seed() -> None:
    orders = {option_order(CHOICE, seed) for seed in range(60)}
    assert len(orders) == 6
    assert all(sorted(order) == [0, 1, 2] for order in orders)
    assert option_order(CHOICE, 1) == option_order(CHOICE, 1)
    assert option_order(TEXT, 1) == ()


def test_items_to_order_are_never_shown_in_the_right_order() -> None:
    assert all(option_order(ORDER, seed) != (0, 1, 2) for seed in range(200))
