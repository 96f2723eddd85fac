"""A turn of the tutor's as lines: question, answer with what nothing bears out marked, and what can be pressed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rich.style import Style
from rich.text import Text

from tutor.agent.events import Citation, Passage, Suggestion, Unsupported
from tutor.domain.errors import ModelMissing, TutorError
from tutor.domain.language import tr
from tutor.domain.plaintext import clean, visible
from tutor.ui.draw.markdown import markdown
from tutor.ui.draw.palette import Palette
from tutor.ui.draw.wrap import wrap
from tutor.ui.turn import ALONE, HINT, LESSONS, MISTAKE, Turn

NEAREST = 3
GIVEN = 20  # characters of a parameter that is shown with a demo
STRONGEST = 3
KINDS = ("section", "demo", "lab", "question")
DOUBT = "?"  # stands before what nothing bears out
_CITED = re.compile(r"\[([a-z0-9-]+)#([a-z0-9-]+)\]")
_CITED_HALF = re.compile(r"\s*\[[a-z0-9-]*(?:#[a-z0-9-]*)?\Z")
# Where a doubted stretch begins and ends, through Markdown and wrapping: from the private use area, each a cell wide.
_BEGIN, _END = "\ue000", "\ue001"
_MARKS = re.compile(f"[{_BEGIN}{_END}]")


class Action(NamedTuple):
    """Something to press that is about the turn itself: alone, stronger, fetch, again."""

    name: str
    turn: Turn


class Example(NamedTuple):
    """A question to ask by pressing it."""

    question: str


Pressed = Action | Example | Citation | Suggestion | Passage | Unsupported


class Part(NamedTuple):
    """A line, and what it stands for where it can be pressed."""

    text: Text
    key: Pressed | None = None


def turn_parts(turn: Turn, width: int, palette: Palette, *, fetch: str = "", local: str = "") -> list[Part]:
    """`turn` in lines of at most `width` cells. `fetch` names the model that could be fetched, `local` the one here where a server was asked."""
    parts = [*_question(turn, width, palette), *_answer(turn, width, palette)]
    if turn.busy:
        return [*parts, *_plain(under_way(turn), width, palette.muted)]
    if turn.stopped:
        parts += [*_plain(tr("(stopped)"), width, palette.muted), Part(Text())]
    if turn.trouble is not None:
        # What the lessons said before it failed stays, with where it stands.
        if cited := _cited(turn, width, palette):
            parts += [*cited, Part(Text())]
        return [*parts, *_trouble(turn, turn.trouble, width, palette, fetch=fetch, local=local)]
    if turn.kind == LESSONS and not turn.model and fetch:
        sentence = tr("Quoted from the lessons: no model is here. Fetch {model}  (f)", model=fetch)
        parts += [*_pressable(sentence, Action("fetch", turn), width, palette), Part(Text())]
    if _declined(turn):
        parts += _not_covered(turn, width, palette)
    else:
        parts += [*_cited(turn, width, palette), *_suggested(turn, width, palette)]
    if turn.kind == HINT and turn.strength < STRONGEST:
        parts += [Part(Text()), *_pressable(tr("A stronger hint  (a)"), Action("stronger", turn), width, palette)]
    return _single_spaced([*parts, *_foot(turn, width, palette)])


def under_way(turn: Turn) -> str:
    """What is being done. Where the sources are known already, the lessons have spoken and the model adds its words."""
    if turn.text and not turn.citations:
        return tr("answering..  Esc stops")
    reading = turn.progress if not turn.prompts else ""
    if turn.citations:
        return reading or tr("the model puts it in other words..  Esc keeps what stands here")
    return reading or tr("looking it up..  Esc stops")


def _single_spaced(parts: list[Part]) -> list[Part]:
    """At most one blank line in a row."""
    return [part for at, part in enumerate(parts) if part.text.plain or at == 0 or parts[at - 1].text.plain]


def cited_order(turn: Turn) -> list[tuple[str, str]]:
    """The sections that the answer cites, by the numbers they have in it; behind them those it only rests on."""
    inside = _CITED.findall(turn.text)
    return list(dict.fromkeys([*inside, *((each.lesson, each.section) for each in turn.citations)]))


def _declined(turn: Turn) -> bool:
    return turn.kind == LESSONS and not turn.covered


def _question(turn: Turn, width: int, palette: Palette) -> list[Part]:
    lines = wrap(Text(clean(turn.question), palette.strong), width - 2)
    signs = [Text("> ", palette.accent), *[Text("  ")] * (len(lines) - 1)]
    return [*(Part(sign + line) for sign, line in zip(signs, lines, strict=True)), Part(Text())]


def _answer(turn: Turn, width: int, palette: Palette) -> list[Part]:
    parts: list[Part] = []
    if turn.kind == ALONE:
        sentence = tr("The model alone, without the lessons. It may be wrong, and nothing here checks it:")
        parts += [*_plain(sentence, width, palette.bad), Part(Text())]
    if turn.kind == HINT:
        parts.append(Part(Text(tr("Hint {strength} of {all}", strength=turn.strength, all=STRONGEST), palette.accent)))
    parts += _called(turn, width, palette)
    if turn.withdrawn:
        parts += [*_plain(clean(turn.withdrawn), width, palette.muted), Part(Text())]
    if turn.text.strip() and not _declined(turn):
        parts += [*_marked(turn, width, palette), Part(Text())]
    return parts


def _called(turn: Turn, width: int, palette: Palette) -> list[Part]:
    """The tools that were used, a line each: what was asked of them stands in the trace."""
    names = [visible(call.tool) for call in turn.calls]
    return _plain(tr("used: {tools}", tools=", ".join(dict.fromkeys(names))), width, palette.muted) if names else []


def _marked(turn: Turn, width: int, palette: Palette) -> Iterator[Part]:
    """The answer; the line where a doubted stretch begins can be gone to, and says why."""
    # What the model says alone is doubted as a whole, which stands above it.
    doubts = sorted(() if turn.kind == ALONE else turn.unsupported, key=lambda each: each.start)
    source = _numbered(_with_marks(turn.text, doubts), turn)
    waiting, inside = iter(doubts), False
    for line in markdown(source, width, palette):
        begins = line.plain.count(_BEGIN)
        key = next(waiting, None) if begins else None
        for _ in range(begins - 1):
            next(waiting, None)
        drawn, inside = _coloured(line, palette.bad, inside)
        yield Part(drawn, key)


def _with_marks(text: str, doubts: list[Unsupported]) -> str:
    pieces, at = [], 0
    for each in doubts:
        if each.start < at:
            continue
        pieces += [text[at : each.start], _BEGIN, text[each.start : each.end], _END]
        at = each.end
    return "".join([_MARKS.sub("", piece) if piece not in (_BEGIN, _END) else piece for piece in [*pieces, text[at:]]])


def _numbered(text: str, turn: Turn) -> str:
    """Citations as the numbers that they have in the list below; one that is not written out yet is left out."""
    numbers = {cited: number for number, cited in enumerate(cited_order(turn), 1)}
    return _CITED.sub(
        lambda cited: f"[{numbers[cited[1], cited[2]]}]", _CITED_HALF.sub("", text) if turn.busy else text
    )


def _coloured(line: Text, style: Style, inside: bool) -> tuple[Text, bool]:
    """`line` with a sign and colour for what lies between the marks, and whether one is still open behind it."""
    drawn, at = Text(), 0
    for mark in _MARKS.finditer(line.plain):
        piece = line[at : mark.start()]
        if inside:
            piece.stylize(style)
        drawn += piece
        inside = mark[0] == _BEGIN
        if inside:
            drawn.append(DOUBT, style)
        at = mark.end()
    rest = line[at:]
    if inside:
        rest.stylize(style)
    return drawn + rest, inside


def _not_covered(turn: Turn, width: int, palette: Palette) -> list[Part]:
    """What is said instead of an answer, the nearest sections, and the way to ask the model alone."""
    parts = _plain(tr("The lessons do not cover this."), width, palette.strong)
    nearest = [each for each in turn.suggestions if each.kind == "section"] or _distinct(turn.passages)
    if nearest:
        parts += [Part(Text()), Part(Text(tr("Nearest in the lessons"), palette.muted))]
        for each in nearest[:NEAREST]:
            parts += _pressable(each.title.get(), each, width, palette)
    sentence = tr("What the model alone would say, unchecked")
    return [*parts, Part(Text()), *_pressable(sentence, Action("alone", turn), width, palette)]


def _distinct(passages: tuple[Passage, ...]) -> list[Passage]:
    return list({(each.lesson, each.section): each for each in reversed(passages)}.values())[::-1]


def _cited(turn: Turn, width: int, palette: Palette) -> list[Part]:
    by_place = {(each.lesson, each.section): each for each in turn.citations}
    titles = {(each.lesson, each.section): each.title.get() for each in turn.passages}
    rows: list[Part] = []
    for number, place in enumerate(cited_order(turn), 1):
        if place in by_place:
            text = Text.assemble(
                (f"{number} ", palette.muted), (f"[{place[0]}#{place[1]}]", palette.accent), " " + titles.get(place, "")
            )
            rows += _pressable(text, by_place[place], width, palette)
    return [Part(Text(tr("From the lessons"), palette.muted)), *rows] if rows else []


def _suggested(turn: Turn, width: int, palette: Palette) -> list[Part]:
    offered = [each for each in turn.suggestions if each.kind in KINDS]
    if not offered:
        return []
    names = {"section": tr("Read"), "demo": tr("Demo"), "lab": tr("Lab"), "question": tr("Question")}
    parts = [Part(Text()), Part(Text(tr("Go on"), palette.muted))]
    for each in offered:
        given = "".join(f"  {name}={value}" for name, value in each.given.items() if len(str(value)) <= GIVEN)
        text = Text.assemble((names.get(each.kind, "") + "  ", palette.accent), each.title.get() + given)
        parts += _pressable(text, each, width, palette)
    return parts


def _trouble(turn: Turn, error: TutorError, width: int, palette: Palette, *, fetch: str, local: str) -> list[Part]:
    parts = _plain(clean(error.message), width, palette.strong)
    if isinstance(error, ModelMissing) and fetch:
        sentence = tr("Fetch {model}  (f)", model=fetch)
        return [*parts, *_pressable(sentence, Action("fetch", turn), width, palette)]
    if error.hint:
        parts += _plain(clean(error.hint), width, palette.muted)
    parts += _pressable(tr("Try again  (r)"), Action("again", turn), width, palette)
    if local:
        parts += _pressable(tr("Ask {model} on this machine", model=local), Action("local", turn), width, palette)
    return parts


def _foot(turn: Turn, width: int, palette: Palette) -> list[Part]:
    if turn.kind in (HINT, MISTAKE) or not turn.seconds:
        return []
    figures = [f"{turn.seconds:.1f} s", tr("t: how it came about")]
    if turn.spoken and not any(each.kept for each in turn.spoken):
        lines = [tr("quotes; {model} added nothing", model=visible(turn.model)), "  ".join(figures)]
    else:
        lines = ["  ".join([visible(turn.model) if turn.model else tr("without a model"), *figures])]
    return [Part(Text()), *(part for line in lines for part in _plain(line, width, palette.muted))]


def _plain(sentence: str, width: int, style: Style) -> list[Part]:
    return [Part(line) for line in wrap(Text(sentence, style), width)]


def _pressable(text: Text | str, key: Pressed, width: int, palette: Palette) -> list[Part]:
    """As many lines as it needs; the cursor stands on the first."""
    whole = text if isinstance(text, Text) else Text(text, palette.accent)
    whole = Text(visible(whole.plain), spans=whole.spans) if whole.spans else Text(visible(whole.plain), palette.accent)
    lines = wrap(whole, width, hang=2)
    return [Part(lines[0], key), *(Part(line) for line in lines[1:])]
