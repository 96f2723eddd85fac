"""The hallucination demo against the model's own streams, and agreement and scoring against counts by hand."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from tests.demos.play import control_characters, frames, play, untranslated
from tutor.decoding.agreement import answer_entropy, clusters, expected_score, normalized
from tutor.demos import hallucination, registry
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.frames import Table
from tutor.domain.language import set_language
from tutor.domain.model import Message, Strategy
from tutor.runtime.client import WorkerModel

QUESTION = "Which city is the capital of France?"

# Given answers


def result_of(answers: list[str], **given: Any) -> dict[str, Any]:
    return play(hallucination, {"answers": answers, **given})[1]


@pytest.mark.parametrize(
    ("answers", "share", "entropy"),
    [
        (["Paris"], 1.0, 0.0),
        (["Paris", "paris.", "Paris!", "PARIS", "London"], 0.8, -(0.8 * math.log(0.8) + 0.2 * math.log(0.2))),
        (["1959", "1796", "1905", "1908", "2020"], 0.2, math.log(5)),
        (["a", "a", "b", "b"], 0.5, math.log(2)),
    ],
)
def test_agreement_and_entropy_of_answers_are_those_of_their_counts(
    answers: list[str], share: float, entropy: float
) -> None:
    result = result_of(answers)
    assert result["agreement"] == pytest.approx(share)
    assert result["answer_entropy"] == pytest.approx(entropy, abs=1e-12)
    assert result["answers"] == answers
    assert result["mean_entropy"] is None


def test_the_same_answer_in_other_clothes_is_the_same_and_other_numbers_are_not() -> None:
    assert len({normalized(text) for text in ("In 1636.", "in 1636", "  IN  1636!", "In\n１６３６。")}) == 1
    assert len({normalized(text) for text in ("3.14", "314", "3,14", "-314", "3-14")}) == 5
    assert clusters(["b", "A", "a.", "c"]) == [("a", 2), ("b", 1), ("c", 1)]


def test_200_answers_that_all_differ_have_the_entropy_of_200() -> None:
    assert answer_entropy([str(i) for i in range(200)]) == pytest.approx(math.log(200))


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.75, 0.9, 0.99])
def test_answering_pays_just_above_the_threshold(threshold: float) -> None:
    assert expected_score(threshold, threshold) == pytest.approx(0, abs=1e-12)
    assert expected_score(threshold + 0.005, threshold) > 0
    if threshold:
        assert expected_score(threshold - 0.005, threshold) < 0
    result = result_of(["yes"] * 3 + ["no"], threshold=threshold)  # agreement 0.75
    assert result["answer_pays"] == (threshold < 0.75)
    assert result["penalty"] == pytest.approx(threshold / (1 - threshold))
    assert result["expected_score"] == pytest.approx(0.75 - 0.25 * result["penalty"])


# The model asked


def raw(model: WorkerModel, context: str, seed: int, samples: int, tokens: int) -> tuple[list[str], list[list[float]]]:
    """The answers and entropies, straight from the model."""
    user = f"{context}\n\n{QUESTION}" if context else QUESTION
    told = [Message("system", "Answer with a few words only."), Message("user", user)]
    ids = [piece.id for piece in model.conversation(told)]
    texts, entropies = [], []
    for number in range(samples):
        strategy = Strategy("sample", temperature=1.2, seed=seed + number)
        steps = list(model.decode(ids, strategy, max_tokens=tokens))
        texts.append("".join(step.text for step in steps).strip())
        entropies.append([step.entropy for step in steps])
    return texts, entropies


def test_answers_agreement_and_entropy_are_those_of_the_models_own_streams(smol: WorkerModel) -> None:
    context = "The capital of France is Paris."
    given = {"question": QUESTION, "context": context, "samples": 2, "temperature": 1.2, "seed": 3, "max_tokens": 6}
    steps, result = play(hallucination, {**given, "grounded": True}, smol)
    for part, seen in ((result, context), (result["ungrounded"], "")):
        texts, entropies = raw(smol, seen, 3, 2, 6)
        every = [value for row in entropies for value in row]
        assert part["answers"] == texts
        assert [value for row in part["token_entropies"] for value in row] == pytest.approx(every)
        assert list(map(len, part["token_entropies"])) == list(map(len, entropies))
        assert part["mean_entropy"] == pytest.approx(sum(every) / len(every))
        assert part["agreement"] == max(map([normalized(text) for text in texts].count, map(normalized, texts))) / 2
    assert not control_characters(steps)
    assert not untranslated(steps)
    progress = [step.progress or 0.0 for step in steps]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert frames(steps, Table)


def test_at_temperature_0_all_answers_are_one(smol: WorkerModel) -> None:
    given = {"question": QUESTION, "samples": 2, "temperature": 0, "max_tokens": 3}
    _, result = play(hallucination, given, smol)
    assert result["agreement"] == 1
    assert result["answer_entropy"] == 0
    assert result["mean_entropy"] > 0
    assert "ungrounded" not in result


def test_a_chinese_question_is_asked_in_chinese_and_the_text_stands_before_it() -> None:
    told = hallucination.messages("首都是哪里？", "资料。")
    assert told == [Message("system", "只用几个字回答。"), Message("user", "资料。\n\n首都是哪里？")]


def test_only_given_answers_need_no_model() -> None:
    assert registry.wants_model("hallucination")
    assert not registry.wants_model("hallucination", {"answers": ["a"]})
    with pytest.raises(ModelMissing):
        play(hallucination, {})


def test_control_characters_of_answers_reach_no_picture() -> None:
    assert not control_characters(play(hallucination, {"answers": ["a\x1b[2J", "b"]})[0])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"answers": ["a", ""]}, "answers"),
        ({"answers": ["a", 3]}, "answers"),
        ({"answers": {"a": "b"}}, "answers"),
        ({"answers": ["a" * 201]}, "200"),
        ({"samples": 0}, "samples"),
        ({"samples": 17}, "samples"),
        ({"threshold": 1}, "threshold"),
        ({"max_tokens": 49}, "max_tokens"),
        ({"question": ""}, "question"),
    ],
)
def test_a_bad_value_is_answered_with_a_sentence(given: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError) as caught:
        play(hallucination, given, object())
    assert named in caught.value.message
    set_language("zh")
    assert re.search("[\u4e00-\u9fff]", caught.value.message)
