"""Decoding one token at a time: what the model offers, what the strategy keeps, what is drawn.

The model is the loaded one, or a toy: `logits` gives it as [[token, logit], ...] for a single step, or as an object
from the text so far ("" at the start) to such a list; where a text is not listed, the toy has finished.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

import numpy as np

from tutor.decoding.distribution import Logits, log_softmax
from tutor.decoding.steps import decode
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.frames import Bar, Bars, Curve, Frame, Series, Table, TokenItem, Tokens
from tutor.domain.language import Text, same
from tutor.domain.model import DecodeStep, Model, Strategy
from tutor.domain.plaintext import clean, visible

TITLE = Text("解码：一步一步看模型的话是怎样选出来的", "Decoding: watch each token being chosen")
NEEDS_MODEL = True

SHOWN = 10  # candidates in a picture
MAX_ENTRIES = 50  # tokens of a toy's list, and texts that a toy knows
MAX_CHARACTERS = 40  # of a toy's token
MAX_LOGIT = 1000
MAX_SEQUENCES = 100
MAX_SEARCH = 10_000  # prefixes looked at to list a toy's sequences

Row = list[tuple[str, float]]
Toy = dict[str, Row]

PARAMS = (
    Param("prompt", "text", "The cat is called", Text("让模型续写的文本", "The text to go on from"), low=1, high=4000),
    Param(
        "strategy",
        "choice",
        "sample",
        Text("greedy 取最大的，sample 按概率抽", "greedy takes the largest, sample draws"),
        choices=("greedy", "sample"),
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
        high=MAX_ENTRIES,
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

    Raises UsageError for a toy that is none, ModelMissing without either, and what the model raises.
    """
    strategy = Strategy(
        kind=params["strategy"],
        **{name: params[name] for name in ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "seed")},
    )
    if needs_model(params):
        if model is None:
            raise ModelMissing("This demo needs a model.", hint="Give it `logits` to run on a toy.")
        prompt = [_piece(piece.text, piece.data, piece.id) for piece in model.tokenize(params["prompt"])]
        yield _opening(prompt)
        path = _Path(prompt, strategy, model.info().vocabulary, params["max_tokens"])
        stream = model.decode(params["prompt"], strategy, max_tokens=params["max_tokens"], top=SHOWN)
        yield from path.follow(stream)
        yield path.summary()
        return path.result()

    toy = _read_toy(params["logits"])
    toy_model = _ToyModel(toy)
    prompt = [TokenItem(visible(params["prompt"]))]
    yield _opening(prompt, _toy_table(toy[""]))
    path = _Path(prompt, strategy, len(toy_model.words), params["max_tokens"])
    seen = [toy_model.words.index(word) for word in params["prompt"].split() if word in toy_model.words]
    yield from path.follow(decode(toy_model, seen, strategy, max_tokens=path.limit, top=MAX_ENTRIES))
    sequences = _sequences(toy)
    if len(toy) > 1 and sequences:
        yield _all_sequences(sequences, path.text)
    order = [toy_model.words.index(word) for word, _ in toy[""]]
    return path.result(order) | {"sequences": sequences}


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
        frames: list[Frame] = [self._so_far(), _bars(step)]
        if step.stages:
            frames.append(_stages(step, self.strategy))
        title = Text(f"第 {number} 步：{_name(step)}", f"Step {number}: {_name(step)}")
        return Step(title, tuple(frames), _how_chosen(step), progress=number / self.limit)

    def _so_far(self) -> Tokens:
        written = [_piece(step.text, step.data, step.id) for step in self.steps]
        written[-1] = replace(written[-1], mark="new")
        return Tokens((*self.prompt, *written), Text("到目前为止", "So far"))

    def summary(self) -> Step:
        """The whole, token by token, and how sure the model was along the way."""
        rows = tuple(
            (str(number), _name(step), f"{math.exp(step.logprob):.4f}", f"{step.entropy:.3f}")
            for number, step in enumerate(self.steps, start=1)
        )
        columns = (Text("步", "Step"), Text("词元", "Token"), Text("概率", "Probability"), Text("熵", "Entropy"))
        entropies = tuple(step.entropy for step in self.steps)
        curve = Curve(
            (Series(Text("熵", "Entropy"), tuple(float(i + 1) for i in range(len(entropies))), entropies),),
            Text("每一步模型有多不确定", "How uncertain the model was at each step"),
            Text("步", "Step"),
            Text("纳特", "nats"),
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


def _piece(text: str, data: bytes, id: int) -> TokenItem:
    """A token as a picture shows it; its bytes where it is only a part of a character."""
    whole = data.decode("utf-8", "replace") == text
    return TokenItem(visible(text), id, bytes="" if whole else data.hex())


def _name(step: DecodeStep) -> str:
    """The token just chosen, in a sentence: spaces made visible, its bytes where it completes no character."""
    if step.text:
        return visible(step.text).replace(" ", "␣")
    label = next((c.text for c in step.top if c.id == step.id), "")
    return f"<{step.data.hex(' ')}>" if step.data else visible(label) or f"#{step.id}"


def _bars(step: DecodeStep) -> Bars:
    """The model's own probabilities; what each became after the filters stands behind it."""
    shown = [c for c in step.top[:SHOWN] if math.isfinite(c.logprob)]
    items = [
        Bar(visible(c.text), math.exp(c.logprob), _mark(c.id == step.id, c.kept), _after(c.probability)) for c in shown
    ]
    if all(c.id != step.id for c in shown):
        items.append(Bar(_name(step), math.exp(step.logprob), "chosen", f"> {len(shown)}"))
    return Bars(
        tuple(items), Text("下一个词元的概率，以及筛选之后", "Next-token probability, and after the filters"), high=1.0
    )


def _mark(chosen: bool, kept: bool) -> str:
    if chosen:
        return "chosen"
    return "kept" if kept else "cut"


def _after(probability: float) -> str:
    return f"-> {probability:.4f}" if probability > 0 else ""


def _stages(step: DecodeStep, strategy: Strategy) -> Table:
    columns = (
        Text("筛选", "Filter"),
        Text("取值", "Value"),
        Text("留下", "Kept"),
        Text("砍掉", "Cut"),
        Text("砍掉的概率", "Probability cut"),
    )
    rows = tuple(
        (s.name, f"{getattr(strategy, s.name):g}", f"{s.kept:,}", f"{s.cut:,}", f"{s.mass_cut:.4f}")
        for s in step.stages
    )
    return Table(columns, rows, Text("依次做的事", "In this order"))


def _how_chosen(step: DecodeStep) -> Text:
    name = _name(step)
    entropy = Text(f"模型的熵 {step.entropy:.3f} 纳特。", f"The model's entropy is {step.entropy:.3f} nats.")
    if step.draw is None:
        how = Text(f"取最大的：{name}。", f"The largest is taken: {name}.")
    elif (stretch := _stretch(step)) is not None:
        low, high = stretch
        how = Text(
            f"抽到 u = {step.draw:.4f}，落在 {name} 的 [{low:.4f}, {high:.4f}) 里。",
            f"u = {step.draw:.4f} falls into the stretch of {name}, [{low:.4f}, {high:.4f}).",
        )
    else:
        how = Text(f"抽到 u = {step.draw:.4f}，选中 {name}。", f"u = {step.draw:.4f} picks {name}.")
    ended = Text("模型在这里写完。", "The model ends here.") if step.finished else Text()
    return Text(how.zh + entropy.zh + ended.zh, " ".join(part for part in (how.en, entropy.en, ended.en) if part))


def _stretch(step: DecodeStep) -> tuple[float, float] | None:
    """The part of [0, 1) that stood for the chosen token, where the listed candidates tell."""
    low = 0.0
    for candidate in sorted(step.top, key=lambda c: -c.probability):
        high = low + candidate.probability
        if candidate.id == step.id:
            inside = step.draw is not None and low - 1e-9 <= step.draw <= high + 1e-9
            return (low, high) if inside else None
        low = high
    return None


# The toy


class _ToyModel:
    """A table from the text so far to logits, as `tutor.decoding` wants a model. Unlisted tokens are impossible.

    The prompt is not part of its text; the prompt's words only count as seen for the repetition penalty.
    """

    def __init__(self, toy: Toy) -> None:
        self.toy = toy
        self.words = list(dict.fromkeys(word for row in toy.values() for word, _ in row))
        self.text: str | None = None

    def evaluate(self, ids: Sequence[int]) -> Logits:
        self.text = "" if self.text is None else self.text + "".join(self.words[id] for id in ids)
        logits = np.full(len(self.words), -np.inf)
        for word, logit in self.toy[self.text]:
            logits[self.words.index(word)] = logit
        # A real model's are float32; these are float64, so that figures agree with a hand's to the last digit.
        return cast("Logits", logits)

    def piece(self, id: int) -> bytes:
        return self.words[id].encode()

    def label(self, id: int) -> str:
        return self.words[id]

    def ends(self, id: int) -> bool:
        return f"{self.text}{self.words[id]}" not in self.toy


def _read_toy(given: Any) -> Toy:
    """The toy that `logits` describes. Raises UsageError saying which entry is none."""
    table = given if isinstance(given, dict) else {"": given}
    if "" not in table:
        raise UsageError('`logits` needs an entry for the start, under "".')
    return {text: _read_row(text, row) for text, row in table.items()}


def _read_row(text: str, given: Any) -> Row:
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_ENTRIES:
        raise UsageError(
            "`logits` after “{text}” must be a list of 1 to {high} pairs [token, logit].",
            text=visible(text[:MAX_CHARACTERS]),
            high=MAX_ENTRIES,
        )
    row = [_read_pair(pair) for pair in given]
    if len({word for word, _ in row}) < len(row):
        raise UsageError("`logits` after “{text}” names a token twice.", text=visible(text[:MAX_CHARACTERS]))
    return row


def _read_pair(pair: Any) -> tuple[str, float]:
    match pair:
        case [str(word), bool()]:
            pass
        case [str(word), int() | float() as logit] if 1 <= len(word) <= MAX_CHARACTERS and abs(logit) <= MAX_LOGIT:
            return word, float(logit)
    raise UsageError(
        "An entry of `logits` must be [token, logit]: 1 to {characters} characters, and a number from "
        "-{high} to {high}; not {given}.",
        characters=MAX_CHARACTERS,
        high=MAX_LOGIT,
        given=visible(json.dumps(pair, ensure_ascii=False)[:MAX_CHARACTERS]),
    )


def _logprobs(row: Row) -> list[float]:
    logprobs: list[float] = log_softmax(np.array([logit for _, logit in row])).tolist()
    return logprobs


def _toy_table(row: Row) -> Table:
    columns = (Text("词元", "Token"), same("logit"), Text("概率", "Probability"))
    rows = tuple(
        (visible(word), f"{logit:.4f}", f"{math.exp(logprob):.4f}")
        for (word, logit), logprob in zip(row, _logprobs(row), strict=True)
    )
    return Table(columns, rows, Text("玩具模型在开头说的", "What the toy says at the start"))


def _sequences(toy: Toy) -> list[dict[str, Any]]:
    """All that the toy can write, most probable first, at most MAX_SEQUENCES of them.

    A prefix is at least as probable as what grows from it, so taking the best prefix first finds the whole
    texts in order: exact search, which real vocabularies do not allow.
    """
    waiting: list[tuple[float, int, str]] = [(0.0, 0, "")]  # (-ln P, tokens, text)
    found: list[dict[str, Any]] = []
    for _ in range(MAX_SEARCH):
        if not waiting or len(found) == MAX_SEQUENCES:
            break
        nll, length, text = heapq.heappop(waiting)
        if text in toy:
            row = toy[text]
            for (word, _logit), logprob in zip(row, _logprobs(row), strict=True):
                heapq.heappush(waiting, (nll - logprob, length + 1, text + word))
        else:
            found.append({"text": clean(text), "length": length, "logprob": -nll, "probability": math.exp(-nll)})
    return found


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
