"""What was tried from one prompt: a tree of tokens, each with the distribution that was seen after it.

Pure: the model is asked by whoever holds an exploration, and what it said is remembered here, so that stepping back
or forth over known ground asks nothing.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from math import fsum, isfinite
from typing import Any

import msgspec
import numpy as np

from tutor.domain.errors import UsageError
from tutor.domain.model import DecodeStep, Strategy

FORMAT = 1
MAX_NODES = 4000
# How a token came to stand where it does: the strategy took the largest, or drew it; somebody chose it from the list,
# typed it, or followed another search's path.
HOWS = ("", "greedy", "sample", "hand", "typed", "beam", "lockstep")


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A token after its parent, whose index is `parent`; node 0 is the end of the prompt and has none (-1).

    `data` are the bytes it adds to the text, none for a control token; `logprob` the model's own, in nats; `how` one
    of HOWS; `ends` says that the model would end the text with it. `strategy` was in force when it was chosen, out of
    `step`, None where that was not kept. `looks` is what was seen after it, by strategy.
    """

    parent: int
    id: int
    data: bytes
    label: str
    logprob: float
    how: str
    ends: bool = False
    strategy: Strategy | None = None
    step: DecodeStep | None = None
    looks: dict[Strategy, DecodeStep] = field(default_factory=dict)


def _root() -> tuple[Node, ...]:
    return (Node(-1, -1, b"", "", 0.0, ""),)


def draw_at(seed: int, depth: int) -> float:
    """The random number in [0, 1) that decides token `depth` (from 0): that of `decode` with this seed (PCG64)."""
    bits = np.random.PCG64(seed)
    bits.advance(depth)
    return float(np.random.Generator(bits).random())


def essence(strategy: Strategy) -> Strategy:
    """`strategy` without what changes nothing: two with one essence take the same step."""
    if strategy.kind == "greedy":
        return Strategy("greedy", repeat_penalty=strategy.repeat_penalty)
    return replace(strategy, width=_PLAIN.width, length_penalty=_PLAIN.length_penalty)


_PLAIN = Strategy()


@dataclass(frozen=True)
class Exploration:
    """A tree of tokens over a prompt, and the place in it where one stands: `cursor`, the index of a node.

    `prompt_text` is what was typed, `prompt_ids` the tokens that the model reads, `opening` those as text: with
    `chat` they are a conversation in the model's template. Immutable: every change is another exploration, and the
    nodes of the old one, with all that was seen at them, are shared. A node's parent stands before it in `nodes`.
    """

    prompt_text: str
    prompt_ids: tuple[int, ...]
    opening: str = ""
    chat: bool = False
    model: str = ""
    nodes: tuple[Node, ...] = field(default_factory=_root)
    cursor: int = 0

    # -- looking around ----------------------------------------------------------------------------------------------

    @property
    def here(self) -> Node:
        return self.nodes[self.cursor]

    @property
    def depth(self) -> int:
        """How many tokens were written up to the cursor."""
        return len(self.path(self.cursor))

    @property
    def ids(self) -> list[int]:
        """All tokens up to the cursor, the prompt's and those written: what the model reads."""
        return [*self.prompt_ids, *(self.nodes[index].id for index in self.path(self.cursor))]

    def path(self, index: int) -> list[int]:
        """The nodes from the prompt, which is left out, to `index`."""
        found = []
        while index > 0:
            found.append(index)
            index = self.nodes[index].parent
        return found[::-1]

    @cached_property
    def _children(self) -> tuple[tuple[int, ...], ...]:
        below: list[list[int]] = [[] for _ in self.nodes]
        for index, node in enumerate(self.nodes[1:], start=1):
            below[node.parent].append(index)
        return tuple(tuple(each) for each in below)

    def children(self, index: int) -> tuple[int, ...]:
        """The nodes after `index`, in the order in which they were tried."""
        return self._children[index]

    def leaves(self) -> list[int]:
        """The ends of the branches, oldest first; none where nothing was written."""
        return [index for index in range(1, len(self.nodes)) if not self._children[index]]

    def logprob(self, index: int) -> float:
        """ln P of what was written up to `index`, in nats."""
        return fsum(self.nodes[each].logprob for each in self.path(index))

    def text(self, index: int) -> str:
        """What was written up to `index`, as `decode` says it: bytes of a character that is not whole are not in it."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return "".join(decoder.decode(self.nodes[each].data) for each in self.path(index))

    def spelled(self, index: int) -> tuple[list[str], bytes]:
        """What each token up to `index` completes, and the bytes of a character that is not whole yet.

        A control token is its name; bytes that can be no character are in hex: `<e4 bd>`.
        """
        decoder = codecs.getincrementaldecoder("utf-8")(_HEX)
        nodes = [self.nodes[each] for each in self.path(index)]
        pieces = [decoder.decode(node.data) if node.data else node.label for node in nodes]
        return pieces, decoder.getstate()[0]

    def looked(self, strategy: Strategy) -> DecodeStep | None:
        """The step that `strategy` takes from the cursor, where the model has said so already."""
        return self.here.looks.get(essence(strategy))

    def draw(self, seed: int) -> float:
        """The random number that decides the next token at the cursor."""
        return draw_at(seed, self.depth)

    # -- changing ----------------------------------------------------------------------------------------------------

    def remember(self, strategy: Strategy, step: DecodeStep) -> None:
        """`step` is what the model said at the cursor."""
        self.here.looks[essence(strategy)] = step

    def go(self, index: int) -> Exploration:
        return replace(self, cursor=index)

    def back(self) -> Exploration:
        """A token back; at the prompt, where it is."""
        return self.go(max(0, self.here.parent))

    def forward(self, strategy: Strategy) -> Exploration:
        """Take the strategy's choice, which must have been looked at."""
        step = self.here.looks[essence(strategy)]
        return self._after(
            Node(self.cursor, step.id, step.data, step.text, step.logprob, strategy.kind, step.finished), strategy, step
        )

    def take(
        self, id: int, strategy: Strategy, *, how: str = "hand", label: str = "", data: bytes = b""
    ) -> Exploration:
        """Go on with token `id`, which is among the candidates of what was looked at here.

        `label` and `data` serve where the candidates do not have it. Raises UsageError where the tree is full.
        """
        step = self.here.looks[essence(strategy)]
        found = next((each for each in step.top if each.id == id), None)
        if found is None:
            node = Node(self.cursor, id, data, label, float("-inf"), how)
        else:
            node = Node(self.cursor, id, found.data, found.text, found.logprob, how, found.ends)
        return self._after(node, strategy, step)

    def _after(self, node: Node, strategy: Strategy, step: DecodeStep) -> Exploration:
        """At `node`, which is there already or is added."""
        for index in self.children(self.cursor):
            if self.nodes[index].id == node.id:
                return self.go(index)
        if len(self.nodes) >= MAX_NODES:
            raise UsageError(
                "This exploration has {count} tokens, the most there can be.",
                hint="Delete a branch, or begin with another prompt.",
                count=len(self.nodes) - 1,
            )
        added = replace(node, strategy=essence(strategy), step=step)
        return replace(self, nodes=(*self.nodes, added), cursor=len(self.nodes))

    def delete(self, leaf: int) -> Exploration:
        """Without the branch that ends at `leaf`: all tokens that lead to it alone. A cursor on it goes to its fork."""
        fork = leaf
        gone: set[int] = set()
        while fork > 0 and not set(self.children(fork)) - gone:
            gone.add(fork)
            fork = self.nodes[fork].parent
        places: dict[int, int] = {-1: -1}
        nodes: list[Node] = []
        for index, node in enumerate(self.nodes):
            if index not in gone:
                places[index] = len(nodes)
                nodes.append(_hung(node, places[node.parent]))
        return replace(self, nodes=tuple(nodes), cursor=places[fork if self.cursor in gone else self.cursor])

    def joined(self, other: Exploration) -> Exploration:
        """With the branches of `other`, another state of the same exploration."""
        nodes = list(self.nodes)
        known = {(node.parent, node.id): index for index, node in enumerate(nodes)}
        places: list[int] = []
        for node in other.nodes:
            parent = places[node.parent] if places else -1
            place = known.setdefault((parent, node.id), len(nodes))
            if place == len(nodes):
                nodes.append(_hung(node, parent))
            places.append(place)
        return replace(self, nodes=tuple(nodes))

    # -- kept --------------------------------------------------------------------------------------------------------

    def to_dict(self, *, seen: int = MAX_NODES) -> dict[str, Any]:
        """As JSON data: all tokens, and what was `seen` at so many of them, the cursor's and the latest.

        What was seen at the others has to be asked again.
        """
        first = len(self.nodes) - seen
        return {
            "format": FORMAT,
            "model": self.model,
            "prompt": self.prompt_text,
            "chat": self.chat,
            "opening": self.opening,
            "ids": list(self.prompt_ids),
            "cursor": self.cursor,
            "nodes": [
                _node_to_dict(node, seen=seen > 0 and (index >= first or index == self.cursor))
                for index, node in enumerate(self.nodes)
            ],
        }

    @classmethod
    def from_dict(cls, data: Any) -> Exploration:
        """What `to_dict` made. Raises UsageError where it is something else."""
        try:
            kept = msgspec.convert(data, _Kept)
            nodes: list[Node] = []
            for index, each in enumerate(kept.nodes):
                nodes.append(_node_from(each, nodes, index))
        except (msgspec.ValidationError, ValueError) as error:
            raise UsageError("This is no exploration: {why}.", why=error) from None
        if not nodes or not 0 <= kept.cursor < len(nodes) or kept.format != FORMAT:
            raise UsageError("This is no exploration: {why}.", why="format, nodes, cursor")
        return cls(kept.prompt, tuple(kept.ids), kept.opening, kept.chat, kept.model, tuple(nodes), kept.cursor)


def _hung(node: Node, parent: int) -> Node:
    return node if node.parent == parent else replace(node, parent=parent)


class _KeptLook(msgspec.Struct):
    strategy: Strategy
    step: DecodeStep


class _KeptNode(msgspec.Struct):
    parent: int
    id: int
    data: str
    label: str
    logprob: float | None
    how: str
    ends: bool = False
    strategy: Strategy | None = None
    looks: list[_KeptLook] = []


class _Kept(msgspec.Struct):
    format: int
    model: str
    prompt: str
    chat: bool
    opening: str
    ids: list[int]
    cursor: int
    nodes: list[_KeptNode]


def _node_to_dict(node: Node, *, seen: bool) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "parent": node.parent,
        "id": node.id,
        "data": node.data.hex(),
        "label": node.label,
        "logprob": node.logprob if isfinite(node.logprob) else None,
        "how": node.how,
        "ends": node.ends,
        "strategy": asdict(node.strategy) if node.strategy else None,
    }
    if seen:
        # A list, because the model's thread may add one meanwhile.
        kept["looks"] = [
            {"strategy": asdict(strategy), "step": msgspec.to_builtins(_finite(step))}
            for strategy, step in list(node.looks.items())
        ]
    return kept


def _finite(step: DecodeStep) -> DecodeStep:
    """JSON has no infinities: impossible candidates are left out."""
    return replace(step, top=tuple(each for each in step.top if isfinite(each.logprob)))


def _node_from(kept: _KeptNode, before: Sequence[Node], index: int) -> Node:
    if (kept.parent != -1) if not index else not 0 <= kept.parent < index:
        raise ValueError(f"nodes[{index}].parent")
    if kept.how not in HOWS:
        raise ValueError(f"nodes[{index}].how")
    step = before[kept.parent].looks.get(kept.strategy) if index and kept.strategy else None
    logprob = float("-inf") if kept.logprob is None else kept.logprob
    looks = {each.strategy: each.step for each in kept.looks}
    data = bytes.fromhex(kept.data)
    return Node(kept.parent, kept.id, data, kept.label, logprob, kept.how, kept.ends, kept.strategy, step, looks)


# Bytes that can be no character, in hex: the replacement character is one cell wide in some terminals, two in others.
_HEX = "qwtutor.hex"
codecs.register_error(
    _HEX,
    lambda error: (f"<{error.object[error.start : error.end].hex(' ')}>", error.end),  # type: ignore[attr-defined]
)
