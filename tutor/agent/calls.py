"""A tool call as text, in the Hermes form that Qwen's chat template teaches its models.

<tool_call>
{"name": "calculate", "arguments": {"expression": "2 * 24"}}
</tool_call>
"""

from __future__ import annotations

import json
import re
from typing import Any

from tutor.agent.events import ToolCall

OPENING, CLOSING = "<tool_call>", "</tool_call>"
MAX_CALLS = 4
MAX_CHARACTERS = 20_000

# A small model forgets to close the last one, or ends before it can.
_CALL = re.compile(rf"{OPENING}\s*(.*?)\s*(?:{CLOSING}|\Z)", re.DOTALL)


def write(call: ToolCall) -> str:
    return f"{OPENING}\n{json.dumps({'name': call.tool, 'arguments': call.arguments}, ensure_ascii=False)}\n{CLOSING}"


def read(text: str) -> tuple[str, tuple[ToolCall, ...]]:
    """`text` without the calls in it, and the first MAX_CALLS of them. What is no call by its form is left out."""
    bounded = text[:MAX_CHARACTERS]
    found = (_parsed(each[1]) for each in _CALL.finditer(bounded))
    calls = tuple(call for call in found if call is not None)
    return _CALL.sub("", bounded).strip(), calls[:MAX_CALLS]


def _parsed(text: str) -> ToolCall | None:
    try:
        data: Any = json.loads(text)
        arguments = data.get("arguments", {})
        if isinstance(arguments, str):  # as OpenAI's protocol has them
            arguments = json.loads(arguments or "{}")
    except (ValueError, RecursionError, AttributeError):
        return None
    name = data.get("name")
    return ToolCall(name, arguments) if isinstance(name, str) and isinstance(arguments, dict) else None
