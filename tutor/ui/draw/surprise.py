"""A text coloured by how unexpected each of its tokens was, with the step of each in digits below it."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tutor.decoding.token_pictures import name_of
from tutor.domain.language import sentences, tr
from tutor.domain.model import Candidate, Score, TokenPiece
from tutor.domain.plaintext import visible
from tutor.ui.draw.frames.bars import rightward
from tutor.ui.draw.palette import Palette
from tutor.ui.draw.wrap import graphemes
from tutor.ui.widgets.fit import fit

# Where the steps 2 to 5 begin, in bits: a probability of 1/2, 1/8, 1/64, 1/1024.
STEPS = (1, 3, 6, 10)
BAR = 16
LABEL, SHORT_LABEL, WIDE = 18, 10, 70


@dataclass(frozen=True)
class Scored:
    """A text's tokens and the surprise of each but the first."""

    pieces: tuple[TokenPiece, ...]
    score: Score

    def nats(self, index: int) -> float | None:
        """The surprise of a token; None for the first, which nothing stands before."""
        return self.score.nll[index - 1] if index else None

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(name_of(piece) for piece in self.pieces)


def bits(nats: float) -> float:
    return nats / math.log(2)


def step_of(nats: float) -> int:
    """1 for what was expected, up to 5."""
    return 1 + bisect_right(STEPS, bits(nats))


def sign_of(nats: float | None) -> str:
    return "-" if nats is None else str(step_of(nats))


def style_of(nats: float | None, palette: Palette) -> Style:
    return palette.muted if nats is None else palette.heat[step_of(nats) - 1]


def percent(nats: float) -> str:
    """The probability that belongs to a surprise."""
    share = 100 * math.exp(-nats)
    return f"{share:.1f}%" if share >= 0.1 else f"{share:.1g}%"


def summary(scored: Scored) -> str:
    score = scored.score
    return tr(
        "{count} tokens, mean {bits} bits = {nats} nats, perplexity {perplexity}, all {total} bits",
        count=f"{len(score.ids):,}",
        bits=f"{bits(score.mean_nll):.2f}",
        nats=f"{score.mean_nll:.2f}",
        perplexity=f"{score.perplexity:,.1f}",
        total=f"{bits(math.fsum(score.nll)):,.1f}",
    )


def comparison(one: Scored, other: Scored) -> str:
    """Which of two texts was expected more: by token, and as a whole."""
    mean = bits(other.score.mean_nll - one.score.mean_nll)
    whole = bits(math.fsum(other.score.nll) - math.fsum(one.score.nll))
    said = []
    if mean >= 0:
        said.append(tr("A token of the other text is {bits} bits more surprising on average.", bits=f"{mean:.2f}"))
    else:
        said.append(tr("A token of the other text is {bits} bits less surprising on average.", bits=f"{-mean:.2f}"))
    if whole >= 0:
        said.append(tr("As a whole it is {bits} bits more surprising.", bits=f"{whole:.1f}"))
    else:
        said.append(tr("As a whole it is {bits} bits less surprising.", bits=f"{-whole:.1f}"))
    if (mean >= 0) != (whole >= 0):
        said.append(tr("The two differ because one has more tokens."))
    return sentences(said)


def detail(scored: Scored, index: int, width: int, palette: Palette) -> Text:
    """The token under the cursor in figures."""
    nats = scored.nats(index)
    line = Text.assemble((f"{index + 1} ", palette.muted), (scored.names[index], palette.strong), "  ")
    if nats is None:
        return fit(line + Text(tr("the first token: nothing stands before it, so it has no surprise")), width)
    figures = tr(
        "{bits} bits = {nats} nats, probability {percent}",
        bits=f"{bits(nats):.2f}",
        nats=f"{nats:.2f}",
        percent=percent(nats),
    )
    return fit(line + Text(figures), width)


def legend(width: int, palette: Palette) -> Text:
    """What the digits mean."""
    first, last = tr("1 under {bits} bit", bits=STEPS[0]), tr("5 more")
    middle = [f"{i} < {high}" for i, high in enumerate(STEPS[1:], 2)]
    line = Text()
    for i, words in enumerate((first, *middle, last)):
        line.append(words, palette.heat[i]).append("   ")
    return fit(line, width)


def row(scored: Scored, index: int, width: int, palette: Palette) -> Text:
    """A token in the list: its place, what it is, its surprise as bar and figures."""
    nats = scored.nats(index)
    style = style_of(nats, palette)
    label = LABEL if width >= WIDE else SHORT_LABEL
    name = fit(Text(scored.names[index]), label)
    line = Text.assemble((f"{index + 1:>4} ", palette.muted), name, " " * (label - name.cell_len))
    if nats is None:
        return fit(line + Text(tr("nothing stands before it"), palette.muted), width)
    figures = (
        tr("{bits} bits", bits=f"{bits(nats):6.2f}") + tr("{nats} nats", nats=f"{nats:7.2f}") + f"{percent(nats):>9}"
    )
    line.append(f" {step_of(nats)}", style).append(figures)
    room = min(2 * BAR, width - line.cell_len - 2)
    if room >= BAR // 2:
        # 16 bits and more fill the bar: a token in 65,536.
        line.append("  ").append(rightward(min(1.0, bits(nats) / 16) * room, room, palette, True), style)
    return fit(line, width)


class Coloured:
    """The layout of a scored text in lines of `width` cells: two rows a line, the tokens and their steps below."""

    def __init__(self, scored: Scored, width: int, palette: Palette) -> None:
        self.scored = scored
        self.palette = palette
        self.lines: list[list[tuple[int, str]]] = [[]]  # (token, the part of it that stands here)
        self.line_of: list[int] = []
        self._column_of: list[int] = []
        used = 0
        for index, label in enumerate(self._labels()):
            cells = cell_len(label)
            if used and used + cells > width:
                self.lines.append([])
                used = 0
            self.line_of.append(len(self.lines) - 1)
            self._column_of.append(used)
            for piece in _cut(label, width):
                if used + cell_len(piece) > width:
                    self.lines.append([])
                    used = 0
                self.lines[-1].append((index, piece))
                used += cell_len(piece)
        self.rows = [text for line in range(len(self.lines)) for text in self._pair(line, None)]

    def drawn(self, cursor: int | None) -> list[Text]:
        """All rows, the token `cursor` marked: only the lines that it is on are made anew."""
        rows = list(self.rows)
        if cursor is not None:
            line = self.line_of[cursor]
            while line < len(self.lines) and any(index == cursor for index, _ in self.lines[line]):
                rows[2 * line : 2 * line + 2] = self._pair(line, cursor)
                line += 1
        return rows

    def beside(self, cursor: int, step: int) -> int:
        """The token `step` lines below `cursor` and nearest to its column; `cursor` where there is no such line."""
        line = self.line_of[cursor] + step
        starting = [i for i, own in enumerate(self.line_of) if own == line] if 0 <= line < len(self.lines) else []
        if not starting:
            return cursor
        return min(starting, key=lambda i: abs(self._column_of[i] - self._column_of[cursor]))

    def _labels(self) -> list[str]:
        """The tokens as they are read: a space is a space; what is no whole character is its bytes."""
        return [
            name if "\ufffd" in piece.data.decode("utf-8", "replace") else visible(piece.text) or name
            for piece, name in zip(self.scored.pieces, self.scored.names, strict=True)
        ]

    def _pair(self, line: int, cursor: int | None) -> tuple[Text, Text]:
        words, steps = Text(), Text()
        for index, piece in self.lines[line]:
            nats = self.scored.nats(index)
            style = style_of(nats, self.palette)
            # Reversed, and not in the selection's colours: it must show where there are no colours.
            words.append(piece, style + Style(reverse=True) if index == cursor else style)
            goes_on = not steps and line > self.line_of[index]
            indent = len(piece) - len(piece.lstrip(" ")) if piece.strip() else 0
            below = " " * indent + (" " if goes_on else sign_of(nats))
            steps.append(below + " " * max(0, cell_len(piece) - cell_len(below)), style)
        words.rstrip()
        steps.rstrip()
        return words, steps


def _cut(label: str, width: int) -> list[str]:
    """A token wider than a line in pieces that fit."""
    if cell_len(label) <= width:
        return [label]
    pieces, used = [""], 0
    for start, end, cells in graphemes(label):
        if used + cells > width:
            pieces.append("")
            used = 0
        pieces[-1] += label[start:end]
        used += cells
    return pieces


def expected_rows(top: tuple[Candidate, ...], actual: int, width: int, palette: Palette) -> list[Text]:
    """The likeliest tokens at a place with their probabilities; the one that came is marked."""
    lines = []
    for candidate in top:
        came = candidate.id == actual
        name = fit(Text(name_of(candidate)), LABEL)
        style = palette.chosen if came else palette.text
        line = Text.assemble(("> " if came else "  ", palette.chosen), name, " " * (LABEL - name.cell_len))
        line.stylize(style)
        line.append(f"{percent(-candidate.logprob):>8}  ")
        room = max(4, min(2 * BAR, width - line.cell_len))
        line.append(rightward(math.exp(candidate.logprob) * room, room, palette, True), palette.accent)
        lines.append(fit(line, width))
    return lines
