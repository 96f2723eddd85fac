"""The JSON Schemas of the two file formats, for editors: `python -m tutor.content.schema` writes them.

They are made from the classes and rules that the loader uses (JSON Schema draft 2020-12).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from tutor import places
from tutor.content.formats import FORMAT, FieldShape, Rule, shape
from tutor.domain.language import Text
from tutor.domain.lesson import Block, DemoBlock, LabBlock, Lesson, Section
from tutor.domain.quiz import KINDS, Choice, Multi, Question, Quiz

Schema = dict[str, Any]

_TYPES: dict[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_NOT_BLANK = r"\S"


def lesson_schema() -> Schema:
    return _document(Lesson, "A lesson")


def quiz_schema() -> Schema:
    return _document(Quiz, "The quiz of a lesson")


def write(lessons: Path, quizzes: Path) -> list[Path]:
    """Writes `schema.json` into both folders; returns the paths."""
    written = []
    for folder, schema in ((lessons, lesson_schema()), (quizzes, quiz_schema())):
        path = folder / "schema.json"
        path.write_text(to_text(schema), encoding="utf-8", newline="\n")
        written.append(path)
    return written


def to_text(schema: Schema) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def _document(cls: type, title: str) -> Schema:
    definitions: dict[str, Schema] = {}
    body = _object(cls, definitions)
    body["properties"] = {
        "format": {"const": FORMAT, "description": "The version of this format."},
        **body["properties"],
    }
    body["required"] = ["format", *body["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **body,
        "title": title,
        "$defs": dict(sorted(definitions.items())),
    }


def _object(cls: type, definitions: dict[str, Schema]) -> Schema:
    fields = shape(cls)
    return {
        "type": "object",
        "title": cls.__name__,
        "description": _description(cls),
        "properties": {key: _field(field, definitions) for key, field in fields.items()},
        "required": [key for key, field in fields.items() if field.required],
        "additionalProperties": False,
    }


def _description(cls: type) -> str:
    """The class's own docstring; a dataclass without one has its signature there."""
    doc = cls.__doc__ or ""
    return "" if doc.startswith(f"{cls.__name__}(") else " ".join(doc.split())


def _field(field: FieldShape, definitions: dict[str, Schema]) -> Schema:
    schema = _value(field.hint, field.rule, definitions)
    if schema.get("type") == "string" and field.required and not {"pattern", "enum"} & schema.keys():
        schema["pattern"] = _NOT_BLANK
    return {**schema, "description": field.rule.doc}


def _value(hint: Any, rule: Rule, definitions: dict[str, Schema]) -> Schema:
    if hint is Any:
        return {}
    if hint == Block:
        return {"anyOf": [_reference(Section, definitions), *_single_keys(definitions)]}
    if hint is Question:
        return {"oneOf": [_question(cls, definitions) for cls in KINDS.values()]}
    if isinstance(hint, UnionType):
        return {"type": [_TYPES[member] for member in get_args(hint)]}
    if get_origin(hint) in (tuple, list):
        items = _value(get_args(hint)[0], Rule(rule.doc, pattern=rule.pattern, choices=rule.choices), definitions)
        return {"type": "array", "items": items, **_bounds(rule, "minItems", "maxItems")}
    if get_origin(hint) is dict:
        values = _value(get_args(hint)[1], Rule(rule.doc, low=1), definitions)
        return {"type": "object", "additionalProperties": values, **_bounds(rule, "minProperties", "maxProperties")}
    if hint in _TYPES:
        return {"type": _TYPES[hint], **_spelling(rule), **_bounds(rule, "minimum", "maximum")}
    return _reference(hint, definitions)


def _spelling(rule: Rule) -> Schema:
    if rule.choices:
        return {"enum": list(rule.choices)}
    return {"pattern": f"^(?:{rule.pattern})$"} if rule.pattern else {}


def _bounds(rule: Rule, low: str, high: str) -> Schema:
    return {name: bound for name, bound in ((low, rule.low), (high, rule.high)) if bound is not None}


def _reference(
    cls: type, definitions: dict[str, Schema], make: Callable[[type, dict[str, Schema]], Schema] = _object
) -> Schema:
    if cls.__name__ not in definitions:
        definitions[cls.__name__] = {}  # so that a class within itself ends here
        definitions[cls.__name__] = _text(definitions) if cls is Text else make(cls, definitions)
    return {"$ref": f"#/$defs/{cls.__name__}"}


def _text(definitions: dict[str, Schema]) -> Schema:
    """Either language may be missing in a course by someone else, but not both."""
    schema = _object(Text, definitions)
    schema["anyOf"] = [
        {"required": [language], "properties": {language: {"pattern": _NOT_BLANK}}} for language in schema["properties"]
    ]
    return schema


def _single_keys(definitions: dict[str, Schema]) -> list[Schema]:
    """The kinds of blocks that are one key: an embedded demo, a lab, and a question."""
    predict = shape(DemoBlock)["predict"]
    question = {**_value(str, predict.rule, definitions), "description": "A question of the quiz, answered in place."}
    return [
        {"type": "object", "properties": {key: schema}, "required": [key], "additionalProperties": False}
        for key, schema in (
            ("demo", _reference(DemoBlock, definitions)),
            ("lab", _reference(LabBlock, definitions)),
            ("check", question),
        )
    ]


def _question(cls: type[Question], definitions: dict[str, Schema]) -> Schema:
    return _reference(cls, definitions, _question_object)


def _question_object(cls: type, definitions: dict[str, Schema]) -> Schema:
    schema = _object(cls, definitions)
    kind = next(name for name, candidate in KINDS.items() if candidate is cls)
    schema["properties"] = {"kind": {"const": kind}, **schema["properties"]}
    schema["required"] = ["kind", *schema["required"]]
    if cls in (Choice, Multi):
        right = {"properties": {"correct": {"const": True}}, "required": ["correct"]}
        schema["properties"]["options"] |= {"contains": right, **({"maxContains": 1} if cls is Choice else {})}
    return schema


if __name__ == "__main__":
    for path in write(places.shipped("lessons"), places.shipped("quizzes")):
        print(path)
