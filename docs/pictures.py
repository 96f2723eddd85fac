"""The README's pictures: the program itself, driven in a real terminal, its screen written as SVG.

Needs the default model; a picture is only written again where the screen differs.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.picture import svg  # noqa: E402
from tests.terminal import Terminal  # noqa: E402
from tutor import places  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
# From the first row of home: the four labs, lesson 1, lesson 2.
TOKENIZER = "<down>" * 6
# Seconds without a word from the program: it has come to rest, unless it says that it computes.
QUIET = 1.0
COMPUTING = re.compile(r"(\.\.|%) +Esc (stops|停止)")
# Name, language, size, and what is typed: each piece after the screen has come to rest.
SHOTS: list[tuple[str, str, tuple[int, int], list[str]]] = [
    ("home-zh", "zh", (80, 24), []),
    ("home-en", "en", (80, 24), []),
    ("lesson-zh", "zh", (80, 24), [TOKENIZER, "<enter>", "n", "n"]),
    ("lesson-en", "en", (150, 32), [TOKENIZER, "<enter>", "n", "n"]),
    ("predict-zh", "zh", (80, 24), [TOKENIZER, "<enter>", "<tab>", "<enter>"]),
    (
        "demo-tokenizer-en",
        "en",
        (80, 24),
        [TOKENIZER, "<enter>", "<tab>", "<enter>", "1", "<space>", "<space>", "<space>"],
    ),
    ("demo-decoding-zh", "zh", (80, 24), ["<c-p>", "demo decoding", "<enter>", "<space>", "<space>"]),
    ("demo-decoding-en", "en", (80, 24), ["<c-p>", "demo decoding", "<enter>", "<space>", "<space>"]),
    ("quiz-zh", "zh", (80, 24), [TOKENIZER, "z", "2"]),
    ("quiz-en", "en", (80, 24), [TOKENIZER, "z", "2"]),
    ("models-en", "en", (80, 24), ["m"]),
    ("search-zh", "zh", (80, 24), ["/", "bpe"]),
    ("tutor-en", "en", (120, 34), ["<enter>", "a", "why pad on the left?<enter>"]),
    ("tutor-zh", "zh", (80, 24), ["<enter>", "a", "生成时为什么填充放左边？<enter>"]),
    *(
        (f"{name}-{language}", language, (80, 24), pieces)
        for language, text in (("zh", "最新款手机的价格最低。"), ("en", "The newest phone, 最新款"))
        for name, pieces in (
            ("lab-tokens", ["T", text, "<enter>", "z"]),
            ("lab-decoding", ["D", "<space>", "<space>", "<space>"]),
            ("lab-beam", ["D", "B", "<space>", "<space>", "<space>"]),
            ("lab-lockstep", ["D", "C", *["<space>"] * 5]),
            ("lab-attention", ["I"]),
            ("lab-layers", ["I", "2"]),
            ("lab-surprise", ["I", "3"]),
            ("lab-neighbours", ["I", "4"]),
            ("lab-file", ["I", "5"]),
            ("lab-arena", ["V", *"1 1 3 2 3 1".replace(" ", " <space> ").split()]),
        )
    ),
]


def rest(terminal: Terminal) -> None:
    """Wait until the screen stands still and nothing is being computed."""
    terminal.settle(QUIET)
    while COMPUTING.search(terminal.text()):
        terminal.settle(QUIET)


def take(names: list[str]) -> None:
    """Take the pictures named, or all."""
    PICTURES.mkdir(exist_ok=True)
    models = str(places.models_folder())
    for name, language, size, pieces in SHOTS:
        if names and name not in names:
            continue
        with tempfile.TemporaryDirectory() as home:
            environment = {"QWTUTOR_HOME": home, "QWTUTOR_MODELS": models, "LC_ALL": "C.UTF-8"}
            with Terminal([sys.executable, "-m", "tutor", "--lang", language], size=size, env=environment) as terminal:
                rest(terminal)
                for piece in pieces:
                    terminal.send(piece)
                    rest(terminal)
                drawn = svg(terminal, title="qwtutor")
        path = PICTURES / f"{name}.svg"
        if not path.exists() or path.read_text(encoding="utf-8") != drawn:
            path.write_text(drawn, encoding="utf-8")
            print(f"{path.relative_to(ROOT)} written", file=sys.stderr)


if __name__ == "__main__":
    os.chdir(ROOT)
    take(sys.argv[1:])
