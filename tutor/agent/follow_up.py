"""Questions that only ask on, and what they go on from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from tutor.agent.defined import asks_meaning
from tutor.agent.desk import Turn
from tutor.agent.events import Passage
from tutor.agent.passages import sentences
from tutor.agent.router import Proposal, propose
from tutor.content.query import content_words

# More of the same: a reason, an example, simpler words. They name no subject.
_ON = re.compile(
    r"(?:(?:can|could|would) you |please |ok |okay |and |but |so |then )*(?:"
    r"why(?: not| so| is that)?|how(?: so| come)?|so what|what then|like what|really|go on|continue|(?:some )?more"
    r"|(?:(?:give|show)(?: me)? |for )?(?:an? |another |some |one more |any )*(?:\w+ )?examples?"
    r"|tell me more|(?:explain|say|tell)(?: it| that| this| me)*(?: again| more| better| further| simply| slowly)*"
    r"(?: in (?:more |simpler? |plain |other )?(?:detail|words|terms|english))?"
    r"|simpler|(?:be )?more (?:detail|simply|concrete|specific)s?"
    r"|i (?:still )?(?:do not|don't|didn't|dont) (?:understand|get)(?: it| that| this)?"
    r"|what (?:do you|does (?:it|that|this)) mean|in other words"
    r"|请?(?:能不能|可以|能)?(?:再|请)?(?:给|举|来|说)(?:我|出)?(?:一?个|几个|一些|些)?(?:具体的?|简单的?|别的)?例子?"
    r"|有(?:没有)?(?:什么|具体的?)?例子|比如说?|例如|为什么|为何|为啥|怎么(?:说|讲|会)|真的|继续|接着说|然后|还有"
    r"|(?:请|能|可以|能不能)?(?:再|多)?(?:说|讲|解释)(?:得)?(?:一?下|一遍|详细|具体|清楚|简单|明白|通俗|多)*(?:一?[点些])?"
    r"|(?:再)?(?:详细|具体|简单|通俗)一?[点些]|说人话|什么意思"
    r"|我?(?:还是)?(?:没|不|不太|没太|看不|听不|没看|没听)(?:懂|明白|理解)了?"
    r")(?: (?:please|then|though))?(?:吗|呢|吧|啊|呀|一下)?"
)
# The same in the other language.
_IN_CHINESE = re.compile(
    r"(?:and |what about |say (?:it|that) |answer |now |please )*in chinese(?: please)?|(?:请)?用?(?:中文|汉语)(?:再|来)?(?:说|讲|回答|解释)?(?:一遍|一下)?呢?"
)
_IN_ENGLISH = re.compile(
    r"(?:and |what about |say (?:it|that) |answer |now |please )*in english(?: please)?|(?:请|那)?用?(?:英文|英语)(?:再|来)?(?:说|讲|回答|解释)?(?:一遍|一下)?呢?"
)
# The same of something else.
_INSTEAD = re.compile(r"(?:and |so |then )?(?:what|how) about (.+)|and (?!why|how|what)(.+)|(?:那么?|换成)(.{1,30}?)呢")
_ENDS = " \t\n?？!！.。,，~～…"
# What of a tool's arguments the other thing takes the place of.
_ASKED_OF = {"tokenize": "text", "next_tokens": "prompt", "glossary": "term", "calculate": "expression"}


def asks_on(question: str) -> bool:
    """Whether `question` only wants more of what was said before: why, an example, once again."""
    bare = _bare(question)
    return bool(_ON.fullmatch(bare) or language_wanted(question)) or not content_words(question)


def language_wanted(question: str) -> str:
    """The language that `question` only asks to go on in, if any."""
    bare = _bare(question)
    return "zh" if _IN_CHINESE.fullmatch(bare) else "en" if _IN_ENGLISH.fullmatch(bare) else ""


def whole(question: str, history: Sequence[Turn], context: str) -> str:
    """What `question` asks for: its words alone where they say it, else those of the question it goes on from, or
    where there is none `context`, what is on screen.
    """
    on = asks_on(question)
    enough = len(content_words(question)) > 1 or asks_meaning(question)
    if not on and enough and not _INSTEAD.fullmatch(_bare(question)):
        return question
    before = next((turn.question for turn in reversed(history) if not asks_on(turn.question)), context)
    # “An example” names none of what is looked for, and would be looked for.
    words = "" if on and before and content_words(question) else question
    return f"{before} {words}".strip()


def further(passages: Sequence[Passage], said: str) -> tuple[Passage, ...]:
    """`passages` without the sentences that `said` has; as they are where nothing else is in them."""
    left = []
    for passage in passages:
        text = passage.text
        for sentence in sentences(text):
            if sentence in said:
                text = text.replace(sentence, "", 1)
        left.append(replace(passage, text=text.strip()))
    return tuple(each for each in left if each.text) or tuple(passages)


def once_more(question: str, history: Sequence[Turn]) -> Proposal | None:
    """The tool that the last question asked for, for the other thing that `question` names: “and hello?”."""
    found = None if asks_on(question) else _INSTEAD.fullmatch(_bare(question))
    before = propose(history[-1].question) if found and history else None
    if found is None or before is None or before.tool not in _ASKED_OF:
        return None
    other = next(filter(None, found.groups())).strip(_ENDS + "“”\"'「」『』")
    return Proposal(before.tool, before.arguments | {_ASKED_OF[before.tool]: other}) if other else None


def _bare(question: str) -> str:
    return " ".join(question.casefold().replace("’", "'").split()).strip(_ENDS)
