"""The gpt4-chinese demo against UTF-8 read bit by bit, prefixes decoded anew, and ids that tiktoken gives."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.demos.play import control_characters, frames, play, untranslated
from tutor.decoding import utf8
from tutor.demos import gpt4_chinese, registry
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.frames import Bars, Table, Tokens
from tutor.domain.language import set_language
from tutor.runtime.client import WorkerModel
from tutor.runtime.without import without_model

TEXTS = ["谢谢，已删除。", "say 谢谢", "魑魅魍魉🙂𠮷", "a", "�半个", "naïve ελ\n가나다", "字" * 400]
NAMES = ("cl100k_base", "o200k_base", "qwen", "spm-bpe", "spm-unigram")


def run(**given: object) -> dict[str, Any]:
    return registry.run("gpt4-chinese", given, without_model())[1]


# UTF-8 by the table of RFC 3629, section 3, without a decoder.


def is_text(data: bytes) -> bool:
    at = 0
    while at < len(data):
        ones = 8 - (~data[at] & 0xFF).bit_length()
        if ones == 1 or ones > 4:
            return False
        length = max(1, ones)
        rest = data[at + 1 : at + length]
        if len(rest) < length - 1 or any(byte >> 6 != 0b10 for byte in rest):
            return False
        at += length
    return True


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", NAMES)
def test_tokens_are_the_bytes_of_the_text_and_the_incomplete_ones_are_no_text_alone(text: str, name: str) -> None:
    result = run(text=text, tokenizer=name)
    data = [bytes.fromhex(each) for each in result["tokens"]]
    assert b"".join(data) == text.encode()
    assert len(result["ids"]) == len(data) == result["counts"][name]
    assert result["incomplete"] == [i for i, each in enumerate(data) if not is_text(each)]
    assert result["incomplete_counts"][name] == len(result["incomplete"])
    assert (result["characters"], result["bytes"]) == (len(text), len(text.encode()))
    assert result["decoded"] == text


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", NAMES)
def test_the_stream_gives_out_each_character_as_soon_as_its_last_byte_is_there(text: str, name: str) -> None:
    result = run(text=text, tokenizer=name)
    ends, at = [], 0
    for character in text:
        at += len(character.encode())
        ends.append(at)
    sent, seen = 0, 0
    for i, token in enumerate(result["tokens"]):
        sent += len(token) // 2
        whole = sum(end <= sent for end in ends)
        assert result["emitted"][i] == text[seen:whole]
        waiting = sent - (ends[whole - 1] if whole else 0)
        assert len(result["waiting"][i]) // 2 == waiting <= 3
        seen = whole
    assert "".join(result["emitted"]) == text


def test_ids_are_those_of_tiktoken() -> None:
    assert run(text="谢谢")["ids"] == [39013, 95, 39013, 95]
    assert run(text="你好，世界！")["ids"] == [57668, 53901, 3922, 3574, 244, 98220, 6447]
    assert run(text="谢谢", tokenizer="o200k_base")["ids"] == [97006]


def test_the_naive_decoder_shows_a_sign_for_each_half_and_the_bytes_are_gone() -> None:
    result = run()
    assert result["tokens"][:4] == ["e8b0", "a2", "e8b0", "a2"]
    assert result["incomplete"] == [0, 1, 2, 3]
    assert result["naive"] == "����，已删除。"
    assert result["decoded"] == "谢谢，已删除。"
    assert run(tokenizer="o200k_base")["naive"] == "谢谢，已删除。"


def test_a_token_may_hold_a_whole_character_and_the_start_of_another() -> None:
    result = run(text="say 谢谢")
    assert result["tokens"][1] == "20e8"
    assert result["alone"][1] == " �"
    assert result["emitted"][1:4] == [" ", "", "谢"]


def test_counts_are_those_of_each_tokenizer_run_by_itself() -> None:
    every = run(text="魑魅魍魉", tokenizer="qwen")
    assert every["counts"] == {name: len(run(text="魑魅魍魉", tokenizer=name)["ids"]) for name in NAMES}


@pytest.mark.parametrize(
    ("data", "before", "missing"),
    [
        (b"\xe8\xb0", 0, 1),
        (b"\xa2", 1, 0),
        (b" \xe8", 0, 2),
        (b"\xb0\xa2\xe8\xb0\xa2\xf0", 2, 3),
        (b"\xf0\x9f\x99", 0, 1),
        ("谢".encode(), 0, 0),
        (b"a", 0, 0),
        (b"", 0, 0),
        (b"\xce", 0, 1),
    ],
)
def test_a_piece_says_what_it_continues_and_what_it_wants(data: bytes, before: int, missing: int) -> None:
    assert utf8.breaks(data) == utf8.Break(before, missing)


def test_bytes_that_never_become_a_character_are_replaced_at_the_end() -> None:
    assert [each.text for each in utf8.stream([b"\xe8", b"\xb0"])] == ["", "�"]
    assert utf8.stream([]) == []


def test_the_models_own_tokenizer_cuts_too(smol: WorkerModel) -> None:
    text = "谢谢 ok"
    result = registry.run("gpt4-chinese", {"text": text, "tokenizer": "model"}, smol)[1]
    pieces = smol.tokenize(text)
    assert result["ids"] == [piece.id for piece in pieces]
    assert result["incomplete"] == [i for i, piece in enumerate(pieces) if not is_text(piece.data)]
    assert result["decoded"] == text
    assert result["counts"]["model"] == len(pieces)
    assert result["counts"]["qwen"] == len(run(text=text, tokenizer="qwen")["ids"])


def test_only_the_models_own_tokenizer_needs_a_model_and_nothing_at_all_is_said_in_a_sentence() -> None:
    assert not registry.wants_model("gpt4-chinese")
    assert registry.wants_model("gpt4-chinese", {"tokenizer": "model"})
    with pytest.raises(ModelMissing) as caught:
        registry.run("gpt4-chinese", {})
    set_language("zh")
    assert re.search("[\u4e00-\u9fff]", caught.value.message)


@pytest.mark.parametrize("text", [*TEXTS, "\x1b[31m谢\u202e", "ab cd"])
def test_pictures_are_safe_bounded_and_in_both_languages(text: str) -> None:
    steps, result = play(gpt4_chinese, {"text": text}, without_model())
    assert not untranslated(steps)
    assert not control_characters(steps)
    assert all(len(table.rows) <= 14 for table in frames(steps, Table))
    assert all(len(tokens.items) <= 60 for tokens in frames(steps, Tokens))
    (bars,) = frames(steps, Bars)
    assert [bar.value for bar in bars.items] == list(result["counts"].values())
    assert (steps[0].progress, steps[-1].progress) == (0.0, 1.0)


def test_the_tokens_that_are_marked_are_the_incomplete_ones() -> None:
    steps, result = play(gpt4_chinese, {}, without_model())
    across = frames(steps, Tokens)[0]
    assert [i for i, item in enumerate(across.items) if item.mark == "bad"] == result["incomplete"]
    table = frames(steps, Table)[1]
    assert table.rows[0] == ("谢", "e8 b0 | a2", "0 1")


@pytest.mark.parametrize(
    ("given_value", "needle"),
    [
        ({"text": ""}, "text"),
        ({"text": "字" * 401}, "400"),
        ({"tokenizer": "gpt2"}, "tokenizer"),
        ({"text": 3}, "text"),
    ],
)
def test_a_bad_value_is_answered_with_a_sentence_in_both_languages(given_value: dict[str, object], needle: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(**given_value)
    assert needle in caught.value.message
    set_language("zh")
    assert re.search("[\u4e00-\u9fff]", caught.value.message)
