"""A model file's header as lines: what it is, its bytes and parts as bars, the memory it takes, its tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rich.text import Text

from tutor.domain.frames import Bar, Bars
from tutor.domain.language import language, sentences, tr
from tutor.domain.modelfile import (
    PARTS,
    Memory,
    ModelFile,
    Share,
    Tensor,
    architecture,
    bits_per_weight,
    bytes_by_type,
    kv_bytes_per_token,
    parameters_by_part,
    part_of,
    trained_context,
    window,
)
from tutor.domain.plaintext import visible
from tutor.ui.draw.frames.bars import draw_bars
from tutor.ui.draw.palette import Palette
from tutor.ui.draw.wrap import wrap
from tutor.ui.widgets.fit import fit, row_of

WITH_SHAPE = 70  # cells; narrower rows leave the shape to the tensor's own lines

SORTS: dict[str, Callable[[Tensor], object]] = {
    "file": lambda tensor: 0,
    "size": lambda tensor: -tensor.bytes,
    "name": lambda tensor: _natural(tensor.name),
    "type": lambda tensor: (tensor.type, -tensor.bytes),
}


def sort_name(sort: str) -> str:
    names = {
        "file": tr("in the file's order"),
        "size": tr("largest first"),
        "name": tr("by name"),
        "type": tr("by type"),
    }
    return names[sort]


def amount(count: int) -> str:
    """Bytes as people say them."""
    if count >= 10**12:
        return f"{count / 1e12:,.1f} TB"
    return f"{count / 1e9:,.1f} GB" if count >= 10**10 else f"{count / 1e6:,.1f} MB"


def summary_lines(name: str, file: ModelFile, width: int, palette: Palette) -> list[Text]:
    """The file's name and size, and what the header says of the whole."""
    facts = tr(
        "GGUF {version}, {architecture}: {parameters} parameters in {tensors} tensors, {bits} bits each on average",
        version=file.version,
        architecture=visible(architecture(file)) or "?",
        parameters=f"{file.parameters:,}",
        tensors=f"{file.tensor_count:,}",
        bits=f"{bits_per_weight(file):.2f}",
    )
    return [
        row_of(Text(visible(name), palette.strong), Text(amount(file.bytes), palette.strong), width),
        *wrap(Text(facts, palette.muted), width),
    ]


def type_lines(file: ModelFile, width: int, palette: Palette) -> list[Text]:
    def note(share: Share) -> str:
        return tr(
            "{count} tensors, {bits} bits each",
            count=f"{share.tensors:,}",
            bits=f"{8 * share.bytes / share.parameters:.2f}",
        )

    bars = tuple(Bar(share.name, share.bytes, note=note(share)) for share in bytes_by_type(file))
    return draw_bars(Bars(bars), width, palette, language())


def part_lines(file: ModelFile, width: int, palette: Palette) -> list[Text]:
    bars = tuple(
        Bar(str(PARTS[share.name]), share.parameters, note=f"{share.parameters / file.parameters:.2%}")
        for share in parameters_by_part(file)
    )
    return draw_bars(Bars(bars), width, palette, language())


def memory_lines(file: ModelFile, memory: Memory, width: int, palette: Palette) -> list[Text]:
    """The file and the cache as bars of one scale, then what each token adds and what is left out of the sum."""
    if memory.cache is None:
        sentence = tr(
            "The metadata lacks the layers, heads or widths that a KV cache is reckoned from; the file alone takes "
            "{bytes}.",
            bytes=amount(memory.file),
        )
        return wrap(Text(sentence, palette.muted), width)
    bars = (Bar(tr("file"), memory.file), Bar(tr("KV cache"), memory.cache))
    lines = draw_bars(Bars(bars), width, palette, language())
    per_token = kv_bytes_per_token(file) or 0
    said = [tr("Each token adds {bytes} bytes of keys and values, 16 bits a number.", bytes=f"{per_token:,}")]
    trained = trained_context(file)
    if trained is not None and memory.context > trained:
        said.append(tr("The model was trained for {context} tokens at most.", context=f"{trained:,}"))
    elif trained is not None:
        said.append(tr("The model was trained for {context} tokens.", context=f"{trained:,}"))
    if (reach := window(file)) is not None:
        said.append(tr("Some layers look back over {window} tokens only: this is an upper bound.", window=f"{reach:,}"))
    said.append(tr("Not counted: the buffers of the computation, the program itself."))
    return lines + wrap(Text(sentences(said), palette.muted), width)


def metadata_line(key: str, value: object, width: int, palette: Palette) -> Text:
    shown = fit(Text(visible(str(value)[:200]), palette.muted), max(10, width // 2))
    return row_of(Text(visible(key)), shown, width)


def tensors_shown(tensors: Sequence[Tensor], sort: str, wanted: str) -> list[Tensor]:
    """Those whose name or type has `wanted` in it (letters' case aside), in the order `sort`, a key of SORTS."""
    word = wanted.casefold().strip()
    found = [each for each in tensors if word in each.name.casefold() or word == each.type.casefold()]
    return sorted(found, key=SORTS[sort])  # type: ignore[arg-type]  # each key is comparable with its own kind


def tensor_line(tensor: Tensor, width: int, palette: Palette) -> Text:
    columns = f"{tensor.type:<7} {tensor.bytes:>13,}"
    if width >= WITH_SHAPE:
        columns = f"{' x '.join(map(str, tensor.shape)):>15}  {columns}"
    return row_of(Text(visible(tensor.name)), Text(columns, palette.muted), width)


def tensor_lines(tensor: Tensor, width: int, palette: Palette) -> list[Text]:
    """All about one tensor."""
    sentence = tr(
        "{part}: {shape} = {parameters} numbers of {bits} bits, from byte {offset} of the file",
        part=PARTS[part_of(tensor)],
        shape=" x ".join(f"{n:,}" for n in tensor.shape),
        parameters=f"{tensor.parameters:,}",
        bits=f"{8 * tensor.bytes / tensor.parameters:.2f}",
        offset=f"{tensor.offset:,}",
    )
    return wrap(Text(sentence, palette.muted), width)


def _natural(name: str) -> list[tuple[str, int]]:
    """Layer 2 before layer 10."""
    return [(word, int(digits or 0)) for word, digits in re.findall(r"(\D*)(\d*)", name)]
