"""What a model file says about itself, and what follows from it: bytes, parts, memory. Nothing of it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Array:
    """A list in the metadata: `type` of its elements, how many, where they begin in the file, the first few."""

    type: str
    length: int
    offset: int
    first: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.type} × {self.length}"


@dataclass(frozen=True, slots=True)
class Tensor:
    """`shape` as in the file, the fastest dimension first; `bytes` its size and `offset` its place in the file."""

    name: str
    shape: tuple[int, ...]
    type: str
    bytes: int
    offset: int


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The header of a GGUF file. `parameters` counts the elements of all tensors."""

    version: int
    tensor_count: int
    metadata: dict[str, int | float | bool | str | Array]
    tensors: tuple[Tensor, ...]
    parameters: int
    alignment: int
