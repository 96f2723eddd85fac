"""Three looks: painted dark, painted light, and the terminal's own sixteen colours."""

from __future__ import annotations

from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

from tutor.ui.draw.palette import DARK, LIGHT, Palette

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

PALETTES: dict[str, Palette] = {"dark": DARK, "light": LIGHT, "terminal": TERMINAL}


def themes() -> list[Theme]:
    """What Textual itself paints: the ground, the input line, the scroll bar. All other colour is in the palettes."""
    return [
        _theme("dark", accent="#4fb3c8", ground="#15181b", ink="#d3d7dc", raised="#1e2327", quiet="#3a4248", dark=True),
        _theme(
            "light", accent="#1852a8", ground="#fbfaf7", ink="#23272b", raised="#efede7", quiet="#c4c4bd", dark=False
        ),
        _theme(
            "terminal",
            accent="ansi_cyan",
            ground="ansi_default",
            ink="ansi_default",
            raised="ansi_default",
            quiet="ansi_bright_black",
            dark=True,
        ),
    ]


def _theme(name: str, *, accent: str, ground: str, ink: str, raised: str, quiet: str, dark: bool) -> Theme:
    return Theme(
        name=name,
        primary=accent,
        secondary=accent,
        accent=accent,
        warning=accent,
        error=accent,
        success=accent,
        foreground=ink,
        background=ground,
        surface=ground,
        panel=raised,
        boost=raised,
        dark=dark,
        ansi=name == "terminal",
        variables={
            **(BUILTIN_THEMES["ansi-dark"].variables if name == "terminal" else {}),
            "scrollbar": quiet,
            "scrollbar-hover": quiet,
            "scrollbar-active": accent,
            "scrollbar-background": ground,
            "scrollbar-background-hover": ground,
            "scrollbar-background-active": ground,
            "scrollbar-corner-color": ground,
            "input-cursor-background": ink,
            "input-cursor-foreground": ground,
            "input-selection-background": quiet,
            "border": quiet,
            "border-blurred": quiet,
            "block-cursor-background": raised,
            "block-cursor-foreground": ink,
        },
    )
