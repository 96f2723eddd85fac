"""What follows from a model file's header: the two models by figures known elsewhere, and files made by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tutor.domain.modelfile import (
    Array,
    ModelFile,
    Tensor,
    bits_per_weight,
    bytes_by_type,
    chat_template,
    kv_bytes_per_token,
    memory_at,
    parameters_by_part,
    part_of,
    plain,
    trained_context,
    window,
)
from tutor.runtime.gguf import inspect


def file(metadata: dict[str, Any] | None = None, tensors: tuple[Tensor, ...] = ()) -> ModelFile:
    """A header of the architecture `x`; metadata without its prefix."""
    named = {"general.architecture": "x", **{f"x.{name}": value for name, value in (metadata or {}).items()}}
    parameters = sum(math.prod(tensor.shape) for tensor in tensors)
    return ModelFile(3, len(tensors), named, tensors, parameters, 32, 1000)


def per_layer(*numbers: int) -> Array:
    return Array("int32", len(numbers), 0, numbers[:8], numbers)


def tensor(name: str) -> Tensor:
    return Tensor(name, (32,), "Q8_0", 34, 0)


# Known figures: the models' own cards and config.json (layers, heads, widths), and GGUF's block sizes.


def test_smollms_cache_is_three_heads_of_64_in_thirty_layers(smollm: Path) -> None:
    found = inspect(smollm)
    assert kv_bytes_per_token(found) == 30 * 3 * (64 + 64) * 2
    assert kv_bytes_per_token(found, 4) == 2 * 30 * 3 * (64 + 64) * 2
    assert trained_context(found) == 8192


def test_qwens_cache_is_two_heads_of_64_in_24_layers(qwen: Path) -> None:
    found = inspect(qwen)
    assert kv_bytes_per_token(found) == 24 * 2 * (64 + 64) * 2
    memory = memory_at(found, 4096)
    assert (memory.file, memory.cache, memory.total) == (491_400_064, 50_331_648, 541_731_712)
    assert chat_template(found).startswith("{%- if tools %}")


def test_the_shares_of_a_real_file_come_to_the_whole(qwen: Path) -> None:
    found = inspect(qwen)
    types, parts = bytes_by_type(found), parameters_by_part(found)
    for shares in (types, parts):
        assert sum(share.parameters for share in shares) == found.parameters == 630_167_424
        assert sum(share.tensors for share in shares) == found.tensor_count
        assert sum(share.bytes for share in shares) == sum(tensor.bytes for tensor in found.tensors)
    assert [share.name for share in types] == ["Q5_0", "Q8_0", "Q6_K", "Q4_K", "F32"]
    # 5 bits and a 16-bit scale in each block of 32.
    assert types[0].bytes * 8 == types[0].parameters * 5.5
    by_part = {share.name: share.parameters for share in parts}
    assert by_part["embedding"] == by_part["output"] == 151_936 * 896
    assert by_part["feed_forward"] == 24 * 3 * 896 * 4864
    # Queries and the output 896 x 896, keys and values 896 x 128, and their biases.
    assert by_part["attention"] == 24 * (2 * 896 * 896 + 2 * 896 * 128 + 896 + 128 + 128)
    assert by_part["norms"] == (24 * 2 + 1) * 896
    assert "other" not in by_part
    assert bits_per_weight(found) == pytest.approx(6.163, abs=1e-3)


def test_the_file_is_as_long_as_its_header_says(smollm: Path) -> None:
    assert inspect(smollm).bytes == smollm.stat().st_size


# By hand


def test_keys_and_values_may_have_widths_of_their_own() -> None:
    given = {"block_count": 2, "attention.head_count": 8, "attention.head_count_kv": 4, "embedding_length": 512}
    assert kv_bytes_per_token(file(given)) == 2 * 4 * (64 + 64) * 2
    wide = {**given, "attention.key_length": 192, "attention.value_length": 128}
    assert kv_bytes_per_token(file(wide)) == 2 * 4 * (192 + 128) * 2
    assert kv_bytes_per_token(file({**given, "attention.key_length": 192})) == 2 * 4 * (192 + 64) * 2


def test_without_their_own_number_there_are_as_many_key_heads_as_heads() -> None:
    given = {"block_count": 12, "attention.head_count": 12, "embedding_length": 768}
    assert kv_bytes_per_token(file(given)) == 12 * 12 * 64 * 2 * 2


def test_heads_may_differ_from_layer_to_layer() -> None:
    given = {
        "block_count": 4,
        "attention.head_count": 8,
        "attention.head_count_kv": per_layer(0, 2, 0, 4),
        "embedding_length": 512,
    }
    # Layers without key/value heads are recurrent: they keep a state of fixed size instead.
    assert kv_bytes_per_token(file(given)) == (2 + 4) * 128 * 2
    assert kv_bytes_per_token(file({**given, "attention.head_count": per_layer(8, 8, 8, 8)})) == (2 + 4) * 128 * 2
    assert kv_bytes_per_token(file({**given, "attention.head_count_kv": per_layer(2, 2)})) == 4 * 8 * 128 * 2


def test_a_list_of_the_first_few_is_not_taken_for_all_layers() -> None:
    first = Array("int32", 12, 0, (1,) * 8)
    given = {"block_count": 12, "attention.head_count_kv": first, "attention.key_length": 64}
    assert kv_bytes_per_token(file(given)) is None


def test_a_model_without_attention_has_no_cache() -> None:
    assert kv_bytes_per_token(file({"block_count": 24, "attention.head_count": 0, "embedding_length": 768})) == 0


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"block_count": 2},
        {"block_count": 2, "attention.head_count_kv": 2},
        {"attention.head_count": 8, "embedding_length": 512},
        {"block_count": "two", "attention.head_count": 8, "embedding_length": 512},
        {"block_count": True, "attention.head_count": 8, "embedding_length": 512},
        {"block_count": 2, "attention.head_count": -8, "embedding_length": 512},
        {"block_count": 2**32 - 1, "attention.head_count": 8, "embedding_length": 512},
    ],
)
def test_where_the_metadata_does_not_say_nothing_is_made_up(given: dict[str, Any]) -> None:
    found = file(given)
    assert kv_bytes_per_token(found) is None
    memory = memory_at(found, 4096)
    assert (memory.cache, memory.total) == (None, 1000)


def test_a_file_that_says_nothing_at_all_is_looked_into() -> None:
    empty = ModelFile(3, 0, {}, (), 0, 32)
    assert (bits_per_weight(empty), bytes_by_type(empty), parameters_by_part(empty)) == (0.0, (), ())
    assert (chat_template(empty), trained_context(empty), kv_bytes_per_token(empty), window(empty)) == ("",) + (
        None,
    ) * 3
    assert chat_template(ModelFile(3, 0, {"tokenizer.chat_template": 7}, (), 0, 32)) == ""


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("embedding", ["token_embd.weight", "position_embd.weight", "token_types.weight"]),
        ("attention", ["blk.0.attn_q.weight", "blk.31.attn_qkv.bias", "blk.7.attn_output.weight", "blk.2.attn_kv_a_mqa.weight",
                       "dec.blk.1.cross_attn_v.weight", "enc.blk.0.attn_rel_b.weight"]),
        ("feed_forward", ["blk.0.ffn_up.weight", "blk.9.ffn_down_exps.weight", "blk.9.ffn_gate_inp.weight",
                          "blk.3.exp_probs_b.bias", "enc.blk.0.ffn_up.weight"]),
        ("norms", ["output_norm.weight", "blk.0.attn_norm.weight", "blk.0.attn_q_norm.weight", "blk.0.ffn_norm.weight",
                   "token_embd_norm.weight", "blk.0.post_attention_norm.weight", "enc.output_norm.weight"]),
        ("output", ["output.weight", "output.bias"]),
        ("other", ["rope_freqs.weight", "blk.0.ssm_in.weight", "cls.weight", "v.patch_embd.weight"]),
    ],
)  # fmt: skip
def test_a_tensors_part_is_read_from_its_name(part: str, names: list[str]) -> None:
    assert {name: part_of(tensor(name)) for name in names} == dict.fromkeys(names, part)


def test_the_parts_come_in_the_order_in_which_a_token_meets_them() -> None:
    names = ("output.weight", "output_norm.weight", "blk.0.ffn_up.weight", "blk.0.attn_q.weight", "token_embd.weight")
    shares = parameters_by_part(file(tensors=tuple(map(tensor, names))))
    assert [share.name for share in shares] == ["embedding", "attention", "feed_forward", "norms", "output"]


def test_values_become_data_that_json_holds() -> None:
    nested = Array("array", 2, 0, (per_layer(1, 2), per_layer(3)))
    assert plain(nested) == {
        "type": "array",
        "length": 2,
        "first": [{"type": "int32", "length": 2, "first": [1, 2]}, {"type": "int32", "length": 1, "first": [3]}],
    }
    assert (plain(math.nan), plain(math.inf), plain(0.5), plain(True), plain("x")) == ("nan", "inf", 0.5, True, "x")
