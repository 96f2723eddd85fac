"""What this machine offers and what stands in the way, one check at a time. Nothing here asks the network."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tutor import __version__, places
from tutor.domain.errors import TutorError
from tutor.domain.language import Text, both, same
from tutor.domain.plaintext import visible
from tutor.runtime import catalogue
from tutor.runtime.cores import physical_cores

OLDEST_PYTHON = (3, 11)
IMPORT_SECONDS = 60.0
MEGABYTE = 1_000_000

# Asked in a process of its own: a build for another processor ends in an illegal instruction, not in an exception.
ASK_LLAMA = """
import json, llama_cpp
from tutor.runtime.llama import backend
print(json.dumps([llama_cpp.__version__, backend()]))
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `name` is its permanent id; `hint` says what to do where `ok` is False."""

    name: str
    title: Text
    ok: bool
    detail: Text
    hint: Text = field(default_factory=Text)


def checks() -> list[Check]:
    """Everything worth knowing when something does not work. Takes a second or two; never raises for what it finds."""
    return [
        python(),
        terminal(os.environ),
        data_folder(),
        free_space(),
        models(),
        *llama(sys.executable),
        cores(),
        tokenizers(),
    ]


def python() -> Check:
    value = f"qwtutor {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    ok = sys.version_info >= OLDEST_PYTHON
    return Check("python", both("Program"), ok, same(value), both("Python 3.11 or newer is needed."))


def terminal(env: Mapping[str, str]) -> Check:
    """Judged by the variables that the screen goes by: TERM, COLORTERM, NO_COLOR, and the encoding of stdout."""
    term = env.get("TERM", "")
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    able = term not in ("", "dumb") or sys.platform == "win32"
    detail = _list(same(f"TERM={visible(term) or '-'}"), _colours(env), same(encoding or "-"))
    if encoding != "utf8":
        hint = both("Set a UTF-8 locale, for instance LANG=C.UTF-8: Chinese and drawings need it.")
    else:
        hint = both("This terminal cannot draw a screen: use `qwtutor --plain`.")
    return Check("terminal", both("Terminal"), able and encoding == "utf8", detail, hint)


def data_folder() -> Check:
    home = places.home()
    hint = both("Set QWTUTOR_HOME to a folder of your own: progress is kept there.")
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        detail = both("{folder} cannot be written to: {reason}", folder=visible(str(home)), reason=reason)
        return Check("data", both("Data folder"), False, detail, hint)
    return Check("data", both("Data folder"), True, same(visible(str(home))), hint)


def free_space() -> Check:
    folder = _existing(places.models_folder())
    free = shutil.disk_usage(folder).free
    default = catalogue.entry(catalogue.default_name(), entries=catalogue.shipped())
    enough = free > default.bytes or catalogue.state(default) != "missing"
    detail = both("{free} MB free in {folder}", free=free // MEGABYTE, folder=visible(str(folder)))
    hint = both("The default model needs {need} MB.", need=default.bytes // MEGABYTE)
    return Check("space", both("Disk space"), enough, detail, hint)


def models() -> Check:
    """Which models are there, their hashes checked: those never checked before are read once, whole."""
    hint = both("`qwtutor models pull {name}` fetches one; lessons work without it.", name=catalogue.default_name())
    try:
        listed = catalogue.models()
        there = [visible(entry.name) for entry in listed if catalogue.installed(entry)]
        damaged = [visible(entry.name) for entry in listed if catalogue.state(entry) == "damaged"]
    except TutorError as error:
        return Check("models", both("Models"), False, same(str(error)), hint)
    folder = places.models_folder()
    if there:
        detail = both("{names} in {folder}", names=", ".join(there), folder=visible(str(folder)))
    else:
        detail = both("none in {folder}", folder=visible(str(folder)))
    if damaged:
        detail = _list(detail, both("damaged: {names}", names=", ".join(damaged)))
        hint = both("`qwtutor models pull {name}` fetches it again.", name=damaged[0])
    return Check("models", both("Models"), bool(there) and not damaged, detail, hint)


def llama(interpreter: str) -> list[Check]:
    """llama-cpp-python as `interpreter` imports it: its version, and what it computes on."""
    title = both("llama-cpp-python")
    hint = both("Install it again: `pip install --force-reinstall --no-cache-dir llama-cpp-python`.")
    try:
        done = subprocess.run(
            [interpreter, "-c", ASK_LLAMA], capture_output=True, text=True, timeout=IMPORT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        late = both("It did not start within {seconds} s.", seconds=f"{IMPORT_SECONDS:g}")
        return [Check("llama", title, False, late, hint)]
    except OSError:
        return [Check("llama", title, False, both("Python could not be started."), hint)]
    try:
        version, backend = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return [Check("llama", title, False, _last_words(done), hint)]
    return [
        Check("llama", title, True, same(visible(str(version)))),
        Check("backend", both("Computes on"), True, same(visible(str(backend)))),
    ]


def cores() -> Check:
    detail = both(
        "{cores} physical cores for decoding, {threads} threads in all", cores=physical_cores(), threads=os.cpu_count()
    )
    return Check("cores", both("Processor"), True, detail)


def tokenizers() -> Check:
    """Whether every tokenizer cuts a word: its vocabulary is there and can be read."""
    from tutor.runtime.tokenizers import NAMES, tokenize

    broken = []
    names = [name for name in NAMES if name != "model"]
    for name in names:
        try:
            tokenize(name, "hello")
        except Exception as error:  # noqa: BLE001 - whatever a broken installation raises is the finding
            broken.append(f"{name} ({visible(str(error))})")
    detail = same(", ".join(names)) if not broken else both("cannot be read: {names}", names=", ".join(broken))
    return Check(
        "tokenizers", both("Tokenizers"), not broken, detail, both("Install qwtutor again: files are missing.")
    )


def _colours(env: Mapping[str, str]) -> Text:
    if env.get("NO_COLOR"):
        return both("no colours (NO_COLOR)")
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return both("full colour")
    return both("256 colours") if "256color" in env.get("TERM", "") else both("16 colours")


def _list(*texts: Text) -> Text:
    return Text("，".join(text.zh for text in texts), ", ".join(text.en for text in texts))


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _last_words(done: subprocess.CompletedProcess[str]) -> Text:
    """Why the process that imports llama_cpp gave no answer."""
    if done.returncode < 0:
        return both("It ends with signal {number}: built for another processor?", number=-done.returncode)
    words = [line for line in done.stderr.splitlines() if line.strip()]
    return same(visible(words[-1])) if words else both("It gave no answer.")
