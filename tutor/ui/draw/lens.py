"""The logit lens as lines: what would be said after each layer, and how near the final answer is."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

from rich.text import Text

from tutor.decoding.token_pictures import name_of
from tutor.domain.language import tr
from tutor.domain.model import Candidate, Lens, LensLayer
from tutor.ui.draw.frames.bars import bar_style, rightward
from tutor.ui.draw.palette import Palette, mark_sign
from tutor.ui.draw.wrap import wrap
from tutor.ui.widgets.fit import fit

_LONGEST_BAR, _LONGEST_NAME = 24, 20


class Arrival(NamedTuple):
    """The layers at which the final answer is on top for the first time, and from which on it stays there."""

    first: int
    stays: int


def arrival(lens: Lens) -> Arrival:
    on_top = [layer.rank == 0 for layer in lens.layers]
    stays = next((i for i in range(len(on_top), 0, -1) if not on_top[i - 1]), 0)
    return Arrival(on_top.index(True), min(stays, len(on_top) - 1))


class _Columns(NamedTuple):
    name: int
    bar: int


def _columns(width: int) -> _Columns:
    cells = max(8, min(_LONGEST_NAME, width // 4))
    return _Columns(cells, max(4, min(_LONGEST_BAR, (width - cells - 34) // 2)))


def heading(answer: str, width: int, palette: Palette) -> Text:
    """The names of the columns of `row`."""
    columns = _columns(width)
    line = Text(_padded(tr("layer"), 6) + _padded(tr("would say"), columns.name + 9))
    line.append(_padded(tr("the answer {token}", token=answer), columns.bar + 8)).append("  ")
    line.append(tr("its rank (log scale)"))
    line.truncate(width)
    line.stylize(palette.muted)
    return line


def row(layer: LensLayer, worst: int, width: int, palette: Palette) -> Text:
    """Number, most likely token and its probability; of the final answer its probability and its rank, from 1.

    A rank's bar is full at 1 and empty at `worst`, on a logarithmic scale: it moves long before the probability does.
    """
    columns = _columns(width)
    best, here = layer.top[0], layer.rank == 0
    style = palette.good if here else palette.text
    near = 1 - log(layer.rank + 1) / log(max(worst, 1) + 1)
    bar = rightward(layer.probability * columns.bar, columns.bar, palette, layer.probability > 0.0005)
    rank_bar = rightward(near * columns.bar, columns.bar, palette, near > 0)
    line = Text.assemble(
        (f"{mark_sign('good') if here else ' '}{layer.layer:>3}  ", style),
        (_padded(name_of(best), columns.name), style),
        f" {exp(best.logprob):.4f}  ",
        (bar.ljust(columns.bar), bar_style(palette, "", alone=True)),
        f" {layer.probability:.4f} ",
        f"{layer.rank + 1:>8,} ",
        (rank_bar, palette.muted),
    )
    line.truncate(width)
    return line


def detail(layer: LensLayer, width: int, palette: Palette) -> list[Text]:
    """All that the lens found after a layer."""
    line = Text.assemble((tr("After layer {layer}:", layer=layer.layer), palette.strong))
    for candidate in layer.top:
        # No-break spaces keep a number beside its token.
        line.append(f"  {name_of(candidate)}\u00a0").append(f"{exp(candidate.logprob):.4f}", palette.muted)
    line.append(f"  {tr('entropy')}\u00a0{layer.entropy:.2f}\u00a0{tr('nats')}", palette.muted)
    return wrap(line, width)


def answer_lines(final: Sequence[Candidate], found: Arrival, width: int, palette: Palette) -> list[Text]:
    """The model's own answer, and where it came up."""
    best = final[0]
    said = tr("The answer: {token} with {probability}.", token=name_of(best), probability=f"{exp(best.logprob):.4f}")
    if found.first == found.stays:
        came = tr("It is on top from layer {layer} on.", layer=found.first)
    else:
        came = tr(
            "It is on top after layer {first} for the first time, from {stays} on for good.",
            first=found.first,
            stays=found.stays,
        )
    return wrap(Text.assemble((said, palette.strong), f" {came}"), width)


def _padded(text: str, cells: int) -> str:
    fitted = fit(Text(text), cells)
    return fitted.plain + " " * (cells - fitted.cell_len)
