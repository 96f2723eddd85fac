"""From tokens as bytes to the characters they touch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tutor.domain.errors import UsageError
from tutor.domain.model import TokenPiece

# How far on in the text a piece is looked for that does not follow at once: a crafted vocabulary may hold none.
REACH = 64


def utf8(text: str) -> bytes:
    """`text` in UTF-8. Raises UsageError for a lone surrogate, half a character that no encoding can hold."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            "Character {position} of the text is half a character (a lone surrogate), which has no bytes.",
            hint="Remove it and try again.",
            position=error.start + 1,
        ) from None


def with_spans(tokens: Iterable[tuple[int, bytes, str, bool]]) -> tuple[TokenPiece, ...]:
    """Tokens given as (id, bytes, name, special), in order, with the range of characters that each touches.

    The bytes joined are the text in UTF-8. A token may begin or end inside a character: it touches it all the
    same. A token without bytes (one that was put in, not read) touches nothing; its text is then its name.
    """
    pieces = []
    characters = 0
    for id, data, name, special in tokens:
        # A byte 10xxxxxx continues a character; any other begins one.
        begun = sum(byte & 0xC0 != 0x80 for byte in data)
        inside = bool(data) and data[0] & 0xC0 == 0x80
        start = characters - inside
        characters += begun
        text = data.decode("utf-8", "replace") if data else name
        pieces.append(TokenPiece(id, text, data, start, characters, special))
    return tuple(pieces)


def align(source: bytes, pieces: Sequence[bytes]) -> list[bytes]:
    """The bytes of `source` that each of `pieces` stands for; joined they are `source` again.

    Most vocabularies hold the text's own bytes. Sentencepiece vocabularies put a space before the text and
    after control tokens: it is dropped where the text has none. Where a vocabulary changes the text
    (normalization, unknown characters), a piece stands for what lies before the next piece that is found.
    """
    found: list[bytes] = []
    position = 0
    for piece in pieces:
        if piece.startswith(b" ") and not source.startswith(piece, position):
            piece = piece[1:] if source.startswith(piece[1:], position) else piece  # noqa: PLW2901
        at = source.find(piece, position, position + len(piece) + REACH)
        if at < 0:
            found.append(b"")
            continue
        if at > position and found:
            found[-1] += source[position:at]
            position = at
        end = at + len(piece)
        found.append(source[position:end])
        position = end
    if found:
        found[-1] += source[position:]
    return found
