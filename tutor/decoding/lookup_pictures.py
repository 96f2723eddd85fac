"""A small embedding matrix as pictures: a row looked up, rows compared, gradients, and a shift that nobody notices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tutor.decoding.lookup import Matrix, NextWord, centred, cosines, mean_cosine
from tutor.domain.demo import Step
from tutor.domain.frames import Bar, Bars, Table
from tutor.domain.frames import Matrix as Grid
from tutor.domain.language import Text

TOY = ((1.0, 1.0, 0.5), (1.0, 0.5, 1.0), (0.5, 1.0, -1.0), (-1.0, 0.5, 1.0), (0.0, 0.0, 1.5))


def cells(values: Matrix) -> tuple[tuple[float, ...], ...]:
    """`values`, a matrix or one row, as a frame holds them."""
    return tuple(tuple(map(float, row)) for row in np.atleast_2d(values))


def lookup_step(matrix: Matrix, words: Sequence[str], row: int) -> Step:
    """The row of a word, as a product with a one-hot row."""
    one_hot = np.eye(len(matrix))[row]
    width = matrix.shape[1]
    marks = tuple(("chosen" if i == row else "",) * width for i in range(len(matrix)))
    shown: tuple[Grid, ...] = (
        Grid(
            (tuple(map(float, one_hot)),),
            (),
            tuple(words),
            Text(f"第 {row} 个词元：除它以外都是 0", f"Token {row}: 0 but for its own place"),
            digits=0,
        ),
        Grid(
            cells(matrix),
            tuple(words),
            (),
            Text("乘以：一张小小的嵌入矩阵", "times a small embedding matrix"),
            digits=1,
            marks=marks,
        ),
        Grid(cells(matrix[row]), (), (), Text(f"等于：第 {row} 行", f"equals its row {row}"), digits=1),
    )
    note = Text(
        "先看一个手写的小例子。把词元写成一行，只有自己的位置是 1，再乘以矩阵，得到的正好是矩阵的那一行。"
        "所以谁也不真的去乘：直接取出那一行就行。这就是嵌入查表。",
        "First an example written by hand. A token written as a row that is 1 at its own place and 0 elsewhere, times the "
        "matrix, gives exactly one row of it. So nobody multiplies: the row is simply picked out. That is the lookup.",
    )
    return Step(Text("查表：取出一行", "The lookup: picking out a row"), shown, note, progress=0.0)


def toy_steps(
    model: NextWord, words: Sequence[str], near: Matrix, name: str, *, rate: float, shift: float, tied: bool
) -> Iterator[Step]:
    """From the lookup to the shift; `near` (rows) are the cosines with the sum called `name`."""
    yield lookup_step(model.inputs, words, model.text[0])
    yield _text(model, words)
    yield _compared(model.inputs, words)
    yield _nearest(words, near, name)
    yield _gradients(model, words, tied=tied)
    yield _after(model, rate, words, tied=tied)
    yield _shifted(model, shift)


def _text(model: NextWord, words: Sequence[str]) -> Step:
    rows = model.inputs[list(model.text)]
    said = [words[i] for i in model.text]
    shown = (
        Grid(cells(rows), tuple(said), (), Text("一句话：每个词元一行", "A text: a row for each token"), digits=2),
        Grid(cells(rows.mean(axis=0)), (), (), Text("各行的平均", "the mean of the rows"), digits=3),
        Grid(cells(rows[::-1].mean(axis=0)), (), (), Text("倒着念，各行的平均", "the mean, read backwards"), digits=3),
    )
    note = Text(
        "同一个词元，在哪里都是同一行。把各行平均，整句话也成了一个向量；可是加法不管先后，倒着念平均还是那么多。",
        "A token has the same row wherever it stands. Averaging makes one vector of the whole text; but a sum has no order, "
        "and read backwards the mean is the same.",
    )
    return Step(Text("一句话", "A whole text"), shown, note, progress=0.15)


def _compared(matrix: Matrix, words: Sequence[str]) -> Step:
    label = Text("两行之间的余弦", "Cosine of two rows")
    table = Grid(cells(cosines(matrix)), tuple(words), tuple(words), label, low=-1.0, high=1.0)
    note = Text(
        f"余弦 = 点积 ÷ 长度之积。对角线是自己对自己，总是 1。不同的两行平均是 {mean_cosine(matrix):.3f}。",
        "Cosine: the dot product over the product of the lengths. On the diagonal each row meets itself: 1. Two different "
        f"rows have {mean_cosine(matrix):.3f} on average.",
    )
    return Step(Text("谁和谁同向", "Which point the same way"), (table,), note, progress=0.3)


def _nearest(words: Sequence[str], near: Matrix, name: str) -> Step:
    bars = tuple(Bar(words[i], float(near[i])) for i in np.argsort(-near, kind="stable"))
    note = Text(
        "从近到远。负数说明方向大致相反。算式里自己的词元也列在这里。",
        "From near to far. Below 0 the directions are more or less opposite. The sum's own tokens are listed too.",
    )
    label = Text(f"和 {name} 的余弦", f"Cosine with {name}")
    return Step(Text("最近的行", "The nearest rows"), (Bars(bars, label, high=1.0),), note, progress=0.45)


def _gradients(model: NextWord, words: Sequence[str], *, tied: bool) -> Step:
    shown = (
        Grid(
            cells(model.input_gradient),
            tuple(words),
            (),
            Text("输入矩阵的梯度", "Gradient of the input matrix"),
            digits=3,
        ),
        Grid(
            cells(model.output_gradient),
            tuple(words),
            (),
            Text("输出矩阵的梯度", "Gradient of the output matrix"),
            digits=3,
        ),
    )
    read = ", ".join(words[i] for i in sorted(set(model.text[:-1])))
    together = (
        Text(
            "两个矩阵绑在一起，梯度就是两张表之和。",
            "The two matrices are tied, so the gradient is the sum of both tables.",
        )
        if tied
        else Text("现在两个矩阵是分开的。", "Here the two matrices are apart.")
    )
    note = Text(
        f"最小的语言模型：查到的行与输出矩阵的每一行点乘，得到下一个词元的 logits。输入这边只有读到的词元（{read}）有梯度，"
        f"其余的行是 0。输出这边每行都有：softmax 给谁都留了一点概率。{together.zh}",
        "The smallest language model: the row looked up, times each row of the output matrix, makes the logits of the next "
        f"token. On the input side only the tokens that were read ({read}) get a gradient; the other rows have 0. On the "
        f"output side every row has one, as softmax leaves everyone some probability. {together.en}",
    )
    return Step(Text("学习：哪些行有梯度", "Learning: which rows get a gradient"), shown, note, progress=0.6)


def _after(model: NextWord, rate: float, words: Sequence[str], *, tied: bool) -> Step:
    later = model.step(rate, tied=tied)
    moved = np.linalg.norm(later.inputs - model.inputs, axis=1)
    columns = (
        Text("读到", "read"),
        Text("接着是", "followed by"),
        Text("概率，之前", "probability before"),
        Text("之后", "after"),
    )
    rows = tuple(
        (words[a], words[b], f"{model.probabilities[i, b]:.3f}", f"{later.probabilities[i, b]:.3f}")
        for i, (a, b) in enumerate(zip(model.text[:-1], model.text[1:], strict=True))
    )
    shown = (
        Table(columns, rows),
        Bars(
            tuple(Bar(word, float(distance)) for word, distance in zip(words, moved, strict=True)),
            Text("输入矩阵的每一行动了多远", "How far each row of the input matrix moved"),
        ),
    )
    note = Text(
        f"学习率 {rate:g}，走一步：损失从 {model.loss:.3f} 到 {later.loss:.3f} 奈特。没人规定哪个数表示什么，行自己挪到了好猜的地方。",
        f"One step with a learning rate of {rate:g}: the loss goes from {model.loss:.3f} to {later.loss:.3f} nats. Nobody "
        "said what a number should mean; the rows moved to where the next token is easier to guess.",
    )
    return Step(Text("走一步", "One step"), shown, note, progress=0.8)


def _shifted(model: NextWord, shift: float) -> Step:
    moved = NextWord(model.inputs, model.outputs + shift, model.text)
    change = float(np.abs(moved.probabilities - model.probabilities).max())
    columns = (
        Text("原来", "as it is"),
        Text(f"每个数加 {shift:g}", f"every entry + {shift:g}"),
        Text("再减去平均行", "then the mean row taken off"),
    )
    means = (mean_cosine(each) for each in (model.outputs, moved.outputs, centred(moved.outputs)))
    table = Table(columns, (tuple(f"{mean:.3f}" for mean in means),), Text("两行的平均余弦", "Mean cosine of two rows"))
    note = Text(
        f"给输出矩阵的每一行加上同一个向量，每个 logit 都多出同样的数，softmax 不变：概率最多差 {change:.1g}。"
        "可是余弦全变了。模型不在乎的事，余弦却看得见，所以余弦的高低要和平均水平比着看。",
        "Adding one vector to every row of the output matrix raises all logits alike, and softmax stays as it was: the "
        f"probabilities differ by {change:.1g} at most. The cosines have all changed. They show what the model does not care "
        "about, so a cosine is read against the average one.",
    )
    return Step(Text("余弦有多可信", "How far to trust a cosine"), (table,), note, progress=1.0)
