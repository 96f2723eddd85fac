"""GBNF (llama.cpp's grammars/README.md) for one tool call in the Hermes form, made from the tools' JSON schemas.

What the grammar admits is one call that `calls.read` reads and the schemas allow: known names, types, enumerations and
bounds hold by construction. It admits less than JSON does (no blanks but one after `:` and `,`, few escapes), which is
how the models write it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tutor.agent.calls import CLOSING, OPENING
from tutor.agent.tools.signature import WORD_FIRST

MAX_STRING = 240  # characters of a string: enough for a sentence, and llama.cpp unrolls every repetition
MAX_ITEMS = 8
MAX_DIGITS = 6  # after the point
NONE = "none"

# What a string may hold: characters as they are, and the escapes that a JSON writer cannot do without.
_CHARACTER = r"""[^"\\\x00-\x1f\x7f] | "\\" ["\\nt]"""


def gbnf(schemas: Sequence[Mapping[str, Any]], *, or_none: bool = False) -> str:
    """The grammar for exactly one call of one of `schemas` (OpenAI's form); or, with `or_none`, the word none.

    Types string (with WORD_FIRST as its only pattern), integer, number, boolean, object, array; enum, const, oneOf. An optional property may be
    left out; the required ones come first.
    """
    rules = _Rules()
    calls = [_call(rules, each["function"]) for each in schemas]
    opening, closing = _literal(OPENING + "\n"), _literal("\n" + CLOSING)
    ways = [f"{opening} ({' | '.join(calls)}) {closing}"] if calls else []
    if or_none or not ways:
        ways.append(_literal(NONE))
    return f"root ::= {' | '.join(ways)}\n" + "".join(f"{name} ::= {body}\n" for name, body in rules.named.items())


class _Rules:
    """The rules so far by name; equal ones are written once."""

    def __init__(self) -> None:
        self.named: dict[str, str] = {}
        self._by_body: dict[str, str] = {}

    def add(self, body: str, name: str = "") -> str:
        if body not in self._by_body:
            self._by_body[body] = name or f"r{len(self.named)}"
            self.named[self._by_body[body]] = body
        return self._by_body[body]


def _call(rules: _Rules, function: Mapping[str, Any]) -> str:
    opening = _literal('{"name": ' + _json(function["name"]) + ', "arguments": ')
    return rules.add(f"{opening} {_value(rules, function['parameters'])} {_literal('}')}")


def _value(rules: _Rules, schema: Mapping[str, Any]) -> str:
    """An expression for what `schema` allows."""
    if "const" in schema:
        return _literal(_json(schema["const"]))
    if "enum" in schema:
        return rules.add(" | ".join(_literal(_json(each)) for each in schema["enum"]))
    if "oneOf" in schema:
        return rules.add(" | ".join(_value(rules, each) for each in schema["oneOf"]))
    match schema["type"]:
        case "string":
            return _string(rules, schema)
        case "integer":
            return rules.add(" | ".join(_integers(schema.get("minimum"), schema.get("maximum"))))
        case "number":
            return rules.add(" | ".join(_numbers(rules, schema.get("minimum"), schema.get("maximum"))))
        case "boolean":
            return rules.add('"true" | "false"')
        case "array":
            return _array(rules, schema)
        case "object":
            return _object(rules, schema)
    raise ValueError(f"no grammar for {schema!r}")


def _string(rules: _Rules, schema: Mapping[str, Any]) -> str:
    character = rules.add(_CHARACTER, "char")
    low = int(schema.get("minLength", 0))
    high = min(int(schema.get("maxLength", MAX_STRING)), max(MAX_STRING, low))
    if schema.get("pattern") == WORD_FIRST:
        return rules.add(f'"\\"" [0-9A-Za-z\u4e00-\u9fff] {character}{{{max(low - 1, 0)},{high - 1}}} "\\""')
    return rules.add(f'"\\"" {character}{{{low},{high}}} "\\""')


def _array(rules: _Rules, schema: Mapping[str, Any]) -> str:
    item = _value(rules, schema["items"])
    low = int(schema.get("minItems", 0))
    high = min(int(schema.get("maxItems", MAX_ITEMS)), max(MAX_ITEMS, low))
    more = f'{item} (", " {item}){{{max(low - 1, 0)},{high - 1}}}' if high else '""'
    return rules.add(f'"[" {more if low else f"({more})?"} "]"')


def _object(rules: _Rules, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    pairs = {
        name: f"{_literal(f'{_json(name)}: ')} {_value(rules, each)}"
        for name, each in schema.get("properties", {}).items()
    }
    needed = ' ", " '.join(pairs[name] for name in required)
    optional = [pair for name, pair in pairs.items() if name not in required]
    if needed:
        return rules.add(" ".join(['"{"', needed, *(f'(", " {pair})?' for pair in optional), '"}"']))
    # Which one is the first is open: one way for each.
    ways = [" ".join([pair, *(f'(", " {later})?' for later in optional[at + 1 :])]) for at, pair in enumerate(optional)]
    return rules.add(f'"{{" ({" | ".join(ways)})? "}}"' if ways else '"{}"')


def _integers(low: float | None, high: float | None) -> Iterator[str]:
    """Ways to write the whole numbers from `low` to `high`, nine digits where a bound is missing."""
    least = -(10**9) + 1 if low is None else math.ceil(low)
    most = 10**9 - 1 if high is None else math.floor(high)
    if least < 0:
        yield from (f'"-" {each}' for each in _naturals(max(1, -most), -least))
    if most >= 0:
        yield from _naturals(max(least, 0), most)


def _naturals(low: int, high: int) -> Iterator[str]:
    """Ways to write the numbers from `low` to `high`, neither below 0, by their number of digits."""
    while low <= high:
        end = min(high, 10 ** len(str(low)) - 1)
        yield from _alike_long(str(low), str(end))
        low = end + 1


def _alike_long(low: str, high: str) -> Iterator[str]:
    """Ways to write the numbers from `low` to `high`, which have as many digits."""
    first = next((at for at, (a, b) in enumerate(zip(low, high, strict=True)) if a != b), None)
    if first is None:
        yield _literal(low)
        return
    before, rest = low[:first], len(low) - first - 1
    head = f"{_literal(before)} " if before else ""
    least, most = int(low[first]), int(high[first])
    # The digits that are free once the first one that differs lies strictly between; the edges by recursion.
    inner_least = least if set(low[first + 1 :]) <= {"0"} else least + 1
    inner_most = most if set(high[first + 1 :]) <= {"9"} else most - 1
    if inner_least > least:
        yield from _alike_long(low, low[: first + 1] + "9" * rest)
    if inner_least <= inner_most:
        digits = f"[{inner_least}-{inner_most}]"
        yield f"{head}{digits}" + (f" [0-9]{{{rest}}}" if rest else "")
    if inner_most < most:
        yield from _alike_long(high[: first + 1] + "0" * rest, high)


def _numbers(rules: _Rules, low: float | None, high: float | None) -> Iterator[str]:
    """Ways to write numbers from `low` to `high`: the whole ones, and decimals between two whole ones of them."""
    least = -(10**9) if low is None else math.ceil(low)
    most = 10**9 if high is None else math.floor(high)
    decimals = f'"." [0-9]{{1,{MAX_DIGITS}}}'
    if least > most and low is not None:
        yield _literal(_json(low))  # no whole number lies between them
        return
    yield from _integers(least, most)
    if low is not None and 0 < low <= 0.1 and most >= 1:
        yield f'"0." [1-9] [0-9]{{0,{MAX_DIGITS - 1}}}'
    if most - 1 >= max(least, 0):
        between = rules.add(" | ".join(_integers(max(least, 0), most - 1)))
        yield f"{between} {decimals}"
    if -least - 1 >= max(0, -most):
        between = rules.add(" | ".join(_naturals(max(0, -most), -least - 1)))
        yield f'"-" {between} {decimals}'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _literal(text: str) -> str:
    """`text` as GBNF writes it."""
    escaped = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    )
    return f'"{escaped}"'
