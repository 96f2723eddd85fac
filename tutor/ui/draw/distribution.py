"""The next token as a picture: what the model offers, what the filters leave of it, where the random number falls."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tutor.decoding.exploration import Exploration
from tutor.decoding.pictures import stretch_drawn, stretches
from tutor.decoding.token_pictures import name_of
from tutor.decoding.token_pictures import shown as shown_text
from tutor.domain.language import tr
from tutor.domain.model import Candidate, DecodeStep, Strategy
from tutor.domain.plaintext import clean
from tutor.ui.draw.frames.bars import bar_style, rightward
from tutor.ui.draw.numbers import number
from tutor.ui.draw.palette import Palette, mark_sign, mark_style
from tutor.ui.draw.wrap import wrap
from tutor.ui.widgets.fit import fit

SHIFTING = ("repeat_penalty", "temperature")  # filters that change probabilities rather than cut tokens
STRATEGIES = ("greedy", "sample")  # how a token came that was not forced
LISTED = 40  # the best tokens of a distribution that are looked at

_STRUCK = Style(strike=True)
_UNDERLINED = Style(underline=True)


def taken(step: DecodeStep) -> Candidate:
    """What the strategy takes, as it is listed, or as much of it as a step says."""
    made = Candidate(step.id, step.text, step.logprob, data=step.data, ends=step.finished)
    return next((each for each in step.top if each.id == step.id), made)


# The text


def so_far(exploration: Exploration, width: int, height: int, palette: Palette) -> list[Text]:
    """The prompt and what was written after it, the token just written marked; of a long text the last lines.

    What the strategy did not choose is emphasized.
    """
    text = Text(clean(exploration.opening), palette.muted)
    pieces, unfinished = exploration.spelled(exploration.cursor)
    path = [exploration.nodes[index] for index in exploration.path(exploration.cursor)]
    text = Text.assemble(text)
    for node, piece in zip(path[:-1], pieces, strict=False):
        text.append(clean(piece), palette.text if node.how in STRATEGIES else palette.emphasis)
    for last in pieces[-1:]:
        shown = clean(last) if last.strip() else shown_text(last)
        text.append(f"[{shown}]" if palette.plain else shown, palette.chosen + _UNDERLINED)
        if last.endswith("\n"):
            text.append("\n")
    if unfinished:
        text.append(f"<{unfinished.hex(' ')}>", palette.bad)
    lines = wrap(text, width)
    if len(lines) <= height:
        return lines
    lines = lines[-height:]
    return [Text.assemble((".. ", palette.muted), *wrap(lines[0], width - 3)[-1:]), *lines[1:]]


# What the filters did


def entropy_line(step: DecodeStep) -> str:
    return tr(
        "Entropy {nats} nats = {bits} bits, like 1 of {equal}",
        nats=f"{step.entropy:.3f}",
        bits=f"{step.entropy / math.log(2):.3f}",
        equal=f"{math.exp(min(step.entropy, 700)):,.1f}",
    )


def stage_lines(step: DecodeStep, strategy: Strategy) -> Iterator[str]:
    """What the filters did, in the order in which they acted: first those that cut nothing, in one sentence."""
    values = {stage.name: f"{stage.name} {getattr(strategy, stage.name):g}" for stage in step.stages}
    shifting = [values[stage.name] for stage in step.stages if stage.name in SHIFTING and not stage.cut]
    if shifting:
        yield tr("{filters}: shifted the probabilities, cut nothing", filters=", ".join(shifting))
    for stage in step.stages:
        if stage.cut or stage.name not in SHIFTING:
            yield tr(
                "{filter}: keeps {kept} of {all}, cuts {mass} of the probability",
                filter=values[stage.name],
                kept=f"{stage.kept:,}",
                all=f"{stage.kept + stage.cut:,}",
                mass=_percent(stage.mass_cut),
            )


def _percent(share: float) -> str:
    return "< 0.1 %" if 0 < share < 0.001 else f"{share:.1%}".replace("%", " %")


def choice_line(step: DecodeStep) -> str:
    """What the strategy takes, and why this."""
    name = name_of(taken(step))
    if step.draw is None:
        return tr("Greedy takes the largest: {name}", name=name)
    stretch = stretch_drawn(step, step.top[:LISTED])
    if stretch is None:
        return tr("u = {u} draws {name}", u=f"{step.draw:.4f}", name=name)
    low, high = f"{stretch.low:.4f}", f"{stretch.high:.4f}"
    return tr("u = {u} falls on {name}, from {low} to {high}", u=f"{step.draw:.4f}", name=name, low=low, high=high)


def ruler(step: DecodeStep, width: int, palette: Palette) -> list[Text]:
    """[0, 1) laid out in `width` cells, each kept candidate its share of it, and under it where the draw fell.

    No line where nothing was drawn, or the chosen token lies between others than the listed ones.
    """
    if step.draw is None:
        return []
    line, used = Text(), 0
    for place, stretch in enumerate(stretches(step.top[:LISTED])):
        cells = round(stretch.high * width) - used
        if cells <= 0:
            continue
        used += cells
        style = palette.token_colours[place % len(palette.token_colours)]
        if stretch.candidate.id == step.id:
            style = palette.selection
        name = name_of(stretch.candidate)
        name = name if cell_len(name) < cells else ""
        edge = "|" if cells > 1 or palette.plain else " "
        line.append(name + " " * (cells - 1 - cell_len(name)) + edge, style)
    line.append("." * (width - used), palette.muted)
    return [line, Text(" " * min(width - 1, int(step.draw * width)) + "^", palette.accent)]


# The candidates


def scale(step: DecodeStep) -> float:
    """What a full bar stands for: 1, or the least of 1/2, 1/4, … that holds the most likely token."""
    best = max((math.exp(each.logprob) for each in step.top), default=1.0)
    high = 1.0
    while high / 2 >= best > 0:
        high /= 2
    return high


class _Columns(NamedTuple):
    """Cells of the label and of the bar."""

    label: int
    bar: int


BEHIND = 17  # cells behind the bar: the strategy's probability, the sign of the draw, whether the token ends the text
BETWEEN = 17  # cells of signs, rank, probability and gaps


def _columns(width: int) -> _Columns:
    label = max(8, min(24, width // 4))
    return _Columns(label, max(4, min(40, width - label - BETWEEN - BEHIND)))


def heading(step: DecodeStep, width: int, palette: Palette) -> Text:
    """The names of the columns of `rows`."""
    columns = _columns(width)
    line = Text("    # ")
    for text, cells in ((tr("token"), columns.label), (tr("model"), 7), (f"0 .. {scale(step):g}", columns.bar)):
        line.append(_padded(text, cells) + " ")
    if step.draw is not None:
        line.append(tr("strategy"))
    line.truncate(width)
    line.stylize(palette.muted)
    return line


def rows(step: DecodeStep, tried: Collection[int], width: int, palette: Palette) -> list[tuple[Candidate, Text]]:
    """A line for each candidate that is possible, best first; then those that a branch goes on with (`tried`) and the
    one that the strategy takes, where they are not among the best."""
    drawer = _Rows(step, tried, width, palette)
    listed = list(step.top)
    if all(each.id != step.id for each in listed):
        listed.append(taken(step))
    ranks = [str(rank) for rank in range(1, LISTED + 1)] + [""] * len(listed)
    return [
        (candidate, drawer.row(rank, candidate))
        for rank, candidate in zip(ranks, listed, strict=False)
        if math.isfinite(candidate.logprob)
    ]


class _Rows:
    def __init__(self, step: DecodeStep, tried: Collection[int], width: int, palette: Palette) -> None:
        self.step = step
        self.tried = tried
        self.palette = palette
        self.width = width
        self.columns = _columns(width)
        self.scale = scale(step)

    def row(self, rank: str, candidate: Candidate) -> Text:
        """Sign of its fate, `*` where it was tried, rank, token, the model's probability, the strategy's."""
        drawn, chosen = self.step.draw is not None, candidate.id == self.step.id
        mark = "chosen" if chosen else "kept" if candidate.kept or not drawn else "cut"
        style = mark_style(self.palette, mark)
        sign = mark_sign(mark) if drawn or chosen else " "
        tried = "*" if candidate.id in self.tried else " "
        name = fit(Text(name_of(candidate)), self.columns.label)
        p = math.exp(candidate.logprob)
        bar = rightward(min(1.0, p / self.scale) * self.columns.bar, self.columns.bar, self.palette, p > 0)
        line = Text.assemble(
            (f"{sign}{tried}{rank:>3} ", style),
            (name.plain, style + _STRUCK if mark == "cut" else style),
            " " * (self.columns.label - name.cell_len + 1),
            (f"{number(p, 4):>7} ", style),
            (bar.ljust(self.columns.bar + 1), bar_style(self.palette, mark, alone=False)),
            (f"{number(candidate.probability, 4):<6} " if drawn and candidate.probability > 0 else "", style),
            (("<- u" if drawn else "<-") if chosen else "", style),
            (" " + tr("ends") if candidate.ends else "", self.palette.muted),
        )
        line.rstrip()
        return fit(line, self.width)


def _padded(text: str, cells: int) -> str:
    fitted = fit(Text(text), cells)
    return fitted.plain + " " * (cells - fitted.cell_len)
