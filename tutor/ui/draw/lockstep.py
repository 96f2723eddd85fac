"""Strategies in lockstep as lines: side by side where there is room, and where they part, what each made of the odds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text

from tutor.decoding.pictures import token_item
from tutor.decoding.runs import LockstepRun, label_of, logprob, off_top, strategy_name
from tutor.domain.frames import TokenItem, Tokens
from tutor.domain.language import language, tr
from tutor.domain.model import Candidate, DecodeStep
from tutor.domain.plaintext import visible
from tutor.ui.draw.frames.common import label_text
from tutor.ui.draw.frames.tokens import draw_tokens
from tutor.ui.draw.grid import LEFT, RIGHT, table
from tutor.ui.draw.palette import Palette, mark_sign
from tutor.ui.draw.wrap import wrap

SIDE_BY_SIDE = 100  # cells from which on columns stand beside each other
GAP = 3
CANDIDATES = 6  # of the distribution at which they part


def lockstep_lines(run: LockstepRun, step: int, width: int, palette: Palette, *, cursor: int = -1) -> list[Text]:
    """What each strategy wrote in the first `step` steps; `cursor` is the one that keys are about."""
    count = len(run.strategies)
    if width < SIDE_BY_SIDE:
        blocks = [_block(run, index, step, width, palette, here=index == cursor) for index in range(count)]
        return [line for block in blocks for line in (*block, Text())][:-1]
    room = (width - GAP * (count - 1)) // count
    return _beside([_block(run, index, step, room, palette, here=index == cursor) for index in range(count)], room)


def parting_title(run: LockstepRun, step: int) -> str:
    """Where they part, and with what; empty where they have not."""
    place = run.parting(step)
    if place is None:
        return ""
    names = ", ".join(f"{i} {label_text(_written(each))}" for i, each in enumerate(run.steps[place], start=1))
    return tr("They part at token {number}: {names}", number=place + 1, names=names)


def parting_lines(run: LockstepRun, step: int, width: int, palette: Palette) -> list[Text]:
    """The distribution at the first token where they part, and what each strategy made of it."""
    place = run.parting(step)
    if place is None:
        return wrap(Text(tr("They have written the same so far."), palette.muted), width) if step else []
    row = run.steps[place]
    header = [Text(tr("token")), Text("p"), *(Text(str(i)) for i in range(1, len(row) + 1))]
    rows = [_candidate_row(each, row) for each in _candidates(row)]
    draws = [Text(f"u={each.draw:.4f}" if each and each.draw is not None else "") for each in row]
    if any(draws):
        rows.append([Text(tr("random number"), palette.muted), Text(), *draws])
    aligns = [LEFT, *[RIGHT] * (len(header) - 1)]
    drawn = table(header, rows, width, palette, aligns=aligns)
    explained = tr("p is the model's own probability; then what each draws from: > took it, x had cut it before.")
    return [*drawn, *wrap(Text(explained, palette.muted), width)]


def _block(run: LockstepRun, index: int, step: int, width: int, palette: Palette, *, here: bool) -> list[Text]:
    """One strategy: its name, its numbers, its tokens."""
    steps = run.column(index, step)
    sign = "> " if here else "  "
    style = palette.heading if here else palette.strong
    lines = wrap(Text(f"{sign}{index + 1} {strategy_name(run.strategies[index])}", style), width, hang=4)
    lines += wrap(Text(_numbers(steps), palette.muted), width, indent=2)
    leaves = run.leaves(index, step) if index else run.parting(step)
    items = [_item(each, "new" if place == leaves else "") for place, each in enumerate(steps)]
    # No ground behind each: it would be the most of what a step sends.
    drawn = draw_tokens(Tokens(tuple(items)), width - 2, palette._replace(token_colours=(palette.text,)), language())
    return lines + [Text("  ") + line for line in drawn]


def _item(step: DecodeStep, mark: str) -> TokenItem:
    """A token; a control token, which adds nothing to the text, by its name."""
    text = step.text if step.data else visible(label_of(step))
    return replace(token_item(text, step.data, step.id) if step.data else TokenItem(text), id=None, mark=mark)


def _numbers(steps: Sequence[DecodeStep]) -> str:
    if not steps:
        return ""
    ended = tr("  ended") if steps[-1].finished else ""
    return (
        tr(
            "ln P {logprob}  {count} tokens, {distinct} different, {off} off the top",
            logprob=f"{logprob(steps):.2f}",
            count=len(steps),
            distinct=len({each.id for each in steps}),
            off=off_top(steps),
        )
        + ended
    )


def _beside(blocks: Sequence[Sequence[Text]], room: int) -> list[Text]:
    lines = []
    for i in range(max(map(len, blocks))):
        line = Text()
        for block in blocks:
            cell = block[i] if i < len(block) else Text()
            line = Text.assemble(line, cell, " " * max(0, room - cell.cell_len + GAP))
        line.rstrip()
        lines.append(line)
    return lines


def _written(step: DecodeStep | None) -> str:
    return tr("(ended)") if step is None else label_of(step)


def _candidates(row: Sequence[DecodeStep | None]) -> list[Candidate]:
    """The most probable tokens where they part, and those that were taken."""
    known: dict[int, Candidate] = {}
    taken = {each.id for each in row if each}
    for each in row:
        for candidate in each.top if each else ():
            if math.isfinite(candidate.logprob):
                known.setdefault(candidate.id, candidate)
        if each and each.id not in known:
            known[each.id] = Candidate(each.id, label_of(each), each.logprob)
    ranked = sorted(known.values(), key=lambda c: -c.logprob)
    return [each for place, each in enumerate(ranked) if place < CANDIDATES or each.id in taken]


def _candidate_row(candidate: Candidate, row: Sequence[DecodeStep | None]) -> list[Text]:
    cells = [Text(label_text(candidate.text)), Text(f"{math.exp(candidate.logprob):.4f}")]
    return cells + [Text(_share(candidate, each)) for each in row]


def _share(candidate: Candidate, step: DecodeStep | None) -> str:
    """What a strategy made of a candidate: its probability there, and whether it took it."""
    if step is None:
        return ""
    own = next((each for each in step.top if each.id == candidate.id), None)
    sign = mark_sign("chosen") if step.id == candidate.id else " "
    if own is None:
        return sign
    return f"{sign} {own.probability:.4f}" if own.kept else mark_sign("cut")
