"""One line into so many cells: cropped with two dots (an ellipsis is two cells wide in some terminals)."""

from __future__ import annotations

import json

from rich.text import Text

DOTS = ".."


def fit(text: Text, width: int) -> Text:
    """`text` in at most `width` cells."""
    if text.cell_len <= width:
        return text
    cropped = text.copy()
    cropped.truncate(max(0, width - len(DOTS)))
    cropped.append(DOTS[: max(0, width)])
    return cropped


def row_of(left: Text, right: Text, width: int) -> Text:
    """`left` at the left, `right` at the right of `width` cells; `left` gives way."""
    if not right.plain:
        return fit(left, width)
    left = fit(left, max(0, width - right.cell_len - 2))
    gap = max(1, width - left.cell_len - right.cell_len)
    return left + Text(" " * gap) + right


def value_text(value: object) -> str:
    """A demo parameter's value as it is typed: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
