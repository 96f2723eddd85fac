"""Puts the models that the tests run on into QWTUTOR_MODELS (or .cache/models): `python tests/fetch_models.py`.

What the person's own data folder has already is linked or copied from there; the rest is fetched.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from tutor import places
from tutor.domain import language
from tutor.domain.errors import TutorError
from tutor.domain.language import tr
from tutor.runtime.catalogue import ModelEntry, default_name, entry, installed
from tutor.runtime.modelfiles import mark
from tutor.runtime.pull import Progress, pull

FOLDER = Path(__file__).parent.parent / ".cache" / "models"
NEEDED = ("smollm2-135m", default_name())


def provide(model: ModelEntry) -> Path:
    """The model's file in the models folder, whatever it takes."""
    own = places.home() / "models" / model.file
    target = places.models_folder() / model.file
    if own == target or installed(model) or not installed(replace(model, path=str(own))):
        return pull(model, on_progress=_Line(model.name))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(own, target)
    except OSError:  # another disk, or a file system without links
        return pull(model, source=own, on_progress=_Line(model.name))
    mark(target, model.sha256)
    return target


class _Line:
    """Progress on stderr: one line that is rewritten on a terminal, one line every tenth elsewhere."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tenth = -1
        self._told = 0

    def __call__(self, progress: Progress) -> None:
        for tried in progress.tried[self._told :]:
            sys.stderr.write(f"{self._name}  {tried}\n")
        self._told = len(progress.tried)
        tenth = 10 * progress.received // max(progress.total, 1)
        rewritten = sys.stderr.isatty()
        if not rewritten and tenth == self._tenth:
            return
        self._tenth = tenth
        text = (
            f"{self._name}  {progress.source}  {progress.received / 1e6:.0f}/{progress.total / 1e6:.0f} MB"
            f"  {progress.bytes_per_second / 1e6:.1f} MB/s"
        )
        if progress.seconds_left is not None:
            text += f"  {progress.seconds_left:.0f} s"
        done = progress.received == progress.total
        sys.stderr.write(f"\r{text:<76}" + ("\n" if done else "") if rewritten else text + "\n")
        sys.stderr.flush()


def main() -> int:
    os.environ.setdefault("QWTUTOR_MODELS", str(FOLDER))
    language.set_language(language.language_from_environment())
    try:
        for name in NEEDED:
            provide(entry(name))
    except TutorError as error:
        print(f"\n{error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("\n" + tr("Stopped."), file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
