"""The Python package index that this machine is configured to use, read as pip and uv read it.

Only two things are asked of it: the list of a project's files (PEP 691 as JSON, PEP 503 as HTML), and a wheel, which is
then opened as the zip that it is. Nothing is installed and nothing inside is imported.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin

from tutor.runtime.catalogue import Wheel
from tutor.runtime.download import Remote, Session, SourceFailed, fetch_text

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{JSON_TYPE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
LARGEST_PAGE = 32 << 20  # bytes: the longest project page known has 10 MB


def index_urls() -> tuple[str, ...]:
    """The configured index, then the extra ones. Only http and https: a folder of wheels is no index to ask.

    Raises SourceFailed where nothing is configured and pip, whose default would serve, is not installed.
    """
    env = os.environ
    main = env.get("PIP_INDEX_URL") or env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL") or setting("index-url")
    extra = f"{env.get('PIP_EXTRA_INDEX_URL') or setting('extra-index-url')} {env.get('UV_INDEX', '')}"
    # uv allows `name=url` for an index.
    urls = [re.sub(r"^[\w.-]+=(?=https?://)", "", url) for url in (main or _default_url(), *extra.split())]
    return tuple(dict.fromkeys(url for url in urls if url.startswith(("http://", "https://"))))


def certificates() -> str:
    """The file or folder of certificates that pip is told to trust, or nothing."""
    return os.environ.get("PIP_CERT") or setting("cert")


def setting(name: str) -> str:
    """A setting from pip's configuration files: the last file that has it wins, `[install]` over `[global]`."""
    value = ""
    for path in _config_files():
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip will complain about it; there may be others
        for section in ("global", "install"):
            value = parser.get(section, name, fallback="").strip() or value
    return value


def lookup(wheel: Wheel, session: Session, *, limit: int) -> Remote:
    """Where the configured index has this wheel. `limit` bounds its size (bytes). Raises SourceFailed."""
    failure = SourceFailed("No package index is configured.")
    for index in index_urls():
        url = f"{index.rstrip('/')}/{_normal(wheel.package)}/"
        try:
            text, media_type, base = fetch_text(url, session, accept=ACCEPT, limit=LARGEST_PAGE)
            for name, link, sha256, size in _files(text, media_type, base):
                if _is(wheel, name):
                    return Remote(link, size, sha256, limit)
            failure = SourceFailed(
                "It has no wheel of {package} {version}.", package=wheel.package, version=wheel.version
            )
        except SourceFailed as error:
            failure = error
    raise failure


def _default_url() -> str:
    # pip knows its own default; naming it here as well would be a second truth.
    try:
        from pip._internal.models.index import PyPI
    except ImportError:
        raise SourceFailed(
            "No package index is configured and pip is not installed; set PIP_INDEX_URL to one."
        ) from None
    return str(PyPI.simple_url)


def _config_files() -> Iterator[Path]:
    """pip's configuration files, weakest first (pip documentation, "Configuration")."""
    named = os.environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return
    home = Path.home()
    if sys.platform == "win32":
        yield Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "pip" / "pip.ini"
        yield home / "pip" / "pip.ini"
        yield Path(os.environ.get("APPDATA", home / "AppData" / "Roaming")) / "pip" / "pip.ini"
        yield Path(sys.prefix) / "pip.ini"
    else:
        yield from (Path(folder) / "pip" / "pip.conf" for folder in _xdg_folders())
        yield Path("/etc/pip.conf")
        yield home / ".pip" / "pip.conf"
        if sys.platform == "darwin":
            yield home / "Library" / "Application Support" / "pip" / "pip.conf"
        yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
        yield Path(sys.prefix) / "pip.conf"
        if "VIRTUAL_ENV" in os.environ:
            yield Path(os.environ["VIRTUAL_ENV"]) / "pip.conf"
    if named:
        yield Path(named)


def _xdg_folders() -> list[str]:
    folders = ["/Library/Application Support"] if sys.platform == "darwin" else []
    return folders + [folder for folder in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":") if folder]


def _files(text: str, media_type: str, base: str) -> Iterator[tuple[str, str, str, int | None]]:
    """(file name, URL, SHA-256 or nothing, bytes or None) of each file on a project page."""
    if media_type == JSON_TYPE:
        try:
            for item in json.loads(text)["files"]:
                size = item.get("size")
                sha256 = str(item.get("hashes", {}).get("sha256", "")).lower()
                yield (
                    str(item["filename"]),
                    urljoin(base, str(item["url"])),
                    sha256,
                    size if isinstance(size, int) else None,
                )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SourceFailed("Its list of files cannot be understood.") from None
        return
    page = _Page(base)
    page.feed(text)
    for link in page.links:
        url, fragment = urldefrag(link)
        found = re.search(r"sha256=([0-9a-fA-F]{64})", fragment)
        yield url.rsplit("/", 1)[-1].split("?")[0], url, found[1].lower() if found else "", None


class _Page(HTMLParser):
    """The links of a PEP 503 page."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "base" and href:
            self.base = urljoin(self.base, href)
        elif tag == "a" and href:
            self.links.append(urljoin(self.base, href))


def _is(wheel: Wheel, filename: str) -> bool:
    parts = filename.removesuffix(".whl").split("-")
    return (
        filename.endswith(".whl")
        and len(parts) >= 5
        and _normal(parts[0]) == _normal(wheel.package)
        and (parts[1] == wheel.version)
    )


def _normal(package: str) -> str:
    """A project's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", package).lower()
