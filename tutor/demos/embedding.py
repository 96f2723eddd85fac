"""The loaded model's embedding matrix: a row a token, and which rows point the same way.

Sums of word vectors are those of Mikolov, Yih and Zweig 2013, "Linguistic Regularities in Continuous Space Word
Representations"; that the words of the sum are left out of the answer, and what that hides, is in Rogers, Drozd and Li
2017, "The (too many) problems of analogical reasoning with word vectors".
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from tutor.decoding.token_pictures import shown
from tutor.decoding.token_sum import terms, written
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import ModelMissing
from tutor.domain.frames import Bar, Bars, Frame, Matrix, Table
from tutor.domain.language import Text
from tutor.domain.model import Model, Neighbour, Neighbours
from tutor.domain.plaintext import clean

TITLE = Text(
    "词嵌入：一个词元是一行数，方向相近的是哪些", "Embeddings: a token is a row of numbers; whose point the same way"
)
NEEDS_MODEL = True

# The lookup drawn small: a one-hot row times a matrix of so many rows.
TOY_ROWS = ((0.2, -0.5, 0.1), (0.9, 0.3, -0.4), (-0.6, 0.7, 0.8), (0.1, 0.1, -0.9), (0.4, -0.2, 0.5))
TOY_TOKEN = 2

PARAMS = (
    Param(
        "token",
        "text",
        "␣king",
        Text(
            "一个词元，或几个相加减：king - man + woman；␣ 代表词元自带的空格",
            "A token, or a sum: king - man + woman; ␣ stands for a space of the token's own",
        ),
        low=1,
        high=200,
    ),
    Param("k", "int", 10, Text("列出最近的几个", "How many of the nearest"), low=1, high=50),
)


def steps(params: Params, model: Model | None = None) -> Steps:
    """Result: `shape` (vocabulary, width) of the matrix, `neighbours` (id, text, cosine; nearest first, the tokens of
    the sum left out), and `terms`, those tokens, with their own cosines with the sum.

    Raises UsageError for what is no sum or no token of the model, ModelMissing, and what the model raises.
    """
    if model is None:
        raise ModelMissing("This demo needs a model.")
    plus, minus = terms(params["token"])
    found = model.neighbours(plus, minus, top=params["k"])
    asked = _Asked(found)
    yield _lookup()
    yield asked.rows()
    yield asked.nearest()
    if asked.is_sum:
        yield asked.own()
    return {
        "shape": list(found.shape),
        "neighbours": [_plain(each) for each in found.nearest],
        "terms": [_plain(each) for each in asked.terms],
    }


def _plain(neighbour: Neighbour) -> dict[str, Any]:
    return asdict(replace(neighbour, text=clean(neighbour.text)))


def _lookup() -> Step:
    one_hot = tuple(float(i == TOY_TOKEN) for i in range(len(TOY_ROWS)))
    marks = tuple(("chosen",) * 3 if i == TOY_TOKEN else ("",) * 3 for i in range(len(TOY_ROWS)))
    rows = tuple(str(i) for i in range(len(TOY_ROWS)))
    frames: tuple[Frame, ...] = (
        Matrix(
            (one_hot,),
            (),
            rows,
            Text(f"词元 {TOY_TOKEN}：除它以外都是 0", f"Token {TOY_TOKEN}: 0 but for its own place"),
            digits=0,
        ),
        Matrix(
            TOY_ROWS,
            rows,
            (),
            Text("乘以：一张小小的嵌入矩阵", "times a small embedding matrix"),
            digits=1,
            marks=marks,
        ),
        Matrix((TOY_ROWS[TOY_TOKEN],), label=Text(f"等于：第 {TOY_TOKEN} 行", f"equals its row {TOY_TOKEN}"), digits=1),
    )
    note = Text(
        "先看一个手写的小例子。把词元写成一行，只有自己的位置是 1，再乘以矩阵，得到的正好是矩阵的那一行。"
        "所以谁也不真的去乘：直接取出那一行就行。这就是嵌入查表。",
        "First an example written by hand. A token written as a row that is 1 at its own place and 0 elsewhere, times the "
        "matrix, gives exactly one row of it. So nobody multiplies: the row is simply picked out. That is the lookup.",
    )
    return Step(Text("查表：取出一行", "The lookup: picking out a row"), frames, note, progress=0.0)


class _Asked:
    """What was asked for, and what the matrix answered."""

    def __init__(self, found: Neighbours) -> None:
        self.found = found
        self.terms = (*found.plus, *found.minus)
        self.is_sum = len(self.terms) > 1
        self.name = written([each.text for each in found.plus], [each.text for each in found.minus])

    def rows(self) -> Step:
        vocabulary, width = self.found.shape
        columns = (Text("词元", "Token"), Text("第几行", "Row"), Text("加还是减", "Sign"))
        signs = "+" * len(self.found.plus) + "-" * len(self.found.minus)
        table = Table(
            columns,
            tuple((shown(each.text), str(each.id), sign) for each, sign in zip(self.terms, signs, strict=True)),
        )
        frames: list[Frame] = [table]
        if self.found.row:
            label = Text(
                f"{self.name}：{width:,} 个数里的前 {len(self.found.row)} 个",
                f"{self.name}: the first {len(self.found.row)} of its {width:,} numbers",
            )
            frames.append(Matrix((self.found.row,), label=label, digits=3))
        note = Text(
            f"模型的嵌入矩阵有 {vocabulary:,} 行，词表里的每个词元一行，每行 {width:,} 个数。"
            "单看一个数没有意思，有意思的是整行的方向：训练时，用法相近的词元被推向相近的方向。",
            f"The model's embedding matrix has {vocabulary:,} rows, one for each token of its vocabulary, of {width:,} "
            "numbers each. A single number means nothing; the direction of the row does: in training, tokens that are "
            "used alike are pushed to point alike.",
        )
        return Step(Text("真正的模型里的那一行", "The row in the real model"), tuple(frames), note, progress=0.3)

    def nearest(self) -> Step:
        items = tuple(Bar(shown(each.text), each.cosine) for each in self.found.nearest)
        note = Text(
            "余弦是 1 说明方向相同，是 0 说明互不相干。常见的邻居是同一个词的别种写法：大小写、复数、带不带空格。"
            "比如不带空格的 king 是另一个词元，也是 asking 的词尾。"
            "嵌入矩阵只认词元，不看上下文：一个词的意思，要到后面的层里才和上下文合到一起。",
            "A cosine of 1 is the same direction, 0 has nothing to do with it. Near ones are often the same word written "
            "otherwise: capitals, a plural, no space before it. King without its space, say, is another token, which also ends "
            "words such as asking. The matrix knows tokens only, not their context: that comes in with the layers.",
        )
        bars = Bars(items, Text(f"和 {self.name} 的余弦", f"Cosine with {self.name}"), high=1.0)
        return Step(Text("方向最近的词元", "The nearest tokens"), (bars,), note, progress=0.6 if self.is_sum else 1.0)

    def own(self) -> Step:
        """How near the sum is to the tokens it is made of, beside the nearest other one."""
        best = self.found.nearest[:1]
        items = [*(Bar(shown(each.text), each.cosine) for each in self.terms)]
        items += [Bar(shown(each.text), each.cosine, "chosen") for each in best]
        nearest = max((*self.terms, *best), key=lambda each: each.cosine)
        if nearest in best:
            verdict = Text(
                f"这一次，最近的 {shown(nearest.text)} 不是算式里的词元。",
                f"This time the nearest, {shown(nearest.text)}, is not one of the sum's own.",
            )
        else:
            verdict = Text(
                f"这一次，最近的其实是算式里自己的 {shown(nearest.text)}：加减几下，方向没怎么变。不把它们去掉，答案就是它。",
                f"This time the nearest is in truth {shown(nearest.text)}, one of the sum's own: adding and taking away hardly "
                "turned it. Were they not left out, it would be the answer.",
            )
        note = Text(
            "名单里照例去掉算式自己的词元，这里把它们和名单上的第一名（有 > 的）放在一起。" + verdict.zh,
            "By custom the tokens of the sum are left out of the list; here they stand beside the first of the list (the one "
            "with >). " + verdict.en,
        )
        bars = Bars(tuple(items), Text(f"和 {self.name} 的余弦", f"Cosine with {self.name}"), high=1.0)
        return Step(
            Text("诚实的一步：自己离自己多近", "To be honest: how near it is to its own parts"), (bars,), note, 1.0
        )
