"""Renders a model's chat template, in a process of its own that is killed when it takes too long.

    python -P -m tutor.runtime.template

A template is a program out of a model file: Jinja's sandbox keeps it from this machine, and limits on processor time
and memory from going on for ever. Reads one JSON document (`template`, and `renderings`: the variables of each) and
writes one (`texts`, or `error` with `kind`).
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

PROCESSOR_SECONDS = 2
MEMORY = 512 * 2**20
MAX_RENDERED = 2_000_000  # characters


class Refused(Exception):
    """The template itself says no."""


class TooLong(Exception):
    pass


class Generation(Extension):
    """`{% generation %}…{% endgeneration %}`, which marks what is trained on: here only its contents."""

    tags = {"generation"}  # noqa: RUF012  as Jinja declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def render(template: str, variables: dict[str, Any]) -> str:
    """`template` as transformers' `apply_chat_template` renders it. Raises Refused, TooLong, TemplateError."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, Generation]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    parts: list[str] = []
    length = 0
    for part in environment.from_string(template).generate(**variables):
        length += len(part)
        if length > MAX_RENDERED:
            raise TooLong
        parts.append(part)
    return "".join(parts)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own escapes what is special in HTML.
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(message: object) -> None:
    raise Refused(str(message))


def limit() -> None:
    """Give this process little time and memory, where the system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"texts": [render(request["template"], variables) for variables in request["renderings"]]}
    except Refused as refusal:
        return {"kind": "refused", "error": str(refusal)}
    except (TooLong, MemoryError):
        return {"kind": "long", "error": ""}
    except RecursionError:
        return {"kind": "broken", "error": "recursion"}
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        return {"kind": "broken", "error": str(error)}


def main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    limit()
    sys.stdout.buffer.write(json.dumps(answer(request)).encode())


if __name__ == "__main__":
    main()
