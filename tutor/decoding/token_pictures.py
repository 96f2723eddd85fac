"""Tokens of a text, and those that might come next, as pictures and as plain data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tutor.domain.frames import Bar, Bars, TokenItem
from tutor.domain.language import Text
from tutor.domain.model import BeamCandidate, Candidate, TokenPiece
from tutor.domain.plaintext import clean, visible

SPACE = "␣"


def name_of(token: Candidate | BeamCandidate | TokenPiece) -> str:
    """A token in a sentence or a label: spaces made visible, its bytes where they are no whole characters."""
    if partial := _partial(token.data):
        return f"<{partial.hex(' ')}>"
    return shown(token.text) or f"#{token.id}"


def shown(text: str) -> str:
    """`text` with its spaces visible, the usual one as ␣, others (no-break, ideographic) by their codes."""
    return "".join(_blank(c) if c.isspace() else c for c in visible(text))


def _blank(character: str) -> str:
    return SPACE if character == " " else f"\\u{ord(character):04x}"


def piece_item(piece: TokenPiece, mark: str = "", note: str = "") -> TokenItem:
    """A token of a text as a picture shows it; its bytes where they are no whole characters."""
    return TokenItem(visible(piece.text), piece.id, mark, note, _partial(piece.data).hex())


def _partial(data: bytes) -> bytes:
    """`data`, or nothing where it is whole characters."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return data
    return b""


def candidate_bars(top: Sequence[Candidate], label: Text, *, chosen: int | None = None) -> Bars:
    """The probabilities of `top` on a scale to 1; the token with the id `chosen` is marked."""
    items = (Bar(name_of(c), math.exp(c.logprob), "chosen" if c.id == chosen else "") for c in top)
    return Bars(tuple(items), label, high=1.0)


def plain_candidate(candidate: Candidate) -> dict[str, Any]:
    """As JSON data: `id`, `text`, `probability` (the model's own) and `logprob` (nats)."""
    return {
        "id": candidate.id,
        "text": clean(candidate.text),
        "probability": math.exp(candidate.logprob),
        "logprob": candidate.logprob,
    }
