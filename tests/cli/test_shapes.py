"""`--json` prints one document in the promised shape, and nothing beside it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.cli.program import qwtutor


def test_lessons_lists_every_topic_in_order() -> None:
    data = qwtutor("lessons", "--json").data
    assert [each["number"] for each in data] == list(range(1, 37))
    tokenizer = data[1]
    assert tokenizer["slug"] == "tokenizer" and tokenizer["part"] == "A" and tokenizer["written"]
    assert tokenizer["title"]["zh"] == "千问LLM之二：LLM tokenizer 是怎么做的？"
    assert tokenizer["minutes"] > 0 and tokenizer["questions"] >= 10


def test_a_course_stands_in_for_the_lessons_that_came_along(course: Path) -> None:
    for words in (("lessons", "--course", str(course)), ("--course", str(course), "lessons")):
        data = qwtutor(*words, "--json").data
        assert [(each["slug"], each["questions"]) for each in data if each["written"]] == [("pairs", 7)]


def test_lesson_prints_its_blocks_in_order(course: Path) -> None:
    data = qwtutor("lesson", "pairs", "--course", str(course), "--json").data
    assert [next(iter(block)) for block in data["blocks"]] == ["section", "demo", "check", "section"]
    assert data["title"] == {"zh": "一对", "en": "Pairs"}


def test_quiz_gives_no_answer_away(course: Path) -> None:
    run = qwtutor("quiz", "pairs", "--course", str(course), "--json")
    questions = {each["id"]: each for each in run.data["questions"]}
    assert {each["kind"] for each in questions.values()} == {
        "choice", "multi", "number", "text", "order", "predict", "spans",
    }  # fmt: skip
    assert "correct" not in run.stdout and "accept" not in run.stdout and "explain" not in run.stdout
    assert [each["en"] for each in questions["q-order"]["items"]] != ["one", "two", "three"]
    assert questions["q-spans"]["tokenizer"] == "cl100k_base"


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("q-choice", "2", "one"),
        ("q-multi", "1,3", "1"),
        ("q-number", "4", "5"),
        ("q-text", "对", "trio"),
        ("q-order", '["one", "two", "three"]', "3,2,1"),
        ("q-predict", "3", "2"),
        ("q-spans", "hello| world", "hello |world"),
    ],
)
def test_grade_judges_every_kind_and_a_wrong_answer_is_work_done(
    course: Path, question: str, right: str, wrong: str
) -> None:
    for answer, correct in ((right, True), (wrong, False)):
        run = qwtutor("grade", f"pairs/{question}", answer, "--course", str(course), "--json")
        assert run.status == 0, run.stderr
        assert list(run.data) == ["correct", "why", "explain"]
        assert run.data["correct"] is correct
        assert run.data["explain"]["en"] and run.data["explain"]["zh"]


def test_grading_leaves_progress_alone(course: Path) -> None:
    qwtutor("grade", "pairs/q-choice", "1", "--course", str(course))
    assert qwtutor("progress", "show", "--json").data["answered"] == 0


def test_demo_prints_params_steps_and_result() -> None:
    run = qwtutor("demo", "tokenizer", "--set", 'corpus={"ab": 2}', "--set", "merges=1", "--json")
    assert run.stderr == ""
    assert list(run.data) == ["demo", "params", "steps", "result"]
    assert run.data["demo"] == "tokenizer"
    assert run.data["params"]["corpus"] == {"ab": 2} and run.data["params"]["merges"] == 1
    assert all(list(step) == ["title", "frames", "note"] for step in run.data["steps"])
    assert run.data["result"]["merges"] == [["a", "b"]]


def test_demo_without_a_name_lists_the_demos() -> None:
    demos = {each["demo"]: each for each in qwtutor("demo", "--json").data}
    assert {"tokenizer", "decoding"} <= demos.keys()
    assert [param["name"] for param in demos["tokenizer"]["params"]][:2] == ["corpus", "merges"]


def test_tokenize_tells_bytes_and_characters() -> None:
    data = qwtutor("tokenize", "--tokenizer", "cl100k_base", "--json", "hi 世").data
    assert data["tokenizer"] == "cl100k_base"
    assert data["ids"] == [each["id"] for each in data["tokens"]]
    assert b"".join(bytes.fromhex(each["bytes"]) for each in data["tokens"]).decode() == "hi 世"
    assert data["tokens"][0]["start"] == 0 and data["tokens"][-1]["end"] == 4


def test_next_score_and_decode_keep_their_shapes(smollm: Path) -> None:
    model = ("--model", str(smollm), "--json")
    found = qwtutor("next", "--top", "3", *model, "The capital of France is").data
    assert list(found) == ["ids", "top", "entropy"] and len(found["top"]) == 3
    assert all(list(each) == ["id", "text", "logprob"] for each in found["top"])

    score = qwtutor("score", *model, "A pair is two.").data
    assert list(score) == ["ids", "nll", "mean_nll", "perplexity"]
    assert len(score["nll"]) == len(score["ids"]) - 1
    assert score["perplexity"] == pytest.approx(math.exp(sum(score["nll"]) / len(score["nll"])))

    decode = qwtutor(
        "decode", "--max-tokens", "3", "--top", "2", "--ignore-eos", *model, "The capital of France is"
    ).data
    assert list(decode) == ["text", "ids", "tokens", "seconds"]
    assert len(decode["ids"]) == 3 and decode["ids"][0] == found["top"][0]["id"]
    assert all(list(each) == ["id", "text", "logprob", "top"] and len(each["top"]) == 2 for each in decode["tokens"])
    assert decode["text"] == "".join(each["text"] for each in decode["tokens"])


def test_decode_hands_every_option_on(smollm: Path) -> None:
    words = ("decode", "--strategy", "sample", "--max-tokens", "4", "--json", "--model", str(smollm), "One day")
    one = qwtutor(*words, "--seed", "5").data["ids"]
    assert one == qwtutor(*words, "--seed", "5").data["ids"]
    # top-k 1 is greedy whatever the seed.
    greedy = qwtutor(*words, "--strategy", "greedy").data["ids"]
    assert greedy == qwtutor(*words, "--seed", "9", "--top-k", "1").data["ids"]


def test_decode_with_beams_prints_the_beams_best_first_and_what_each_step_kept_and_pruned(smollm: Path) -> None:
    words = ("decode", "--strategy", "beam", "--max-tokens", "4", "--ignore-eos", "--model", str(smollm), "One day")
    data = qwtutor(*words, "--width", "3", "--length-penalty", "1", "--top", "5", "--json").data
    assert list(data) == ["beams", "steps", "seconds"]
    assert all(list(each) == ["text", "ids", "logprob", "score", "finished"] for each in data["beams"])
    assert [each["score"] for each in data["beams"]] == sorted((b["score"] for b in data["beams"]), reverse=True)
    assert all(each["score"] == pytest.approx(each["logprob"] / 4) for each in data["beams"])
    assert [len(step["kept"]) for step in data["steps"]] == [3] * 4
    assert [len(step["pruned"]) for step in data["steps"]] == [2, 12, 12, 12]
    last = data["steps"][-1]["kept"][0]
    assert list(last) == ["parent", "id", "text", "logprob", "total", "score"]
    assert (last["id"], last["total"]) == (data["beams"][0]["ids"][-1], data["beams"][0]["logprob"])
    lines = qwtutor(*words, "--width", "2").stdout.splitlines()
    assert len(lines) == 3 and "cut off" in lines[0]


def test_models_say_what_they_are_and_where(smollm: Path) -> None:
    models = {each["name"]: each for each in qwtutor("models", "list", "--json").data}
    assert models["smollm2-135m"]["path"] == str(smollm)
    assert [name for name, each in models.items() if each["used"]] == ["qwen2.5-coder-0.5b"]
    info = qwtutor("models", "info", "smollm2-135m", "--json").data
    assert info["version"] == 3 and info["tensor_count"] == len(info["tensors"]) == 272


def test_doctor_names_each_thing_it_looked_at(smollm: Path) -> None:
    run = qwtutor("doctor", "--json", TERM="xterm", LANG="C.UTF-8")
    assert run.status == 0, run.stdout
    assert {"python", "terminal", "data", "models", "llama", "backend", "progress", "lessons"} <= run.data.keys()
    assert all(each["ok"] for each in run.data.values())


def test_doctor_finds_the_trouble_and_says_what_to_do(tmp_path: Path) -> None:
    run = qwtutor("doctor", "--json", QWTUTOR_MODELS=str(tmp_path / "none"), TERM="dumb")
    assert run.status == 1
    assert not run.data["models"]["ok"] and "qwtutor models pull" in run.data["models"]["hint"]["en"]
    assert not run.data["terminal"]["ok"] and "--plain" in run.data["terminal"]["hint"]["en"]


def test_search_gives_lesson_section_and_score() -> None:
    hits = qwtutor("search", "byte pair encoding", "--json").data["hits"]
    assert hits and all(list(hit) == ["lesson", "section", "score"] for hit in hits)
    assert hits[0]["lesson"] == "tokenizer"


def test_minus_reads_standard_input_as_it_is() -> None:
    words = ("tokenize", "--tokenizer", "cl100k_base", "--json")
    assert qwtutor(*words, "-", stdin="a pair\n").data == qwtutor(*words, "a pair\n").data


def test_control_characters_in_json_are_escaped_and_not_lost() -> None:
    run = qwtutor("tokenize", "--tokenizer", "cl100k_base", "--json", "-", stdin="a\x9b31m\u202eb")
    assert "\x9b" not in run.stdout and "\u202e" not in run.stdout
    assert b"".join(bytes.fromhex(each["bytes"]) for each in run.data["tokens"]).decode() == "a\x9b31m\u202eb"


def test_progress_comes_out_and_goes_in_again(course: Path, tmp_path: Path) -> None:
    qwtutor("quiz", "pairs", "--course", str(course), stdin="one\n\n\nq\n")
    exported = qwtutor("progress", "export")
    assert len(exported.data["reviews"]) == 1
    elsewhere = str(tmp_path / "elsewhere")
    taken = qwtutor("progress", "import", "-", "--json", stdin=exported.stdout, QWTUTOR_HOME=elsewhere)
    assert taken.data == {"added": 1, "known": 0}
    again = qwtutor("progress", "import", "-", "--json", stdin=exported.stdout, QWTUTOR_HOME=elsewhere)
    assert again.data == {"added": 0, "known": 1}
    assert qwtutor("progress", "export", QWTUTOR_HOME=elsewhere).data == exported.data


def test_an_anki_package_holds_the_questions_answered(course: Path, tmp_path: Path) -> None:
    target = tmp_path / "cards.apkg"
    assert qwtutor("progress", "export", str(target), "--course", str(course)).status == 2
    qwtutor("quiz", "pairs", "--course", str(course), stdin="one\n\n\nq\n")
    run = qwtutor("progress", "export", str(target), "--course", str(course))
    assert run.status == 0 and run.stderr.startswith("1 ") and target.stat().st_size > 0
    assert qwtutor("progress", "export", str(target), "--all", "--course", str(course)).stderr.startswith("7 ")


def test_reset_asks_somebody_or_wants_yes(course: Path) -> None:
    qwtutor("quiz", "pairs", "--course", str(course), stdin="one\n\n\nq\n")
    assert qwtutor("progress", "reset").status == 2
    assert qwtutor("progress", "show", "--json").data["answered"] == 1
    copy = Path(qwtutor("progress", "reset", "--yes", "--json").data["copy"])
    assert copy.is_file()
    assert qwtutor("progress", "show", "--json").data["answered"] == 0
