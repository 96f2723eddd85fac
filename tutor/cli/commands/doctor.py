"""`qwtutor doctor`: what this machine offers, and what stands in the way."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

from tutor import __version__, places
from tutor.cli import diagnostics, opening, output
from tutor.cli.group import command
from tutor.cli.options import course_option, json_option, lang_option, model_option
from tutor.domain.errors import TutorError
from tutor.domain.frames import to_json
from tutor.domain.language import Text, both, same
from tutor.domain.plaintext import visible


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `key` names it for programs; `sound` is False where something does not work."""

    key: str
    name: Text
    value: Text
    sound: bool = True


@command(
    "doctor", both("Say what works on this machine and what does not.").get(), "qwtutor doctor", "qwtutor doctor --json"
)
@course_option
@model_option
@json_option
@lang_option
def doctor(*, as_json: bool) -> int:
    findings = [finding for look in LOOKS for finding in carefully(look)]
    if as_json:
        output.document({each.key: {"value": to_json(each.value), "ok": each.sound} for each in findings})
    else:
        for each in findings:
            mark = both("ok") if each.sound else both("TROUBLE")
            output.line(f"{mark}: {each.name}: {each.value}")
    return diagnostics.DONE if all(each.sound for each in findings) else diagnostics.FAILED


def carefully(look: Callable[[], list[Finding]]) -> list[Finding]:
    """What `look` found; a failure is a finding too."""
    try:
        return look()
    except TutorError as error:
        return [Finding(look.__name__, same(look.__name__), same(str(error)), sound=False)]


def program() -> list[Finding]:
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return [Finding("version", both("Version"), same(__version__)), Finding("machine", both("Machine"), same(machine))]


def terminal() -> list[Finding]:
    if not sys.stdout.isatty():
        return [Finding("terminal", both("Terminal"), both("none: the output goes elsewhere"))]
    size = shutil.get_terminal_size()
    value = f"{os.environ.get('TERM', '?')}, {size.columns}×{size.lines}, {os.environ.get('COLORTERM') or '-'}"
    return [Finding("terminal", both("Terminal"), same(visible(value)), sound=size.columns >= 60 and size.lines >= 20)]


def data_folder() -> list[Finding]:
    home = places.home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        writable = os.access(home, os.W_OK)
    except OSError:
        writable = False
    value = same(visible(str(home))) if writable else both("{path} cannot be written to", path=visible(str(home)))
    return [Finding("data_folder", both("Data folder"), value, sound=writable)]


def lessons() -> list[Finding]:
    entries = opening.library().entries()
    written = sum(entry.written for entry in entries)
    value = both("{written} written, {count} topics", written=written, count=len(entries))
    broken = [entry for entry in entries if entry.problem]
    return [Finding("lessons", both("Lessons"), value)] + [
        Finding(f"lesson {entry.slug}", same(entry.slug), entry.problem, sound=False) for entry in broken
    ]


def model() -> list[Finding]:
    """The model in use, loaded once in its process: what runs it and how fast it starts."""
    name = opening.model_name()
    with opening.model() as opened:
        info = opened.info()
    details = both(
        "{name}: {architecture}, {layers} layers, {threads} threads, {backend}",
        name=visible(name),
        architecture=visible(info.architecture),
        layers=info.layers,
        threads=info.threads,
        backend=visible(info.backend),
    )
    return [Finding("model", both("Model"), details)]


LOOKS: tuple[Callable[[], list[Finding]], ...] = (program, terminal, data_folder, lessons, model)
