"""A beam search as pictures: the living tree of its texts, and the texts with their scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tutor.decoding.beam import written
from tutor.domain.frames import Node, Table, Tree
from tutor.domain.language import Text, same
from tutor.domain.model import Beam, BeamCandidate, BeamStep
from tutor.domain.plaintext import visible

ROOT_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class _Branch:
    """A candidate that was kept, finished or pruned, and where it hangs; the root has none."""

    parent: int
    data: bytes
    depth: int
    candidate: BeamCandidate | None = None


class BeamTree:
    """Grows by a step at a time. Of each step as many pruned candidates are drawn as survived, the best of them."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt
        self._branches = [_Branch(-1, b"", 0)]
        self._live = [0]
        self._finished: list[int] = []

    def add(self, step: BeamStep) -> None:
        parents = self._live
        self._live = [self._hang(each, parents) for each in step.kept]
        self._finished += [self._hang(each, parents) for each in step.finished]
        for each in step.pruned[: len(step.kept) + len(step.finished)]:
            self._hang(each, parents)

    def tree(self) -> Tree:
        """From where the texts that are still in the running part. What all of them share is the root's label.

        Marks: chosen leads to the best text so far; kept are the beams, good the finished ones, cut what was pruned;
        muted led to nothing that is left.
        """
        running = self._running()
        lines = [self._line(i) for i in running]
        root = self._parting(lines)
        best, left = set(lines[0]), set().union(*lines)
        parents = {branch.parent for branch in self._branches}
        places: dict[int, int] = {root: 0}
        nodes = [Node(self._root_label(root), None, "", self._note(root))]
        for i, branch in enumerate(self._branches):
            if branch.parent not in places:
                continue
            if i in self._finished:
                mark = "good"
            elif i in left:
                mark = "chosen" if i in best else "kept"
            else:
                mark = "muted" if i in parents else "cut"
            places[i] = len(nodes)
            nodes.append(Node(_name(branch), places[branch.parent], mark, self._note(i)))
        return Tree(tuple(nodes), Text("束搜索的树", "The tree of the search"))

    def table(self) -> Table:
        """The texts in the running, best score first."""
        rows, marks = [], []
        for place, i in enumerate(self._running()):
            branch = self._branches[i]
            if branch.candidate is not None:
                rows.append(_row(written(branch.data), branch.depth, branch.candidate.total, branch.candidate.score))
                marks.append("good" if i in self._finished else "kept" if place else "chosen")
        return Table(_COLUMNS, tuple(rows), Text("还在竞争的文本", "Texts in the running"), tuple(marks))

    def _hang(self, candidate: BeamCandidate, parents: list[int]) -> int:
        parent = parents[candidate.parent]
        above = self._branches[parent]
        self._branches.append(_Branch(parent, above.data + candidate.data, above.depth + 1, candidate))
        return len(self._branches) - 1

    def _running(self) -> list[int]:
        return sorted(self._finished + self._live, key=lambda i: -self._score(i))

    def _score(self, index: int) -> float:
        candidate = self._branches[index].candidate
        return candidate.score if candidate else 0.0

    def _line(self, index: int) -> list[int]:
        """From the root to a branch."""
        line = [index]
        while (index := self._branches[index].parent) >= 0:
            line.append(index)
        return line[::-1]

    @staticmethod
    def _parting(lines: list[list[int]]) -> int:
        """The last branch above all ends of `lines`."""
        root = 0
        for level in zip(*(line[:-1] for line in lines), strict=False):
            if len(set(level)) > 1:
                break
            root = level[0]
        return root

    def _root_label(self, root: int) -> str:
        text = visible(self._prompt + written(self._branches[root].data))
        return text if len(text) <= ROOT_CHARACTERS else "..." + text[-ROOT_CHARACTERS:]

    def _note(self, index: int) -> str:
        candidate = self._branches[index].candidate
        if candidate is None:
            return ""
        if candidate.score == candidate.total:
            return f"{candidate.total:.3f}"
        return f"{candidate.total:.3f} -> {candidate.score:.3f}"


def beams_table(beams: tuple[Beam, ...]) -> Table:
    """The result, best first."""
    rows = tuple(_row(beam.text, len(beam.ids), beam.logprob, beam.score) for beam in beams)
    marks = tuple("good" if beam.finished else "kept" if place else "chosen" for place, beam in enumerate(beams))
    return Table(_COLUMNS, rows, Text("结果，按得分排", "The result, by score"), marks)


_COLUMNS = (
    Text("文本", "Text"),
    Text("词元数", "Tokens"),
    Text("概率", "Probability"),
    same("ln P"),
    Text("得分", "Score"),
)


def _row(text: str, length: int, logprob: float, score: float) -> tuple[str, ...]:
    return visible(text), str(length), f"{math.exp(logprob):.3g}", f"{logprob:.4f}", f"{score:.4f}"


def _name(branch: _Branch) -> str:
    """A token behind its branch: spaces made visible, its bytes where it is a part of a character."""
    candidate = branch.candidate
    if candidate is None:
        return ""
    if candidate.data and "\ufffd" in candidate.text:
        return f"<{candidate.data.hex(' ')}>"
    return visible(candidate.text).replace(" ", "␣") or f"#{candidate.id}"
