"""Citations, numbers and sentences of an answer are held against what was given."""

from __future__ import annotations

import random

import pytest

from tutor.agent.events import Passage, ToolResult
from tutor.agent.numbers import figures
from tutor.agent.passages import sentences
from tutor.agent.verify import Verified, verify
from tutor.content.blocks import PROSE, blocks
from tutor.content.library import Library
from tutor.domain.language import Text

TEXT = (
    "Greedy decoding takes the best token each time. The path has probability 0.50 × 0.40 = 0.20.\n\n"
    "The vocabulary has 50,257 entries, 12 % of them rare. GPT-2 was the first to start from 256 bytes."
)
PASSAGE = Passage("decoding", "greedy", Text("贪心", "Greedy"), TEXT, 1.0)
ZH = Passage(
    "decoding",
    "greedy",
    Text("贪心", "Greedy"),
    "词表有 50,257 项，其中 12 % 很少见。语料有 1.12 亿词，切成两种块。",
    1.0,
)


def judged(
    answer: str, passage: Passage = PASSAGE, question: str = "", results: tuple[ToolResult, ...] = ()
) -> Verified:
    return verify(answer, [passage], results, question)


def marked(
    answer: str, passage: Passage = PASSAGE, question: str = "", results: tuple[ToolResult, ...] = ()
) -> list[str]:
    return [fault.text for fault in judged(answer, passage, question, results).unsupported]


def test_citations_that_were_given_are_kept_with_their_sentence_and_others_removed_and_told() -> None:
    found = judged("Greedy decoding takes the best token [decoding#greedy]. It is greedy [decoding#beam-search].")
    assert found.answer == "Greedy decoding takes the best token [decoding#greedy]. It is greedy."
    assert [(c.lesson, c.section, c.quote) for c in found.citations] == [
        ("decoding", "greedy", "Greedy decoding takes the best token each time.")
    ]
    assert [fault.text for fault in found.unsupported] == ["[decoding#beam-search]"]
    assert "decoding#beam-search" in found.unsupported[0].why.en and found.unsupported[0].why.zh


@pytest.mark.parametrize(
    ("answer", "passage"),
    [
        ("The vocabulary has 50257 entries.", PASSAGE),
        ("The vocabulary has ５０,257 entries, 0.12 of them rare.", PASSAGE),
        ("Its probability along the path is .2.", PASSAGE),
        ("词表有 5.0257 万项，百分之 12 很少见。", ZH),
        ("语料有 112,000,000 词，切成 2 种块。", ZH),
        ("语料约 1.1 亿词。", ZH),
        ("GPT-2 started from 256 bytes.", PASSAGE),
    ],
)
def test_a_number_counts_in_any_notation(answer: str, passage: Passage) -> None:
    assert marked(answer, passage) == []


@pytest.mark.parametrize(
    ("answer", "passage", "wrong"),
    [
        ("The vocabulary has 50,258 entries.", PASSAGE, "50,258"),
        ("The vocabulary has 12 entries, 50,257 of them rare, 12 in all.", PASSAGE, "12"),
        ("GPT-3 was the first to start from 256 bytes.", PASSAGE, "gpt-3"),
        ("The path has probability 0.50 × 0.40 = 0.40.", PASSAGE, "0.40"),
        ("词表有 50,257 项，切成三种块。", ZH, "三"),
    ],
)
def test_a_wrong_number_is_marked_where_it_stands(answer: str, passage: Passage, wrong: str) -> None:
    faults = judged(answer, passage).unsupported
    assert wrong in [fault.text.casefold() for fault in faults]
    assert all(answer[fault.start : fault.end] == fault.text for fault in faults)


def test_numbers_of_the_question_and_of_results_may_be_used() -> None:
    result = ToolResult("calculate", "0.5 * 0.3 = 0.15")
    assert marked("The path has probability 0.15.", results=(result,)) == []
    assert marked("The path has probability 0.15.") == ["0.15"]
    assert marked("With 7 beams the best token is taken each time.", question="what about 7 beams") == []


def test_a_sentence_that_nothing_speaks_for_is_marked_and_one_that_only_connects_is_not() -> None:
    invented = "Penguins in Antarctica invented neural machine translation."
    found = judged(f"So: greedy decoding takes the best token. {invented} For example:")
    assert [fault.text for fault in found.unsupported] == [invented]
    assert marked("The lessons do not say how penguins feel about it.") == []


def test_hostile_answers_are_judged_too() -> None:
    for answer in ("", "[", "[a#b" * 50, "9" * 3000, "1e999999", "。。。", "\n\n", "二三四五六七八九十百千万亿个"):
        judged(answer)


def test_every_planted_wrong_number_of_the_lessons_is_marked_and_no_right_sentence(tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    library = Library(cache=tmp_path_factory.mktemp("cache"))
    chance = random.Random(7)
    planted = 0
    for slug, id in (
        ("tokenizer", "byte-level"),
        ("decoding", "greedy"),
        ("decoding", "temperature"),
        ("padding", "less-waste"),
    ):
        section = library.lesson(slug).section(id)
        assert section is not None
        for body, other in ((section.body.zh, section.body.en), (section.body.en, section.body.zh)):
            given = [Passage(slug, id, section.title, "\n\n".join(block.text for block in blocks(body)), 1.0)]
            right = [one for block in blocks(body) if block.kind == PROSE for one in sentences(block.text)]
            translated = [one for block in blocks(other) if block.kind == PROSE for one in sentences(block.text)]
            for sentence in right:
                assert verify(sentence, given).unsupported == ()
                for place in chance.sample(digits := places(sentence), min(2, len(digits))):
                    wrong = (
                        sentence[:place]
                        + str((int(sentence[place]) + chance.randint(1, 8)) % 10)
                        + sentence[place + 1 :]
                    )
                    faults = verify(wrong, given).unsupported
                    assert any(fault.start <= place < fault.end for fault in faults), wrong
                    planted += 1
            for sentence in translated[:3]:
                assert verify(sentence, given, library=library).unsupported == ()
    assert planted > 50


def places(sentence: str) -> list[int]:
    """Where a digit could be another: not the last after a point that would mean the same."""
    return [at for one in figures(sentence) for at in range(one.start, one.end) if sentence[at] in "0123456789"]
