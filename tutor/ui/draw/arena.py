"""Two answers side by side, and above them what there is to do or what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tutor.decoding.contest import LEFT, RIGHT, Contest, Round
from tutor.decoding.standing import Poll, names_of, revealed, standing
from tutor.domain.frames import Frame, Table
from tutor.domain.language import language, tr
from tutor.domain.plaintext import clean
from tutor.ui.draw.frames import draw
from tutor.ui.draw.palette import Palette, mark_sign
from tutor.ui.draw.wrap import wrap
from tutor.ui.widgets.fit import fit

PROMPT_LINES = 4
BETWEEN = " │ "
MOST = 160  # cells of both columns: longer lines are hard to read


def prompt_lines(prompt: str, width: int, palette: Palette) -> list[Text]:
    """What both are asked; where it is long, how it begins."""
    lines = wrap(Text(clean(prompt), palette.strong), width)
    if len(lines) > PROMPT_LINES:
        lines[PROMPT_LINES - 1 :] = [fit(lines[PROMPT_LINES - 1] + Text(" " * width), width)]
    return lines


def verdict_lines(
    contest: Contest, decided: Round, frames: Sequence[Frame], width: int, palette: Palette
) -> list[Text]:
    """What was voted and who was who, and under it how the votes stand."""
    said, who = revealed(contest, decided)
    lines = wrap(Text.assemble((said.get(), palette.accent), " ", (who.get(), palette.strong)), width)
    return [*lines, *standing_lines(frames, width, palette)]


def answer_columns(shown: Round, names: Sequence[str], width: int, palette: Palette) -> list[Text]:
    """The answers of `shown` in two columns of at most `width` cells together; `names` are empty as long as nobody knows."""
    room = (min(width, MOST) - len(BETWEEN)) // 2
    columns = [_column(shown, place, names, room, palette) for place in (0, 1)]
    height = max(map(len, columns))
    between = Text(BETWEEN, palette.rule)
    lines = []
    for y in range(height):
        left, right = (column[y] if y < len(column) else Text() for column in columns)
        lines.append(left + Text(" " * (room - left.cell_len)) + between + right)
    return lines


def _column(shown: Round, place: int, names: Sequence[str], room: int, palette: Palette) -> list[Text]:
    won = shown.verdict == (LEFT, RIGHT)[place]
    title = Text(f"{place + 1} {(tr('left answer'), tr('right answer'))[place]}", palette.heading)
    if names:
        title = Text.assemble(
            (f"{mark_sign('chosen')} " if won else "", palette.chosen), title, f"  {shown.order[place]}: {names[place]}"
        )
    lines = [fit(title, room), *wrap(Text(shown.answers[place], palette.text), room)]
    if shown.answered and not shown.whole[place]:
        lines.append(fit(Text(tr(".. cut off here"), palette.muted), room))
    if shown.answered and not shown.answers[place]:
        lines[1:2] = [fit(Text(tr("(no words)"), palette.muted), room)]
    return lines


def poll_lines(poll: Poll, width: int, palette: Palette) -> list[Text]:
    """How the votes stand, and every round with who was who."""
    names = names_of(poll.contest)
    lines = standing_lines(standing(poll), width, palette)
    for number, each in enumerate(poll.contest.rounds, start=1):
        said = revealed(poll.contest, each)[0]
        head = Text.assemble((f"{number}. ", palette.muted), (clean(each.prompt), palette.strong), "  ", said.get())
        lines += [Text(), *wrap(head, width)]
        if any(each.answers):
            lines += [Text(), *answer_columns(each, [names[side] for side in each.order], width, palette)]
    return lines


def standing_lines(frames: Sequence[Frame], width: int, palette: Palette) -> list[Text]:
    """The frames of `standing`, close together: the table between blank lines, sentences without."""
    lines: list[Text] = []
    for frame in frames:
        drawn = draw(frame, width, palette, language())
        lines += [Text(), *drawn, Text()] if isinstance(frame, Table) else drawn
    return lines
