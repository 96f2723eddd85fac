"""Every tokenizer gives spans that hold, against implementations that share no code with the one tested."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import quicktok
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tutor.domain.errors import ModelMissing, NotFound, UsageError
from tutor.domain.model import TokenPiece
from tutor.runtime.client import WorkerModel
from tutor.runtime.spans import align, with_spans
from tutor.runtime.tokenizers import BUNDLED, NAMES, SENTENCEPIECE, tokenize

TEXTS = [
    "",
    " ",
    "Hello, world!",
    " leading and trailing ",
    "  two  spaces\n\n\tand lines\r\n",
    "千问大模型是怎么训练的？",
    "鱻𠮷🀄️👩‍👩‍👧 ﬁ é é",
    "def f(x):\n    return x ** 2  # 平方",
    "<|im_start|>system<|im_end|></s><s><|endoftext|>",
    "١٢٣ 12345 １２３",
    "\x00\x1b[31m\u202e",
]
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def spans_hold(text: str, pieces: tuple[TokenPiece, ...]) -> None:
    """The bytes joined are the text; each token's range is exactly the characters that its bytes lie in."""
    assert b"".join(piece.data for piece in pieces) == text.encode()
    owner = [i for i, character in enumerate(text) for _ in character.encode()]
    position = 0
    for piece in pieces:
        touched = owner[position : position + len(piece.data)]
        if touched:
            assert (piece.start, piece.end) == (touched[0], touched[-1] + 1)
        else:
            assert piece.start == piece.end
        position += len(piece.data)


@pytest.mark.parametrize("name", list(BUNDLED))
@pytest.mark.parametrize("text", TEXTS)
def test_spans_of_the_bundled_vocabularies_hold(name: str, text: str) -> None:
    pieces = tokenize(name, text)
    spans_hold(text, pieces)
    assert [piece.id for piece in pieces] == quicktok.get_encoding(BUNDLED[name]).encode_ordinary(text)


@pytest.mark.parametrize("name", SENTENCEPIECE)
@pytest.mark.parametrize("text", TEXTS)
def test_spans_of_the_shipped_sentencepiece_vocabularies_hold(name: str, text: str) -> None:
    pieces = tokenize(name, text)
    spans_hold(text, pieces)
    assert not any(piece.special for piece in pieces)


@settings(deadline=None, max_examples=100)
@given(text=ANY_TEXT)
def test_sentencepiece_spans_hold_on_any_text(text: str) -> None:
    for name in SENTENCEPIECE:
        spans_hold(text, tokenize(name, text))


@pytest.mark.parametrize("text", TEXTS)
def test_spans_of_a_sentencepiece_vocabulary_in_llama_cpp_hold(tiny: WorkerModel, text: str) -> None:
    spans_hold(text, tiny.tokenize(text))
    spans_hold(text, tiny.tokenize(text, bos=True))
    spans_hold(text, tiny.tokenize(text, special=True))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ANY_TEXT)
def test_the_models_own_tokenizer_agrees_with_quicktok_on_any_text(qwen_model: WorkerModel, text: str) -> None:
    pieces = tokenize("model", text, qwen_model)
    spans_hold(text, pieces)
    # llama.cpp reads user-defined tokens such as <tool_call> in ordinary text; hypothesis does not write them.
    assert [piece.id for piece in pieces] == [piece.id for piece in tokenize("qwen", text)]


def test_published_ids_of_a_known_sentence() -> None:
    # From tiktoken's own documentation and tests.
    assert [piece.id for piece in tokenize("cl100k_base", "hello world")] == [15339, 1917]
    assert [piece.id for piece in tokenize("o200k_base", "hello world")] == [24912, 2375]


def test_typed_text_never_makes_control_tokens_and_special_does(qwen_model: WorkerModel, smol: WorkerModel) -> None:
    text = "<|im_start|>user<|im_end|>"
    for model in (qwen_model, smol):
        assert not any(piece.special for piece in model.tokenize(text))
        pieces = model.tokenize(text, special=True)
        assert [piece.text for piece in pieces if piece.special] == ["<|im_start|>", "<|im_end|>"]
        spans_hold(text, pieces)
        assert model.detokenize([piece.id for piece in pieces]) == text.encode()


def test_a_character_split_over_tokens_is_touched_by_each(qwen_model: WorkerModel) -> None:
    text = "a𓀀b"
    pieces = [piece for piece in qwen_model.tokenize(text) if (piece.start, piece.end) == (1, 2)]
    assert len(pieces) > 1
    assert b"".join(piece.data for piece in pieces) == "𓀀".encode()
    assert all("�" in piece.text for piece in pieces)


def test_detokenizing_gives_the_text_back(tiny: WorkerModel, smol: WorkerModel) -> None:
    for text in TEXTS:
        for model in (tiny, smol):
            assert model.detokenize([piece.id for piece in model.tokenize(text)]) == text.encode()
    with pytest.raises(UsageError, match="no token"):
        smol.detokenize([49152])
    with pytest.raises(UsageError, match="no token"):
        smol.detokenize([-1])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "model"])
def test_half_a_character_and_too_long_a_text_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="Character 2"):
        tokenize(name, "a\udc00")
    with pytest.raises(UsageError, match="1000001 characters"):
        tokenize(name, "a" * 1_000_001)


def test_an_unknown_name_a_missing_model_and_a_missing_vocabulary_get_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFound, match="cl100k_base"):
        tokenize("gpt-9", "a")
    with pytest.raises(ModelMissing):
        tokenize("model", "a")
    from tutor.runtime import tokenizers

    monkeypatch.setattr(tokenizers.places, "shipped", lambda kind: tmp_path)
    tokenizers.processor.cache_clear()
    with pytest.raises(NotFound, match=r"spm-bpe\.model"):
        tokenize("spm-bpe", "a")
    tokenizers.processor.cache_clear()


@given(ANY_TEXT, st.data())
def test_spans_hold_wherever_a_text_is_cut(text: str, data: st.DataObject) -> None:
    source = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(source)), max_size=12)))
    edges = [0, *cuts, len(source)]
    parts = [source[a:b] for a, b in itertools.pairwise(edges)]
    spans_hold(text, with_spans((0, part, "", False) for part in parts))
    assert align(source, parts) == parts


@given(ANY_TEXT, st.lists(st.binary(max_size=4), max_size=8))
def test_no_piece_however_wrong_loses_a_byte_of_the_text(text: str, pieces: list[bytes]) -> None:
    found = align(text.encode(), pieces)
    assert len(found) == len(pieces)
    if pieces:
        assert b"".join(found) == text.encode()


@pytest.mark.parametrize(
    "text", ["e\u0301", "a\u0308\u0323 b", "\u212b ﬁ", "\u1112\u1161\u11ab", "\uf900 字\ne\u0301x"]
)
def test_text_that_unicode_would_compose_is_cut_as_it_is(text: str) -> None:
    for name in NAMES[1:]:
        spans_hold(text, tokenize(name, text))


def test_a_long_row_of_marks_is_merged_in_reasonable_steps() -> None:
    # One piece of 40,000 bytes that quicktok would put in another order: a slow merge would take hours.
    text = "\u0308\u0323" * 10_000
    spans_hold(text, tokenize("qwen", text))
