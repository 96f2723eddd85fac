"""Models that are loaded once for many tests, and a tiny one that costs nothing to load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.tiny_model import write_tiny_model
from tutor.runtime.client import WorkerModel


@pytest.fixture(scope="session")
def smol(smollm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerModel]:
    with WorkerModel(smollm, log=tmp_path_factory.mktemp("smol") / "log") as model:
        yield model


@pytest.fixture(scope="session")
def qwen_model(qwen: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerModel]:
    with WorkerModel(qwen, log=tmp_path_factory.mktemp("qwen") / "log") as model:
        yield model


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture
def tiny(tiny_file: Path, tmp_path: Path) -> Iterator[WorkerModel]:
    with WorkerModel(tiny_file, log=tmp_path / "log") as model:
        yield model
