"""From tokens as bytes to the characters they touch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate

from tutor.domain.errors import UsageError
from tutor.domain.model import TokenPiece

# How far on in the text a piece is looked for that does not follow at once: a crafted vocabulary may hold none.
REACH = 64
# Tokens whose extent is remembered: a text of 100 kB has some 8,000 different ones.
REMEMBERED = 32_768


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


@lru_cache(maxsize=REMEMBERED)
def begun(data: bytes) -> int:
    """How many characters begin in `data`: a byte 10xxxxxx continues one, any other begins one."""
    return sum(byte & 0xC0 != 0x80 for byte in data)


def inside(data: bytes) -> bool:
    """Whether `data` begins within a character."""
    return bool(data) and data[0] & 0xC0 == 0x80


@lru_cache(maxsize=REMEMBERED)
def whole(data: bytes) -> bool:
    """Whether `data` alone is valid UTF-8: no character of it lies in a neighbour."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class Cut:
    """A text cut into tokens: `ids` and the bytes of each, which joined are the text in UTF-8.

    `special` holds the ids of control tokens. What else there is to say about a token is made when it is looked at: a
    text of 100 kB has some 40,000.
    """

    def __init__(self, ids: Sequence[int], data: Sequence[bytes], special: frozenset[int] = frozenset()) -> None:
        self.ids = ids
        self.data = data
        self.special = special

    @classmethod
    def of(cls, pieces: Sequence[TokenPiece]) -> Cut:
        special = frozenset(piece.id for piece in pieces if piece.special)
        return cls([piece.id for piece in pieces], [piece.data for piece in pieces], special)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def ends(self) -> list[int]:
        """For each token, how many characters of the text have begun when it ends."""
        return list(accumulate(map(begun, self.data)))

    @cached_property
    def size(self) -> int:
        """All bytes."""
        return sum(map(len, self.data))

    @cached_property
    def incomplete(self) -> int:
        """How many tokens are not valid UTF-8 alone."""
        return sum(count for data, count in Counter(self.data).items() if not whole(data))

    def start(self, index: int) -> int:
        """The first character that token `index` touches."""
        return (self.ends[index - 1] if index else 0) - inside(self.data[index])

    def piece(self, index: int) -> TokenPiece:
        id, data = self.ids[index], self.data[index]
        text = data.decode("utf-8", "replace")
        return TokenPiece(id, text, data, self.start(index), self.ends[index], id in self.special)

    def __iter__(self) -> Iterator[TokenPiece]:
        return map(self.piece, range(len(self)))


def with_spans(tokens: Iterable[tuple[int, bytes, str, bool]]) -> tuple[TokenPiece, ...]:
    """Tokens given as (id, bytes, name, special), in order, with the range of characters that each touches.

    The bytes joined are the text in UTF-8. A token may begin or end inside a character: it touches it all the
    same. A token without bytes (one that was put in, not read) touches nothing; its text is then its name.
    """
    pieces = []
    characters = 0
    for id, data, name, special in tokens:
        start = characters - inside(data)
        characters += begun(data)
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
        if source.startswith(piece, position):
            found.append(piece)
            position += len(piece)
            continue
        if piece.startswith(b" ") and source.startswith(piece[1:], position):
            piece = piece[1:]  # noqa: PLW2901
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
