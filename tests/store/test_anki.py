from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tutor.domain.errors import TutorError
from tutor.store.anki import DECK_ID, MODEL_ID, Note, guid_for, write_package

NOTES = [
    Note("一个 token 有几个字节？", "1 个或更多\n如 <s>", guid_for("tokenizer", "q1"), ("tokenizer", "part-A")),
    Note("<b>x & y</b> {{Back}} [sound:a.mp3]", "\\(a\\) [latex]b[/latex]", guid_for("tokenizer", "q2")),
]


def read(package: Path, tmp_path: Path) -> tuple[list[tuple[Any, ...]], dict[str, Any], int]:
    """The notes (guid, tags, fields), the models and the number of cards, as Anki's own format 11 stores them."""
    with zipfile.ZipFile(package) as archive:
        assert sorted(archive.namelist()) == ["collection.anki2", "media"]
        assert json.loads(archive.read("media")) == {}
        archive.extract("collection.anki2", tmp_path)
    db = sqlite3.connect(tmp_path / "collection.anki2")
    try:
        notes = db.execute("SELECT guid, tags, flds FROM notes ORDER BY id").fetchall()
        models, decks = db.execute("SELECT models, decks FROM col").fetchone()
        assert str(DECK_ID) in json.loads(decks)
        n_cards = db.execute("SELECT COUNT(*) FROM cards WHERE did = ?", (DECK_ID,)).fetchone()[0]
        return notes, json.loads(models), n_cards
    finally:
        db.close()


def test_the_package_holds_every_note_with_its_tags(tmp_path: Path) -> None:
    target = tmp_path / "deck.apkg"
    assert write_package(NOTES, target) == 2
    notes, models, n_cards = read(target, tmp_path)
    assert str(MODEL_ID) in models
    assert n_cards == 2
    assert [(guid, tags.split()) for guid, tags, _ in notes] == [
        (guid_for("tokenizer", "q1"), ["tokenizer", "part-A"]),
        (guid_for("tokenizer", "q2"), []),
    ]
    assert notes[0][2].split("\x1f") == ["一个 token 有几个字节？", "1 个或更多<br>如 &lt;s&gt;"]


def test_text_is_only_text(tmp_path: Path) -> None:
    target = tmp_path / "deck.apkg"
    write_package([*NOTES, Note("\x1b[31mred\x07", "ok", "g", ("two words", "\x1b"))], target)
    notes, _, _ = read(target, tmp_path)
    front, back = notes[1][2].split("\x1f")
    for active in ("<b>", "{{", "[sound:", "\\(", "[latex]"):
        assert active not in front + back
    assert "&lt;b&gt;x &amp; y&lt;/b&gt;" in front
    assert notes[2][2] == "[31mred\x1fok"
    assert notes[2][1].split() == ["twowords"]


def test_a_question_is_the_same_note_in_every_export(tmp_path: Path) -> None:
    packages = [tmp_path / "first.apkg", tmp_path / "second.apkg"]
    for package in packages:
        write_package(NOTES, package)
    first, second = (read(package, tmp_path) for package in packages)
    assert [note[0] for note in first[0]] == [note[0] for note in second[0]]
    assert first[1].keys() == second[1].keys()
    assert guid_for("a", "b") != guid_for("a", "c") != guid_for("b", "b")
    # Fixed for good: a changed guid would double every note in a reader's collection.
    assert guid_for("tokenizer", "q-first-merge") == "e1e09f7fd25a547b0010"


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    write_package(NOTES, tmp_path / "deck.apkg")
    assert list(scratch.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["deck.apkg"]


def test_a_missing_genanki_is_said_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genanki", None)
    with pytest.raises(TutorError, match=r"qwtutor\[anki\]"):
        write_package(NOTES, tmp_path / "deck.apkg")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(TutorError, match="nowhere"):
        write_package(NOTES, tmp_path / "nowhere" / "deck.apkg")
