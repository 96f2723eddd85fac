"""From a documented function to what a model is told of it, and to the check of what the model gives.

    def next_tokens(desk: Desk, prompt: Annotated[str, "The text to go on from", Bounds(1, 4000)], top: …= 5): …

Every parameter after the first becomes one of domain.demo.Param, as the demos declare theirs; both are told and checked
alike. JSON Schema is that of OpenAI's function calls, which is Hermes' too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from tutor.demos import registry
from tutor.domain.demo import Param
from tutor.domain.errors import UsageError
from tutor.domain.language import both, same
from tutor.domain.plaintext import visible

SHOWN_CHARACTERS = 60
# A demo's JSON parameter may be written as plain text where its default is; beginning so, it cannot be mistaken for JSON.
WORD_FIRST = "^[0-9A-Za-z\u4e00-\u9fff]"

_KINDS = {int: "int", float: "float", str: "text", bool: "bool", dict: "json"}
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "text": (str,),
    "choice": (str,),
    "bool": (bool,),
    "json": (dict, list),
}
_WANTED = {
    "int": both("a whole number"),
    "float": both("a number"),
    "text": both("text"),
    "choice": both("text"),
    "bool": same("true / false"),
    "json": both("a JSON object"),
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of a number, or of the length of a text in characters."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """A tool as it is declared. `required` names the parameters that have no default."""

    name: str
    description: str
    parameters: tuple[Param, ...]
    required: tuple[str, ...]


@cache
def signature(tool: Callable[..., Any]) -> Signature:
    """What `tool`'s signature and docstring say; its first parameter is where it works, and no model's to give."""
    hints = get_type_hints(tool, include_extras=True)
    declared = list(inspect.signature(tool).parameters.values())[1:]
    description = " ".join(inspect.getdoc(tool).split("\n\n")[0].split())  # type: ignore[union-attr]
    return Signature(
        tool.__name__,
        description,
        tuple(_param(each, hints[each.name]) for each in declared),
        tuple(each.name for each in declared if each.default is inspect.Parameter.empty),
    )


def _param(declared: inspect.Parameter, hint: Any) -> Param:
    kind, *details = get_args(hint)
    bounds = next((each for each in details if isinstance(each, Bounds)), Bounds())
    help = same(next(each for each in details if isinstance(each, str)))
    default = None if declared.default is inspect.Parameter.empty else declared.default
    if get_origin(kind) is UnionType:  # X | None, for what has no default of its own that could not be changed
        kind = get_args(kind)[0]
        default = (get_origin(kind) or kind)()
    if get_origin(kind) is Literal:
        return Param(declared.name, "choice", default, help, choices=get_args(kind))
    return Param(declared.name, _KINDS[get_origin(kind) or kind], default, help, bounds.low, bounds.high)


def function(name: str, description: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A tool as OpenAI's protocol and Qwen's chat template take it."""
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": dict(parameters)},
    }


def schema(parameters: Sequence[Param], required: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON Schema of an object with these parameters. Those that no model could write are left out."""
    properties = {param.name: written for param in parameters if (written := _property(param)) is not None}
    return {"type": "object", "properties": properties, "required": [name for name in required if name in properties]}


def _property(param: Param) -> dict[str, Any] | None:
    about = {"description": param.help.en} if param.help.en else {}
    match param.kind, param.default:
        case "int" | "float", _:
            kind = "integer" if param.kind == "int" else "number"
            return {"type": kind, **_present(minimum=param.low, maximum=param.high), **about}
        case "text", _:
            return {"type": "string", **_present(minLength=param.low, maxLength=param.high), **about}
        case "json", str():
            bounds = _present(minLength=param.low, maxLength=param.high)
            return {"type": "string", "pattern": WORD_FIRST, **bounds, **about}
        case "json", [str(), *_]:
            bounds = _present(minItems=param.low, maxItems=param.high)
            return {"type": "array", "items": {"type": "string", "minLength": 1}, **bounds, **about}
        case "json", dict():
            return {"type": "object", **about}
        case "bool", _:
            return {"type": "boolean", **about}
        case "choice", _:
            return {"type": "string", "enum": list(param.choices), **about}
    return None


def _present(**bounds: float | None) -> dict[str, float]:
    return {name: int(bound) if bound == int(bound) else bound for name, bound in bounds.items() if bound is not None}


def checked(tool: Signature, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`arguments` with the defaults of those that are missing. Raises UsageError with what was expected."""
    known = {param.name: param for param in tool.parameters}
    for name in arguments:
        if name not in known:
            raise UsageError(
                "The tool {tool} has no parameter `{name}`; it has {known}.",
                tool=tool.name,
                name=shown(name),
                known=", ".join(known) or both("none"),
            )
    for name in tool.required:
        if name not in arguments:
            raise UsageError("The tool {tool} needs `{name}`.", tool=tool.name, name=name)
    return {param.name: _value(param, arguments) for param in tool.parameters}


def _value(param: Param, arguments: Mapping[str, Any]) -> Any:
    if param.name not in arguments:
        return param.default
    value = arguments[param.name]
    if isinstance(value, bool) != (param.kind == "bool") or not isinstance(value, _TYPES[param.kind]):
        raise UsageError(
            "`{name}` must be {wanted}, not {given}.", name=param.name, wanted=_WANTED[param.kind], given=shown(value)
        )
    return registry.parse(param, value)


def shown(value: object) -> str:
    """`value` as it may stand in a sentence: one line, short, without control characters."""
    text = visible(value if isinstance(value, str) else repr(value)[: 2 * SHOWN_CHARACTERS])
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
