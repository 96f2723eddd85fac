"""Frames in words, for ears: what a picture shows at a glance, said in order, one thing a line."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from tutor.domain.frames import Bars, Curve, Frame, Matrix, Note, Series, Span, Table, Timeline, Tokens, Tree
from tutor.domain.language import both
from tutor.domain.plaintext import clean, visible
from tutor.ui.draw.frames.common import label_text
from tutor.ui.draw.frames.tokens import token_text
from tutor.ui.draw.frames.tree import children_of
from tutor.ui.draw.numbers import column, number, usable
from tutor.ui.draw.palette import SPACE_SIGN
from tutor.ui.draw.wrap import wrap


def speak(frame: Frame, width: int, language: str) -> list[Text]:
    """Sentences of at most `width` cells a line, in `zh` or `en`."""
    return [line for sentence in _sentences(frame, language) for line in wrap(Text(sentence), width, hang=2)]


def mark_word(mark: str, language: str) -> str:
    """A mark in one word; a mark that only quiets has none."""
    words = {
        "new": both("new"),
        "chosen": both("chosen"),
        "kept": both("kept"),
        "cut": both("cut"),
        "good": both("good"),
        "bad": both("bad"),
    }
    return words[mark].get(language) if mark in words else ""


def said(text: str, language: str) -> str:
    """A label or token as it is said: the spaces at its ends and the ends of lines in words."""
    space, newline = both("(space)").get(language), both("(newline)").get(language)
    return label_text(text).replace(SPACE_SIGN, space).replace("\\n", newline)


def _listed(parts: list[str], language: str) -> str:
    return both(", ").get(language).join(part for part in parts if part)


def _pair(name: str, value: str, language: str) -> str:
    return both("{name}: {value}", name=name, value=value).get(language) if name else value


def _sentences(frame: Frame, language: str) -> Iterator[str]:
    if not isinstance(frame, Note) and frame.label:
        yield clean(frame.label.get(language))
    match frame:
        case Tokens():
            yield from _tokens(frame, language)
        case Matrix():
            yield from _matrix(frame, language)
        case Bars():
            for item, value in zip(frame.items, column([item.value for item in frame.items]), strict=True):
                amount = f"{value} {visible(frame.unit)}".strip()
                parts = [amount, mark_word(item.mark, language), visible(item.note)]
                yield _pair(said(item.label, language), _listed(parts, language), language)
        case Tree():
            yield from _tree(frame, language)
        case Curve():
            for series in frame.series:
                yield from _series(frame, series, language)
        case Table():
            yield from _table(frame, language)
        case Timeline():
            for lane in frame.lanes:
                spans = [_span(span, frame.unit, language) for span in lane.spans]
                yield _pair(visible(lane.name), both("; ").get(language).join(spans), language)
        case Note():
            yield clean(frame.text.get(language))


def _tokens(frame: Tokens, language: str) -> Iterator[str]:
    count = sum(item.mark != "muted" for item in frame.items)
    yield (both("1 token") if count == 1 else both("{count} tokens", count=count)).get(language)
    i = 0
    for item in frame.items:
        number_of = "" if item.id is None else both("number {id}", id=item.id).get(language)
        parts = [said(token_text(item), language), number_of, mark_word(item.mark, language), visible(item.note)]
        if item.mark == "muted":  # a remark between tokens
            yield _listed(parts, language)
        else:
            i += 1
            yield f"{i}. {_listed(parts, language)}"


def _matrix(frame: Matrix, language: str) -> Iterator[str]:
    for i, row in enumerate(frame.values):
        name = (
            said(frame.rows[i], language) if i < len(frame.rows) else both("Row {number}", number=i + 1).get(language)
        )
        cells = []
        for j, value in enumerate(row):
            label = said(frame.columns[j], language) if j < len(frame.columns) else ""
            marks = frame.marks[i] if i < len(frame.marks) else ()
            word = mark_word(marks[j], language) if j < len(marks) else ""
            cells.append(" ".join(part for part in (label, number(value, frame.digits), word) if part))
        yield _pair(name, _listed(cells, language), language)


def _tree(frame: Tree, language: str) -> Iterator[str]:
    children = children_of(frame)
    waiting = [(root, 1) for root in reversed(children[None])]
    while waiting:
        index, level = waiting.pop()
        node = frame.nodes[index]
        parts = [said(node.label, language), mark_word(node.mark, language), visible(node.note)]
        place = both("Level {level}", level=level).get(language)
        yield _pair(place, _listed(parts, language), language)
        waiting += [(child, level + 1) for child in reversed(children[index])]


def _series(frame: Curve, series: Series, language: str) -> Iterator[str]:
    pairs = [(x, y) for x, y in zip(series.xs, series.ys, strict=False) if usable(x) and usable(y)]
    name = visible(series.name.get(language))
    if not pairs:
        return
    lowest, highest = min(pairs, key=lambda p: p[1]), max(pairs, key=lambda p: p[1])
    told = dict(
        zip(
            ("x0", "y0", "x1", "y1", "xl", "yl", "xh", "yh"),
            (_short(v) for pair in (pairs[0], pairs[-1], lowest, highest) for v in pair),
            strict=True,
        )
    )
    axes = both("{y} over {x}", x=visible(frame.x_label.get(language)), y=visible(frame.y_label.get(language)))
    if frame.x_label and frame.y_label:
        name = _listed([name, axes.get(language)], language)
    sentence = both(
        "{count} points; starts at {y0} (x = {x0}), ends at {y1} (x = {x1}); "
        "lowest {yl} (x = {xl}), highest {yh} (x = {xh})",
        count=len(pairs),
        **told,
    )
    yield _pair(name, sentence.get(language), language)


def _short(value: float) -> str:
    return column([value])[0]


def _table(frame: Table, language: str) -> Iterator[str]:
    for i, row in enumerate(frame.rows):
        word = mark_word(frame.marks[i], language) if i < len(frame.marks) else ""
        cells = []
        for j, cell in enumerate(row):
            title = visible(frame.columns[j].get(language)) if j < len(frame.columns) else ""
            cells.append(_pair(title, said(cell, language), language))
        yield both("; ").get(language).join(part for part in (*cells, word) if part)


def _span(span: Span, unit: str, language: str) -> str:
    start, end = column([span.start, span.end])
    times = both("{start} to {end} {unit}", start=start, end=end, unit=visible(unit)).get(language).strip()
    return " ".join(part for part in (visible(span.label), times, mark_word(span.mark, language)) if part)
