"""The lessons that ship, and the small model, for the tutor's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tutor.content.library import Library
from tutor.runtime.client import WorkerModel


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    library = Library(cache=tmp_path_factory.mktemp("cache"))
    library.refresh()
    return library


@pytest.fixture(scope="session")
def smol(smollm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerModel]:
    with WorkerModel(smollm, name="smollm2-135m", log=tmp_path_factory.mktemp("smol") / "log") as model:
        yield model
