"""Help in both languages: an example for every command, eighty columns, and the README says the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
from rich.cells import cell_len

from tests.cli.program import qwtutor
from tutor.demos import registry
from tutor.domain.demo import Demo

ROOT = Path(__file__).parent.parent.parent
NAMES = (
    "lessons", "lesson", "quiz", "review", "search", "grade", "demo", "tokenize", "next", "score", "decode",
    "doctor", "check", "completion", "progress show", "progress export", "progress import", "progress reset",
    "models list", "models pull", "models add", "models remove", "models use", "models info",
)  # fmt: skip


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_help_has_an_example_fits_eighty_columns_and_is_in_one_language(lang: str) -> None:
    for name in ("", *NAMES):
        run = qwtutor(*name.split(), "--help", lang=lang)
        assert run.status == 0, run.stderr
        words, examples = re.split(r"^(?:示例|Examples?):$", run.stdout, flags=re.MULTILINE)
        assert "  qwtutor" in examples
        for line in run.stdout.splitlines():
            assert cell_len(line) <= 80, line
        han = re.findall(r"[\u4e00-\u9fff]+", words)
        assert bool(han) is (lang == "zh"), han
        assert lang == "en" or not re.search(r"Usage|Options|Commands|Show|Print", words)


def test_the_first_help_lists_every_command() -> None:
    listed = re.findall(r"^  ([a-z]+) ", qwtutor("--help").stdout.split("Commands:")[1], re.MULTILINE)
    assert {name.split()[0] for name in NAMES} <= set(listed)


def test_the_language_follows_the_locale_and_the_option_wins() -> None:
    assert "用法" in qwtutor("--help", lang="", LC_ALL="C").stdout
    assert "用法" in qwtutor("--help", lang="", LC_ALL="zh_CN.UTF-8").stdout
    assert "Usage" in qwtutor("--help", lang="", LC_ALL="en_US.UTF-8").stdout
    assert "Usage" in qwtutor("--help", "--lang", "en", lang="", LC_ALL="zh_CN.UTF-8").stdout


def test_the_language_chosen_on_the_screen_is_kept() -> None:
    qwtutor("--plain", lang="", stdin="3\nq\n", LC_ALL="en_US.UTF-8")
    before = qwtutor("progress", "export", lang="", LC_ALL="C").data["settings"]
    assert "用法" in qwtutor("--help", lang="", LC_ALL="C").stdout
    assert before == [] or all(each["name"] == "language" for each in before)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lesosn",), "没有命令"),
        (("lessons", "--no"), "没有选项"),
        (("lesson",), "缺少参数"),
        (("next", "--top", "no", "x"), "整数"),
        (("lessons", "a"), "多了一个参数"),
        (("lesson", "nothing"), "nothing"),
        (("--plain", "--course", "/nowhere"), "不存在"),
    ],
)
def test_what_goes_wrong_is_said_in_chinese(words: tuple[str, ...], said: str) -> None:
    run = qwtutor(*words, lang="zh")
    assert run.status in (1, 2)
    assert said in run.stderr and re.search(r"[\u4e00-\u9fff]", run.stderr)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    run = qwtutor("completion", shell)
    assert run.status == 0 and "_QWTUTOR_COMPLETE" in run.stdout and not run.stderr


def test_bash_completes_commands_and_lessons() -> None:
    def completed(words: str, index: int) -> str:
        return qwtutor(lang="", _QWTUTOR_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(index)).stdout

    assert completed("qwtutor les", 1).split() == ["plain,lessons", "plain,lesson"]
    assert completed("qwtutor lesson tok", 2).split() == ["plain,tokenizer"]
    assert "plain,decoding" in completed("qwtutor demo dec", 2).split()


def test_the_demo_that_contributing_shows_runs() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [source] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    demo = ModuleType("doubling")
    exec(source, demo.__dict__)
    running = demo.steps(registry.prepare(cast(Demo, demo), {"times": "3"}))
    titles = []
    while True:
        try:
            titles.append(next(running).title.en)
        except StopIteration as end:
            assert end.value == {"values": [1.0, 2.0, 4.0]}
            break
    assert titles == ["Time 1", "Time 2", "Time 3"]


def test_the_readme_lists_the_commands_as_they_are() -> None:
    done = subprocess.run([sys.executable, ROOT / "docs" / "make.py", "--check"], capture_output=True, check=False)
    assert done.returncode == 0, "`make docs` writes the command table again"
