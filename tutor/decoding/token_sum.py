"""A sum of tokens as it is typed, `king - man + woman`, and as it is written out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tutor.decoding.token_pictures import SPACE, shown
from tutor.domain.errors import UsageError
from tutor.domain.plaintext import visible

MAX_TERMS = 8
SHOWN_CHARACTERS = 60

# A sign with one space at each side; a space more belongs to the token beside it.
_SIGN = re.compile(r" ([+-]) ")


def terms(text: str) -> tuple[list[str], list[str]]:
    """The tokens that `text` adds and those that it takes away, in order.

    A sign stands between spaces, so that `e-mail` is one token. A token's own space may be typed as `␣`. Raises
    UsageError where a token is missing, nothing is added, or there are more than MAX_TERMS.
    """
    parts = _SIGN.split(text)
    signs, tokens = ["+", *parts[1::2]], [part.replace(SPACE, " ") for part in parts[::2]]
    if not all(tokens):
        raise UsageError(
            "`token` must be a token, or a sum such as {example}; not {given}.",
            example="king - man + woman",
            given=visible(text[:SHOWN_CHARACTERS]) or "''",
        )
    if len(tokens) > MAX_TERMS:
        raise UsageError("`token` may add up at most {high} tokens, not {given}.", high=MAX_TERMS, given=len(tokens))
    plus = [token for sign, token in zip(signs, tokens, strict=True) if sign == "+"]
    minus = [token for sign, token in zip(signs, tokens, strict=True) if sign == "-"]
    return plus, minus


def written(plus: Sequence[str], minus: Sequence[str]) -> str:
    """The sum as a label: what is added, then what is taken away; spaces visible, nothing that acts on a terminal."""
    added, taken = (list(map(shown, tokens)) for tokens in (plus, minus))
    return " - ".join([" + ".join(added), *taken])
