"""The demo that opens a model file, against the format's own package; on files that are no model in use too."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader, GGUFWriter

from tests.cli.program import qwtutor
from tutor.demos import registry
from tutor.domain.errors import TutorError
from tutor.domain.frames import Table, to_json
from tutor.runtime.client import WorkerModel


def test_the_result_is_what_the_formats_own_package_reads(smollm: Path) -> None:
    with WorkerModel(smollm) as model:
        _, result = registry.run("model-files", {}, model)
        assert model.pid is None, "the header is read without a process"
    theirs = GGUFReader(smollm)
    assert result["version"] == theirs.fields["GGUF.version"].contents()
    assert result["tensor_count"] == len(theirs.tensors) == len(result["tensors"])
    for ours, other in zip(result["tensors"], theirs.tensors, strict=True):
        assert ours == {
            "name": other.name,
            "shape": [int(n) for n in other.shape],
            "type": other.tensor_type.name,
            "bytes": int(other.n_bytes),
        }
    assert result["parameters"] == sum(int(other.n_elements) for other in theirs.tensors)
    assert set(result["metadata"]) == {name for name in theirs.fields if not name.startswith("GGUF.")}
    assert result["metadata"]["llama.block_count"] == 30
    assert result["metadata"]["tokenizer.ggml.tokens"]["length"] == 49_152
    assert result["chat_template"] == theirs.fields["tokenizer.chat_template"].contents()
    assert result["kv_bytes_per_token"] == 30 * 3 * 128 * 2
    assert sum(share["bytes"] for share in result["bytes_by_type"]) == sum(int(t.n_bytes) for t in theirs.tensors)


def test_pictures_are_bounded_and_the_result_is_whole(smollm: Path) -> None:
    with WorkerModel(smollm) as model:
        steps, result = registry.run("model-files", {}, model)
    tables = [frame for step in steps for frame in step.frames if isinstance(frame, Table)]
    assert max(len(table.rows) for table in tables) == 40 < len(result["tensors"])
    assert len(json.dumps([to_json(step) for step in steps])) < 30_000
    assert steps[-1].progress == 1.0


def test_a_demo_may_be_about_a_model_that_is_not_in_use() -> None:
    assert registry.model_named("model-files", {"path": " /models/other.gguf "}) == "/models/other.gguf"
    assert registry.model_named("model-files") == ""
    assert registry.model_named("tokenizer", {"merges": 3}) == ""


def test_a_file_too_big_to_load_is_read_all_the_same(tmp_path: Path) -> None:
    """Tensors of 20 TB: the file is sparse, only what the header says exists."""
    path = tmp_path / "giant.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(126)
    writer.add_head_count(128)
    writer.add_head_count_kv(8)
    writer.add_embedding_length(16_384)
    writer.add_context_length(131_072)
    writer.add_tensor_info("token_embd.weight", (128_256, 16_384 * 600), np.dtype(np.float16), 0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    size = 128_256 * 16_384 * 600 * 2
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 64 + size)
    done = qwtutor("demo", "model-files", "--set", f"path={path}", "--json")
    result = done.data["result"]
    assert result["parameters"] * 2 == result["tensors"][0]["bytes"] == size
    # Llama 3.1 405B: 126 layers x 8 heads x 128 x 2 x 2 bytes.
    assert result["kv_bytes_per_token"] == 516_096


def test_a_damaged_file_gets_its_sentence(smollm: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.gguf"
    shutil.copyfile(smollm, path)
    with path.open("r+b") as file:
        file.truncate(1_000_000)
    with WorkerModel(path) as model, pytest.raises(TutorError, match=r"half\.gguf breaks off"):
        registry.run("model-files", {}, model)


def test_a_template_is_shown_and_never_run(tmp_path: Path) -> None:
    path = tmp_path / "template.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_chat_template("{{ 6 * 7 }}\x1b[31m[bold]x[/bold]" + "y" * 5000)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with WorkerModel(path) as model:
        steps, result = registry.run("model-files", {}, model)
    shown = steps[2].frames[0].text.en
    assert shown.startswith("{{ 6 * 7 }}[31m[bold]x[/bold]y")
    assert len(shown) == 1200
    assert len(result["chat_template"]) == len("{{ 6 * 7 }}[31m[bold]x[/bold]") + 5000
    assert any("KV cache" in step.note.en and not step.frames for step in steps), (
        "nothing is said where nothing is known"
    )
