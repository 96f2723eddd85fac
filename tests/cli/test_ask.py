"""`qwtutor ask`: the promised document, the answer as lines, and what happens where nobody can answer."""

from __future__ import annotations

from pathlib import Path

from tests.cli.program import qwtutor

NOWHERE = "http://127.0.0.1:9/v1"
FIELDS = ["answer", "in_lessons", "citations", "calls", "unsupported", "model", "seconds", "seconds_to_first_token"]


def test_without_a_model_the_lessons_answer_and_the_document_has_its_fields(tmp_path: Path) -> None:
    run = qwtutor("ask", "what is beam search", "--json", QWTUTOR_MODELS=str(tmp_path))
    assert run.status == 0 and list(run.data) == FIELDS
    assert run.data["in_lessons"] and run.data["model"] == "" and run.data["unsupported"] == []
    assert {"lesson": "decoding", "section": "beam-search"}.items() <= run.data["citations"][0].items()
    assert all(list(each) == ["lesson", "section", "quote"] for each in run.data["citations"])
    assert "models pull" in run.stderr


def test_a_tools_answer_has_its_call(tmp_path: Path) -> None:
    data = qwtutor("ask", "算一下 2+2", "--json", QWTUTOR_MODELS=str(tmp_path)).data
    assert data["calls"] == [{"tool": "calculate", "arguments": {"expression": "2+2"}, "observation": "2+2 = 4"}]
    assert data["answer"] == "2+2 = 4"


def test_what_no_lesson_covers_is_declined_with_status_0(tmp_path: Path) -> None:
    run = qwtutor("ask", "今天天气怎么样", "--json", QWTUTOR_MODELS=str(tmp_path))
    assert run.status == 0 and not run.data["in_lessons"] and run.data["citations"] == []


def test_lines_have_the_answer_and_below_it_the_sections_and_what_comes_next(tmp_path: Path) -> None:
    run = qwtutor("ask", "what is beam search", QWTUTOR_MODELS=str(tmp_path))
    answer, below = run.stdout.split("\n\n", 1)
    assert "[decoding#beam-search]" in answer
    assert below.startswith("[decoding#beam-search] Beam search") and "qwtutor quiz decoding" in below
    assert below.count("[decoding#beam-search]") == 1


def test_a_server_that_is_not_there_gets_a_sentence_and_a_fallback_where_asked_for(smollm: Path) -> None:
    failed = qwtutor("ask", "what is beam search", "--server", NOWHERE, "--json")
    assert failed.status == 1 and failed.stdout == "" and "127.0.0.1:9" in failed.stderr
    assert "Traceback" not in failed.stderr
    words = ("ask", "what is beam search", "--server", NOWHERE, "--fallback", "--json")
    qwtutor("models", "use", "smollm2-135m")
    answered = qwtutor(*words)
    assert answered.status == 0, answered.stderr
    assert answered.data["in_lessons"] and answered.data["citations"] and answered.data["model"] == "smollm2-135m"


def test_a_model_that_was_named_must_be_there_and_a_question_must_be_one(tmp_path: Path) -> None:
    run = qwtutor("ask", "what is beam search", "--model", str(tmp_path / "none.gguf"))
    assert run.status == 1 and "none.gguf" in run.stderr
    assert qwtutor("ask", "  ").status == 2
    assert qwtutor("ask", "what is beam search", "--server", "not a url").status == 2
