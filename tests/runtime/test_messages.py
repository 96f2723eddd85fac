"""What crosses the pipe: bounded steps, errors that keep their languages, text without control of a terminal."""

from __future__ import annotations

from pathlib import Path

from tutor.domain.errors import Cancelled, ModelFailed, NotFound, UsageError
from tutor.domain.language import both, set_language
from tutor.domain.model import BeamCandidate, BeamStep, Candidate, DecodeStep, Strategy
from tutor.runtime import protocol
from tutor.runtime.client import WorkerModel
from tutor.runtime.worker_operations import _bounded


def test_a_step_with_the_most_candidates_stays_within_its_bound(qwen_model: WorkerModel) -> None:
    for step in qwen_model.decode("春眠不觉晓，", Strategy(kind="sample"), max_tokens=4, top=protocol.MAX_TOP):
        assert len(step.top) == protocol.MAX_TOP
        assert len(protocol.encode(step)) < protocol.STEP_BYTES


def test_a_vocabulary_of_long_tokens_costs_candidates_and_not_the_bound() -> None:
    top = tuple(Candidate(i, "龘" * 200, -1.0) for i in range(100))
    raw = _bounded(DecodeStep(0, "", b"", 0.0, top, 0.0), "top")
    assert len(bytes(raw)) <= protocol.STEP_BYTES
    assert len(protocol.value(raw, DecodeStep).top) > 10


def test_beams_of_long_tokens_cost_pruned_candidates_and_not_the_bound() -> None:
    each = BeamCandidate(0, 1, "龘" * 20, ("龘" * 20).encode(), -1.0, -1.0, -1.0)
    raw = _bounded(BeamStep((each,) * 16, (), (each,) * 240), "pruned")
    assert len(bytes(raw)) <= protocol.STEP_BYTES
    step = protocol.value(raw, BeamStep)
    assert len(step.kept) == 16
    assert 10 < len(step.pruned) < 240


def test_errors_cross_with_their_kind_values_and_both_languages() -> None:
    sent = UsageError("{name} is {what}.", hint="Mind {name}.", name="x", what=both("at most {limit}", limit=3))
    line = protocol.encode(protocol.failed(7, sent))
    received = protocol.error(protocol.decode_reply(line))
    assert type(received) is UsageError
    assert str(received) == "x is at most 3. Mind x."
    set_language("zh")
    assert "至多 3" in received.message


def test_an_error_kind_that_the_client_does_not_know_becomes_its_nearest() -> None:
    for error, kind in ((Cancelled("Stopped."), Cancelled), (NotFound("No."), protocol.TutorError)):
        assert type(protocol.error(protocol.decode_reply(protocol.encode(protocol.failed(1, error))))) is kind
    assert type(protocol.error(protocol.Failed(1, "SystemExit", "No."))) is ModelFailed


def test_text_of_split_characters_comes_whole(qwen_model: WorkerModel) -> None:
    prompt = "𓀀𓀁𓀂 𓀀𓀁𓀂 𓀀𓀁𓀂 𓀀𓀁𓀂 𓀀"
    steps = list(qwen_model.decode(prompt, Strategy(), max_tokens=12, ignore_eos=True))
    data = b"".join(step.data for step in steps)
    text = "".join(step.text for step in steps)
    # Some steps end inside a character and show nothing yet; what is shown is all whole.
    assert any(step.data and not step.text for step in steps)
    assert "�" not in text
    assert data.startswith(text.encode())
    assert len(data) - len(text.encode()) < 4


def test_names_and_metadata_of_a_file_reach_nobody_with_escapes(tiny_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "evil.gguf"
    # The architecture must stay; a key is renamed to hold an escape sequence of the same length.
    path.write_bytes(
        tiny_file.read_bytes().replace(b"llama.rope.dimension_count", b"llama.\x1b]0;owned\x07\xe2\x80\xae_counts")
    )
    with WorkerModel(path, log=tmp_path / "log") as model:
        assert all(c not in key for key in model.info().metadata for c in "\x1b\x07\u202e")
        assert any("owned" in key for key in model.info().metadata)
