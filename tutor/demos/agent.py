"""A tool call of the real model, step by step: prompt, schema, constrained output, tool result, answer.

The smallest whole agent: three tools, one call, the form that Qwen's template teaches its models (Hermes), and a grammar
that the model's next token is held to. The tutor's own loop does the same with more tools (`tutor.agent.loop`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tutor.decoding.pictures import token_item
from tutor.domain import calculator
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import ModelMissing, TutorError
from tutor.domain.frames import Note, Table, TokenItem, Tokens
from tutor.domain.language import Text, same
from tutor.domain.model import ChatPiece, Message, Model
from tutor.domain.plaintext import clean, visible

TITLE = Text("Agent：一次工具调用，一步一步看", "Agent: one tool call, step by step")
NEEDS_MODEL = True
SHOWN_TOKENS = 400
CALL_TOKENS = 200
ANSWER_TOKENS = 60
OPENING, CLOSING = "<tool_call>\n", "\n</tool_call>"
END = '"}}'  # of the JSON of a call
# The model reads Chinese or English; what frames its question is English, as its training was.
SYSTEM = "You are a helpful assistant. Answer in one short sentence, in the language of the question."

PARAMS = (
    Param(
        "question",
        "text",
        "What is 123 * 457?",
        Text("问模型的问题：算数、数词元、或猜下一个词元", "What to ask: a sum, a count of tokens, or the next token"),
        low=1,
        high=400,
    ),
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call with one text. Raises TutorError where it cannot do it."""

    name: str
    argument: str
    about: str
    run: Callable[[Model, str], str]

    @property
    def schema(self) -> dict[str, Any]:
        """As OpenAI's function calls have it (JSON Schema)."""
        properties = {self.argument: {"type": "string"}}
        parameters = {"type": "object", "properties": properties, "required": [self.argument]}
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.about, "parameters": parameters},
        }


def _calculate(_model: Model, expression: str) -> str:
    return f"{calculator.evaluate(expression):,.12g}".replace(",", "")


def _count_tokens(model: Model, text: str) -> str:
    pieces = model.tokenize(text)
    return f"{len(pieces)} tokens: " + " | ".join(visible(piece.text) for piece in pieces[:20])


def _next_token(model: Model, prompt: str) -> str:
    best = model.next(prompt, top=1).top[0]
    return json.dumps(visible(best.text), ensure_ascii=False)


TOOLS = (
    Tool("calculate", "expression", "Compute an arithmetic expression such as 2 * (3 + 4).", _calculate),
    Tool("count_tokens", "text", "Count the tokens of a text.", _count_tokens),
    Tool("next_token", "prompt", "Find the most likely token after a prompt.", _next_token),
)


def grammar(tools: tuple[Tool, ...] = TOOLS) -> str:
    """GBNF for exactly one call of one of `tools`."""
    quoted = {tool.name: json.dumps(f'{{"name": "{tool.name}", "arguments": {{"{tool.argument}": "') for tool in tools}
    lines = [
        f"root ::= {json.dumps(OPENING)} call {json.dumps(CLOSING)}",
        f"call ::= ({' | '.join(quoted.values())}) text {json.dumps(chr(34) + '}}')}",
        r'text ::= ([^"\\\x00-\x1f] | "\\" ["\\n]){1,120}',
    ]
    return "\n".join(lines) + "\n"


def steps(params: Params, model: Model | None = None) -> Steps:
    """Raises ModelMissing."""
    if model is None:
        raise ModelMissing("The demo {name} needs a model.", name="agent")
    question: str = params["question"]
    asked = [Message("system", SYSTEM), Message("user", question)]
    alone = _said(model.chat(asked, max_tokens=ANSWER_TOKENS))
    yield _without(question, alone)
    yield _schemas()
    yield _prompt(model, asked)
    yield _constraint()
    pieces = list(model.chat(asked, tools=_told(), grammar=grammar(), max_tokens=CALL_TOKENS))
    yield _constrained(pieces)
    written = _said(pieces)
    tool, argument = _read(written)
    observation = _observed(tool, model, argument)
    yield _result(tool, argument, observation)
    answer = _said(model.chat(_with_result(question, tool, observation), max_tokens=ANSWER_TOKENS))
    yield _end(observation, answer, alone)
    call = {"tool": tool.name, "arguments": {tool.argument: argument}, "observation": observation}
    return {"calls": [call], "answer": answer, "without_tools": alone}


def _with_result(question: str, tool: Tool, observation: str) -> list[Message]:
    """The conversation for the answer. The result stands beside the question: after its own call in a message of the
    role assistant, followed by one of the role tool, a small model writes the next call and never an answer.
    """
    result = f"{question}\n\n{tool.name}: {observation}\nAnswer with this result, in one sentence."
    return [Message("system", SYSTEM), Message("user", result)]


def _told() -> list[dict[str, Any]]:
    return [tool.schema for tool in TOOLS]


def _said(pieces: Iterable[ChatPiece]) -> str:
    return clean("".join(piece.text for piece in pieces)).strip()


def _read(written: str) -> tuple[Tool, str]:
    """The tool called, and with what. Raises TutorError where the model came to no end."""
    try:
        call = json.loads(written.removeprefix(OPENING).removesuffix(CLOSING))
    except ValueError:
        raise TutorError("The model's call grew too long and was cut off.", hint="Ask for something shorter.") from None
    tool = next(each for each in TOOLS if each.name == call["name"])
    return tool, call["arguments"][tool.argument]


def _observed(tool: Tool, model: Model, argument: str) -> str:
    """What the tool says; where it cannot do it, the sentence why: the model reads that too."""
    try:
        return clean(tool.run(model, argument))
    except TutorError as error:
        return clean(error.message)


# Pictures


def _without(question: str, alone: str) -> Step:
    columns = (Text("问", "Asked"), Text("模型说", "The model says"))
    table = Table(columns, ((visible(question), visible(alone)),))
    note = Text(
        "先不给工具：模型只能往下写词元，算不算得对，要看训练里见过没有。",
        "First without tools: all the model can do is write on, and whether a sum is right depends on what it has seen.",
    )
    return Step(Text("没有工具", "Without tools"), (table,), note)


def _schemas() -> Step:
    columns = (Text("工具", "Tool"), Text("参数", "Argument"), Text("给模型的说明", "What the model is told"))
    rows = tuple((tool.name, f"{tool.argument}: string", tool.about) for tool in TOOLS)
    schema = json.dumps(TOOLS[0].schema, ensure_ascii=False, indent=1)
    note = Text(
        "工具是带说明的函数。模型看到的只是它的 JSON Schema：名字、参数、一句说明；运行它的是程序。",
        "A tool is a documented function. The model sees only its JSON Schema: a name, arguments, a sentence; the program "
        "runs it.",
    )
    return Step(
        Text("工具和它们的 schema", "Tools and their schemas"), (Table(columns, rows), Note(same(schema))), note
    )


def _prompt(model: Model, asked: Sequence[Message]) -> Step:
    pieces = model.conversation(asked, tools=_told())
    items = tuple(
        TokenItem(visible(piece.text), piece.id, "special" if piece.special else "") for piece in pieces[:SHOWN_TOKENS]
    )
    note = Text(
        f"聊天模板把工具写进系统消息，一共 {len(pieces)} 个词元。对模型来说，工具也只是文本。",
        f"The chat template writes the tools into the system message: {len(pieces)} tokens in all. To the model tools are "
        "text like any other.",
    )
    return Step(Text("提示", "The prompt"), (Tokens(items, Text("模型读的", "What the model reads")),), note)


def _constraint() -> Step:
    note = Text(
        "这份语法（GBNF）只认一种东西：对三个工具之一的一次调用。小模型常常漏括号、编名字，受它约束就不会。",
        "This grammar (GBNF) admits one thing: one call of one of the three tools. Small models forget brackets and make "
        "names up; held to it, they cannot.",
    )
    return Step(Text("语法", "The grammar"), (Note(same(grammar())),), note)


def _constrained(pieces: Sequence[ChatPiece]) -> Step:
    items = tuple(token_item(piece.text, piece.text.encode(), piece.id) for piece in pieces if piece.text)
    note = Text(
        "每一步划掉语法不认的词元，在剩下的里面取最可能的。括号和名字的写法是定好的，选哪个工具、写什么参数，才是模型的主意。",
        "At each step the tokens that the grammar does not admit are struck out and the most likely of the rest is taken. "
        "Brackets and names have one way to go; which tool, and what argument, is the model's own choice.",
    )
    label = Text("模型写的", "What the model writes")
    return Step(Text("受约束的输出", "Constrained output"), (Tokens(items, label),), note)


def _result(tool: Tool, argument: str, observation: str) -> Step:
    columns = (Text("工具", "Tool"), Text("参数", "Argument"), Text("观察", "Observation"))
    note = Text(
        "程序读出调用，运行函数，把结果放回对话，写在问题下面。出了错，放回去的就是那句错误。",
        "The program reads the call, runs the function, and puts what came of it back into the conversation, under the "
        "question. Where it fails, the sentence that says so goes back.",
    )
    table = Table(columns, ((tool.name, visible(argument), visible(observation)),))
    return Step(Text("工具的结果", "The tool's result"), (table,), note)


def _end(observation: str, answer: str, alone: str) -> Step:
    columns = (Text("没有工具", "Without tools"), Text("工具的结果", "The result"), Text("看过结果再答", "After it"))
    row = (visible(alone), visible(observation), visible(answer))
    note = Text(
        "循环到此一圈：调用、观察、回答。小模型连抄结果都可能抄错，所以要拿答案和观察核对。",
        "That is the loop once round: call, observe, answer. A small model may even copy the result wrongly, so an "
        "answer is checked against what was observed.",
    )
    return Step(Text("回答", "The answer"), (Table(columns, (row,)),), note, progress=1.0)
