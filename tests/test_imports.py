"""What is not imported: by name, in a fresh interpreter, never by milliseconds."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("numpy", "llama_cpp", "quicktok", "sentencepiece", "yaml", "msgspec", "httpx", "fsrs")


def loaded_after(code: str) -> set[str]:
    """The modules that an interpreter holds after running `code`, which may print and exit."""
    program = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n" + code
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    modules: list[str] = json.loads(run.stderr.splitlines()[-1])
    return set(modules)


def call(*words: str) -> str:
    return f"sys.argv = ['qwtutor', *{words!r}]\nfrom tutor.__main__ import main\nmain()"


@pytest.mark.parametrize("words", [("--help",), ("--lang", "zh", "--help"), ("decode", "--help"), ("--version",)])
def test_help_loads_no_heavy_package(words: tuple[str, ...]) -> None:
    modules = loaded_after(call(*words))
    assert "tutor.cli.main" in modules
    assert not modules & {*HEAVY, "textual"}


def test_listing_lessons_with_a_current_index_parses_nothing() -> None:
    loaded_after(call("lessons"))
    modules = loaded_after(call("lessons", "--json"))
    assert "tutor.content.library" in modules
    assert not modules & {*HEAVY, "textual", "rich"}


def test_the_way_to_the_screen_goes_past_click() -> None:
    modules = loaded_after(
        "import tutor.__main__ as door\n"
        "assert door.screen_options(['--lang', 'en', '--model=smollm2-135m']) == {'lang': 'en', 'model': 'smollm2-135m'}\n"
        "assert door.screen_options([]) == {}\n"
        "assert door.screen_options(['lessons']) is None\n"
        "assert door.screen_options(['--lang', 'fr']) is None\n"
        "assert door.screen_options(['--course', '/no/such/folder']) is None\n"
    )
    assert not modules & {*HEAVY, "click", "textual", "tutor.cli.main"}
