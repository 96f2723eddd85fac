"""Qwen's tokenizer on text that is not in Unicode's normal form C, cut as it is.

quicktok composes such text first, as Qwen's reference tokenizer does (e + U+0301 becomes é): the tokens are then no
longer those of the text. llama.cpp cuts what it is given, and so do we. Only the lines that are not normal are cut
here, by Qwen's own pattern (tokenizer.json of Qwen2) and byte-pair encoding; everything else is quicktok's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache

# A line's end before what is no white space: no piece of the pattern goes over it.
_LINES = re.compile(r"(?<=\n)(?=\S)")
_CONTRACTION = re.compile(r"'(?:[sdmt]|re|ve|ll)", re.IGNORECASE | re.ASCII)
# The rest of the pattern over kinds: L a letter, N a number, n a line's end, s a space, w other white, . anything else.
_PIECE = re.compile(r"[^nLN]?L+|N|s?\.+n*|[swn]*n+|[sw]+(?![^sw])|[sw]+")
_WHITE = frozenset("\t\x0b\x0c\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {chr(n) for n in range(0x2000, 0x200B)}

Encode = Callable[[str], list[int]]
Rank = Callable[[bytes, bytes], float | None]


@lru_cache(maxsize=4096)
def _kind(character: str) -> str:
    if character in "\r\n":
        return "n"
    if character == " ":
        return "s"
    if character in _WHITE:
        return "w"
    category = unicodedata.category(character)[0]
    return category if category in "LN" else "."


def pieces(text: str) -> Iterator[str]:
    """`text` in the pieces that Qwen's pattern cuts it into; no token goes over a piece's end."""
    kinds = "".join(map(_kind, text))
    at = 0
    while at < len(text):
        match = _CONTRACTION.match(text, at) or _PIECE.match(kinds, at)
        end = match.end() if match else at + 1
        yield text[at:end]
        at = end


def encode(text: str, encode_normal: Encode, merge: Callable[[bytes], list[int]]) -> list[int]:
    """The ids of `text`. `encode_normal` is for text in normal form, `merge` for the bytes of one piece."""
    if unicodedata.is_normalized("NFC", text):
        return encode_normal(text)
    ids: list[int] = []
    for line in _LINES.split(text):
        if unicodedata.is_normalized("NFC", line):
            ids += encode_normal(line)
            continue
        for piece in pieces(line):
            ids += encode_normal(piece) if unicodedata.is_normalized("NFC", piece) else merge(piece.encode())
    return ids
