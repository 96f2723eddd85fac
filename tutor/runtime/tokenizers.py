"""One way to cut a text with any tokenizer the lessons speak of. Vocabularies are loaded when first used."""

from __future__ import annotations

from functools import cache
from typing import Any

from tutor import places
from tutor.domain.errors import ModelMissing, NotFound, UsageError
from tutor.domain.model import Model, TokenPiece
from tutor.runtime.spans import Cut, align, utf8

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
    known(name)
    check(text)
    if name != "model":
        return tuple(cut(name, text))
    if model is None:
        raise ModelMissing("The tokenizer `model` is the model's own, and no model is there.")
    return model.tokenize(text)


def cut(name: str, text: str, *, special: bool = False) -> Cut:
    """`text` cut by the tokenizer `name`, any of NAMES but the model's own.

    With `special`, names of control tokens in `text` are read as the tokens; the SentencePiece vocabularies never do.
    Raises like `tokenize`.
    """
    known(name)
    check(text)
    return _bundled(BUNDLED[name], text, special) if name in BUNDLED else _sentencepiece(name, text)


def known(name: str) -> None:
    """Raises NotFound where no tokenizer is called `name`."""
    if name not in NAMES:
        raise NotFound("No tokenizer is called {name}.", hint="There are {names}.", name=name, names=", ".join(NAMES))


def check(text: str) -> None:
    """Raises UsageError where `text` is too long or holds half a character."""
    if len(text) > MAX_TEXT:
        raise UsageError(
            "The text has {length} characters; at most {limit} can be taken at once.", length=len(text), limit=MAX_TEXT
        )
    utf8(text)


def vocabulary(name: str) -> Any:
    """quicktok's tokenizer for one of BUNDLED."""
    import quicktok

    return quicktok.get_encoding(BUNDLED[name])


class _Bytes(dict[int, bytes]):
    """The bytes of each token that has been met, asked for once."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__()
        self._ask = tokenizer.decode_single_token_bytes

    def __missing__(self, id: int) -> bytes:
        data: bytes = self._ask(id)
        self[id] = data
        return data


@cache
def _known_bytes(encoding: str) -> _Bytes:
    import quicktok

    return _Bytes(quicktok.get_encoding(encoding))


def _bundled(encoding: str, text: str, special: bool) -> Cut:
    import quicktok

    tokenizer: Any = quicktok.get_encoding(encoding)
    data = _known_bytes(encoding)
    if not special:
        ids = tokenizer.encode_ordinary(text)
        return Cut(ids, [data[id] for id in ids])
    ids = tokenizer.encode_with_special(text)
    control = frozenset(id for id in set(ids) if tokenizer.is_special_token(id))
    return Cut(ids, [data[id] for id in ids], control)


@cache
def processor(name: str) -> Any:
    """The SentencePiece processor of one of the vocabularies that ship. Raises NotFound where its file is missing."""
    path = places.shipped("models") / f"{name}.model"
    if not path.is_file():
        raise NotFound("The tokenizer {name} has no vocabulary file: {file} is missing.", name=name, file=path.name)
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_file=str(path))


@cache
def _spelling(name: str) -> tuple[bytes, ...]:
    """What each token of a SentencePiece vocabulary stands for, by id."""
    loaded = processor(name)
    return tuple(
        # A byte token is called <0x41>; in the others ▁ (U+2581) stands for a space.
        bytes([int(piece[1:-1], 16)]) if loaded.is_byte(id) else piece.replace("▁", " ").encode()
        for id, piece in ((id, loaded.id_to_piece(id)) for id in range(loaded.vocab_size()))
    )


def _sentencepiece(name: str, text: str) -> Cut:
    ids = processor(name).encode(text)
    spelled = _spelling(name)
    return Cut(ids, align(text.encode(), [spelled[id] for id in ids]))
