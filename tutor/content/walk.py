"""Walking through a lesson or quiz as its file spells it, and through the Markdown of its texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any, NamedTuple

from tutor.content.formats import shape
from tutor.content.reader import FieldPath
from tutor.domain.language import Text
from tutor.domain.lesson import CheckBlock, DemoBlock, LabBlock

# Ideographs, as the inside of a character class.
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"

_HAN = re.compile(f"[{HAN}]")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([\w+-]*)")
_BACKQUOTES = re.compile("`+")


class Line(NamedTuple):
    """A line of Markdown. `fence` is None in prose, else the language of the code fence ("" where it names none)."""

    row: int
    text: str
    fence: str | None


def texts(value: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, Text]]:
    """Every text in both languages within a lesson or quiz, with its path in the file."""
    if isinstance(value, Text):
        yield path, value
    elif isinstance(value, (tuple, list)):
        for index, item in enumerate(value):
            yield from texts(item, (*path, index))
    elif is_dataclass(value) and not isinstance(value, (CheckBlock, DemoBlock, LabBlock, type)):
        for key, field in shape(type(value)).items():
            yield from texts(getattr(value, field.name), (*path, key))


def lines(markdown: str) -> Iterator[Line]:
    """The lines of `markdown`, without those that open and close a code fence."""
    closing = language = ""
    for row, text in enumerate(markdown.splitlines()):
        fence = _FENCE.match(text)
        if not closing and fence:
            closing, language = fence[1], fence[2]
        elif closing and text.strip().startswith(closing) and not text.strip().strip(closing[0]):
            closing = ""
        else:
            yield Line(row, text, language if closing else None)


def open_fence(markdown: str) -> bool:
    """Whether a code fence is opened and never closed: `lines` leaves out two lines for each one that is."""
    return (len(markdown.splitlines()) - sum(1 for _ in lines(markdown))) % 2 == 1


def prose(markdown: str) -> str:
    """`markdown` without code fences, each code span as one backquote; the lines keep their numbers."""
    rows = [""] * len(markdown.splitlines())
    for line in lines(markdown):
        if line.fence is None:
            rows[line.row] = line.text
    return _without_code_spans("\n".join(rows))


def _without_code_spans(text: str) -> str:
    """Each span, from some backquotes to the next run of as many, as one backquote and the line breaks within it."""
    runs = [run.span() for run in _BACKQUOTES.finditer(text)]
    closing: list[int | None] = [None] * len(runs)  # for each run, the next one of its length
    latest: dict[int, int] = {}
    for number in range(len(runs) - 1, -1, -1):
        length = runs[number][1] - runs[number][0]
        closing[number] = latest.get(length)
        latest[length] = number
    pieces, at, number = [], 0, 0
    while number < len(runs):
        end = closing[number]
        if end is None:
            number += 1
            continue
        start, stop = runs[number][0], runs[end][1]
        pieces += [text[at:start], "`", "\n" * text.count("\n", start, stop)]
        at, number = stop, end + 1
    return "".join([*pieces, text[at:]])


def outside_fences(markdown: str) -> str:
    """`markdown` without code fences, code spans kept."""
    return "\n".join(line.text for line in lines(markdown) if line.fence is None)


def han_characters(markdown: str) -> int:
    """How many Han characters stand outside code fences: what a Chinese reader counts as the length of a text."""
    return len(_HAN.findall(outside_fences(markdown)))


def words(markdown: str) -> int:
    """How many words stand outside code fences: runs between spaces that hold a letter or a digit."""
    return sum(1 for run in outside_fences(markdown).split() if any(character.isalnum() for character in run))


def cells(text: str) -> int:
    """How many cells a terminal gives `text`, ambiguous characters taken as narrow (UAX #11)."""
    return sum(_cell(character) for character in text)


def _cell(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def ambiguous(character: str) -> bool:
    """Whether terminals disagree about the width of `character`.

    Box drawing and block elements are of ambiguous width by the letter of UAX #11, but one cell in every terminal
    that draws text screens at all: diagrams are made of them.
    """
    return unicodedata.east_asian_width(character) == "A" and not "\u2500" <= character <= "\u259f"
