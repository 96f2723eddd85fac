"""Numbers of lesson 19 that its demo does not give, what its code does, and its figures, which need no model."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from types import SimpleNamespace

import pytest

from tutor.content.check import check
from tutor.content.library import Library
from tutor.runtime.tokenizers import cut, tokenize


def body(section: str) -> tuple[str, str]:
    text = next(part.body for part in Library().lesson("gpt4-chinese").sections if part.id == section)
    return text.zh, text.en


def says(section: str, *figures: str) -> None:
    for text in body(section):
        for figure in figures:
            assert figure in text, (figure, text)


def test_the_figures_are_computed_without_a_model() -> None:
    assert not check(Library(), tokenize=tokenize, only=["gpt4-chinese"])


def test_the_bytes_of_the_character_are_its_code_points_bits() -> None:
    bits = f"{ord('谢'):016b}"
    assert "谢".encode() == bytes(int(b, 2) for b in ("1110" + bits[:4], "10" + bits[4:10], "10" + bits[10:]))
    says(
        "utf8-bytes",
        bits[:4],
        bits[4:10],
        bits[10:],
        *(f"{byte:08b}" for byte in "谢".encode()),
        "e8        b0        a2",
    )
    assert {len(chr(c).encode()) for c in range(0x4E00, 0xA000)} == {3}
    says("utf8-bytes", f"{0xA000 - 0x4E00:,}")
    assert [len(c.encode()) for c in "𠮷🙂"] == [4, 4]


def test_the_characters_that_share_two_bytes_and_the_words_that_are_one_token() -> None:
    alike = [chr(c) for c in range(0xD800) if chr(c).encode().startswith(b"\xe8\xb0")]
    assert (alike[0], alike[-1], len(alike)) == ("\u8c00", "\u8c3f", 64)
    says("half-characters", "U+8C00", "U+8C3F", "64")
    for character in "谁谈谢谣":
        assert cut("cl100k_base", character).ids[0] == 39013
    for word in ("删除", "参数", "返回", "获取"):
        assert len(cut("cl100k_base", word).ids) == 1
        says("half-characters", word)


def test_the_ratios_of_the_declaration() -> None:
    says("cost", *(f"| {zh} | 33 | {zh / 33:.2f} |" for zh in (50, 35, 27)))
    assert f"{50 / 27:.2f}" == "1.85"


@pytest.mark.parametrize("language", [0, 1])
def test_the_programs_of_the_lesson_show_what_it_says(language: int) -> None:
    wrong, right = re.findall(r"```python\n(.*?)```", body("streaming")[language], re.DOTALL)
    stream = [SimpleNamespace(bytes=data) for data in cut("cl100k_base", "谢谢，已删除。").data]
    assert shown(wrong, stream) == "����，已删除。"
    assert shown(right, stream) == "谢谢，已删除。\n"
    assert shown(wrong.replace("replace", "ignore"), stream) == "，已删除。"


def shown(program: str, stream: list[SimpleNamespace]) -> str:
    screen = io.StringIO()
    with redirect_stdout(screen):
        exec("import codecs\n" + program, {"stream": stream})  # the lesson's own lines
    return screen.getvalue()
