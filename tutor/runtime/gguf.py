"""The header of a GGUF model file, read without its tensors.

The format is ggml's specification, docs/gguf.md: magic, version, counts, key-value pairs, tensor descriptions, data.
The file is not trusted: every length is checked against what is left of it, and counts against bounds of our own,
so that a crafted file costs a sentence and not the memory or an hour.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from tutor.domain.errors import TutorError
from tutor.domain.language import Text, both, same
from tutor.domain.modelfile import Array, ModelFile, Tensor
from tutor.domain.plaintext import clean

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_PAIRS = 10_000
MAX_TENSORS = 100_000
MAX_DIMENSIONS = 4
MAX_KEY = 65_535
MAX_NAME = 64
MAX_NESTING = 4
# Strings and inner arrays must be stepped over one by one; the largest vocabularies in use have some 500,000.
MAX_STEPS = 8_000_000
FIRST = 8
MAX_NUMBERS = 1024  # of a list that is kept whole: one a layer

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
TYPE_NAMES = {
    0: "uint8", 1: "int8", 2: "uint16", 3: "int16", 4: "uint32", 5: "int32", 6: "float32", 7: "bool",
    8: "string", 9: "array", 10: "uint64", 11: "int64", 12: "float64",
}  # fmt: skip

# ggml type: name, elements in a block, bytes of a block (ggml-common.h).
TENSOR_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
}  # fmt: skip


def at_most(limit: int) -> Text:
    return both("at most {limit}", limit=limit)


def inspect(path: Path) -> ModelFile:
    """The header of the file at `path`. Raises TutorError saying what is wrong, at which byte, what was expected."""
    name = clean(path.name)
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                raise TutorError("{file} is empty.", file=name)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Header(name, data).read()
    except (OSError, ValueError) as error:
        # mmap raises ValueError for what can't be mapped: a pipe, a device.
        reason = clean(getattr(error, "strerror", None) or str(error))
        raise TutorError("{file} cannot be read: {reason}.", file=name, reason=reason) from None


class _Header:
    """A reader with a place in the file. No read goes past the end."""

    def __init__(self, name: str, data: mmap.mmap) -> None:
        self.name = name
        self.data = data
        self.size = len(data)
        self.at = 0
        self.steps = 0

    def read(self) -> ModelFile:
        if self.data[:4] != MAGIC:
            raise self.error(0, found=same(self.data[:4].hex(" ")), expected=same(MAGIC.hex(" ") + " (GGUF)"))
        self.at = 4
        version = self.number("I")
        if version not in VERSIONS:
            raise self.error(4, found=both("version {version}", version=version), expected=same("2, 3"))
        tensor_count = self.count("tensors", MAX_TENSORS)
        pairs = self.count("metadata", MAX_PAIRS)
        metadata = self.metadata(pairs)
        alignment = metadata.get("general.alignment", 32)
        if isinstance(alignment, bool) or not isinstance(alignment, int) or not 1 <= alignment <= 2**20:
            raise self.error(self.at, found=same(f"general.alignment = {alignment}"), expected=same("1 … 1048576"))
        described = [self.tensor() for _ in range(tensor_count)]
        start = -(-self.at // alignment) * alignment
        tensors = tuple(self.placed(tensor, start, alignment) for tensor in described)
        if len({tensor.name for tensor in tensors}) != tensor_count:
            raise self.error(
                self.at, found=both("a second tensor of one name"), expected=both("a name of its own for each")
            )
        parameters = sum(tensor.parameters for tensor in tensors)
        return ModelFile(version, tensor_count, metadata, tensors, parameters, alignment, self.size)

    def metadata(self, pairs: int) -> dict[str, int | float | bool | str | Array]:
        found: dict[str, int | float | bool | str | Array] = {}
        for _ in range(pairs):
            at = self.at
            key = self.text(MAX_KEY)
            if key in found:
                raise self.error(
                    at, found=both("the key {key} again", key=key[:80]), expected=both("a name of its own for each")
                )
            found[key] = self.value(self.number("I"), 0)
        return found

    def value(self, kind: int, depth: int) -> Any:
        if kind in SCALARS:
            return self.number(SCALARS[kind])
        if kind == STRING:
            return self.text(self.size)
        if kind == ARRAY:
            return self.array(depth)
        raise self.error(self.at - 4, found=both("value type {kind}", kind=kind), expected=same("0 … 12"))

    def array(self, depth: int) -> Array:
        at = self.at
        if depth >= MAX_NESTING:
            raise self.error(
                at, found=both("a list nested {depth} deep", depth=depth + 1), expected=at_most(MAX_NESTING)
            )
        kind = self.number("I")
        length = self.number("Q")
        start = self.at
        numbers: tuple[int | float, ...] = ()
        if kind in SCALARS:
            width = struct.calcsize("<" + SCALARS[kind])
            self.need(length * width)
            read = length if length <= MAX_NUMBERS else FIRST
            first = struct.unpack_from(f"<{read}{SCALARS[kind]}", self.data, start)
            numbers, first = first if read == length else (), first[:FIRST]
            self.at = start + length * width
        elif kind in (STRING, ARRAY):
            # Each element takes at least the 8 bytes of its own length.
            self.need(length * 8)
            self.spend(length)
            first = tuple(self.value(kind, depth + 1) for _ in range(min(length, FIRST)))
            if kind == STRING:
                self.skip_strings(length - len(first))
            else:
                for _ in range(length - len(first)):
                    self.array(depth + 1)
        else:
            raise self.error(at, found=both("value type {kind}", kind=kind), expected=same("0 … 12"))
        return Array(TYPE_NAMES[kind], length, start, first, numbers)

    def skip_strings(self, count: int) -> None:
        # The tight loop: 300,000 strings of a large vocabulary in some 60 ms.
        data, size, at = self.data, self.size, self.at
        unpack = struct.Struct("<Q").unpack_from
        try:
            for _ in range(count):
                at += 8 + unpack(data, at)[0]
        except (struct.error, OverflowError):
            raise self.truncated(min(at, size)) from None
        if at > size:
            raise self.truncated(size)
        self.at = at

    def tensor(self) -> tuple[Tensor, int]:
        """A tensor's description, its offset still relative; and where in the file the description stands."""
        at = self.at
        name = self.text(MAX_NAME)
        dimensions = self.number("I")
        if dimensions > MAX_DIMENSIONS:
            raise self.error(
                at,
                found=both("{name} with {count} dimensions", name=name, count=dimensions),
                expected=at_most(MAX_DIMENSIONS),
            )
        shape = tuple(self.number("Q") for _ in range(dimensions))
        kind = self.number("I")
        offset = self.number("Q")
        if kind not in TENSOR_TYPES:
            raise self.error(
                at,
                found=both("{name} of type {kind}", name=name, kind=kind),
                expected=both("a tensor type that ggml has"),
            )
        type_name, block, block_bytes = TENSOR_TYPES[kind]
        if not shape or 0 in shape or shape[0] % block:
            expected = both(
                "dimensions above 0, the first a multiple of {block} for {type}", block=block, type=type_name
            )
            raise self.error(at, found=both("{name} of shape {shape}", name=name, shape=list(shape)), expected=expected)
        return Tensor(name, shape, type_name, prod(shape) // block * block_bytes, offset), at

    def placed(self, described: tuple[Tensor, int], start: int, alignment: int) -> Tensor:
        """`described` with its offset from the beginning of the file, checked against the file's end."""
        tensor, at = described
        offset = start + tensor.offset
        if tensor.offset % alignment:
            found = both("{name} at offset {offset}", name=tensor.name, offset=tensor.offset)
            raise self.error(at, found=found, expected=both("a multiple of {step}", step=alignment))
        if offset + tensor.bytes > self.size:
            found = both("{name} up to byte {end}", name=tensor.name, end=offset + tensor.bytes)
            raise self.error(at, found=found, expected=at_most(self.size))
        return replace(tensor, offset=offset)

    def number(self, code: str) -> Any:
        width = struct.calcsize("<" + code)
        self.need(width)
        (value,) = struct.unpack_from("<" + code, self.data, self.at)
        self.at += width
        return value

    def count(self, what: str, limit: int) -> int:
        at = self.at
        value: int = self.number("Q")
        if value > limit:
            raise self.error(at, found=same(f"{what} × {value}"), expected=at_most(limit))
        return value

    def text(self, limit: int) -> str:
        at = self.at
        length = self.number("Q")
        if length > limit:
            raise self.error(at, found=both("a text of {length} bytes", length=length), expected=at_most(limit))
        self.need(length)
        self.at += length
        return clean(self.data[at + 8 : at + 8 + length].decode("utf-8", "replace"))

    def need(self, length: int) -> None:
        if length > self.size - self.at:
            raise self.truncated(self.at)

    def spend(self, steps: int) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise self.error(
                self.at, found=both("{count} texts and lists so far", count=self.steps), expected=at_most(MAX_STEPS)
            )

    def truncated(self, at: int) -> TutorError:
        return TutorError(
            "{file} breaks off: what begins at byte {at} goes on past the file's end at {size}.",
            hint="Fetch or copy the file again.",
            file=self.name,
            at=at,
            size=self.size,
        )

    def error(self, at: int, *, found: Text, expected: Text) -> TutorError:
        return TutorError(
            "{file} is no GGUF file that can be read: at byte {at} is {found}, expected {expected}.",
            hint="Fetch or copy the file again.",
            file=self.name,
            at=at,
            found=found,
            expected=expected,
        )
