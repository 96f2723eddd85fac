"""Text from outside is only text: the one place where control characters are taken out."""

from __future__ import annotations

import re

# C0 except tab and newline, DEL, C1, the bidi controls (embeddings, overrides, isolates, marks), line and
# paragraph separators (a terminal may break a row at them), and lone surrogates, which no terminal can encode.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def clean(text: str) -> str:
    """`text` without characters that act on a terminal.

    Each character is judged alone, so a stream may be cut anywhere: clean(a) + clean(b) == clean(a + b).
    What followed an escape character stays visible as harmless text.
    """
    return _UNWANTED.sub("", text)


def visible(text: str) -> str:
    """Like `clean`, on one line and with nothing lost: control characters as their escapes, for labels."""
    return "".join(_picture(c) for c in text)


def _picture(character: str) -> str:
    if character == "\n":
        return "\\n"
    if character == "\t":
        return "\\t"
    if _UNWANTED.match(character):
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return character
