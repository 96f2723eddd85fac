"""The JSON Schemas are current, and accept and refuse what the loader accepts and refuses."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests import soak
from tests.content import sound
from tests.content.samples import LESSON, QUIZ
from tutor.content import schema
from tutor.content.loader import convert
from tutor.content.problem import ContentError
from tutor.content.reader import parse, plain
from tutor.domain.lesson import Lesson
from tutor.domain.quiz import KINDS, Quiz

ROOT = Path(__file__).parent.parent.parent
FOLDERS = {"lessons": (Lesson, schema.lesson_schema), "quizzes": (Quiz, schema.quiz_schema)}
VALIDATORS = {name: Draft202012Validator(make()) for name, (_, make) in FOLDERS.items()}
SHIPPED = [path for name in FOLDERS for path in sorted((ROOT / name).glob("[0-9]*.yaml"))]

ALL_KINDS = [
    {"kind": "multi", "options": [{"text": {"en": "a"}, "why": {"en": "w"}, "correct": True},
                                  {"text": {"en": "b"}, "why": {"en": "v"}}]},
    {"kind": "text", "accept": ["羊", "sheep"]},
    {"kind": "order", "items": [{"en": "a"}, {"zh": "乙"}]},
    {"kind": "predict", "demo": "tokenizer", "field": "merges[0]", "tolerance": 0.5, "relative": True, "unit": "s"},
    {"kind": "spans", "text": "ab", "tokenizer": "qwen", "revision": 2, "hint": {"zh": "想"}},
]  # fmt: skip


def full_quiz() -> dict[str, Any]:
    data = sound.quiz()
    common = {"section": "s1", "prompt": {"en": "P"}, "explain": {"en": "E"}}
    data["questions"] += [{"id": f"k{n}"} | common | question for n, question in enumerate(ALL_KINDS)]
    return data


WHOLE: dict[str, dict[str, Any]] = {"lessons": sound.lesson(), "quizzes": full_quiz()}


@pytest.mark.parametrize("name", FOLDERS)
def test_the_schema_files_are_current(name: str) -> None:
    text = (ROOT / name / "schema.json").read_text(encoding="utf-8")
    assert text == schema.to_text(FOLDERS[name][1]()), "run `python -m tutor.content.schema`"


def test_writing_makes_both_files(tmp_path: Path) -> None:
    (tmp_path / "lessons").mkdir()
    (tmp_path / "quizzes").mkdir()
    written = schema.write(tmp_path / "lessons", tmp_path / "quizzes")
    assert [json.loads(path.read_text(encoding="utf-8"))["title"] for path in written] == [
        "A lesson",
        "The quiz of a lesson",
    ]


@pytest.mark.parametrize("name", FOLDERS)
def test_the_schemas_are_schemas_and_say_what_each_field_is(name: str) -> None:
    made = FOLDERS[name][1]()
    Draft202012Validator.check_schema(made)
    objects = [made, *made["$defs"].values()]
    fields = [field for found in objects for key, field in found["properties"].items() if key != "kind"]
    assert len(fields) > 10
    assert all(field["description"] for field in fields)
    assert all(re.compile(field["pattern"]) for field in fields if "pattern" in field)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_shipped_files_are_accepted(path: Path) -> None:
    data = plain(parse(path.read_bytes(), path.name).root)
    assert [error.message for error in VALIDATORS[path.parent.name].iter_errors(data)] == []


def test_all_kinds_of_questions_are_accepted() -> None:
    assert {question["kind"] for question in WHOLE["quizzes"]["questions"]} == KINDS.keys()
    for name, text in (("lessons", LESSON), ("quizzes", QUIZ)):
        assert VALIDATORS[name].is_valid(plain(parse(text.encode(), "x").root))
        assert VALIDATORS[name].is_valid(WHOLE[name])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_shipped_file_with_a_slip_is_refused(path: Path) -> None:
    data = plain(parse(path.read_bytes(), path.name).root)
    for key in list(data):
        slipped = copy.deepcopy(data)
        slipped[key + "s"] = slipped.pop(key)
        assert not VALIDATORS[path.parent.name].is_valid(slipped), key


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value within `value`."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inside for found in places(item, (*path, key)))]


NEW_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2.5, 10**6, "", " ", "text", "a-b", "A", "!", [], {}, [1], ["x"], {"zh": "羊"}, {"en": ""},
    {"en": "x", "de": "y"}, {"demo": {"name": "x"}}, {"check": "q"}, {"kind": "choice"}, "choice", "multi", "number",
]  # fmt: skip


@pytest.mark.parametrize("name", FOLDERS)
@settings(max_examples=soak.count(2000), derandomize=True, deadline=None)
@given(data=st.data())
def test_schema_and_loader_agree_on_any_change(name: str, data: st.DataObject) -> None:
    changed = copy.deepcopy(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(places(changed)[1:]))
        holder = changed
        for step in path[:-1]:
            holder = holder[step]  # type: ignore[index]
        match data.draw(st.sampled_from(["replace", "delete", "rename", "double"])):
            case "replace":
                holder[path[-1]] = copy.deepcopy(data.draw(st.sampled_from(NEW_VALUES)))
            case "delete":
                del holder[path[-1]]
            case "rename" if isinstance(holder, dict):
                holder[f"{path[-1]}x"] = holder.pop(path[-1])
            case _:
                if isinstance(holder, list):
                    holder.append(copy.deepcopy(holder[path[-1]]))  # type: ignore[call-overload]
        if not places(changed)[1:]:
            return
    text = json.dumps(changed, ensure_ascii=False)
    try:
        convert(parse(text.encode(), "x"), FOLDERS[name][0])
        loaded = True
    except ContentError as refusal:
        loaded = False
        text += f"\n{refusal}"
    errors = [f"{error.json_path}: {error.message}" for error in VALIDATORS[name].iter_errors(changed)]
    assert loaded == (not errors), (errors, text)
