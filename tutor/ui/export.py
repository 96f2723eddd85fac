"""A run as a file: JSON that says how to do it again, text to read, a picture for a browser."""

from __future__ import annotations

import json
import re
import shlex
from html import unescape
from io import StringIO
from itertools import groupby
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tutor.decoding.documents import (
    Run,
    beam_strategy,
    branch_command,
    command,
    document,
    poll_command,
    prompt_of,
)
from tutor.decoding.exploration import Exploration
from tutor.decoding.runs import BeamRun, LockstepRun
from tutor.decoding.standing import Poll, names_of
from tutor.domain.errors import TutorError
from tutor.domain.language import tr
from tutor.domain.plaintext import clean, visible
from tutor.ui.draw.arena import poll_lines
from tutor.ui.draw.exploration import exploration_lines
from tutor.ui.draw.lockstep import lockstep_lines, parting_lines, parting_title
from tutor.ui.draw.palette import DARK, PLAIN, Palette
from tutor.ui.draw.search import TreeColumns, text_rows, tree_rows, verdict
from tutor.ui.draw.wrap import wrap

KINDS = {"json": ".json", "text": ".txt", "svg": ".svg"}
WIDTH = 100  # cells of the text and the picture
FONTS = "Noto Sans Mono CJK SC, DejaVu Sans Mono"
# Not null: pieces of text without any style would be joined again.
_INK = Style(color="default")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT_TAG = re.compile(r'(<text [^>]*textLength=")([0-9.]+)("[^>]*>)([^<]*)')


def export_run(run: Run, path: Path, kind: str) -> Path:
    """Write `run` to `path` as `kind`, one of KINDS; where a file of that name is, to a numbered name beside it.

    Returns where it was written. Raises TutorError with the reason where that cannot be.
    """
    content = {"json": _json, "text": _text, "svg": _svg}[kind](run)
    path = path.expanduser()
    while True:
        try:
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(content)
        except FileExistsError:
            path = free_name(path)
        except (OSError, ValueError) as error:
            raise TutorError(
                "The file {path} cannot be written: {why}.",
                hint="Choose another folder or name.",
                path=clean(str(path)),
                why=clean(getattr(error, "strerror", None) or str(error)),
            ) from None
        else:
            return path


def free_name(path: Path) -> Path:
    """`path`, or with a number behind its name where there is such a file."""
    number, found = 2, path
    while found.exists() or found.is_symlink():
        found = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return found


def default_name(run: Run) -> str:
    """A file name for `run`, without its ending."""
    return {Exploration: "exploration", BeamRun: "beam-search", LockstepRun: "lockstep", Poll: "votes"}[type(run)]


def picture(run: Run, width: int, palette: Palette) -> list[Text]:
    """All of a run but its head as lines of at most `width` cells."""
    match run:
        case Exploration():
            return exploration_lines(run, width, palette)
        case BeamRun():
            return _beam_lines(run, width, palette)
        case LockstepRun():
            step = len(run.steps)
            title = wrap(Text(parting_title(run, step), palette.heading), width)
            parting = [*title, Text(), *parting_lines(run, step, width, palette)]
            return [*lockstep_lines(run, step, width, palette), Text(), *parting]
        case Poll():
            return poll_lines(run, width, palette)


def svg(lines: list[Text], width: int, title: str) -> str:
    """Lines as an SVG document: text only, no script, no link, nothing to fetch."""
    console = Console(width=width, record=True, file=StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(_in_words(line, console), no_wrap=True, overflow="crop", highlight=False, markup=False)
    drawn = console.export_svg(title=title, unique_id="qwtutor")
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.S).replace("Fira Code", FONTS)
    return _NOT_XML.sub("", _TEXT_TAG.sub(_true_length, drawn))


def _in_words(line: Text, console: Console) -> Text:
    """`line` in pieces that are placed one by one, so that each stands in its column in a font of other widths too."""
    pieces: list[tuple[str, Style]] = []
    base = _INK + console.get_style(line.style)
    for segment in line.render(console):
        runs = groupby(segment.text, key=lambda character: "blank" if character.isspace() else cell_len(character))
        pieces += [("".join(run), base + segment.style if segment.style else base) for _, run in runs]
    return Text.assemble(*pieces)


def _true_length(tag: re.Match[str]) -> str:
    """Rich takes a character for a cell; a Han character is two, and browsers squeeze a text into its `textLength`."""
    before, length, between, content = tag.groups()
    shown = unescape(content)
    return f"{before}{float(length) / len(shown) * cell_len(shown):g}{between}{content}"


def _json(run: Run) -> str:
    return json.dumps(document(run), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _text(run: Run) -> str:
    lines = [*_head(run, PLAIN), Text(), *picture(run, WIDTH, PLAIN)]
    return "\n".join(line.plain.rstrip() for line in lines) + "\n"


def _svg(run: Run) -> str:
    head = [part for line in _head(run, DARK) for part in wrap(line, WIDTH, hang=2)]
    return svg([*head, Text(), *picture(run, WIDTH, DARK)], WIDTH, "qwtutor")


def _head(run: Run, palette: Palette) -> list[Text]:
    """What model, what prompt, and how to do it again, a line each: a command is copied whole."""
    if isinstance(run, Poll):
        facts = list(names_of(run.contest).items())
    else:
        prompt = prompt_of(run)
        facts = [(tr("model"), visible(prompt.model)), (tr("prompt"), visible(prompt.text))]
    commands = [shlex.join(words) for words in _commands(run) if words]
    # One with control characters in it would be another once they are taken out.
    facts += [(tr("again with"), each) for each in commands if clean(each) == each]
    return [Text.assemble((f"{name}: ", palette.muted), (value, palette.text)) for name, value in facts]


def _commands(run: Run) -> list[list[str] | None]:
    match run:
        case Exploration():
            return [branch_command(run, run.cursor, json=False)] if run.cursor else []
        case BeamRun():
            return [command(run.prompt, beam_strategy(run), run.max_tokens, json=False)]
        case LockstepRun():
            return [command(run.prompt, each, len(run.column(i)), json=False) for i, each in enumerate(run.strategies)]
        case Poll():
            return [poll_command(run)]


def _beam_lines(run: BeamRun, width: int, palette: Palette) -> list[Text]:
    step = len(run.steps)
    lines = [TreeColumns(width, run.length_penalty != 0).heading(palette)]
    lines += [text for _, text in tree_rows(run, step, width, palette, prompt=visible(run.prompt.text))]
    lines += [Text(), *text_rows(run, step, width, palette, whole=True)]
    if run.finished:
        lines += [Text(), *wrap(Text(verdict(run), palette.text), width)]
    return lines
