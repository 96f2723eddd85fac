"""A small course, and mutations of content files."""

from __future__ import annotations

import random
import re
from pathlib import Path

LESSON = """\
format: 1
number: 7
slug: sheep
part: A
title: {zh: 羊怎么数？, en: How are sheep counted?}
answer: {zh: 一只一只地数。, en: One by one.}
goals:
  - {zh: 数到三, en: Count to three}
minutes: 5
terms:
  - {zh: 羊, en: sheep, definition: {zh: 一种动物, en: An animal}}
figures:
  - {demo: tokenizer, set: {corpus: {aa: 2}, merges: 1}, expect: {"merges[0]": [a, a]}}
sections:
  - id: one
    title: {zh: 第一只羊, en: The first sheep}
    body:
      zh: |
        羊（sheep）从门里出来。
        数一。
      en: |
        A sheep comes out of the gate.
        Count one.
  - demo: {name: tokenizer, set: {merges: 2}, predict: q-one}
  - check: q-two
references:
  - {authors: Anna Shepherd, title: On Counting, year: 1999, where: "arXiv:cs/9901001", supports: {zh: 一, en: one}}
"""

QUIZ = """\
format: 1
lesson: sheep
questions:
  - id: q-one
    section: one
    kind: choice
    prompt: {zh: 先数哪只？, en: Which comes first?}
    options:
      - {text: {zh: 第一只, en: the first}, correct: true, why: {zh: 从一开始, en: Counting starts at one}}
      - {text: {zh: 第二只羊, en: the second one}, why: {zh: 跳过了一, en: It skips one}}
    explain: {zh: 从一开始。, en: From one.}
  - id: q-two
    section: one
    kind: number
    prompt: {zh: 两只加一只？, en: Two and one?}
    answer: 3
    tolerance: 0
    unit: sheep
    explain: {zh: 三只。, en: Three.}
"""

SCRAPS = [
    b"&a ", b"*a", b"&a [*a]", b"[", b"{", b"]", b"}", b"[[[[[[[[", b"<<: *a\n", b"!!python/object/apply:os.system [ls]",
    b"!!binary aGk=", b"\x00", b"\x1b[31m", b"\t", b"\xff", b"\xef\xbb\xbf", b"9" * 5000, b".inf", b"-.nan", b"2024-01-01",
    b"? ", b"- ", b": ", b"\n\n", b"|\n", b">-\n", b"'", b'"', b"\\", b"#", b"---\n", b"...\n", b"%TAG ! x\n", b"null", b"true",
    "\u202e".encode(), "\u2028".encode(), b"kind: order\n", b"zh: ", b"1e999", b"0x" + b"f" * 400, b"~", b"  ",
]  # fmt: skip


def make_course(folder: Path, lesson: str = LESSON, quiz: str | None = QUIZ, name: str = "07-sheep.yaml") -> Path:
    """Writes a course of one lesson into `folder`; more calls add more."""
    for kind, text in (("lessons", lesson), ("quizzes", quiz)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        if text is not None:
            (folder / kind / name).write_text(text, encoding="utf-8")
    return folder


def numbered(number: int, slug: str) -> tuple[str, str, str]:
    """The sample lesson and quiz under another number and slug, and their file name."""
    lesson = LESSON.replace("number: 7", f"number: {number}").replace("slug: sheep", f"slug: {slug}")
    return lesson, QUIZ.replace("lesson: sheep", f"lesson: {slug}"), f"{number:02d}-{slug}.yaml"


def replaced(text: str, old: str, new: str) -> str:
    """`text` with `old`, which must be there, replaced."""
    assert old in text, old
    return text.replace(old, new, 1)


def line_of(text: str, part: str) -> int:
    """The number of the first line that holds `part`."""
    return next(number for number, line in enumerate(text.splitlines(), start=1) if part in line)


def mutate(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """`data` with one to six things done to it: bytes flipped, cut, doubled, moved, scraps of YAML put in."""
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randrange(len(data) + 1), chance.choice([1, 2, 8, 64, 700])
        match chance.randrange(7):
            case 0 if data:
                at = chance.randrange(len(data))
                data = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
            case 1:
                data = data[:at] + data[at + length :]
            case 2:
                data = data[:at] + data[at : at + length] * chance.choice([2, 3, 50]) + data[at:]
            case 3:
                data = data[:at] + chance.choice(SCRAPS) + data[at:]
            case 4:
                other = chance.choice(others)
                start = chance.randrange(len(other))
                data = data[:at] + other[start : start + length] + data[at:]
            case 5:
                rows = data.split(b"\n")
                first, second = chance.randrange(len(rows)), chance.randrange(len(rows))
                rows[first], rows[second] = rows[second], rows[first]
                data = b"\n".join(rows)
            case _:
                data = re.sub(
                    rb"\n +", lambda indent: indent[0] + b" " * chance.choice([0, 0, 0, 1]), data, count=at % 40
                )
    return data


def bombs() -> dict[str, bytes]:
    """Files made to take all memory or time."""
    billion = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    maps = "a: &a {k: x}\n" + "".join(
        f"{name}: &{name} {{{', '.join(f'k{i}: *{before}' for i in range(9))}}}\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    wide = "a: &a [" + "x, " * 20_000 + "x]\n" + "".join(f"b{i}: *a\n" for i in range(40))
    return {
        "billion laughs": billion.encode(),
        "billion laughs in maps": maps.encode(),
        "wide": wide.encode(),
        "many aliases": ("a: &a x\nb: [" + "*a, " * 100_000 + "]").encode(),
        "itself": b"a: &a [1, *a]\n",
        "itself in a map": b"a: &a {b: {c: *a}}\n",
        "merge": ("a: &a {k: v}\n" + "b: &b {<<: [" + "*a, " * 50 + "]}\n").encode(),
        "a long text often": ("a: &a " + "x" * 900_000 + "\nb: [" + "*a, " * 50 + "]").encode(),
        "deep lists": b"[" * 400_000,
        "deep maps": b"{a: " * 100_000,
        "deep blocks": b"- " * 400_000,
        "deep keys": b"? " * 400_000,
        "deep by indent": b"\n".join(b" " * i + b"a:" for i in range(1300)),
        "wide list": b"- a\n" * 240_000,
        "wide map": b"\n".join(b"k%d: v" % i for i in range(80_000)),
        "unknown keys": b"\n".join(b"minutse%d: v" % i for i in range(40_000)),
        "wrong entries": b"goals: [" + b"1, " * 49_000 + b"]",
        "one digit too many": b"number: " + b"9" * 10_000,
        "a large number": b"number: " + b"9" * 900_000,
        "quotes": b'"' + b"\\u0041" * 150_000 + b'"',
        "anchors": b"".join(b"- &a%d x\n" % i for i in range(70_000)),
        "colons": b": " * 400_000,
        "commas": b"[" + b"," * 900_000,
        "spaces": b" " * 990_000 + b"a",
        "comments": b"#\n" * 490_000,
        "documents": b"--- a\n" * 160_000,
        "tags": b"!a " * 300_000,
        "too large": b"a" * 2_000_000,
    }
