"""A small embedding matrix worked through by hand: looking rows up, comparing them, and the gradient each row gets.

The language model is the smallest there is: the row looked up for a word is the hidden state h, and the logits of the
next word are its dot products with the rows of the output matrix. Tying that matrix to the input's: Press and Wolf
2017, arXiv:1608.05859; Inan, Khosravi and Socher 2017, arXiv:1611.01462.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutor.decoding.distribution import log_softmax
from tutor.domain.errors import UsageError
from tutor.domain.plaintext import visible

Matrix = NDArray[np.float64]

MAX_ROWS = 12
MAX_WIDTH = 8
MAX_ENTRY = 100.0
MAX_WORDS_OF_TEXT = 24


def read_matrix(given: Any) -> Matrix:
    """(rows, width) from lists of numbers. Raises UsageError."""
    rows = given if isinstance(given, list) else []
    widths = {len(row) if isinstance(row, list) else 0 for row in rows}
    if not 2 <= len(rows) <= MAX_ROWS or len(widths) != 1 or not 1 <= max(widths) <= MAX_WIDTH:
        raise UsageError(
            "`matrix` must be a list of 2 to {rows} rows, each with the same number of entries, 1 to {width}.",
            rows=MAX_ROWS,
            width=MAX_WIDTH,
        )
    for row in rows:
        for entry in row:
            if isinstance(entry, bool) or not isinstance(entry, int | float) or abs(entry) > MAX_ENTRY:
                raise UsageError(
                    "An entry of `matrix` must be a number from -{high} to {high}, not {given}.",
                    high=int(MAX_ENTRY),
                    given=visible(str(entry)[:40]),
                )
    matrix = np.array(rows, dtype=np.float64)
    if not np.all(np.linalg.norm(matrix, axis=1) > 0):
        raise UsageError("Each row of `matrix` needs an entry that is not 0: a row of zeros points nowhere.")
    return matrix


def read_words(given: str, rows: int) -> list[str]:
    """The names of the rows, parted by spaces. Raises UsageError."""
    words = [visible(word) for word in given.split()]
    if len(words) != rows or len(set(words)) != rows:
        raise UsageError("`words` must name each of the {rows} rows once, parted by spaces.", rows=rows)
    return words


def read_text(given: str, words: Sequence[str]) -> list[int]:
    """The rows of a text's words, at least two. Raises UsageError."""
    said = given.split()
    if not 2 <= len(said) <= MAX_WORDS_OF_TEXT:
        raise UsageError(
            "`text` must have from 2 to {high} words, not {given}.", high=MAX_WORDS_OF_TEXT, given=len(said)
        )
    return [row_of("text", word, words) for word in said]


def row_of(parameter: str, word: str, words: Sequence[str]) -> int:
    """Which row `word` is. Raises UsageError."""
    if word not in words:
        raise UsageError(
            "`{name}` may use the words {known} only, not {given}.",
            name=parameter,
            known=", ".join(words),
            given=visible(word[:40]) or "''",
        )
    return list(words).index(word)


def cosines(matrix: Matrix) -> Matrix:
    """(rows, rows): of each row with each. A row of zeros has cosine 0 with all."""
    lengths = np.linalg.norm(matrix, axis=1)
    products = matrix @ matrix.T
    return np.divide(
        products, np.outer(lengths, lengths), out=np.zeros_like(products), where=np.outer(lengths, lengths) > 0
    )


def mean_cosine(matrix: Matrix) -> float:
    """The mean cosine of two different rows: far above 0, the rows share a direction (anisotropy)."""
    return float(cosines(matrix)[np.triu_indices(len(matrix), k=1)].mean())


def centred(matrix: Matrix) -> Matrix:
    """The mean row taken off: the first step of Mu and Viswanath 2018, arXiv:1702.01417."""
    off: Matrix = matrix - matrix.mean(axis=0)
    return off


@dataclass(frozen=True)
class NextWord:
    """Predicting each next word of `text` (row numbers) from the one before.

    `inputs` and `outputs` are (rows, width). Losses are in nats, the mean over the predictions.
    """

    inputs: Matrix
    outputs: Matrix
    text: tuple[int, ...]

    @cached_property
    def probabilities(self) -> Matrix:
        """(predictions, rows)"""
        hidden = self.inputs[list(self.text[:-1])]  # (predictions, width)
        return np.exp(log_softmax(hidden @ self.outputs.T))

    @property
    def loss(self) -> float:
        hits = self.probabilities[np.arange(len(self.text) - 1), list(self.text[1:])]
        return float(-np.log(hits).mean())

    @cached_property
    def _error(self) -> Matrix:
        """dL/dlogits, (predictions, rows)"""
        error = self.probabilities.copy()
        error[np.arange(len(error)), list(self.text[1:])] -= 1
        return error / len(error)

    @property
    def input_gradient(self) -> Matrix:
        """(rows, width): a word that occurs twice gets the sum of both; a word that is read nowhere gets 0."""
        gradient = np.zeros_like(self.inputs)
        np.add.at(gradient, list(self.text[:-1]), self._error @ self.outputs)
        return gradient

    @property
    def output_gradient(self) -> Matrix:
        """(rows, width): softmax gives every row some probability, so every row gets a gradient."""
        return self._error.T @ self.inputs[list(self.text[:-1])]

    def step(self, rate: float, *, tied: bool) -> NextWord:
        """One step of gradient descent; with `tied` the two matrices are one, and its gradient is the sum."""
        if tied:
            matrix = self.inputs - rate * (self.input_gradient + self.output_gradient)
            return NextWord(matrix, matrix, self.text)
        inputs = self.inputs - rate * self.input_gradient
        return NextWord(inputs, self.outputs - rate * self.output_gradient, self.text)
