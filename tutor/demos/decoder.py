"""Attention maps of the loaded model, captured while it reads; what its KV cache costs and what it saves.

Attention is that of Vaswani et al. 2017, arXiv:1706.03762, section 3.2, masked so that no token sees a later one;
heads that share their keys and values are those of Ainslie et al. 2023, arXiv:2305.13245.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tutor.decoding.attention import Weights, mean_over_heads, sink_share, weights_of
from tutor.decoding.token_pictures import name_of, piece_item
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.frames import Bar, Bars, Matrix, Note, Table, Tokens
from tutor.domain.language import Text, same
from tutor.domain.model import Attention, Model, ModelInfo, Strategy, TokenPiece
from tutor.domain.modelfile import kv_bytes_per_token
from tutor.domain.plaintext import clean

TITLE = Text(
    "解码器：每个词元在看哪里，KV 缓存省了什么", "The decoder: where each token looks, and what the KV cache saves"
)
NEEDS_MODEL = True

# What a picture shows; the result leaves nothing out.
SHOWN_TOKENS = 40
SHOWN_BARS = 12
SHOWN_HEADS = 32
# From this share on, the first token is said to be a sink.
SINK = 0.3
# So many tokens are written in each of the two ways, after at most so many of the text: a few seconds at most.
TIMED_TOKENS = 8
TIMED_PROMPT = 64
CONTEXTS = (1024, 8192, 32768)

# In the default model, head 4 of layer 5 looks from "it" back to "cat"; every model of the catalogue has them.
PARAMS = (
    Param(
        "text",
        "text",
        "The cat sat on the mat because it",
        Text("让模型读的文本，最多 256 个词元", "The text the model reads; at most 256 tokens"),
        low=1,
        high=4000,
    ),
    Param(
        "layer",
        "int",
        5,
        Text("看哪一层，从 0 数起", "Which layer to look into, counted from 0"),
        low=0,
        high=999,
    ),
    Param(
        "head",
        "int",
        4,
        Text("看哪个头，从 0 数起；-1 是所有头的平均", "Which head, counted from 0; -1 is the average of all"),
        low=-1,
        high=999,
    ),
    Param(
        "time_cache",
        "bool",
        True,
        Text(
            "最后用和不用 KV 缓存各写几个词元，计时",
            "At the end write a few tokens with and without the KV cache, timed",
        ),
    ),
)


def steps(params: Params, model: Model | None = None) -> Steps:
    """Result: `tokens` (n texts), `weights` (n × n: row i is how token i attends; 0 right of the diagonal, rows sum to
    1), `sink` (the mean weight on the first token, over the rows after it), `layers`, `heads`, `kv_heads`, and
    `kv_bytes_per_token` (2 · layers · kv_heads · head width · 2 bytes; None where the model's file does not say).

    With `time_cache` also `seconds_with_cache`, `seconds_without_cache`, the same tokens being written in both ways,
    and how many positions each evaluated: `positions_with_cache`, `positions_without_cache`.

    Raises UsageError for a layer or head that the model does not have, ModelMissing, and what the model raises.
    """
    if model is None:
        raise ModelMissing("This demo needs a model.")
    info = model.info()
    _check("layer", params["layer"], 0, info.layers - 1)
    _check("head", params["head"], -1, info.heads - 1)
    yield _opening(model.tokenize(params["text"]), info)
    attention = model.attention(params["text"], params["layer"])
    view = _View(attention, params["head"])
    yield from view.steps()
    cache_bytes = kv_bytes_per_token(model.file())
    yield _cache_size(info, cache_bytes, len(attention.tokens), last=not params["time_cache"])
    result = view.result() | {
        "layers": info.layers,
        "heads": info.heads,
        "kv_heads": info.kv_heads,
        "kv_bytes_per_token": cache_bytes,
    }
    if params["time_cache"]:
        race = _Race(model, [piece.id for piece in attention.tokens])
        yield race.step()
        result |= race.result()
    return result


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise UsageError(
            "`{name}` must be from {low} to {high} in this model, not {given}.",
            name=name,
            low=low,
            high=high,
            given=value,
        )


def _opening(pieces: Sequence[TokenPiece], info: ModelInfo) -> Step:
    frame = Tokens(tuple(map(piece_item, pieces[:SHOWN_TOKENS])), Text("文本的词元", "The tokens of the text"))
    table = Table(
        (
            Text("层", "Layers"),
            Text("每层的头", "Heads a layer"),
            Text("其中的 K、V 头", "Heads of keys and values"),
            Text("宽度", "Width"),
        ),
        ((str(info.layers), str(info.heads), str(info.kv_heads), str(info.width)),),
    )
    note = Text(
        f"模型有 {info.layers} 层，每层 {info.heads} 个头。每个头里，每个词元都给自己和前面的词元各分一个权重，"
        "权重加起来是 1，再按权重把它们的内容混在一起。下面就看这些权重，是模型读这段文本时当场记下来的。",
        f"The model has {info.layers} layers of {info.heads} heads. In each head every token gives a weight to itself "
        "and to each token before it; the weights sum to 1, and what those tokens hold is mixed by them. These are the "
        "weights you see next, captured while the model read this text.",
    )
    return Step(Text("文本和模型", "The text and the model"), (frame, table), note, progress=0.0)


class _View:
    """One head of a layer, or the average of all (`head` -1), and the other heads beside it."""

    def __init__(self, attention: Attention, head: int) -> None:
        self.attention = attention
        self.head = head
        self.every = weights_of(attention)
        self.weights: Weights = mean_over_heads(self.every) if head < 0 else self.every[head]
        self.names = [name_of(piece) for piece in attention.tokens]
        self.sink = sink_share(self.weights)

    def result(self) -> dict[str, Any]:
        return {
            "tokens": [clean(piece.text) for piece in self.attention.tokens],
            "weights": self.weights.astype(float).tolist(),
            "sink": self.sink,
        }

    def steps(self) -> Iterator[Step]:
        yield self._map()
        yield self._row()
        yield self._heads()

    @property
    def _where(self) -> Text:
        layer = self.attention.layer
        if self.head < 0:
            return Text(f"第 {layer} 层，所有头的平均", f"Layer {layer}, the average of its heads")
        return Text(f"第 {layer} 层，第 {self.head} 个头", f"Layer {layer}, head {self.head}")

    def _map(self) -> Step:
        shown = self.weights[:SHOWN_TOKENS, :SHOWN_TOKENS]
        names = tuple(self.names[:SHOWN_TOKENS])
        label = Text("行：在看的词元；列：被看的词元", "Rows: the token that looks; columns: what it looks at")
        # The first row is always 1: were it to set the scale, an even head would look empty.
        high = float(shown[1:].max()) if len(shown) > 1 else 1.0
        matrix = Matrix(tuple(map(tuple, shown.astype(float).tolist())), names, names, label, low=0.0, high=high)
        masked = len(self.names) * (len(self.names) - 1) // 2
        hidden = len(self.names) - SHOWN_TOKENS
        note = Text(
            f"对角线右边的 {masked} 格都正好是 0：一个词元看不到它后面的词元。这就是因果掩码。每一行加起来是 1，"
            "所以第一个词元别无选择，只能看自己。" + (f"后面还有 {hidden} 个词元没画出来。" if hidden > 0 else ""),
            f"The {masked} cells right of the diagonal are exactly 0: no token sees what comes after it. That is the "
            "causal mask. Each row sums to 1, so the first token has no choice but itself."
            + (f" {hidden} more tokens are not drawn." if hidden > 0 else ""),
        )
        return Step(self._where, (matrix, *self._sink_note()), note, progress=0.2)

    def _sink_note(self) -> tuple[Note, ...]:
        if self.sink < SINK:
            return ()
        share, first = f"{self.sink:.0%}", self.names[0]
        return (
            Note(
                Text(
                    f"平均 {share} 的权重落在第一个词元 {first} 上。多半不是因为它重要：权重总得加到 1，"
                    "没什么可看的时候，多余的就放在这个谁都看得到的地方。这叫注意力汇聚点（attention sink）。",
                    f"On average {share} of the weight rests on the first token, {first}. Mostly not because it matters: "
                    "weights must sum to 1, and a head with nothing to look for leaves the rest where everyone can "
                    "see. This is called an attention sink.",
                )
            ),
        )

    def _row(self) -> Step:
        row = self.weights[-1]
        largest = np.argsort(-row, kind="stable")[:SHOWN_BARS]
        items = tuple(
            Bar(f"{i + 1} {self.names[i]}", float(row[i]), "chosen" if i == largest[0] else "") for i in sorted(largest)
        )
        first = self.names[int(largest[0])]
        rest = float(1 - row[largest].sum())
        others = len(row) - len(items)
        note = Text(
            f"最后一个词元“{self.names[-1]}”看得最多的是“{first}”。下一个词元就是从这一行混出来的结果里预测的。"
            + (f"没画出来的 {others} 个词元一共分到 {rest:.3f}。" if others else ""),
            f"The last token, “{self.names[-1]}”, looks most at “{first}”. The next token is predicted from what this row "
            "mixes together." + (f" The {others} tokens not drawn share {rest:.3f}." if others else ""),
        )
        bars = Bars(items, Text("权重，按文本里的顺序", "Weights, in the order of the text"), high=1.0)
        return Step(Text("最后一个词元在看哪里", "Where the last token looks"), (bars,), note, progress=0.4)

    def _heads(self) -> Step:
        shown = self.every[:SHOWN_HEADS]
        columns = (
            Text("头", "Head"),
            Text("平均落在第一个词元上", "Mean weight on the first token"),
            Text("最后一个词元看得最多的", "The last token looks most at"),
            Text("权重", "Weight"),
        )
        rows = tuple(
            (str(i), f"{sink_share(head):.3f}", self.names[int(head[-1].argmax())], f"{float(head[-1].max()):.3f}")
            for i, head in enumerate(shown)
        )
        marks = tuple("chosen" if i == self.head else "" for i in range(len(rows)))
        note = Text(
            "同一层的头各看各的：有的盯着前一个词元，有的盯着第一个，有的看意思相关的词。把 `layer` 和 `head` 换一换再看。",
            "The heads of one layer look at different things: some at the token before, some at the first, some at words "
            "that belong together. Change `layer` and `head` and look again.",
        )
        title = Text(f"第 {self.attention.layer} 层的每个头", f"Every head of layer {self.attention.layer}")
        return Step(title, (Table(columns, rows, marks=marks),), note, progress=0.6)


# The KV cache


def _cache_size(info: ModelInfo, each: int | None, tokens: int, *, last: bool) -> Step:
    title = Text("KV 缓存有多大", "The size of the KV cache")
    progress = 1.0 if last else 0.8
    why = Text(
        "写下一个词元时，前面词元的键 K 和值 V 都不会变，所以算过一次就存着，不再重算。",
        "When the next token is written, the keys K and values V of all tokens before it stay what they are: they are "
        "kept, and not computed again.",
    )
    if each is None:
        unknown = Text(
            "这个模型的文件没有说明它的缓存有多大。", " This model's file does not say how large its cache is."
        )
        return Step(title, (), Text(why.zh + unknown.zh, why.en + unknown.en), progress)
    lengths = (tokens, *(c for c in CONTEXTS if tokens < c <= info.context))
    rows = tuple((f"{length:,}", f"{length * each:,}", _megabytes(length * each)) for length in lengths)
    table = Table((Text("词元", "Tokens"), Text("字节", "Bytes"), same("MB")), rows)
    formula = f"2 × {info.layers} × {info.kv_heads} × {info.head_width} × 2 = {each:,}"
    shared = info.heads // max(1, info.kv_heads)
    sharing = Text(
        f"这里 {info.heads} 个头共用 {info.kv_heads} 组 K、V（GQA），缓存只有各用各的 1/{shared}。",
        f" Here {info.heads} heads share {info.kv_heads} sets of K and V (GQA): 1/{shared} of what a set each would take.",
    )
    note = Text(
        f"{why.zh}每个词元占 2（K 和 V）× 层数 × K、V 头数 × 每头宽度 × 2 字节：{formula} 字节。"
        + (sharing.zh if shared > 1 else ""),
        f"{why.en} Each token takes 2 (K and V) × layers × heads of K and V × width of a head × 2 bytes: {formula} bytes."
        + (sharing.en if shared > 1 else ""),
    )
    return Step(title, (table,), note, progress)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.2f}"


class _Race:
    """The same tokens written twice: with the cache, and with all of the text evaluated anew for each of them.

    Before each evaluation without the cache the model is made to read another token first, so that nothing of the
    text is left to be used again; that is not timed.
    """

    def __init__(self, model: Model, ids: Sequence[int]) -> None:
        self.model = model
        self.prompt = list(ids[:TIMED_PROMPT])
        self.other = [0 if self.prompt[0] else 1]
        self.written, self.with_cache = self._with_cache()
        self.without = self._without_cache()
        self.positions = len(self.prompt) + TIMED_TOKENS - 1
        self.positions_without = sum(len(self.prompt) + i for i in range(TIMED_TOKENS))

    def _with_cache(self) -> tuple[list[int], float]:
        self.model.next(self.other, top=1)
        begin = time.perf_counter()
        stream = self.model.decode(self.prompt, Strategy(), max_tokens=TIMED_TOKENS, top=1, ignore_eos=True)
        written = [step.id for step in stream]
        return written, time.perf_counter() - begin

    def _without_cache(self) -> float:
        seconds = 0.0
        for count in range(TIMED_TOKENS):
            self.model.next(self.other, top=1)
            begin = time.perf_counter()
            self.model.next([*self.prompt, *self.written[:count]], top=1)
            seconds += time.perf_counter() - begin
        return seconds

    def result(self) -> dict[str, Any]:
        return {
            "seconds_with_cache": self.with_cache,
            "seconds_without_cache": self.without,
            "positions_with_cache": self.positions,
            "positions_without_cache": self.positions_without,
        }

    def step(self) -> Step:
        high = max(self.with_cache, self.without)
        bars = (
            Bars((Bar("", self.with_cache),), Text("用 KV 缓存", "With the KV cache"), "s", high),
            Bars((Bar("", self.without),), Text("不用：每次从头算", "Without: all anew each time"), "s", high),
        )
        table = Table(
            (Text("用缓存时算的位置", "Positions with the cache"), Text("不用时", "without")),
            ((str(self.positions), str(self.positions_without)),),
        )
        n, ratio = len(self.prompt), self.without / self.with_cache
        note = Text(
            f"两种办法都是读 {n} 个词元再写 {TIMED_TOKENS} 个，刚才在这台机器上计的时：不用缓存是用缓存的 {ratio:.1f} 倍。"
            "时间里有两个进程之间传话的一点时间。成批算一个位置比单独算一个便宜，所以时间之比小于位置之比；"
            "文本越长，差得越多。",
            f"Both ways read {n} tokens and write {TIMED_TOKENS} more, timed just now on this machine: without the cache "
            f"it takes {ratio:.1f} times as long. The times hold what little it takes two processes to talk. A position "
            "costs less in a batch than alone, so the times differ less than the counts; the longer the text, the more "
            "they differ.",
        )
        return Step(
            Text("有缓存和没有缓存，计时", "With and without the cache, timed"), (*bars, table), note, progress=1.0
        )
