"""Bytes that are no whole characters: where they break off, and how a stream of them becomes text (RFC 3629)."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass


def replaced(data: bytes) -> str:
    """`data` as text, what cannot be read as U+FFFD: what a program shows that decodes each token by itself."""
    return data.decode("utf-8", "replace")


def valid(data: bytes) -> bool:
    """Whether `data` alone is text."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def needed(lead: int) -> int:
    """How many bytes the character has that begins with `lead`; 0 for a byte that begins none."""
    for length, low, high in ((1, 0x00, 0x7F), (2, 0xC2, 0xDF), (3, 0xE0, 0xEF), (4, 0xF0, 0xF4)):
        if low <= lead <= high:
            return length
    return 0


@dataclass(frozen=True, slots=True)
class Break:
    """How a piece of well-formed UTF-8 begins and ends: `before` bytes at its start belong to a character begun earlier
    (all of them where it lies inside one), and `missing` bytes are wanted after its end, at least."""

    before: int
    missing: int


def breaks(data: bytes) -> Break:
    """Where `data`, cut out of well-formed UTF-8, breaks off. A piece from inside a character says 0 missing."""
    before = next((i for i, byte in enumerate(data) if needed(byte)), len(data))
    leads = [i for i in range(before, len(data)) if needed(data[i])]
    missing = max(0, needed(data[leads[-1]]) - (len(data) - leads[-1])) if leads else 0
    return Break(before, missing)


@dataclass(frozen=True, slots=True)
class Emission:
    """What a streaming decoder gives out when a token arrives, and which bytes it holds back afterwards."""

    text: str
    waiting: bytes


def stream(pieces: Sequence[bytes]) -> list[Emission]:
    """What a decoder that waits for whole characters gives out for each of `pieces`, at the end the rest replaced."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    emitted = []
    for i, data in enumerate(pieces):
        text = decoder.decode(data, final=i == len(pieces) - 1)
        emitted.append(Emission(text, decoder.getstate()[0]))
    return emitted
