"""Two languages, one key apart: text that exists in both, and the program's own sentences.

Content carries its languages with it (`Text`). The program's sentences are written in English where
they are used and looked up in `tutor/locale/<language>/*.json`, so a new translation is a new folder.
"""

from __future__ import annotations

import json
import locale
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LANGUAGES = ("zh", "en")
DEFAULT_LANGUAGE = "zh"
LOCALE_FOLDER = Path(__file__).parent.parent / "locale"

_current = DEFAULT_LANGUAGE


@dataclass(frozen=True, slots=True)
class Text:
    """A text in Chinese and English. A course by someone else may hold only one: it then serves for both."""

    zh: str = ""
    en: str = ""

    def get(self, language: str | None = None) -> str:
        """The text in `language` (default: the current one), or in the other where that is missing."""
        wanted = language or _current
        return (self.zh or self.en) if wanted == "zh" else (self.en or self.zh)

    def __str__(self) -> str:
        return self.get()

    def __bool__(self) -> bool:
        return bool(self.zh or self.en)

    def format(self, **values: object) -> Text:
        """Both languages with `{name}` replaced, literally: no attribute or format access."""
        return Text(_fill(self.zh, values), _fill(self.en, values))


def same(text: object) -> Text:
    """A `Text` that reads alike in both languages: a token, a number, a symbol."""
    return Text(str(text), str(text))


def set_language(language: str) -> None:
    """Speak `language` from now on in `tr` and `str(Text)`."""
    global _current  # noqa: PLW0603 - one screen, one language; threads that draw must see it too
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {LANGUAGES}, not {language!r}")
    _current = language


def language() -> str:
    """The language spoken now: `zh` or `en`."""
    return _current


def language_from_environment() -> str:
    """The first start asks nothing: English where the locale names a language other than Chinese, else Chinese."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            code = value.split(".")[0].split("_")[0].lower()
            return DEFAULT_LANGUAGE if code in ("c", "posix", "zh") else "en"
    code = (locale.getlocale()[0] or "").split("_")[0].lower()
    return DEFAULT_LANGUAGE if code in ("", "c", "posix", "zh", "chinese") else "en"


def tr(sentence: str, /, **values: object) -> str:
    """`sentence` (English, with `{name}` places) in the current language, the places filled."""
    found = sentence if _current == "en" else _catalogue(_current).get(sentence, sentence)
    return _fill(found, values)


def sentences(said: Iterable[str]) -> str:
    """Sentences one behind the other, as the current language writes them: Chinese puts no space between."""
    return ("" if _current == "zh" else " ").join(said)


def both(sentence: str, /, **values: object) -> Text:
    """`sentence` in every language at once, for data that is shown later."""
    return Text(_fill(_catalogue("zh").get(sentence, sentence), values), _fill(sentence, values))


@cache
def _catalogue(code: str) -> dict[str, str]:
    merged: dict[str, str] = {}
    for path in sorted((LOCALE_FOLDER / code).glob("*.json")):
        merged.update(json.loads(path.read_text(encoding="utf-8")))
    return merged


def _fill(template: str, values: dict[str, object]) -> str:
    # Not str.format: a template from a lesson file must not reach attributes or format specifications.
    for name, value in values.items():
        template = template.replace("{" + name + "}", str(value))
    return template
