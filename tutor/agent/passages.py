"""Texts cut into sentences, and the language a question is asked in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tutor.content.walk import HAN

_HAN = re.compile(f"[{HAN}]")

_CLOSING = "”’\"')）】」』*`"
_END = re.compile(
    rf"[。！？!?][{_CLOSING}]*|(?<![A-Z])\.[{_CLOSING}]*(?=\s|$|\[)|(?<=[A-Z]{{2}})\.(?=\s|$|\[)|…{{1,2}}(?=\s|$)|\n"
)
# “谢谢，已删除。”，把 is no end, nor is "What is it?" and it says, nor 已删除。 (“Deleted.”) in English.
_GOES_ON = re.compile(rf"[。！？!?.][{_CLOSING}]+(?:[，、；：,;:]| [a-z])|[。！？] [(a-z]")
_CITED = re.compile(r"\s*(?:\[[a-z0-9-]+#[a-z0-9-]+\][,，、;；]?\s*)+[.。]?")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(（])(?:e\.g|i\.e|etc|et al|vs|cf|fig|eq|sec|no|approx|mr|ms|dr|prof|inc)\.$", re.I
)


def asked_in(question: str) -> str:
    """The language of `question`: Chinese where it has a Han character."""
    return "zh" if _HAN.search(question) else "en"


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of `text` start and end, blanks around them and citations behind them left to them.

    A line ends a sentence too. Decimals and usual abbreviations do not.
    """
    start = 0
    for end in _END.finditer(text):
        if end.start() < start or _ABBREVIATION.search(text[start : end.end()]) or _GOES_ON.match(text, end.start()):
            continue
        stop = end.end()
        if end[0] != "\n" and (cited := _CITED.match(text, stop)):
            stop = cited.end()
        yield from _trimmed(text, start, stop)
        start = stop
    yield from _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    piece = text[start:stop]
    if piece.strip():
        yield start + len(piece) - len(piece.lstrip()), stop - len(piece) + len(piece.rstrip())


def sentences(text: str) -> list[str]:
    """The sentences of `text`."""
    return [text[start:stop] for start, stop in spans(text)]
