"""The catalogue: which models there are, where they lie, whether they are what their names say."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.runtime.model_files import FILE, content, described
from tutor import places
from tutor.domain.errors import Cancelled, ModelMissing, NotFound, TutorError, UsageError
from tutor.runtime import catalogue, modelfiles
from tutor.runtime.catalogue import ModelEntry, add, find, first_installed, installed, models, remove, state, with_added

DATA = content(100_000)
TINY = described(DATA)
OTHER = replace(described(content(50_000, seed=1), name="other"), file="other.gguf", languages=("zh", "en"))
ENTRIES = (TINY, OTHER)

DESIGNED = {
    "qwen2.5-coder-0.5b": (491400064, "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"),
    "smollm2-135m": (98362432, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
    "qwen2.5-0.5b": (491400032, "74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db"),
    "qwen3-0.6b": (639446688, "9465e63a22add5354d9bb4b99e90117043c7124007664907259bd16d043bb031"),
    "qwen3-1.7b": (1834426016, "061b54daade076b5d3362dac252678d17da8c68f07560be70818cace6590cb1a"),
    "qwen2.5-1.5b": (1117320736, "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("QWTUTOR_MODELS", str(folder))
    return folder


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were hashed, in order."""
    seen: list[Path] = []
    real = modelfiles.hash_file

    def counting(path: Path, **options: object) -> str:
        seen.append(path)
        return real(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(catalogue, "hash_file", counting)
    return seen


def test_the_shipped_catalogue_has_the_six_models_and_their_exact_bytes() -> None:
    assert {model.name: (model.bytes, model.sha256) for model in models()} == DESIGNED
    assert models()[0].name == catalogue.default_name()
    for model in models():
        assert model.licence == "Apache-2.0" and model.note.zh and model.note.en
        assert model.file.endswith(".gguf") and Path(model.file).name == model.file
        kinds = [source.kind for source in model.sources]
        assert kinds == [kind for kind in ("huggingface", "modelscope", "package-index") if kind in kinds]


def test_the_test_models_on_disk_are_the_catalogues(smollm: Path) -> None:
    with smollm.open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == DESIGNED["smollm2-135m"][1]


def test_listing_models_again_needs_no_yaml_and_never_numpy_or_llama() -> None:
    models()
    code = (
        "import sys; from tutor.runtime.catalogue import models, state; [state(m) for m in models()];"
        "print(sorted({'yaml', 'httpx', 'numpy', 'llama_cpp', 'msgspec'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_changed_catalogue_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "catalog.yaml"
    text = (places.shipped("models") / "catalog.yaml").read_text()
    file.write_text(text)
    assert catalogue.read(file) == catalogue.read(file)
    file.write_text(text.replace("name: smollm2-135m", "name: renamed-135m"))
    assert "renamed-135m" in [model.name for model in catalogue.read(file)]
    (places.cache() / "models.json").write_text("{damaged")
    assert len(catalogue.read(file)) == len(DESIGNED)


@pytest.mark.parametrize("field", ["name", "file", "bytes", "sha256", "note", "sources"])
def test_an_entry_that_lacks_a_field_is_named(field: str, tmp_path: Path) -> None:
    data = yaml.safe_load((places.shipped("models") / "catalog.yaml").read_text())
    del data["models"][1][field]
    file = tmp_path / "catalog.yaml"
    file.write_text(yaml.safe_dump(data))
    with pytest.raises(TutorError, match=field) as failed:
        catalogue.read(file)
    assert field == "name" or "smollm2-135m" in str(failed.value)


def test_finding_by_name_by_path_and_not_at_all(folder: Path, tmp_path: Path) -> None:
    (folder / FILE).write_bytes(DATA)
    assert find("tiny", entries=ENTRIES) == folder / FILE
    strange = tmp_path / "strange.gguf"
    strange.write_bytes(b"GGUF")
    assert find(strange, entries=ENTRIES) == strange
    assert find(str(strange), entries=ENTRIES) == strange
    with pytest.raises(NotFound, match=r"There is no file .*none\.gguf"):
        find("none.gguf", entries=ENTRIES)
    with pytest.raises(NotFound, match=r"No model is called tinny\. Close names: tiny\."):
        find("tinny", entries=ENTRIES)
    with pytest.raises(NotFound, match="`qwtutor models list` lists them"):
        find("\x1b[2Jzzzzzz", entries=ENTRIES)
    with pytest.raises(ModelMissing) as missing:
        find("other", entries=ENTRIES)
    assert missing.value.hint == "`qwtutor models pull other` fetches it."


def test_a_file_is_hashed_once_and_again_only_when_it_changed(folder: Path, hashed: list[Path]) -> None:
    file = folder / FILE
    file.write_bytes(DATA)
    assert state(TINY) == "unchecked"
    assert installed(TINY) and installed(TINY)
    assert hashed == [file] and state(TINY) == "installed"
    os.utime(file, ns=(1, 1))
    assert installed(TINY) and installed(TINY)
    assert hashed == [file, file]


def test_a_file_of_the_right_size_and_wrong_content_is_never_that_model(folder: Path, hashed: list[Path]) -> None:
    (folder / FILE).write_bytes(content(len(DATA), seed=9))
    assert not installed(TINY) and not installed(TINY)
    assert len(hashed) == 1 and state(TINY) == "damaged"
    with pytest.raises(ModelMissing, match="is not the model tiny: its content differs"):
        find("tiny", entries=ENTRIES)


def test_a_file_that_was_damaged_after_it_was_verified_is_noticed(folder: Path) -> None:
    file = folder / FILE
    file.write_bytes(DATA)
    assert installed(TINY)
    file.write_bytes(DATA[:-1] + b"!")
    assert not installed(TINY)
    file.write_bytes(DATA[:-1])
    assert state(TINY) == "damaged" and not installed(TINY)


def test_a_shared_folder_that_cannot_be_written_to_is_hashed_once_too(
    folder: Path, hashed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / FILE).write_bytes(DATA)
    # A folder in the marker's place cannot be replaced by a file: as good as no right to write, also for root.
    (folder / f"{FILE}.verified.json" / "taken").mkdir(parents=True)
    assert installed(TINY) and installed(TINY)
    assert len(hashed) == 1
    assert list((places.cache() / "verified").iterdir())


def test_with_nowhere_to_put_a_marker_the_answer_is_still_right(
    folder: Path, hashed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / FILE).write_bytes(DATA)
    (folder / f"{FILE}.verified.json" / "taken").mkdir(parents=True)
    blocked = folder / "a-file"
    blocked.write_bytes(b"")
    monkeypatch.setenv("QWTUTOR_HOME", str(blocked))
    assert installed(TINY) and installed(TINY)
    assert len(hashed) == 2
    (folder / FILE).write_bytes(content(len(DATA), seed=9))
    assert not installed(TINY)


def test_hashing_can_be_stopped(folder: Path) -> None:
    (folder / FILE).write_bytes(DATA)
    with pytest.raises(Cancelled):
        installed(TINY, stopped=lambda: True)


def test_a_part_of_a_download_shows_as_such(folder: Path) -> None:
    assert state(TINY) == "missing"
    (folder / f"{FILE}.3.whl.part").write_bytes(b"x")
    assert state(TINY) == "partial"


def test_the_first_installed_model_is_the_default_then_one_that_speaks_chinese(folder: Path) -> None:
    assert first_installed(entries=ENTRIES) is None
    (folder / FILE).write_bytes(DATA)
    assert first_installed(entries=ENTRIES) == TINY
    (folder / OTHER.file).write_bytes(content(50_000, seed=1))
    assert first_installed(entries=ENTRIES) == OTHER
    default = replace(TINY, name=catalogue.default_name())
    assert first_installed(entries=(OTHER, default)) == default


def test_a_file_of_unknown_content_is_added_only_on_the_persons_word(tmp_path: Path) -> None:
    mine = tmp_path / "My Model.gguf"
    mine.write_bytes(content(1000, seed=5))
    with pytest.raises(catalogue.UnknownContent, match="say so with `--trust`"):
        add(mine, entries=ENTRIES)
    added = add(mine, trust=True, entries=ENTRIES)
    assert (added.name, added.added, added.path) == ("my-model", True, str(mine))
    everything = with_added(ENTRIES)
    assert [model.name for model in everything] == ["tiny", "other", "my-model"]
    assert find("my-model", entries=everything) == mine
    assert {path.name for path in tmp_path.iterdir()} == {"models", "My Model.gguf"}


def test_an_added_file_that_changed_is_not_loaded_by_its_name(tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(content(1000, seed=5))
    add(mine, trust=True, entries=ENTRIES)
    mine.write_bytes(content(1000, seed=6))
    with pytest.raises(ModelMissing, match=r"content differs.*`qwtutor models add PATH`"):
        find("mine", entries=with_added(ENTRIES))
    add(mine, trust=True, entries=with_added(ENTRIES))
    assert find("mine", entries=with_added(ENTRIES)) == mine


def test_an_added_file_that_the_catalogue_knows_becomes_that_model(tmp_path: Path) -> None:
    elsewhere = tmp_path / "whatever.gguf"
    elsewhere.write_bytes(DATA)
    assert add(elsewhere, entries=ENTRIES).name == "tiny"
    everything = with_added(ENTRIES)
    assert len(everything) == len(ENTRIES)
    assert find("tiny", entries=everything) == elsewhere


def test_names_of_added_models_are_unique(tmp_path: Path) -> None:
    mine = tmp_path / "tiny.gguf"
    mine.write_bytes(content(1000, seed=5))
    with pytest.raises(UsageError, match="A model is already called tiny"):
        add(mine, trust=True, entries=ENTRIES)
    assert add(mine, name="mine", trust=True, entries=ENTRIES).name == "mine"
    assert add(mine, name="mine", trust=True, entries=with_added(ENTRIES)).name == "mine"
    assert len(with_added(ENTRIES)) == 3


@pytest.mark.parametrize("start", [b"", b"GG", b"PK\x03\x04", b"\x1b[2J"])
def test_what_is_no_gguf_is_not_added(start: bytes, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(start)
    with pytest.raises(UsageError, match="is not a GGUF file"):
        add(mine, trust=True, entries=ENTRIES)


def test_a_folder_or_nothing_is_not_added(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.gguf"):
        with pytest.raises(TutorError, match="cannot be read"):
            add(path, trust=True, entries=ENTRIES)


def test_removing_frees_the_file_and_everything_left_of_it_but_nothing_else(folder: Path) -> None:
    (folder / FILE).write_bytes(DATA)
    installed(TINY)
    for left in ("part", "part.json", "1.whl.part", "joined.part"):
        (folder / f"{FILE}.{left}").write_bytes(b"12345")
    (folder / "other.gguf").write_bytes(b"stays")
    assert remove("tiny", entries=ENTRIES) >= len(DATA) + 20
    assert {path.name for path in folder.iterdir()} == {"other.gguf"}
    with pytest.raises(NotFound):
        remove("nothing", entries=ENTRIES)


def test_removing_an_added_model_forgets_it_and_leaves_the_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(content(1000, seed=5))
    add(mine, trust=True, entries=ENTRIES)
    assert remove("mine", entries=with_added(ENTRIES)) == 0
    assert mine.exists() and with_added(ENTRIES) == ENTRIES


def test_a_damaged_list_of_added_models_is_said(folder: Path) -> None:
    (folder / "added.json").write_text('{"models": [{"name": 1}]}')
    with pytest.raises(TutorError, match=r"added\.json in the models folder is damaged"):
        with_added(ENTRIES)


def test_an_entry_says_where_its_file_is(folder: Path) -> None:
    assert ModelEntry("a", "a.gguf", 1, "0").location == folder / "a.gguf"
    assert ModelEntry("a", "a.gguf", 1, "0", path="/b/a.gguf").location == Path("/b/a.gguf")
