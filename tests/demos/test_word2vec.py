"""The word2vec demo: updates against slow loops, gradients against differences, and what a text must and may be."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from tests.demos.play import control_characters, frames, untranslated
from tutor.decoding import skipgram
from tutor.decoding.scatter import HEIGHT, WIDTH, scatter
from tutor.decoding.skipgram import BATCH, Corpus, Setting, SkipGram
from tutor.demos import registry, word2vec
from tutor.domain.errors import UsageError
from tutor.domain.frames import Curve, Table
from tutor.domain.language import Text, set_language

TINY = "the cat drinks milk\nthe dog drinks water\nthe cat sees the dog\na dog barks at a cat"
QUICK: dict[str, Any] = {"corpus": TINY, "dim": 5, "epochs": 3, "window": 2, "negatives": 2, "word": "cat"}


def run(**given: Any) -> dict[str, Any]:
    return registry.run("word2vec", {**QUICK, **given})[1]


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


class Slow:
    """Skip-gram with negative sampling in plain lists and loops, one number at a time."""

    def __init__(self, vectors: list[list[float]], contexts: list[list[float]]) -> None:
        self.vectors, self.contexts = vectors, contexts

    def loss(self, word: int, context: int, noise: list[int]) -> float:
        total = -math.log(sigmoid(self.dot(word, context)))
        return total - sum(math.log(sigmoid(-self.dot(word, other))) for other in noise if other != context)

    def dot(self, word: int, other: int) -> float:
        return sum(a * b for a, b in zip(self.vectors[word], self.contexts[other], strict=True))

    def learn(self, batch: list[tuple[int, int, list[int]]], rate: float) -> None:
        changes: list[tuple[list[float], int, float]] = []
        for word, context, noise in batch:
            for other, wanted in [(context, 1.0), *((n, 0.0) for n in noise if n != context)]:
                error = sigmoid(self.dot(word, other)) - wanted
                for i in range(len(self.vectors[word])):
                    changes.append((self.vectors[word], i, rate * error * self.contexts[other][i]))
                    changes.append((self.contexts[other], i, rate * error * self.vectors[word][i]))
        for row, i, amount in changes:
            row[i] -= amount


def given_pairs(seed: int, count: int = 300) -> tuple[SkipGram, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    model = SkipGram(random.normal(size=(7, 4)), random.normal(size=(7, 4)))
    return model, random.integers(0, 7, (count, 2)), random.integers(0, 7, (count, 3))


# Updates and gradients


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_pass_of_updates_is_that_of_slow_loops(seed: int) -> None:
    model, pairs, noise = given_pairs(seed)
    slow = Slow(model.vectors.tolist(), model.contexts.tolist())
    for start in range(0, len(pairs), 32):
        batch = [(int(w), int(c), list(map(int, n))) for (w, c), n in zip(pairs[start:], noise[start:], strict=True)][
            :32
        ]
        said = model.learn(pairs[start : start + 32], noise[start : start + 32], 0.1)
        assert said == pytest.approx(np.mean([slow.loss(*each) for each in batch]))
        slow.learn(batch, 0.1)
    assert np.allclose(model.vectors, slow.vectors)
    assert np.allclose(model.contexts, slow.contexts)


def test_a_whole_epoch_of_training_is_that_of_slow_loops_on_the_same_draws() -> None:
    corpus = Corpus.of([line.split() for line in TINY.splitlines()] * 9)
    setting = Setting(dim=3, window=2, negatives=2, epochs=1, rate=0.5, subsample=0.1, seed=7)
    random = np.random.default_rng(7)
    model = SkipGram.fresh(len(corpus.words), 3, random)
    slow = Slow(model.vectors.tolist(), model.contexts.tolist())
    state = random.bit_generator.state
    *_, last = skipgram.train(corpus, model, setting, random, 100)

    random.bit_generator.state = state
    pairs = skipgram.pairs_of(corpus.sentences, 2, corpus.kept(0.1), random)
    random.shuffle(pairs)
    assert len(pairs) > 2 * BATCH
    losses = []
    for start in range(0, len(pairs), BATCH):
        batch = pairs[start : start + BATCH]
        heap, draws = np.cumsum(corpus.noise), random.random((len(batch), 2))
        noise = [[int(np.argmax(heap > draw * heap[-1])) for draw in row] for row in draws]
        told = [(int(word), int(context), each) for (word, context), each in zip(batch, noise, strict=True)]
        losses += [slow.loss(*each) for each in told]
        slow.learn(told, 0.5 * max(1 - start / len(pairs), 0.01))
    assert np.allclose(model.vectors, slow.vectors)
    assert np.allclose(model.contexts, slow.contexts)
    assert list(last.losses) == pytest.approx([np.mean(losses)])
    assert last.pairs == len(pairs)


def test_training_lets_itself_be_stopped_after_each_small_piece_of_work() -> None:
    corpus = Corpus.of([line.split() for line in TINY.splitlines()] * 99)
    random = np.random.default_rng(0)
    setting = Setting(dim=3, window=2, negatives=2, epochs=2, rate=0.1, subsample=0, seed=0)
    moments = list(skipgram.train(corpus, SkipGram.fresh(len(corpus.words), 3, random), setting, random, 3 * BATCH))
    seen = [0, *(moment.pairs for moment in moments)]
    assert max(np.diff(seen)) <= 4 * BATCH
    assert [moment.part for moment in moments] == sorted(moment.part for moment in moments)
    assert moments[-1].part == 1.0


def test_gradients_are_those_of_small_differences() -> None:
    model, pairs, noise = given_pairs(3, count=1)
    pairs[0], noise[0] = (1, 2), (3, 3, 2)  # a noise word twice, and one that is the context itself
    words, contexts = model.scored(pairs, noise).gradients
    whole = np.zeros((2, 7, 4))
    whole[0, 1] = words[0]
    np.add.at(whole[1], np.array([2, 3, 3, 2]), contexts[0])
    for matrix, gradient in zip((model.vectors, model.contexts), whole, strict=True):
        for place in np.ndindex(*matrix.shape):
            sides = []
            for by in (1e-6, -1e-6):
                matrix[place] += by
                sides.append(Slow(model.vectors.tolist(), model.contexts.tolist()).loss(1, 2, [3, 3, 2]))
                matrix[place] -= by
            assert (sides[0] - sides[1]) / 2e-6 == pytest.approx(gradient[place], abs=1e-6)


# The pairs, the noise, the subsampling


def test_with_a_window_of_one_pairs_are_neighbours_both_ways() -> None:
    pairs = skipgram.pairs_of([np.array([4, 5, 6])], 1, np.ones(7), np.random.default_rng(0))
    assert sorted(map(tuple, pairs.tolist())) == [(4, 5), (5, 4), (5, 6), (6, 5)]


def test_words_at_a_distance_are_paired_as_often_as_the_drawn_window_reaches_them() -> None:
    random, count = np.random.default_rng(0), 4000
    pairs = skipgram.pairs_of([np.arange(6)] * count, 4, np.ones(6), random)
    far = [np.sum((pairs[:, 0] == 0) & (pairs[:, 1] == distance)) / count for distance in range(1, 6)]
    assert far == pytest.approx([1, 0.75, 0.5, 0.25, 0], abs=0.03)


def test_noise_and_subsampling_follow_the_paper() -> None:
    corpus = Corpus.of([["a"] * 80 + ["b"] * 15 + ["c"] * 5])
    powers = [80**0.75, 15**0.75, 5**0.75]
    assert corpus.noise == pytest.approx([power / sum(powers) for power in powers])
    assert corpus.kept(0.1) == pytest.approx([math.sqrt(0.1 / 0.8), math.sqrt(0.1 / 0.15), 1])
    assert corpus.kept(0) == pytest.approx([1, 1, 1])
    kept = skipgram.pairs_of(corpus.sentences * 50, 1, corpus.kept(0.1), np.random.default_rng(1))
    assert np.mean(kept[:, 0] == 0) < 0.7


def test_the_plane_keeps_the_two_widest_directions_and_turning_keeps_distances() -> None:
    random = np.random.default_rng(0)
    cloud = random.normal(size=(40, 5)) * [9, 5, 0.1, 0.1, 0.1]
    points = skipgram.plane(cloud)
    eigenvalues = np.sort(np.linalg.eigvalsh(np.cov(cloud.T)))[::-1]
    assert points.var(axis=0, ddof=1) == pytest.approx(eigenvalues[:2])
    moved = skipgram.turned(points * [1, -1], points)
    assert np.allclose(moved, points)


# The demo


def test_the_text_that_ships_gives_neighbours_and_analogies_and_the_same_ones_each_time() -> None:
    steps, result = registry.run("word2vec", {"epochs": 10, "word": "paris"})
    assert result["vocabulary"] == len({w for line in told("en") for w in line})
    assert result["tokens"] == sum(map(len, told("en")))
    assert result["loss_last"] < 0.6 * result["loss_first"] < result["loss_start"] == pytest.approx(6 * math.log(2))
    assert {each["text"] for each in result["neighbours"][:4]} <= {"rome", "berlin", "tokyo", "beijing", "cairo"}
    assert result["analogies_right"] >= 7
    assert "cross" not in result
    assert not untranslated(steps)
    progress = [step.progress or 0.0 for step in steps]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert len(frames(steps, Curve)) > 8


def told(language: str) -> list[list[str]]:
    grammar = word2vec._grammars()[language]
    return skipgram.told(grammar, word2vec.SENTENCES, np.random.default_rng(word2vec.CORPUS_SEED))


def test_two_languages_that_share_no_word_are_two_islands() -> None:
    result = registry.run("word2vec", {"language": "both", "epochs": 4, "k": 20})[1]
    english, chinese = ({word for line in told(each) for word in line} for each in ("en", "zh"))
    assert not english & chinese
    assert all(each["text"].isascii() for each in result["neighbours"])
    assert abs(result["cross"]) < 0.3


def test_a_seed_is_a_run_and_another_seed_another() -> None:
    assert run(seed=1) == run(seed=1)
    assert run(seed=1)["losses"] != run(seed=2)["losses"]


@pytest.mark.parametrize(
    "given",
    [{}, {"negatives": 20, "window": 10}, {"dim": 2, "subsample": 0.0, "lr": 0.0}, {"dim": 100, "epochs": 1, "k": 50}],
)
def test_the_result_is_sound_at_the_edges(given: dict[str, Any]) -> None:
    result = run(**given)
    setting = {**QUICK, **given}
    assert result["tokens"] == len(TINY.split())
    assert result["vocabulary"] == len(set(TINY.split()))
    assert len(result["losses"]) == setting["epochs"]
    assert result["loss_start"] == pytest.approx((setting["negatives"] + 1) * math.log(2))
    assert result["frequent"][0] == {
        "text": "the",
        "count": 4,
        "kept": pytest.approx(1 if setting.get("subsample") == 0 else math.sqrt(0.01 * len(TINY.split()) / 4)),
    }
    assert "cat" not in [each["text"] for each in result["neighbours"]]
    assert all(-1 <= each["cosine"] <= 1 for each in result["neighbours"])


def test_with_a_learning_rate_of_zero_nothing_is_learnt() -> None:
    result = run(lr=0.0, subsample=0.0, epochs=4)
    noise_that_counts = [loss / math.log(2) for loss in result["losses"]]
    assert all(1 < count <= 3 for count in noise_that_counts)  # contexts stay at 0, so each term is ln 2


def test_a_sum_leaves_its_own_words_out_and_says_what_that_hides() -> None:
    result = run(word="cat - dog + water")
    assert not {"cat", "dog", "water"} & {each["text"] for each in result["neighbours"]}
    assert result["own_nearest"] in TINY.split()


def test_control_characters_of_a_text_reach_no_picture() -> None:
    steps, _ = registry.run("word2vec", {**QUICK, "corpus": "a\x1b[31m b\na c", "word": "b"})
    assert not control_characters(steps)


def test_names_on_the_map_do_not_overlap_and_fill_it() -> None:
    random = np.random.default_rng(0)
    names = [*"abcdefgh", "国王", "a-long-name"]
    sheet = scatter(random.normal(size=(10, 2)), names, Text("图", "map"))
    lines = [row[0] for row in sheet.rows]
    assert len(lines) == HEIGHT
    assert all(len(line) + sum(c in "国王" for c in line) == WIDTH for line in lines)
    assert set("\n".join(lines).replace("\u00a0", " ").split()) <= set(names)
    assert isinstance(sheet, Table)


@pytest.mark.parametrize(
    ("bad", "needle"),
    [
        ({"corpus": "one\ntwo\nthree"}, "it has 0"),
        ({"corpus": "same same"}, "it has 1"),
        ({"corpus": " ".join(f"w{i}" for i in range(2001))}, "it has 2001"),
        ({"corpus": "", "epochs": 100, "dim": 100}, "too much training"),
        ({"word": "unicorn"}, "unicorn"),
        ({"word": "cat - "}, "cat"),
        ({"language": "fr"}, "language"),
        ({"dim": 1}, "dim"),
        ({"dim": 101}, "dim"),
        ({"window": 0}, "window"),
        ({"negatives": 21}, "negatives"),
        ({"epochs": 0}, "epochs"),
        ({"subsample": 2}, "subsample"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_bad_value_gets_a_sentence_in_both_languages(bad: dict[str, Any], needle: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(**bad)
    assert needle in caught.value.message
    set_language("zh")
    assert re.search("[\u4e00-\u9fff]", caught.value.message)
