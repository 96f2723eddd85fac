"""What reaches the terminal, in bytes, and what the first screen loads, by name. Times are measured by `make bench`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench.traffic import BUDGETS, PROFILES, walk
from tests.terminal import Terminal
from tests.test_imports import HEAVY
from tests.ui.conftest import Start

FIRST_SCREEN = """
import json, sys
from pathlib import Path
from tutor.ui import app

report = Path(sys.argv.pop())

def stands(tutor):
    report.write_text(json.dumps(sorted(sys.modules)))
    tutor.exit(0)

app.TutorApp._after_first_screen = stands
from tutor.__main__ import main
main()
"""


@pytest.mark.parametrize("profile", PROFILES)
def test_keys_moves_and_screens_stay_within_their_bytes(start: Start, profile: str) -> None:
    budget = BUDGETS[profile]
    traffic = walk(start("--lang", "en", "--model", "smollm2-135m", env=PROFILES[profile]), still=1.5)
    assert traffic.still == 0
    assert 0 < max(traffic.moves) <= budget.move
    for place, sizes in traffic.keys.items():
        assert 0 < max(sizes) <= budget.key, place
    for name, size in {**traffic.screens, "step of a demo": max(traffic.steps)}.items():
        assert 0 < size <= budget.screen, name


def test_the_first_screen_of_an_empty_home_loads_nothing_heavy(tmp_path: Path) -> None:
    report = tmp_path / "modules.json"
    with Terminal([sys.executable, "-c", FIRST_SCREEN, str(report)]) as terminal:
        assert terminal.wait(timeout=60) == 0
    modules = set(json.loads(report.read_text(encoding="utf-8")))
    assert "tutor.ui.screens.home" in modules
    assert not modules & {*HEAVY, "click", "tutor.content.loader", "tutor.domain.quiz"}
