"""An answer that was begun is kept with the sitting, fits its question, and is gone with the answer."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.questions import ALL, CHOICE, EXPECTED, MULTI, ORDER, SPANS, TEXT
from tests.domain.test_session import find, right, sitting, through_json
from tutor.domain.draft import Draft
from tutor.domain.errors import UsageError
from tutor.domain.quiz import Question

DRAFTS = {
    CHOICE: Draft(cursor=2),
    MULTI: Draft(cursor=3, picked=(0, 3)),
    ORDER: Draft(cursor=1, picked=(0,), arrangement=(2, 0, 1)),
    SPANS: Draft(cursor=11, picked=(1, 11)),
    TEXT: Draft(cursor=2, typed="字节对 编"),
}
whole = st.integers(-2, 14)
anything = st.recursive(
    st.none() | whole | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner)
)


@pytest.mark.parametrize("question", DRAFTS, ids=lambda question: question.kind)
def test_a_draft_is_kept_with_its_sitting_until_the_answer_is_given(question: Question) -> None:
    session = sitting(question, CHOICE)
    session.turn.draft = DRAFTS[question]
    session = through_json(session)
    assert session.turn.draft == DRAFTS[question]
    session.next()
    session.back()
    assert through_json(session).turn.draft == DRAFTS[question], "skipped, and come back to"
    session.answer(right(session), expected=EXPECTED.get(question.id))
    assert through_json(session).turn.draft is None
    assert question.kind == "text" or DRAFTS[question].typed == ""


def test_what_is_no_answer_leaves_the_draft() -> None:
    session = sitting(MULTI)
    session.turn.draft = DRAFTS[MULTI]
    with pytest.raises(UsageError):
        session.answer("x")
    assert session.turn.draft == DRAFTS[MULTI]


def test_a_question_asked_anew_has_no_draft() -> None:
    session = sitting(MULTI, MULTI)
    session.turn.draft = DRAFTS[MULTI]
    raised = through_json(session).to_dict()
    raised["items"][0][2] = 7
    assert [turn.draft for turn in through_json_data(raised)] == [None, None]
    session.answer(right(session))
    session.undo()
    assert session.turn.draft is None


def through_json_data(data: dict[str, Any]) -> list[Any]:
    from tutor.domain.session import Session

    return Session.from_dict(json.loads(json.dumps(data)), find).turns


def test_a_sitting_kept_before_there_were_drafts_goes_on() -> None:
    data = sitting(*ALL).to_dict()
    for turn in data["turns"]:
        del turn["draft"]
    assert len(through_json_data(data)) == len(ALL)


@given(
    question=st.sampled_from(ALL),
    data=anything
    | st.fixed_dictionaries(
        {
            "cursor": whole | anything,
            "picked": st.lists(whole) | anything,
            "arrangement": st.permutations(range(3)) | st.lists(whole) | anything,
            "typed": st.text(max_size=4) | anything,
        }
    ),
)
def test_whatever_was_kept_what_is_restored_fits_the_question(question: Question, data: Any) -> None:
    draft = Draft.restored(data, question)
    if draft is None:
        return
    count = len(getattr(question, "items", getattr(question, "options", ())))
    if question == SPANS:
        count = len(SPANS.text)
    if question == ORDER:
        assert sorted(draft.arrangement) == [0, 1, 2]
    if count:
        assert 0 <= draft.cursor < count and all(0 <= place < count for place in draft.picked)
    else:
        assert 0 <= draft.cursor <= len(draft.typed) and draft.picked == ()
    assert Draft.restored(json.loads(json.dumps(asdict(draft))), question) == draft


def test_a_draft_of_an_option_that_is_gone_is_left_out_and_the_sitting_stays() -> None:
    session = sitting(CHOICE, MULTI)
    session.next()
    session.turn.draft = replace(DRAFTS[MULTI], picked=(0, 4))
    restored = through_json(session)
    assert restored.at == 1 and restored.turn.draft is None
