"""One question, asked several times: do the answers agree, how sure was each token, and does answering pay?

With `grounded` the question is asked again with a text that holds the answer. `answers` given by hand need no model.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, cast

from tutor.decoding import agreement
from tutor.decoding.token_pictures import name_of
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import ModelMissing, UsageError
from tutor.domain.frames import Bar, Bars, Frame, Note, Table
from tutor.domain.language import Text, same
from tutor.domain.model import DecodeStep, Message, Model, Strategy
from tutor.domain.plaintext import clean, visible

TITLE = Text("幻觉：同一个问题问几遍，答案还一样吗", "Hallucination: ask again, and see whether the answer stays")
NEEDS_MODEL = True

MAX_SAMPLES = 16
MAX_ANSWER = 200
SHOWN_TOKENS = 8  # of one answer
SHOWN_CHARACTERS = 40

PARAMS = (
    Param(
        "question",
        "text",
        "In which year was the University of Utrecht founded?",
        Text("要问的问题", "The question to ask"),
        low=1,
        high=500,
    ),
    Param("samples", "int", 5, Text("问几遍", "How often to ask"), low=1, high=MAX_SAMPLES),
    Param(
        "temperature",
        "float",
        1.0,
        Text("抽样温度；0 总取最可能的", "Temperature; 0 takes the likeliest"),
        low=0,
        high=5,
    ),
    Param("grounded", "bool", False, Text("给出资料再问一遍", "Ask again with the context")),
    Param(
        "context",
        "text",
        "The University of Utrecht, in the Netherlands, was founded in 1636.",
        Text("资料，grounded 时放在问题前面", "What stands before the question when grounded"),
        low=0,
        high=2000,
    ),
    Param(
        "threshold",
        "float",
        0.75,
        Text("评分：答错扣 t/(1-t) 分，不答 0 分", "Scoring: a wrong answer costs t/(1-t), silence nothing"),
        low=0,
        high=0.99,
    ),
    Param("seed", "int", 0, Text("随机数的种子", "The seed of the draws"), low=0, high=2**31 - 1),
    Param("max_tokens", "int", 24, Text("每个回答最多几个词元", "Tokens of an answer at most"), low=1, high=48),
    Param(
        "answers",
        "json",
        [],
        Text("不用模型：直接给出几个回答", "Without a model: the answers themselves"),
        low=0,
        high=200,
    ),
)


def needs_model(params: Params) -> bool:
    """Whether a run with `params` asks a model: one with `answers` brings its own."""
    return not params.get("answers")


def steps(params: Params, model: Model | None = None) -> Steps:
    """Result: `answers` (texts), `agreement` (the share of the most common one after normalizing, as
    `tutor.decoding.agreement` does), `most_common`, `different` (how many), `answer_entropy` (nats), `mean_entropy`
    (nats, of the model's own distribution, over all tokens of all answers; null for given answers) and
    `token_entropies` (by answer); `penalty`, `expected_score` and `answer_pays` of the scoring by `threshold`, with
    the agreement taken for the chance of being right. Grounded, these are of the answers that saw the text, and
    `ungrounded` holds the same of those that did not.

    Raises UsageError for answers that are none, ModelMissing, and what the model raises.
    """
    if params["answers"]:
        given = _Asked(answers=_read_answers(params["answers"]))
        yield given.picture(Text("给出的回答", "The answers given"), 0.6)
        return (yield from _scored(given, params["threshold"]))
    if model is None:
        raise ModelMissing("This demo needs a model.", hint="With `answers` it needs none.")
    total = params["samples"] * (2 if params["grounded"] else 1)
    alone = yield from _ask(model, params, "", 0, total)
    if not params["grounded"]:
        return (yield from _scored(alone, params["threshold"]))
    informed = yield from _ask(model, params, params["context"], params["samples"], total)
    yield _compared(alone, informed)
    result = yield from _scored(informed, params["threshold"])
    return result | {"ungrounded": alone.result()}


def _read_answers(given: Any) -> list[str]:
    texts = given if isinstance(given, list) else [given]
    if not all(isinstance(text, str) and len(text) <= MAX_ANSWER and text.strip() for text in texts):
        raise UsageError("`answers` must be a list of texts of 1 to {high} characters.", high=MAX_ANSWER)
    return texts


@dataclass(slots=True)
class _Asked:
    """Answers to one question, and the entropy (nats) at each of their tokens."""

    answers: list[str] = field(default_factory=list)
    entropies: list[list[float]] = field(default_factory=list)

    @property
    def mean_entropy(self) -> float | None:
        every = [value for answer in self.entropies for value in answer]
        return sum(every) / len(every) if every else None

    def picture(self, title: Text, progress: float) -> Step:
        counted = agreement.clusters(self.answers)
        bars = tuple(Bar(_short(text) or "-", float(count)) for text, count in counted[:SHOWN_TOKENS])
        entropy = agreement.answer_entropy(self.answers)
        share = agreement.agreement(self.answers)
        note = Text(
            f"{len(self.answers)} 个回答，{len(counted)} 种；最多的一种占 {share:.0%}，回答之间的熵 {entropy:.3f} 奈特。"
            "一致不等于正确：也可能一起错。",
            f"{len(self.answers)} answers, {len(counted)} distinct; the most common has {share:.0%}, and the entropy "
            f"over answers is {entropy:.3f} nats. Agreement is not truth: they can be wrong together.",
        )
        frame = Bars(bars, Text("不同的回答各有几个", "How often each answer came"), high=float(len(self.answers)))
        return Step(title, (frame,), note, progress=progress)

    def result(self) -> dict[str, Any]:
        return {
            "answers": self.answers,
            "agreement": agreement.agreement(self.answers),
            "most_common": agreement.clusters(self.answers)[0][0],
            "different": len(agreement.clusters(self.answers)),
            "answer_entropy": agreement.answer_entropy(self.answers),
            "mean_entropy": self.mean_entropy,
            "token_entropies": self.entropies,
        }


def messages(question: str, context: str) -> list[Message]:
    """What the model is told: to be brief, the text if there is one, and the question."""
    chinese = any("\u4e00" <= character <= "\u9fff" for character in question)
    told = "只用几个字回答。" if chinese else "Answer with a few words only."
    return [Message("system", told), Message("user", f"{context}\n\n{question}" if context else question)]


def _ask(model: Model, params: Params, context: str, done: int, total: int) -> Generator[Step, None, _Asked]:
    asked = messages(params["question"], context)
    prompt = [piece.id for piece in model.conversation(asked)]
    yield _opening(asked, progress=0.8 * done / total)
    found = _Asked()
    for sample in range(params["samples"]):
        strategy = Strategy("sample", temperature=params["temperature"], seed=(params["seed"] + sample) % 2**31)
        stream = model.decode(prompt, strategy, max_tokens=params["max_tokens"], top=1)
        with closing(cast("Generator[DecodeStep, None, None]", stream)):
            tokens = list(stream)
        found.answers.append(clean("".join(token.text for token in tokens)).strip())
        found.entropies.append([token.entropy for token in tokens])
        yield _sampled(found, tokens, 0.8 * (done + sample + 1) / total)
    title = Text("有资料时：一致吗", "With the text: do they agree?") if context else Text("一致吗", "Do they agree?")
    yield found.picture(title, 0.8 * (done + params["samples"]) / total)
    return found


def _opening(asked: list[Message], progress: float) -> Step:
    note = Text(
        "同一个模型，同一个问题，只换随机数。知道的事，多半每次答得一样；编的，往往每次编得不同。",
        "One model and one question; only the random numbers change. What it knows tends to come out the same each time, "
        "what it makes up tends to differ.",
    )
    frames: tuple[Frame, ...] = tuple(Note(same(clean(message.content))) for message in asked)
    return Step(Text("问题", "The question"), frames, note, progress=progress)


def _sampled(found: _Asked, tokens: list[DecodeStep], progress: float) -> Step:
    number, answer = len(found.answers), found.answers[-1]
    columns = (Text("次", "Time"), Text("回答", "Answer"), Text("平均熵（奈特）", "Mean entropy (nats)"))
    rows = tuple(
        (str(i), _short(text) or "-", f"{sum(e) / len(e):.3f}" if e else "-")
        for i, (text, e) in enumerate(zip(found.answers, found.entropies, strict=True), start=1)
    )
    shown = [(_token(token), f"{token.entropy:.3f}") for token in tokens[:SHOWN_TOKENS]]
    first = Table(
        (Text("词元", "Token"), Text("熵", "Entropy")),
        tuple(shown),
        Text("这个回答开头的词元", "This answer's first tokens"),
    )
    note = Text(
        "熵是模型给下一个词元的分布有多散。看哪个词元最散：编造往往从那里开始。",
        "Entropy says how spread out the next-token distribution was. See where it is widest: made-up facts tend to begin "
        "there.",
    )
    title = Text(f"第 {number} 次：{_short(answer)}", f"Time {number}: {_short(answer)}")
    return Step(title, (Table(columns, rows), first), note, progress=progress)


def _token(step: DecodeStep) -> str:
    return name_of(step.top[0]) if step.top and step.top[0].id == step.id else visible(step.text) or f"#{step.id}"


def _short(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= SHOWN_CHARACTERS else shown[: SHOWN_CHARACTERS - 2] + ".."


def _compared(alone: _Asked, informed: _Asked) -> Step:
    columns = (Text("没有资料", "Without"), Text("有资料", "With"))
    measures = (
        (Text("一致的份额", "Agreement"), [f"{agreement.agreement(each.answers):.0%}" for each in (alone, informed)]),
        (
            Text("回答之间的熵（奈特）", "Entropy over answers (nats)"),
            [f"{agreement.answer_entropy(each.answers):.3f}" for each in (alone, informed)],
        ),
        (
            Text("词元的平均熵（奈特）", "Mean entropy of tokens (nats)"),
            [f"{each.mean_entropy or 0.0:.3f}" for each in (alone, informed)],
        ),
    )
    frames = tuple(Table(columns, (tuple(row),), label) for label, row in measures)
    note = Text(
        "答案就在眼前时，模型读它而不是猜它。资料若是错的，它多半也照抄。",
        "With the answer in front of it the model reads instead of guessing. If the text is wrong, it will mostly copy "
        "that too.",
    )
    return Step(Text("有没有资料", "With and without the text"), frames, note, progress=0.9)


def _scored(asked: _Asked, threshold: float) -> Generator[Step, None, dict[str, Any]]:
    confidence = agreement.agreement(asked.answers)
    cost = agreement.penalty(threshold)
    score = agreement.expected_score(confidence, threshold)
    # Where the threshold is 0.75 and three of four agree, the sum must be 0, not what rounding left of it.
    pays = score > 1e-12
    columns = (
        Text("答对得", "Right"),
        Text("答错得", "Wrong"),
        Text("不答得", "No answer"),
        Text("回答平均得", "Answering, on average"),
    )
    row = ("+1", f"-{cost:.2f}", "0", f"{score:+.3f}")
    note = Text(
        f"若把一致的份额 {confidence:.0%} 当作答对的概率，回答平均得 {score:+.3f} 分："
        + ("答。" if pays else "不如说不知道。")
        + "若答错不扣分，猜永远不亏。",
        f"Taking the agreement of {confidence:.0%} for the chance of being right, an answer earns {score:+.3f} on "
        "average: "
        + ("answer." if pays else 'better say "I don\'t know".')
        + " Where wrong answers cost nothing, guessing never loses.",
    )
    yield Step(
        Text("答，还是说不知道", 'Answer, or say "I don\'t know"'), (Table(columns, (row,)),), note, progress=1.0
    )
    return asked.result() | {"penalty": cost, "expected_score": score, "answer_pays": pays}
