"""The loaded model's embedding matrix: a row a token, and which rows point the same way.

Sums of word vectors are those of Mikolov, Yih and Zweig 2013, "Linguistic Regularities in Continuous Space Word
Representations"; that the words of the sum are left out of the answer, and what that hides, is in Rogers, Drozd and Li
2017, "The (too many) problems of analogical reasoning with word vectors".
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from tutor.decoding.lookup import (
    MAX_ROWS,
    NextWord,
    centred,
    cosines,
    mean_cosine,
    read_matrix,
    read_text,
    read_words,
    row_of,
)
from tutor.decoding.lookup_pictures import TOY, lookup_step, toy_steps
from tutor.decoding.token_pictures import shown
from tutor.decoding.token_sum import terms, written
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import ModelMissing
from tutor.domain.frames import Bar, Bars, Frame, Matrix, Table
from tutor.domain.language import Text
from tutor.domain.model import Model, Neighbour, Neighbours
from tutor.domain.plaintext import clean

TITLE = Text("词嵌入：一个词元是一行数", "Embeddings: a token is a row of numbers")
NEEDS_MODEL = True

# What the rows of the small example that comes before the model's matrix stand for.
EXAMPLE = ("0", "1", "2", "3", "4")

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
    Param(
        "matrix",
        "json",
        [],
        Text(
            "手写的小矩阵，JSON，每行一个词；空着就用模型的",
            "A small matrix by hand, JSON, a row a word; empty: the model's",
        ),
        low=0,
        high=MAX_ROWS,
    ),
    Param(
        "words",
        "text",
        "dog cat man bites tea",
        Text("小矩阵各行的词，用空格隔开", "What the small matrix's rows stand for, parted by spaces"),
        low=1,
        high=200,
    ),
    Param(
        "text",
        "text",
        "dog bites man",
        Text("小矩阵：读的一句话，从每个词猜下一个", "Small matrix: the text read; from each word the next is guessed"),
        low=1,
        high=400,
    ),
    Param("tied", "bool", False, Text("小矩阵：输入和输出共用它", "Small matrix: input and output share it")),
    Param("lr", "float", 1.0, Text("小矩阵：学习率", "Small matrix: the learning rate"), low=0, high=10),
    Param(
        "shift",
        "float",
        2.0,
        Text("小矩阵：给输出矩阵的每个数加多少", "Small matrix: what is added to every entry of the output matrix"),
        low=-100,
        high=100,
    ),
)


def needs_model(params: Params) -> bool:
    """Whether a run with `params` asks a model: not where a matrix is given by hand."""
    return not params["matrix"]


def steps(params: Params, model: Model | None = None) -> Steps:
    """Result: `shape` (vocabulary, width) of the matrix, `neighbours` (id, text, cosine; nearest first, the tokens of
    the sum left out), and `terms`, those tokens, with their own cosines with the sum.

    With a `matrix` by hand also: `rows` of the text and their `mean_row`; `lengths` and `cosines` of all rows and
    `mean_cosine`, `shifted_mean_cosine`, `centred_mean_cosine`, those of two different rows, as they are, with `shift`
    added to every entry, with the mean row taken off; `shifted_max_abs_diff` of the `probabilities` (a row a guess)
    when the output matrix is shifted. `input_gradient`, `output_gradient` of the `loss` (nats, mean over the guesses),
    the rows `touched` by the input matrix's gradient (with `tied` the sum of both), and `loss_after` one step.

    Raises UsageError for what is no sum, no token of the model or no such matrix, ModelMissing, and what the model
    raises.
    """
    if not needs_model(params):
        return (yield from _by_hand(params))
    if model is None:
        raise ModelMissing("This demo needs a model.")
    plus, minus = terms(params["token"])
    found = model.neighbours(plus, minus, top=params["k"])
    asked = _Asked(found)
    yield lookup_step(np.array(TOY), EXAMPLE, 2)
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


def _by_hand(params: Params) -> Steps:
    matrix = read_matrix(params["matrix"])
    words = read_words(params["words"], len(matrix))
    text = read_text(params["text"], words)
    plus, minus = ([row_of("token", word.strip(), words) for word in part] for part in terms(params["token"]))
    wanted = matrix[plus].sum(axis=0) - matrix[minus].sum(axis=0)
    near = cosines(np.vstack([wanted, matrix]))[0, 1:]
    model = NextWord(matrix, matrix, tuple(text))
    name = written([words[i] for i in plus], [words[i] for i in minus])
    yield from toy_steps(model, words, near, name, rate=params["lr"], shift=params["shift"], tied=params["tied"])

    asked = [*plus, *minus]
    others = [i for i in np.argsort(-near, kind="stable").tolist() if i not in asked]
    told = [{"id": i, "text": words[i], "cosine": float(near[i])} for i in range(len(words))]
    tied = params["tied"]
    gradient = model.input_gradient + (model.output_gradient if tied else 0)
    shifted = NextWord(matrix, matrix + params["shift"], tuple(text))
    return {
        "shape": list(matrix.shape),
        "neighbours": [told[i] for i in others[: params["k"]]],
        "terms": [told[i] for i in asked],
        "rows": matrix[text].tolist(),
        "mean_row": matrix[text].mean(axis=0).tolist(),
        "lengths": np.linalg.norm(matrix, axis=1).tolist(),
        "cosines": cosines(matrix).tolist(),
        "mean_cosine": mean_cosine(matrix),
        "shifted_mean_cosine": mean_cosine(shifted.outputs),
        "centred_mean_cosine": mean_cosine(centred(matrix)),
        "shifted_max_abs_diff": float(np.abs(shifted.probabilities - model.probabilities).max()),
        "probabilities": model.probabilities.tolist(),
        "input_gradient": model.input_gradient.tolist(),
        "output_gradient": model.output_gradient.tolist(),
        "touched": np.flatnonzero(np.abs(gradient).max(axis=1) > 0).tolist(),
        "loss": model.loss,
        "loss_after": model.step(params["lr"], tied=tied).loss,
    }


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
            "比如不带空格的 king 是另一个词元，用在文本开头，或当长词的一截：Qwen 把 trekking 切成 trek 和 king。"
            "嵌入矩阵只认词元，不看上下文：一个词的意思，要到后面的层里才和上下文合到一起。",
            "A cosine of 1 is the same direction, 0 is nothing in common. Near ones are often the same word written "
            "otherwise: capitals, a plural, no space before it. Without its space king, say, is another token, for the start of "
            "a text or a piece of a longer word: Qwen cuts trekking into trek and king. The matrix knows tokens only, not "
            "their context: that comes in with the layers.",
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
