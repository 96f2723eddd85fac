"""What `models info` says of a GGUF file: header, metadata, tensors; nothing of it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tutor.cli import output
from tutor.domain.language import tr
from tutor.domain.modelfile import ModelFile, plain
from tutor.domain.plaintext import visible

SHOWN = 60
"""Characters of a metadata value on a line: a chat template alone has thousands."""


def info_data(path: Path, file: ModelFile) -> dict[str, Any]:
    """Shapes as in the file, the fastest dimension first; `bytes` of each tensor and of the whole file."""
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "version": file.version,
        "tensor_count": file.tensor_count,
        "parameters": file.parameters,
        "metadata": {key: plain(value) for key, value in file.metadata.items()},
        "tensors": [
            {"name": each.name, "shape": each.shape, "type": each.type, "bytes": each.bytes} for each in file.tensors
        ],
    }


def print_info(path: Path, file: ModelFile) -> None:
    output.line(visible(str(path)))
    output.line(
        tr(
            "GGUF version {version}, {parameters} parameters in {tensors} tensors, {bytes} bytes",
            version=file.version,
            parameters=f"{file.parameters:,}",
            tensors=file.tensor_count,
            bytes=f"{path.stat().st_size:,}",
        )
    )
    output.line()
    for key, value in file.metadata.items():
        text = visible(str(value))
        output.line(f"{visible(key)}: {text if len(text) <= SHOWN else text[: SHOWN - 3] + '...'}")
    output.line()
    for each in file.tensors:
        shape = "×".join(str(size) for size in each.shape)
        output.line(f"{visible(each.name)}  {shape}  {each.type}  {each.bytes:,}")
