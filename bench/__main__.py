"""Everything that is promised in figures, measured: `make bench`. One JSON document on standard output.

python -m bench [PART…]           screen, asking, bytes, decode, inside, tokens, store, content; all where none is named
python -m bench --markdown FILE   the table of the README from such a document
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import asking, content, decode, inside, report, screen, store, tokens, traffic
from bench.programs import as_installed
from bench.report import Figure
from tutor.runtime.catalogue import find

DECODE_ROUNDS, LEAST_RATE = 7, 0.93
ANSWERS, REVIEWS = 500, 10_000


def measure_screen(folder: Path) -> tuple[list[Figure], Any]:
    keys, details = screen.key_to_screen(folder)
    return [*screen.first_screen(folder), *keys, *screen.memory(folder)], details


def measure_bytes(folder: Path) -> tuple[list[Figure], Any]:
    return traffic.figures(folder)


def measure_decode(_: Path) -> tuple[list[Figure], Any]:
    """Greedy and beams are promised a rate, beside a bare loop and bare batches of as many sequences."""
    figures, details = [], []
    for name in screen.MODEL_NAMES:
        for what, sequences in (
            ("decoding with the ten most likely tokens of every step", 1),
            (f"beam search with {decode.BEAMS} beams", decode.BEAMS),
        ):
            detail = decode.measure(find(name), DECODE_ROUNDS, sequences)
            details.append(detail)
            ours, bare = detail["tokens_per_second"], detail["bare_tokens_per_second"]
            figures.append(Figure(f"{what}, {name}", ours, "tokens/s", bare, least=LEAST_RATE))
    return figures, details


def measure_inside(_: Path) -> tuple[list[Figure], Any]:
    measured = [inside.measure(name, find(name)) for name in screen.MODEL_NAMES]
    return [figure for figures, _ in measured for figure in figures], [details for _, details in measured]


def measure_store(folder: Path) -> tuple[list[Figure], Any]:
    details: dict[str, Any] = store.measure(folder, ANSWERS, REVIEWS)
    committed, bare = details["answer_committed"]["median_ms"], details["bare_commit"]["median_ms"]
    return [
        Figure("an answer safe on the disk, beside one row of SQLite alone", committed, "ms", bare),
        Figure(f"opening the progress after {REVIEWS:,} answers", details["open"]["median_ms"], "ms"),
    ], details


def measure_content(folder: Path) -> tuple[list[Figure], Any]:
    details = {}
    for count in content.SIZES:
        (folder / str(count)).mkdir()
        details[str(count)] = content.measure(count, folder / str(count))
    return [
        Figure(f"{what}, {count} lessons", times[key], "ms")
        for count, times in details.items()
        for key, what in (("warm", "listing the lessons"), ("search", "a search"))
    ], details


PARTS: dict[str, Callable[[Path], tuple[list[Figure], Any]]] = {
    "screen": measure_screen,
    "asking": asking.measure,
    "bytes": measure_bytes,
    "decode": measure_decode,
    "inside": measure_inside,
    "tokens": tokens.measure,
    "store": measure_store,
    "content": measure_content,
}


def measure(parts: list[str]) -> dict[str, Any]:
    document: dict[str, Any] = {"machine": report.machine(), "figures": {}, "details": {}}
    for part in parts:
        report.tell(f"measuring: {part}")
        with tempfile.TemporaryDirectory() as name, as_installed(Path(name)):
            figures, details = PARTS[part](Path(name))
        document["figures"][part] = [figure.document() for figure in figures]
        document["details"][part] = details
    return document


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what is promised in figures.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table from a document instead")
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"no part {unknown[0]}; there are {', '.join(PARTS)}")
    if options.markdown:
        print(report.markdown(json.loads(options.markdown.read_text(encoding="utf-8"))), end="")
        return 0
    document = measure(options.parts or list(PARTS))
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return int(any(figure["holds"] is False for figures in document["figures"].values() for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
