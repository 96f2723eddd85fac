"""A beam search as lines: its tree, a row a run of tokens, and the texts in the running beside greedy's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tutor.decoding.outline import CLOSED, Folding, Line, outline, spelled
from tutor.decoding.runs import BeamRun, distinct_pairs, logprob, off_top
from tutor.decoding.tree import SearchTree, branch_name
from tutor.domain.language import tr
from tutor.domain.model import Beam, DecodeStep
from tutor.domain.plaintext import visible
from tutor.ui.draw.palette import Palette, mark_sign, mark_style
from tutor.ui.draw.wrap import graphemes, wrap
from tutor.ui.widgets.fit import DOTS, fit

NUMBER = 9  # cells of a column of numbers
COUNT = 8
LEAST_TEXT = 12
REPEATS = 0.1  # how many fewer different pairs are worth a word
LISTED = 12  # pruned tokens that a fold names


def fit_end(text: str, width: int) -> str:
    """The end of `text` in at most `width` cells, two dots before it where something is left out."""
    return text if cell_len(text) <= width else DOTS + _tail(text, width - len(DOTS))


def fit_middle(text: str, width: int) -> str:
    """`text` in at most `width` cells: where it is too long, its beginning, two dots and its end."""
    if cell_len(text) <= width:
        return text
    head = fit(Text(text), width // 3 + len(DOTS)).plain
    return head + _tail(text, width - cell_len(head))


def _tail(text: str, width: int) -> str:
    start, used = len(text), 0
    for begin, _, cells in reversed(graphemes(text)):
        if used + cells > width:
            break
        start, used = begin, used + cells
    return text[start:]


@dataclass(frozen=True, slots=True)
class TreeColumns:
    """The widths of a tree's lines: the text, then ln P, the score where it differs, how many are folded."""

    width: int
    scored: bool

    @property
    def text(self) -> int:
        return self.width - NUMBER * (2 if self.scored else 1) - COUNT

    def heading(self, palette: Palette) -> Text:
        names = [tr("ln P"), tr("score")] if self.scored else [tr("ln P")]
        cells = "".join(_right(name, NUMBER) for name in names) + _right(tr("pruned"), COUNT)
        signs = fit(Text(tr("> best  = kept  ✓ finished  x pruned  . led to nothing")), self.text).plain
        return Text(signs + " " * (self.text - cell_len(signs)) + cells, palette.muted)


def tree_rows(
    run: BeamRun,
    step: int,
    width: int,
    palette: Palette,
    folding: Folding = CLOSED,
    *,
    prompt: str = "",
) -> list[tuple[Line, Text]]:
    """The tree after `step`, each line of it with its row of at most `width` cells."""
    columns = TreeColumns(width, run.length_penalty != 0)
    return [(line, _row(run.tree, line, columns, palette, prompt)) for line in outline(run.tree, step, folding)]


def _row(tree: SearchTree, line: Line, columns: TreeColumns, palette: Palette, prompt: str) -> Text:
    before = _branches(line, columns.text)
    room = columns.text - cell_len(before)
    if line.fold:
        return Text.assemble((before, palette.rule), (_fold(tree, line, columns.width - cell_len(before)), palette.cut))
    branch = tree.branches[line.end]
    style = mark_style(palette, line.mark)
    if not line.end:
        return Text(fit_end(prompt, columns.width), palette.strong)
    label = f"{mark_sign(line.mark)} {spelled([tree.branches[i] for i in line.nodes if i])}"
    label = fit_middle(label, room)
    row = Text.assemble((before, palette.rule), (label, style), " " * (room - cell_len(label)))
    numbers = [branch.total, branch.score] if columns.scored else [branch.total]
    row.append("".join(_right(f"{number:.3f}", NUMBER) for number in numbers), style if line.mark else palette.muted)
    if line.hidden:
        row.append(_right(f"x {line.hidden}", COUNT), palette.cut)
    return row


def _fold(tree: SearchTree, line: Line, room: int) -> str:
    """How many are folded here, and the best of them by name."""
    text = f"{mark_sign(line.mark)} " + tr("{count} pruned:", count=len(line.nodes))
    for place, node in enumerate(line.nodes):
        more = f"  {branch_name(tree.branches[node])} {tree.branches[node].total:.2f}"
        if place == LISTED or cell_len(text + more) > room - len(DOTS) - 1:
            return f"{text} {DOTS}"
        text += more
    return text


def _branches(line: Line, width: int) -> str:
    """What stands before a line; too deep for the width, how deep it is."""
    if not line.more:
        return ""
    above = "".join("│  " if follows else "   " for follows in line.more[:-1])
    follows = line.more[-1]
    here = ("├─ " if follows else "└─ ") if line.fork else ("│  " if follows else "   ")
    drawn = above + here
    return drawn if len(drawn) + LEAST_TEXT <= width else f"{len(line.more)}> "


def _right(text: str, width: int) -> str:
    return " " * max(0, width - cell_len(text)) + text


# -- the texts -----------------------------------------------------------------------------------------------------------


def text_rows(
    run: BeamRun, step: int, width: int, palette: Palette, *, most: int = 100, whole: bool = False
) -> list[Text]:
    """The texts in the running after `step`, best first, at most so many; under them what greedy wrote by then.

    A text has one line, and where it is too long its end; `whole` gives it as many as it needs.
    """
    columns = 3 if run.length_penalty != 0 else 2
    names = (tr("tokens"), tr("ln P"), tr("score"))[:columns]
    room = width - NUMBER * columns - 2
    lines = [Text(" " * (room + 2) + "".join(_right(name, NUMBER) for name in names), palette.muted)]
    running = run.tree.running(step)
    for place, index in enumerate(running[:most]):
        branch = run.tree.branches[index]
        mark = "good" if branch.fate == "finished" else "kept" if place else "chosen"
        numbers = _numbers(branch.depth, branch.total, branch.score)[:columns]
        text = _shown(run.tree.written(index), room, whole=whole)
        lines += _text_row(mark_sign(mark), text, numbers, room, mark_style(palette, mark))
    if len(running) > most:
        lines.append(Text(f"  {DOTS} " + tr("{count} more", count=len(running) - most), palette.muted))
    if greedy := run.greedy[:step]:
        total = logprob(greedy)
        numbers = _numbers(len(greedy), total, total / len(greedy) ** run.length_penalty)[:columns]
        text = _shown("".join(each.text for each in greedy), room, whole=whole, name=tr("greedy:") + " ")
        lines += _text_row("g", text, numbers, room, palette.accent)
    return lines


def _numbers(count: int, total: float, score: float) -> list[str]:
    return [_right(cell, NUMBER) for cell in (str(count), f"{total:.3f}", f"{score:.3f}")]


def _shown(text: str, room: int, *, whole: bool, name: str = "") -> list[str]:
    text = visible(text.lstrip(" "))
    if whole:
        return [line.plain for line in wrap(Text(name + text), room)]
    return [name + fit_end(text, room - cell_len(name))]


def _text_row(sign: str, text: Sequence[str], numbers: Sequence[str], room: int, style: Style) -> list[Text]:
    first, *rest = text
    line = Text(f"{sign} {first}" + " " * (room - cell_len(first)) + "".join(numbers), style)
    return [line, *(Text(f"  {each}", style) for each in rest)]


def verdict(run: BeamRun) -> str:
    """Who wins, and what kind of text the winner is: with the numbers of this very run."""
    best, greedy = run.beams[0], run.greedy
    won = _against_greedy(best, greedy)
    index = next(i for i in run.tree.running() if tuple(id for id, _, _ in run.tree.path(i)) == best.ids)
    return won + _dullness(best, run.first_choices(index), run.drawn) if run.drawn else won


def _dullness(best: Beam, first: int, drawn: Sequence[DecodeStep]) -> str:
    """Numbers for what Holtzman et al. (2020, section 4) found: the most probable text is not like people's."""
    own, other = -best.logprob / len(best.ids), -logprob(drawn) / len(drawn)
    if own >= other:
        return ""
    sentence = tr(
        " Why it is dull: {first} of its {count} tokens are the model's first choice (of a text drawn at temperature 1, "
        "seed 0: {others} of {all}), and each costs {own} nats on average ({other}). Probable text is bland and repeats "
        "itself (Holtzman et al. 2020).",
        first=first,
        count=len(best.ids),
        others=len(drawn) - off_top(drawn),
        all=len(drawn),
        own=f"{own:.2f}",
        other=f"{other:.2f}",
    )
    pairs, others = distinct_pairs(best.ids), distinct_pairs([each.id for each in drawn])
    if pairs < others - REPEATS:
        sentence += tr(
            " Of its pairs of tokens {pairs} are different ones, of the drawn text's {others}.",
            pairs=f"{pairs:.0%}",
            others=f"{others:.0%}",
        )
    return sentence


def _against_greedy(best: Beam, greedy: Sequence[DecodeStep]) -> str:
    total = logprob(greedy)
    numbers = {"greedy": f"{total:.2f}", "best": f"{best.logprob:.2f}", "own": len(best.ids), "other": len(greedy)}
    if tuple(each.id for each in greedy) == best.ids:
        return tr("greedy: ln P = {greedy}; the best beam is the same text.", **numbers)
    if total < best.logprob:
        return tr("greedy loses: ln P = {greedy} ({other} tokens); the best beam: {best} ({own}).", **numbers)
    return tr(
        "greedy: ln P = {greedy} ({other} tokens); the best beam: {best} ({own}). Beam search promises nothing.",
        **numbers,
    )
