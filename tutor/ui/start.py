"""Opens the screen as soon as it can stand: waiting for the disk and loading Textual happen at the same time."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tutor.ui.services import Services


def run(*, language: str | None = None, course: Path | None = None, model: str | None = None) -> int:
    """Open the tutor on this terminal. Returns the exit status; raises what stopped it, the terminal restored."""
    # Everything that loading makes is kept: looking through it for garbage costs a tenth of the time to the first
    # screen, which turns the collector on again.
    gc.disable()
    with ThreadPoolExecutor(1, thread_name_prefix="open") as thread:
        # A new progress file is safe on the disk after 25 to 60 ms; loading Textual takes 150 meanwhile.
        opening = thread.submit(Services.open, course=course, model=model)
        from tutor.ui.app import show
    services = opening.result()
    try:
        return show(services, language=language)
    finally:
        services.close()
