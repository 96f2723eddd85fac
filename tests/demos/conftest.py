"""The small real model, loaded once for the demos that ask it, and its forward pass in numpy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.numpy_llama import NumpyLlama
from tutor.runtime.client import WorkerModel


@pytest.fixture(scope="session")
def smol(smollm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerModel]:
    with WorkerModel(smollm, threads=1, log=tmp_path_factory.mktemp("smol") / "log") as model:
        yield model


@pytest.fixture(scope="session")
def numpy_smol(smollm: Path) -> NumpyLlama:
    return NumpyLlama(smollm)
