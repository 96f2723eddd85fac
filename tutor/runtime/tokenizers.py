"""One way to cut a text with any tokenizer the lessons speak of. Vocabularies are loaded when first used."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from tutor import places
from tutor.domain.errors import ModelMissing, NotFound, UsageError
from tutor.domain.model import Model, TokenPiece
from tutor.runtime.spans import align, utf8, with_spans

if TYPE_CHECKING:
    from collections.abc import Callable

# quicktok's names for the vocabularies in its wheel; Qwen2.5 and Qwen3 share one.
BUNDLED = {"cl100k_base": "cl100k_base", "o200k_base": "o200k_base", "qwen": "qwen3"}
SENTENCEPIECE = ("spm-bpe", "spm-unigram")
NAMES = ("model", *BUNDLED, *SENTENCEPIECE)
MAX_TEXT = 1_000_000


def tokenize(name: str, text: str, model: Model | None = None) -> tuple[TokenPiece, ...]:
    """The tokens of `text` by the tokenizer `name`, one of NAMES; `model` is asked for the name `model`.

    The tokens' bytes joined are `text` in UTF-8, and names of control tokens in it are ordinary text. Raises
    NotFound for another name, UsageError for a text that is too long or holds half a character, ModelMissing
    where `model` is None and needed.
    """
    if name not in NAMES:
        raise NotFound("No tokenizer is called {name}.", hint="There are {names}.", name=name, names=", ".join(NAMES))
    if len(text) > MAX_TEXT:
        raise UsageError(
            "The text has {length} characters; at most {limit} can be taken at once.", length=len(text), limit=MAX_TEXT
        )
    utf8(text)
    if name == "model":
        if model is None:
            raise ModelMissing("The tokenizer `model` is the model's own, and no model is there.")
        return model.tokenize(text)
    if name in BUNDLED:
        return _bundled(BUNDLED[name], text)
    return with_spans(_sentencepiece(name, text))


def _bundled(encoding: str, text: str) -> tuple[TokenPiece, ...]:
    import quicktok

    tokenizer: Any = quicktok.get_encoding(encoding)
    data: Callable[[int], bytes] = tokenizer.decode_single_token_bytes
    return with_spans((id, data(id), "", False) for id in tokenizer.encode_ordinary(text))


@cache
def _processor(name: str) -> Any:
    path = places.shipped("models") / f"{name}.model"
    if not path.is_file():
        raise NotFound("The tokenizer {name} has no vocabulary file: {file} is missing.", name=name, file=path.name)
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def _sentencepiece(name: str, text: str) -> Iterator[tuple[int, bytes, str, bool]]:
    """Tokens as (id, the bytes of `text` they stand for, name, special)."""
    processor = _processor(name)
    ids = processor.encode(text)
    names = [processor.id_to_piece(id) for id in ids]
    spelled = [
        # A byte token is called <0x41>; in the others ▁ (U+2581) stands for a space.
        bytes([int(name[1:-1], 16)]) if processor.is_byte(id) else name.replace("▁", " ").encode()
        for id, name in zip(ids, names, strict=True)
    ]
    for id, data, label in zip(ids, align(text.encode(), spelled), names, strict=True):
        yield id, data, label, processor.is_control(id)
