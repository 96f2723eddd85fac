"""Orders hidden in what is only data: sentences of a passage or a tool's result that speak to the assistant.

A lesson speaks to its reader. A sentence that tells an assistant what to say, lays down new rules, or plays another
role in the conversation has no business in it, and is left out of what the model reads and of what is quoted. The
model is told besides that notes are quotations, and what it says is checked: no one of these has to hold alone.
"""

from __future__ import annotations

import re

from tutor.agent.passages import spans

# A turn of a conversation, written out with the control tokens of one family of models or another.
_TURN = re.compile(
    r"<\|(?:im_start|start_header_id|system|user|assistant)\|>.*?(?:<\|(?:im_end|eot_id|end)\|>|\Z)"
    r"|<<SYS>>.*?(?:<</SYS>>|\Z)|\[INST\].*?(?:\[/INST\]|\Z)|<\|im_end\|>(?=\s*(?:\n|\Z))",
    re.DOTALL,
)
_SAYING = r"(?:say|reply|respond|answer|print|output|write|report|repeat|tell|state|claim|pretend)"
_ROLE = r"(?:system|admin(?:istrator)?|developer|operator|assistant|ai|tool|root)"
_PERSON = r"(?:the |your |this )?(?:user|student|learner|reader|human|person)"
_WHOM = rf"(?:{_PERSON}|(?:the |your |this )?(?:assistant|tutor|model|ai))"
_ENGLISH = (
    # who speaks, or is spoken to
    rf"^\W*{_ROLE}(?: (?:order|note|message|prompt|override|instruction|command|hint|update)s?)?\s*(?:[:：]|[-–—] )",
    rf"\b(?:note|message|instructions?|order|reminder|hint) (?:to|for) {_WHOM}\b",
    rf"\b(?:tell|inform|warn|convince|persuade) {_PERSON}\b",
    r"\b(?:new|updated|real|actual|following|hidden) (?:system )?(?:prompt|instructions?|rules)\b",
    # earlier rules taken back
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instructions?|rules?|prompts?|above|previous|prior|definition|"
    r"notes?|everything|question|guidelines)\b",
    r"\b(?:from now on|you are now|henceforth|act as|pretend to be|as your new)\b",
    r"\bstop (?:teaching|answering|helping|tutoring)\b",
    # what to say
    rf"\b{_SAYING} (?:only|just|nothing but|exactly|verbatim|(?:every|each|all) questions?)\b|\bsay so\b",
    rf"\b(?:and|then|but|instead|,) {_SAYING} (?:['\"“‘\d]|the (?:result|answer|word|line|following)|(?-i:[A-Z]{{3,}})|\d)",
    rf"^\W*(?:please )?{_SAYING} (?:['\"“‘]|\w+ times\b|the (?:word|line|following|phrase))",
    r"\b(?:append|add|insert|include|put|attach|prepend)\b.{0,60}\b(?:your|the|every|each) (?:answer|reply|response|output)",
    r"\b(?:begin|start|end|finish|close) (?:your |the |every |each )?(?:answer|reply|response|sentence)?\s*with ['\"“‘]",
    r"\b(?:must|should|have to|always) (?:cite|mention|recommend|link)\b",
    # how an answer must be: something laid down, and the answer that it is laid down for
    r"(?=.*\b(?:must|shall|always|please|every|each|instead|from (?:now|this point|here)|before|make sure|remember to|ensure|"
    r"only|never)\b).*\b(?:(?:your|every|each|any|all|the next|future) (?:answer|repl(?:y|ies)|response|output)s?|"
    r"(?:when(?:ever)?|before|after|while) (?:you )?(?:answer|reply|respond)(?:ing)?)\b",
    r"(?:^|[,;:—] )\W*(?:please |now |first |then )?(?:answer|reply|respond|print|output|report|address|reveal|refuse|sign|visit|click|"
    r"forget|ignore|disregard)(?! (?:key|keys|rate|is|was|are)\b) (?!that\b)(?:in|with|to|only|as|all|every|everything|the|this|that|your|any|me|us|it|\d)",
    r"\bdear (?:model|assistant|ai|tutor)\b|\b(?:in|by|with) (?:rot-?13|base-?64|morse)\b|\bbefore (?:anything|everything) else\b",
    # whom to ask, and what to call again
    r"\b(?:ask|invite|urge|advise|remind|tell) (?:the|this|your|every) (?:user|learner|student|reader|customer)s?\b",
    r"\b(?:call|invoke|use|run) (?:the |this |a |that )?\w* ?(?:tool|function)s?\b.{0,40}\b(?:again|second|once more|instead|with the text)\b",
    # on whose authority
    r"\b(?:per|under|according to) (?:the )?(?:new |school |company |safety )?(?:policy|rule|regulation|directive|protocol)\b(?: \d+)?|"
    r"\berrat(?:um|a)\b|\b(?:sign-?off|signature phrase|passphrase|coupon|promo code|discount code)\b",
    # what to do
    r"^\W*(?:please )?(?:call|invoke|use|run) the (?:tool|function)\b",
)
_CHINESE = (
    r"^\W*(?:系统|管理员|开发者|助教|助手|机器人|工具|作者|老师)(?:提示|命令|指令|消息|通知|注|说明)?\s*[:：]",
    r"(?:告诉|通知|转告|提醒)(?:用户|学生|学员|读者|学习者|对方|他|她)",
    r"(?:助教|助手|机器人|AI|模型)(?:应当|应该|必须|务必|需要|要|请)(?:告诉|回答|说|输出|引用)",
    r"(?:忽略|无视|忘记|忘掉|不要理会|不用管|推翻).{0,12}(?:指令|指示|规则|提示|要求|以上|上面|前面|之前|定义|笔记|内容|问题)",
    r"(?:新的|以下是|真正的|下面是).{0,6}(?:系统提示|系统指令|指令|规则)",
    r"从现在(?:起|开始)|(?:你|您)(?:现在|从此)是|扮演",
    r"(?:只|仅|只需|只能|只要|直接|统一)\s*(?:回答|输出|说|回复|打印|答)\s*[:：“\"「『]|(?:只|仅)(?:回答|输出|回复|打印)",
    r"(?:请|务必|必须|一定要|改)\s*(?:照说|照念|照做|照抄|回答|输出|改说|说|写|答)\s*[:：“\"「『\d]|请照[说念做抄]|^\W*改说|，改说",
    r"(?:回答|答案|回复|输出|每句话|句子|结尾|末尾|开头).{0,6}(?:加上|附上|写上|带上|以.{1,12}(?:开头|结尾))",
    r"重复.{0,12}[一二三四五六七八九十两\d]+\s*[遍次]",
    r"(?:必须|务必|一定要)(?:引用|提到|推荐)|\[\[[^\W\d]",
    r"^\W*(?:请)?调用(?:工具|函数).{0,60}(?:报告|回答|告诉|输出)",
    r"^\W*【?(?:系统|管理员|平台|官方|安全)(?:通知|公告|提示|策略|更新|消息)",
    r"(?=.*(?:必须|务必|请|不得|不许|不准|一律|每次|每句|都要|记得|切记|先)).*(?:(?:你的|每次|每个|每条|任何|所有|写|作|给出)(?:回答|回复|答复|答案|输出)|"
    r"(?:回答|回复|答复|作答|输出)(?:时|前|之前|后|里|中|的最后|必须|要|须|请)|最后一行|注明出处|授权码|口令|暗号|证书编号)",
    r"(?:请|要|快)(?:祝贺|恭喜|夸奖|表扬|感谢|称呼)",
    r"勘误|更正[:：]|一律作废|以此为准|照此(?:回答|办理|执行)|(?:根据|按照|依照).{0,6}(?:规定|政策|条例|守则)",
    r"我是(?:这门课的|你的|本课的?)?(?:老师|管理员|作者|开发者|主人)|署名|落款|敬上",
    r"停止(?:教学|回答|讲课|辅导)",
    r"^\W*(?:回答|输出|说|打印)\s*[:：“\"「『]|(?:命令|指令)\s*[:：]",
)
# What no lesson has in its text: an address, a citation in the form that only answers have, a text in code,
# a message between programs, a remark for whoever reads the source.
_FOREIGN = (
    r"https?://|www\.|[\w.+-]+@[\w-]+\.[a-z]{2,}|\[[^\]\n]+\]\([^)\n]+\)",
    r"\[[a-z0-9-]+#[a-z0-9-]+\]",
    r"[A-Za-z0-9+/]{32,}={0,2}",
    r"\"(?:role|system|content|messages?(?:_to_\w+)?|instructions?|status|error)\"\s*:\s*\"",
    r"^\W*(?:<!--|//|# )",
)
_ORDER = re.compile("|".join((*_ENGLISH, *_CHINESE, *_FOREIGN)), re.IGNORECASE)


def without_orders(text: str) -> str:
    """`text` without the sentences in it that give an assistant orders."""
    bare = _TURN.sub("", text)
    cut = [(start, stop) for start, stop in spans(bare) if _ORDER.search(bare[start:stop])]
    if not cut:
        return bare if bare != text else text
    kept, end = [], 0
    for start, stop in cut:
        kept.append(bare[end:start])
        end = stop
    return "".join([*kept, bare[end:]]).strip()
