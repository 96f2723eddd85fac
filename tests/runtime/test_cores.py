"""Threads default to physical cores: what the kernel says, read from folders made up for the purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tutor.domain.errors import UsageError
from tutor.runtime.client import WorkerModel
from tutor.runtime.cores import _linux_cores, _quota, asked_threads, physical_cores


def machine(folder: Path, siblings: list[str]) -> Path:
    for cpu, threads in enumerate(siblings):
        path = folder / f"cpu{cpu}" / "topology"
        path.mkdir(parents=True)
        (path / "thread_siblings_list").write_text(threads + "\n")
    return folder


def test_hardware_threads_of_one_core_count_once(tmp_path: Path) -> None:
    topology = machine(tmp_path, ["0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7"])
    assert _linux_cores(set(range(8)), topology) == 4
    assert _linux_cores({0, 4, 1}, topology) == 2


def test_without_a_topology_every_allowed_processor_counts(tmp_path: Path) -> None:
    assert _linux_cores({0, 1, 2}, tmp_path) == 3


@pytest.mark.parametrize(
    ("content", "cores"), [("200000 100000", 2), ("150000 100000", 2), ("max 100000", sys.maxsize), ("", sys.maxsize)]
)
def test_a_control_groups_quota_is_rounded_up(tmp_path: Path, content: str, cores: int) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(content)
    assert _quota(path) == cores
    assert _quota(tmp_path / "missing") == sys.maxsize


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity to set")
def test_a_process_bound_to_one_processor_gets_one_thread() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from tutor.runtime.cores import *; print(physical_cores())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\n"
    assert 1 <= physical_cores() <= os.cpu_count()


def test_as_many_threads_as_asked_for(tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_threads() == 1  # as all tests ask
    with WorkerModel(tiny_file, log=tmp_path / "log") as model:
        assert model.info().threads == 1
    monkeypatch.delenv("QWTUTOR_THREADS")
    assert asked_threads() == 0


@pytest.mark.parametrize("asked", ["0", "two", "-1", "1.5", "4097", "²"])
def test_a_number_of_threads_that_cannot_be_gets_a_sentence(
    tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv("QWTUTOR_THREADS", asked)
    with WorkerModel(tiny_file, log=tmp_path / "log") as model, pytest.raises(UsageError, match="QWTUTOR_THREADS"):
        model.info()
    assert model.pid is None
