"""Where things lie on this machine: the person's data, the shared models, what ships with the program."""

from __future__ import annotations

import os
from pathlib import Path

APP = "qwtutor"


def home() -> Path:
    """The data folder: progress, backups, models. `QWTUTOR_HOME` overrides the platform's own."""
    override = os.environ.get("QWTUTOR_HOME")
    if override:
        return Path(override).expanduser()
    # Imported late: only where no override is set, and never for `--help`.
    import platformdirs

    return platformdirs.user_data_path(APP, appauthor=False)


def cache() -> Path:
    """What may be deleted at any time: indexes made from the lessons. Inside the data folder, to stay one folder."""
    return home() / "cache"


def models_folder() -> Path:
    """Model files. `QWTUTOR_MODELS` names a folder that many users share."""
    override = os.environ.get("QWTUTOR_MODELS")
    return Path(override).expanduser() if override else home() / "models"


def shipped(kind: str) -> Path:
    """The folder `lessons`, `quizzes` or `models` that came with the program, from a wheel and from a checkout alike."""
    package = Path(__file__).parent
    inside = package / "shipped" / kind
    return inside if inside.is_dir() else package.parent / kind
