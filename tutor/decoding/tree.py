"""All that a beam search has looked at, as a tree that grows by a step at a time; and a demo's pictures of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tutor.decoding.beam import written
from tutor.decoding.token_pictures import name_of
from tutor.domain.frames import Node, Table, Tree
from tutor.domain.language import Text, same
from tutor.domain.model import Beam, BeamCandidate, BeamStep
from tutor.domain.plaintext import visible

ROOT_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Branch:
    """A token behind `parent`, an index; the prompt, which is the root, has neither parent (-1) nor `candidate`.

    `depth` counts the tokens up to here, so it is also the step that looked at this one. `fate` is what that step did
    with it: kept, finished or pruned.
    """

    parent: int
    depth: int
    fate: str
    candidate: BeamCandidate | None = None

    @property
    def total(self) -> float:
        """ln P of what was written up to here, in nats."""
        return self.candidate.total if self.candidate else 0.0

    @property
    def score(self) -> float:
        return self.candidate.score if self.candidate else 0.0

    @property
    def data(self) -> bytes:
        return self.candidate.data if self.candidate else b""


class SearchTree:
    """Nothing is ever taken out: how it stood after an earlier step can be asked at any time, by that step's number."""

    def __init__(self, steps: Iterable[BeamStep] = ()) -> None:
        self.branches = [Branch(-1, 0, "kept")]
        self._children: list[list[int]] = [[]]
        self._live = [[0]]  # by step
        self._finished: list[list[int]] = [[]]
        for step in steps:
            self.add(step)

    @property
    def steps(self) -> int:
        return len(self._live) - 1

    def add(self, step: BeamStep, *, pruned: int | None = None) -> None:
        """One step more; of its pruned candidates the best `pruned`, or all."""
        parents = self._live[-1]
        live = [self._hang(each, parents, "kept") for each in step.kept]
        finished = [self._hang(each, parents, "finished") for each in step.finished]
        for each in step.pruned[:pruned]:
            self._hang(each, parents, "pruned")
        self._live.append(live)
        self._finished.append(self._finished[-1] + finished)

    def _hang(self, candidate: BeamCandidate, parents: Sequence[int], fate: str) -> int:
        index, parent = len(self.branches), parents[candidate.parent]
        self.branches.append(Branch(parent, self.branches[parent].depth + 1, fate, candidate))
        self._children.append([])
        self._children[parent].append(index)
        return index

    def children(self, index: int, step: int | None = None) -> list[int]:
        """What was looked at behind `index`, up to `step`: the survivors first, each kind best first."""
        if step is not None and self.branches[index].depth >= step:
            return []
        return self._children[index]

    def running(self, step: int | None = None) -> list[int]:
        """The ends of the texts in the running after `step` (default: the last), finished ones too, best score first."""
        step = self.steps if step is None else step
        ends = self._finished[step] + self._live[step]
        return sorted(ends, key=lambda i: -self.branches[i].score)

    def line(self, index: int) -> list[int]:
        """From the root to a branch."""
        line = [index]
        while (index := self.branches[index].parent) >= 0:
            line.append(index)
        return line[::-1]

    def written(self, index: int) -> str:
        """The text up to a branch, the prompt left out; bytes of a character that is not whole are not in it."""
        return written(b"".join(self.branches[i].data for i in self.line(index)))

    def path(self, index: int) -> list[tuple[int, bytes, str]]:
        """The tokens up to a branch as (id, bytes, label), the prompt's left out."""
        chosen = [self.branches[i].candidate for i in self.line(index)]
        return [(each.id, each.data, each.text) for each in chosen if each is not None]


class BeamTree:
    """A demo's pictures. Of each step as many pruned candidates are drawn as survived, the best of them."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt
        self._search = SearchTree()

    def add(self, step: BeamStep) -> None:
        self._search.add(step, pruned=len(step.kept) + len(step.finished))

    def tree(self) -> Tree:
        """From where the texts that are still in the running part. What all of them share is the root's label.

        Marks: chosen leads to the best text so far; kept are the beams, good the finished ones, cut what was pruned;
        muted led to nothing that is left.
        """
        branches = self._search.branches
        lines = [self._search.line(i) for i in self._search.running()]
        root = _parting(lines)
        best, left = set(lines[0]), set().union(*lines)
        places: dict[int, int] = {root: 0}
        nodes = [Node(self._root_label(root), None, "", _note(branches[root]))]
        for i, branch in enumerate(branches):
            if branch.parent not in places:
                continue
            places[i] = len(nodes)
            mark = mark_of(branch, best=i in best, left=i in left)
            nodes.append(Node(branch_name(branch), places[branch.parent], mark, _note(branch)))
        return Tree(tuple(nodes), Text("束搜索的树", "The tree of the search"))

    def table(self) -> Table:
        """The texts in the running, best score first."""
        rows, marks = [], []
        for place, i in enumerate(self._search.running()):
            branch = self._search.branches[i]
            if branch.candidate is not None:
                rows.append(_row(self._search.written(i), branch.depth, branch.total, branch.score))
                marks.append("good" if branch.fate == "finished" else "kept" if place else "chosen")
        return Table(_COLUMNS, tuple(rows), Text("还在竞争的文本", "Texts in the running"), tuple(marks))

    def _root_label(self, root: int) -> str:
        text = visible(self._prompt + self._search.written(root))
        return text if len(text) <= ROOT_CHARACTERS else "..." + text[-ROOT_CHARACTERS:]


def mark_of(branch: Branch, *, best: bool, left: bool) -> str:
    """A branch's mark; `left` says that it leads to a text in the running, `best` that it leads to the best one."""
    if branch.fate == "finished":
        return "good"
    if left:
        return "chosen" if best else "kept"
    return "muted" if branch.fate == "kept" else "cut"


def branch_name(branch: Branch) -> str:
    """The token that the branch took, as it is written in labels; nothing where it took none."""
    return name_of(branch.candidate) if branch.candidate is not None else ""


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


def _parting(lines: list[list[int]]) -> int:
    """The last branch above all ends of `lines`."""
    root = 0
    for level in zip(*(line[:-1] for line in lines), strict=False):
        if len(set(level)) > 1:
            break
        root = level[0]
    return root


def _note(branch: Branch) -> str:
    candidate = branch.candidate
    if candidate is None:
        return ""
    if candidate.score == candidate.total:
        return f"{candidate.total:.3f}"
    return f"{candidate.total:.3f} -> {candidate.score:.3f}"
