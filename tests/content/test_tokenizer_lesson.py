"""What lesson 2 says of real vocabularies, counted again: no demo covers these numbers."""

from __future__ import annotations

from functools import cache
from math import prod
from pathlib import Path

import quicktok

from tutor.content.library import Library
from tutor.domain.modelfile import Array
from tutor.runtime import gguf
from tutor.runtime.tokenizers import tokenize

REGULAR = {"cl100k_base": 100_256, "o200k_base": 199_998, "qwen3": 151_643}  # entries before the special tokens
HAN = [chr(code) for code in range(0x4E00, 0xA000)]


@cache
def vocabulary(name: str) -> tuple[bytes, ...]:
    encoding = quicktok.get_encoding(name)
    return tuple(encoding.decode_single_token_bytes(id) for id in range(REGULAR[name]))


def body(section: str) -> tuple[str, str]:
    text = next(part.body for part in Library().lesson("tokenizer").sections if part.id == section)
    return text.zh, text.en


def says(section: str, *figures: object) -> None:
    """Both languages hold each of `figures`, integers with commas."""
    for text in body(section):
        for figure in figures:
            written = f"{figure:,}" if isinstance(figure, int) else str(figure)
            assert written in text, (written, text)


def cut(name: str, text: str) -> list[bytes]:
    return [piece.data for piece in tokenize(name, text)]


def test_sizes_are_bytes_plus_merges() -> None:
    for name, size in REGULAR.items():
        assert len(set(vocabulary(name))) == size
        assert sum(len(entry) == 1 for entry in vocabulary(name)) == 256
    says("byte-level", 256 + 50_000 + 1, REGULAR["cl100k_base"] - 256)
    says("vocabulary-size", *REGULAR.values())


def test_the_cuts_of_the_word_lowest_in_chinese() -> None:
    assert [piece.hex(" ") for piece in cut("cl100k_base", "最低")] == ["e6 9c 80", "e4 bd", "8e"]
    assert cut("o200k_base", "最低") == cut("qwen", "最低") == ["最低".encode()]


def test_how_many_chinese_characters_are_one_token() -> None:
    han = {character.encode() for character in HAN}
    counts = [len(han.intersection(vocabulary(name))) for name in REGULAR]
    says("byte-level", len(HAN), *counts)


def test_entries_named_in_the_text_are_there() -> None:
    assert "的价格".encode() in vocabulary("qwen3")
    assert "公众号天天中彩票".encode() in vocabulary("o200k_base")
    says("encoding", "的价格")
    says("vocabulary-size", "公众号天天中彩票")


def test_spaces_digits_and_special_tokens_as_told() -> None:
    cl100k = quicktok.get_encoding("cl100k_base")
    assert cl100k.encode_ordinary(" lowest") == [15821]
    assert cl100k.encode_ordinary("lowest") == [90998]
    assert cl100k.encode_ordinary("The price is the ") == [791, 3430, 374, 279, 220]
    assert cut("cl100k_base", "I paid 12345") == [b"I", b" paid", b" ", b"123", b"45"]
    assert cut("cl100k_base", "20261124") == [b"202", b"611", b"24"]
    assert cut("qwen", "12345") == [b"1", b"2", b"3", b"4", b"5"]
    assert quicktok.get_encoding("qwen3").encode_with_special("<|im_end|>") == [151645]
    assert len(tokenize("qwen", "<|im_end|>")) == 6


def test_one_sentence_in_three_vocabularies() -> None:
    chinese, english = "最新款手机的价格最低。", "The newest phone has the lowest price."
    names = ("cl100k_base", "o200k_base", "qwen")
    for sentence in (chinese, english):
        row = " | ".join(str(len(tokenize(name, sentence))) for name in names)
        says("vocabulary-size", f"| {sentence} | {row} |")
    assert [len(tokenize(name, english)) for name in names] == [8, 8, 8]
    assert (len(english), len(chinese)) == (38, 11)
    assert (38 / 8, round(11 / 10, 1), round(11 / 6, 1)) == (4.75, 1.1, 1.8)


def test_qwen_is_cl100k_without_longer_numbers_and_with_more() -> None:
    old, new = vocabulary("cl100k_base"), vocabulary("qwen3")
    numbers = {f"{n:0{width}}".encode() for width in (2, 3) for n in range(10**width)}
    kept = [entry for entry in old if entry not in numbers]
    assert list(new[: len(kept)]) == kept
    added = new[len(kept) :]
    assert not set(added) & set(old)
    with_han = sum(any("\u4e00" <= c <= "\u9fff" for c in entry.decode(errors="ignore")) for entry in added)
    says("vocabulary-size", len(numbers), len(kept), len(added), with_han, len(new))


def test_the_default_models_matrix_and_merge_list(qwen: Path) -> None:
    file = gguf.inspect(qwen)
    sizes = {tensor.name: tensor.shape for tensor in file.tensors}
    width, rows = sizes["token_embd.weight"]
    # The file stores the output's matrix a second time, quantized otherwise; the model has one for both.
    total = file.parameters - prod(sizes["output.weight"])
    says("vocabulary-size", rows, width, rows * width, total, f"{100 * rows * width / total:.1f}%")
    merges = file.metadata["tokenizer.ggml.merges"]
    assert isinstance(merges, Array)
    assert merges.length == REGULAR["qwen3"] - 256 == Library().quiz("tokenizer").question("q-merge-count").answer
