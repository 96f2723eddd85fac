"""The measure that the program's screen is held to: a stock Textual application with a stock list of 36 rows."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import OptionList


class BareApp(App[None]):
    def compose(self) -> ComposeResult:
        yield OptionList(*(f"Row {number}" for number in range(1, 37)))


if __name__ == "__main__":
    BareApp().run()
