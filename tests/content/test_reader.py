"""YAML from outside: plain data with lines, or a problem with file and line; never more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import soak
from tests.content.samples import LESSON, QUIZ, make_course
from tutor.content.problem import ContentError
from tutor.content.reader import MAX_BYTES, parse, plain, read, read_bytes
from tutor.domain.language import set_language

ROOT = Path(__file__).parent.parent.parent


def test_plain_scalars_follow_the_core_schema() -> None:
    text = "[1, -2, +3, 0o17, 0xFF, 1.5, 1e6, .5, 007, true, False, null, ~, yes, no, 2024-01-01, '1', \"true\", 1_000, 12:30]"
    expected = [1, -2, 3, 15, 255, 1.5, 1e6, 0.5, 7, True, False, None, None, "yes", "no", "2024-01-01", "1", "true"]
    values = plain(parse(text.encode(), "x").root)
    assert values == [*expected, "1_000", "12:30"]
    assert [type(value) for value in values[:18]] == [type(value) for value in expected]


def test_keys_are_text_whatever_they_look_like() -> None:
    assert plain(parse(b"{1: a, true: b, null: c, no: d}", "x").root) == {"1": "a", "true": "b", "null": "c", "no": "d"}


def test_every_value_keeps_its_line() -> None:
    document = parse(b"a: 1\nb:\n  - x\n  - zh: |\n      one\n      two\n    en: last\n", "x")
    assert document.line(("b", 1, "en")) == 7
    assert document.line(("b", 1, "zh")) == 4
    assert document.line(("b", 1, "zh"), row=1) == 6
    assert document.line(("b", 1, "missing")) == 4


def test_an_alias_stands_for_its_anchor() -> None:
    assert plain(parse(b"a: &a {k: 1}\nb: *a\nc: [*a]\n", "x").root) == {"a": {"k": 1}, "b": {"k": 1}, "c": [{"k": 1}]}


@pytest.mark.parametrize(
    ("data", "line", "sentence"),
    [
        (b"", 1, "a document; found an empty file"),
        (b"# nothing\n", 1, "a document; found an empty file"),
        (b"a: 1\n\xff: 2\n", 2, "UTF-8; found 0xff"),
        (b"a: 1\nb: x\x00y\n", 2, "no control characters; found U+0000"),
        (b"a: 1\nb: x\x1b[2Jy\n", 2, "no control characters; found U+001B"),
        (b'a: 1\nb: "x\\e[2Jy"\n', 2, "no control characters; found U+001B"),
        ("a: x\u2028y\n".encode(), 1, "no control characters; found U+2028"),
        (b"a: 1\n\tb: 2\n", 2, "valid YAML; found"),
        (b"a: [1\nb: 2\n", 2, "valid YAML; found"),
        (b"a: 1\nb: [", 2, 'valid YAML; found "did not find expected node content"'),
        (b"a: 1\nb: 2\na: 3\n", 3, "each key once; found a again"),
        (b"a: 1\n---\nb: 2\n", 2, "one document; found another one"),
        (b"a: 1\nb: !!str 2\n", 2, "values without tags; found tag:yaml.org,2002:str"),
        (b"a: !!python/object/apply:os.system [ls]\n", 1, "values without tags"),
        (b"a: !!binary aGk=\n", 1, "values without tags"),
        (b"a: &x {b: 1}\nc: {<<: *x}\n", 2, "no merge keys; found <<"),
        (b"a: &x [*x]\n", 1, "an alias of something finished; found *x"),
        (b"a: *x\n", 1, "an alias of an anchor above; found *x"),
        (b"[a]: 1\n", 1, "a key of plain text; found something else"),
        (b"a: .inf\n", 1, "a finite number; found .inf"),
        (b"a: -.INF\n", 1, "a finite number; found -.INF"),
        (b"a: .nan\n", 1, "a finite number; found .nan"),
        (b"a: 1e999\n", 1, "a finite number; found 1e999"),
        (b"a: " + b"9" * 10_000, 1, "at most 18 digits; found 999"),
        (b"[" * 500, 1, "at most 32 levels; found more"),
        (b"a: &a b\n" + b"c: [" + b"*a, " * 51 + b"]", 2, "at most 50 aliases; found more"),
    ],
)
def test_what_is_no_plain_data_is_refused_with_its_line(data: bytes, line: int, sentence: str) -> None:
    with pytest.raises(ContentError) as refusal:
        parse(data, "lessons/x.yaml")
    assert refusal.value.problems[0].line == line
    assert str(refusal.value).startswith(f"lessons/x.yaml:{line}")
    assert sentence in str(refusal.value)


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert plain(parse(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "x").root) == {"a": 1, "b": 2}


def test_bidi_controls_are_taken_out() -> None:
    assert plain(parse("a\u202e: x\u2066y".encode(), "x").root) == {"a": "xy"}


def test_a_problem_is_told_in_chinese_too() -> None:
    with pytest.raises(ContentError) as refusal:
        parse(b"a: 1\na: 2\n", "x.yaml")
    set_language("zh")
    assert str(refusal.value) == "x.yaml:2：应为：每个键只出现一次；实为：又一个 a。"


def test_only_regular_files_of_bounded_size_are_read(tmp_path: Path) -> None:
    pipe, large, folder = tmp_path / "pipe", tmp_path / "large", tmp_path
    os.mkfifo(pipe)
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    for path, sentence in (
        (pipe, "expected a regular file; found something else"),
        (Path("/dev/zero"), "expected a regular file; found something else"),
        (large, "expected at most 1 MB; found a larger file"),
        (folder, "expected a file that can be read; found Is a directory"),
        (tmp_path / "none", "expected a file that can be read; found No such file or directory"),
    ):
        with pytest.raises(ContentError, match=sentence):
            read(path, "x.yaml")
    large.write_bytes(b"#" * MAX_BYTES)
    assert len(read_bytes(large, "x.yaml")) == MAX_BYTES


def test_mutants_and_bombs_are_refused_in_bounded_time_and_memory(tmp_path: Path) -> None:
    make_course(tmp_path, LESSON, QUIZ)
    sources = [
        *tmp_path.glob("*/*.yaml"),
        *(ROOT / "lessons").glob("[0-9]*.yaml"),
        *(ROOT / "quizzes").glob("[0-9]*.yaml"),
    ]
    run = subprocess.run(
        [sys.executable, "-m", "tests.content.devour", str(soak.count(2000)), *map(str, sorted(sources))],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,  # of a hang; the program itself counts processor time
    )
    assert run.returncode == 0, (run.returncode, run.stderr[-500:])
    report = json.loads(run.stdout)
    assert report["wrong"] == {}
    assert report["outcomes"]["refused"] > 0 and report["outcomes"]["ok"] > 0
