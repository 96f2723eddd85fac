"""What a person may set, and what each setting may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from tutor.domain.errors import UsageError
from tutor.domain.language import LANGUAGES
from tutor.domain.plaintext import visible

MAX_TEXT = 1000  # characters


class Setting(NamedTuple):
    """`default` None means: not chosen, the program decides. `accept` gives the value to keep or raises ValueError."""

    default: Any
    expected: str
    accept: Callable[[Any], Any]


def _one_of(*choices: str) -> Callable[[Any], str]:
    def accept(value: Any) -> str:
        if value not in choices:
            raise ValueError(value)
        return str(value)

    return accept


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def accept(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)) or not low <= int(value) <= high:
            raise ValueError(value)
        return int(value)

    return accept


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
        raise ValueError(value)
    return value


def _address(value: Any) -> str:
    text = _text(value).strip()
    if text and not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", text, re.IGNORECASE):
        raise ValueError(value)  # a name and a password in it would be kept and shown
    return text


SETTINGS: dict[str, Setting] = {
    "language": Setting(None, "zh, en", _one_of(*LANGUAGES)),
    "theme": Setting(None, "dark, light, terminal", _one_of("dark", "light", "terminal")),
    "daily_limit": Setting(30, "0–1000", _whole(0, 1000)),
    "model": Setting(None, "name, path", _text),
    "server": Setting("", "http://…, https://…", _address),
}


def default(name: str) -> Any:
    """What `name` is until it is set. Raises UsageError for an unknown name."""
    return _setting(name).default


def accepted(name: str, value: Any) -> Any:
    """`value` as it is kept for `name`; a number may come as text. Raises UsageError naming what was expected."""
    setting = _setting(name)
    try:
        return setting.accept(value)
    except (ValueError, TypeError) as error:
        raise UsageError(
            "The setting {name} cannot be {value}; expected: {expected}.",
            name=name,
            value=visible(repr(value)[:60]),
            expected=setting.expected,
        ) from error


def _setting(name: str) -> Setting:
    if name not in SETTINGS:
        raise UsageError(
            "There is no setting {name}.", hint="Settings: {names}.", name=visible(name), names=", ".join(SETTINGS)
        )
    return SETTINGS[name]
