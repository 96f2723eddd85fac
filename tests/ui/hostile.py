"""A course, a model file and words that try to act on the terminal or to be read as markup."""

from __future__ import annotations

import re
from pathlib import Path

import gguf
import numpy as np
import yaml

from tests.content.samples import LESSON, QUIZ

# Each ends in letters of its own, so that what is left of it on the screen can be told from other text.
CONTROLS = {
    "csi": "\x1b[5;35mCSIx",
    "erase": "\x1b[2Jx",
    "title": "\x1b]0;owned\x07x",
    "clipboard": "\x1b]52;c;b3duZWQ=\x07x",
    "link": "\x1b]8;;http://evil.example/\x1b\\link\x1b]8;;\x1b\\x",
    "string": "\x1bPpayload\x1b\\x",
    "c1": "\x9b5;35mx\x9d0;owned\x9cx",
    "bidi": "\u202eabc\u2066def\u200f",
    "bell": "\x07\x08\x08\rx",
    "lines": "\u2028x\x85x",
}
MARKUP = ["[red]A[/red]", "[link=http://evil.example/]B[/link]", "[@click=app.leave]C[/]", "[bold", "[/]"]
# What Markdown turns into the characters themselves.
ENTITIES = "&#27;[5;35mE&#x1b;]0;owned&#7;&#x9b;5;35mE&#x202e;E&#x85;"
HOSTILE = "".join(CONTROLS.values()) + "".join(MARKUP)
MARKED = "".join(MARKUP) + ENTITIES

# What the program itself sends: places, colours, erasing to the end of a row, its own modes and questions.
OWN = re.compile(
    rb"\x1b\[\d+;\d+H|\x1b\[[\d;]*m|\x1b\[[\d;]*[ABCDJK]|\x1b\[H|\x1b\[\?\d+[hl]|\x1b\[\?\d+\$p|\x1b\[[<>]\d*u"
    rb"|\x1b\[6n|\x1b\]22;\w+\x07"
)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def assert_harmless(sent: bytes) -> None:
    """Nothing acts on the terminal but what the program itself has to say to it."""
    for payload in (b"\x1b[5;35m", b"\x1b[2J", b"\x1b[1049h"):
        assert payload not in sent, payload
    rest = OWN.sub(b"", sent).decode()
    found = CONTROL.search(rest)
    assert not found, f"{found[0]!r} in {rest[max(0, found.start() - 60) : found.end() + 60]!r}"


def hostile_course(folder: Path, words: str) -> Path:
    """The sample course with `words` in every text that a person reads, and a file with a hostile name."""
    lesson, quiz = yaml.load(LESSON, yaml.CSafeLoader), yaml.load(QUIZ, yaml.CSafeLoader)
    lesson["figures"] = []
    for name, data in (("lessons", _spoilt(lesson, words)), ("quizzes", _spoilt(quiz, words))):
        (folder / name).mkdir(parents=True)
        # Written as JSON, which is YAML: control characters arrive as escapes, which the reader has to decode.
        text = yaml.safe_dump(data, allow_unicode=False, width=100_000)
        (folder / name / "07-sheep.yaml").write_text(text, encoding="utf-8")
    (folder / "lessons" / "08-\x1b[5;35mbad\x1b]0;owned\x07[red].yaml").write_text("format: [", encoding="utf-8")
    return folder


def _spoilt(data: object, words: str, key: str = "") -> object:
    if isinstance(data, dict):
        return {name: _spoilt(value, words, name) for name, value in data.items()}
    if isinstance(data, list):
        return [_spoilt(value, words, key) for value in data]
    texts = ("zh", "en", "authors", "title", "where", "unit")
    return data + words if isinstance(data, str) and key in texts else data


def hostile_gguf(folder: Path) -> Path:
    """A model file whose name, metadata and tensors carry HOSTILE."""
    path = folder / "evil\x1b[5;35m\x1b]0;owned\x07\u202e[red].gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(HOSTILE)
    writer.add_string(f"general.{HOSTILE}", HOSTILE)
    writer.add_string("general.markup", MARKED)
    writer.add_array("general.tags", [HOSTILE, "b"])
    writer.add_tensor(f"w{HOSTILE}"[:60], np.ones((4, 4), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
