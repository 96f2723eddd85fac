"""Characters as a terminal may be trusted with them: each has cells of its own, wherever it stands."""

from __future__ import annotations

import re

from tutor.domain.plaintext import visible

# Joiners, tags and variation selectors: how wide what they make is differs from terminal to terminal.
_JOINING = re.compile(
    "[\u00ad\u0600-\u0605\u06dd\u200b-\u200d\u2060-\u2064\u206a-\u206f\ufe00-\ufe0f\ufff9-\ufffb\U000e0001-\U000e01ef]"
)


def spelled(text: str) -> str:
    """Like `visible`; what would change or join its neighbours is written as its code."""
    return _JOINING.sub(lambda match: code(match.group()), visible(text))


def code(character: str) -> str:
    """A character as a Python string would name it."""
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
