"""The wheel, installed alone into an empty environment, runs from `/`: code, lessons, translations, models' catalogue."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
OFFLINE = ("--no-index", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--quiet")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, built from what git would commit, not from this checkout's leftovers."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def program(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`qwtutor` of an environment that holds the wheel alone; the dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=False)
    [wheel] = built.glob("*.whl")
    target = folder / "bin" / "python"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(target), "install", *OFFLINE, str(wheel)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    site = next((folder / "lib").glob("python*/site-packages"))
    dependencies = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    # Named on the path, a folder's own .pth files are not followed: the checkout stays out of reach.
    (site / "dependencies.pth").write_text(f"{dependencies}\n")
    return folder / "bin" / "qwtutor"


def run(program: Path, *words: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([program, *words], cwd="/", env=clean, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_checkout_cannot_be_imported(program: Path) -> None:
    code = "import tutor, tutor.places as p; print(tutor.__file__); print(p.shipped('lessons'))"
    done = subprocess.run(
        [program.parent / "python", "-I", "-c", code], cwd="/", capture_output=True, text=True, check=True
    )
    module, lessons = map(Path, done.stdout.splitlines())
    home = program.parent.parent.resolve()
    assert home in module.resolve().parents and home in lessons.resolve().parents
    assert lessons.parent.name == "shipped"


def test_lessons_are_listed_and_opened(program: Path) -> None:
    lessons = {each["slug"]: each for each in json.loads(run(program, "lessons", "--json"))}
    assert len(lessons) == 36 and lessons["tokenizer"]["written"] and lessons["decoding"]["written"]
    assert "tokenizer" in run(program, "lesson", "tokenizer", "--lang", "en")
    assert "千问LLM之二" in run(program, "lesson", "tokenizer", "--lang", "zh")


def test_a_demo_runs_and_the_program_speaks_chinese(program: Path) -> None:
    assert json.loads(run(program, "demo", "tokenizer", "--json"))["result"]["merges"]
    assert "用法" in run(program, "--help", "--lang", "zh")


def test_models_and_shipped_tokenizers_are_there(program: Path) -> None:
    assert json.loads(run(program, "models", "list", "--json"))[0]["name"] == "qwen2.5-coder-0.5b"
    for name in ("spm-bpe", "spm-unigram", "cl100k_base"):
        assert json.loads(run(program, "tokenize", "--tokenizer", name, "--json", "a 词"))["ids"]


def test_the_wheel_holds_the_package_its_content_and_its_licences_and_nothing_else(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "tutor",
        wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info",
    }
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert not [name for name in names if name.endswith((".pyc", ".gguf", ".part"))]
    assert "tutor/shipped/quizzes/02-tokenizer.yaml" in names and "tutor/locale/zh/cli.json" in names


def test_the_sdist_can_be_tested_and_built_again(built: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "requirements.lock", "pyproject.toml", "tests/conftest.py", "LICENSE", "NOTICE"} <= inside


def test_the_lock_fits_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), (
            f"{requirement}: `make lock`"
        )


def test_the_lock_names_no_place_and_every_hash() -> None:
    lock = LOCK.read_text(encoding="utf-8")
    assert "://" not in lock and "--index" not in lock and "--find-links" not in lock
    pinned = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert lock.count("--hash=sha256:") >= len(pinned)
