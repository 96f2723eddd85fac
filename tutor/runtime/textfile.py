"""A text file of the reader's, read as it is."""

from __future__ import annotations

from pathlib import Path

from tutor.domain.errors import UsageError
from tutor.domain.plaintext import visible

MAX_BYTES = 1_000_000


def read_text(path: Path) -> str:
    """The text of the file at `path`, in UTF-8, its line ends as they are. Raises UsageError saying what is wrong."""
    name = visible(str(path))
    try:
        path = path.expanduser()
        if path.is_dir():
            raise UsageError("{path} is a folder; the path of a text file was expected.", path=name)
        if not path.is_file():
            raise UsageError("There is no file {path}.", hint="A path begins here, at / or at ~.", path=name)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:
        # No home folder; a null byte in the path.
        reason = visible(getattr(error, "strerror", None) or str(error))
        raise UsageError("{path} cannot be read: {reason}.", path=name, reason=reason) from None
    if len(data) > MAX_BYTES:
        raise UsageError("{path} is too large: at most {limit} bytes can be taken.", path=name, limit=f"{MAX_BYTES:,}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError(
            "{path} is no text in UTF-8: byte {at} is 0x{byte}.",
            path=name,
            at=error.start,
            byte=f"{data[error.start]:02x}",
        ) from None
