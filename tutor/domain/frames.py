"""The closed set of pictures a demo may yield: immutable data that a terminal draws and the command line prints."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from tutor.domain.language import Text


@dataclass(frozen=True, slots=True)
class TokenItem:
    """A piece of text as a tokenizer or a merge sees it. `bytes` in hex where the text alone cannot show it."""

    text: str
    id: int | None = None
    mark: str = ""
    note: str = ""
    bytes: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A row of tokens; the row wraps. `label` names it."""

    items: tuple[TokenItem, ...]
    label: Text = Text()


@dataclass(frozen=True, slots=True)
class Matrix:
    """Numbers, rows by columns, as a heat map or a table. `marks` is empty or of the same shape."""

    values: tuple[tuple[float, ...], ...]
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    label: Text = Text()
    low: float | None = None
    high: float | None = None
    digits: int = 2
    marks: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """`value` in the frame's unit; `note` stands at the end of the row."""

    label: str
    value: float
    mark: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    items: tuple[Bar, ...]
    label: Text = Text()
    unit: str = ""
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """`parent` is the index of an earlier node, or None for a root."""

    label: str
    parent: int | None = None
    mark: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    nodes: tuple[Node, ...]
    label: Text = Text()


@dataclass(frozen=True, slots=True)
class Series:
    name: Text
    xs: tuple[float, ...]
    ys: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    series: tuple[Series, ...]
    label: Text = Text()
    x_label: Text = Text()
    y_label: Text = Text()
    log_y: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """`marks` is empty or one mark a row."""

    columns: tuple[Text, ...]
    rows: tuple[tuple[str, ...], ...]
    label: Text = Text()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    start: float
    end: float
    label: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    lanes: tuple[Lane, ...]
    label: Text = Text()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    text: Text


Frame = Tokens | Matrix | Bars | Tree | Curve | Table | Timeline | Note


def to_json(value: Any) -> Any:
    """A frame or step as plain JSON data: `Text` as {"zh", "en"}, each frame with its kind under `frame`."""
    if isinstance(value, Text):
        return {"zh": value.zh, "en": value.en}
    if is_dataclass(value) and not isinstance(value, type):
        data = {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
        if isinstance(value, Frame):
            return {"frame": type(value).__name__.lower(), **data}
        return data
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return value
