"""What holds for every text of a lesson or quiz: both languages, sound Markdown, columns that align."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tutor.content.problem import Problem, shown
from tutor.content.reader import Document, FieldPath
from tutor.content.walk import HAN, ambiguous, cells, lines, open_fence, prose, texts
from tutor.domain.language import LANGUAGES, Text, both
from tutor.domain.lesson import Lesson
from tutor.domain.quiz import Quiz

MAX_CELLS = 76

_HTML = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(\s[^<>]*)?/?>|<!--")
_IMAGE = re.compile(r"!\[[^\]]{0,200}\]\(")
_LATEX = re.compile(r"\$\$|\\\(|\\\[(?!\d)|\\[A-Za-z]+\{|(?<!\w)\$[A-Za-z\\][^$\n]*\$(?!\w)")
_FORBIDDEN = ((_HTML, both("no HTML outside code")), (_IMAGE, both("no images")), (_LATEX, both("no LaTeX")))

_CHINESE_STYLE = (
    (re.compile(f"[{HAN}][A-Za-z0-9]|[A-Za-z0-9][{HAN}]"), both("a space between Han and Latin")),
    (re.compile(f"[{HAN}][,;:!?]|[{HAN}]\\(|\\)[{HAN}]"), both("full-width punctuation beside Han")),
    (re.compile("[\uff10-\uff19]"), both("half-width digits")),
)


def check(value: Lesson | Quiz, document: Document, strict: bool) -> Iterator[Problem]:
    for path, text in texts(value):
        for language in LANGUAGES:
            written = getattr(text, language)
            place = (*path, language)
            if written.strip():
                yield from _markdown(written, document, place)
            elif strict and text:
                yield document.problem(place, both("the text in both languages"), both("nothing"))
        if strict and path != ("title",):  # the titles are the series' own, verbatim
            yield from _matches(_CHINESE_STYLE, text.zh, document, (*path, "zh"))


def _markdown(text: str, document: Document, place: FieldPath) -> Iterator[Problem]:
    yield from _matches(_FORBIDDEN, text, document, place)
    if open_fence(text):
        yield document.problem(place, both("each code fence closed"), both("an open one"))
    for line in lines(text):
        if line.fence is None:
            continue
        width = cells(line.text)
        if width > MAX_CELLS:
            expected = both("at most {count} cells in a line of code", count=MAX_CELLS)
            yield document.problem(place, expected, both("{count} cells", count=width), line.row)
        odd = sorted({character for character in line.text if ambiguous(character)})
        if odd and line.fence != "math":
            expected = both("no characters of ambiguous width where columns align")
            yield document.problem(place, expected, shown(" ".join(odd)), line.row)


def _matches(
    rules: tuple[tuple[re.Pattern[str], Text], ...], text: str, document: Document, place: FieldPath
) -> Iterator[Problem]:
    """A problem for each row of prose in which a rule's pattern is found."""
    for row, line in enumerate(prose(text).splitlines()):
        for pattern, expected in rules:
            match = pattern.search(line)
            if match:
                yield document.problem(place, expected, shown(_around(line, match)), row)


def _around(line: str, match: re.Match[str]) -> str:
    return line[max(0, match.start() - 8) : match.end() + 8]
