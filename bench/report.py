"""Figures with what they are held to, as JSON and as the table of the README."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

PACKAGES = ("qwtutor", "textual", "rich", "llama-cpp-python", "numpy")


class Figure(NamedTuple):
    """One measured value. `most` or `least` bounds the ratio to the baseline, or the value where there is none."""

    what: str
    value: float
    unit: str
    baseline: float | None = None
    most: float | None = None
    least: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.baseline if self.baseline else None

    @property
    def holds(self) -> bool | None:
        """None where nothing was promised."""
        measured = self.value if self.ratio is None else self.ratio
        if self.most is not None:
            return measured <= self.most
        return None if self.least is None else measured >= self.least

    def document(self) -> dict[str, Any]:
        ratio = None if self.ratio is None else round(self.ratio, 3)
        return {**self._asdict(), "ratio": ratio, "holds": self.holds}


def machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", information.read_text(encoding="utf-8"), re.M)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def markdown(document: dict[str, Any]) -> str:
    """The document of `python -m bench` as Markdown: the machine in a sentence, then every figure in a row."""
    where = document["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in where["packages"].items())
    lines = [
        f"Measured on {where['processor']}, {where['cores']} cores, {where['system']}, Python {where['python']}; "
        f"{packages}.",
        "",
        "| measured | qwtutor | beside it | ratio | promised | holds |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for figures in document["figures"].values():
        lines += [_row(figure) for figure in figures]
    return "\n".join(lines) + "\n"


def _row(figure: dict[str, Any]) -> str:
    baseline, ratio = figure["baseline"], figure["ratio"]
    cells = [
        figure["what"],
        _amount(figure["value"], figure["unit"]),
        _amount(baseline, figure["unit"]) if baseline else "",
        f"{ratio:.2f}" if ratio is not None else "",
        _promise(figure),
        {True: "yes", False: "**no**", None: ""}[figure["holds"]],
    ]
    return f"| {' | '.join(cells)} |"


def _promise(figure: dict[str, Any]) -> str:
    sign, bound = ("≤", figure["most"]) if figure["most"] is not None else ("≥", figure["least"])
    if bound is None:
        return ""
    return f"{sign} {bound}×" if figure["baseline"] else f"{sign} {_amount(bound, figure['unit'])}"


def _amount(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 or value == int(value) else f"{value:.1f} {unit}"


def tell(sentence: str) -> None:
    """How far the measuring is, beside the document."""
    print(sentence, file=sys.stderr, flush=True)
