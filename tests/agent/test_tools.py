"""The tutor's tools: what they find, how they refuse, and that they never do more."""

from __future__ import annotations

import inspect
import json
import math
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import quicktok
from hypothesis import given
from hypothesis import strategies as st

from tests.store.helpers import DAY, NOW, outcome
from tutor.agent.tools import TOOLS, Observation, Toolbox
from tutor.agent.tools.signature import signature
from tutor.agent.tools.workbench import TEXT_CHARACTERS
from tutor.content.library import Library
from tutor.demos import registry
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import Cancelled, ModelMissing
from tutor.domain.language import Text
from tutor.domain.model import Model
from tutor.runtime.client import WorkerModel
from tutor.store.progress import Progress


@pytest.fixture
def progress(tmp_path: Path) -> Iterator[Progress]:
    with Progress.open(tmp_path / "progress.sqlite3", now=NOW) as opened:
        yield opened


def missing() -> Model:
    raise ModelMissing("No model.")


@pytest.fixture
def tools(library: Library, progress: Progress) -> Toolbox:
    """Without a model."""
    return Toolbox(library, progress, missing, "en", now=lambda: NOW)


@pytest.fixture
def with_model(library: Library, progress: Progress, smol: WorkerModel) -> Toolbox:
    return Toolbox(library, progress, lambda: smol, "en", now=lambda: NOW)


# What a model is told


def test_signature_and_docstring_make_the_schema(tools: Toolbox) -> None:
    told = {each["function"]["name"]: each for each in tools.schemas()}
    assert list(told) == list(TOOLS)
    assert told["next_tokens"] == {
        "type": "function",
        "function": {
            "name": "next_tokens",
            "description": "What the loaded model would say next: the most likely tokens with their probabilities.",
            "parameters": {
                "type": "object",
                "properties": {
                    "prompt": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 4000,
                        "description": "The text to go on from",
                    },
                    "top": {"type": "integer", "minimum": 1, "maximum": 20, "description": "How many candidates"},
                },
                "required": ["prompt"],
            },
        },
    }
    for name, tool in TOOLS.items():
        assert inspect.getdoc(tool), name
        jsonschema.Draft202012Validator.check_schema(told[name]["function"]["parameters"])
    for schema in tools.grammar_schemas():
        jsonschema.Draft202012Validator.check_schema(schema["function"]["parameters"])


def test_a_demo_is_offered_with_its_own_parameters_and_bounds(tools: Toolbox) -> None:
    variants = tools.narrowed("run_demo")["function"]["parameters"]["oneOf"]
    assert [each["properties"]["name"]["const"] for each in variants] == registry.names()
    decoding = next(each for each in variants if each["properties"]["name"]["const"] == "decoding")
    offered = decoding["properties"]["parameters"]["properties"]
    declared = {param.name: param for param in registry.load("decoding").PARAMS}
    assert offered["strategy"]["enum"] == list(declared["strategy"].choices)
    assert (offered["width"]["minimum"], offered["width"]["maximum"]) == (declared["width"].low, declared["width"].high)
    assert "path" not in json.dumps(variants), "no model is offered a file"


def test_what_a_model_is_told_is_short(tools: Toolbox) -> None:
    assert len(json.dumps(tools.schemas())) < 4000


# How a call is refused


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("shell", {"command": "true"}, "There is no tool called shell"),
        ("tokenize", {}, "needs `text`"),
        ("tokenize", {"text": 5}, "`text` must be text, not 5."),
        ("tokenize", {"text": ""}, "`text` must have from 1 to 4000 characters, not 0."),
        ("tokenize", {"text": "x" * 4001}, "not 4001."),
        ("tokenize", {"text": "x", "tokenizer": "gpt-9"}, "must be one of model, cl100k_base"),
        ("tokenize", {"text": "x", "file": "/etc/passwd"}, "has no parameter `file`; it has text, tokenizer."),
        ("next_tokens", {"prompt": "x", "top": 21}, "`top` must be from 1 to 20, not 21."),
        ("next_tokens", {"prompt": "x", "top": "5"}, "`top` must be a whole number, not 5."),
        ("next_tokens", {"prompt": "x", "top": True}, "`top` must be a whole number, not True."),
        ("next_tokens", {"prompt": "x", "top": 2.5}, "`top` must be a whole number, not 2.5."),
        ("next_tokens", {"prompt": "x"}, "No model is there"),
        ("calculate", {"expression": "__import__('os').system('true')"}, "does not know __import__"),
        ("calculate", {"expression": "9**9**9"}, "no finite value"),
        ("read_section", {"lesson": "tokenizr", "section": "x"}, "Did you mean `tokenizer`?"),
        ("read_section", {"lesson": "tokenizer", "section": "x"}, "has no section x; it has why-subwords"),
        ("read_section", {"lesson": "../../etc/passwd", "section": "x"}, "There is no lesson called"),
        ("glossary", {"term": "zebra crossing"}, "The glossary has no term “zebra crossing”; the nearest are"),
        ("run_demo", {"name": "toknizer"}, "Did you mean `tokenizer`?"),
        (
            "run_demo",
            {"name": "tokenizer", "parameters": {"merges": 9999}},
            "`merges` must be from 0 to 500, not 9999.",
        ),
        ("run_demo", {"name": "tokenizer", "parameters": {"shell": 1}}, "There is no parameter `shell`."),
        ("run_demo", {"name": "tokenizer", "parameters": "merges=3"}, "`parameters` must be a JSON object"),
        ("run_demo", {"name": "model-files", "parameters": {"path": "/etc/passwd"}}, "`path` must be"),
        ("run_demo", {"name": "model-files", "parameters": {"path": "nothing-such"}}, "`path` must be"),
        ("run_demo", {"name": "tokenizer", "parameters": {"path": "x"}}, "`path` must be"),
        ("run_demo", {"name": "gpt"}, "The demo gpt needs a model."),
        ("progress", {"of": "everyone"}, "has no parameter `of`; it has none."),
    ],
)
def test_what_is_wrong_with_a_call_is_said_in_a_sentence(
    tools: Toolbox, tool: str, arguments: dict[str, Any], words: str
) -> None:
    found = tools.call(tool, arguments)
    assert found.failed
    assert words in found.text
    tools.language = "zh"
    chinese = tools.call(tool, arguments)
    assert chinese.failed and chinese.text != found.text, "in the language of the answer"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
argument_names = sorted({param.name for tool in TOOLS.values() for param in signature(tool).parameters} | {"path"})
some_arguments = st.dictionaries(st.sampled_from(argument_names), values, max_size=4)


@given(st.sampled_from(sorted(TOOLS)) | st.text(max_size=10), some_arguments)
def test_no_call_raises_whatever_is_in_it(library: Library, tool: str, arguments: dict[str, Any]) -> None:
    found = Toolbox(library, None, None, "en").call(tool, arguments)
    assert isinstance(found, Observation) and found.text
    assert len(found.text) <= TEXT_CHARACTERS


# What they find


@pytest.mark.parametrize("text", ["the lowest price", "“低” 的价格\n", "魑魅 🙂", "a\x1b[31mb"])
@pytest.mark.parametrize(
    ("name", "vocabulary"), [("cl100k_base", "cl100k_base"), ("o200k_base", "o200k_base"), ("qwen", "qwen3")]
)
def test_tokens_are_those_of_the_tokenizer(tools: Toolbox, text: str, name: str, vocabulary: str) -> None:
    found = tools.call("tokenize", {"text": text, "tokenizer": name})
    ids = quicktok.get_encoding(vocabulary).encode_ordinary(text)
    assert [token["id"] for token in found.data["tokens"]] == ids
    assert found.data["count"] == len(ids)
    assert f"{len(ids)}. Characters: {len(text)}; bytes in UTF-8: {len(text.encode())}." in found.text
    assert "\x1b" not in found.text


def test_the_models_own_tokenizer_is_the_default_and_qwens_stands_in(tools: Toolbox, with_model: Toolbox) -> None:
    own = with_model.call("tokenize", {"text": "unbelievable"})
    assert "smollm2-135m" in own.text and not own.failed
    without = tools.call("tokenize", {"text": "人工智能"})
    assert without.data["tokenizer"] == "qwen" and without.data["count"] == 1


def test_the_next_tokens_are_the_models_own(with_model: Toolbox, smol: WorkerModel) -> None:
    found = with_model.call("next_tokens", {"prompt": "The capital of France is", "top": 3})
    expected = smol.next("The capital of France is", top=3)
    assert [each["text"] for each in found.data["top"]] == [each.text for each in expected.top]
    assert found.data["top"][0]["probability"] == round(math.exp(expected.top[0].logprob), 4)
    assert f"Entropy {expected.entropy:.2f} nats" in found.text


def test_a_demos_result_is_told_with_its_parameters(tools: Toolbox) -> None:
    found = tools.call("run_demo", {"name": "tokenizer", "parameters": {"corpus": "low low lower", "merges": 3}})
    assert not found.failed
    assert found.data == {"demo": "tokenizer", "parameters": {"corpus": "low low lower", "merges": 3}}
    _, result = registry.run("tokenizer", {"corpus": "low low lower", "merges": 3})
    assert "merges: [[l, o], [lo, w], [low, e]]" in found.text
    assert f"vocab_size: {result['vocab_size']}" in found.text


def test_a_demo_that_needs_a_model_gets_it(with_model: Toolbox) -> None:
    found = with_model.call("run_demo", {"name": "loss", "parameters": {"text": "The cat sat."}})
    assert not found.failed
    assert "perplexity" in found.text


def test_a_model_file_may_be_named_but_no_path(tools: Toolbox) -> None:
    found = tools.call("run_demo", {"name": "model-files", "parameters": {"path": "smollm2-135m"}})
    assert not found.failed
    assert "parameters: 134515008" in found.text


def test_long_results_are_shortened(with_model: Toolbox) -> None:
    found = with_model.call("run_demo", {"name": "gpt", "parameters": {"text": "Once upon"}})
    assert len(found.text) <= TEXT_CHARACTERS
    assert "(30)" in found.text, "how many layers there are is still said"


def test_sums_come_with_their_units(tools: Toolbox) -> None:
    found = tools.call("calculate", {"expression": "120 GB to GiB"})
    assert found.text == "120 GB = 111.759 GiB"
    assert found.data == {"value": 120e9 / 2**30, "unit": "GiB"}


@pytest.mark.parametrize(
    ("asked", "term"),
    [
        ("Byte-Pair Encoding", "byte-pair encoding"),
        ("bytepair encoding", "byte-pair encoding"),
        ("BPE", "byte-pair encoding"),
        ("字节对编码", "byte-pair encoding"),
        ("logits", "logit"),
        ("temprature", "temperature"),
        ("温度", "temperature"),
    ],
)
def test_a_term_is_found_as_people_write_it(tools: Toolbox, asked: str, term: str) -> None:
    found = tools.call("glossary", {"term": asked})
    assert found.data["terms"][0]["en"] == term
    assert f"[{found.data['terms'][0]['lesson']}]" in found.text


def test_search_and_reading_name_the_section(tools: Toolbox) -> None:
    found = tools.call("search_lessons", {"query": "byte level BPE"})
    assert {"lesson": "tokenizer", "section": "byte-level"} in found.data["hits"]
    read = tools.call("read_section", {"lesson": "tokenizer", "section": "byte-level"})
    assert read.text.startswith("[tokenizer#byte-level]")
    assert "256 bytes" in read.text
    tools.language = "zh"
    assert "256 个字节" in tools.call("read_section", {"lesson": "tokenizer", "section": "byte-level"}).text


def test_progress_says_what_was_read_answered_and_hard(tools: Toolbox, progress: Progress, library: Library) -> None:
    assert "No question was answered wrong." in tools.call("progress", {}).text
    questions = [question.id for question in library.quiz("tokenizer").questions]
    long_ago = NOW - 30 * DAY
    progress.set_position("padding", 3, 0, 1.0, now=NOW)
    progress.set_position("tokenizer", 1, 0, 0.4, now=NOW)
    for minutes, (question, correct) in enumerate(
        [
            (questions[0], False),
            (questions[0], False),
            (questions[1], False),
            (questions[1], True),
            (questions[2], True),
        ]
    ):
        progress.record(outcome(question, correct=correct), now=long_ago + timedelta(minutes=minutes))
    progress.record(outcome("gone", lesson="a-lesson-of-another-course", correct=False), now=long_ago)
    found = tools.call("progress", {})
    assert found.data["finished"] == ["padding"] and found.data["begun"] == ["tokenizer"]
    assert (found.data["answered"], found.data["right"], found.data["due"]) == (3, 2, 3)
    assert [(each["question"], each["wrong"]) for each in found.data["hard"]] == [(questions[0], 2), (questions[1], 1)]
    first = next(q for q in library.quiz("tokenizer").questions if q.id == questions[0])
    assert first.prompt.en[:40] in found.text
    assert first.explain.en[:40] not in found.text, "the answer is not given away"


def test_a_review_taken_back_is_no_longer_held_against_the_learner(
    tools: Toolbox, progress: Progress, library: Library
) -> None:
    question = library.quiz("tokenizer").questions[0].id
    progress.record(outcome(question, correct=False), now=NOW)
    assert progress.hard(NOW)[0].wrong == 1
    progress.undo(now=NOW)
    assert progress.hard(NOW) == []


# That they end, and change nothing


class Endless:
    TITLE = Text("无尽", "Endless")
    PARAMS = (Param("n", "int", 1, Text("数", "A number")),)
    NEEDS_MODEL = False

    def steps(self, params: Params, model: Model | None = None) -> Steps:
        while True:
            time.sleep(0.005)
            yield Step(Text("一步", "A step"))


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    load = registry.load
    monkeypatch.setattr(registry, "load", lambda name: Endless() if name == "endless" else load(name))


@pytest.mark.usefixtures("endless")
def test_a_demo_that_takes_too_long_is_stopped(library: Library) -> None:
    found = Toolbox(library, None, None, "en", seconds=0.2).call("run_demo", {"name": "endless"})
    assert found.failed
    assert "The demo endless was stopped after 0.2 s" in found.text


@pytest.mark.usefixtures("endless")
def test_stopping_ends_the_tool_under_way(library: Library) -> None:
    tools = Toolbox(library, None, None, "en")
    threading.Timer(0.1, tools.stop).start()
    with pytest.raises(Cancelled):
        tools.call("run_demo", {"name": "endless"})
    assert not tools.call("calculate", {"expression": "1 + 1"}).failed, "the next call is not stopped"


def test_a_model_that_is_busy_is_stopped_too(with_model: Toolbox, smol: WorkerModel) -> None:
    smol.info()
    threading.Timer(0.3, with_model.stop).start()
    with pytest.raises(Cancelled):
        with_model.call("run_demo", {"name": "decoding", "parameters": {"max_tokens": 128, "prompt": "a " * 900}})


def test_nothing_is_kept_and_nothing_is_written(tools: Toolbox, progress: Progress, tmp_path: Path) -> None:
    def everything() -> tuple[list[str], dict[str, Any]]:
        rows = progress.read(lambda db: list(db.iterdump()))
        return rows, {str(path): path.stat().st_size for path in sorted(tmp_path.rglob("*"))}

    before = everything()
    for tool, arguments in (
        ("search_lessons", {"query": "bpe"}),
        ("read_section", {"lesson": "tokenizer", "section": "byte-level"}),
        ("tokenize", {"text": "low", "tokenizer": "qwen"}),
        ("run_demo", {"name": "tokenizer"}),
        ("calculate", {"expression": "1 + 1"}),
        ("glossary", {"term": "logit"}),
        ("progress", {}),
    ):
        assert not tools.call(tool, arguments).failed
    assert everything() == before
