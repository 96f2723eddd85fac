"""The tokenizer demo against the paper's own program, a naive trainer, and what a byte-pair encoding must keep."""

from __future__ import annotations

import collections
import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.soak import count
from tutor.demos import registry
from tutor.demos import tokenizer as demo
from tutor.domain.errors import UsageError
from tutor.domain.frames import Bars, Table, Tokens
from tutor.domain.language import set_language

PAPER = {"low": 5, "lower": 2, "newest": 6, "widest": 3}


def run(**given: object) -> dict[str, Any]:
    return registry.run("tokenizer", given)[1]


def algorithm_1(words: dict[str, int], merges: int, mark: str) -> list[list[str]]:
    """The way of Sennrich et al. 2016, Algorithm 1: words as strings with spaces, merged with a regular expression.

    Its `max` takes the first of the most frequent pairs in the order in which counting met them.
    """
    vocab = {" ".join([*word, mark] if mark else word): times for word, times in words.items()}
    learnt = []
    for _ in range(merges):
        pairs: dict[tuple[str, str], int] = {}
        for word, times in vocab.items():
            for pair in itertools.pairwise(word.split(" ")):
                pairs[pair] = pairs.get(pair, 0) + times
        if not pairs:
            break
        best = max(pairs, key=lambda pair: pairs[pair])
        learnt.append(list(best))
        together = re.compile(r"(?<!\S)" + re.escape(" ".join(best)) + r"(?!\S)")
        vocab = {together.sub("".join(best).replace("\\", r"\\"), word): times for word, times in vocab.items()}
    return learnt


def test_the_published_program_and_the_demo_learn_the_same_ten_merges() -> None:
    learnt = run(corpus=PAPER, merges=10, end_of_word=True)["merges"]
    assert learnt == algorithm_1(PAPER, 10, "</w>")
    assert ["".join(pair) for pair in learnt[:7]] == ["es", "est", "est</w>", "lo", "low", "ne", "new"]


def test_the_merges_printed_in_the_papers_figure_1_segment_lower_as_the_paper_says() -> None:
    ranks = {("r", "</w>"): 0, ("l", "o"): 1, ("lo", "w"): 2, ("e", "r</w>"): 3}
    pieces = demo.split("lower", end_of_word=True)
    while (pair := demo.next_merge(pieces, ranks)) is not None:
        pieces = demo.join(pieces, pair)
    assert pieces == ["low", "er</w>"]


letters = st.text(alphabet="abc", min_size=1, max_size=8)
corpora = st.dictionaries(letters, st.integers(1, 5), min_size=1, max_size=6)


@settings(max_examples=count(2000), deadline=None)
@given(corpora, st.integers(0, 12), st.booleans())
def test_random_corpora_give_the_merges_of_the_naive_trainer(
    words: dict[str, int], merges: int, end_of_word: bool
) -> None:
    learnt = run(corpus=words, merges=merges, end_of_word=end_of_word)["merges"]
    assert learnt == algorithm_1(words, merges, "</w>" if end_of_word else "")


@settings(max_examples=count(1000), deadline=None)
@given(
    st.dictionaries(st.text(min_size=1, max_size=6), st.integers(1, 9), min_size=1, max_size=5), st.text(max_size=12)
)
def test_pieces_joined_are_the_word_that_was_encoded(words: dict[str, int], word: str) -> None:
    words = {key: value for key, value in words.items() if key.encode(errors="ignore").decode() == key} or {"a": 1}
    result = run(corpus=words, merges=5, encode=word)
    assert "".join(result["encoded"]).encode() == word.encode()
    assert [result["vocab"][id] if id is not None else None for id in result["encoded_ids"]] == [
        piece if piece in result["vocab"] else None for piece in result["encoded"]
    ]


def encode_naively(word: str, merges: list[list[str]]) -> list[str]:
    """Joins the leftmost occurrence of the earliest learnt pair, one at a time."""
    pieces = list(word)
    while True:
        places = [
            (merges.index([a, b]), at) for at, (a, b) in enumerate(itertools.pairwise(pieces)) if [a, b] in merges
        ]
        if not places:
            return pieces
        at = min(places)[1]
        pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]


@settings(max_examples=count(2000), deadline=None)
@given(corpora, st.integers(0, 12), letters)
def test_encoding_replays_the_earliest_learnt_pair_first(words: dict[str, int], merges: int, word: str) -> None:
    result = run(corpus=words, merges=merges, encode=word)
    assert result["encoded"] == encode_naively(word, result["merges"])


@settings(max_examples=count(1000), deadline=None)
@given(corpora, st.integers(0, 12))
def test_counts_vocabulary_and_corpus_length_belong_together(words: dict[str, int], merges: int) -> None:
    result = run(corpus=words, merges=merges)
    assert result["tokens_before"] == sum(len(word) * times for word, times in words.items())
    assert result["tokens_after"] == sum(
        len(apply_in_order(word, result["merges"])) * times for word, times in words.items()
    )
    characters = list(dict.fromkeys("".join(words)))
    assert len(result["vocab"]) == len(set(result["vocab"])) == len(characters) + len(result["merges"])
    assert result["vocab"] == [*characters, *("".join(pair) for pair in result["merges"])]
    assert result["vocab_size"] == len(result["vocab"])


def apply_in_order(word: str, merges: list[list[str]]) -> list[str]:
    """What training leaves of a word: each merge once, in the order learnt."""
    text = "\0".join(word)
    for left, right in merges:
        text = re.sub(f"(?<![^\0]){left}\0{right}(?![^\0])", left + right, text)
    return text.split("\0")


def test_a_text_counts_its_words_and_first_occurrence_decides_ties() -> None:
    assert run(corpus="ab cd ab cd", merges=1)["merges"] == [["a", "b"]]
    assert run(corpus="cd ab ab cd", merges=1)["merges"] == [["c", "d"]]
    assert run(corpus="xyab  ab\n", merges=1)["merges"] == [["a", "b"]]


def test_text_json_string_and_object_are_the_same_corpus() -> None:
    text = " ".join(word for word, times in PAPER.items() for _ in range(times))
    assert (
        run(corpus=text) == run(corpus=PAPER) == run(corpus='{"low": 5, "lower": 2, "newest": 6, "widest": 3}') == run()
    )


def test_overlapping_neighbours_are_counted_and_joined_from_the_left() -> None:
    result = run(corpus={"aaa": 1}, merges=1)
    assert result["merges"] == [["a", "a"]]
    assert result["counts"] == [2]
    assert result["tokens_after"] == 2


def test_training_ends_early_when_every_word_is_one_piece() -> None:
    steps, result = registry.run("tokenizer", {"corpus": "ab", "merges": 9})
    assert result["merges"] == [["a", "b"]]
    table_step = next(step for step in steps if any(isinstance(frame, Table) for frame in step.frames))
    assert "no pair is left" in table_step.note.en
    assert "没有相邻对" in table_step.note.zh


def test_no_merge_leaves_the_characters() -> None:
    result = run(corpus="ab", merges=0, encode="ba")
    assert (result["merges"], result["vocab"], result["encoded_ids"]) == ([], ["a", "b"], [1, 0])


def test_a_character_the_corpus_never_held_has_no_id_and_is_marked() -> None:
    steps, result = registry.run("tokenizer", {"encode": "lowz"})
    assert result["encoded"] == ["low", "z"]
    assert result["encoded_ids"] == [result["vocab"].index("low"), None]
    last = steps[-1].frames[0]
    assert isinstance(last, Tokens)
    assert [item.mark for item in last.items] == ["kept", "bad"]


def test_each_merge_shows_the_pair_in_the_words_and_on_top_of_the_bars() -> None:
    steps, result = registry.run("tokenizer", {})
    choosing = [step for step in steps if any(isinstance(frame, Bars) for frame in step.frames)]
    assert len(choosing) == len(result["merges"])
    for step, pair, times in zip(choosing, result["merges"], result["counts"], strict=True):
        words, bars = step.frames
        assert isinstance(words, Tokens)
        assert isinstance(bars, Bars)
        assert [item.text for item in words.items if item.mark == "chosen"][:2] == pair
        assert (bars.items[0].label, bars.items[0].value) == (" + ".join(pair), times)
        assert all(bar.value <= times for bar in bars.items)
    progress = [step.progress for step in steps]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


def test_pictures_of_a_large_corpus_stay_small_and_safe() -> None:
    corpus = " ".join(f"word{number}\x1b[31m" for number in range(900)) + " " + "z" * 3000
    steps, _ = registry.run("tokenizer", {"corpus": corpus, "merges": 40})
    for step in steps:
        for frame in step.frames:
            if isinstance(frame, Tokens):
                assert len(frame.items) <= demo.SHOWN_WORDS * (demo.SHOWN_PIECES + 3)
                assert not any("\x1b" in item.text for item in frame.items)


def test_a_full_corpus_is_learnt_step_by_step_within_the_bounds() -> None:
    words = ("".join(letters) for letters in itertools.product("abcdefgh", repeat=4))
    corpus = " ".join(words)[: demo.MAX_CHARACTERS]
    result = run(corpus=corpus, merges=200)
    assert result["merges"] == algorithm_1(dict(collections.Counter(corpus.split())), 200, "")


@pytest.mark.parametrize(
    ("given_value", "needle"),
    [
        ({"corpus": []}, "corpus"),
        ({"corpus": "   "}, "at least one word"),
        ({"corpus": {"": 3}}, "at least one word"),
        ({"corpus": ["low"]}, "words and counts"),
        ({"corpus": 7}, "words and counts"),
        ({"corpus": None}, "words and counts"),
        ({"corpus": {"low": 0}}, "`low`"),
        ({"corpus": {"low": True}}, "`low`"),
        ({"corpus": {"low": 1.5}}, "1.5"),
        ({"corpus": {"low": "5"}}, "`low`"),
        ({"corpus": {"low": demo.MAX_COUNT + 1}}, str(demo.MAX_COUNT)),
        ({"corpus": "{low: 5}"}, "corpus"),
        ({"corpus": {"a</w>b": 1}, "end_of_word": True}, "</w>"),
        ({"corpus": "a" * (demo.MAX_CHARACTERS + 1)}, str(demo.MAX_CHARACTERS)),
        ({"corpus": {"a" * demo.MAX_CHARACTERS: 1, "b": 1}}, str(demo.MAX_CHARACTERS)),
        ({"merges": demo.MAX_MERGES + 1}, str(demo.MAX_MERGES)),
        ({"merges": -1}, "merges"),
        ({"encode": "a" * (demo.MAX_ENCODE + 1)}, "encode"),
    ],
)
def test_a_bad_value_is_answered_with_a_sentence_in_both_languages(given_value: dict[str, object], needle: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry.run("tokenizer", given_value)
    assert needle in caught.value.message
    set_language("zh")
    assert re.search("[\u4e00-\u9fff]", caught.value.message)


def test_a_brace_that_opens_no_json_is_refused_where_the_default_would_be_read() -> None:
    with pytest.raises(UsageError, match="words and counts"):
        demo.words_of("{low: 5}")


def test_the_largest_allowed_values_run() -> None:
    corpus = "a" * demo.MAX_CHARACTERS
    result = run(corpus=corpus, merges=demo.MAX_MERGES, encode="a" * demo.MAX_ENCODE)
    assert "".join(result["encoded"]) == "a" * demo.MAX_ENCODE
    assert result["tokens_after"] == 1
