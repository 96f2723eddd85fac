"""Cross-entropy, the loss of a language model: on a text, its surprise at each token; on logits, its gradient.

With `logits` the loss is taken of a toy, with label smoothing: the target is q = (1 - ε) one-hot + ε / K over the K
logits (Szegedy et al. 2016, arXiv:1512.00567, section 7), and the gradient with respect to the logits is softmax - q.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tutor.decoding.cross_entropy import MAX_LOGITS, CrossEntropy, Vector, read_logits, smoothed
from tutor.decoding.token_pictures import candidate_bars, name_of, piece_item
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.frames import Bar, Bars, Curve, Series, Table, TokenItem, Tokens
from tutor.domain.language import Text, same
from tutor.domain.model import Model, TokenPiece
from tutor.domain.plaintext import clean

TITLE = Text("损失：模型对每个词元有多惊讶", "Loss: how much each token surprises the model")
NEEDS_MODEL = True

# What a picture shows; the sums leave nothing out.
SHOWN_TOKENS = 120
SHOWN_BARS = 10
SHOWN_INSTEAD = 6
SHOWN_CONTEXT = 12
# A token of at least this probability was expected, one below that is a surprise.
EXPECTED, SURPRISING = 0.5, 0.01
STEP_SIZE = 1.0
SHOWN_STEPS = 20

PARAMS = (
    Param(
        "text",
        "text",
        "The capital of France is Paris. The capital of Japan is Banana.",
        Text("让模型读的文本，至少两个词元", "The text the model reads; at least two tokens"),
        low=1,
        high=4000,
    ),
    Param(
        "logits",
        "json",
        [],
        Text(
            "不用模型：[2, 1, 0.1]，或 [[词元, logit], ...]",
            "Without a model: [2, 1, 0.1] or [[token, logit], ...]",
        ),
        low=0,
        high=MAX_LOGITS,
    ),
    Param(
        "target",
        "int",
        0,
        Text("正确答案是第几个 logit，从 0 数起", "Which of the logits is the right answer, counted from 0"),
        low=0,
        high=MAX_LOGITS - 1,
    ),
    Param(
        "label_smoothing",
        "float",
        0.0,
        Text("从正确答案匀给所有答案的份额 ε", "The share ε taken from the right answer and spread over all"),
        low=0,
        high=1,
    ),
)


def needs_model(params: Params) -> bool:
    """Whether a run with `params` asks a model: one with `logits` brings its own."""
    return not params.get("logits")


def steps(params: Params, model: Model | None = None) -> Steps:
    """Result on a text: `ids`, `tokens` (texts), `token_nll` (nats; that of token i + 1, for the first has none),
    `mean_nll`, `mean_bits`, `perplexity`, and `most_surprising`, the index of a token.

    Result on `logits`: `probabilities`, `target_distribution` (q), `loss` (nats), `gradient`, `least_loss` (what no
    logits go below: the entropy of q), and `logits_after`, `loss_after` one step against the gradient later.

    Raises UsageError for logits that are none, ModelMissing without either, and what the model raises.
    """
    if not needs_model(params):
        names, logits = read_logits(params["logits"])
        toy = _Toy(names, logits, params["target"], params["label_smoothing"])
        yield from toy.steps()
        return toy.result()
    if model is None:
        raise ModelMissing("This demo needs a model.", hint="Give it `logits` to run on a toy.")
    return (yield from _Reading(params["text"], model).steps())


# A text: the model reads it token by token.


class _Reading:
    """A text, its tokens and the surprise at each but the first."""

    def __init__(self, text: str, model: Model) -> None:
        self.text = text
        self.model = model

    def steps(self) -> Steps:
        pieces = self.model.tokenize(self.text)
        yield self._opening(pieces)
        self.score = score = self.model.score(self.text)
        # Some models were trained to see a token of their own before any text.
        self.pieces = pieces if len(pieces) == len(score.ids) else self.model.tokenize(self.text, bos=True)
        self.place = 1 + int(np.argmax(score.nll))
        yield self._coloured()
        yield self._most_surprising()
        yield self._instead()
        yield self._mean()
        return {
            "ids": list(score.ids),
            "tokens": [clean(piece.text) for piece in self.pieces],
            "token_nll": list(score.nll),
            "mean_nll": score.mean_nll,
            "mean_bits": score.mean_nll / math.log(2),
            "perplexity": score.perplexity,
            "most_surprising": self.place,
        }

    def _opening(self, pieces: tuple[TokenPiece, ...]) -> Step:
        note = Text(
            "模型从左往右读。每读到一个词元之前，它已经给词表里的每个词元都分了概率；损失就看真正出现的那个分到多少。",
            "The model reads from left to right. Before each token it has given a probability to every token of its "
            "vocabulary; the loss asks how much the one that really came was given.",
        )
        frame = Tokens(tuple(map(piece_item, pieces[:SHOWN_TOKENS])), Text("文本的词元", "The tokens of the text"))
        return Step(Text("模型要读的文本", "The text"), (frame,), note, progress=0.0)

    def _coloured(self) -> Step:
        items = [_item(self.pieces[0], note="-")]
        items += [
            _item(piece, _surprise_mark(nll), f"{nll:.2f}")
            for piece, nll in zip(self.pieces[1:SHOWN_TOKENS], self.score.nll, strict=False)
        ]
        cut = len(self.pieces) - SHOWN_TOKENS
        note = Text(
            "每个词元下面是它的惊讶度 −ln P，单位是奈特：P = 1 时是 0，P = 0.5 时是 0.69，P = 0.01 时是 4.61。"
            "✓ 是模型料到的（P 不小于 0.5），✗ 是它没料到的（P 小于 0.01）。第一个词元前面什么也没有，所以没有惊讶度。"
            + (f"后面还有 {cut} 个词元没画出来，算的时候都在。" if cut > 0 else ""),
            "Below each token stands its surprise −ln P, in nats: 0 for P = 1, 0.69 for P = 0.5, 4.61 for P = 0.01. "
            "✓ was expected (P of at least 0.5), ✗ was not (P below 0.01). Nothing stands before the first token, "
            "so it has none." + (f" {cut} more tokens are not drawn; the sums have them all." if cut > 0 else ""),
        )
        frame = Tokens(tuple(items), Text("惊讶度（奈特）", "Surprise (nats)"))
        return Step(Text("每个词元的惊讶度", "The surprise at each token"), (frame,), note, progress=0.25)

    def _most_surprising(self) -> Step:
        order = sorted(range(1, len(self.pieces)), key=lambda i: -self.score.nll[i - 1])[:SHOWN_BARS]
        rows = tuple(self._bar(i) for i in order)
        share = self.score.nll[self.place - 1] / math.fsum(self.score.nll) if any(self.score.nll) else 0.0
        note = Text(
            f"最出乎意料的是第 {self.place + 1} 个词元 {name_of(self.pieces[self.place])}：它一个就占了总惊讶度的 {share:.0%}。"
            "训练时，这样的地方给出的梯度最大。",
            f"The least expected is token {self.place + 1}, {name_of(self.pieces[self.place])}: it alone makes up "
            f"{share:.0%} of all the surprise. In training, places like this give the largest gradient.",
        )
        label = Text("最大的惊讶度，前面是词元的位置", "The largest surprises, by the token's place")
        title = Text("哪里最出乎意料", "Where it was surprised most")
        return Step(title, (Bars(rows, label, "nats"),), note, progress=0.5)

    def _bar(self, place: int) -> Bar:
        nll = self.score.nll[place - 1]
        mark = "chosen" if place == self.place else ""
        return Bar(f"{place + 1} {name_of(self.pieces[place])}", nll, mark, f"P = {_probability(nll)}")

    def _instead(self) -> Step:
        place = self.place
        expected = self.model.next(self.score.ids[:place], top=SHOWN_INSTEAD)
        actual, nll = self.pieces[place], self.score.nll[place - 1]
        context = [_item(piece) for piece in self.pieces[max(0, place - SHOWN_CONTEXT) : place]]
        before = Tokens((*context, _item(actual, _surprise_mark(nll) or "new")), Text("读到这里", "Up to here"))
        note = Text(
            f"读到这里，模型最看好 {name_of(expected.top[0])}（P = {math.exp(expected.top[0].logprob):.3f}）。"
            f"真正出现的是 {name_of(actual)}，P = {_probability(nll)}，所以惊讶度是 {nll:.2f} 奈特。",
            f"Having read this far, the model favours {name_of(expected.top[0])} "
            f"(P = {math.exp(expected.top[0].logprob):.3f}). What came is {name_of(actual)}, P = {_probability(nll)}, "
            f"hence a surprise of {nll:.2f} nats.",
        )
        label = Text("模型在这里料想的下一个词元", "What the model expected here")
        frame = candidate_bars(expected.top, label, chosen=actual.id)
        return Step(Text("它本来料想什么", "What it expected instead"), (before, frame), note, progress=0.75)

    def _mean(self) -> Step:
        score = self.score
        nlls = np.array(score.nll)
        running = np.cumsum(nlls) / np.arange(1, len(nlls) + 1)
        places = tuple(float(i + 2) for i in range(len(nlls)))
        curve = Curve(
            (
                Series(Text("每个词元", "each token"), places, tuple(nlls.tolist())),
                Series(Text("到此为止的平均", "mean so far"), places, tuple(running.tolist())),
            ),
            Text("惊讶度，从左到右", "Surprise, from left to right"),
            Text("词元的位置", "Token"),
            Text("奈特", "nats"),
        )
        uniform, bits = math.log(self.model.info().vocabulary), score.mean_nll / math.log(2)
        table = Table(
            (
                Text("平均 −ln P（奈特）", "Mean −ln P (nats)"),
                Text("−log₂ P（比特）", "−log₂ P (bits)"),
                Text("困惑度 e^平均", "Perplexity e^mean"),
                Text("乱猜：ln V", "Blind guess: ln V"),
            ),
            ((f"{score.mean_nll:.4f}", f"{bits:.4f}", f"{score.perplexity:,.2f}", f"{uniform:.4f}"),),
        )
        note = Text(
            f"损失就是平均惊讶度：{score.mean_nll:.3f} 奈特。困惑度 {score.perplexity:,.1f} 的意思是：平均起来，"
            f"模型就像每次要在 {score.perplexity:,.1f} 个同样可能的词元里猜一个。在词表里乱猜的损失是 ln V = {uniform:.2f}。",
            f"The loss is the mean surprise: {score.mean_nll:.3f} nats. A perplexity of {score.perplexity:,.1f} says: "
            f"on average the model is as unsure as if it had to pick among {score.perplexity:,.1f} equally likely "
            f"tokens. Guessing blindly over the vocabulary would cost ln V = {uniform:.2f}.",
        )
        return Step(Text("平均下来：损失和困惑度", "The mean: loss and perplexity"), (table, curve), note, progress=1.0)


def _item(piece: TokenPiece, mark: str = "", note: str = "") -> TokenItem:
    """Without its id: one row of numbers below a text is enough."""
    return replace(piece_item(piece, mark, note), id=None)


def _surprise_mark(nll: float) -> str:
    if nll <= -math.log(EXPECTED):
        return "good"
    return "bad" if nll > -math.log(SURPRISING) else ""


def _probability(nll: float) -> str:
    probability = math.exp(-nll)
    return f"{probability:.4f}" if probability >= 0.001 else f"{probability:.1e}"


# A toy: logits, and the answer that would have been right.


class _Toy:
    """The answers by `names`, which of them is right, the share of it spread over all, and their loss."""

    def __init__(self, names: list[str], logits: Vector, target: int, smoothing: float) -> None:
        if target >= len(names):
            raise UsageError(
                "`target` must be from 0 to {high} for {count} logits, not {given}.",
                high=len(names) - 1,
                count=len(names),
                given=target,
            )
        self.names, self.target, self.smoothing = names, target, smoothing
        self.now = CrossEntropy(logits, smoothed(len(names), target, smoothing))
        self.after = self.now.step(STEP_SIZE)

    def result(self) -> dict[str, Any]:
        return {
            "probabilities": self.now.probabilities.tolist(),
            "target_distribution": self.now.wanted.tolist(),
            "loss": self.now.loss,
            "gradient": self.now.gradient.tolist(),
            "least_loss": self.now.least_loss,
            "logits_after": self.after.logits.tolist(),
            "loss_after": self.after.loss,
        }

    def steps(self) -> Iterator[Step]:
        right = self.names[self.target]
        p = float(self.now.probabilities[self.target])
        yield Step(
            Text("模型给出的 logit", "The logits"),
            (self._bars(self.now.logits, same("logit")),),
            Text(
                f"logit 是模型给每个答案的分数，可正可负。这里正确答案是 {right}。",
                f"A logit is the model's score for an answer; it may be negative. The right answer here is {right}.",
            ),
            progress=0.0,
        )
        softmax = Text("概率 = e^logit ÷ 所有 e^logit 之和", "Probability = e^logit ÷ the sum of all e^logit")
        yield Step(
            Text("softmax：从分数到概率", "Softmax: from scores to probabilities"),
            (self._bars(self.now.probabilities, softmax, 1.0),),
            Text(
                f"概率都是正的，加起来是 1。正确答案得到 P = {p:.4f}。",
                f"Probabilities are positive and sum to 1. The right answer gets P = {p:.4f}.",
            ),
            progress=0.25,
        )
        yield Step(Text("损失", "The loss"), (self._terms(), _surprise_curve(p)), self._loss_note(p), progress=0.5)
        yield Step(
            Text("梯度：每个 logit 该往哪边动", "The gradient: which way each logit should move"),
            (self._bars(self.now.gradient, Text("P − 目标 q", "P − target q")),),
            Text(
                "梯度就是概率减目标，加起来是 0。负的 logit 该升，正的该降；差得越多，推得越狠；概率等于目标时是 0。",
                "The gradient is the probability less the target, and sums to 0. Where it is negative the logit should "
                "rise, where positive fall; the larger the gap, the harder the push.",
            ),
            progress=0.75,
        )
        yield self._nudge()

    def _bars(self, values: Vector, label: Text, high: float | None = None) -> Bars:
        items = (
            Bar(name, value, "chosen" if i == self.target else "")
            for i, (name, value) in enumerate(zip(self.names, values.tolist(), strict=True))
        )
        return Bars(tuple(items), label, high=high)

    def _table(self, columns: tuple[Text, ...], *values: Vector) -> Table:
        rows = tuple(
            (name, *(f"{value:.4f}" for value in row))
            for name, row in zip(self.names, np.stack(values, axis=1).tolist(), strict=True)
        )
        marks = tuple("chosen" if i == self.target else "" for i in range(len(rows)))
        return Table((Text("答案", "Answer"), *columns), rows, marks=marks)

    def _terms(self) -> Table:
        columns = (Text("目标 q", "Target q"), same("P"), same("−ln P"), same("q × −ln P"))
        surprise = np.abs(self.now.logprobs)
        return self._table(columns, self.now.wanted, self.now.probabilities, surprise, self.now.wanted * surprise)

    def _loss_note(self, p: float) -> Text:
        loss = self.now.loss
        if not self.smoothing:
            return Text(
                f"目标全在正确答案上，所以损失就是 −ln {p:.4f} = {loss:.4f} 奈特。"
                "P 接近 1 时损失接近 0；P 减半，损失加 0.69；P 趋于 0，损失没有上限。",
                f"All of the target lies on the right answer, so the loss is −ln {p:.4f} = {loss:.4f} nats. It nears 0 "
                "as P nears 1, grows by 0.69 whenever P halves, and has no limit as P nears 0.",
            )
        spread, least = self.smoothing / len(self.names), self.now.least_loss
        unsmoothed = abs(float(self.now.logprobs[self.target]))
        return Text(
            f"标签平滑 ε = {self.smoothing:g}：每个答案都分到 ε/K = {spread:.4f}，其余留给正确答案。"
            f"损失是最后一列的和，{loss:.4f} 奈特；不平滑是 {unsmoothed:.4f}。"
            f"它再也降不到 0：最低是目标自己的熵 {least:.4f}，所以没有理由把 logit 推到无穷大。",
            f"Label smoothing ε = {self.smoothing:g}: every answer gets ε/K = {spread:.4f}, the right one the rest as "
            f"well. The loss is the sum of the last column, {loss:.4f} nats; without smoothing {unsmoothed:.4f}. It can "
            f"no longer reach 0: the least is the target's own entropy, {least:.4f}, so nothing is gained by pushing "
            "logits to infinity.",
        )

    def _nudge(self) -> Step:
        after = Text("一步之后", "after")
        table = self._table(
            (same("logit"), after, same("P"), after),
            self.now.logits,
            self.after.logits,
            self.now.probabilities,
            self.after.probabilities,
        )
        path = [self.now]
        for _ in range(SHOWN_STEPS):
            path.append(path[-1].step(STEP_SIZE))
        places = tuple(map(float, range(len(path))))
        curve = Curve(
            (
                Series(Text("损失", "loss"), places, tuple(each.loss for each in path)),
                Series(Text("最低能到", "least possible"), (0.0, places[-1]), (self.now.least_loss,) * 2),
            ),
            Text(f"再走下去，到第 {SHOWN_STEPS} 步", f"Going on to step {SHOWN_STEPS}"),
            Text("步", "Step"),
            Text("奈特", "nats"),
        )
        note = Text(
            f"每个 logit 减去自己的梯度（步长 {STEP_SIZE:g}），损失从 {self.now.loss:.4f} 变成 {self.after.loss:.4f}。"
            "真正的训练不直接改 logit，而是让梯度继续往回传，改产生它们的权重。",
            f"Each logit less its gradient (a step of size {STEP_SIZE:g}): the loss goes from {self.now.loss:.4f} to "
            f"{self.after.loss:.4f}. Training does not change the logits themselves: the gradient is passed on backwards "
            "to the weights that made them.",
        )
        title = Text("逆着梯度走一步", "One step against the gradient")
        return Step(title, (table, curve), note, progress=1.0)


def _surprise_curve(p: float) -> Curve:
    xs = [i / 40 for i in range(1, 41)]
    here = Series(Text("正确答案在这里", "the right answer"), (p,), (-math.log(p),) if p > 0 else ())
    return Curve(
        (Series(same("−ln P"), tuple(xs), tuple(-math.log(x) for x in xs)), here),
        Text("概率越小，惊讶度涨得越快", "The smaller the probability, the steeper the surprise"),
        same("P"),
        Text("奈特", "nats"),
    )
