"""Whether a request is for the answer to the question that stands open, rather than about the subject.

Told from its words alone. One that is taken for begging gets a hint, which does no harm; one that is not is answered
from the lessons, without the sentences that tell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from tutor.agent.passages import sentences
from tutor.content.query import content_words, terms
from tutor.domain.quiz import Choice, Multi, Order, Predict, Question

RESTATED = 0.7  # of a sentence's words in the request: it is that sentence once more
WORDS = 3  # that a sentence must have for that
LETTERS = 8  # of what is copied as it stands
MORE = 1  # words of its own in a request that only goes on with the one before
HAN = 0.5  # what a pair of Han characters counts as one

_RIGHT = r"(?:right|correct|true|real|final|actual|expected|proper|winning|model|official)"
_IT = (
    r"(?:the (?:one|question|task|problem|exercise|quiz|blank|order|cuts?)\b"
    r"|(?:it|them|this|that|these|those)(?=\W*$| (?:for|to|now|please|one|again|out|up|in|by|with|all|letter|step)\b))"
)
_TELL = (
    r"(?:tell|give|show|print|say|reveal|write|spell|output|leak|send|hand|read|repeat|complete|finish|solve|do|compute|"
    r"calculate|work|figure|translate|encode|reverse|rephrase|paraphrase|summari[sz]e|explain|describe|draw|fill|pick|"
    r"choose|select|rule|eliminate|cross|sort|order|rank|guess|answer|whisper|mark|highlight|confirm|check|verify|run|call)"
)
_ENGLISH = (
    # the answer, the options, the question itself
    rf"\b{_RIGHT} (?:ones?|answers?|options?|choices?|numbers?|results?|solutions?|values?|orders?|items?|cuts?|words?|"
    r"letters?|boxe?s?|places?)\b",
    rf"\b(?:which|what|where|who)\b.{{0,40}}\b(?:is|are|'s|was|would be) (?:the )?{_RIGHT}(?: one| here)?\W*$",
    r"\b(?:the|its|your|my|this|quiz|short|whole|full) (?:answer|solution)(?:'s)?\b(?! (?:model|engine|length|itself is))|\banswer key\b",
    r"\b(?:answers?|solutions?|answer key)\b[^a-z]*$|^\W*(?:answers?|solutions?)\b",
    r"\boptions?\b|\bchoices\b|\b(?:correct|right) choice\b|\bquiz\b|\bsolution\b",
    r"\b(?:this|the|that|my|open) (?:question|exercise|quiz|task|problem|card|checkpoint)\b",
    # it told, computed, translated, confirmed
    rf"\b{_TELL} (?:me |us |out |up |down |in |on |off |just |please |again )*{_IT}",
    r"\b(?:is|was|isn't|are|aren't) (?:it|they|this one|that one)\b(?! (?:true|possible|normal|better|worse|ok|okay|bad|good|always|ever|only)\b)",
    r"\bit(?:'s| is)\b.{0,40}\b(?:right|correct|true|isn't it|no)\W*$|\b(?:am i|was i|is that|that's) (?:right|correct|true)\b",
    # what to choose, by the reader or in the tutor's place
    r"\b(?:my (?:guess|pick|choice|bet)|i(?:'d| would|'ll)? (?:guess|pick|choose|bet|go for|say))\b|\bi (?:think|believe|suppose) (?:it|that it)",
    r"\b(?:you|u) (?:pick|choose|select|answer|say|guess|take|click|tick|type|enter|write|put)\b",
    r"\b(?:what|which)(?: \w+)? (?:should|do|must|would|shall|can) i (?:pick|choose|select|answer|say|guess|take|click|tick|type|enter|write|put)\b",
    # bit by bit
    r"\b(?:first|second|third|fourth|fifth|last) (?:one|item|letters?)\b|\b(?:first|second|last|next) (?:words?|line|characters?|digits?|half) of (?:it|that|this)\b",
    r"^\W*(?:and |its |the |what is )*(?:first|second|third|next|last) (?:words?|letters?|digits?|characters?)\W*$",
    r"\bhow (?:many|long).{0,20}\b(?:letters|characters|words|digits) (?:does|has|is|are)\b.{0,20}\b(?:it|they|answer)\b",
    # by rank, need or weariness
    r"\bi(?:'m| am) (?:the|your|a|an) (?:\w+ )?(?:teacher|professor|author|developer|admin\w*|instructor|examiner|creator|lecturer)\b",
    r"\bcheat\W*$|\b(?:spoil|spoiler|me cheat|give up|giving up|for the solution|no hints?|stop hinting|enough hints|another hint|a hint|hints?)\b",
    r"\b(?:just|please|simply|only) (?:tell|say|give|show|print|answer)(?: me| us)?\W*(?:now|already|straight|directly|please)?\W*$",
    # by other hands, or by elimination
    r"\b(?:tool|demo|call|code|program) (?:that|which|to) (?:computes?|answers?|solves?|says|gives|shows|works? it)\b|\bshow me the result",
    r"\bwhich (?:one|ones|is|are)(?: (?:is|are))?(?: (?:right|wrong|false|correct|true|it))?\W*$|^\W*[a-h] or [a-h]\b|\bpick (?:one|some)\b",
    r"\b(?:does|do) (?:it|they) (?:start|begin|end|contain|rhyme|have)\b|\bonly the (?:letter|number|word)|\b(?:tell me|say it) already\b",
    r"\b(?:what did i get|where (?:am i|was i|did i go)|why am i) wrong\b|\bexam\b|\byou know it\b|\band the (?:next|rest|others?)\W*$|^\W*in (?:capitals|full)\b",
    r"\b(?:said|told me|promised|allowed)\b.{0,24}\b(?:tell|say|answer)\b",
    r"\br[ée]ponse\b|\brespuesta\b|\bantwort\b|\brisposta\b|答え|正解|정답",
    r"\b(?:yes or no|true or false|warmer or colder|hot or cold)\b",
)  # fmt: skip
_CHINESE = (
    # the answer, the options, the question itself
    r"(?:正确|标准|最终|参考|真正|这题的?|此题的?|本题的?|题目?的|它的|那个)(?:的)?(?:答案|选项|结果|顺序|切法|数字|解)",
    r"答案(?:是|呢|吧|给|告诉|选|在哪|第|的第|的首|的前|翻译|倒|反|写|说|念|发|拼|用|直接|到底|多少|几)|(?<!错误的)(?<!不同的)(?<!错的)答案\W*$|^\W*答案",
    r"(?:告诉|给(?!出)|说|要|知道|看|公布|揭晓|透露|泄露|打印|输出|念|显示|直接|求|问|翻译|重复|复述|朗读).{0,8}(?:答案|选项|解答|结果)",
    r"选项|解答|标准解|这(?:道|个)?(?:题|问题)|该题|本题|此题|题目|测验",
    # what to choose; a guess to be confirmed
    r"哪(?:个|一个|些|几个|项|一项|条)?.{0,4}(?:是)?(?:对的?|正确的?|真的?)(?:[呢吗呀啊])?\W*$|哪(?:个|一个|项)是对",
    r"(?:该|应该|应|要|你|到底|得|究竟|我)(?:会|能|就)?(?:选|填|答|写|点|勾)(?:哪|什么|啥|几|多少)|^\W*(?:选|填)(?:哪|什么|啥|几|多少)",
    r"选\s*[a-h①②③④⑤\d一二三四五六]|第\s*[\d一二三四五六]+\s*(?:个|项|条|种)?(?:选项|吗|吧|对|是不是|$|\W*$)|(?:是不是|是|选)第\s*[\d一二三四五六]+",
    r"^\W*(?:那|所以|难道|那么|应该|我猜|我觉得)?(?:就)?(?:是不是|会不会是|应该是|是).{1,10}(?:吗|吧|么|对吧|对吗|对不对)?\W*$",
    r"我(?:猜|选|想选|打算选|的答案|填|答)|我(?:觉得|认为|想)(?:是|应该|选)|^\W*[-\d.,/%\s]+(?:对吗|对吧|对不对|是吧)",
    # it told or done; by rank, need or weariness
    r"直接(?:告诉|说|给|讲|答|回答|公布|算|写)|告诉我(?:吧|嘛|呗|就行|就好)?\W*$|说吧|快说|求求|拜托|求你|帮帮我|放弃|不会做|做不出",
    r"(?:帮|替)(?:我|咱)?(?:做|算|答|选|填|回答|写|解|排|切)|(?:算|做|答|解|排|切|选|填)(?:一下|出来|给我|好)(?:吧|它|这个)?\W*$",
    r"我(?:就)?是(?:你的|这门课的|本课的|出题的?)?(?:老师|教师|作者|管理员|开发者|助教|出题人|考官|教授|讲师)",
    # bit by bit, or put otherwise
    r"(?:首|第一个|第二个|最后一个|头一个|前两个|前几个|第一|每个)(?:个)?(?:字母?|词|拼音|汉字|数字|步|项)(?:是(?:什么|啥|哪|几)|呢|吗|\W*$)|几个(?:字(?!节)|字母)|首字母|藏头",
    r"(?:翻译|倒着|倒过来|反过来|换句话|用拼音|用英文|用法文|用英语|复述|重复|概括|总结).{0,6}(?:它|答|选|正确|对的|题|一遍|说)",
    # by elimination, short questions, other ways
    r"哪(?:个|些|一个|项)(?:啊|呀|呢|吧)?\W*$|哪(?:个|些|一个|几个).{0,2}(?:错|不对|假)的?(?:[呢吗呀啊])?\W*$|我错在|第\s*[\d一二三四五六]+\s*(?:个|项|条|步)?(?:呢|吗|吧)\W*$",
    r"^\W*(?:到底|应该|该|要)?(?:怎么|如何)(?:选|排|切|填|答|做|算)\W*$|^\W*(?:结果|算出来|排序|顺序|切在|等于)(?:是|等于)?(?:什么|多少|哪里?|几)\W*$",
    r"只(?:说|要|给).{0,4}(?:字母|数字|结果|序号)|它以什么|把对的|(?:说|答应|允许)(?:过|好|会|可以).{0,6}(?:告诉|说)|让你(?:告诉|说)|考试|^\W*那?下一个(?:字|词)?呢?\W*$|用大写|然后呢\W*$",
    r"(?:错|选项).{0,6}排除|排除.{0,8}(?:错|选|项)|剧透|作弊|提示(?!词)|是还是不是|对还是错|更大还是更小|大了还是小了",
)  # fmt: skip
_BEGS = re.compile("|".join((*_ENGLISH, *_CHINESE)), re.IGNORECASE)
# Nothing but a place, a letter or a number: a guess.
_GUESS = re.compile(
    r"\W*(?:选|选项|option|answer|number|no)?\W*(?:第?[一二三四五六七八\d]+[个项]?|[a-h]|[-+]?\d[\d.,:/%\s]*\w?)\W*",
    re.IGNORECASE,
)

# A question of its own, however short.
_ASKS = re.compile(r"\b(?:what|why|how|when|define|explain)\b|什么|为什么|为何|怎么|如何|解释|意思|区别")


def pleads(request: str) -> bool:
    """Whether `request` by its words alone is about the question that stands on screen, its answer or its options."""
    folded = _folded(request)
    return not content_words(folded) or bool(_BEGS.search(folded) or _GUESS.fullmatch(folded))


def begs(request: str, question: Question, before: str = "") -> bool:
    """Whether `request` is for the answer to `question`; `before` is what was asked just before, if that was begging.

    To name one of the options is to ask whether it is the right one, and treated alike whichever it is.
    """
    folded = _folded(request)
    own = sum(1 if word.isascii() else HAN for word in content_words(folded))
    return (
        pleads(request)
        or bool(before and own <= MORE and not _ASKS.search(folded))
        or any(_says_again(folded, text) for text in _posed(question))
    )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _posed(question: Question) -> Iterator[str]:
    """What stands on the screen: the sentences that ask, and all options or items."""
    for language in (question.prompt.zh, question.prompt.en):
        yield from sentences(language)
    if isinstance(question, (Choice, Multi, Predict)):
        for option in question.options:
            yield from filter(None, (option.text.zh, option.text.en))
    if isinstance(question, Order):
        for item in question.items:
            yield from filter(None, (item.zh, item.en))


def _says_again(request: str, text: str) -> bool:
    letters = _letters(text)
    if len(letters) >= LETTERS and letters in _letters(request):
        return True
    words = set(content_words(text))
    return len(words) >= WORDS and len(words & set(terms(request))) >= RESTATED * len(words)


def _letters(text: str) -> str:
    return "".join(one for one in _folded(text) if one.isalnum())
