"""An exploration as lines: the tree of what was tried, and how the text under the cursor came about."""

from __future__ import annotations

import math

from rich.text import Text

from tutor.decoding.exploration import Exploration, Node
from tutor.decoding.runs import strategy_name
from tutor.domain import frames
from tutor.domain.language import both, language, tr
from tutor.domain.plaintext import visible
from tutor.ui.draw.frames.common import label_text
from tutor.ui.draw.frames.tree import draw_tree
from tutor.ui.draw.grid import LEFT, RIGHT, table
from tutor.ui.draw.palette import Palette

PROMPT_CHARACTERS = 60


def exploration_lines(run: Exploration, width: int, palette: Palette) -> list[Text]:
    lines = draw_tree(_tree(run), width, palette, language())
    path = run.path(run.cursor)
    if path:
        header = [Text(tr(name)) for name in ("token", "p", "ln P", "entropy", "random number", "how")]
        total, rows = 0.0, []
        for node in (run.nodes[index] for index in path):
            total += node.logprob
            rows.append([Text(cell) for cell in (_name(node), *_numbers(node, total), _how(node))])
        lines += [Text(), *table(header, rows, width, palette, aligns=[LEFT, *[RIGHT] * 4, LEFT])]
    return lines


def _tree(run: Exploration) -> frames.Tree:
    """The branches; what has no fork is one node."""
    prompt = visible(run.prompt_text)
    label = prompt if len(prompt) <= PROMPT_CHARACTERS else ".." + prompt[-PROMPT_CHARACTERS:]
    nodes = [frames.Node(label)]
    chosen = set(run.path(run.cursor))
    waiting = [(child, 0) for child in reversed(run.children(0))]
    while waiting:
        index, parent = waiting.pop()
        pieces = [_name(run.nodes[index])]
        while len(below := run.children(index)) == 1 and (index in chosen) == (below[0] in chosen):
            index = below[0]
            pieces.append(_name(run.nodes[index]))
        mark = "chosen" if index in chosen else "good" if run.nodes[index].ends else "kept"
        nodes.append(frames.Node(" ".join(pieces), parent, mark, f"{run.logprob(index):.3f}"))
        waiting += [(child, len(nodes) - 1) for child in reversed(below)]
    return frames.Tree(tuple(nodes), both("What was tried, with ln P"))


def _name(node: Node) -> str:
    """A token; its bytes where it is a part of a character."""
    if node.data and "\ufffd" in node.label:
        return f"<{node.data.hex(' ')}>"
    return label_text(node.label) or f"#{node.id}"


def _numbers(node: Node, total: float) -> tuple[str, ...]:
    step = node.step
    draw = f"{step.draw:.4f}" if step and step.draw is not None and step.id == node.id else ""
    return f"{math.exp(node.logprob):.4f}", f"{total:.3f}", f"{step.entropy:.3f}" if step else "", draw


def _how(node: Node) -> str:
    if node.how in ("greedy", "sample") and node.strategy is not None:
        return strategy_name(node.strategy)
    return tr(_HOWS[node.how]) if node.how in _HOWS else node.how


_HOWS = {"hand": "by hand", "typed": "typed", "beam": "beam search", "lockstep": "another strategy"}
