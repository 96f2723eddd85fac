"""A beam search's tree as lines to move through: runs without a fork joined, pruned branches folded but never gone."""

from __future__ import annotations

from dataclasses import dataclass

from tutor.decoding.tree import Branch, SearchTree, branch_name, mark_of
from tutor.domain.plaintext import visible


@dataclass(frozen=True, slots=True)
class Folding:
    """What a reader has opened: at the nodes `opened` the pruned branches show; those `apart` end a line of theirs."""

    opened: frozenset[int] = frozenset()
    apart: frozenset[int] = frozenset()


CLOSED = Folding()


@dataclass(frozen=True, slots=True)
class Line:
    """`nodes` are the tokens of a run; where it is a `fold`, the pruned branches under the node `at` instead.

    `hidden` counts pruned branches that hang at the run's tokens and are not shown. `more` has an entry a level:
    whether siblings follow. A line that is no `fork` goes on from the line above it, at the same level.
    """

    nodes: tuple[int, ...]
    more: tuple[bool, ...] = ()
    mark: str = ""
    hidden: int = 0
    at: int = -1
    fork: bool = True

    @property
    def fold(self) -> bool:
        return self.at >= 0

    @property
    def end(self) -> int:
        """The node that a run leads to; of a fold, the one under which it is."""
        return self.at if self.fold else self.nodes[-1]


def outline(tree: SearchTree, step: int, folding: Folding = CLOSED) -> list[Line]:
    """The tree as it stood after `step`: the texts in the running, and each pruned branch on a line or counted on one.

    What was pruned by this very step has a fold of its own, and a beam that it left without a child still its line.
    """
    return _Outline(tree, step, folding).lines


class _Outline:
    def __init__(self, tree: SearchTree, step: int, folding: Folding) -> None:
        self._tree, self._step, self._folding = tree, step, folding
        lines = [tree.line(i) for i in tree.running(step)]
        self._best, self._left = set(lines[0]), set().union(*lines)
        self.lines: list[Line] = []
        self._emit(0, (), fork=True)

    def _emit(self, first: int, more: tuple[bool, ...], *, fork: bool) -> None:
        """The run that begins with `first`, and everything behind it."""
        while True:
            run = self._run(first)
            at = run[-1]
            below, ahead = self._below(at)
            folds = [node for node in run if self._newly_pruned(node)]
            hidden = sum(len(self._hidden(node)) for node in run if node not in folds)
            self.lines.append(Line(tuple(run), more, self._mark(at), hidden, fork=fork))
            for place, child in enumerate(below, start=1):
                self._emit(child, (*more, place < len(below) + len(folds)), fork=True)
            for place, node in enumerate(folds, start=1):
                self.lines.append(
                    Line(tuple(self._hidden(node)), (*more, place < len(folds)), "cut", at=node, fork=True)
                )
            if ahead is None:
                return
            first, fork = ahead, False

    def _run(self, first: int) -> list[int]:
        """From `first` as far as the way has no fork and nothing keeps its tokens apart."""
        run = [first]
        while first and first not in self._folding.apart and first not in self._folding.opened:
            kin = [*self._alive(first), *self._dying(first)]
            if len(kin) != 1 or kin[0] not in self._left:
                break
            first = kin[0]
            run.append(first)
        return run

    def _below(self, node: int) -> tuple[list[int], int | None]:
        """What stands indented under a node, and the one child that its line goes on with, if there is only one way."""
        alive, dying = self._alive(node), self._dying(node)
        shown = self._dropped(node) if node in self._folding.opened else []
        if len(alive) == 1 and not dying:
            return shown, alive[0]
        return [*alive, *dying, *shown], None

    def _children(self, node: int) -> list[int]:
        return self._tree.children(node, self._step)

    def _alive(self, node: int) -> list[int]:
        return [child for child in self._children(node) if child in self._left]

    def _dying(self, node: int) -> list[int]:
        """Children that were beams until this step pruned all that they could become."""
        if node not in self._left:
            return []
        return [child for child in self._children(node) if child not in self._left and self._was_beam(child)]

    def _was_beam(self, node: int) -> bool:
        """Whether this step has looked at what comes right behind it."""
        branch = self._tree.branches[node]
        return branch.depth == self._step - 1 and branch.fate == "kept"

    def _newly_pruned(self, node: int) -> bool:
        return node in self._left and self._was_beam(node) and bool(self._hidden(node))

    def _hidden(self, node: int) -> list[int]:
        return [] if node in self._folding.opened else self._dropped(node)

    def _dropped(self, node: int) -> list[int]:
        """The children that led to nothing and show only where the node is opened."""
        dying = set(self._dying(node))
        return [child for child in self._children(node) if child not in self._left and child not in dying]

    def _mark(self, node: int) -> str:
        if not node:
            return ""
        return mark_of(self._tree.branches[node], best=node in self._best, left=node in self._left)


def spelled(branches: list[Branch]) -> str:
    """A run of tokens as one text on one line: control tokens by name, bytes that spell no character as escapes."""
    if len(branches) == 1:
        return branch_name(branches[0])
    pieces, data = [], b""
    for branch in branches:
        data += branch.data
        if not branch.data and branch.candidate is not None:
            pieces += [data.decode("utf-8", "backslashreplace"), branch.candidate.text]
            data = b""
    text = visible("".join((*pieces, data.decode("utf-8", "backslashreplace"))))
    inner = text.lstrip(" ")
    return "␣" * (len(text) - len(inner)) + inner
