"""One way to cut a text with any tokenizer the lessons speak of. Vocabularies are loaded when first used."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from tutor import places
from tutor.domain.errors import ModelMissing, NotFound, UsageError
from tutor.domain.model import Model, TokenPiece
from tutor.runtime.spans import utf8, with_spans

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
    """Tokens as (id, the bytes of `text` they stand for, name, special).

    Sentencepiece tells which characters a piece stands for, also where it normalized them. A character unknown to
    it comes as byte tokens, of which it gives the character to the last alone.
    """
    processor = _processor(name)
    source = text.encode()
    position = 0
    for piece in processor.encode(text, out_type="immutable_proto").pieces:
        surface = piece.surface.encode()
        if processor.is_byte(piece.id):
            surface = source[position : position + 1]
        position += len(surface)
        yield piece.id, surface, piece.piece, processor.is_control(piece.id)
