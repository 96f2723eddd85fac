"""The numbers in a text, in whatever notation: what they are worth, and the names that only have digits in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_FULL_WIDTH = str.maketrans("０１２３４５６７８９．％，−–", "0123456789.%,--")
_SCALES = {
    "百": "1e2", "千": "1e3", "万": "1e4", "百万": "1e6", "千万": "1e7", "亿": "1e8", "十亿": "1e9", "百亿": "1e10",
    "千亿": "1e11", "万亿": "1e12", "k": "1e3", "m": "1e6", "g": "1e9", "b": "1e9", "t": "1e12", "w": "1e4",
    "hundred": "1e2", "thousand": "1e3", "million": "1e6", "billion": "1e9", "trillion": "1e12",
}  # fmt: skip
_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))
_NUMBER = re.compile(
    rf"""(?P<of>百分之\s*)?
    (?P<sign>(?:(?<=[\s(=（＝：:,，、≈×*/])|^)[-+])?
    (?P<digits>(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?|\.\d+)
    (?P<exponent>e[-+]?\d{{1,3}}(?![\w]))?
    (?P<scale>\s?(?:{_SCALE})(?![a-z0-9]))?
    (?P<percent>\s?(?:%|percent\b))?""",
    re.VERBOSE | re.IGNORECASE,
)
_NUMBERED = re.compile(r"[a-z]+-\d+(?:\.\d+)?")  # top-3 and beam-4 are numbers, GPT-3 is a name
# GPT-2, o200k_base, Qwen2.5, U+4E00, UTF-8: a name in which the digits are no number.
_NAME = re.compile(r"(?<![\w.])[A-Za-zΑ-Ωα-ω_][\w.+-]*\d[\w]*(?:[-.+]\w+)*|\d+[A-Za-z_][A-Za-z0-9]*_\w+")
_HAN_DIGITS = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_HAN_NUMBER = re.compile("(?:[两二三四五六七八九][十百千万亿]?|十)[一二三四五六七八九十百千万亿]*")
_HAN_WORD = re.compile("[一二两三四五六七八九十百千万亿]+")
_COUNTED = re.compile(
    r"\s?(?:个|种|次|步|倍|层|项|条|句|位|段|行|列|遍|轮|类|张|份|组|头|维|字节|词元|分之|年|天|秒|卡|块|台|处|成|道|题|"
    r"票|局|字|词|人|家|节|例|点|分|周|月|小时|版|封|本|只|格|圈|度)"
)
_ENGLISH_COUNT = re.compile(
    r"\b(?:three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|twenty|thirty|"
    r"forty|fifty)\b",
    re.IGNORECASE,
)
_WORDS = {
    name: Decimal(value)
    for value, name in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]
    )
} | {"half": Decimal("0.5"), "twice": Decimal(2), "thirty": Decimal(30), "forty": Decimal(40), "fifty": Decimal(50),
     "hundred": Decimal(100), "thousand": Decimal(1000), "million": Decimal(1000000), "none": Decimal(0),
     "third": Decimal(3), "fourth": Decimal(4), "fifth": Decimal(5), "first": Decimal(1), "second": Decimal(2),
     "double": Decimal(2), "doubled": Decimal(2), "once": Decimal(1)}  # fmt: skip
_WORD = re.compile(r"[a-z]+", re.IGNORECASE)
_LISTED = re.compile(r"^\s*\d{1,2}[.)、]\s", re.MULTILINE)
_ABOUT = re.compile(
    r"(?:≈|~|约|约为|大约|大约是|大概|将近|接近|about|around|roughly|nearly|almost|some|over|超过|多于)\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number (`value`, as a fraction where it is a percentage) or a name with digits, and where it stands.

    `digits` after the point as they are written; `about` where the text says that it is rounded.
    """

    start: int
    end: int
    text: str
    value: Decimal | None
    percent: bool = False
    about: bool = False


def figures(text: str) -> list[Figure]:
    """What stands in digits in `text`, and Chinese numerals before a measure word; numbers of list items are left out."""
    plain = text.translate(_FULL_WIDTH)
    taken = [found.span() for found in _LISTED.finditer(plain)]
    found = []
    for name in _NAME.finditer(plain):
        if _NUMBERED.fullmatch(name[0]):
            continue
        found.append(Figure(*name.span(), name[0].casefold(), None))
        taken.append(name.span())
    for number in _NUMBER.finditer(plain):
        if not any(start < number.end() and number.start() < end for start, end in taken):
            found.append(_figure(number, plain))
            taken.append(number.span())
    found += _counts(plain, taken)
    return sorted(found, key=lambda figure: figure.start)


def claims(text: str) -> list[Figure]:
    """The figures of `text`, and its English numerals from three on: one and two are said of anything."""
    found = figures(text)
    words = (Figure(*word.span(), word[0], _WORDS[word[0].lower()]) for word in _ENGLISH_COUNT.finditer(text))
    apart = [word for word in words if not any(one.start < word.end and word.start < one.end for one in found)]
    return sorted(found + apart, key=lambda one: one.start)


def _figure(number: re.Match[str], text: str) -> Figure:
    percent = bool(number["of"] or number["percent"])
    try:
        value = Decimal(number["digits"].replace(",", "") + (number["exponent"] or ""))
    except InvalidOperation:
        value = Decimal(0)
    value *= Decimal(_SCALES[number["scale"].strip().lower()]) if number["scale"] else 1
    if number["sign"] == "-":
        value = -value
    about = bool(_ABOUT.search(text[: number.start()]))
    return Figure(*number.span(), number[0], value / 100 if percent else value, percent, about)


def _counts(text: str, taken: list[tuple[int, int]]) -> Iterator[Figure]:
    for numeral in _HAN_NUMBER.finditer(text):
        inside = any(start < numeral.end() and numeral.start() < end for start, end in taken)
        if (
            not inside
            and _COUNTED.match(text, numeral.end())
            and text[max(0, numeral.start() - 1)] not in "第几十百千万"
        ):
            yield Figure(*numeral.span(), numeral[0], Decimal(_han_value(numeral[0])))


def _han_value(numeral: str) -> int:
    total = section = digit = 0
    for character in numeral:
        if character in _HAN_DIGITS:
            digit = _HAN_DIGITS[character]
            continue
        unit = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}[character]
        if unit >= 10_000:
            total, section, digit = (total + section + digit) * unit, 0, 0
        else:
            section, digit = section + (digit or 1) * unit, 0
    return total + section + digit


def values(text: str) -> list[Decimal]:
    """The numbers in digits in `text`, a percentage as a fraction."""
    return [figure.value for figure in figures(text) if figure.value is not None]


def in_words(text: str) -> Iterator[tuple[int, int, Decimal]]:
    """Where numbers stand in words in `text` (start, end), and what they are."""
    for word in _WORD.finditer(text):
        if word[0].lower() in _WORDS:
            yield *word.span(), _WORDS[word[0].lower()]
    for numeral in _HAN_WORD.finditer(text):
        yield *numeral.span(), Decimal(_han_value(numeral[0]))


def spelled(text: str) -> list[Decimal]:
    """The numbers that stand in words in `text`."""
    return [value for *_, value in in_words(text)]


def names(text: str) -> frozenset[str]:
    """The names with digits in `text`, and the parts that a name may be called by: qwen2.5 of qwen2.5-coder-0.5b."""
    found = {figure.text for figure in figures(text) if figure.value is None}
    return frozenset(
        found | {"-".join(name.split("-")[:count]) for name in found for count in range(1, name.count("-") + 1)}
    )


def borne_out(figure: Figure, by: list[Decimal], known: frozenset[str]) -> bool:
    """Whether one of the numbers `by`, or of the names `known`, is `figure`; one that is rounded may be near."""
    if figure.value is None:
        return figure.text in known or any(figure.text == name.replace("-", "") for name in known)
    if figure.value in by:
        return True
    return figure.about and any(_rounds_to(value, figure.value) for value in by)


def _rounds_to(exact: Decimal, rounded: Decimal) -> bool:
    if rounded == 0 or exact == 0:
        return exact == rounded
    places = rounded.normalize().as_tuple().exponent
    return isinstance(places, int) and exact.quantize(Decimal(1).scaleb(places)) == rounded
