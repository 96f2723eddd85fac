"""A lesson and a quiz that keep every rule, as plain data, for tests to break one rule at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.content.samples import make_course
from tutor.content.check import check
from tutor.content.library import Library
from tutor.content.problem import Problem

Data = dict[str, Any]
HEADER = "# yaml-language-server: $schema=schema.json\n"


def text(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def section(id: str) -> Data:
    body = text(
        "羊（sheep）过河。" + "数羊的人从一数到九。" * 27, "The sheep cross. " + "One counts from one to nine. " * 29
    )
    return {"id": id, "title": text("过河", "Crossing"), "body": body}


def choice(id: str, right_is_long: bool = False) -> Data:
    right = text("第一只" + "大羊" * 3 * right_is_long, "the first" + " big one" * 2 * right_is_long)
    return {
        "id": id,
        "section": "s1",
        "kind": "choice",
        "prompt": text("先数哪只？", "Which comes first?"),
        "options": [
            {"text": right, "correct": True, "why": text("从一开始", "Counting starts at one")},
            {"text": text("第二只羊", "the second"), "why": text("跳过了一", "It skips one")},
        ],
        "explain": text("从一开始。", "From one."),
    }


def lesson() -> Data:
    return {
        "format": 1,
        "number": 7,
        "slug": "sheep",
        "part": "A",
        "title": text("羊怎么数？", "How are sheep counted?"),
        "answer": text("一只一只地数。", "One by one."),
        "goals": [text("数到三", "Count to three"), text("数到九", "Count to nine")],
        "minutes": 5,
        "terms": [{"zh": "羊", "en": "sheep", "definition": text("一种动物", "An animal")}],
        "figures": [
            {"demo": "tokenizer", "set": {"corpus": {"aab": 2}, "merges": 1}, "expect": {"merges[0]": ["a", "a"]}}
        ],
        "sections": [
            section("s1"),
            {"demo": {"name": "tokenizer", "set": {"merges": 2}, "predict": "q1"}},
            section("s2"),
            {"check": "q2"},
            section("s3"),
            section("s4"),
            section("s5"),
        ],
        "references": [
            {"authors": "A. Shepherd", "title": "On Counting", "year": 1999, "where": "arXiv:cs/9901001",
             "supports": text("数数", "counting")},
        ],
    }  # fmt: skip


def quiz() -> Data:
    number = {
        "id": "q2",
        "section": "s1",
        "kind": "number",
        "prompt": text("{n} 只加一只？", "{n} and one?"),
        "answer": "n + 1",
        "vary": {"n": [2, 3]},
        "unit": "sheep",
        "explain": text("加一。", "Plus one."),
    }
    predict = {
        "id": "q3",
        "section": "s2",
        "kind": "predict",
        "prompt": text("第一次合并？", "The first merge?"),
        "demo": "tokenizer",
        "set": {"corpus": {"aab": 2}, "merges": 1},
        "field": "merges[0]",
        "options": [
            {"text": text("a, a", "a, a"), "why": text("最多", "Most frequent")},
            {"text": text("a, b", "a, b"), "why": text("同样多，但出现在后", "As frequent, but later")},
        ],
        "explain": text("a 和 a 先出现。", "a and a come first."),
    }
    return {
        "format": 1,
        "lesson": "sheep",
        "questions": [choice("q1", right_is_long=True), number, predict, *(choice(f"q{n}") for n in range(4, 9))],
    }


def problems_of(
    folder: Path, change: Callable[[Data, Data], object] = lambda lesson, quiz: None, **options: Any
) -> list[Problem]:
    """What `check` says of the sound course after `change(lesson, quiz)`. The lesson and quiz are written as JSON."""
    lesson_data, quiz_data = lesson(), quiz()
    change(lesson_data, quiz_data)
    write(folder, lesson_data, quiz_data)
    return check(Library(folder, folder / "cache"), **{"strict": True, **options})


def write(folder: Path, lesson_data: Data, quiz_data: Data, name: str = "07-sheep.yaml") -> None:
    make_course(
        folder, *(HEADER + json.dumps(data, ensure_ascii=False, indent=1) for data in (lesson_data, quiz_data)), name
    )
