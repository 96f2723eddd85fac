"""What a model file says about itself, and what follows from it: bytes, parts, memory. Nothing of it is loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite, prod
from typing import Any

from tutor.domain.language import Text

# In the order in which a token meets them.
PARTS = {
    "embedding": Text("词嵌入", "embedding"),
    "attention": Text("注意力", "attention"),
    "feed_forward": Text("前馈层", "feed-forward"),
    "norms": Text("归一化", "norms"),
    "output": Text("输出矩阵", "output matrix"),
    "other": Text("其他", "other"),
}

# llama.cpp's names (src/llama-arch.cpp): `blk.3.attn_q.weight`, with `enc.` or `dec.` before it in an encoder-decoder.
# The first that fits decides: a norm is a norm wherever it stands.
_PART_NAMES = (
    ("norms", re.compile(r"norm")),
    ("embedding", re.compile(r"^(token_embd|token_types|position_embd|per_layer_token_embd)\b")),
    ("attention", re.compile(r"\bblk\.\d+\.(cross_)?attn_")),
    ("feed_forward", re.compile(r"\bblk\.\d+\.(ffn_|exp_probs)")),
    ("output", re.compile(r"^(dec\.)?output\b")),
)

MAX_LAYERS = 10_000  # far above what any model has: a crafted file may claim 2^32

Value = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Array:
    """A list in the metadata: `type` of its elements, how many, where they begin in the file, the first few.

    `numbers` has all of them where they are numbers and few: settings that differ from layer to layer.
    """

    type: str
    length: int
    offset: int
    first: tuple[Any, ...]
    numbers: tuple[int | float, ...] = ()

    def __str__(self) -> str:
        return f"{self.type} x {self.length}"


@dataclass(frozen=True, slots=True)
class Tensor:
    """`shape` as in the file, the fastest dimension first; `bytes` its size and `offset` its place in the file."""

    name: str
    shape: tuple[int, ...]
    type: str
    bytes: int
    offset: int

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The header of a GGUF file. `parameters` counts the elements of all tensors, `bytes` those of the whole file."""

    version: int
    tensor_count: int
    metadata: dict[str, Value | Array]
    tensors: tuple[Tensor, ...]
    parameters: int
    alignment: int
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """What some of the tensors come to. `name` is a tensor type, or one of PARTS."""

    name: str
    tensors: int
    parameters: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that `context` tokens of a conversation take: the `file`, mapped, and the `cache` of keys and values.

    `cache` is None where the file does not say enough. Not counted: the buffers of a computation and the program.
    """

    context: int
    file: int
    cache: int | None

    @property
    def total(self) -> int:
        return self.file + (self.cache or 0)


def architecture(file: ModelFile) -> str:
    """`llama`, `qwen2`, ...; empty where the file does not say."""
    return str(file.metadata.get("general.architecture", ""))


def chat_template(file: ModelFile) -> str:
    """The Jinja template that makes a text of a conversation, as it stands in the file; empty where there is none."""
    found = file.metadata.get("tokenizer.chat_template", "")
    return found if isinstance(found, str) else ""


def trained_context(file: ModelFile) -> int | None:
    """How many tokens the model was trained to see at once."""
    return _whole(file, "context_length")


def bits_per_weight(file: ModelFile) -> float:
    """Bits that a parameter takes on average, scales of the quantization included."""
    return 8 * sum(tensor.bytes for tensor in file.tensors) / file.parameters if file.parameters else 0.0


def bytes_by_type(file: ModelFile) -> tuple[Share, ...]:
    """A share for each tensor type, the most bytes first."""
    shares = _shares(file.tensors, lambda tensor: tensor.type)
    return tuple(sorted(shares, key=lambda share: (-share.bytes, share.name)))


def parameters_by_part(file: ModelFile) -> tuple[Share, ...]:
    """A share for each of PARTS that the model has, in the order of PARTS."""
    return tuple(sorted(_shares(file.tensors, part_of), key=lambda share: list(PARTS).index(share.name)))


def part_of(tensor: Tensor) -> str:
    """Which of PARTS a tensor belongs to, by its name."""
    return next((part for part, pattern in _PART_NAMES if pattern.search(tensor.name)), "other")


def kv_bytes_per_token(file: ModelFile, bytes_per_number: int = 2) -> int | None:
    """Bytes of keys and values that each token adds to the cache: 2 a number in llama.cpp's float16.

    The sum over layers of key/value heads x (width of a key + width of a value). None where the metadata lacks one of
    them; 0 for a model without attention. The names are those of ggml's specification (docs/gguf.md); what is missing
    is filled in as llama.cpp does: as many key/value heads as heads, and heads that share the embedding's width.
    """
    layers = _whole(file, "block_count")
    if layers is None:
        return None
    heads = _by_layer(file, "attention.head_count", layers)
    kv_heads = _by_layer(file, "attention.head_count_kv", layers) or heads
    if kv_heads is None:
        return None
    if not any(kv_heads):
        return 0
    width, first = _whole(file, "embedding_length"), heads[0] if heads else 0
    shared = width // first if width and first else None
    key = _whole(file, "attention.key_length") or shared
    value = _whole(file, "attention.value_length") or shared
    if key is None or value is None:
        return None
    return sum(kv_heads) * (key + value) * bytes_per_number


def window(file: ModelFile) -> int | None:
    """Tokens that some of the layers look back over at most: their cache grows no further than that."""
    return _whole(file, "attention.sliding_window") or None


def memory_at(file: ModelFile, context: int, bytes_per_number: int = 2) -> Memory:
    """What a context of `context` tokens needs."""
    per_token = kv_bytes_per_token(file, bytes_per_number)
    return Memory(context, file.bytes, None if per_token is None else per_token * context)


def plain(value: Value | Array) -> Any:
    """A value of the metadata as JSON data; a list by its type, its length and its first elements."""
    if isinstance(value, Array):
        return {"type": value.type, "length": value.length, "first": [plain(each) for each in value.first]}
    # JSON has no NaN and no infinity.
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _shares(tensors: Iterable[Tensor], name_of: Callable[[Tensor], str]) -> list[Share]:
    found: dict[str, list[Tensor]] = {}
    for tensor in tensors:
        found.setdefault(name_of(tensor), []).append(tensor)
    return [
        Share(name, len(group), sum(each.parameters for each in group), sum(each.bytes for each in group))
        for name, group in found.items()
    ]


def _setting(file: ModelFile, name: str) -> Value | Array | None:
    return file.metadata.get(f"{architecture(file)}.{name}")


def _whole(file: ModelFile, name: str) -> int | None:
    value = _setting(file, name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _by_layer(file: ModelFile, name: str, layers: int) -> tuple[int, ...] | None:
    """A setting that is one number for all layers, or a list with one for each."""
    value = _setting(file, name)
    if isinstance(value, Array):
        numbers = tuple(n for n in value.numbers[:layers] if isinstance(n, int) and n >= 0)
        return numbers if len(numbers) == layers else None
    number = _whole(file, name)
    return None if number is None or layers > MAX_LAYERS else (number,) * layers
