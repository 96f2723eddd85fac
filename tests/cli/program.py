"""The program as a person or a script starts it: a process of its own, its streams, its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "tutor")
LIMIT = 120
"""Seconds after which a run counts as hanging."""


@dataclass(frozen=True)
class Run:
    status: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        """Standard output as the one JSON document it must be."""
        assert self.stdout, self.stderr
        return json.loads(self.stdout)


def qwtutor(
    *words: str, stdin: str | bytes = b"", cwd: Path | None = None, lang: str = "en", **environment: str
) -> Run:
    """Run the command line in English (unless `lang` is empty) with nobody at a terminal."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    language = ["--lang", lang] if lang else []
    done = subprocess.run(
        [*COMMAND, *language, *words],
        input=given,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=LIMIT,
        check=False,
    )
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode())
