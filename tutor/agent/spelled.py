"""Numbers written out in several words or Han characters: one hundred and five, twenty-four, 一点二, 百分之四十."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import takewhile

_UNITS = {
    word: value
    for value, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
         "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
    )
}  # fmt: skip
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_WORD = "|".join((*_UNITS, *_TENS, *_SCALES, "oh"))
_ENGLISH = re.compile(
    rf"\b(?:{_WORD})(?:[\s-]+(?:and\s+)?(?:{_WORD})\b)*(?:\s+point(?:[\s-]+(?:{_WORD})\b)+)?", re.IGNORECASE
)
_PARTS = re.compile(rf"\b(?:{_WORD}|point)\b", re.IGNORECASE)

_DIGITS = {character: value for value, characters in enumerate("零一二三四五六七八九") for character in characters} | {
    "〇": 0, "两": 2}  # fmt: skip
_PLACES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_HAN = "".join((*_DIGITS, *_PLACES))
_CHINESE = re.compile(f"(百分之)?([{_HAN}]+)(?:点([{''.join(_DIGITS)}]+))?")


def spelled_out(text: str) -> Iterator[tuple[int, int, Decimal]]:
    """Where numbers of more than one word or character stand (start, end), and what they are; a percentage as a fraction."""
    for found in _ENGLISH.finditer(text):
        words = [word.lower() for word in _PARTS.findall(found[0])]
        if len(words) > 1:
            yield *found.span(), _english(words)
    for found in _CHINESE.finditer(text):
        percent, whole, decimals = found.groups()
        if len(found[0]) > 1:
            value = Decimal(f"{_han(whole)}.{''.join(str(_DIGITS[one]) for one in decimals or '零')}")
            yield *found.span(), value / 100 if percent else value


def _english(words: list[str]) -> Decimal:
    """`words` as a number; where each is a digit, as the digits read one after the other."""
    whole = list(takewhile(lambda word: word != "point", words))
    digits = "".join(str(_UNITS.get(word, 0)) for word in words[len(whole) + 1 :])
    return Decimal(f"{_english_whole(whole)}.{digits or '0'}")


def _english_whole(words: list[str]) -> int:
    if len(words) > 1 and all(word == "oh" or _UNITS.get(word, 10) < 10 for word in words):
        return int("".join(str(_UNITS.get(word, 0)) for word in words))
    total = group = 0
    for word in words:
        scale = _SCALES.get(word, 0)
        if scale == 100:
            group = max(group, 1) * 100
        elif scale:
            total, group = total + max(group, 1) * scale, 0
        else:
            group += _UNITS.get(word, 0) + _TENS.get(word, 0)
    return total + group


def _han(characters: str) -> int:
    if not any(one in _PLACES for one in characters):
        return int("".join(str(_DIGITS[one]) for one in characters))
    total = section = digit = 0
    for one in characters:
        place = _PLACES.get(one, 0)
        if not place:
            digit = _DIGITS[one]
        elif place >= 10_000:
            total, section, digit = (total + section + digit) * place, 0, 0
        else:
            section, digit = section + max(digit, 1) * place, 0
    return total + section + digit
