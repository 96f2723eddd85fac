"""Three looks: painted dark, painted light, and the terminal's own sixteen colours."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

from tutor.ui.draw.palette import DARK, LIGHT, TERMINAL, Palette

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
