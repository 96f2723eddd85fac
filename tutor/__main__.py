"""The program's front door. `qwtutor` alone opens the screen without loading the command line (click: 25 ms)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SCREEN_OPTIONS = ("--lang", "--course", "--model")


def screen_options(words: list[str]) -> dict[str, str] | None:
    """The options of a call that opens the screen, or None where the call is for the command line.

    Only the plain forms are understood here; anything else, mistakes among it, is read and judged by click.
    """
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        name, _, value = rest.pop(0).partition("=")
        if name not in SCREEN_OPTIONS:
            return None
        if not value:
            if not rest:
                return None
            value = rest.pop(0)
        if value.startswith("-") or (name == "--lang" and value not in ("zh", "en")):
            return None
        if name == "--course" and not Path(value).is_dir():
            return None
        found[name.removeprefix("--")] = value
    return found


def main() -> None:
    options = None if "_QWTUTOR_COMPLETE" in os.environ else screen_options(sys.argv[1:])
    if options is None or not sys.stdin.isatty() or not sys.stdout.isatty():
        from tutor.cli.main import main as command_line

        raise SystemExit(command_line(sys.argv[1:]))

    from tutor.cli.diagnostics import guarded

    raise SystemExit(guarded(lambda: open_screen(options)))


def open_screen(options: dict[str, str]) -> int:
    from tutor.domain.language import language_from_environment, set_language

    # For what is said before the screen knows the person's settings: a data folder that cannot be read.
    set_language(options.get("lang") or language_from_environment())
    from tutor.ui.start import run

    course = options.get("course")
    return run(language=options.get("lang"), course=Path(course) if course else None, model=options.get("model"))


if __name__ == "__main__":
    main()
