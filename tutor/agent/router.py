"""Which tool a question plainly asks for, told from its words alone: no model, well under a millisecond.

It proposes where the wording leaves no doubt and stays silent elsewhere: a question about the subject ("how are tokens
counted?") is the lessons' to answer, and a wrong proposal costs more than none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tutor.agent import demo_words
from tutor.domain import measures

MAX_QUESTION = 1000  # characters that are looked at
MAX_TERM = 60

_SLOT = "▁"  # stands in `Asked.words` where something was quoted


@dataclass(frozen=True, slots=True)
class Proposal:
    """A tool, and those of its arguments that the question says; a model fills in the others."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question taken apart: `quoted` what it has in quotes, `words` the rest, folded (NFKC, lower case)."""

    text: str
    quoted: tuple[str, ...]
    words: str

    @property
    def first_quoted(self) -> str:
        return self.quoted[0] if self.quoted else ""

    def says(self, pattern: re.Pattern[str]) -> bool:
        return pattern.search(self.words) is not None


def propose(question: str) -> Proposal | None:
    """The tool that `question` plainly asks for."""
    asked = _taken_apart(question[:MAX_QUESTION])
    return next((found for recognize in _RECOGNIZERS if (found := recognize(asked))), None)


def _any(*ways: str) -> re.Pattern[str]:
    return re.compile("|".join(ways))


_QUOTES = _any(
    r"“([^“”]+)”",
    r"「([^「」]+)」",
    r"『([^『』]+)』",
    r"‘([^‘’]+)’",
    r"`([^`]+)`",
    r"\"([^\"]+)\"",
    # An apostrophe within a word neither opens nor closes.
    r"(?<!\w)'((?:[^']|(?<=\w)'(?=\w))+)'(?!\w)",
)


def _taken_apart(question: str) -> Asked:
    quoted = tuple(next(filter(None, found.groups())) for found in _QUOTES.finditer(question))
    words = unicodedata.normalize("NFKC", _QUOTES.sub(f" {_SLOT} ", question)).casefold()
    return Asked(question.strip(), quoted, " ".join(words.split()))


_WHY = _any(r"\bwhy\b", r"\bwhat happens\b", "为什么|为何|为啥|怎么会|原理|区别|有什么用|怎么回事|怎么做到|怎么算出")
_EXPLAIN = _any(
    r"^(?:how (?:do|does|did|is|are|was|were|can|come|should)|explain(?! the (?:term|word)))\b",
    _WHY.pattern,
)

# Progress

_LEARNER = _any(
    r"\bmy (?:learning |study |own |quiz )?(?:progress|mistakes?|weak\w*|errors|scores?|results|stat\w*|wrong answers|"
    r"reviews?|accuracy|level|streak|history)\b",
    r"^(?!do i have to\b).*\b(?:do|did|have|should|must|am|was) i\b.*(?:\bfind (?:it )?(?:hard|difficult|tricky)|\breview|\bfinish|\bcomplet|"
    r"\banswered\b|\banswer(?:ing)? (?:wrong|right|correct)|(?<!never )\blearn(?:t|ed)\b|\bstruggl|\bweak|\b(?:got|get|getting|had) .*wrong|\bdue\b|\bstudied\b|\bforget|"
    r"\b(?:done|taken|passed)\b|\b(?:do|study|learn|read|take) next\b|\bread(?: so far|\?|$))",
    r"\bi (?:got|get|keep getting|answered|had|have answered)\b.*\bwrong\b|\bi(?: am|'m) (?:bad|weak|worst|poor|good|best) at\b",
    r"\bwhat am i (?:\w+ )?(?:worst|bad|weak\w*|poor|best|good|stuck|behind) (?:at|in|on|with)\b|\b(?:i keep|am i) (?:failing|missing|forgetting)\b",
    r"\bhow (?:far|well) (?:am|have) i\b|\bhow am i doing\b|\bhow many .*\b(?:have i|did i|i have|i've)\b",
    r"\bwhat(?:'s| is) (?:due|hard(?:est)? for me|left (?:for me )?to (?:learn|review|read))\b",
    r"\bmy (?:hardest|worst|weakest|strongest)\b|\bmy best (?:topic|lesson|subject|area|result|score|quiz)|\bdue (?:today|now|for review)\b",
    r"(?:卡片?|复习|题目?|今天|现在|几张|多少|哪些).{0,8}到期|到期.{0,4}(?:卡|复习|题)|我.{0,4}(?:容易错|错得|忘记|忘了)",
    r"我的?(?:学习|答题|复习)?(?:进度|弱点|错题|成绩|弱项|薄弱|记录|正确率)|学习进度|错题|弱项|薄弱",
    r"我.{0,10}(?:掌握得?|学到|学完|学了|读完|读到|看完|看了|做错|答错|错过|错了|不会的|不熟|最难|学得|做得怎|做对|答对|答了|还剩)",
    r"我.{0,6}(?:哪|什么|多少|几).{0,8}(?:不会|不懂|没掌握|难|错|不好|差|弱|没学|没读)",
    r"(?:哪些|哪道|哪几道|什么|多少|几道)题.{0,6}(?:错|难|没做|不会)",
    r"(?:该|要|应该|需要|得)复习|复习(?:什么|哪|些)|待复习",
    r"(?:几|多少|哪些|哪几)(?:节|个|门|篇|堂)?(?:课|课程).{0,4}(?:学完|读完|没学|没读|完成)",
)


def _progress(asked: Asked) -> Proposal | None:
    return Proposal("progress") if not asked.quoted and asked.says(_LEARNER) else None


# Glossary

_ENDING = r"[?。]*$"
_TERM = _any(
    r"^(?:please |can you |could you )?define\s*:?\s+(.+)$",
    r"\b(?:definition|glossary entry|dictionary entry)s?\s+(?:of|for)\s+(.+)$",
    rf"\bwhat does (?:the (?:term|word) (.+?)|({_SLOT})) (?:mean|stand for)",
    rf"\b(?:meaning of|explain) the (?:term|word) (.+)$|\bmeaning of ({_SLOT})",
    r"\bwhat does the glossary (?:say|have) (?:about|on|for) (.+)$",
    r"\b(?:look up|find)\s+(.+?)\s+in the glossary",
    r"\bglossary\s*[:,]?\s*([^?]+)$",
    r"\b(?:call|say|translate|what is|what's)\s+(.+?)\s+(?:called )?(?:in|into) (?:chinese|english)\b",
    r"\b(?:chinese|english) (?:term|word|name) for (.+)$",
    rf"^(?:请)?(?:给出|给我|查一?下|查查|说说|告诉我)?\s*(.{{1,30}}?)\s*(?:这个)?(?:术语|名词|概念)?\s*的定义(?:是什么|是啥|呢)?{_ENDING}",
    rf"(?:术语表?|词汇表|名词解释)(?:里面?的?|中的?)?\s*(?:[:,]|查一?下|有没有|有)?\s*(.{{1,30}}?)\s*"
    rf"(?:是什么(?:意思)?|怎么(?:说|定义|解释)|的意思|指什么|吗)?{_ENDING}",
    r"^(.{1,30}?)\s*(?:这个|这一)(?:术语|名词|词)(?:是什么|指什么|什么意思|怎么解释|怎么定义|如何定义|的意思|是啥)",
    rf"^(?:请)?(?:定义|解释)(?:一下)?\s*(?:术语|名词)\s*(.{{1,30}}?){_ENDING}",
    rf"^(?:请)?定义(?:一下)?\s*(.{{1,20}}?){_ENDING}",
    rf"^(?:请)?给\s*(.{{1,20}}?)\s*下个?定义{_ENDING}",
    r"^(.{1,30}?)\s*(?:的|用)?(?:英文|中文|英语)(?:术语|名|名字|名称)?(?:怎么说|叫什么|是什么|怎么叫|叫啥|是啥)",
    rf"^({_SLOT})\s*(?:是|的)?(?:什么|啥)?意思",
)
_AROUND_TERM = _any(
    r"^(?:the|an?|term|word|concept of|in the|for|术语|名词)\s+",
    r"\s*(?:这个|这一)?(?:术语|名词|概念|词)$",
    r"\s*(?:please|for me|in (?:this|the) (?:course|glossary|lessons?)|[?。])+$",
)


def _glossary(asked: Asked) -> Proposal | None:
    found = _TERM.search(asked.words)
    if (
        found is None
        or asked.says(_EXPLAIN)
        or re.search(r"(?<![词语念▁])(?<!▁ )(?<![词语念▁]是)(?<!▁ 是)(?:怎么|如何)定义", asked.words)
    ):
        return None
    term = next(filter(None, found.groups())).strip(" ?。.!:,()")
    if _SLOT in term:
        return Proposal("glossary", {"term": asked.first_quoted}) if len(asked.first_quoted) <= MAX_TERM else None
    while (shorter := _AROUND_TERM.sub("", term).strip()) != term:
        term = shorter
    return Proposal("glossary", {"term": term}) if re.search(r"\w", term) and len(term) <= MAX_TERM else None


# Demos

_DEMO = _any(r"\bdemos?\b", r"\bdemonstrat", "演示|示范")
_ANY_DEMO = _any(r"\b(?:run|show|open|play|start)\b", "跑|运行|打开|演示一")
_ORDER = re.compile(r"^(?:(?:run|train|please)\b|请|帮我|用|跑|训练|运行).*\d")
_ACTION = _any(
    r"\b(?:run|try|train|start|launch|simulate|do|apply|perform|visuali[sz]e)\b.*\b(?:on|with|for|over)\b",
    r"^(?:please )?(?:decode|generate|sample)\b",
    "用.*(?:训练|跑|续写|解码|生成)|跑一?[下次遍个]|训练一?[下个次]|运行|试一?[下试]",
)


def _run_demo(asked: Asked) -> Proposal | None:
    if asked.says(_EXPLAIN):
        return None
    called = asked.says(_DEMO)
    acts = asked.says(_ACTION) and (bool(asked.quoted) or asked.says(_ORDER))
    name = demo_words.named(asked.words, called=called) if called or acts else ""
    if not name and asked.quoted:
        name = demo_words.measuring(asked.words)
    if name:
        parameters = demo_words.parameters(name, asked.words, asked.quoted)
        return Proposal("run_demo", {"name": name, **({"parameters": parameters} if parameters else {})})
    return Proposal("run_demo") if called and asked.says(_ANY_DEMO) else None


# What comes next

_NEXT = _any(
    r"\bcomes? (?:after|next)\b|\bnext[- ](?:tokens?|words?)\b|\bmost (?:likely|probable)\b|\bfollows?\b",
    r"\b(?:say|write|predict\w*|generate|output|guess)\b.*\b(?:next|after)\b|\bnext\b.*\b(?:after|for|given)\b",
    r"\b(?:continue|continuation|complete|finish)\b|\b(?:words?|tokens?|guess) after\b|\bafter\b.*\bnext\b",
    rf"\b(?:follow\w*|likel\w+|candidates?|probable)\b.*{_SLOT}|{_SLOT}.*\b(?:follow\w*|likel\w+|candidates?)\b",
    r"\btop[- ]?\d+ (?:tokens|words|candidates)\b|\bprobability of\b.*\bafter\b|补全",
    r"下一个?\s*(?:词元|词|字|token|会|最|是)|下一步|后面|之后|接下来|接着|续写|往下|接什么|接哪|怎么接|下面|下文|会说什么|预测|最可能|概率最[高大]|跟着|跟什么|跟哪",
)
_NEXT_TOKEN = _any(r"next[- ](?:token|word)|comes next|predict", "下一个|接下来|续写|最可能|预测")
_AFTER_QUOTE = re.compile(rf"\bafter {_SLOT}|在 ?{_SLOT} ?(?:之后|后面)")
_AFTER = re.compile(r"\b(?:after|follows?|continue|complete)\s*:?\s+([A-Z].{5,200}?)[?]?$")
_BEFORE = re.compile(
    r"^([^，。？?,]{2,40}?)\s*的?(?:后面|之后|接下来)\s*(?:最可能|最有可能|最大概率|概率最大|会接|接什么)"
)
_TOP = _any(
    r"\b(?:top|best|first)[- ]?(\d{1,2})\b",
    r"前\s*(\d{1,2})",
    r"(\d{1,2})\s*(?:个|种)?\s*(?:最可能|最有可能|概率最|候选|candidates|(?:most )?(?:likel|probable)|tokens?|words?|词元|词|options)",
)
# Words of the subject: what they come after is a part of a model, not a text.
_PARTS = re.compile("模型|层|词元|解码|训练|注意力|softmax|嵌入|分词|token|步|阶段|连接", re.IGNORECASE)


def _next_tokens(asked: Asked) -> Proposal | None:
    if not asked.says(_NEXT) or asked.says(_WHY):
        return None
    prompt = _prompt_quoted(asked) or (asked.says(_NEXT_TOKEN) and _after_colon(asked)) or _unquoted_prompt(asked)
    if not prompt:
        return None
    top = _TOP.search(asked.words)
    count = int(next(filter(None, top.groups()))) if top else 0
    return Proposal("next_tokens", {"prompt": prompt, **({"top": count} if 1 <= count <= 20 else {})})


def _prompt_quoted(asked: Asked) -> str:
    """The quoted text that is gone on from: the one after which something is asked for, else the first."""
    found = _AFTER_QUOTE.search(asked.words)
    place = asked.words.count(_SLOT, 0, found.end()) - 1 if found else 0
    return asked.quoted[place] if place < len(asked.quoted) else ""


def _unquoted_prompt(asked: Asked) -> str:
    found = _AFTER.search(asked.text) or _BEFORE.search(asked.text)
    return found[1].strip() if found and not _PARTS.search(found[1]) else ""


def _after_colon(asked: Asked) -> str:
    before, _, after = asked.text.replace("：", ":", 1).partition(":")
    return after.strip() if len(before) <= 60 else ""


# Tokens

_TOKENIZERS = {
    "o200k_base": r"gpt-?\s?4\s?o|o200k|gpt-?5",
    "cl100k_base": r"gpt-?\s?(?:4|3\.5)(?!\s?o)|cl100k|chatgpt",
    "qwen": r"qwen|千问|通义",
    "spm-unigram": r"unigram",
    "spm-bpe": r"spm-bpe|sentence\s?piece",
}
_COUNTING = _any(
    r"\bhow many (?:\S+ )?(?:tokens?|bytes)\b|\btoken (?:count|ids?)\b|\b(?:number|count) of tokens\b|\bcount (?:the )?tokens\b",
    r"\btokeni[sz]e\b|\btokeni[sz]ation of\b|\btokens? (?:of|for|in)\b|\bids? (?:of|for)\b",
    r"\b(?:split|cut|broken|break|chopp?(?:ed)?|encoded?)\b.*\b(?:tokens?|tokenizer)\b",
    r"(?:数|数数|数一?数|统计|列出|看看?|显示).{0,12}(?:词元|tokens?)|(?:几|多少)\s*个?\s*(?:词元|tokens?|字节|编号)|(?:词元|tokens?)\s*(?:数|个数|数量|有几|有多少|编号|id)",
    "分词|切[成分开一出]|怎么切|如何切|切法|编码成",
)
# Enough where a text in quotes stands beside it.
_CUTTING = _any(
    r"\b(?:cut|chop|break|split|broken|chopped)s?\b.*\b(?:pieces|parts|bits)\b|\b(?:pieces|parts|bits)\b.*\b(?:cut|chop|break|split)s?\b",
    r"\b(?:one|single|which|show|see|list|into|its)\b.*\btokens?\b|\btokens? does\b|tokens?\b.*[吗看]|词元.*[吗看]",
    r"\b(?:cut|chop|break|split)s?\b.*\bup\b|\btokeni[sz]es?\b|怎么[切拆分]|[拆分]成|单个\s*(?:词元|token)|的\s*(?:tokens?|词元)|\bencode\b|\b(?:split|tokeni[sz]e[ds]?)\b|编码",
)
_UNQUOTED_COUNT = _any(
    r"^(?:tokeni[sz]e|count (?:the )?tokens (?:in|of)|how many tokens (?:is|are in|in|for))\s+(?:the (?:word|string|text|number) )?"
    r"(.+?)(?:\s+(?:in|with|using|for|under|by)\b.*)?\s*\??$",
    r"^(?:把|将)\s*(.{1,40}?)\s*[切拆分][成分开]|^(?:切一?下|切|分词)\s+(.{1,40})$",
    r"^(?:把|将|用)?\s*([^\s,。?]{1,24}?|[a-z0-9 ]{1,40}?)\s*(?:在|用|按|,)?\s*"
    rf"(?:(?:{'|'.join(_TOKENIZERS.values())})\S*?\s*)?(?:里面?|中|下)?\s*"
    r"(?:是|有|算|占|要|会被?切成|切成|等于)\s*(?:几|多少)\s*个?\s*(?:词元|tokens?)",
)
_TOKENIZE = re.compile(r"(?:please )?(?:tokeni[sz]e|分词|切词|切一下)\s*[:：]\s*(.+)", re.IGNORECASE | re.DOTALL)
_CUT_BY = re.compile(
    rf"(?:{'|'.join(_TOKENIZERS.values())})\S*(?: tokenizer)? (?:would |will |does )?"
    r"(?:tokeni[sz]es?|splits?|cuts?|chops?|encodes?|breaks?)(?: up)? (.{1,60}?)(?: up)?\s*[?？]?$"
    rf"|(?:{'|'.join(_TOKENIZERS.values())}|分词器).{{0,12}}?(?:切一?下|切一切|分一?下|切分|切)\s*([^切分一二两几多的。？?]{{1,40}})$",
    re.IGNORECASE,
)
# Words of the subject: unquoted, they are what a question is about and not the text to cut.
_ABOUT = _any(
    r"\b(?:an?|the|one|each|every|per|enough|it|this|that|there|your|my|i|we|you|need\w*|usual\w*|typical\w*|average|max\w*|most|"
    r"model\w*|context|window|vocab\w*|words?|characters?|text|sentences?|tokens?|chinese|english|language\w*|page|prompt|batch|"
    r"training|special|numbers?|digits|emoji\w*|gpt\S*|qwen\S*|code|beam)\b",
    "汉字|中文|英文|单词|一个|每个|平均|大概|通常|模型|窗口|词表|句子|文章|页|上下文|最多|一次|训练|数字|这个?些?|那[个些]|它|你的|我的|多少|词元|字符|提示",
)


def _tokenize(asked: Asked) -> Proposal | None:
    if asked.says(_WHY):
        return None
    if whole := _TOKENIZE.match(asked.text):
        text = whole[1]
    elif asked.quoted and (asked.says(_COUNTING) or asked.says(_CUTTING)):
        text = asked.first_quoted
    elif asked.says(_COUNTING):
        text = _after_colon(asked) or _cut_by(asked) or ("" if asked.says(_EXPLAIN) else _unquoted_text(asked))
    else:
        return None
    return Proposal("tokenize", {"text": text, **_tokenizer(asked.words)}) if text else None


def _cut_by(asked: Asked) -> str:
    """What a tokenizer that is named is asked to cut: how does GPT-4 tokenize 你好."""
    found = _CUT_BY.search(asked.text)
    text = next(filter(None, found.groups())).strip() if found else ""
    return "" if _ABOUT.search(text.casefold()) else text


def _tokenizer(words: str) -> dict[str, str]:
    """The tokenizer that is named first, as an argument."""
    named = {name: found.start() for name, pattern in _TOKENIZERS.items() if (found := re.search(pattern, words))}
    return {"tokenizer": min(named, key=lambda name: named[name])} if named else {}


def _unquoted_text(asked: Asked) -> str:
    found = _UNQUOTED_COUNT.search(asked.words)
    if found is None:
        return ""
    text = re.sub("[在用按]$", "", next(filter(None, found.groups())).strip(" ?。"))
    if not text or len(text.split()) > 6 or _ABOUT.search(text):
        return ""
    at = asked.text.casefold().find(text)
    return asked.text[at : at + len(text)] if at >= 0 else text


# Sums


def _calculate(asked: Asked) -> Proposal | None:
    expression = "" if asked.quoted else measures.find(asked.text)
    return Proposal("calculate", {"expression": expression}) if expression else None


_RECOGNIZERS: tuple[Callable[[Asked], Proposal | None], ...] = (
    _progress,
    _glossary,
    _run_demo,
    _next_tokens,
    _tokenize,
    _calculate,
)
