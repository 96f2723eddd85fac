"""Breaks lines of mixed Chinese and Latin: between Han characters, at spaces, by the rules of Chinese punctuation.

A paragraph is a row of boxes that are never broken inside (a Latin word, a Han character with the punctuation
that clings to it) and of spaces. The rules follow GB/T 15834 and the common part of UAX #14: no closing
punctuation starts a line, no opening punctuation ends one. Widths are Rich's, so that screen and line agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from rich._unicode_data import load as load_cell_table
from rich.cells import cell_len, split_graphemes
from rich.text import Span, Text

# Full-width punctuation, and the quotation marks and dashes that Chinese shares with the West.
OPENING = "（「『【〔〖〈《［｛“‘"
CLOSING = "。，、：；！？）」』】〕〗〉》］｝”’％…—～·"
_OPENING_ASCII = r"(\[{"
_CLOSING_ASCII = r",.:;!?)\]}%"
# Where an over-long word (an address, a path) is best cut: after one of these.
_SOFT_ENDS = "/-_.,?&=:;"


# What most lessons are written in: nothing that joins, and wide exactly where it says so.
_COMMON_WIDE = (
    "\u3000-\u3029\u3030-\u303e\u3041-\u3096\u309b-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff60\uffe0-\uffe6"
)
_COMMON = re.compile(
    rf"[\t -~\u00a0-\u00ac\u00ae-\u02ff\u0370-\u0482\u2010-\u2027\u2030-\u205e\u2500-\u25fc{_COMMON_WIDE}]*"
)


def _box_pattern(plain: str) -> re.Pattern[str]:
    """Matches a run of spaces (group `space`) or an unbreakable box."""
    return _common_boxes() if _COMMON.fullmatch(plain) else _all_boxes()


@cache
def _common_boxes() -> re.Pattern[str]:
    # A joiner that never comes, rather than a second pattern.
    return _compiled(_COMMON_WIDE, "\u200d")


@cache
def _all_boxes() -> re.Pattern[str]:
    # 30 ms to compile: a thousand ranges.
    table = load_cell_table("auto").widths
    joined = _ranges((start, end) for start, end, width in table if width == 0 and start >= 0x20)
    return _compiled(_ranges((start, end) for start, end, width in table if width == 2), joined)


def _compiled(wide: str, joined: str) -> re.Pattern[str]:
    """The pattern for characters that are two cells wide and characters that join the one before (as class ranges)."""
    flags = "\U0001f1e6-\U0001f1ff"
    space = rf"[ \t](?![{joined}])"
    tail = rf"(?:\u200d.|[{joined}])*"
    letter = rf"(?:\u200d.|(?!{space})[^{wide}{flags}{OPENING}{CLOSING}])"
    # An opening bracket that ends a word belongs to the Han character behind it.
    word = rf"{letter}+(?:[’‘·]{letter}+)*(?!(?<=[{_OPENING_ASCII}])[{wide}])"
    single = rf"(?:[{flags}]{{1,2}}|(?![{OPENING}{CLOSING}])[{wide}]){tail}"
    opening = rf"(?:[{OPENING}]{tail} *(?![{joined}])|[{_OPENING_ASCII}]{tail})*"
    closing = rf"(?: *[{CLOSING}]{tail}|[{_CLOSING_ASCII}]{tail})*"
    return re.compile(rf"(?P<space>(?:{space})+)(?! *[{CLOSING}])|{opening}(?:{single}|{word})?{closing}|.", re.DOTALL)


def _ranges(pairs: Iterator[tuple[int, int]]) -> str:
    return "".join(f"\\U{start:08x}-\\U{end:08x}" for start, end in pairs)


def graphemes(text: str) -> list[tuple[int, int, int]]:
    """What a reader takes for one character, as (start, end, cells); a flag's two halves stay together."""
    found: list[tuple[int, int, int]] = []
    half_flag = False
    for start, end, cells in split_graphemes(text)[0]:
        flag = "\U0001f1e6" <= text[start] <= "\U0001f1ff"
        if flag and half_flag:
            found[-1] = (found[-1][0], end, found[-1][2] + cells)
            half_flag = False
        else:
            found.append((start, end, cells))
            half_flag = flag
    return found


def longest_box(plain: str) -> int:
    """The cells of the widest thing in `plain` that is not broken unless it must be: the least good column width."""
    return max(
        (cell_len(match.group()) for match in _box_pattern(plain).finditer(plain) if not match["space"]), default=0
    )


def wrap(text: Text, width: int, indent: int = 0, hang: int = 0) -> list[Text]:
    """`text` in lines of at most `width` cells, styles kept; only a single grapheme wider than that overflows.

    `indent` cells stand before every line, `hang` more before every line but the first. A newline breaks; the
    spaces at a break are dropped. An empty text is one empty line. All styles end up in spans, none in `Text.style`.
    """
    first, rest = max(1, width - indent), max(1, width - indent - hang)
    spans = [Span(0, len(text), text.style), *text.spans] if text.style else text.spans
    flat = Text(text.plain.replace("\t", " "), spans=spans)
    lines = _cut(flat, _slices(flat.plain, first, rest))
    if not indent and not hang:
        return lines
    return [Text.assemble(" " * (indent + (hang if i else 0)), line) for i, line in enumerate(lines)]


def _cut(text: Text, slices: tuple[tuple[int, int], ...]) -> list[Text]:
    if not text.spans:
        return [Text(text.plain[start:end]) for start, end in slices]
    pieces = text.divide([offset for span in slices for offset in span])
    return list(pieces[1::2])


@lru_cache(maxsize=1024)
def _slices(plain: str, first: int, rest: int) -> tuple[tuple[int, int], ...]:
    """The half-open range of characters of each line."""
    found: list[tuple[int, int]] = []
    offset = 0
    for paragraph in plain.split("\n"):
        lines = _lines(paragraph, rest if found else first, rest)
        found += [(offset + start, offset + end) for start, end in lines]
        offset += len(paragraph) + 1
    return tuple(found)


def _lines(paragraph: str, room: int, rest: int) -> Iterator[tuple[int, int]]:
    if cell_len(paragraph) <= room:
        yield 0, len(paragraph.rstrip(" "))
        return
    start, end, used, gap = 0, 0, 0, 0
    for match in _box_pattern(paragraph).finditer(paragraph):
        if match["space"]:
            gap = match.end() - match.start()
            continue
        box = match.group()
        cells = cell_len(box)
        if used + gap + cells <= room:
            used += gap + cells
        else:
            if end > start:
                yield start, end
                room = rest
            start, used = match.start(), cells
            if cells > room:
                *full, (start, used) = _pieces(box, match.start(), room, rest)
                yield from full
                room = rest if full else room
        end, gap = match.end(), 0
    yield start, end


def _pieces(box: str, offset: int, room: int, rest: int) -> Iterator[tuple[int, int]]:
    """A box wider than a line, cut: the range of each full line, and at last (start, cells) of what is left."""
    start, used, soft, soft_used = 0, 0, 0, 0
    for begin, end, cells in graphemes(box):
        while used and used + cells > room:
            softly = soft_used * 2 > room and used - soft_used <= rest
            cut, cut_used = (soft, soft_used) if softly else (begin, used)
            yield offset + start, offset + start + len(box[start:cut].rstrip(" "))
            start, used, room, soft, soft_used = cut, used - cut_used, rest, 0, 0
        if begin == start and box[begin:end] == " ":
            start = end
            continue
        used += cells
        if box[begin] in _SOFT_ENDS:
            soft, soft_used = end, used
    yield offset + start, used
