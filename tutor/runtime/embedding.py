"""The embedding matrix: which tokens lie near others, and near a sum of them. Runs in the worker."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tutor.decoding.distribution import largest
from tutor.domain.errors import UsageError
from tutor.domain.model import Neighbour, Neighbours
from tutor.domain.plaintext import visible
from tutor.runtime.spans import utf8
from tutor.runtime.vocabulary import Vocabulary
from tutor.runtime.weights import Weights

# Of a sum's row, so many numbers are told.
ROW = 8
# Of a text that is no single token, so many are shown.
SHOWN = 8
MAX_TERMS = 16

Floats = NDArray[np.float32]


class Embedding:
    """The matrix that turns tokens into vectors, (vocabulary, width). The lengths of its rows are remembered."""

    def __init__(self, weights: Weights, vocabulary: Vocabulary) -> None:
        self._matrix = weights.matrix("token_embd.weight")
        self._vocabulary = vocabulary
        self._lengths: Floats | None = None

    def neighbours(self, plus: Sequence[str], minus: Sequence[str], top: int) -> Neighbours:
        """The tokens with the largest cosines with Σ plus - Σ minus; a text is a token's, or `#` and its number.

        Raises UsageError where a text is not one token, or nothing is asked for.
        """
        if not plus and not minus:
            raise UsageError("Name at least one token to look for its neighbours.")
        if len(plus) + len(minus) > MAX_TERMS:
            raise UsageError("At most {limit} tokens can be added up.", limit=MAX_TERMS)
        added, taken = [self._token(text) for text in plus], [self._token(text) for text in minus]
        total = np.zeros(self._matrix.width, dtype=np.float32)
        for ids, sign in ((added, 1), (taken, -1)):
            for id in ids:
                total += sign * self._matrix.rows(id, id + 1)[0]
        cosines = self._cosines(total)

        def neighbour(id: int) -> Neighbour:
            return Neighbour(id, self._vocabulary.label(id), float(cosines[id]))

        asked = {*added, *taken}
        nearest = [id for id in largest(cosines, top + len(asked)).tolist() if id not in asked][:top]
        return Neighbours(
            shape=(self._matrix.height, self._matrix.width),
            plus=tuple(map(neighbour, added)),
            minus=tuple(map(neighbour, taken)),
            nearest=tuple(map(neighbour, nearest)),
            row=tuple(total[:ROW].tolist()),
        )

    def _cosines(self, vector: Floats) -> Floats:
        """Of every row with `vector`, (vocabulary,): 0 for a row of zeros."""
        lengths = np.empty(self._matrix.height, dtype=np.float32) if self._lengths is None else self._lengths
        products = np.empty(self._matrix.height, dtype=np.float32)
        for begin, rows in self._matrix.blocks():
            stretch = slice(begin, begin + len(rows))
            products[stretch] = rows @ vector
            if self._lengths is None:
                lengths[stretch] = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        self._lengths = lengths
        norms = lengths * np.float32(np.linalg.norm(vector))
        cosines: Floats = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
        return cosines

    def _token(self, text: str) -> int:
        """The one token that `text` is, as it stands or after a space."""
        if number := re.fullmatch("#([0-9]{1,9})", text):
            return self._vocabulary.prompt([int(number[1])])[0]
        if not text:
            raise UsageError("Name at least one token to look for its neighbours.")
        spelled = self._vocabulary.ids(utf8(text))
        for ids in (spelled, self._vocabulary.ids(utf8(" " + text))):
            if len(ids) == 1:
                return ids[0]
        raise UsageError(
            "“{text}” is {count} tokens of this model, not one: {tokens}.",
            hint="Only a single token has a row in the embedding matrix: try a shorter or more common word.",
            text=visible(text[:100]),
            count=len(spelled),
            tokens=" · ".join(visible(self._vocabulary.label(id)) for id in spelled[:SHOWN])
            + (" …" if len(spelled) > SHOWN else ""),
        )
