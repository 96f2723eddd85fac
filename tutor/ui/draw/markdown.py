"""A lesson's Markdown as lines. The source is untrusted: only text comes out, whatever goes in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tutor.domain.language import both
from tutor.domain.plaintext import clean
from tutor.ui.draw.grid import LEFT, prefixed, table
from tutor.ui.draw.palette import CONTINUED, Palette
from tutor.ui.draw.wrap import graphemes, wrap

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.tree import SyntaxTreeNode

# Text narrower than this is a pillar: deeper lists and quotes then stay at their parent's margin.
LEAST = 12
TAB = 4


def markdown(source: str, width: int, palette: Palette) -> list[Text]:
    """`source` in lines of at most `width` cells, one blank line between blocks.

    Paragraphs, lists, tables, emphasis, code, `math` fences, quotes, rules, headings; links as text and address.
    HTML is shown as it is written, an image as its description.
    """
    return _blocks(_parse(source).children, width, palette)


def inline(source: str, palette: Palette) -> Text:
    """One paragraph's worth of Markdown, not yet wrapped: a title, an option, a table cell."""
    text = Text("\n").join(_inline(node, palette) for node in _parse(source).walk() if node.type == "inline")
    return text if text.plain.strip() else Text(clean(source).strip())


def _parse(source: str) -> SyntaxTreeNode:
    from markdown_it.tree import SyntaxTreeNode

    return SyntaxTreeNode(_parser().parse(clean(source)))


@cache
def _parser() -> MarkdownIt:
    # Imported late: 30 ms that the first screen does not need.
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.inline.ruler.at("emphasis", _emphasis)
    return parser


def _emphasis(state: StateInline, silent: bool) -> bool:
    """CommonMark's emphasis, but a Han neighbour counts as a word's edge.

    By the letter of CommonMark 0.31 (6.2) the second `**` of `**误区：**人们` closes nothing, because it stands
    between punctuation and a letter without a space: a rule for languages that put spaces between words.
    """
    from markdown_it.rules_inline.state_inline import Delimiter

    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    scanned = state.scanDelims(state.pos, marker == "*")
    end = state.pos + scanned.length
    before = state.src[state.pos - 1] if state.pos else " "
    after = state.src[end] if end < state.posMax else " "
    can_open = scanned.can_open or (marker == "*" and _wide(before) and not after.isspace())
    can_close = scanned.can_close or (marker == "*" and _wide(after) and not before.isspace())
    for _ in range(scanned.length):
        token = state.push("text", "", 0)
        token.content = marker
        position = len(state.tokens) - 1
        state.delimiters.append(Delimiter(ord(marker), scanned.length, position, -1, can_open, can_close))
    state.pos = end
    return True


def _wide(character: str) -> bool:
    return cell_len(character) == 2


def _blocks(nodes: Sequence[SyntaxTreeNode], width: int, palette: Palette, *, tight: bool = False) -> list[Text]:
    lines: list[Text] = []
    for node in nodes:
        block = _block(node, width, palette)
        if lines and block and not tight:
            lines.append(Text())
        lines += block
    return lines


def _block(node: SyntaxTreeNode, width: int, palette: Palette) -> list[Text]:
    match node.type:
        case "paragraph":
            return wrap(_children(node, palette), width)
        case "heading":
            return wrap(_children(node, palette, palette.heading), width)
        case "bullet_list" | "ordered_list":
            return _list(node, width, palette)
        case "blockquote":
            return _quote(node, width, palette)
        case "fence" if node.info.strip() == "math":
            return _math(node.content, width, palette)
        case "fence" | "code_block":
            return code_block(node.content, width, palette)
        case "table":
            return _table(node, width, palette)
        case "hr" if palette.spoken:
            return []
        case "hr":
            return [Text.assemble((("-" if palette.plain else "─") * min(width, 24), palette.rule))]
        case _:
            return wrap(Text(clean(node.content)), width)


def _list(node: SyntaxTreeNode, width: int, palette: Palette) -> list[Text]:
    start = int(node.attrs.get("start", 1))
    ordered = node.type == "ordered_list"
    markers = [f"{start + i}. " if ordered else "- " for i in range(len(node.children))]
    size = max(map(len, markers))
    tight = all(child.hidden for item in node.children for child in item.children if child.type == "paragraph")
    lines: list[Text] = []
    for item, marker in zip(node.children, markers, strict=True):
        inner = width - size if width - size >= LEAST else width
        body = _blocks(item.children, inner, palette, tight=tight) or [Text()]
        if lines and not tight:
            lines.append(Text())
        if inner == width:
            lines += [Text.assemble((marker.rstrip(), palette.accent)), *body]
        else:
            lines += prefixed(body, Text(marker.rjust(size), palette.accent), Text(" " * size))
    return lines


def _quote(node: SyntaxTreeNode, width: int, palette: Palette) -> list[Text]:
    mistake = _names_a_mistake(node)
    bar = Text("> " if palette.plain else "▎ ", palette.accent if mistake else palette.rule)
    if palette.spoken or width - len(bar) < LEAST:
        return _blocks(node.children, width, palette)
    lines = _blocks(node.children, width - len(bar), palette)
    if mistake:
        _colour_first_strong(lines, palette)
    return prefixed(lines, bar, bar)


def _names_a_mistake(quote: SyntaxTreeNode) -> bool:
    strong = next((node for node in quote.walk() if node.type == "strong"), None)
    if strong is None:
        return False
    words = "".join(node.content for node in strong.walk() if node.type == "text").casefold()
    common = both("Common mistake")
    return words.startswith((common.zh.casefold(), common.en.casefold()))


def _colour_first_strong(lines: list[Text], palette: Palette) -> None:
    for line in lines:
        for span in line.spans:
            if span.style == palette.strong and span.end > span.start:
                line.stylize(palette.heading, span.start, span.end)
                return


def _math(source: str, width: int, palette: Palette) -> list[Text]:
    rows = [Text(row.rstrip()) for row in clean(source).expandtabs(TAB).rstrip("\n").split("\n")]
    block = max(row.cell_len for row in rows)
    margin = max(0, min((width - block) // 2, 8))
    return [line for row in rows for line in wrap(row, width, indent=margin, hang=min(2, width - margin - 1))]


def code_block(source: str, width: int, palette: Palette) -> list[Text]:
    """Code or a diagram, its spaces kept. A line that is too long goes on behind a sign on the next."""
    bar = Text("    " if palette.plain else "│ ", palette.rule)
    bar = bar if width - len(bar) >= LEAST else Text()
    room = width - len(bar)
    lines: list[Text] = []
    for row in clean(source).expandtabs(TAB).rstrip("\n").split("\n"):
        first, *rest = _pieces(row, room)
        lines.append(Text.assemble(bar, (first, palette.code)))
        lines += [Text.assemble(bar, (CONTINUED + " ", palette.muted), (piece, palette.code)) for piece in rest]
    return lines


def _pieces(row: str, room: int) -> list[str]:
    """`row` cut at `room` cells, and what follows at `room` less the continuation sign; after a space where one is."""
    if cell_len(row) <= room:
        return [row]
    pieces: list[str] = []
    start, used, space, space_used = 0, 0, 0, 0
    for begin, _, cells in graphemes(row):
        if row[start:begin].strip() and row[begin - 1] == " ":
            space, space_used = begin, used
        if used and used + cells > room - (2 if pieces else 0):
            cut, cut_used = (space, space_used) if space_used * 2 > room else (begin, used)
            pieces.append(row[start:cut])
            start, used, space, space_used = cut, used - cut_used, 0, 0
        used += cells
    return [*pieces, row[start:]]


def _table(node: SyntaxTreeNode, width: int, palette: Palette) -> list[Text]:
    rows = [row.children for part in node.children for row in part.children]
    aligns = [str(cell.attrs.get("style", "")).removeprefix("text-align:") or LEFT for cell in rows[0]]
    header, *body = [[_children(cell, palette) for cell in row] for row in rows]
    return table(header, body, width, palette, aligns=aligns)


def _children(node: SyntaxTreeNode, palette: Palette, style: Style | None = None) -> Text:
    text = Text()
    for child in node.children:
        if child.type == "inline":
            text.append_text(_inline(child, palette, style))
    return text


def _inline(node: SyntaxTreeNode, palette: Palette, style: Style | None = None) -> Text:
    text = Text()
    _append(text, node.children, palette, style or palette.text)
    return text


def _append(text: Text, nodes: Sequence[SyntaxTreeNode], palette: Palette, style: Style) -> None:
    for i, node in enumerate(nodes):
        match node.type:
            case "strong":
                _append(text, node.children, palette, style + palette.strong)
            case "em":
                _append(text, node.children, palette, style + palette.emphasis)
            case "code_inline":
                content = clean(node.content)
                text.append(f"`{content}`" if palette.plain else content, style + palette.code)
            case "link":
                _append_link(text, node, palette, style)
            case "image":
                _append(text, node.children, palette, style + palette.emphasis)
            case "hardbreak":
                text.append("\n")
            case "softbreak":
                text.append(_joint(text, nodes[i + 1 :]), style)
            case _:
                text.append(clean(node.content), style)


def _append_link(text: Text, node: SyntaxTreeNode, palette: Palette, style: Style) -> None:
    before = len(text)
    _append(text, node.children, palette, style + palette.link)
    address = clean(str(node.attrs.get("href", "")))
    if text.plain[before:] != address:
        text.append(f" ({address})", palette.muted)


def _joint(text: Text, following: Sequence[SyntaxTreeNode]) -> str:
    """A line's end in the source is a space, but nothing between two Han characters, be one in quotation marks."""
    after = next((leaf.content for node in following for leaf in node.walk() if leaf.content), "")[:1]
    before = text.plain[-1:]
    if not before or not after:
        return " "
    quoted = (_wide(before) and after in "“‘") or (before in "”’" and _wide(after))
    return "" if quoted or (_wide(before) and _wide(after)) else " "
