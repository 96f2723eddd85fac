"""The smallest agent on the real model: the call keeps to the grammar, the tool's number reaches the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demos.play import control_characters, play, untranslated
from tutor.demos import agent
from tutor.domain.errors import ModelMissing, TutorError
from tutor.domain.frames import Tokens
from tutor.runtime.client import WorkerModel


@pytest.fixture(scope="module")
def model(qwen: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerModel]:
    with WorkerModel(qwen, log=tmp_path_factory.mktemp("agent") / "log") as opened:
        yield opened


def test_a_sum_is_called_for_computed_and_told(model: WorkerModel) -> None:
    steps, result = play(agent, {"question": "What is 123 * 457?"}, model)
    assert result["calls"] == [
        {"tool": "calculate", "arguments": {"expression": "123 * 457"}, "observation": str(123 * 457)}
    ]
    assert str(123 * 457) in result["answer"].replace(",", "")
    assert str(123 * 457) not in result["without_tools"].replace(",", "")
    titles = [step.title.en for step in steps]
    assert titles[-4:] == ["The grammar", "Constrained output", "The tool's result", "The answer"]
    (written,) = (frame for frame in steps[-3].frames if isinstance(frame, Tokens))
    call = "".join(item.text.replace("␣", " ").replace("↵", "\n") for item in written.items)
    assert '"calculate"' in call
    assert not control_characters(steps) and not untranslated(steps)


def test_what_a_tool_cannot_do_is_an_observation(model: WorkerModel) -> None:
    def broken(_model: object, _argument: str) -> str:
        raise TutorError("This does not work.")

    tool = agent.Tool("calculate", "expression", "", broken)
    assert agent._observed(tool, model, "1 / 0") == "This does not work."
    assert agent._observed(agent.TOOLS[1], model, "hello world") == "2 tokens: hello |  world"
    assert json.loads(agent._observed(agent.TOOLS[2], model, "The capital of France is")) == " Paris"


def test_a_call_that_was_cut_off_gets_a_sentence() -> None:
    with pytest.raises(TutorError, match="cut off"):
        agent._read('<tool_call>\n{"name": "calculate", "argum')


def test_without_a_model_there_is_no_agent() -> None:
    with pytest.raises(ModelMissing):
        play(agent, {})
