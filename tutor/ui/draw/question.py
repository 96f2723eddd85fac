"""A question's lines: its prompt, and its options with what was picked and what was right, and the verdict."""

from __future__ import annotations

from rich.text import Text

from tutor.domain.language import both, tr
from tutor.domain.quiz import Verdict
from tutor.ui.draw.grid import prefixed
from tutor.ui.draw.markdown import inline, markdown
from tutor.ui.draw.palette import MARK_SIGNS, Palette
from tutor.ui.draw.wrap import wrap


def prompt_lines(prompt: str, width: int, palette: Palette) -> list[Text]:
    """The prompt, which is Markdown."""
    return markdown(prompt, width, palette)


def option_lines(
    index: int,
    text: str,
    width: int,
    palette: Palette,
    *,
    cursor: bool = False,
    chosen: bool = False,
    verdict: bool | None = None,
    several: bool = False,
    language: str | None = None,
) -> list[Text]:
    """An option: `> (*) 1  text`, with the number that picks it.

    `cursor` is `>`, `chosen` a star in brackets (square ones where `several` may be chosen). `verdict` is None before
    grading; then True for an option that is right, False for one that is wrong and was chosen: ✓ or ✗ takes the star's
    place, still in brackets where it was chosen. Read aloud, the signs become words.
    """
    body = inline(text, palette)
    number = str(index + 1)
    if palette.spoken:
        return wrap(Text.assemble(f"{number}. ", body, _said(chosen, verdict, language)), width, hang=3)
    style = palette.accent if chosen or cursor else palette.text
    if verdict is not None:
        style = palette.good if verdict else palette.bad
    inside = "*" if verdict is None else MARK_SIGNS["good" if verdict else "bad"]
    left, right = "[]" if several else "()"
    box = f"{left}{inside if chosen else ' '}{right}" if verdict is None or chosen else f" {inside} "
    sign = Text.assemble((">" if cursor else " ", palette.accent), " ", (f"{box} {number}", style), "  ")
    if cursor and verdict is None:
        body.stylize_before(palette.accent)
    return prefixed(wrap(body, width - sign.cell_len), sign, Text(" " * sign.cell_len))


def _said(chosen: bool, verdict: bool | None, language: str | None) -> str:
    states = [both("chosen")] if chosen else []
    states += [both("right") if verdict else both("wrong")] if verdict is not None else []
    listed = both(", ").get(language).join(state.get(language) for state in states)
    return both(" ({states})", states=listed).get(language) if states else ""


def verdict_lines(verdict: Verdict, width: int, palette: Palette) -> list[Text]:
    """A verdict in words: right or not, the right answer, why, and what there is to know."""
    right = verdict.correct
    lines = [Text(tr("Right.") if right else tr("Not right."), style=palette.good if right else palette.bad)]
    if not right and verdict.expected:
        lines += markdown(tr("The answer is {answer}.", answer=verdict.expected.get()), width, palette)
    for text in (verdict.why, verdict.explain):
        if text:
            lines += [Text(), *markdown(text.get(), width, palette)]
    return lines
