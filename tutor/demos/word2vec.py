"""Word vectors learnt while one watches: skip-gram with negative sampling on a small text that ships, or the reader's.

Mikolov, Chen, Corrado and Dean 2013, arXiv:1301.3781; Mikolov, Sutskever, Chen, Corrado and Dean 2013,
arXiv:1310.4546. What leaving the question's own words out of an analogy hides: Linzen 2016, arXiv:1606.07736.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tutor.decoding import skipgram
from tutor.decoding.scatter import scatter
from tutor.decoding.skipgram import Corpus, Floats, Moment, Setting, SkipGram
from tutor.decoding.token_sum import terms, written
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import UsageError
from tutor.domain.frames import Bar, Bars, Curve, Frame, Series, Table
from tutor.domain.language import Text
from tutor.domain.model import Model
from tutor.domain.plaintext import visible

TITLE = Text("word2vec：看着词向量学出来", "word2vec: watching word vectors being learnt")
NEEDS_MODEL = False

GRAMMAR = Path(skipgram.__file__).with_name("corpora") / "word2vec.json"
SENTENCES = 800  # of the grammar, in each language
CORPUS_SEED = 2013  # the text that ships is always the same
MAX_WORK = 600_000_000  # cells of scores times dim: some 15 s on one core
STEP_WORK = 1_200_000  # as much in one step takes some 40 ms, so that a stop is heeded within 100 ms
MAX_VOCABULARY = 2_000
SHOWN_WORDS = 24
SHOWN_COUNTS = 8

FIRST_WORD = {"en": "king", "zh": "国王", "both": "king"}
MAPPED = {
    "en": "king queen prince princess man woman boy girl paris rome tokyo beijing france italy japan china dog cat cow "
    "puppy kitten calf",
    "zh": "国王 王后 王子 公主 男人 女人 男孩 女孩 巴黎 罗马 东京 北京 法国 意大利 日本 中国 狗 猫 牛 小狗 小猫 牛犊",
    "both": "king queen man woman paris france rome italy dog puppy cat 国王 王后 男人 女人 巴黎 法国 罗马 意大利 狗 小狗 猫",
}
# a is to b as c is to the last one: asked as a - b + c
ANALOGIES = {
    "en": (
        "king man woman queen",
        "prince boy girl princess",
        "queen woman man king",
        "paris france italy rome",
        "tokyo japan egypt cairo",
        "berlin germany china beijing",
        "puppy dog cat kitten",
        "lamb sheep horse foal",
        "barks dog cow moos",
        "french france japan japanese",
    ),
    "zh": (
        "国王 男人 女人 王后",
        "王子 男孩 女孩 公主",
        "王后 女人 男人 国王",
        "巴黎 法国 意大利 罗马",
        "东京 日本 埃及 开罗",
        "柏林 德国 中国 北京",
        "小狗 狗 猫 小猫",
        "羊羔 羊 马 马驹",
        "汪汪叫 狗 牛 哞哞叫",
        "法语 法国 日本 日语",
    ),
}

PARAMS = (
    Param(
        "language",
        "choice",
        "en",
        Text(
            "随程序来的语料：en 英文，zh 中文，both 两份一起",
            "The text that ships: en English, zh Chinese, both together",
        ),
        choices=("en", "zh", "both"),
    ),
    Param(
        "corpus",
        "text",
        "",
        Text(
            "你自己的语料，一行一句，词之间用空格隔开；空着就用随程序来的",
            "A text of your own, a sentence a line, words parted by spaces; empty: the one that ships",
        ),
        low=0,
        high=100_000,
    ),
    Param(
        "word",
        "text",
        "",
        Text("看谁的邻居：一个词，或 king - man + woman", "Whose neighbours: a word, or king - man + woman"),
        low=0,
        high=200,
    ),
    Param("dim", "int", 24, Text("向量有几个数", "Numbers in a vector"), low=2, high=100),
    Param("window", "int", 4, Text("窗口：左右各看几个词", "Window: words on either side"), low=1, high=10),
    Param("negatives", "int", 5, Text("每对配几个噪声词", "Noise words for each pair"), low=1, high=20),
    Param("epochs", "int", 10, Text("语料读几遍", "How often the text is read"), low=1, high=100),
    Param(
        "subsample",
        "float",
        0.01,
        Text("降采样的门槛 t；0 是不降", "The threshold t of subsampling; 0 for none"),
        low=0,
        high=1,
    ),
    Param("lr", "float", 0.1, Text("起初的学习率", "The learning rate at the start"), low=0, high=1),
    Param("k", "int", 8, Text("列出最近的几个", "How many of the nearest"), low=1, high=50),
    Param("seed", "int", 0, Text("随机种子", "Random seed"), low=0, high=1_000_000),
)


def steps(params: Params, model: Model | None = None) -> Steps:
    """The text, the pairs of a sentence, training in pieces of under 100 ms, then neighbours and analogies.

    Result: `tokens` and `vocabulary` of the text, `frequent` (text, count and how often subsampling keeps it), `pairs`
    trained on. Losses in nats, the mean of a pair: `loss_start`, (negatives + 1) ln 2, that of contexts at 0; `losses`
    of each epoch while it learns, `loss_first`, `loss_last` of the first and the last. `neighbours` (text, cosine) of
    `word` or of the sum, whose own words are left out; `own_nearest` is the nearest with nothing left out. `analogies`
    (ask, expected, found, own_nearest) on the text that ships, `analogies_right` of them with their own words left
    out, `analogies_right_with_own` with nothing left out. With both languages `cross`, the cosine of king and 国王.

    Raises UsageError.
    """
    corpus = _corpus(params)
    setting = _setting(params, corpus)
    number = {word: i for i, word in enumerate(corpus.words)}
    plus, minus = _asked(params, corpus, number)
    yield _counted(corpus, setting)
    yield _paired(corpus, setting)

    random = np.random.default_rng(setting.seed)
    trained = SkipGram.fresh(len(corpus.words), setting.dim, random)
    mapped = _mapped(params, corpus, number)
    points = skipgram.plane(trained.vectors[mapped])
    chunk = max(skipgram.BATCH, STEP_WORK // (setting.negatives + 1) // max(setting.dim, 16))
    moment = Moment(0.0, 0, (), 0)
    for moment in skipgram.train(corpus, trained, setting, random, chunk):
        points = skipgram.turned(skipgram.plane(trained.vectors[mapped]), points)
        names = [corpus.words[i] for i in mapped]
        yield _training(moment, points, names, setting)

    yield _trained(moment, setting)
    asked = _Asked(corpus, trained.vectors, plus, minus, params["k"])
    yield asked.step()
    analogies = [] if params["corpus"].strip() else _analogies(params["language"], corpus, trained.vectors, number)
    if analogies:
        yield _solved(analogies)
    result = {
        "tokens": corpus.tokens,
        "vocabulary": len(corpus.words),
        "frequent": _frequent(corpus, setting),
        "pairs": moment.pairs,
        "loss_start": (setting.negatives + 1) * math.log(2),
        "losses": list(moment.losses),
        "loss_first": moment.losses[0],
        "loss_last": moment.losses[-1],
        "neighbours": [{"text": text, "cosine": cosine} for text, cosine in asked.others],
        "own_nearest": asked.own_nearest,
        "analogies": analogies,
        "analogies_right": sum(each["found"] == each["expected"] for each in analogies),
        "analogies_right_with_own": sum(each["own_nearest"] == each["expected"] for each in analogies),
    }
    if "king" in number and "国王" in number:
        near = skipgram.nearest(trained.vectors, trained.vectors[number["king"]], (), len(corpus.words))
        result["cross"] = dict(near)[number["国王"]]
    return result


# The text


@cache
def _grammars() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GRAMMAR.read_text(encoding="utf-8"))
    return found


def _corpus(params: Params) -> Corpus:
    if not params["corpus"].strip():
        languages = ("en", "zh") if params["language"] == "both" else (params["language"],)
        told = [skipgram.told(_grammars()[each], SENTENCES, np.random.default_rng(CORPUS_SEED)) for each in languages]
        return Corpus.of([sentence for sentences in told for sentence in sentences])
    lines = [re.findall(r"[\w'-]+", line.casefold()) for line in params["corpus"].splitlines()]
    corpus = Corpus.of([[visible(word) for word in line] for line in lines if len(line) > 1])
    if not 2 <= len(corpus.words) <= MAX_VOCABULARY:
        raise UsageError(
            "`corpus` must have lines of at least two words, and from 2 to {high} different words; it has {given}.",
            high=MAX_VOCABULARY,
            given=len(corpus.words),
            hint="Part the words by spaces, also in Chinese.",
        )
    return corpus


def _setting(params: Params, corpus: Corpus) -> Setting:
    setting = Setting(
        dim=params["dim"],
        window=params["window"],
        negatives=params["negatives"],
        epochs=params["epochs"],
        rate=params["lr"],
        subsample=params["subsample"],
        seed=params["seed"],
    )
    pairs = sum(min(len(each) - 1, setting.window + 1) * len(each) for each in corpus.sentences)
    work = pairs * setting.epochs * (setting.negatives + 1) * max(setting.dim, 16)
    if work > MAX_WORK:
        raise UsageError(
            "That is too much training: {given} million numbers, where {high} million are the most.",
            hint="Lower `dim`, `window`, `negatives` or `epochs`, or take a shorter text.",
            given=round(work / 1e6),
            high=round(MAX_WORK / 1e6),
        )
    return setting


def _asked(params: Params, corpus: Corpus, number: dict[str, int]) -> tuple[list[int], list[int]]:
    first = corpus.words[0] if params["corpus"].strip() else FIRST_WORD[params["language"]]
    plus, minus = terms(params["word"].strip() or first)
    for word in (*plus, *minus):
        if word.strip() not in number:
            raise UsageError(
                "The text does not have the word {word}.",
                hint="Try {some}.",
                word=visible(word.strip()[:40]) or "''",
                some=", ".join(corpus.words[5:11] or corpus.words),
            )
    return [number[word.strip()] for word in plus], [number[word.strip()] for word in minus]


def _mapped(params: Params, corpus: Corpus, number: dict[str, int]) -> list[int]:
    if params["corpus"].strip():
        return list(range(min(SHOWN_WORDS, len(corpus.words))))
    return [number[word] for word in MAPPED[params["language"]].split()]


# Before training


def _frequent(corpus: Corpus, setting: Setting) -> list[dict[str, Any]]:
    kept = corpus.kept(setting.subsample)
    return [
        {"text": corpus.words[i], "count": int(corpus.counts[i]), "kept": float(kept[i])}
        for i in range(min(SHOWN_COUNTS, len(corpus.words)))
    ]


def _counted(corpus: Corpus, setting: Setting) -> Step:
    columns = (
        Text("词", "word"),
        Text("次数", "count"),
        Text("留下的机会", "kept"),
        Text("当噪声的机会", "drawn as noise"),
    )
    rows = tuple(
        (each["text"], f"{each['count']:,}", f"{each['kept']:.3f}", f"{corpus.noise[i]:.3f}")
        for i, each in enumerate(_frequent(corpus, setting))
    )
    total, size = corpus.tokens, len(corpus.words)
    note = Text(
        f"语料有 {total:,} 个词，{size:,} 个不同的。最常见的词几乎在谁旁边都出现，说明不了什么，所以读的时候常常跳过："
        "留下的机会是 √(t/f)。噪声词按次数的 0.75 次方来抽。",
        f"The text has {total:,} words, {size:,} different ones. The most frequent stand beside everything and tell little, "
        "so they are often skipped in reading: a word is kept with the chance √(t/f). Noise words are drawn by their "
        "counts to the power of 0.75.",
    )
    return Step(Text("语料", "The text"), (Table(columns, rows),), note, progress=0.0)


def _paired(corpus: Corpus, setting: Setting) -> Step:
    sentence = [corpus.words[i] for i in corpus.sentences[0][:10]]
    columns = (Text("中心词", "word"), Text("要猜的上下文", "contexts to guess"))
    rows = tuple(
        (word, ", ".join(sentence[max(0, i - setting.window) : i] + sentence[i + 1 : i + 1 + setting.window]))
        for i, word in enumerate(sentence)
    )
    window = Text(
        "第一句，窗口 1：只看紧挨着的词。", "The first sentence, with a window of 1: only what touches counts."
    )
    if setting.window > 1:
        window = Text(
            f"第一句，窗口最大 {setting.window}。真训练时每个词在 1 到 {setting.window} 里另抽一个窗口，近的词因此更常成对。",
            f"The first sentence, with windows of up to {setting.window}. In training each word draws a window from 1 to "
            f"{setting.window}, so near words are paired more often.",
        )
    note = Text(
        window.zh + "跳字模型从中心词猜上下文；CBOW 反过来，用上下文的平均猜中心词。",
        window.en + " Skip-gram guesses contexts from the word; CBOW the word from the mean of its contexts.",
    )
    return Step(Text("一句话里的对子", "The pairs of a sentence"), (Table(columns, rows),), note, progress=0.0)


# Training


def _training(moment: Moment, points: Floats, names: Sequence[str], setting: Setting) -> Step:
    title = Text(
        f"训练：第 {len(moment.losses)} 遍，共 {setting.epochs} 遍，损失 {moment.losses[-1]:.3f}",
        f"Training: pass {len(moment.losses)} of {setting.epochs}, loss {moment.losses[-1]:.3f}",
    )
    frames: list[Frame] = [scatter(points, names, Text("投影到最散的两个方向", "On the two widest directions"))]
    if len(moment.losses) > 1:
        frames.append(_curve(moment))
    note = Text(
        f"看过 {moment.pairs:,} 对，这一遍每对的损失 {moment.losses[-1]:.3f}；什么也没学时是 "
        f"{(setting.negatives + 1) * math.log(2):.3f}。图上只有前两个主成分，远近只是个大概；挤不下的名字没有画。",
        f"{moment.pairs:,} pairs seen; the loss of a pair in this pass is {moment.losses[-1]:.3f}, and "
        f"{(setting.negatives + 1) * math.log(2):.3f} before anything is learnt. The picture has two principal components "
        "only, so distances are rough, and names without room are left out.",
    )
    return Step(title, tuple(frames), note, progress=0.95 * moment.part)


def _curve(moment: Moment) -> Curve:
    passes = tuple(float(i + 1) for i in range(len(moment.losses)))
    losses = Series(Text("每对的损失", "loss of a pair"), passes, moment.losses)
    return Curve((losses,), x_label=Text("遍", "pass"), y_label=Text("奈特", "nats"))


def _trained(moment: Moment, setting: Setting) -> Step:
    start = (setting.negatives + 1) * math.log(2)
    note = Text(
        f"每对的损失，每遍的平均：什么也没学时 {start:.3f}，第一遍 {moment.losses[0]:.3f}，最后一遍 {moment.losses[-1]:.3f}。"
        "它到不了 0：同一个词旁边可以有许多词，真的上下文也会被抽去当噪声。",
        f"The loss of a pair, averaged over each pass: {start:.3f} before anything is learnt, {moment.losses[0]:.3f} in the first, "
        f"{moment.losses[-1]:.3f} in the last. It cannot reach 0: many words may stand beside one, and a true context may be "
        "drawn as noise.",
    )
    return Step(Text("损失", "The loss"), (_curve(moment),), note, progress=0.96)


# After training


class _Asked:
    """A word, or a sum of words, and what is near it."""

    def __init__(self, corpus: Corpus, vectors: Floats, plus: list[int], minus: list[int], top: int) -> None:
        wanted = vectors[plus].sum(axis=0) - vectors[minus].sum(axis=0)
        own = [*plus, *minus]
        self.name = written([corpus.words[i] for i in plus], [corpus.words[i] for i in minus])
        self.is_sum = len(own) > 1
        self.others = [(corpus.words[i], cosine) for i, cosine in skipgram.nearest(vectors, wanted, own, top)]
        first = skipgram.nearest(vectors, wanted, (), 1)
        self.own_nearest = corpus.words[first[0][0]]

    def step(self) -> Step:
        bars = Bars(
            tuple(Bar(text, cosine) for text, cosine in self.others),
            Text(f"和 {self.name} 的余弦", f"Cosine with {self.name}"),
            high=1.0,
        )
        note = Text(
            "邻居是在同样的词旁边出现的词：能互相替换的，不一定是意思相同的，也可以是相反的。",
            "Neighbours are words that stand beside the same words: such as could take each other's place. They need not mean "
            "the same; they may mean the opposite.",
        )
        if self.is_sum:
            note = Text(
                f"{note.zh}算式自己的词已经去掉；不去掉的话，最近的是 {self.own_nearest}。",
                f"{note.en} The sum's own words are left out; with nothing left out the nearest is {self.own_nearest}.",
            )
        return Step(Text("最近的词", "The nearest words"), (bars,), note, progress=0.97)


def _analogies(language: str, corpus: Corpus, vectors: Floats, number: dict[str, int]) -> list[dict[str, Any]]:
    asked = [each for key in ("en", "zh") if language in (key, "both") for each in ANALOGIES[key]]
    told = []
    for each in asked:
        first, off, on, expected = each.split()
        sum_of = _Asked(corpus, vectors, [number[first], number[on]], [number[off]], 1)
        told.append(
            {
                "ask": f"{first} - {off} + {on}",
                "expected": expected,
                "found": sum_of.others[0][0],
                "own_nearest": sum_of.own_nearest,
            }
        )
    return told


def _solved(analogies: Sequence[dict[str, Any]]) -> Step:
    columns = (
        Text("算式", "sum"),
        Text("想要", "wanted"),
        Text("去掉自己", "own left out"),
        Text("全都算", "nothing left out"),
    )
    rows = tuple((each["ask"], each["expected"], each["found"], each["own_nearest"]) for each in analogies)
    marks = tuple("good" if each["found"] == each["expected"] else "bad" for each in analogies)
    right = sum(mark == "good" for mark in marks)
    strict = sum(each["own_nearest"] == each["expected"] for each in analogies)
    note = Text(
        f"{len(analogies)} 题答对 {right} 题；不去掉算式自己的词，对 {strict} 题。语料是照着规则造的，关系比真的文本整齐得多，"
        "别指望真的语料也这么听话。",
        f"{right} of {len(analogies)} right; with nothing left out, {strict}. This text was made by rules, its relations far "
        "neater than those of real text. Do not expect as much of that.",
    )
    return Step(Text("类比", "Analogies"), (Table(columns, rows, marks=marks),), note, progress=1.0)
