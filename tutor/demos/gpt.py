"""The logit lens: what the loaded model would say after each of its layers.

The hidden state of the last token, after every layer, is put through the model's final norm and output matrix as if
it were the last: nostalgebraist 2020, "interpreting GPT: the logit lens".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tutor.decoding.token_pictures import candidate_bars, name_of, piece_item, plain_candidate
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import ModelMissing
from tutor.domain.frames import Curve, Series, Table, Tokens
from tutor.domain.language import Text
from tutor.domain.model import Distribution, Lens, LensLayer, Model, TokenPiece

TITLE = Text("GPT：每过一层，模型会说什么", "GPT: what the model would say after each layer")
NEEDS_MODEL = True

SHOWN_TOKENS = 60
# A step a part of the depth, and the best few tokens of each layer.
PARTS = 4
SHOWN_BEST = 3

PARAMS = (
    Param(
        "text",
        "text",
        "The capital of France is",
        Text("让模型续写的文本", "The text to go on from"),
        low=1,
        high=4000,
    ),
    Param("k", "int", 5, Text("每层取最可能的几个词元", "How many tokens of each layer, best first"), low=1, high=50),
)


def steps(params: Params, model: Model | None = None) -> Steps:
    """Result: `layers` (for each layer its k most likely next tokens, best first: id, text, probability, logprob),
    `final` (the model's own k), `final_probability` and `final_rank` (of the model's own first choice after each layer,
    ranks from 0), `entropies` (nats, by layer), `first_layer` and `settled_layer` (from 0: where that choice first is
    the best, and from where on it stays so).

    Raises ModelMissing and what the model raises.
    """
    if model is None:
        raise ModelMissing("This demo needs a model.")
    text, k = params["text"], params["k"]
    yield _opening(model.tokenize(text))
    own = model.next(text, top=k)
    lens = model.lens(text, top=k)
    journey = _Journey(lens, own)
    yield from journey.steps()
    return journey.result()


def _opening(pieces: tuple[TokenPiece, ...]) -> Step:
    note = Text(
        "GPT 只做一件事：读完前面，给每个可能的下一个词元一个概率。词元的向量一层一层往上走，每层只改一点。"
        "我们在每一层之后都借用模型最后的那一步（归一化和输出矩阵），看它如果停在这里会说什么。",
        "A GPT does one thing: having read what came before, it gives a probability to every token that may come next. "
        "The last token's vector rises layer by layer, and each changes it a little. After every layer we borrow the "
        "model's very last step (its final norm and output matrix) and see what it would say if it stopped there.",
    )
    frame = Tokens(tuple(map(piece_item, pieces[-SHOWN_TOKENS:])), Text("提示", "Prompt"))
    return Step(Text("提示", "The prompt"), (frame,), note, progress=0.0)


class _Journey:
    """The answer as it forms from layer to layer. `own` is what the model says when it is simply asked."""

    def __init__(self, lens: Lens, own: Distribution) -> None:
        self.layers = lens.layers
        self.own = own
        self.answer = name_of(lens.final[0])
        ranks = [layer.rank for layer in self.layers]
        self.first = ranks.index(0) if 0 in ranks else None
        wrong = [place for place, rank in enumerate(ranks) if rank]
        self.settled = wrong[-1] + 1 if wrong else 0

    def result(self) -> dict[str, Any]:
        return {
            "layers": [[plain_candidate(each) for each in layer.top] for layer in self.layers],
            "final": [plain_candidate(each) for each in self.own.top],
            "final_probability": [layer.probability for layer in self.layers],
            "final_rank": [layer.rank for layer in self.layers],
            "entropies": [layer.entropy for layer in self.layers],
            "first_layer": self.first,
            "settled_layer": self.settled if self.settled < len(self.layers) else None,
        }

    def steps(self) -> Iterator[Step]:
        size = math.ceil(len(self.layers) / PARTS)
        for begin in range(0, len(self.layers), size):
            yield self._part(begin, min(begin + size, len(self.layers)))
        yield self._curves()
        yield self._own()

    def _part(self, begin: int, end: int) -> Step:
        columns = (
            Text("层", "Layer"),
            *(Text(f"第 {i + 1} 名", f"Choice {i + 1}") for i in range(SHOWN_BEST)),
            Text(f"{self.answer} 的名次", f"Rank of {self.answer}"),
            Text("概率", "its P"),
        )
        rows = tuple(_row(layer) for layer in self.layers[begin:end])
        marks = tuple("good" if layer.rank == 0 else "" for layer in self.layers[begin:end])
        title = Text(f"第 {begin} 到 {end - 1} 层", f"Layers {begin} to {end - 1}")
        note = self._part_note(begin, end)
        return Step(title, (Table(columns, rows, marks=marks),), note, progress=0.8 * end / len(self.layers))

    def _part_note(self, begin: int, end: int) -> Text:
        right = any(layer.rank == 0 for layer in self.layers[begin:end])
        if right:
            return Text(
                f"有 ✓ 的行：最终的答案 {self.answer} 已经排在第一。",
                f"The rows with ✓: there the final answer, {self.answer}, is first already.",
            )
        best = min(layer.rank for layer in self.layers[begin:end]) + 1
        place = Text(
            f"最终的答案 {self.answer} 在这几层里最好排到第 {best:,}。",
            f"In these layers the final answer, {self.answer}, comes to place {best:,} at best.",
        )
        if begin:
            return place
        early = Text(
            "前几层的词常常和上文没什么关系：最后一步是为最后一层学的，这里只是借用。",
            "The words of the first layers often have little to do with the text: the last step was learnt for the last "
            "layer and is only borrowed here. ",
        )
        return Text(early.zh + place.zh, early.en + place.en)

    def _curves(self) -> Step:
        places = tuple(float(layer.layer) for layer in self.layers)
        probability = Curve(
            (Series(Text(f"{self.answer} 的概率", f"probability of {self.answer}"), places, self._probabilities),),
            Text("最终答案的概率，一层一层", "The final answer's probability, layer by layer"),
            Text("层", "Layer"),
            Text("概率", "P"),
        )
        rank = Curve(
            (Series(Text("名次", "rank"), places, tuple(float(layer.rank + 1) for layer in self.layers)),),
            Text("它的名次（1 是第一）", "Its place (1 is first)"),
            Text("层", "Layer"),
            Text("名次，对数刻度", "place, logarithmic"),
            log_y=True,
        )
        note = self._when()
        return Step(Text("答案是在哪里形成的", "Where the answer forms"), (probability, rank), note, progress=0.9)

    @property
    def _probabilities(self) -> tuple[float, ...]:
        return tuple(layer.probability for layer in self.layers)

    def _when(self) -> Text:
        last = len(self.layers) - 1
        if self.first is None:
            return Text(
                f"{self.answer} 在哪一层都没有排到第一。",
                f"{self.answer} is first after none of the layers.",
            )
        if self.first == last:
            return Text(
                f"{self.answer} 到最后一层（第 {last} 层）之后才排到第一。",
                f"Only after the last layer, {last}, is {self.answer} first.",
            )
        first = Text(
            f"{self.answer} 在第 {self.first} 层之后第一次排到第一（共 {last + 1} 层，最后是第 {last} 层）。",
            f"{self.answer} is first for the first time after layer {self.first} (of {last + 1}; the last is {last}).",
        )
        stays = Text(
            f"从第 {self.settled} 层起一直是第一。" if self.settled > self.first else "此后一直是第一。",
            f" From layer {self.settled} on it stays first."
            if self.settled > self.first
            else " It stays first from there.",
        )
        return Text(first.zh + stays.zh, first.en + stays.en)

    def _own(self) -> Step:
        label = Text("模型自己的回答", "The model's own answer")
        lens = Text("透过最后一层看到的", "What the lens shows after the last layer")
        note = Text(
            "最后一层之后，透镜看到的就是模型自己的回答：同样的词元，同样的概率（只差计算时的舍入）。训练时，"
            "就是这里的概率和真正的下一个词元相比，算出损失。",
            "After the last layer the lens shows the model's own answer: the same tokens with the same probabilities, up "
            "to rounding. In training, these are compared with the token that really comes next: that is the loss.",
        )
        frames = (
            candidate_bars(self.own.top, label, chosen=self.own.top[0].id),
            candidate_bars(self.layers[-1].top, lens),
        )
        return Step(Text("最后一层就是回答", "The last layer is the answer"), frames, note, progress=1.0)


def _row(layer: LensLayer) -> tuple[str, ...]:
    best = [f"{name_of(each)} {math.exp(each.logprob):.2f}" for each in layer.top[:SHOWN_BEST]]
    best += [""] * (SHOWN_BEST - len(best))
    return (str(layer.layer), *best, f"{layer.rank + 1:,}", f"{layer.probability:.4f}")
