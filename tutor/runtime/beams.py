"""The engine as beam search sees it: every beam a sequence of its own, all in one batch. Runs in the worker."""

from __future__ import annotations

from collections.abc import Sequence

from tutor.decoding.distribution import Logits
from tutor.runtime.llama import Engine, Progress


class Beams:
    """A `tutor.decoding.beam.BeamModel`.

    Sequence 0 holds the prompt and is never extended, so that a later prompt may begin with it; the beams are
    sequences 1 to `width`. They share the cells of what they have in common: nothing is evaluated twice.
    """

    def __init__(self, engine: Engine, width: int, max_tokens: int, progress: Progress) -> None:
        self._engine = engine
        self._width = width
        self._max_tokens = max_tokens
        self._progress = progress
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
        rows = self._engine.extend_each(tokens, self._length)
        self._length += 1
        return rows
