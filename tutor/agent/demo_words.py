"""Which demo a question names, and what it says of the demo's parameters: out of the demos' own declarations.

A demo is known by its name, by the words of its title, and by what people call it (`_CALLED`, for names and titles do
not say it all); a parameter by its name or what people call it (`_SAID`), with a number beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tutor.demos import registry
from tutor.domain.demo import Param
from tutor.domain.errors import UsageError

# demo -> what people call it; a demo that is not there is never named.
_CALLED = {
    "tokenizer": r"\bbpe\b|byte.pair|merges?\b|tokeni[sz]er|tokeni[sz]ation|合并|分词器?|词元化|字节对",
    "padding": r"\bpad(?:ding|ded)?\b|填充|补齐|补零|对齐",
    "decoding": r"\bdecod(?:e|es|ing)\b|\bbeams?\b|beam search|greed(?:y|ily)|sampl(?:e|ing)|\btemperature\b|top.?[pk]\b|nucleus|解码|束搜索|贪心|采样|温度",
    "decoder": r"\bdecoder\b|\battention\b|kv.?cache|解码器|注意力|缓存",
    "embedding": r"\bembeddings?\b|\bword vectors?\b|嵌入|词向量",
    "gpt": r"\bgpt\b|logit lens|layer by layer|each layer|每一?层|逐层",
    "loss": r"\bloss\b|cross.entropy|perplexity|surprise|损失|交叉熵|困惑度|惊讶",
    "model-files": r"\bgguf\b|model files?\b|模型文件",
    "position-encoding": r"position(?:al)?[ -](?:encodings?|embeddings?)|\brope\b|\balibi\b|sinusoid\w*|位置编码|旋转位置",
}
# parameter -> what people call it
_SAID = {
    "merges": "合并|次合并",
    "width": "宽度|束宽|beam size|beam width|beams",
    "temperature": "温度|temp",
    "top_k": "top-k|topk",
    "top_p": "top-p|topp",
    "min_p": "min-p|minp",
    "max_tokens": "tokens|个词元|词元",
    "layer": "层|第",
    "head": "头",
    "seed": "种子",
    "repeat_penalty": "repetition penalty|重复惩罚",
    "length_penalty": "长度惩罚",
    "label_smoothing": "标签平滑",
}
# choice -> what people call it
_CHOSEN = {
    "greedy": r"greed(?:y|ily)|贪心",
    "sample": r"sampl(?:e|ing)|采样",
    "beam": r"\bbeams?\b|束搜索|束",
    "left": r"\bleft\b|左",
    "right": r"\bright\b|右",
    "causal": r"\bcausal\b|因果",
}
# What is asked of a quoted text, and the demo that answers it.
_MEASURING = {
    "loss": r"perplexity|surpris|\bloss\b|困惑度|惊讶|损失",
    "embedding": r"nearest|neighbou?r|closest|similar (?:to|words|tokens)|最近的|最像|相近|近邻|邻居",
    "decoder": r"\battention\b|attends? to|注意力|关注",
    "gpt": r"\b(?:each|every|per) layer|logit lens|每一?层|逐层",
}
# What takes a quoted text, in this order.
_TEXTS = ("prompt", "text", "corpus", "token", "texts")

_NUMBER = r"(-?\d+(?:\.\d+)?)"


def named(words: str, *, called: bool) -> str:
    """The demo that `words` (folded) name, empty where none; the one named first. `called` where they speak of a demo."""
    known = registry.names()
    found = [
        (at.start(), -len(at[0]), name)
        for name in known
        if (at := re.search(rf"\b{re.escape(name)}\b|\b{re.escape(name.replace('-', ' '))}\b", words))
        or (name in _CALLED and (at := re.search(_CALLED[name], words)))
    ]
    if found:
        return min(found)[2]
    return _by_title(words, known) if called else ""


def measuring(words: str) -> str:
    """The demo that shows what `words` (folded) want to know of a text; empty where none does."""
    known = registry.names()
    return next((name for name, pattern in _MEASURING.items() if name in known and re.search(pattern, words)), "")


def _by_title(words: str, known: Sequence[str]) -> str:
    """The demo whose title shares most with `words`, where that is more than a word or two Han characters."""
    asked = _units(words)
    best = max(known, key=lambda name: len(asked & _title_units(name)), default="")
    return best if best and len(asked & _title_units(best)) >= 2 else ""


def _title_units(name: str) -> frozenset[str]:
    title = registry.load(name).TITLE
    return _units(f"{title.zh} {title.en} {name}".casefold())


def _units(words: str) -> frozenset[str]:
    """Long words, and pairs of Han characters."""
    han = re.findall(r"[\u4e00-\u9fff]+", words)
    return frozenset(re.findall(r"[a-z]{4,}", words)) | {run[i : i + 2] for run in han for i in range(len(run) - 1)}


def parameters(name: str, words: str, quoted: Sequence[str]) -> dict[str, Any]:
    """What the question says of the parameters of demo `name`. What the demo would refuse is left out."""
    params = {param.name: param for param in registry.load(name).PARAMS}
    said: dict[str, Any] = {}
    for param in params.values():
        if param.kind in ("int", "float") and (number := _number(param, words)) is not None:
            said[param.name] = int(number) if param.kind == "int" else number
        elif param.kind == "choice":
            said |= _choice(param, words)
    takes = next((each for each in _TEXTS if each in params), None)
    if quoted and takes:
        said[takes] = list(quoted) if isinstance(params[takes].default, list) else quoted[0]
    return {each: value for each, value in said.items() if _accepted(params[each], value)}


def _number(param: Param, words: str) -> float | None:
    names = "|".join(filter(None, [param.name.replace("_", "[ _-]"), _SAID.get(param.name, "")]))
    after = re.search(
        rf"(?:{names})\s*(?:=|:|of|is|to|at|set to|为|是|取|用|设为|设成|设置?到|调到|调成|改成|改为|等于)?\s*{_NUMBER}",
        words,
    )
    before = re.search(rf"{_NUMBER}\s*(?:次|个)?\s*(?:{names})", words)
    found = after or before
    return float(found[1]) if found else None


def _choice(param: Param, words: str) -> Mapping[str, str]:
    for choice in param.choices:
        if re.search(_CHOSEN.get(choice, rf"\b{re.escape(choice)}\b"), words):
            return {param.name: choice}
    return {}


def _accepted(param: Param, value: Any) -> bool:
    try:
        registry.parse(param, value)
    except UsageError:
        return False
    return True
