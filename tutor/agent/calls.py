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
    """`text` without the calls in it, and the first MAX_CALLS of them. What is no call by its form is left out.

    Some servers leave the tags out, which are tokens of their own: then a text that is nothing but a call is one.
    """
    bounded = text[:MAX_CHARACTERS]
    bare = bounded.replace(CLOSING, "").strip()
    if OPENING not in bounded and bare.startswith("{") and (call := _parsed(bare)) is not None:
        return "", (call,)
    found = (_parsed(each[1]) for each in _CALL.finditer(bounded))
    calls = tuple(call for call in found if call is not None)
    return _CALL.sub("", bounded).strip(), calls[:MAX_CALLS]


def _parsed(text: str) -> ToolCall | None:
    # A small model forgets the last brace.
    for ending in ("", "}"):
        try:
            data: Any = json.loads(text + ending)
            arguments = data.get("arguments", {})
            if isinstance(arguments, str):  # as OpenAI's protocol has them
                arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError, AttributeError):
            continue
        name = data.get("name")
        if isinstance(name, str) and isinstance(arguments, dict) and "arguments" in data:
            return ToolCall(name, arguments)
    return None
