"""The engine with several texts side by side: every beam a sequence of its own in one batch. Runs in the worker."""

from __future__ import annotations

from collections.abc import Sequence

from tutor.decoding.distribution import Logits
from tutor.runtime.llama import MAX_BEAMS, Engine, Progress


class Beams:
    """A `tutor.decoding.beam.BeamModel`, and `tutor.decoding.lockstep.Texts`.

    At most `together` texts share a batch: as many as may, or so few that each is computed as it would be alone.

    Sequence 0 holds the prompt and is never extended, so that a later prompt may begin with it; the beams are
    sequences 1 to `width`. They share the cells of what they have in common: nothing is evaluated twice.
    """

    def __init__(
        self, engine: Engine, width: int, max_tokens: int, progress: Progress, *, together: int = MAX_BEAMS
    ) -> None:
        self._engine = engine
        self._width = width
        self._max_tokens = max_tokens
        self._progress = progress
        self._together = together
        self._sequences = [0]
        self._length = 0
        self.piece, self.label = engine.vocabulary.piece, engine.vocabulary.label

    def ends(self, id: int, _beam: int) -> bool:
        return self._engine.vocabulary.ends(id)

    def start(self, prompt: Sequence[int]) -> Logits:
        self._sequences = [0]
        self._length = len(prompt)
        return self._engine.prompt(prompt, room=self._max_tokens, beams=self._width, progress=self._progress)

    def extend(self, extensions: Sequence[tuple[int, int]]) -> list[Logits]:
        parents = [self._sequences[parent] for parent, _ in extensions]
        for childless in set(self._sequences) - {0, *parents}:
            self._engine.forget(childless)
        free = set(range(1, self._width + 1)) - set(parents)
        taken = {0}
        self._sequences = []
        for parent in parents:
            # The first child goes on in its parent's sequence, the others in copies of it.
            sequence = parent
            if parent in taken:
                sequence = free.pop()
                self._engine.fork(parent, sequence)
            taken.add(sequence)
            self._sequences.append(sequence)
        tokens = [(sequence, id) for sequence, (_, id) in zip(self._sequences, extensions, strict=True)]
        rows = self._evaluate(tokens)
        self._length += 1
        return rows

    def _evaluate(self, tokens: Sequence[tuple[int, int]]) -> list[Logits]:
        if len(tokens) <= self._together:
            return self._engine.extend_each(tokens, self._length)
        rows: list[Logits] = []
        for begin in range(0, len(tokens), self._together):
            some = tokens[begin : begin + self._together]
            rows += [row.copy() for row in self._engine.extend_each(some, self._length)]
        return rows
