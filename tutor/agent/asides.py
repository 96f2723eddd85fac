"""What no section answers: a greeting, thanks, who answers here, what the lesson on screen is about."""

from __future__ import annotations

import re
from contextlib import suppress

from tutor.content.library import Library
from tutor.content.problem import ContentError
from tutor.domain.errors import NotFound
from tutor.domain.language import Text, both

_END = r"[\s!！.。?？~～]*"
_GREETING = re.compile(rf"(?:hi|hello|hey|hi there|hello there|你好|您好|嗨|哈喽|在吗|在不在){_END}", re.IGNORECASE)
_THANKS = re.compile(
    rf"(?:ok|okay|great|好的?|太好了)?[\s,，]*(?:thanks?|thank you|thx|cheers|谢谢|多谢|感谢|谢)"
    rf"(?: a lot| so much| very much| you|你|您|啦|了)*{_END}",
    re.IGNORECASE,
)
_WHO = re.compile(
    rf"(?:who|what) are you{_END}|what can (?:you do|i ask)(?: you)?{_END}|how do i use (?:you|this){_END}"
    rf"|你(?:是谁|叫什么(?:名字)?|是什么(?:模型)?|能(?:做|干)(?:什么|啥|些什么)|会什么){_END}"
    rf"|(?:我)?(?:能|可以)问(?:你)?(?:什么|些什么|啥){_END}",
    re.IGNORECASE,
)
_OVERVIEW = re.compile(
    rf"(?:please |can you )?(?:give me |write )?(?:a |the )?(?:short )?summar(?:y|i[sz]e)(?: of)?(?: this| the)? (?:lesson|page|text){_END}"
    rf"|what(?:'s| is) (?:this|the) (?:lesson|page|text)(?: all)? about{_END}|what does this lesson (?:teach|cover|say){_END}"
    rf"|(?:这|本)(?:一)?(?:节|堂)?课(?:程)?(?:主要)?(?:讲|说|教)(?:了|的|的是)?(?:什么|啥|些什么|哪些内容)(?:内容)?{_END}"
    rf"|(?:请|帮我)?(?:总结|概括|归纳)(?:一下)?(?:这|本)(?:一)?(?:节|堂)?课(?:程)?(?:的内容|的要点)?{_END}",
    re.IGNORECASE,
)


def aside(question: str, library: Library, near: str | None) -> Text | None:
    """What is said to such a question; None where `question` is to be looked for in the lessons."""
    asked = question.strip().replace("’", "'")
    if _GREETING.fullmatch(asked) or _WHO.fullmatch(asked):
        return both(
            "I answer questions on this course from its lessons, and say from where. I can also count tokens, show what "
            "a model would write next, compute, run the demos, look terms up and tell what you find hard."
        )
    if _THANKS.fullmatch(asked):
        return both("You are welcome. Ask on whenever you like.")
    if near and _OVERVIEW.fullmatch(asked):
        with suppress(ContentError, NotFound):
            return library.lesson(near).answer
    return None
