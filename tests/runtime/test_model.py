"""What the model's process answers, against llama.cpp's high-level interface and a forward pass in numpy."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.numpy_llama import NumpyLlama
from tests.runtime.tiny_model import write_tiny_model
from tutor.decoding.distribution import log_softmax
from tutor.domain.errors import UsageError
from tutor.domain.language import set_language
from tutor.domain.model import Strategy
from tutor.runtime.client import WorkerModel

TEXT = "The capital of France is Paris, and the capital of Italy is"
# Longer than one chunk of an evaluation.
LONG = " ".join(f"Number {n} comes after number {n - 1}." for n in range(1, 20))


@pytest.fixture(scope="module")
def high_level(smollm: Path) -> dict[str, np.ndarray]:
    """Logits after every token of TEXT and LONG, by the package's own class."""
    from llama_cpp import Llama

    model = Llama(
        str(smollm), n_ctx=512, n_batch=32, n_ubatch=32, n_threads=2, logits_all=True, flash_attn=True, verbose=False
    )
    found = {}
    for text in (TEXT, LONG):
        ids = model.tokenize(text.encode(), add_bos=False)
        model.reset()
        model.eval(ids)
        found[text] = log_softmax(model.scores[: len(ids)].copy())
    model.close()
    return found


@pytest.mark.parametrize("text", [TEXT, LONG])
def test_next_and_score_agree_with_the_packages_own_class(
    smol: WorkerModel, high_level: dict[str, np.ndarray], text: str
) -> None:
    logprobs = high_level[text]
    distribution = smol.next(text, top=20)
    assert distribution.top[0].id == logprobs[-1].argmax()
    for candidate in distribution.top:
        assert candidate.logprob == pytest.approx(logprobs[-1, candidate.id], abs=0.02)
    assert distribution.entropy == pytest.approx(-np.sum(np.exp(logprobs[-1]) * logprobs[-1]), abs=0.02)

    score = smol.score(text)
    assert score.ids == distribution.ids
    expected = [-logprobs[i, id] for i, id in enumerate(score.ids[1:])]
    np.testing.assert_allclose(score.nll, expected, atol=0.02)
    assert score.mean_nll == pytest.approx(np.mean(score.nll))
    assert score.perplexity == pytest.approx(np.exp(np.mean(score.nll)))


def test_next_and_score_agree_with_a_forward_pass_in_numpy(smol: WorkerModel, smollm: Path) -> None:
    score = smol.score(TEXT)
    logprobs = log_softmax(NumpyLlama(smollm).logits(list(score.ids)))
    # llama.cpp rounds activations to 8 bits before it multiplies them with 4-bit weights; numpy does not.
    np.testing.assert_allclose(score.nll, [-logprobs[i, id] for i, id in enumerate(score.ids[1:])], atol=0.4)
    assert score.mean_nll == pytest.approx(-np.mean([logprobs[i, id] for i, id in enumerate(score.ids[1:])]), abs=0.05)
    top = smol.next(TEXT, top=5).top
    assert top[0].id == logprobs[-1].argmax()
    for candidate in top:
        assert candidate.logprob == pytest.approx(logprobs[-1, candidate.id], abs=0.4)


def test_greedy_is_the_chain_of_most_likely_next_tokens(smol: WorkerModel) -> None:
    text = "Number 1, Number 2, Number 3, Number"
    steps = list(smol.decode(text, Strategy(), max_tokens=6, top=3, ignore_eos=True))
    assert len(steps) == 6
    ids = smol.next(text).ids
    for step in steps:
        distribution = smol.next(text, top=1)
        # The text so far must be cut the way it was generated, or it is another prompt.
        assert distribution.ids == ids
        assert step.id == distribution.top[0].id
        assert step.logprob == pytest.approx(distribution.top[0].logprob, abs=0.05)
        text += step.text
        ids += (step.id,)


def test_sampling_with_one_seed_gives_one_text_whatever_was_asked_in_between(smol: WorkerModel) -> None:
    def sample(seed: int) -> list[object]:
        strategy = Strategy(kind="sample", temperature=1.2, top_p=0.95, seed=seed)
        return list(smol.decode(TEXT, strategy, max_tokens=5))

    first = sample(3)
    smol.score(TEXT[:20])
    smol.next(TEXT[:30])
    assert sample(3) == first
    assert sample(3) == first
    assert sample(4) != first


def test_a_reused_prefix_changes_no_bit_of_an_answer(smol: WorkerModel, smollm: Path, tmp_path: Path) -> None:
    smol.next(LONG)
    reused = smol.next(LONG + " And then")
    with WorkerModel(smollm, log=tmp_path / "log") as fresh:
        assert fresh.next(LONG + " And then") == reused


def test_info_tells_what_the_file_holds(smol: WorkerModel, smollm: Path) -> None:
    info = smol.info()
    assert (info.architecture, info.layers, info.heads, info.kv_heads, info.width) == ("llama", 30, 9, 3, 576)
    assert (info.vocabulary, info.context, info.bytes) == (49152, 8192, smollm.stat().st_size)
    assert info.parameters == 134_515_008
    assert info.threads >= 1
    assert info.backend
    assert "im_start" in info.chat_template


def test_a_step_lists_as_many_candidates_as_asked_for_best_first(smol: WorkerModel) -> None:
    for step in smol.decode(TEXT, Strategy(kind="sample", top_k=5), max_tokens=3, top=7):
        assert len(step.top) == 7
        assert all(a.logprob >= b.logprob for a, b in itertools.pairwise(step.top))
        assert [candidate.kept for candidate in step.top] == [True] * 5 + [False] * 2
        assert [stage.name for stage in step.stages] == ["top_k"]
        assert step.draw is not None


def test_a_longer_prompt_gets_a_longer_context(tmp_path: Path) -> None:
    heard: list[tuple[str, float]] = []
    path = write_tiny_model(tmp_path / "tiny.gguf", context=4096)
    with WorkerModel(path, log=tmp_path / "log", on_progress=lambda *progress: heard.append(progress)) as model:
        distribution = model.next("a" * 1100)
        assert len(distribution.ids) > 1024
        fractions = [fraction for phase, fraction in heard if phase == "prompt"]
        assert len(fractions) > 10
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0
        assert "load" in {phase for phase, _ in heard}


def test_a_prompt_beyond_the_models_context_gets_a_sentence_with_both_numbers(tiny: WorkerModel) -> None:
    with pytest.raises(UsageError) as refused:
        tiny.next("a" * 500)
    assert "128" in refused.value.message
    assert tiny.next("a" * 100).top
    with pytest.raises(UsageError, match="128"):
        list(tiny.decode("a" * 100, Strategy(), max_tokens=50))


def test_an_empty_prompt_and_a_lone_token_get_sentences(smol: WorkerModel) -> None:
    with pytest.raises(UsageError, match="empty"):
        smol.next("")
    with pytest.raises(UsageError, match="two tokens"):
        smol.score("the")


def test_half_a_character_is_refused_with_its_place(smol: WorkerModel) -> None:
    for ask in (smol.tokenize, smol.next, smol.score):
        with pytest.raises(UsageError, match="Character 3"):
            ask("ab\ud800")


def test_a_failure_in_the_process_is_told_in_the_readers_language(smol: WorkerModel) -> None:
    with pytest.raises(UsageError) as refused:
        smol.next("")
    set_language("zh")
    assert "文本是空的" in refused.value.message


def test_parameters_out_of_bounds_are_refused_before_anything_is_sent(smol: WorkerModel) -> None:
    with pytest.raises(UsageError, match="top_p"):
        smol.decode(TEXT, Strategy(kind="sample", top_p=2))
    with pytest.raises(UsageError, match="max_tokens"):
        smol.decode(TEXT, Strategy(), max_tokens=-1)
    with pytest.raises(UsageError, match="top "):
        smol.next(TEXT, top=1000)
    with pytest.raises(UsageError, match="Beam"):
        smol.decode(TEXT, Strategy(kind="beam"))
    assert list(smol.decode(TEXT, Strategy(), max_tokens=0)) == []
