from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from tests.domain.questions import ALL, CHOICE, EXPECTED, MULTI, NUMBER, ORDER, TEXT, VARIED
from tutor.domain.errors import TutorError, UsageError
from tutor.domain.grading import model_answer
from tutor.domain.quiz import Number, Question
from tutor.domain.schedule import Rating
from tutor.domain.session import Item, Outcome, ReadAgain, Session

LESSON = "tokenizer"


def sitting(*questions: Question, seed: int = 7, retries: int = 2) -> Session:
    return Session([Item(LESSON, question) for question in questions], seed, retries=retries)


def find(lesson: str, id: str) -> Question | None:
    return next((question for question in ALL if question.id == id and lesson == LESSON), None)


def through_json(session: Session) -> Session:
    return Session.from_dict(json.loads(json.dumps(session.to_dict())), find)


def right(session: Session) -> object:
    return model_answer(session.question, EXPECTED.get(session.question.id))


def test_all_right_ends_after_the_last_question_with_nothing_to_read() -> None:
    session = sitting(*ALL)
    while not session.finished:
        assert session.answer(right(session), expected=EXPECTED.get(session.question.id)).correct
        assert session.outcome.rating is Rating.GOOD
        session.next()
    summary = session.summary()
    assert (summary.total, summary.right, summary.wrong, summary.skipped) == (len(ALL), len(ALL), 0, 0)
    assert summary.read_again == ()


def test_a_wrong_one_comes_again_at_the_end_until_it_is_right() -> None:
    session = sitting(CHOICE, MULTI)
    session.answer(0)
    session.next()
    session.answer({0, 2, 3})
    session.next()
    assert session.item.question == CHOICE
    assert session.turn.attempt == 1
    session.answer(1)
    session.next()
    assert session.finished
    assert session.summary().wrong == 1


def test_a_wrong_one_does_not_come_again_for_ever() -> None:
    session = sitting(CHOICE, retries=2)
    asked = 0
    while not session.finished:
        session.answer(0)
        session.next()
        asked += 1
    assert asked == 3


def test_ratings_follow_from_the_answer() -> None:
    session = sitting(CHOICE, CHOICE, CHOICE)
    session.answer(0)
    assert session.outcome.rating is Rating.AGAIN
    session.next()
    assert session.take_hint() == CHOICE.hint
    session.answer(1)
    assert session.outcome.rating is Rating.HARD
    assert session.outcome.hint
    session.next()
    session.answer(1)
    assert session.outcome.rating is Rating.GOOD


def test_a_hint_after_the_answer_and_a_hint_that_is_not_there_cost_nothing() -> None:
    session = sitting(CHOICE, MULTI)
    session.answer(1)
    session.take_hint()
    assert not session.outcome.hint
    session.next()
    assert not session.take_hint()
    session.answer({0, 2, 3})
    assert session.outcome.rating is Rating.GOOD


def test_too_easy_replaces_the_rating_before() -> None:
    session = sitting(CHOICE)
    session.answer(1)
    good = session.outcome
    easy = session.rate(Rating.EASY)
    assert (easy.rating, easy.replaces) == (Rating.EASY, good.id)
    assert easy.id != good.id
    assert session.outcome.id == easy.id
    assert session.outcome.replaces == ""


def test_a_wrong_answer_cannot_be_rated_away() -> None:
    session = sitting(CHOICE)
    with pytest.raises(UsageError):
        session.rate(Rating.EASY)
    session.answer(0)
    with pytest.raises(UsageError):
        session.rate(Rating.GOOD)


def test_an_answer_is_given_once() -> None:
    session = sitting(CHOICE)
    session.answer(0)
    with pytest.raises(UsageError):
        session.answer(1)
    assert session.turn.answer == 0


def test_an_answer_that_is_none_leaves_the_question_open() -> None:
    session = sitting(CHOICE)
    with pytest.raises(UsageError):
        session.answer(9)
    assert session.verdict is None
    assert len(session.turns) == 1


def test_the_outcome_is_what_the_log_needs() -> None:
    session = Session([Item(LESSON, MULTI)], 1, source="review")
    session.answer(frozenset({3, 0}))
    outcome = session.outcome
    assert outcome == Outcome(
        id=outcome.id,
        lesson=LESSON,
        question="multi",
        revision=1,
        answer=[0, 3],
        correct=False,
        hint=False,
        rating=Rating.AGAIN,
        source="review",
    )
    session.next()
    with pytest.raises(ValueError, match="no answer"):
        _ = session.outcome


def test_skipped_questions_can_be_gone_back_to() -> None:
    session = sitting(CHOICE, TEXT)
    session.skip()
    session.answer("BPE")
    session.next()
    assert session.finished
    assert session.summary().skipped == 1
    session.back()
    session.back()
    session.back()
    assert session.item.question == CHOICE
    session.answer(1)
    assert session.summary().skipped == 0


def test_the_summary_names_the_sections_that_went_wrong_the_worst_first() -> None:
    other = replace(CHOICE, id="other", section="s-text")
    session = sitting(CHOICE, TEXT, other)
    for answer in (0, "no idea", 0):
        session.answer(answer)
        session.next()
    assert session.summary().read_again == (ReadAgain(LESSON, "s-text", 2), ReadAgain(LESSON, "s-choice", 1))


def test_undo_opens_the_question_answered_last_and_drops_its_retry() -> None:
    session = sitting(CHOICE, TEXT)
    session.answer(0)
    first = session.outcome.id
    session.next()
    session.answer("BPE")
    second = session.outcome.id
    session.next()
    assert session.undo() == second
    assert session.item.question == TEXT
    assert session.undo() == first
    assert session.item.question == CHOICE
    assert session.verdict is None
    assert len(session.turns) == 2
    assert session.undo() == ""


def test_undo_follows_the_order_of_answering_not_of_the_questions() -> None:
    session = sitting(CHOICE, TEXT)
    session.skip()
    session.answer("BPE")
    session.back()
    session.answer(1)
    last = session.outcome.id
    session.next()
    assert session.undo() == last
    assert session.item.question == CHOICE


def test_shuffles_and_numbers_are_stable_within_a_turn_and_new_at_a_retry() -> None:
    orders = set()
    prompts = set()
    for seed in range(20):
        session = sitting(ORDER, VARIED, seed=seed)
        assert session.order == through_json(session).order == sitting(ORDER, VARIED, seed=seed).order
        session.answer(list(session.order))
        session.next()
        session.answer(-1)
        session.next()
        orders.add(session.order)
        session.next()
        prompts.add((session.question.prompt, session.item.question.prompt))
    assert len(orders) > 1
    assert len(prompts) > 5


def test_a_varied_question_is_graded_by_the_numbers_it_showed() -> None:
    session = sitting(VARIED)
    question = session.question
    assert isinstance(question, Number)
    assert session.answer(question.answer).correct


@pytest.mark.parametrize("seed", range(30))
def test_a_sitting_interrupted_at_any_moment_goes_on_where_it_was(seed: int) -> None:
    rng = random.Random(seed)
    session = sitting(*ALL, seed=seed)
    for _ in range(60):
        before = session.to_dict()
        session = through_json(session)
        assert session.to_dict() == before
        if session.finished or rng.random() < 0.1:
            session.back()
        elif rng.random() < 0.1:
            session.undo()
        elif session.verdict is None and rng.random() < 0.8:
            if rng.random() < 0.3:
                session.take_hint()
            right_answer = right(session)
            wrong = {"choice": 0, "predict-options": 0, "order": (1, 0, 2), "multi": [], "spans": []}
            answer = right_answer if rng.random() < 0.6 else wrong.get(session.question.id, "-7")
            session.answer(answer, expected=EXPECTED.get(session.question.id))
        else:
            session.next()


def test_a_question_that_is_gone_is_left_out_and_the_rest_keeps_its_place() -> None:
    session = sitting(CHOICE, TEXT, ORDER)
    session.answer(1)
    session.next()
    session.next()
    shuffled = session.order
    restored = Session.from_dict(session.to_dict(), lambda lesson, id: None if id == "choice" else find(lesson, id))
    assert restored.item.question == ORDER
    assert restored.order == shuffled
    assert restored.summary().total == 2


def test_a_question_whose_meaning_changed_is_asked_anew() -> None:
    session = sitting(CHOICE, TEXT)
    session.answer(0)
    raised = replace(CHOICE, revision=2)
    restored = Session.from_dict(session.to_dict(), lambda lesson, id: raised if id == "choice" else find(lesson, id))
    assert restored.verdict is None
    assert restored.item.question.revision == 2
    assert len(restored.turns) == 2


@pytest.mark.parametrize("data", [None, [], {}, {"format": 99}, {"format": 1, "items": [[1]]}, "x"])
def test_data_that_is_no_sitting_is_answered_with_a_sentence(data: object) -> None:
    with pytest.raises(TutorError, match="cannot be read"):
        Session.from_dict(data, find)


def test_a_damaged_sitting_never_gives_a_traceback() -> None:
    session = sitting(CHOICE, NUMBER)
    session.answer(0)
    whole = session.to_dict()
    for key in whole:
        for value in (None, [], "x", -1, {}, [[]], [{}]):
            try:
                Session.from_dict({**whole, key: value}, find).summary()
            except TutorError:
                continue
