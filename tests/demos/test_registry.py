"""Demos are found by looking, their parameters are checked, their steps are computed as they are looked at."""

from __future__ import annotations

import importlib
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tutor.demos
from tests import soak
from tutor.demos import registry
from tutor.domain.demo import PARAM_KINDS, Param
from tutor.domain.errors import Cancelled, ModelMissing, NotFound, UsageError
from tutor.domain.frames import to_json
from tutor.domain.language import Text, set_language
from tutor.runtime.without import without_model

COUNTING = """
from tutor.domain.demo import Param, Step
from tutor.domain.frames import Note
from tutor.domain.language import Text, same

TITLE = Text("数羊", "Counting sheep")
NEEDS_MODEL = False
PARAMS = (
    Param("sheep", "int", 3, Text("几只", "How many"), low=0, high=200),
    Param("weight", "float", 0.5, Text("体重", "Weight"), low=0.0),
    Param("name", "text", "dolly", Text("名字", "Name"), low=1, high=8),
    Param("black", "bool", False, Text("黑羊", "Black")),
    Param("gait", "choice", "trot", Text("步态", "Gait"), choices=("walk", "trot")),
    Param("herd", "json", [1, 2], Text("羊群", "Herd"), low=1, high=3),
    Param("song", "json", "baa", Text("歌", "Song"), high=100),
)
computed = []


def steps(params, model=None):
    for index in range(params["sheep"]):
        computed.append(index)
        yield Step(same(f"sheep {index}"), (Note(same(index)),))
    if params["black"]:
        raise RuntimeError("the black sheep")
    return {"sheep": params["sheep"]}
"""

WITH_MODEL = """
from tutor.domain.language import Text
from tutor.domain.demo import Param
TITLE, NEEDS_MODEL = Text("模型", "Model"), True
PARAMS = (Param("toy", "bool", False, Text("玩具", "Toy")),)
def needs_model(params):
    return not params["toy"]
def steps(params, model=None):
    yield from ()
    return {"name": model}
"""


@pytest.fixture
def sheep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Two demos laid into a folder of demos, and what the first has computed so far."""
    (tmp_path / "counting_sheep.py").write_text(COUNTING, encoding="utf-8")
    (tmp_path / "asks_model.py").write_text(WITH_MODEL, encoding="utf-8")
    (tmp_path / "_helper.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(tutor.demos, "__path__", [*tutor.demos.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield importlib.import_module("tutor.demos.counting_sheep").computed
    for name in ("counting_sheep", "asks_model"):
        sys.modules.pop(f"tutor.demos.{name}", None)
        if hasattr(tutor.demos, name):
            delattr(tutor.demos, name)


def test_a_file_in_the_folder_is_a_demo_and_helpers_are_not(sheep: list[int]) -> None:
    assert {"counting-sheep", "asks-model"} <= set(registry.names())
    assert not {"registry", "_helper", "helper"} & set(registry.names())
    assert registry.load("counting-sheep").TITLE.en == "Counting sheep"


def test_an_unknown_demo_is_answered_with_the_close_one(sheep: list[int]) -> None:
    with pytest.raises(NotFound, match=r"no demo called counting-sheeps.*`counting-sheep`"):
        registry.load("counting-sheeps")
    with pytest.raises(NotFound):
        registry.load("counting_sheep.os")


def test_defaults_are_copied(sheep: list[int]) -> None:
    demo = registry.load("counting-sheep")
    registry.prepare(demo)["herd"].append(99)
    assert registry.prepare(demo)["herd"] == [1, 2]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("sheep", "12", 12),
        ("sheep", "1e2", 100),
        ("sheep", 5.0, 5),
        ("weight", "0.25", 0.25),
        ("weight", 3, 3.0),
        ("name", "多莉", "多莉"),
        ("black", "Yes", True),
        ("black", False, False),
        ("gait", "walk", "walk"),
        ("herd", '[{"a": null}]', [{"a": None}]),
        ("herd", ({"a": 1},), [{"a": 1}]),
        ("song", "[1]", [1]),
        ("song", "baa 1", "baa 1"),
        ("song", "17", "17"),
    ],
)
def test_values_are_read_by_their_kind(sheep: list[int], name: str, value: object, expected: object) -> None:
    prepared = registry.prepare(registry.load("counting-sheep"), {name: value})[name]
    assert prepared == expected
    assert type(prepared) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("sheep", "500", "`sheep` must be from 0 to 200, not 500."),
        ("sheep", -1, "`sheep` must be from 0 to 200, not -1."),
        ("sheep", "three", "`sheep` must be a whole number, not three."),
        ("sheep", "2.5", "`sheep` must be a whole number, not 2.5."),
        ("sheep", True, "`sheep` must be a whole number, not True."),
        ("sheep", "9" * 5000, "`sheep` must be a whole number, not " + "9" * 57 + "...."),
        pytest.param("sheep", 10**5000, "`sheep` must be a whole number of at most 18 digits, not int.", id="digits"),
        ("weight", "nan", "`weight` must be a finite number, not nan."),
        ("weight", "1e999", "`weight` must be a finite number, not 1e999."),
        ("weight", "-0.5", "`weight` must be at least 0, not -0.5."),
        ("name", "", "`name` must have from 1 to 8 characters, not 0."),
        ("name", 5, "`name` must be text, not 5."),
        ("name", "\ud800", r"`name` must be valid Unicode text, not \ud800."),
        ("black", "perhaps\x1b[31m", r"`black` must be true / false, not perhaps\x1b[31m."),
        ("gait", "gallop", "`gait` must be one of walk, trot, not gallop."),
        ("herd", "[1, 2, 3, 4]", "`herd` must have from 1 to 3 entries, not 4."),
        ("herd", "[1, ", "`herd` must be JSON, such as [1, 2], not [1, ."),
        ("herd", "[NaN]", "`herd` must be plain JSON data with finite numbers, not [NaN]."),
        ("herd", [float("inf")], "`herd` must be plain JSON data with finite numbers, not [inf]."),
        (
            "herd",
            [10**30],
            "`herd` must be plain JSON data with finite numbers, not [1000000000000000000000000000000].",
        ),
        ("herd", {1, 2}, "`herd` must be plain JSON data with finite numbers, not {1, 2}."),
        ("herd", "[" * 100_000, "`herd` must be JSON, such as [1, 2], not " + "[" * 57 + "...."),
        ("herd", '["\\ud800"]', '`herd` must be plain JSON data with finite numbers, not ["\\ud800"].'),
        ("herb", "1", "There is no parameter `herb`. Did you mean `herd`?"),
    ],
)
def test_a_wrong_value_gets_a_sentence(sheep: list[int], name: str, value: object, sentence: str) -> None:
    with pytest.raises(UsageError) as refusal:
        registry.prepare(registry.load("counting-sheep"), {name: value})
    assert str(refusal.value) == sentence
    assert refusal.value.exit_status == 2


def test_the_sentence_is_chinese_where_chinese_is_spoken(sheep: list[int]) -> None:
    with pytest.raises(UsageError) as refusal:
        registry.prepare(registry.load("counting-sheep"), {"sheep": 500})
    set_language("zh")
    assert str(refusal.value) == "`sheep` 应在 0 到 200 之间，给的是 500。"


@settings(max_examples=soak.count(2000), derandomize=True, deadline=None)
@given(
    kind=st.sampled_from(PARAM_KINDS),
    value=st.one_of(
        st.text(),
        st.floats(),
        st.integers(),
        st.none(),
        st.recursive(st.none() | st.floats() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)),
    ),
)
def test_any_value_is_either_sound_or_refused(kind: str, value: object) -> None:
    param = Param("p", kind, "", Text("a", "a"), choices=("x", "y"))
    try:
        parsed = registry.parse(param, value)
    except UsageError as refusal:
        str(refusal).encode()
    else:
        json.dumps(parsed, allow_nan=False, ensure_ascii=False).encode()


def test_steps_are_computed_only_as_they_are_looked_at(sheep: list[int]) -> None:
    run = registry.DemoRun("counting-sheep", {"sheep": 5})
    assert (run.known, sheep) == (0, [])
    second = run.step(1)
    assert (run.known, sheep, run.finished) == (2, [0, 1], False)
    assert run.step(1) is second
    assert run.step(9) is None
    assert (run.known, run.finished, run.result) == (5, True, {"sheep": 5})


def test_run_collects_all_steps_and_the_result(sheep: list[int]) -> None:
    steps, result = registry.run("counting-sheep", {"sheep": "2"})
    assert [step.title.en for step in steps] == ["sheep 0", "sheep 1"]
    assert result == {"sheep": 2}


def test_a_stopped_run_keeps_its_steps_and_computes_no_more(sheep: list[int]) -> None:
    run = registry.DemoRun("counting-sheep", {"sheep": 5})
    run.step(1)
    run.stop()
    assert run.step(0) is not None
    with pytest.raises(Cancelled):
        run.step(4)
    assert sheep == [0, 1]
    assert not run.finished


def test_stop_reaches_a_run_that_another_thread_computes(sheep: list[int]) -> None:
    run = registry.DemoRun("counting-sheep", {"sheep": 200})
    reached, go_on = threading.Event(), threading.Event()
    advance = run._generator

    def slow() -> Iterator[object]:
        for step in advance:
            yield step
            reached.set()
            go_on.wait(10)

    run._generator = slow()  # type: ignore[assignment]
    outcome: list[BaseException] = []

    def compute() -> None:
        try:
            run.finish()
        except Cancelled as stopped:
            outcome.append(stopped)

    worker = threading.Thread(target=compute)
    worker.start()
    assert reached.wait(10)
    run.stop()
    go_on.set()
    worker.join(10)
    assert outcome and run.known < 200


def test_a_failure_is_told_again_and_is_no_end(sheep: list[int]) -> None:
    run = registry.DemoRun("counting-sheep", {"black": True})
    for _ in range(2):
        with pytest.raises(RuntimeError, match="black sheep"):
            run.finish()
    assert not run.finished and run.known == 3


def test_a_demo_that_needs_a_model_says_so(sheep: list[int]) -> None:
    with pytest.raises(ModelMissing, match="asks-model needs a model"):
        registry.run("asks-model")
    assert registry.wants_model("asks-model")


def test_a_demo_may_do_without_its_model_for_some_parameters(sheep: list[int]) -> None:
    assert not registry.wants_model("asks-model", {"toy": "yes"})
    assert registry.run("asks-model", {"toy": "yes"})[1] == {"name": None}
    assert not registry.wants_model("counting-sheep")


def test_a_path_leads_into_a_result() -> None:
    result = {"loss": 0.5, "layers": [{"top": ["a", "b"]}, {"top": ["c"]}]}
    assert registry.look_up(result, "loss") == 0.5
    assert registry.look_up(result, "layers[0].top[-1]") == "b"
    for wrong in (
        "gain",
        "layers[2]",
        "loss[0]",
        "layers.top",
        "layers[0",
        "[0]",
        "",
        "layers[0]..top",
        "loss.__class__",
    ):
        with pytest.raises(NotFound):
            registry.look_up(result, wrong)


@pytest.mark.parametrize("name", registry.names())
def test_every_demo_keeps_the_contract(name: str) -> None:
    demo = registry.load(name)
    assert demo.TITLE.zh and demo.TITLE.en
    for param in demo.PARAMS:
        assert param.kind in PARAM_KINDS
        assert param.help.zh and param.help.en
        registry.parse(param, param.default)
    assert len({param.name for param in demo.PARAMS}) == len(demo.PARAMS)
    if not registry.wants_model(name):
        steps, result = registry.run(name, model=without_model())  # what every caller passes where no model is wanted
        assert steps
        json.dumps([to_json(step) for step in steps], allow_nan=False)
        json.dumps(result, allow_nan=False)


def test_a_text_may_be_given_in_two_languages() -> None:
    demo = registry.load("decoding")
    preset = {"prompt": {"zh": "猫叫", "en": "The cat"}, "max_tokens": 2}
    assert registry.prepare(demo, preset)["prompt"] == "The cat"
    set_language("zh")
    assert registry.prepare(demo, preset)["prompt"] == "猫叫"
    assert registry.in_language({"corpus": {"zh": 1, "en": 2}}) == {"corpus": {"zh": 1, "en": 2}}
