"""Texts of unequal length in one rectangular batch: padding, masks, and what sorting and packing save.

The tokens are the model's own, or words; the attention that shows the masks is the toy of `decoding.batch`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tutor.decoding.batch import Padded, Row, buckets, pack, packed_difference, schedule
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.frames import Bar, Bars, Frame, Lane, Matrix, Span, Table, Timeline, TokenItem, Tokens
from tutor.domain.language import Text
from tutor.domain.model import Model
from tutor.domain.plaintext import visible

TITLE = Text("填充：让长短不一的句子排成矩形", "Padding: unequal texts in one rectangle")
NEEDS_MODEL = True  # only for its own tokenizer

MAX_TEXTS = 16
MAX_TOKENS = 128
MAX_CHARACTERS = 8_000

PARAMS = (
    Param(
        "texts",
        "json",
        ["What does padding do to a batch of sentences?", "Thank you!", "为什么要填充？", "Hi"],
        Text("要放进一批的句子，JSON 列表", "The sentences of the batch, as a JSON list"),
        low=1,
        high=MAX_TEXTS,
    ),
    Param(
        "side", "choice", "right", Text("填充放在哪一边", "Which side the padding goes on"), choices=("right", "left")
    ),
    Param(
        "attention",
        "choice",
        "full",
        Text(
            "full：每个位置看全句；causal：只看自己和前面",
            "full: every position reads the whole row; causal: itself and what comes before",
        ),
        choices=("full", "causal"),
    ),
    Param(
        "tokenizer",
        "choice",
        "model",
        Text(
            "model：模型自己的分词器；words：一个汉字或一个词算一个词元，不用模型",
            "model: the model's own; words: each word or Chinese character is a token, no model needed",
        ),
        choices=("model", "words"),
    ),
    Param(
        "batch",
        "int",
        2,
        Text("分桶和生成时一批几句", "Texts a batch, when they are sorted and when they generate"),
        low=1,
        high=MAX_TEXTS,
    ),
)

# A square of weights larger than this is no picture any more.
SHOWN_WEIGHTS = 10
SHOWN_TOKENS = 24
# Float64 sums of a few numbers near 1 differ by less than this when their order differs.
ROUNDING = 1e-9


def needs_model(params: Params) -> bool:
    """Whether a run with `params` asks a model: only for its tokenizer."""
    return bool(params["tokenizer"] == "model")


def tokenize(texts: object, model: Model | None) -> list[Row]:
    """A row for each text, by the model's tokenizer or, without a model, by words. Raises UsageError."""
    if not isinstance(texts, list) or not all(isinstance(text, str) and text.strip() for text in texts):
        raise UsageError(
            "`texts` must be a list of sentences, none of them empty.", hint='For example ["Thank you", "Hi"].'
        )
    characters = sum(map(len, texts))
    if characters > MAX_CHARACTERS:
        raise UsageError(
            "The sentences of `texts` must have at most {high} characters together, not {given}.",
            high=MAX_CHARACTERS,
            given=characters,
        )
    rows = _by_words(texts) if model is None else [_by_model(text, model) for text in texts]
    for number, row in enumerate(rows, start=1):
        if not 1 <= len(row) <= MAX_TOKENS:
            raise UsageError(
                "Each sentence of `texts` must have from 1 to {high} tokens; number {number} has {given}.",
                high=MAX_TOKENS,
                number=number,
                given=len(row),
            )
    return rows


def _by_model(text: str, model: Model) -> Row:
    pieces = model.tokenize(text)
    return Row(text, tuple(piece.id for piece in pieces), tuple(piece.text for piece in pieces))


def _by_words(texts: Sequence[str]) -> list[Row]:
    """Ids by first appearance, so that texts of other words and the same lengths give the same numbers."""
    vocabulary: dict[str, int] = {}
    cut = [re.findall(r"[\u4e00-\u9fff]|[^\s\u4e00-\u9fff]+", text) for text in texts]
    return [
        Row(text, tuple(vocabulary.setdefault(word, len(vocabulary)) for word in words), tuple(words))
        for text, words in zip(texts, cut, strict=True)
    ]


def steps(params: Params, model: Model | None = None) -> Steps:
    """The texts, the batch, its last column, attention without and with the mask, then ways to waste less.

    Result: `lengths` (tokens), `max_len`, `cells`, `real_tokens`, `pad_tokens`, `waste_fraction` (padding over cells),
    `score_waste_fraction` (the same of the batch's attention scores, max_len squared a row), `mask` (1 token, 0
    padding), `last` (each row's last cell; null for padding). `masked_max_abs_diff`, `unmasked_max_abs_diff`: the
    toy's outputs at the texts' own positions, in the batch against alone, positions counted from the first token;
    `shifted_max_abs_diff`: with the mask, but positions counted from the row's first cell. `pad_weights`: the weight
    that each text's last token gives to padding without the mask. `bucketed_pad_tokens` and `bucketed_waste_fraction`:
    sorted by length, `batch` a batch. `packed_rows` (indices), `packed_waste_fraction`: first-fit decreasing into rows
    of max_len; `packed_max_abs_diff` and `leaky_max_abs_diff` with and without the block-diagonal mask. `cu_seqlens`:
    where each text begins when all are laid end to end. `static_steps`, `continuous_steps` and the
    `..._idle_fraction` of `batch` slots, were the lengths those of answers to generate.

    Raises UsageError, ModelMissing, and what the model raises.
    """
    if needs_model(params) and model is None:
        raise ModelMissing("This demo needs a model.", hint="With `tokenizer` set to words it needs none.")
    rows = tokenize(params["texts"], model if needs_model(params) else None)
    causal, batch = params["attention"] == "causal", min(params["batch"], len(rows))
    lengths = [len(row) for row in rows]
    longest, real = max(lengths), sum(lengths)
    cells = longest * len(rows)
    names = [f"{number} {_short(row)}" for number, row in enumerate(rows, start=1)]
    padded = [Padded(row, longest, longest - len(row) if params["side"] == "left" else 0) for row in rows]
    waste = 1 - real / cells

    yield _unequal(rows, longest)
    yield _rectangle(padded, names, params["side"], real, waste)
    yield _last_column(rows, longest, params["side"])

    unmasked = [row.difference(causal=causal, masked=False) for row in padded]
    pad_weights = [_pad_weight(row, causal=causal) for row in padded]
    yield _without_mask(padded, names, pad_weights, max(unmasked), causal=causal)
    masked = [row.difference(causal=causal) for row in padded]
    shifted = [row.difference(causal=causal, shifted=True) for row in padded]
    yield _with_mask(padded, names, (unmasked, masked, shifted), causal=causal)

    sorted_batches = buckets(lengths, batch)
    bucket_cells = sum(len(each) * max(lengths[index] for index in each) for each in sorted_batches)
    yield _bucketed(sorted_batches, lengths, names, 1 - real / bucket_cells)
    bins = pack(lengths, longest)
    packed = max(packed_difference([rows[i] for i in each], causal=causal, apart=True) for each in bins)
    leaky = max(packed_difference([rows[i] for i in each], causal=causal, apart=False) for each in bins)
    packed_waste = 1 - real / (len(bins) * longest)
    yield _packed(bins, lengths, packed_waste, apart=packed, leaky=leaky)

    lanes = {continuous: schedule(lengths, batch, continuous=continuous) for continuous in (False, True)}
    ends = {kind: max(at + lengths[i] for lane in lanes[kind] for i, at in lane) for kind in lanes}
    yield _generating(lanes, lengths, ends)
    return {
        "lengths": lengths,
        "max_len": longest,
        "cells": cells,
        "real_tokens": real,
        "pad_tokens": cells - real,
        "waste_fraction": waste,
        "score_waste_fraction": 1 - sum(length**2 for length in lengths) / (len(rows) * longest**2),
        "mask": [list(row.mask) for row in padded],
        "last": [row.row.words[-1] if row.mask[-1] else None for row in padded],
        "pad_weights": pad_weights,
        "masked_max_abs_diff": max(masked),
        "unmasked_max_abs_diff": max(unmasked),
        "shifted_max_abs_diff": max(shifted),
        "bucketed_pad_tokens": bucket_cells - real,
        "bucketed_waste_fraction": 1 - real / bucket_cells,
        "packed_rows": bins,
        "packed_waste_fraction": packed_waste,
        "packed_max_abs_diff": packed,
        "leaky_max_abs_diff": leaky,
        "cu_seqlens": [sum(lengths[:count]) for count in range(len(lengths) + 1)],
        "static_steps": ends[False],
        "continuous_steps": ends[True],
        "static_idle_fraction": 1 - real / (batch * ends[False]),
        "continuous_idle_fraction": 1 - real / (batch * ends[True]),
    }


def _pad_weight(row: Padded, *, causal: bool) -> float:
    _, weights = row.run(causal=causal, masked=False)
    return float(weights[row.real][-1][np.array(row.mask) == 0].sum())


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3f}".rstrip("0").rstrip(".") + "%"


def _short(row: Row) -> str:
    text = visible(row.text.strip())
    return text if len(text) <= 10 else text[:8] + ".."


def _unequal(rows: Sequence[Row], longest: int) -> Step:
    frames = tuple(
        Tokens(
            tuple(TokenItem(word, id) for id, word in zip(row.ids[:SHOWN_TOKENS], row.words, strict=False)),
            Text(f"第 {number} 句：{len(row)} 个词元", f"Text {number}: {len(row)} token{'s' * (len(row) != 1)}"),
        )
        for number, row in enumerate(rows, start=1)
    )
    note = Text(
        f"编号排成矩阵，每行要一样长。最长的一行有 {longest} 个词元。",
        f"As a matrix of ids, every row must be equally long. The longest has {longest}.",
    )
    return Step(Text("长短不一的句子", "Texts of unequal length"), frames, note, 0.0)


def _mask_picture(masks: Sequence[Sequence[int]], names: Sequence[str], label: Text) -> Matrix:
    values = tuple(tuple(float(cell) for cell in mask) for mask in masks)
    marks = tuple(tuple("" if cell else "cut" for cell in mask) for mask in masks)
    return Matrix(values, tuple(names), label=label, low=0.0, high=1.0, digits=0, marks=marks)


def _rectangle(padded: Sequence[Padded], names: Sequence[str], side: str, real: int, waste: float) -> Step:
    masks = [row.mask for row in padded]
    cells = len(masks) * len(masks[0])
    label = Text("注意力掩码：1 是词元，0 是填充", "The attention mask: 1 a token, 0 padding")
    return Step(
        Text("在左边补齐", "Filled up on the left") if side == "left" else Text("在右边补齐", "Filled up on the right"),
        (_mask_picture(masks, names, label),),
        Text(
            f"{len(masks)} × {len(masks[0])} = {cells} 格，{real} 格是词元，{cells - real} 格是填充：浪费 {_percent(waste)}。",
            f"{len(masks)} × {len(masks[0])} = {cells} cells, {real} of them tokens, {cells - real} padding: "
            f"{_percent(waste)} wasted.",
        ),
        0.15,
    )


def _last_column(rows: Sequence[Row], longest: int, side: str) -> Step:
    columns = (Text("句", "text"), Text("填充在右", "padding right"), Text("填充在左", "padding left"))
    cells = [
        (str(number), visible(row.words[-1]) if len(row) == longest else "<pad>", visible(row.words[-1]))
        for number, row in enumerate(rows, start=1)
    ]
    bad = sum(len(row) < longest for row in rows)
    note = Text(
        f"生成时常取每行最后一格来预测下一个词元。填充在右，{len(rows)} 行里有 {bad} 行取到的是填充；在左，全是句子的末尾。"
        + ("现在在左。" if side == "left" else "现在在右。"),
        f"A plain generation loop predicts from the last cell of each row. With the padding on the right, {bad} of "
        f"{len(rows)} rows would predict from padding; on the left, all from their text's end. It is on the {side} now.",
    )
    marks = tuple("good" if len(row) == longest or side == "left" else "bad" for row in rows)
    table = Table(columns, tuple(cells), Text("每行的最后一格", "The last cell of each row"), marks)
    return Step(Text("从哪一格接着写", "Where generation would go on"), (table,), note, 0.3)


def _without_mask(
    padded: Sequence[Padded], names: Sequence[str], pad_weights: Sequence[float], difference: float, *, causal: bool
) -> Step:
    bars = Bars(
        tuple(Bar(name, 100 * weight) for name, weight in zip(names, pad_weights, strict=True)),
        Text("末词元分给填充的注意力", "Attention that each text's last token gives to padding"),
        "%",
        100.0,
    )
    note = Text(
        f"没有掩码，句子自己的输出与单独算时最多差 {difference:.3g}。",
        f"Without the mask the texts' own outputs differ from those computed alone by up to {difference:.3g}.",
    )
    if causal and difference < ROUNDING:
        note = Text(
            "因果注意力只看前面，而填充在后面：句子自己的输出一点没变。",
            "Causal attention looks back only, and the padding comes after: the texts' own outputs do not change.",
        )
    frames = (*_weights(padded, names, causal=causal, masked=False), bars)
    return Step(Text("注意力，没有掩码", "Attention without the mask"), frames, note, 0.45)


def _with_mask(
    padded: Sequence[Padded], names: Sequence[str], differences: Sequence[Sequence[float]], *, causal: bool
) -> Step:
    columns = (
        Text("句", "text"),
        Text("无掩码", "no mask"),
        Text("有掩码", "mask"),
        Text("有掩码，位置从行首数", "mask, positions from the row's start"),
    )
    cells = tuple(
        (name, *(f"{value:.1e}" for value in row))
        for name, row in zip(names, zip(*differences, strict=True), strict=True)
    )
    label = Text("与单独算时的最大差", "Largest difference from the text computed alone")
    note = Text(
        "有掩码时只剩浮点舍入（约 1e-16 到 1e-15），前提是位置从第一个词元数起。这里的位置是绝对的，加在嵌入上；RoPE 只看两个位置之差，整行平移不改变它的结果（舍入除外）。",
        "With the mask only rounding is left (about 1e-16 to 1e-15), if positions are counted from the first token. "
        "Positions here are absolute, added to the embedding; RoPE looks at the distance of two positions alone, "
        "and gives the same for a shifted row, up to rounding.",
    )
    frames = (*_weights(padded, names, causal=causal, masked=True), Table(columns, cells, label))
    return Step(Text("注意力，有掩码", "Attention with the mask"), frames, note, 0.6)


def _weights(padded: Sequence[Padded], names: Sequence[str], *, causal: bool, masked: bool) -> tuple[Frame, ...]:
    """The weights of the text with the most padding that is longer than one token, where they make a picture."""
    if padded[0].size > SHOWN_WEIGHTS:
        return ()
    index = min(range(len(padded)), key=lambda i: (len(padded[i].row) < 2, len(padded[i].row)))
    row = padded[index]
    _, weights = row.run(causal=causal, masked=masked)
    words = [visible(word) for word in row.row.words]
    columns = [*["<pad>"] * row.start, *words, *["<pad>"] * (row.size - row.start - len(words))]
    marks = tuple(tuple("" if cell else "cut" for cell in row.mask) for _ in words)
    label = Text(f"第 {index + 1} 句的权重，每行合计 1", f"Weights of text {index + 1}; each row sums to 1")
    values = tuple(tuple(map(float, each)) for each in weights[row.real])
    return (Matrix(values, tuple(words), tuple(columns), label, 0.0, 1.0, marks=marks),)


def _bucketed(batches: Sequence[Sequence[int]], lengths: Sequence[int], names: Sequence[str], waste: float) -> Step:
    frames = tuple(
        _mask_picture(
            [[1] * lengths[i] + [0] * (max(lengths[j] for j in each) - lengths[i]) for i in each],
            [names[i] for i in each],
            Text(f"第 {number} 批", f"Batch {number}"),
        )
        for number, each in enumerate(batches, start=1)
    )
    note = Text(
        f"先按长度排序再分批，每批只补到自己最长的一行：浪费 {_percent(waste)}。",
        f"Sorted by length first, each batch is filled up only to its own longest row: {_percent(waste)} wasted.",
    )
    return Step(Text("分桶", "Bucketing"), frames, note, 0.7)


def _packed(bins: Sequence[Sequence[int]], lengths: Sequence[int], waste: float, *, apart: float, leaky: float) -> Step:
    values = []
    for each in bins:
        content = [float(index + 1) for index in each for _ in range(lengths[index])]
        values.append((*content, *[0.0] * (max(lengths) - len(content))))
    marks = tuple(tuple("" if cell else "cut" for cell in row) for row in values)
    label = Text("每格属于第几句，0 是填充", "Which text each cell belongs to, 0 is padding")
    picture = Matrix(tuple(values), label=label, low=0.0, high=float(len(lengths)), digits=0, marks=marks)
    note = Text(
        f"几句接成一行：浪费 {_percent(waste)}。位置在每句开头重新数；掩码让各句只看自己时，与单独算的差是 {apart:.1e}，"
        f"去掉它是 {leaky:.3g}。",
        f"Several texts make one row: {_percent(waste)} wasted. Positions begin again with each text. With a mask that keeps "
        f"each text to itself, the difference from each alone is {apart:.1e}; without it, {leaky:.3g}.",
    )
    return Step(Text("打包", "Packing"), (picture,), note, 0.85)


def _generating(lanes: dict[bool, list[list[tuple[int, int]]]], lengths: Sequence[int], ends: dict[bool, int]) -> Step:
    titles = {
        False: Text(
            "整批做完再换下一批（一行一个空位）", "The next batch waits for the whole batch (a lane is a slot)"
        ),
        True: Text("谁写完，空位马上给下一句", "Whoever is done gives its slot to the next"),
    }
    frames = tuple(
        Timeline(
            tuple(
                Lane(
                    f"{slot}",
                    tuple(Span(float(at), float(at + lengths[index]), str(index + 1)) for index, at in lane),
                )
                for slot, lane in enumerate(lanes[kind], start=1)
            ),
            titles[kind],
        )
        for kind in (False, True)
    )
    note = Text(
        f"若这些长度是各句要写出的词元数，每步每个空位写一个：前一种要 {ends[False]} 步，后一种（连续批处理）{ends[True]} 步。",
        f"Were these lengths the numbers of tokens to write, one a step in each slot: the first way takes {ends[False]} "
        f"steps, the second (continuous batching) {ends[True]}.",
    )
    return Step(Text("生成时的空等", "Waiting while generating"), frames, note, 1.0)
