"""The few styles everything is drawn in. One accent; a sign beside every colour that means something.

The true colours were picked so that Rich's own fall to 16 colours keeps them readable: no text lands on black on
a dark ground or on white on a light one, and muted text stays text.
"""

from __future__ import annotations

from typing import NamedTuple

from rich.style import Style

from tutor.domain.marks import MARKS

# One cell in every terminal: none of these is of ambiguous East Asian width.
MARK_SIGNS: dict[str, str] = {
    "": " ",
    "new": "+",
    "chosen": ">",
    "kept": "=",
    "cut": "x",
    "good": "✓",
    "bad": "✗",
    "muted": ".",
}

SPACE_SIGN = "␣"
CONTINUED = "↳"


class Palette(NamedTuple):
    """`text` is null: it takes the colour of whatever it is printed on. `heat` runs from low to high.

    `spoken` asks for sentences instead of pictures: what is drawn will be read aloud.
    """

    text: Style
    muted: Style
    strong: Style
    emphasis: Style
    accent: Style
    heading: Style
    code: Style
    rule: Style
    link: Style
    good: Style
    bad: Style
    new: Style
    chosen: Style
    kept: Style
    cut: Style
    selection: Style
    token_colours: tuple[Style, ...]
    heat: tuple[Style, ...]
    spoken: bool = False

    @property
    def plain(self) -> bool:
        """No style at all: what styles would have said must be said by characters."""
        return not self.accent


DARK = Palette(
    text=Style(),
    muted=Style(color="#9aa3ab"),
    strong=Style(bold=True),
    emphasis=Style(italic=True),
    accent=Style(color="#4fb3c8"),
    heading=Style(color="#4fb3c8", bold=True),
    code=Style(color="#d9c9a3"),
    rule=Style(color="#5f6972"),
    link=Style(color="#4fb3c8", underline=True),
    good=Style(color="#5cb04a", bold=True),
    bad=Style(color="#e5786d", bold=True),
    new=Style(color="#4fb3c8"),
    chosen=Style(color="#4fb3c8", bold=True),
    kept=Style(),
    cut=Style(color="#9aa3ab"),
    selection=Style(color="#ffffff", bgcolor="#2a5568"),
    token_colours=(Style(color="#eef3f5", bgcolor="#22444f"), Style(color="#eef3f5", bgcolor="#3d424a")),
    heat=(
        Style(color="#7d8790"),
        Style(color="#a3b1ba"),
        Style(color="#7fc4d4"),
        Style(color="#4fb3c8"),
        Style(color="#4fb3c8", bold=True),
    ),
)

LIGHT = Palette(
    text=Style(),
    muted=Style(color="#646e78"),
    strong=Style(bold=True),
    emphasis=Style(italic=True),
    accent=Style(color="#1950a8"),
    heading=Style(color="#1950a8", bold=True),
    code=Style(color="#6b5020"),
    rule=Style(color="#8d969e"),
    link=Style(color="#1950a8", underline=True),
    good=Style(color="#267f2e", bold=True),
    bad=Style(color="#b3261e", bold=True),
    new=Style(color="#1950a8"),
    chosen=Style(color="#1950a8", bold=True),
    kept=Style(),
    cut=Style(color="#646e78"),
    selection=Style(color="#10202a", bgcolor="#b9d7e4"),
    token_colours=(Style(color="#10202a", bgcolor="#bdd5e0"), Style(color="#10202a", bgcolor="#cbc6ba")),
    heat=(
        Style(color="#7d8790"),
        Style(color="#5f6b75"),
        Style(color="#3d6699"),
        Style(color="#1950a8"),
        Style(color="#1950a8", bold=True),
    ),
)

# The terminal's own colours, by their numbers: what the person chose for their terminal, and the fewest bytes.
TERMINAL = Palette(
    text=Style(),
    muted=Style(color="bright_black"),
    strong=Style(bold=True),
    emphasis=Style(italic=True),
    accent=Style(color="cyan"),
    heading=Style(color="cyan", bold=True),
    code=Style(color="yellow"),
    rule=Style(color="bright_black"),
    link=Style(color="cyan", underline=True),
    good=Style(color="green", bold=True),
    bad=Style(color="red", bold=True),
    new=Style(color="cyan"),
    chosen=Style(color="cyan", bold=True),
    kept=Style(),
    cut=Style(color="bright_black"),
    selection=Style(reverse=True),
    token_colours=(Style(underline=True), Style(color="cyan")),
    heat=(Style(color="bright_black"), Style(), Style(color="cyan"), Style(bold=True), Style(color="cyan", bold=True)),
)

_NULL = Style()
PLAIN = Palette(
    text=_NULL,
    muted=_NULL,
    strong=_NULL,
    emphasis=_NULL,
    accent=_NULL,
    heading=_NULL,
    code=_NULL,
    rule=_NULL,
    link=_NULL,
    good=_NULL,
    bad=_NULL,
    new=_NULL,
    chosen=_NULL,
    kept=_NULL,
    cut=_NULL,
    selection=_NULL,
    token_colours=(_NULL,),
    heat=(_NULL,) * 5,
)
SPOKEN = PLAIN._replace(spoken=True)

_MARK_FIELDS = dict(zip(MARKS, ("text", "new", "chosen", "kept", "cut", "good", "bad", "muted"), strict=True))


def mark_style(palette: Palette, mark: str) -> Style:
    """The style of a mark of `tutor.domain.marks`; a mark unknown here is drawn as none."""
    style: Style = getattr(palette, _MARK_FIELDS.get(mark, "text"))
    return style


def mark_sign(mark: str) -> str:
    """The one-cell sign of a mark; a mark unknown here has none."""
    return MARK_SIGNS.get(mark, " ")
