"""What a first question would wait for is made ready while it is typed, and is in nobody's way."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.content.samples import make_course
from tutor.agent import prompt
from tutor.agent.local import LocalEngine
from tutor.content.search import search
from tutor.ui.screens.tutor.ahead import get_ready
from tutor.ui.services import Services


@pytest.fixture
def services(smollm: Path, tmp_path: Path) -> Iterator[Services]:
    opened = Services.open(course=make_course(tmp_path / "course"), model="smollm2-135m")
    yield opened
    opened.close()


def asked(services: Services) -> int:
    """How many tokens of a question need not be evaluated any more."""
    engine = LocalEngine(services.model())
    list(engine.chat(prompt.in_other_words("What is padding?", "en", ()).messages, max_tokens=1))
    return engine.usage.reused


def ready(services: Services) -> None:
    get_ready(services)
    assert services._latest is not None
    services._latest.result()


def test_the_beginning_is_evaluated_before_the_first_question(services: Services) -> None:
    ready(services)
    assert asyncio.run(services.with_model(lambda: asked(services))) > 200


def test_whoever_wants_the_model_has_it_at_once(services: Services) -> None:
    services.model().info()
    heard = threading.Event()
    services.on_model_progress = lambda phase, fraction: heard.set()
    get_ready(services)
    assert heard.wait(60)  # it is in the midst of it
    assert 0 < asyncio.run(services.with_model(lambda: asked(services))) < 200, "stopped, and what was read is not lost"


def test_it_does_not_wait_behind_other_work(services: Services) -> None:
    goes_on = threading.Event()

    async def busy() -> None:
        other = asyncio.ensure_future(services.with_model(goes_on.wait))
        await asyncio.sleep(0)
        get_ready(services)
        goes_on.set()
        await other

    asyncio.run(busy())
    assert services._worker is None


def test_without_a_model_nothing_is_started_and_the_lessons_are_read(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWTUTOR_MODELS", str(tmp_path / "empty"))
    ready(services)
    assert services._worker is None
    for thread in threading.enumerate():
        if thread.name == "lessons":
            thread.join()
    assert search(services.library, "sheep") and gc.isenabled()
