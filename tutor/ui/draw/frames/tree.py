"""A tree with its branches drawn; too deep for the width, its depth is written instead of drawn."""

from __future__ import annotations

from rich.text import Text

from tutor.domain.frames import Tree
from tutor.domain.plaintext import visible
from tutor.ui.draw.frames.common import name_lines, signed
from tutor.ui.draw.grid import prefixed
from tutor.ui.draw.palette import Palette
from tutor.ui.draw.wrap import wrap

_LEAST_LABEL = 16
_BRANCH, _LAST, _DOWN, _NONE = "├─ ", "└─ ", "│  ", "   "


def draw_tree(frame: Tree, width: int, palette: Palette, language: str) -> list[Text]:
    """Each node behind its branch, children in the order given. A parent that is no earlier node makes a root."""
    lines = name_lines(frame.label, width, palette, language)
    children = children_of(frame)
    # (node, branches above it: for each level, whether more siblings follow)
    waiting: list[tuple[int, tuple[bool, ...]]] = [(root, ()) for root in reversed(children[None])]
    while waiting:
        index, more = waiting.pop()
        node = frame.nodes[index]
        below = children[index]
        first, rest = _branches(more, bool(below), width)
        label = signed(node.label, node.mark, palette)
        if node.note:
            label.append(f"  {visible(node.note)}", palette.muted)
        body = wrap(label, width - len(first), hang=2 if width - len(first) > _LEAST_LABEL else 0)
        lines += prefixed(body, Text(first, palette.rule), Text(rest, palette.rule))
        waiting += [(child, (*more, child != below[-1])) for child in reversed(below)]
    return lines


def children_of(frame: Tree) -> dict[int | None, list[int]]:
    """The indices of each node's children, in order; roots under None."""
    children: dict[int | None, list[int]] = {None: []}
    for i, node in enumerate(frame.nodes):
        known = node.parent is not None and 0 <= node.parent < i
        children[node.parent if known else None].append(i)
        children[i] = []
    return children


def _branches(more: tuple[bool, ...], parent: bool, width: int) -> tuple[str, str]:
    """What stands before a node's first line and before its others."""
    if not more:
        return "", _DOWN if parent else ""
    above = "".join(_DOWN if follows else _NONE for follows in more[:-1])
    first = above + (_BRANCH if more[-1] else _LAST)
    rest = above + (_DOWN if more[-1] else _NONE)
    if len(first) + _LEAST_LABEL > width:
        first = f"{len(more)}> "
        rest = " " * len(first)
    return first, rest
