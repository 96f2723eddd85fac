"""A model's matrices as its file has them, read a few rows at a time: never a whole one in float32. Runs in the worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tutor.domain.errors import ModelFailed
from tutor.domain.modelfile import ModelFile, Tensor
from tutor.runtime.ggml import Bytes, Product, to_floats
from tutor.runtime.gguf import TENSOR_TYPES

# Rows read at once: 7 MB in float32 where they are 896 wide, and 10 ms.
ROWS = 2048
_NUMBERS = {name: number for number, (name, _, _) in TENSOR_TYPES.items()}

Floats = NDArray[np.float32]
Check = Callable[[], None]


class Weights:
    """The tensors of a file, which stays open: it may be replaced while its model is in use.

    `check` is called between two reads and may raise. Every read raises ModelFailed where there is no such tensor.
    """

    def __init__(self, path: Path, file: ModelFile, check: Check) -> None:
        self._file = path.open("rb", buffering=0)
        self._tensors = {tensor.name: tensor for tensor in file.tensors}
        self._check = check

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def matrix(self, name: str) -> Matrix:
        tensor = self._tensors.get(name)
        if tensor is None or len(tensor.shape) > 2:
            raise ModelFailed("The model's file has no matrix called {name}.", name=name)
        return Matrix(self, tensor)

    def vector(self, name: str) -> Floats:
        """A tensor of one dimension."""
        vector: Floats = self.matrix(name).rows(0, 1)[0]
        return vector

    def read(self, tensor: Tensor, begin: int, into: Bytes) -> None:
        """Fill `into` from the tensor's byte `begin` on."""
        self._check()
        self._file.seek(tensor.offset + begin)
        if self._file.readinto(into.data) != len(into):
            raise ModelFailed("The model's file has changed since it was loaded.", hint="Start the program again.")


class Matrix:
    """A matrix of `height` rows, `width` numbers each; any type that ggml has."""

    def __init__(self, weights: Weights, tensor: Tensor) -> None:
        self._weights = weights
        self._tensor = tensor
        self.width = tensor.shape[0]
        self.height = tensor.shape[1] if len(tensor.shape) > 1 else 1
        self._kind = _NUMBERS[tensor.type]
        self._row_bytes = tensor.bytes // self.height

    def rows(self, begin: int, end: int) -> Floats:
        """The rows from `begin` to before `end`, (rows, width)."""
        data = np.empty((end - begin) * self._row_bytes, dtype=np.uint8)
        self._weights.read(self._tensor, begin * self._row_bytes, data)
        numbers = to_floats(self._kind, data, (end - begin) * self.width)
        if numbers is None:
            raise ModelFailed("ggml cannot read numbers of type {type}.", type=self._tensor.type)
        return numbers.reshape(end - begin, self.width)

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """All rows, a few at a time: the number of the first, and (rows, width)."""
        for begin in range(0, self.height, ROWS):
            yield begin, self.rows(begin, min(begin + ROWS, self.height))

    def times(self, vectors: Floats, threads: int) -> Floats:
        """The products of all rows with `vectors` (columns, width), as (columns, height).

        Multiplied as llama.cpp multiplies, with the vectors rounded to 8 bits where the matrix is quantized.
        """
        result = np.empty((len(vectors), self.height), dtype=np.float32)
        rows = min(ROWS, self.height)
        product = Product(self._kind, self._row_bytes, self.width, rows, len(vectors), threads=threads)
        with closing(product):
            product.vectors[:] = vectors
            for begin in range(0, self.height, ROWS):
                rows = min(ROWS, self.height - begin)
                self._weights.read(self._tensor, begin * self._row_bytes, product.matrix[: rows * self._row_bytes])
                product.compute()
                result[:, begin : begin + rows] = product.result[:, :rows]
        return result
