"""The GGUF header reader, against the format's own package and against files made to hurt."""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES

from tests.soak import count
from tutor.domain.errors import ModelFailed, TutorError
from tutor.domain.model import Strategy
from tutor.domain.modelfile import Array
from tutor.runtime.client import WorkerModel
from tutor.runtime.gguf import TENSOR_TYPES, inspect


def test_the_header_is_what_the_formats_own_package_reads(smollm: Path) -> None:
    ours, theirs = inspect(smollm), GGUFReader(smollm)
    assert ours.tensor_count == len(theirs.tensors)
    assert ours.alignment == theirs.alignment
    for tensor, other in zip(ours.tensors, theirs.tensors, strict=True):
        assert tensor.name == other.name
        assert tensor.shape == tuple(other.shape)
        assert tensor.type == other.tensor_type.name
        assert (tensor.bytes, tensor.offset) == (other.n_bytes, other.data_offset)
    assert ours.parameters == sum(int(tensor.n_elements) for tensor in theirs.tensors)
    fields = {name: field for name, field in theirs.fields.items() if not name.startswith("GGUF.")}
    assert list(ours.metadata) == list(fields)
    for name, value in ours.metadata.items():
        expected = fields[name].contents()
        if isinstance(value, Array):
            assert value.length == len(expected)
            assert list(value.first) == expected[:8]
        else:
            assert value == expected


def test_a_large_vocabulary_is_stepped_over(qwen: Path) -> None:
    header = inspect(qwen)
    tokens = header.metadata["tokenizer.ggml.tokens"]
    assert (tokens.type, tokens.length, len(tokens.first)) == ("string", 151_936, 8)
    assert header.parameters == 630_167_424
    with qwen.open("rb") as file:
        file.seek(tokens.offset)
        (length,) = struct.unpack("<Q", file.read(8))
        assert file.read(length).decode() == tokens.first[0]


def test_the_sizes_of_tensor_types_are_those_of_the_formats_own_package() -> None:
    theirs = {kind.value: (kind.name, *sizes) for kind, sizes in GGML_QUANT_SIZES.items()}
    assert theirs == TENSOR_TYPES
    assert len(TENSOR_TYPES) == len(GGMLQuantizationType)


def test_every_kind_of_value_is_read(tmp_path: Path) -> None:
    path = tmp_path / "kinds.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_uint8("u8", 250)
    writer.add_int8("i8", -3)
    writer.add_uint16("u16", 65_000)
    writer.add_int16("i16", -300)
    writer.add_uint32("u32", 4_000_000_000)
    writer.add_int32("i32", -70_000)
    writer.add_float32("f32", 0.5)
    writer.add_uint64("u64", 2**63)
    writer.add_int64("i64", -(2**40))
    writer.add_float64("f64", 1e300)
    writer.add_bool("yes", True)
    writer.add_string("text", "千问 \x1b[31mred\u202e")
    writer.add_array("numbers", list(range(20)))
    writer.add_array("words", ["a\x07", "b"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    found = inspect(path).metadata
    assert {name: found[name] for name in ("u8", "i8", "u16", "i16", "u32", "i32", "f32", "u64", "i64", "f64", "yes")} == {
        "u8": 250, "i8": -3, "u16": 65_000, "i16": -300, "u32": 4_000_000_000, "i32": -70_000, "f32": 0.5,
        "u64": 2**63, "i64": -(2**40), "f64": 1e300, "yes": True,
    }  # fmt: skip
    assert found["text"] == "千问 [31mred"
    assert (found["numbers"].length, found["numbers"].first) == (20, tuple(range(8)))
    assert found["words"].first == ("a", "b")


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def header(*, version: int = 3, tensors: int = 0, pairs: int = 0, body: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, pairs) + body


def pair(kind: int, value: bytes, key: str = "key") -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def array(kind: int, length: int, body: bytes = b"") -> bytes:
    return struct.pack("<IQ", kind, length) + body


def tensor(*, name: str = "w", shape: tuple[int, ...] = (32,), kind: int = 0, offset: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def nested(depth: int) -> bytes:
    return array(9, 1, nested(depth - 1)) if depth else array(0, 0)


CRAFTED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "one byte": (b"G", "no GGUF file"),
    "another format": (b"PK\x03\x04" * 50, "50 4b 03 04"),
    "big endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version 50331648"),
    "version 1": (header(version=1), "version 1"),
    "no counts": (header()[:12], "breaks off"),
    "2^60 pairs": (header(pairs=2**60), "at most 10000"),
    "2^60 tensors": (header(tensors=2**60), "at most 100000"),
    "a pair too many": (header(pairs=2, body=pair(0, b"\x01")), "breaks off"),
    "an endless key": (header(pairs=1, body=struct.pack("<Q", 2**63)), "65535"),
    "an endless text": (header(pairs=1, body=pair(8, struct.pack("<Q", 2**60))), "bytes"),
    "an unknown type": (header(pairs=1, body=pair(13, b"\x00" * 8)), "value type 13"),
    "an unknown element": (header(pairs=1, body=pair(9, array(77, 1))), "value type 77"),
    "2^60 numbers": (header(pairs=1, body=pair(9, array(4, 2**60))), "breaks off"),
    "2^61 wide numbers": (header(pairs=1, body=pair(9, array(10, 2**61))), "breaks off"),
    "2^60 texts": (header(pairs=1, body=pair(9, array(8, 2**60))), "breaks off"),
    "texts past the end": (header(pairs=1, body=pair(9, array(8, 30, struct.pack("<Q", 200) * 30))), "breaks off"),
    "a text of 2^64-1": (header(pairs=1, body=pair(9, array(8, 10, struct.pack("<Q", 2**64 - 1) * 20))), "bytes"),
    "texts that wrap around": (
        header(pairs=1, body=pair(9, array(8, 20, text("") * 8 + struct.pack("<Q", 2**64 - 8) * 40))),
        "breaks off",
    ),
    "nested too deep": (header(pairs=1, body=pair(9, nested(9))), "nested"),
    "a key twice": (header(pairs=2, body=pair(0, b"\x01") * 2), "again"),
    "alignment 0": (header(pairs=1, body=pair(4, b"\x00" * 4, "general.alignment")), "general.alignment = 0"),
    "alignment a text": (header(pairs=1, body=pair(8, text("x"), "general.alignment")), "general.alignment = x"),
    "9 dimensions": (header(tensors=1, body=tensor(shape=(1,) * 9)), "9 dimensions"),
    "no dimensions": (header(tensors=1, body=tensor(shape=())), "of shape []"),
    "a dimension of 0": (header(tensors=1, body=tensor(shape=(32, 0))), "of shape [32, 0]"),
    "half a block": (header(tensors=1, body=tensor(shape=(33,), kind=2)), "multiple of 32"),
    "a tensor of 2^200": (header(tensors=1, body=tensor(shape=(2**60, 2**60, 2**60, 2**20))), "up to byte"),
    "an offset of 2^63": (header(tensors=1, body=tensor(offset=2**63)), "up to byte"),
    "an odd offset": (header(tensors=1, body=tensor(offset=3) + b"\x00" * 500), "a multiple of 32"),
    "an unknown tensor type": (header(tensors=1, body=tensor(kind=4)), "of type 4"),
    "a long name": (header(tensors=1, body=tensor(name="w" * 65)), "at most 64"),
    "one name twice": (header(tensors=2, body=tensor() * 2 + b"\x00" * 500), "second tensor"),
}


@pytest.mark.parametrize("name", list(CRAFTED))
def test_a_crafted_file_gets_a_sentence_with_place_and_expectation(tmp_path: Path, name: str) -> None:
    content, says = CRAFTED[name]
    path = tmp_path / "crafted.gguf"
    path.write_bytes(content)
    with pytest.raises(TutorError) as refused:
        inspect(path)
    assert says in refused.value.message
    assert "crafted.gguf" in refused.value.message
    assert "{" not in refused.value.message


def test_a_list_of_ten_million_texts_is_refused_and_not_walked(tmp_path: Path) -> None:
    path = tmp_path / "long.gguf"
    with path.open("wb") as file:
        file.write(header(pairs=1, body=pair(9, array(8, 10_000_000))))
        file.truncate(100_000_000)
    with pytest.raises(TutorError, match="at most 8000000"):
        inspect(path)


def test_texts_that_are_not_utf8_are_shown_with_replacement_characters(tmp_path: Path) -> None:
    path = tmp_path / "latin.gguf"
    path.write_bytes(header(pairs=1, body=pair(8, struct.pack("<Q", 3) + b"a\xff\x1b")))
    assert inspect(path).metadata["key"] == "a�"


def test_what_is_no_file_gets_a_sentence(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere", Path("/dev/null")):
        with pytest.raises(TutorError):
            inspect(path)


def mutate(content: bytes, random: random.Random, reach: int) -> bytes:
    """One to five changes within the first `reach` bytes: flipped, set to an extreme, moved, cut off."""
    data = bytearray(content)
    extremes: list[Callable[[], bytes]] = [
        lambda: b"\xff" * 8,
        lambda: b"\x00" * 8,
        lambda: struct.pack("<Q", 2 ** random.randrange(64)),
        lambda: random.randbytes(random.randrange(1, 9)),
        lambda: struct.pack("<I", random.randrange(16)),
    ]
    for _ in range(random.randrange(1, 6)):
        at = random.randrange(min(reach, len(data) or 1))
        change = random.choice(extremes)()
        kind = random.randrange(10)
        if kind < 4:
            data[at] ^= 1 << random.randrange(8)
        elif kind < 8:
            data[at : at + len(change)] = change
        elif kind == 8:
            del data[at : at + random.randrange(1, 40)]
        else:
            data[at:at] = change
    if random.randrange(10) == 0:
        del data[random.randrange(len(data)) :]
    return bytes(data)


def test_no_mutated_file_raises_anything_but_a_sentence(tiny_file: Path, tmp_path: Path) -> None:
    content = tiny_file.read_bytes()
    data_begins = inspect(tiny_file).tensors[0].offset
    refused = 0
    for seed in range(count(2000)):
        path = tmp_path / "mutant.gguf"
        path.write_bytes(mutate(content, random.Random(seed), data_begins))
        try:
            inspect(path)
        except TutorError as error:
            refused += 1
            assert "\n" not in str(error)
    # Most mutants are found out; a flipped bit in a word of the vocabulary rightly is not.
    assert refused > count(2000) // 4


def test_mutated_files_never_take_the_client_with_them(tiny_file: Path, tmp_path: Path) -> None:
    content = tiny_file.read_bytes()
    data_begins = inspect(tiny_file).tensors[0].offset
    loaded = 0
    for seed in range(count(200)):
        path = tmp_path / "mutant.gguf"
        path.write_bytes(mutate(content, random.Random(seed), data_begins))
        with WorkerModel(path, log=tmp_path / "log") as model:
            try:
                model.info()
                model.next("the cat")
                list(model.decode("a", Strategy(kind="sample"), max_tokens=3))
                loaded += 1
            except TutorError as error:
                assert str(error)
                assert isinstance(error, ModelFailed) or "token" in error.message, error
    assert sys.exc_info() == (None, None, None)
    assert loaded < count(200)


def test_numbers_that_differ_by_layer_are_kept_whole_and_vocabularies_are_not(tmp_path: Path) -> None:
    path = tmp_path / "layers.gguf"
    writer = GGUFWriter(path, "deci")
    heads = [0, 4, 8] * 16
    writer.add_head_count_kv(heads)
    writer.add_array("types", [1] * 5000)
    writer.add_array("words", ["a"] * 12)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    found = inspect(path).metadata
    by_layer = found["deci.attention.head_count_kv"]
    assert (by_layer.first, by_layer.numbers) == (tuple(heads[:8]), tuple(heads))
    assert (found["types"].first, found["types"].numbers) == ((1,) * 8, ())
    assert (found["words"].first, found["words"].numbers) == (("a",) * 8, ())
