"""Decoding one token at a time: what the model offers, what the strategy keeps, what is drawn.

The model is the loaded one, or a toy: `logits` gives it as [[token, logit], ...] for a single step, or as an object
from the text so far ("" at the start) to such a list; where a text is not listed, the toy has finished.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

from tutor.decoding import toy as toys
from tutor.decoding.beam import beam
from tutor.decoding.pictures import SHOWN, bars, how_chosen, stages_table, step_name, token_item
from tutor.decoding.steps import decode
from tutor.decoding.tree import BeamTree, beams_table
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import ModelMissing
from tutor.domain.frames import Curve, Frame, Series, Table, TokenItem, Tokens
from tutor.domain.language import Text, same
from tutor.domain.model import Beam, BeamCandidate, BeamStep, DecodeStep, Model, Strategy
from tutor.domain.plaintext import clean, visible

TITLE = Text("解码：一步一步看模型的话是怎样选出来的", "Decoding: watch each token being chosen")
NEEDS_MODEL = True

PARAMS = (
    Param("prompt", "text", "The cat is called", Text("让模型续写的文本", "The text to go on from"), low=1, high=4000),
    Param(
        "strategy",
        "choice",
        "sample",
        Text(
            "greedy 取最大的，sample 按概率抽，beam 同时留几条路",
            "greedy takes the largest, sample draws, beam keeps several texts",
        ),
        choices=("greedy", "sample", "beam"),
    ),
    Param(
        "temperature",
        "float",
        1.0,
        Text("小于 1 变尖，大于 1 变平，0 只剩最大的", "Below 1 sharpens, above 1 flattens, 0 leaves only the largest"),
        low=0,
        high=10,
    ),
    Param(
        "top_k", "int", 0, Text("只留最大的 k 个；0 不限", "Keep the k most probable; 0 is off"), low=0, high=1_000_000
    ),
    Param(
        "typical_p",
        "float",
        1.0,
        Text(
            "从意外程度最接近熵的留起，累计达到 p 为止；1 不限",
            "Keep from the surprise nearest to the entropy until the sum reaches p; 1 is off",
        ),
        low=0,
        high=1,
    ),
    Param(
        "top_p",
        "float",
        1.0,
        Text("从大到小留，累计达到 p 为止；1 不限", "Keep from the top until the sum reaches p; 1 is off"),
        low=0,
        high=1,
    ),
    Param(
        "min_p",
        "float",
        0.0,
        Text("留下不小于 min_p × 最大概率的；0 不限", "Keep what has min_p × the largest probability; 0 is off"),
        low=0,
        high=1,
    ),
    Param(
        "repeat_penalty",
        "float",
        1.0,
        Text(
            "出现过的词元：正 logit 除以它，负的乘；1 不罚",
            "Seen tokens: positive logits divided, negative multiplied; 1 is off",
        ),
        low=0.01,
        high=100,
    ),
    Param("seed", "int", 0, Text("随机数的种子", "The seed of the draws"), low=0, high=2**31 - 1),
    Param("width", "int", 4, Text("beam：每步留几条", "beam: texts kept at each step"), low=1, high=8),
    Param(
        "length_penalty",
        "float",
        0.0,
        Text(
            "beam：得分 = ln P / 长度^它；0 不看长度",
            "beam: score = ln P / length^it; 0 looks at no length",
        ),
        low=-10,
        high=10,
    ),
    Param("max_tokens", "int", 24, Text("最多写几个词元", "How many tokens to write at most"), low=1, high=128),
    Param(
        "logits",
        "json",
        [],
        Text(
            "玩具模型：[[词元, logit], ...]，或 {已写的文本: [...]}",
            "A toy model: [[token, logit], ...] or {text so far: [...]}",
        ),
        low=0,
        high=toys.MAX_ENTRIES,
    ),
)


def needs_model(params: Params) -> bool:
    """Whether a run with `params` asks a model: one with `logits` brings its own toy."""
    return not params.get("logits")


def steps(params: Params, model: Model | None = None) -> Steps:
    """Result: `text`, `ids`, `tokens` (id, text, logprob), `logprob` (their sum, nats) and `probability`; for each
    step `entropies` (nats, the model's own), `draws`, `kept` (tokens left in), `steps` (candidates, stages); `off_top`
    counts tokens that were not the model's most probable. `probabilities` and `filtered` are those of the first
    step before and after the filters: of a toy in the order given, else best first. For a toy also `sequences`,
    all that it can write, most probable first.

    Beam search has, of these, `text` to `probability` and `finished` of its best text, and `beams` (text, ids,
    logprob, score, finished), best first; its `steps` are what each kept, finished and pruned.

    Raises UsageError for a toy that is none, ModelMissing without either, and what the model raises.
    """
    if not needs_model(params):
        return (yield from _on_toy(params, toys.read_toy(params["logits"])))
    if model is None:
        raise ModelMissing("This demo needs a model.", hint="Give it `logits` to run on a toy.")
    prompt = [token_item(piece.text, piece.data, piece.id) for piece in model.tokenize(params["prompt"])]
    yield _opening(prompt)
    if params["strategy"] == "beam":
        search = _Search(params)
        yield from search.follow(model.beam(params["prompt"], **_beam_settings(params)))
        yield Step(*_outcome(search.beams), progress=1.0)
        return search.result()
    strategy = _strategy(params)
    path = _Path(prompt, strategy, model.info().vocabulary, params["max_tokens"])
    yield from path.follow(model.decode(params["prompt"], strategy, max_tokens=params["max_tokens"], top=SHOWN))
    yield path.summary()
    return path.result()


def _on_toy(params: Params, toy: toys.Toy) -> Steps:
    prompt = [TokenItem(visible(params["prompt"]))]
    yield _opening(prompt, _toy_table(toy[""]))
    if params["strategy"] == "beam":
        search = _Search(params)
        yield from search.follow(beam(toys.ToyBeams(toy), [], **_beam_settings(params)))
        result, text = search.result(), search.beams[0].text
    else:
        model = toys.ToyModel(toy)
        path = _Path(prompt, _strategy(params), len(model.words), params["max_tokens"])
        seen = [model.words.index(word) for word in params["prompt"].split() if word in model.words]
        yield from path.follow(decode(model, seen, path.strategy, max_tokens=path.limit, top=toys.MAX_ENTRIES))
        result, text = path.result([model.words.index(word) for word, _ in toy[""]]), path.text
    sequences = toys.sequences(toy)
    if len(toy) > 1 and sequences:
        yield _all_sequences(sequences, text)
    return result | {"sequences": sequences}


def _strategy(params: Params) -> Strategy:
    names = ("temperature", "top_k", "typical_p", "top_p", "min_p", "repeat_penalty", "seed")
    return Strategy(kind=params["strategy"], **{name: params[name] for name in names})


def _beam_settings(params: Params) -> dict[str, Any]:
    # Twice the width, so that the first step too shows what it prunes.
    return {name: params[name] for name in ("width", "length_penalty", "max_tokens")} | {"top": 2 * params["width"]}


# Several texts: beam search. Every token of all of them is a step.


class _Search:
    """The tree as it grows by one token a step, and at the end the `beams`."""

    def __init__(self, params: Params) -> None:
        self.limit: int = params["max_tokens"]
        self.tree = BeamTree(params["prompt"])
        self.steps: list[BeamStep] = []

    @property
    def beams(self) -> tuple[Beam, ...]:
        return self.steps[-1].beams

    def follow(self, stream: Iterator[BeamStep]) -> Iterator[Step]:
        with closing(cast("Generator[BeamStep, None, None]", stream)):
            for step in stream:
                self.steps.append(step)
                self.tree.add(step)
                yield self._picture(step)

    def _picture(self, step: BeamStep) -> Step:
        number = len(self.steps)
        kept, finished, pruned = len(step.kept), len(step.finished), len(step.pruned)
        note = Text(
            f"看了 {kept + finished + pruned} 种延伸：留下 {kept}，写完 {finished}，剪掉 {pruned}。",
            f"{kept + finished + pruned} extensions looked at: {kept} kept, {finished} finished, {pruned} pruned.",
        )
        title = Text(f"第 {number} 步：留下 {kept} 条", f"Step {number}: {kept} kept")
        return Step(title, (self.tree.tree(), self.tree.table()), note, progress=number / self.limit)

    def result(self) -> dict[str, Any]:
        best = self.beams[0]
        return {
            **_plain_beam(best),
            "probability": math.exp(best.logprob),
            "beams": [_plain_beam(each) for each in self.beams],
            "steps": [
                {name: [_plain_candidate(each) for each in getattr(step, name)] for name in _FATES}
                for step in self.steps
            ],
        }


_FATES = ("kept", "finished", "pruned")


def _plain_beam(beam: Beam) -> dict[str, Any]:
    return {
        "text": clean(beam.text),
        "ids": list(beam.ids),
        "logprob": beam.logprob,
        "score": beam.score,
        "finished": beam.finished,
    }


def _plain_candidate(each: BeamCandidate) -> dict[str, Any]:
    names = ("parent", "id", "logprob", "total", "score")
    return {"text": clean(each.text)} | {name: getattr(each, name) for name in names}


def _outcome(beams: tuple[Beam, ...]) -> tuple[Text, tuple[Frame, ...], Text]:
    best = beams[0]
    note = Text(
        f"得分最高的一条 ln P = {best.logprob:.3f}。束搜索找的是概率高的文本，而概率高的往往平淡、爱重复。",
        f"The best has ln P = {best.logprob:.3f}. Beam search looks for probable text, and probable text is often "
        "bland and repeats itself.",
    )
    return Text("回看结果", "The result"), (beams_table(beams),), note


# One path: greedy and sampling. Every token is a step.


class _Path:
    """The text as it grows by one token a step, and what is known of each step."""

    def __init__(self, prompt: list[TokenItem], strategy: Strategy, vocabulary: int, limit: int) -> None:
        self.prompt = prompt
        self.strategy = strategy
        self.vocabulary = vocabulary
        self.limit = limit
        self.steps: list[DecodeStep] = []

    @property
    def text(self) -> str:
        return clean("".join(step.text for step in self.steps))

    def follow(self, stream: Iterator[DecodeStep]) -> Iterator[Step]:
        # Closing tells the model to stop at once when nobody looks any further.
        with closing(cast("Generator[DecodeStep, None, None]", stream)):
            for step in stream:
                self.steps.append(step)
                yield self._picture(step)

    def _picture(self, step: DecodeStep) -> Step:
        number = len(self.steps)
        frames: list[Frame] = [self._so_far(), bars(step)]
        if step.stages:
            frames.append(stages_table(step, self.strategy))
        title = Text(f"第 {number} 步：{step_name(step)}", f"Step {number}: {step_name(step)}")
        return Step(title, tuple(frames), how_chosen(step), progress=number / self.limit)

    def _so_far(self) -> Tokens:
        written = [token_item(step.text, step.data, step.id) for step in self.steps]
        written[-1] = replace(written[-1], mark="new")
        return Tokens((*self.prompt, *written), Text("到目前为止", "So far"))

    def summary(self) -> Step:
        """The whole, token by token, and how sure the model was along the way."""
        rows = tuple(
            (str(number), step_name(step), f"{math.exp(step.logprob):.4f}", f"{step.entropy:.3f}")
            for number, step in enumerate(self.steps, start=1)
        )
        columns = (Text("步", "Step"), Text("词元", "Token"), Text("概率", "Probability"), Text("熵", "Entropy"))
        entropies = tuple(step.entropy for step in self.steps)
        curve = Curve(
            (Series(Text("熵", "Entropy"), tuple(float(i + 1) for i in range(len(entropies))), entropies),),
            Text("每一步模型有多不确定", "How uncertain the model was at each step"),
            Text("步", "Step"),
            Text("奈特", "nats"),
        )
        logprob = sum(step.logprob for step in self.steps)
        note = Text(
            f"共 {len(rows)} 个词元，ln P = {logprob:.3f}；其中 {self.off_top} 个不是模型的第一选择。",
            f"{len(rows)} tokens, ln P = {logprob:.3f}; {self.off_top} of them not the model's first choice.",
        )
        return Step(Text("回看整段", "The whole path"), (curve, Table(columns, rows)), note, progress=1.0)

    @property
    def off_top(self) -> int:
        return sum(step.id != step.top[0].id for step in self.steps)

    def _kept(self, step: DecodeStep) -> int:
        if self.strategy.kind == "greedy":
            return 1
        return step.stages[-1].kept if step.stages else self.vocabulary

    def result(self, order: Sequence[int] | None = None) -> dict[str, Any]:
        """`order`: the ids of the first step's candidates as `probabilities` and `filtered` list them."""
        logprob = math.fsum(step.logprob for step in self.steps)
        first = {candidate.id: candidate for candidate in self.steps[0].top} if self.steps else {}
        chosen = [first[id] for id in order or first]
        return {
            "text": self.text,
            "ids": [step.id for step in self.steps],
            "tokens": [{"id": s.id, "text": clean(s.text), "logprob": s.logprob} for s in self.steps],
            "logprob": logprob,
            "probability": math.exp(logprob),
            "entropies": [step.entropy for step in self.steps],
            "draws": [step.draw for step in self.steps],
            "kept": [self._kept(step) for step in self.steps],
            "off_top": self.off_top,
            "finished": bool(self.steps) and self.steps[-1].finished,
            "probabilities": [math.exp(candidate.logprob) for candidate in chosen],
            "filtered": [candidate.probability for candidate in chosen],
            "steps": [_plain(step) for step in self.steps],
        }


def _plain(step: DecodeStep) -> dict[str, Any]:
    candidates = [
        {"id": c.id, "text": clean(c.text), "logprob": c.logprob, "kept": c.kept, "probability": c.probability}
        for c in step.top
        if math.isfinite(c.logprob)
    ]
    stages = [{"name": s.name, "kept": s.kept, "cut": s.cut, "mass_cut": s.mass_cut} for s in step.stages]
    return {"candidates": candidates, "stages": stages}


# Pictures


def _opening(prompt: list[TokenItem], *more: Frame) -> Step:
    note = Text(
        "模型读到这里，给出下一个词元的概率。下面每一步选一个。",
        "The model has read this far and gives a probability to every next token. Each step picks one.",
    )
    return Step(Text("提示", "The prompt"), (Tokens(tuple(prompt), Text("提示", "Prompt")), *more), note, progress=0.0)


# The toy


def _toy_table(row: toys.Row) -> Table:
    columns = (Text("词元", "Token"), same("logit"), Text("概率", "Probability"))
    rows = tuple(
        (visible(word), f"{logit:.4f}", f"{math.exp(logprob):.4f}")
        for (word, logit), logprob in zip(row, toys.row_logprobs(row), strict=True)
    )
    return Table(columns, rows, Text("玩具模型在开头说的", "What the toy says at the start"))


def _all_sequences(sequences: list[dict[str, Any]], written: str) -> Step:
    columns = (Text("文本", "Text"), Text("词元数", "Tokens"), Text("概率", "Probability"), same("ln P"))
    shown = sequences[:SHOWN]
    rows = tuple(
        (visible(s["text"]), str(s["length"]), f"{s['probability']:.4f}", f"{s['logprob']:.4f}") for s in shown
    )
    marks = tuple("chosen" if s["text"] == written else "" for s in shown)
    label = Text("玩具能写的全部文本，按概率排", "All that the toy can write, by probability")
    note = Text(
        f"这次写的是 {visible(written)}；最可能的是 {visible(sequences[0]['text'])}。",
        f"This run wrote {visible(written)}; the most probable is {visible(sequences[0]['text'])}.",
    )
    return Step(
        Text("和所有写法比一比", "Against all that could be written"), (Table(columns, rows, label, marks),), note, 1.0
    )
