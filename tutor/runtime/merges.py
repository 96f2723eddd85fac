"""How a token came to be: the merges of byte-pair encoding, played again on the token's own bytes.

Byte-pair encoding (Sennrich 2016, arXiv:1508.07909; on bytes: Radford 2019) joins, again and again, the neighbours
whose pair was learnt earliest. No merge that was made crossed a token's borders, so within a token they can be played
again from its bytes alone. SentencePiece's BPE does the same on characters, by scores; Unigram (Kudo 2018,
arXiv:1804.10959) merges nothing: of all ways to cut the text it takes the likeliest.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from tutor.domain.modelfile import Array
from tutor.runtime import tokenizers
from tutor.runtime.gguf import inspect
from tutor.runtime.pairs import Merge, Rank, replay

# How a tokenizer comes to its tokens: by merges of bytes or of characters, by the likeliest cut, or in a way not told.
BYTES, CHARACTERS, LIKELIEST, UNKNOWN = "bytes", "characters", "likeliest", "unknown"
# The bytes 0x00 to 0x20 and some more have no printable character: GPT-2's vocabulary writes them as U+0100 and on.
_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
ALPHABET = {byte: chr(byte) for byte in _PRINTABLE} | {
    byte: chr(0x100 + i) for i, byte in enumerate(byte for byte in range(0x100) if byte not in _PRINTABLE)
}


@dataclass(frozen=True, slots=True)
class Merging:
    """How one tokenizer makes its tokens. `rank` of two neighbours is None where their pair was never learnt.

    `score` is a token's log-probability in nats where the tokenizer is the LIKELIEST kind.
    """

    kind: str
    rank: Rank = lambda left, right: None
    score: Callable[[int], float | None] = lambda id: None

    def parts(self, data: bytes) -> tuple[bytes, ...]:
        """What merging begins with: the bytes of a token, or its characters."""
        if self.kind == CHARACTERS:
            text = data.decode("utf-8", "surrogateescape")
            return tuple(character.encode("utf-8", "surrogateescape") for character in text)
        return tuple(data[i : i + 1] for i in range(len(data)))

    def merges(self, data: bytes) -> Iterator[Merge]:
        """The merges that join the parts of a token, in order. The last leaves one part, where merges reach it."""
        return replay(self.parts(data), self.rank) if self.kind in (BYTES, CHARACTERS) else iter(())


def merging(name: str) -> Merging:
    """How the tokenizer `name` makes its tokens: any but the model's own, for which there is `merging_of_file`."""
    if name in tokenizers.BUNDLED:
        return Merging(BYTES, partial(tokenizers.rank, name))
    loaded = tokenizers.processor(name)
    if name == "spm-unigram":
        # The scores of bytes are no probabilities: they stand in for characters that the vocabulary lacks.
        return Merging(LIKELIEST, score=lambda id: None if loaded.is_byte(id) else loaded.get_score(id))
    unknown = loaded.unk_id()

    def rank(left: bytes, right: bytes) -> float | None:
        id = loaded.piece_to_id(_spaces_shown(left + right))
        # The trainer scores the pairs 0, -1, -2 and on, in the order in which it learnt them.
        return None if id == unknown else -loaded.get_score(id)

    return Merging(CHARACTERS, rank)


@cache
def merging_of_file(path: Path) -> Merging:
    """How the tokenizer inside the GGUF file at `path` makes its tokens. Raises TutorError."""
    metadata = inspect(path).metadata
    kind = metadata.get("tokenizer.ggml.model")
    merges, tokens = _list(metadata, "merges", "string"), _list(metadata, "tokens", "string")
    scores = _list(metadata, "scores", "float32")
    if kind == "gpt2" and merges is not None:
        # The rank of a merge is its place in the list; each is its two parts with a space between.
        ranks = {pair: i for i, pair in enumerate(strings(path, merges))}
        return Merging(BYTES, lambda left, right: ranks.get(_spelled(left) + b" " + _spelled(right)))
    if kind == "llama" and tokens is not None and scores is not None:
        return Merging(CHARACTERS, _by_score(dict(zip(strings(path, tokens), floats(path, scores), strict=False))))
    return Merging(UNKNOWN)


def _list(metadata: Mapping[str, object], name: str, type: str) -> Array | None:
    found = metadata.get(f"tokenizer.ggml.{name}")
    return found if isinstance(found, Array) and found.type == type else None


def _by_score(known: Mapping[bytes, float]) -> Rank:
    def rank(left: bytes, right: bytes) -> float | None:
        score = known.get((left + right).replace(b" ", "▁".encode()))
        return None if score is None else -score

    return rank


def _spaces_shown(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace(" ", "▁")


def _spelled(data: bytes) -> bytes:
    return "".join(ALPHABET[byte] for byte in data).encode()


def strings(path: Path, array: Array) -> list[bytes]:
    """All texts of a list in the metadata of the GGUF file at `path`, as bytes."""
    found = []
    length = struct.Struct("<Q").unpack_from
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = array.offset
        for _ in range(array.length):
            start = at + 8
            at = start + length(data, at)[0]
            found.append(data[start:at])
    return found


def floats(path: Path, array: Array) -> tuple[float, ...]:
    """All numbers of a list of float32 in the metadata of the GGUF file at `path`."""
    with path.open("rb") as file:
        file.seek(array.offset)
        return struct.unpack(f"<{array.length}f", file.read(4 * array.length))
