"""One question of each kind, for the tests of grading and of sittings."""

from __future__ import annotations

from tutor.domain.language import Text
from tutor.domain.quiz import Choice, Multi, Number, Option, Order, Predict, Question, Spans, TextAnswer


def _common(id: str) -> dict[str, object]:
    return {"id": id, "section": f"s-{id}", "prompt": Text("问题", "Question"), "explain": Text("解释", "Explained")}


def option(zh: str, en: str, *, correct: bool = False) -> Option:
    return Option(Text(zh, en), Text(f"为何{zh}", f"why {en}"), correct)


CHOICE = Choice(
    **_common("choice"),
    hint=Text("提示", "A hint"),
    options=(option("字节", "bytes"), option("词元", "tokens", correct=True), option("字符", "characters")),
)
MULTI = Multi(
    **_common("multi"),
    options=(
        option("查询", "query", correct=True),
        option("偏置", "bias"),
        option("键", "key", correct=True),
        option("值", "value", correct=True),
    ),
)
NUMBER = Number(**_common("number"), answer=1_000_000, tolerance=0.01, relative=True)
MEMORY = Number(**_common("memory"), answer=14.0, tolerance=0.005, relative=True, unit="GB")
VARIED = Number(
    id="varied",
    section="s-varied",
    prompt=Text("{heads} 头，每头 {width} 维，共几维？", "{heads} heads of {width}: how wide?"),
    explain=Text("{heads} × {width} = {answer}", "{heads} × {width} = {answer}"),
    hint=Text("乘以 {width}", "times {width}"),
    answer="heads * width",
    vary={"heads": [8, 12, 16, 32], "width": [64, 80, 128]},
)
TEXT = TextAnswer(**_common("text"), accept=("byte-pair encoding", "BPE", "字节对编码"))
ORDER = Order(**_common("order"), items=(Text("切分", "split"), Text("计数", "count"), Text("合并", "merge")))
PREDICT = Predict(**_common("predict"), demo="tokenizer", field="merges[0]")
PREDICT_NUMBER = Predict(**_common("predict-number"), demo="decoding", field="entropy", tolerance=0.05, unit="nats")
PREDICT_OPTIONS = Predict(
    **_common("predict-options"),
    demo="decoding",
    field="text",
    options=(option("巴黎", " Paris"), option("伦敦", " London"), option("罗马", " Rome")),
)
SPANS = Spans(**_common("spans"), text="unbelievable", tokenizer="model")

# question -> what its demo or tokenizer gives
EXPECTED: dict[str, object] = {
    "predict": ["e", "s"],
    "predict-number": 1.25,
    "predict-options": " London",
    "spans": ["un", "believ", "able"],
}
ALL: tuple[Question, ...] = (
    CHOICE,
    MULTI,
    NUMBER,
    MEMORY,
    VARIED,
    TEXT,
    ORDER,
    PREDICT,
    PREDICT_NUMBER,
    PREDICT_OPTIONS,
    SPANS,
)
