"""The pictures of a demo as lines: one module a kind of frame, and `spoken` for all of them in words."""

from __future__ import annotations

from rich.text import Text

from tutor.domain.demo import Step
from tutor.domain.frames import Bars, Curve, Frame, Matrix, Note, Table, Timeline, Tokens, Tree
from tutor.domain.plaintext import clean
from tutor.ui.draw.frames.bars import draw_bars
from tutor.ui.draw.frames.curve import draw_curve
from tutor.ui.draw.frames.matrix import draw_matrix
from tutor.ui.draw.frames.spoken import speak
from tutor.ui.draw.frames.table import draw_table
from tutor.ui.draw.frames.timeline import draw_timeline
from tutor.ui.draw.frames.tokens import draw_tokens
from tutor.ui.draw.frames.tree import draw_tree
from tutor.ui.draw.palette import Palette
from tutor.ui.draw.wrap import wrap

__all__ = ["draw", "draw_step"]


def draw(frame: Frame, width: int, palette: Palette, language: str) -> list[Text]:
    """`frame` in lines of at most `width` cells (made for 30 and more), in `zh` or `en`. Empty frames give no lines."""
    if palette.spoken and not isinstance(frame, Note):
        return speak(frame, width, language)
    match frame:
        case Tokens():
            return draw_tokens(frame, width, palette, language)
        case Matrix():
            return draw_matrix(frame, width, palette, language)
        case Bars():
            return draw_bars(frame, width, palette, language)
        case Tree():
            return draw_tree(frame, width, palette, language)
        case Curve():
            return draw_curve(frame, width, palette, language)
        case Table():
            return draw_table(frame, width, palette, language)
        case Timeline():
            return draw_timeline(frame, width, palette, language)
        case Note():
            return wrap(Text(clean(frame.text.get(language)).strip(), palette.text), width)


def draw_step(step: Step, width: int, palette: Palette, language: str) -> list[Text]:
    """A step: its title, its frames, its note, a blank line between each."""
    title = Text(clean(step.title.get(language)), palette.heading)
    note = Text(clean(step.note.get(language)).strip(), palette.text)
    blocks = [wrap(title, width) if title else []]
    blocks += [draw(frame, width, palette, language) for frame in step.frames]
    blocks.append(wrap(note, width) if note else [])
    lines: list[Text] = []
    for block in blocks:
        if lines and block:
            lines.append(Text())
        lines += block
    return lines
