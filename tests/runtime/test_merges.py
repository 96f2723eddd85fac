"""The merges that made a token: the same as when the whole word is merged, and as the model's file has them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import gguf
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from tutor.runtime.client import WorkerModel
from tutor.runtime.merges import BYTES, CHARACTERS, LIKELIEST, merging, merging_of_file
from tutor.runtime.pairs import merged, replay
from tutor.runtime.tokenizers import BUNDLED, cut

WORDS = [
    " tokenizer",
    " supercalifragilistic",
    " 龘龘",
    " antidisestablishmentarianism",
    "　　",
    " ========",
    "分词器的编号",
]
Merged = tuple[float, int, int]  # rank, and the range of bytes that became one


def joined_over(parts: list[bytes], rank: Callable[[bytes, bytes], float | None]) -> tuple[list[Merged], list[bytes]]:
    """The textbook's loop over a whole word: every merge with the bytes it joined, and what is left."""
    made: list[Merged] = []
    while True:
        best: tuple[float, int] | None = None
        for i in range(len(parts) - 1):
            known = rank(parts[i], parts[i + 1])
            if known is not None and (best is None or known < best[0]):
                best = known, i
        if best is None:
            return made, parts
        at = best[1]
        start = sum(map(len, parts[:at]))
        parts = [*parts[:at], parts[at] + parts[at + 1], *parts[at + 2 :]]
        made.append((best[0], start, start + len(parts[at])))


@pytest.mark.parametrize("name", list(BUNDLED))
@pytest.mark.parametrize("word", WORDS)
def test_a_tokens_merges_are_those_of_the_whole_word_within_it(name: str, word: str) -> None:
    own = merging(name)
    assert own.kind == BYTES
    data = word.encode()
    made, parts = joined_over([data[i : i + 1] for i in range(len(data))], own.rank)
    found = cut(name, word)
    assert parts == list(found.data), "no merge crossed a token's borders"
    start = 0
    for token in found.data:
        inside = [(rank, a - start, b - start) for rank, a, b in made if start <= a and b <= start + len(token)]
        again = [
            (merge.rank, sum(map(len, merge.parts[: merge.at])), sum(map(len, merge.parts[: merge.at + 1])))
            for merge in own.merges(token)
        ]
        assert again == inside
        start += len(token)


@pytest.mark.parametrize("name", list(BUNDLED))
def test_the_last_merge_of_a_token_has_the_tokens_own_id_as_rank(name: str) -> None:
    found = cut(name, "The merges of 分词器, in order: antidisestablishmentarianism 👩‍💻")
    for id, data in zip(found.ids, found.data, strict=True):
        made = list(merging(name).merges(data))
        assert len(made) == len(data) - 1
        if made:
            assert made[-1].rank == id
            assert made[-1].parts == (data,)


def test_sentencepiece_merges_characters_by_the_scores_of_its_model() -> None:
    own = merging("spm-bpe")
    assert own.kind == CHARACTERS
    text = " the newest tokenizer 分词器 lowest"
    _, parts = joined_over([character.encode() for character in text], own.rank)
    oracle = sentencepiece.SentencePieceProcessor(model_file=str(ROOT / "models" / "spm-bpe.model"))
    assert [part.decode().replace(" ", "▁") for part in parts] == oracle.encode(text, out_type=str)


def test_unigram_has_no_merges_but_probabilities() -> None:
    own = merging("spm-unigram")
    assert own.kind == LIKELIEST
    found = cut("spm-unigram", " the tokenizer 龘")
    assert all(list(own.merges(data)) == [] for data in found.data)
    scores = [own.score(id) for id in found.ids]
    assert all(score is None or score < 0 for score in scores)
    assert scores[-3:] == [None] * 3, "bytes stand in for what the vocabulary lacks"


def test_merges_of_a_models_file_are_all_of_its_list_in_order(smollm: Path) -> None:
    field = gguf.GGUFReader(smollm).fields["tokenizer.ggml.merges"]
    own, draw = merging_of_file(smollm), random.Random(1)
    bytes_of = {character: byte for byte, character in zip(gguf_bytes(), map(chr, gguf_characters()), strict=True)}
    for place in [0, 1, len(field.data) - 1, *draw.sample(range(len(field.data)), 300)]:
        left, right = (
            bytes(bytes_of[character] for character in part) for part in str(field.contents(place)).split(" ")
        )
        assert own.rank(left, right) == place


def gguf_bytes() -> list[int]:
    """The bytes in the order in which GPT-2's `bytes_to_unicode` names them."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return printable + [byte for byte in range(256) if byte not in printable]


def gguf_characters() -> list[int]:
    printable = gguf_bytes()[:188]
    return printable + [256 + i for i in range(256 - len(printable))]


def test_a_models_own_tokens_are_what_its_merges_make(smol: WorkerModel, smollm: Path) -> None:
    own = merging_of_file(smollm)
    assert own.kind == BYTES
    for piece in smol.tokenize("The tokenizer of a small model, 分词器 and 👩‍💻."):
        made = list(own.merges(piece.data))
        assert (made[-1].parts if made else own.parts(piece.data)) == (piece.data,)


def test_a_sentencepiece_model_in_a_file_merges_by_its_scores(tiny_file: Path) -> None:
    own = merging_of_file(tiny_file)
    assert own.kind == CHARACTERS


@settings(deadline=None)
@given(st.text("abc", max_size=30), st.permutations(["ab", "bc", "abc", "ca", "aa", "cab", "abcab"]))
def test_the_quick_way_to_merge_ends_like_the_slow_one(word: str, learnt: list[str]) -> None:
    order = {pair.encode(): i for i, pair in enumerate(learnt)}

    def rank(left: bytes, right: bytes) -> int | None:
        return order.get(left + right)

    parts = tuple(word[i : i + 1].encode() for i in range(len(word)))
    last = [merge.parts for merge in replay(parts, rank)]
    assert merged(word.encode(), rank) == list(last[-1] if last else parts)
