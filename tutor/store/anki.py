"""Questions as an Anki package, for those who review there. Needs the extra `anki` (genanki)."""

from __future__ import annotations

import contextlib
import hashlib
import html
import itertools
import os
import re
import sqlite3
import tempfile
import time
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutor.domain.errors import TutorError
from tutor.domain.plaintext import clean, visible

# Drawn once: Anki knows the deck and the note type again by them, so that a second import updates the first.
DECK_ID = 1_763_402_957
MODEL_ID = 1_328_960_415

_CSS = """.card { font-family: sans-serif; font-size: 18px; text-align: left; max-width: 42em; margin: 0 auto; }
.text { white-space: pre-wrap; }"""


@dataclass(frozen=True, slots=True)
class Note:
    """A card's two sides as plain text. `guid` from `guid_for` keeps a reader's reviews across exports."""

    front: str
    back: str
    guid: str
    tags: tuple[str, ...] = ()


def guid_for(lesson: str, question: str) -> str:
    """The identity of a question's note, the same in every export."""
    return hashlib.sha256(f"qwtutor/{lesson}/{question}".encode()).hexdigest()[:20]


def write_package(notes: Iterable[Note], target: Path, *, deck_name: str = "qwtutor") -> int:
    """Write `notes` as an .apkg at `target`, whole or not at all. Gives how many there are.

    Text is escaped: a `<b>` in a question shows as such. Raises TutorError where genanki is missing or the file
    cannot be written.
    """
    try:
        import genanki
    except ImportError as error:
        raise TutorError(
            "An Anki package needs genanki, which is not installed.", hint="Install it: pip install 'qwtutor[anki]'."
        ) from error
    model = genanki.Model(
        MODEL_ID,
        "qwtutor",
        fields=[{"name": "Front"}, {"name": "Back"}],
        templates=[
            {
                "name": "Card",
                "qfmt": '<div class="text">{{Front}}</div>',
                "afmt": '{{FrontSide}}<hr id="answer"><div class="text">{{Back}}</div>',
            }
        ],
        css=_CSS,
    )
    deck = genanki.Deck(DECK_ID, deck_name)
    for note in notes:
        fields = [_escaped(note.front), _escaped(note.back)]
        tags = ["".join(clean(tag).split()) for tag in note.tags]
        deck.add_note(genanki.Note(model=model, fields=fields, guid=note.guid, tags=[tag for tag in tags if tag]))
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        _write(genanki.Package(deck), part)
        part.replace(target)
    except OSError as error:
        raise TutorError(
            "The Anki package {path} cannot be written: {reason}.",
            path=visible(str(target)),
            reason=error.strerror or type(error).__name__,
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return len(deck.notes)


def _write(package: Any, target: Path) -> None:
    # Not the package's own write_to_file: it leaves its database behind in the temporary folder (genanki 0.13.1).
    with tempfile.TemporaryDirectory() as folder:
        collection = Path(folder) / "collection.anki2"
        now = time.time()
        with contextlib.closing(sqlite3.connect(collection)) as db, db:
            package.write_to_db(db.cursor(), now, itertools.count(int(now * 1000)))
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(collection, collection.name)
            archive.writestr("media", "{}")


# What Anki acts on inside a field: other fields, LaTeX, sounds, speech, MathJax.
_ACTIVE = re.compile(r"\{(?=\{)|\[(?=latex\]|\$|sound:|anki:)|\\(?=[(\[])", re.IGNORECASE)


def _escaped(text: str) -> str:
    escaped = html.escape(clean(text), quote=False)
    return _ACTIVE.sub(lambda found: found[0] + "&#8203;", escaped).replace("\n", "<br>")
