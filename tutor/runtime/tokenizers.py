"""One way to cut a text with any tokenizer the lessons speak of. Vocabularies are loaded when first used."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import Any

from tutor import places
from tutor.domain.errors import ModelMissing, NotFound, UsageError
from tutor.domain.model import Model, TokenPiece
from tutor.runtime import qwen
from tutor.runtime.pairs import merged
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
    return _bundled(name, text, special) if name in BUNDLED else _sentencepiece(name, text)


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
def _known_bytes(name: str) -> _Bytes:
    return _Bytes(vocabulary(name))


def _bundled(name: str, text: str, special: bool) -> Cut:
    tokenizer, data = vocabulary(name), _known_bytes(name)
    names = tokenizer.special_tokens_set if special else ()
    control = {each: tokenizer.encode_single_token(each.encode()) for each in names if each in text}
    ids: list[int] = []
    longest_first = "|".join(map(re.escape, sorted(control, key=len, reverse=True)))
    for part in re.split(f"({longest_first})", text) if control else [text]:
        ids += [control[part]] if part in control else _ordinary(name, part)
    return Cut(ids, [data[id] for id in ids], frozenset(control.values()))


def _ordinary(name: str, text: str) -> list[int]:
    tokenizer = vocabulary(name)
    ids: list[int] = (
        qwen.encode(text, tokenizer.encode_ordinary, partial(_merged, name))
        if name == "qwen"
        else tokenizer.encode_ordinary(text)
    )
    return ids


def rank(name: str, left: bytes, right: bytes) -> int | None:
    """How early one of BUNDLED learnt to join two parts: its id, for the vocabularies number tokens so. None: never."""
    tokenizer = vocabulary(name)
    try:
        id: int = tokenizer.encode_single_token(left + right)
    except KeyError:
        return None
    return None if tokenizer.is_special_token(id) else id


def _merged(name: str, piece: bytes) -> list[int]:
    tokenizer = vocabulary(name)
    return [tokenizer.encode_single_token(part) for part in merged(piece, partial(rank, name))]


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
