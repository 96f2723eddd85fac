"""Tool calls as text: written as Qwen's template has them, read as models really write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutor.agent import calls
from tutor.agent.events import ToolCall

CALL = ToolCall("calculate", {"expression": "2 * 24"})
JSON = '{"name": "calculate", "arguments": {"expression": "2 * 24"}}'

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.text(max_size=20), st.dictionaries(st.text(max_size=8), plain, max_size=3))
def test_what_is_written_is_read_again(name: str, arguments: dict[str, object]) -> None:
    if any(tag in f"{name}{arguments}" for tag in (calls.OPENING, calls.CLOSING)):
        return
    call = ToolCall(name, arguments)
    assert calls.read(f"Let me see.\n{calls.write(call)}") == ("Let me see.", (call,))


@pytest.mark.parametrize(
    "text",
    [
        f"<tool_call>\n{JSON}\n</tool_call>",
        f"<tool_call>{JSON}</tool_call>",
        f"<tool_call>\n{JSON}",
        f"<tool_call>\n{JSON[:-1]}\n</tool_call>",
        JSON,
        f"{JSON}\n</tool_call>",
        JSON[:-1],
        '<tool_call>{"name": "calculate", "arguments": "{\\"expression\\": \\"2 * 24\\"}"}</tool_call>',
    ],
)
def test_a_call_is_read_as_small_models_and_servers_write_it(text: str) -> None:
    assert calls.read(text) == ("", (CALL,))


@pytest.mark.parametrize(
    "text",
    [
        "none",
        "The form is {name, arguments}.",
        '{"name": "Ada"}',
        f"An example: {JSON}",
        "<tool_call>calculate(2 * 24)</tool_call>",
        '<tool_call>["calculate"]</tool_call>',
        '<tool_call>{"name": 5, "arguments": {}}</tool_call>',
        "<tool_call>" + "[" * 5000,
    ],
)
def test_what_is_no_call_is_none(text: str) -> None:
    assert calls.read(text)[1] == ()


def test_at_most_four_calls_are_taken() -> None:
    assert len(calls.read(calls.write(CALL) * 9)[1]) == calls.MAX_CALLS
