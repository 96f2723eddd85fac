"""Texts to cut: a mixed corpus of a megabyte from what ships, and strings that are made up."""

from __future__ import annotations

import random
import unicodedata
from functools import cache

from tests.conftest import ROOT

SIZE = 1_000_000
# What trips tokenizers: each alone and next to any other.
ODD = (
    "👩\u200d👩\u200d👧", "👩🏽\u200d💻", "🇨🇳🇨", "☃\ufe0f", "🏴\U000e0067\U000e007f",
    "e\u0301", "a\u0308\u0323", "ก\u0e34", "ｶﾞ", "ﾊﾟﾝ", "Ａ①", "ﬁ", "İ", "ß", "ſ", "'S", "'ſ", "’t",
    "龘", "𠮷", "㐀", "千问", "，", "。", "\u3000", "\u00a0", "\u2003", "\u200b", "\ufeff", "\u2028", "\x85",
    "\x00", "\x01", "\x1b[31m", "\x7f", "\t", "\n", "\r\n", "\r", " ", "  ", "    ", "\n\n", "0", "12345", "٣", "１２",
    "'ll", "don't", "O'RE", "_", "/", "//", "://", "...", "—", "✓", "עברית", "हिन्दी", "العربية", "한국어", "\U0010ffff",
)  # fmt: skip


@cache
def corpus() -> str:
    """One megabyte in UTF-8: lessons in both languages, the project's code, mixtures of their lines."""
    files = sorted([*ROOT.glob("lessons/*.yaml"), *ROOT.glob("quizzes/*.yaml"), *ROOT.glob("tutor/**/*.py")])
    text = (ROOT / "models" / "corpus.txt").read_text(encoding="utf-8")
    text += "".join(path.read_text(encoding="utf-8") for path in files)[: SIZE // 2]
    # The model's vocabulary has words of its own, which it reads in ordinary text; see its own test.
    text = text.replace("<tool_call>", "").replace("</tool_call>", "")
    lines, draw = text.splitlines(), random.Random(4)
    parts, size = [text], len(text.encode())
    while size < SIZE:
        part = "".join(draw.choice(lines)[: draw.randrange(1, 80)] for _ in range(3)) + draw.choice(ODD)
        parts.append(part)
        size += len(part.encode())
    return "".join(parts)


def strings(count: int) -> list[str]:
    """So many short strings, always the same: odd things, random characters, words."""
    draw = random.Random(36)
    words = corpus()[:20_000].split()

    def one() -> str:
        kind = draw.random()
        if kind < 0.5:
            return draw.choice(ODD)
        if kind < 0.7:
            return draw.choice(words)
        # Assigned characters only: what a new one is depends on how new an implementation's tables are.
        while unicodedata.category(character := chr(draw.randrange(0x110000 if kind < 0.8 else 0x3000))) in (
            "Cs",
            "Cn",
        ):
            pass
        return character

    return ["".join(one() for _ in range(draw.randrange(1, 12))) for _ in range(count)]
