"""Token ids equal those of independent implementations, on a megabyte of mixed text and ten thousand odd strings."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import pytest
import quicktok
import sentencepiece
import tiktoken
import tiktoken_ext.openai_public

from tests.conftest import ROOT
from tests.runtime.mixtures import SIZE, corpus, strings
from tutor.domain.errors import UsageError
from tutor.runtime.client import WorkerModel
from tutor.runtime.spans import Cut
from tutor.runtime.tokenizers import NAMES, SENTENCEPIECE, cut

STRINGS = 10_000
BLOCK = 20_000


def ranks(name: str) -> dict[bytes, int]:
    vocabulary = quicktok.get_encoding(name)
    return {vocabulary.decode_single_token_bytes(rank): rank for rank in range(len(vocabulary.token_byte_values()))}


@cache
def openai(name: str) -> tiktoken.Encoding:
    """tiktoken's encoding as it publishes it, with the vocabulary of the wheel: the very file, by its hash."""

    def load(url: str, expected_hash: str) -> dict[bytes, int]:
        found = ranks(name)
        file = b"".join(base64.b64encode(data) + b" %d\n" % rank for data, rank in found.items())
        assert hashlib.sha256(file).hexdigest() == expected_hash
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiktoken_ext.openai_public, "load_tiktoken_bpe", load)
        described: dict[str, Any] = getattr(tiktoken_ext.openai_public, name)()
    return tiktoken.Encoding(**described)


def blocks() -> list[str]:
    text = corpus()
    assert len(text.encode()) >= SIZE
    return [text[i : i + BLOCK] for i in range(0, len(text), BLOCK)]


def covers(text: str, found: Cut) -> None:
    """The bytes joined are the text, and the tokens' ranges cover its characters in order."""
    assert b"".join(found.data) == text.encode()
    reached = 0
    for piece in found:
        assert piece.start <= reached <= piece.end, "no character is left out"
        reached = piece.end
    assert reached == len(text)


def agree(name: str, oracle: Callable[[str], list[int]], texts: Iterable[str]) -> None:
    for text in texts:
        found = cut(name, text)
        assert list(found.ids) == oracle(text), repr(text[:200])
        covers(text, found)


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_ids_are_those_of_tiktoken(name: str) -> None:
    agree(name, openai(name).encode_ordinary, [*blocks(), *strings(STRINGS)])


def test_qwens_ids_are_those_of_its_gguf_in_llama_cpp(qwen_model: WorkerModel) -> None:
    def own(text: str) -> list[int]:
        return [piece.id for piece in qwen_model.tokenize(text)]

    # What the worker is asked one by one goes over a pipe: most strings go together, apart by what joins nothing.
    agree("qwen", own, [*blocks(), *strings(STRINGS)])


@pytest.mark.parametrize("name", SENTENCEPIECE)
def test_ids_are_those_of_sentencepiece(name: str) -> None:
    oracle = sentencepiece.SentencePieceProcessor(model_file=str(ROOT / "models" / f"{name}.model"))
    agree(name, lambda text: list(oracle.encode(text, out_type=int)), [*blocks(), *strings(STRINGS)])


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_special_tokens_are_read_when_asked_as_tiktoken_reads_them(name: str) -> None:
    text = "a<|endoftext|>b <|endofprompt|><|im_start|>"
    found = cut(name, text, special=True)
    assert list(found.ids) == openai(name).encode(text, allowed_special="all")
    assert [piece.text for piece in found if piece.special] == ["<|endoftext|>", "<|endofprompt|>"]
    covers(text, found)
    assert not any(piece.special for piece in cut(name, text))


def test_every_tokenizer_refuses_half_a_character_wherever_it_stands(qwen_model: WorkerModel) -> None:
    for name in NAMES:
        for half in ("\ud800", "\udfff"):
            with pytest.raises(UsageError, match="Character 3"):
                qwen_model.tokenize(f"ab{half}c") if name == "model" else cut(name, f"ab{half}c")
