"""The router proposes what a question plainly asks for, in both languages, and leaves questions of the subject alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutor.agent.router import propose
from tutor.agent.tools import TOOLS
from tutor.agent.tools.signature import checked, signature
from tutor.domain.errors import TutorError


@pytest.mark.parametrize(
    ("question", "tool", "arguments"),
    [
        ('how many tokens is "hello world" in GPT-4', "tokenize", {"text": "hello world", "tokenizer": "cl100k_base"}),
        ("「人工智能」用 GPT-4o 是几个词元", "tokenize", {"text": "人工智能", "tokenizer": "o200k_base"}),
        ("千问把“最低”切成几个 token？", "tokenize", {"text": "最低", "tokenizer": "qwen"}),
        ("tokenize 'it's low'", "tokenize", {"text": "it's low"}),
        ("count the tokens in: I love you", "tokenize", {"text": "I love you"}),
        ("tokenize：床前明月光", "tokenize", {"text": "床前明月光"}),
        (
            "how many tokens is antidisestablishmentarianism in GPT-4o",
            "tokenize",
            {"text": "antidisestablishmentarianism"},
        ),
        ("3.14159 在 GPT-4 里是几个 token", "tokenize", {"text": "3.14159", "tokenizer": "cl100k_base"}),
        ('is "low" one token in Qwen?', "tokenize", {"text": "low", "tokenizer": "qwen"}),
        ("`def f():` 怎么切", "tokenize", {"text": "def f():"}),
        ('what comes after "Once upon a"', "next_tokens", {"prompt": "Once upon a"}),
        ("“我爱”后面最可能是什么", "next_tokens", {"prompt": "我爱"}),
        ("下一个词元：从前有座山", "next_tokens", {"prompt": "从前有座山"}),
        ("“The sky is” 的下一个 token 概率前 10 个", "next_tokens", {"prompt": "The sky is", "top": 10}),
        ("模型会怎么接“床前明月光”", "next_tokens", {"prompt": "床前明月光"}),
        ("compute 2**10 - 24", "calculate", {"expression": "2**10 - 24"}),
        ("80 GB 是多少 GiB", "calculate", {"expression": "80 GB in GiB"}),
        ("what's 15% of 2048", "calculate", {"expression": "15% of 2048"}),
        ("log2(151936) 等于多少", "calculate", {"expression": "log2(151936)"}),
        ("run the padding demo", "run_demo", {"name": "padding"}),
        (
            "train BPE on “low low lower” with 3 merges",
            "run_demo",
            {"name": "tokenizer", "parameters": {"corpus": "low low lower", "merges": 3}},
        ),
        (
            "用贪心解码跑一下“今天天气”",
            "run_demo",
            {"name": "decoding", "parameters": {"prompt": "今天天气", "strategy": "greedy"}},
        ),
        ("演示一下束搜索，宽度 3", "run_demo", {"name": "decoding", "parameters": {"strategy": "beam", "width": 3}}),
        ("perplexity of “the cat sat”", "run_demo", {"name": "loss", "parameters": {"text": "the cat sat"}}),
        ("run a demo", "run_demo", {}),
        ("define perplexity", "glossary", {"term": "perplexity"}),
        ("困惑度的定义", "glossary", {"term": "困惑度"}),
        ("what does the term 'nucleus' mean", "glossary", {"term": "nucleus"}),
        ("“logit”这个术语是什么意思", "glossary", {"term": "logit"}),
        ("束搜索英文怎么说", "glossary", {"term": "束搜索"}),
        ("what do I find hard?", "progress", {}),
        ("我的进度怎么样", "progress", {}),
        ("哪些题我答错了", "progress", {}),
        ("what should I review next", "progress", {}),
        ("我学完了几课", "progress", {}),
    ],
)
def test_a_plain_wish_gets_its_tool(question: str, tool: str, arguments: dict[str, Any]) -> None:
    proposal = propose(question)
    assert proposal is not None
    assert proposal.tool == tool
    assert {name: proposal.arguments.get(name) for name in arguments} == arguments


@pytest.mark.parametrize(
    "question",
    [
        "how are tokens counted?",
        "how does bpe work",
        "what is top-p",
        "温度 0 是确定的吗",
        "为什么“的价格”是一个词元",
        "一个汉字是几个 token",
        "how many tokens are in the vocabulary",
        "explain why 'low' is a token",
        'what is the "<pad>" token',
        "what comes after pretraining?",
        "注意力后面接什么层",
        "softmax 后面是什么",
        "next token prediction 是什么",
        "does temperature change the most likely token?",
        "GPT-4 和 GPT-2 有什么区别",
        "Qwen2.5-0.5B 多少参数",
        "top-k 取 20-50 合适吗",
        "24 层 14 头是什么意思",
        "fp16 和 bf16 的区别",
        "7B 模型要多少显存",
        "怎么训练一个分词器",
        "can I run beam search with temperature",
        "怎么定义好的分词",
        "什么是困惑度",
        "I find attention hard to understand",
        "what should I set temperature to",
        "do I need to pad",
        "我觉得注意力很难",
        "",
        "“”",
        "？",
    ],
)
def test_a_question_of_the_subject_is_left_to_the_lessons(question: str) -> None:
    assert propose(question) is None


WORDS = [
    *(
        "how many tokens",
        "是几个词元",
        "tokenize",
        "“低”",
        '"a b"',
        "'",
        "what comes after",
        "后面",
        "run",
        "demo",
        "演示",
        "BPE",
    ),
    *(
        "width",
        "4",
        "1e9",
        "GB",
        "in",
        "GiB",
        "*",
        "(",
        "define",
        "的定义",
        "my progress",
        "错题",
        "GPT-4o",
        ":",
        "？",
        "top 99",
    ),
    *("束搜索", "merges", "9999", "temperature", "-3", "top_p", "left", "”", "“", "`", "\x1b[31m", "\u202e", "𝟙", "①"),
]


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_whatever_is_proposed_is_a_call_that_the_tool_takes(question: str) -> None:
    proposal = propose(question)
    if proposal is None:
        return
    try:
        checked(signature(TOOLS[proposal.tool]), proposal.arguments)
    except TutorError:
        assert proposal.tool == "run_demo" and proposal.arguments == {}, "what is missing is for the model to say"


@given(st.text(max_size=200))
def test_no_question_is_too_odd(question: str) -> None:
    propose(question)


def test_a_long_question_is_read_in_no_time() -> None:
    # Patterns that go back and forth would never end here; no clock is needed to see it.
    for piece in ("how many tokens ", "是几个词元", "1 + ", "“a” ", "next after ", "define ", " ", "((((", "a.b-c"):
        propose(piece * 5000)
