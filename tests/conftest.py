"""Every test gets a home folder of its own and finds the real model files where `make test` put them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.soak import SOAK
from tutor.domain import language

# `make test` draws the same examples each time, as all its seeds are fixed; `make soak` looks for new ones.
settings.register_profile("test", derandomize=not SOAK)
settings.load_profile("test")

ROOT = Path(__file__).parent.parent
MODELS = Path(os.environ.get("QWTUTOR_MODELS") or ROOT / ".cache" / "models")
SMOLLM = MODELS / "SmolLM2-135M-Instruct.Q4_1.gguf"
QWEN = MODELS / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("QWTUTOR_HOME", str(home / "qwtutor"))
    monkeypatch.setenv("QWTUTOR_MODELS", str(MODELS))
    # Several tests run at once, and llama.cpp's threads wait for each other without sleeping.
    monkeypatch.setenv("QWTUTOR_THREADS", "1")
    monkeypatch.setattr(language, "_current", "en")


def _file(path: Path) -> Path:
    # A missing model fails the test: a skipped test is not a passed one.
    assert path.is_file(), f"{path} is missing; `make test-models` fetches it"
    return path


@pytest.fixture(scope="session")
def smollm() -> Path:
    return _file(SMOLLM)


@pytest.fixture(scope="session")
def qwen() -> Path:
    return _file(QWEN)
