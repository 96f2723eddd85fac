"""Calculations as people write them, units and all: 120 GB to GiB, 70亿 × 2 字节, 16 GB / 50 GB/s, 15% of 200.

Read into an expression that `calculator` computes: numbers with a scale (k, M, 万, 亿, Ki) become numbers, units (those
of `quantity`) become names worth so many bytes or seconds. Nothing else is understood, and nothing is guessed.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from tutor.domain import calculator
from tutor.domain.errors import TutorError
from tutor.domain.plaintext import visible
from tutor.domain.quantity import SCALES, UNITS, show_number

MAX_TYPED = 300  # characters
CONSTANTS = {"e": 2.718281828459045, "pi": 3.141592653589793}


@dataclass(frozen=True, slots=True)
class Dimension:
    """The powers of bytes and of seconds in a quantity."""

    data: int = 0
    time: int = 0

    def times(self, other: Dimension, sign: int = 1) -> Dimension:
        return Dimension(self.data + sign * other.data, self.time + sign * other.time)


PLAIN, DATA, TIME = Dimension(), Dimension(data=1), Dimension(time=1)
RATE, FREQUENCY = DATA.times(TIME, -1), PLAIN.times(TIME, -1)

# What a result is shown in where nobody asked for a unit, the largest that it reaches first; data in both families.
_SHOWN = {
    DATA: (("GB", "GiB"), ("MB", "MiB"), ("KB", "KiB")),
    TIME: (("h",), ("min",)),
    RATE: (("GB/s",), ("MB/s",), ("KB/s",)),
}
_BASE = {PLAIN: "", DATA: "bytes", TIME: "s", RATE: "bytes/s", FREQUENCY: "/s"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a calculation comes to: `value` in `unit`. `others` says the same in other units, as (value, unit)."""

    expression: str
    value: float
    unit: str
    others: tuple[tuple[float, str], ...] = ()

    def __str__(self) -> str:
        said = [show_number(value, unit) for value, unit in ((self.value, self.unit), *self.others)]
        return " = ".join([self.expression, *said])


def calculate(typed: str) -> Measured:
    """What `typed` comes to. Raises TutorError that names what is not understood, and does not fit."""
    if len(typed) > MAX_TYPED:
        raise TutorError("A calculation may have {limit} characters.", limit=MAX_TYPED)
    text, asked = _asked_for(_plain(typed))
    expression = "".join(_translated(text, asked))
    value = calculator.evaluate(expression, CONSTANTS | {name: factor for name, (_, factor) in _WORTH.items()})
    dimension = _dimension(ast.parse(expression, mode="eval").body)
    shown = visible(" ".join(text.split()))
    if asked:
        return Measured(shown, value / _factor(asked, dimension), asked)
    if dimension not in _BASE:
        raise TutorError("{expression} comes out in no unit that has a name here.", expression=shown)
    return Measured(shown, value, _BASE[dimension], tuple(_in_others(value, dimension)))


# A unit's name -> (dimension, how many bytes or seconds)
_WORTH: dict[str, tuple[Dimension, float]] = {
    name: (DATA if kind == "data" else TIME, int(factor) if factor >= 1 else float(factor))
    for name, (kind, factor) in UNITS.items()
}


def _either(names: Iterable[str]) -> str:
    """A pattern for one of `names`, the longest that fits; a Latin one ends where its word does."""
    ordered = sorted(names, key=len, reverse=True)
    latin = [re.escape(name) for name in ordered if name.isascii()]
    others = [re.escape(name) for name in ordered if not name.isascii()]
    return rf"(?:(?:{'|'.join(latin)})(?![a-z0-9])|{'|'.join(others)})"


_UNIT = _either(UNITS)
# A glued b is a byte or a billion: `_quantity` decides.
_SCALE = _either(name for name in SCALES if name not in ("%", "b"))
_TIME_UNIT = _either(name for name, (kind, _) in UNITS.items() if kind == "time")
_COUNTED = _either(
    (
        *(
            "parameters",
            "parameter",
            "params",
            "param",
            "weights",
            "tokens",
            "token",
            "layers",
            "layer",
            "heads",
            "models",
            "model",
        ),
        *("个", "参数", "词元", "层", "头", "字符", "模型", "的"),
    )
)
_MEASURE = rf"{_UNIT}(?:\s*/\s*{_TIME_UNIT})?"
_NUMBER = r"\d+(?:\.\d*)?(?:e[+-]?\d{1,4})?|\.\d+(?:e[+-]?\d{1,4})?"
_PIECE = re.compile(
    rf"""\s*(?:
      (?P<number>{_NUMBER}) (?:\s*(?P<percent>%)(?=\s*of\b|\s*[^\s\d(a-z]|\s*$))?
         \s*(?P<scale>{_SCALE})? \s*(?:{_COUNTED}\s*)* (?P<measure>{_MEASURE})?
      | (?P<function>{"|".join(sorted(calculator.FUNCTIONS, key=len, reverse=True))})(?=\s*[(])
      | (?P<constant>(?:{"|".join(CONSTANTS)})(?![a-z0-9]))
      | (?P<unit>{_MEASURE})
      | (?P<of>of\b) | (?P<filler>{_COUNTED})
      | (?P<operator>\*\*|//|[-+*/%(),]))\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_SPELLED = (
    # 1,000,000; but max(1,200) has two numbers.
    (r"(?<=\d),(?=\d{3}(?!\d))(?=[^()]*(?:[(]|$))", ""),
    (r"[×·∙⋅]|(?<=[\d)])\s*x\s*(?=[\d(])|\btimes\b|\bmultiplied by\b|乘以|乘", "*"),
    # So many things at so much each.
    (
        r"[,，]?\s*(?:每个?|各)(?:参数|数|词元|层|头|权重)?\s*(?:占|用|是|要)?\s*(?=\d)|\b(?:at|of)\s+(?=\d[^,]*\beach\b)",
        " * ",
    ),
    # How much memory do 7B parameters take at 2 bytes each: only what is counted, and how large each is.
    (
        r"^how (?:much (?:v?ram|memory|space|storage|room|disk)|big|large)\b[^\d]{0,60}(?=\d)|\b(?:needs?|takes?|uses?|requires?|occup(?:y|ies)|weighs?)\b(?: up)?",
        " ",
    ),
    (
        r"[,，]?\s*(?:大概|大约)?(?:需要|要|占用?|得用?|用)?(?:多少|多大)(?:的)?(?:显存|内存|空间|存储|磁盘|硬盘|地方)",
        " ",
    ),
    (r"用\s*(?=fp|bf|float|int)|(?:来|去)?存(?:储|放|下)?(?=\s*[,，。]|$)", " "),
    (r"\beach\b|一共|总共|共(?=多少|[\s\d])", " "),
    (r"÷|\bdivided by\b|除以|\bper\b|每", "/"),
    (r"\bplus\b|加上|加", "+"),
    (r"[−–—]|\bminus\b|减去|减", "-"),
    (r"\^|\bto the power of\b", "**"),
    (r"的\s*([\d.]+)\s*次[方幂]", r"**\1"),
    (r"\bsquare root of\b|根号|√", "sqrt "),
    (r"的?平方根$", "**0.5"),
    (r"π", "pi"),
    (r"→|->", " to "),
    # A number format is so many bits a number.
    (r"\s*\b(?:in|at|as|with)?\s*(?<![a-z0-9])(?:fp|bf|float|int)(4|8|16|32)(?![0-9])", r" * (\1 bits)"),
    (r"\b(?:as a |in )percent(?:age)?\b|是?百分之几|百分比", "in %"),
    (rf"\b(ln|log2|log10|log|exp|sqrt)\s+(?:of\s+)?({_NUMBER})(?![\d.])", r"\1(\2)"),
)
_TARGET = re.compile(
    rf"""(?: \b(?:in|into|to|as)\b | 换算成|换算为|换成|转换为|转成|转为|折合|合 | (?:=|是|等于|有|要|占)?\s*(?:多少|几)个? | = )
         \s*[?]?\s* (?P<unit>{_MEASURE}|{_SCALE}|%)? \s*[?。.]*\s*$""",
    re.VERBOSE | re.IGNORECASE,
)
_HOW_MANY = re.compile(
    rf"^(?:how\s+(?:many|much)|多少|几个?)\s*(?P<unit>{_MEASURE})\s*(?:is|are|in|does|do|fit in|make|makes|=|是)?\s*",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?:please|compute|calculate|evaluate|work out|what(?:'s|\s+is|\s+are|\s+does)|how (?:much|big|large|long) (?:is|are)|convert|单位换算|"
    r"请|帮我|计算|算一下|算算|算|求)\s*[:]?\s*|(?:\s*(?:=|[?。!]|是|等于|得)\s*(?:多少|几|[?])?\s*)+$",
    re.IGNORECASE,
)


def _plain(typed: str) -> str:
    # Before NFKC, which makes plain digits of them.
    text = unicodedata.normalize("NFKC", typed.replace("²", "^2").replace("³", "^3")).strip()
    for pattern, plain in _SPELLED:
        text = re.sub(pattern, plain, text, flags=re.IGNORECASE)
    return text


def _asked_for(text: str) -> tuple[str, str]:
    """The calculation in `text`, and the unit that its result is wanted in, empty where it does not say."""
    while (shorter := _QUESTION.sub("", text).strip(" ,")) != text:
        text = shorter
    if found := _HOW_MANY.match(text):
        return text[found.end() :].strip(), _closed(found["unit"])
    if found := _TARGET.search(text):
        return text[: found.start()].strip(" ,"), _closed(found["unit"] or "")
    return text, ""


def _closed(unit: str) -> str:
    return "".join(unit.split())


def _translated(text: str, asked: str) -> Iterator[str]:
    """The pieces of an expression for `calculator`. Raises TutorError at what is none."""
    pieces = list(_pieces(text))
    measures = [_closed(piece["measure"] or piece["unit"] or "").casefold() for piece in pieces]
    # 7B is seven billion where something else says what is counted, or nothing does.
    billions = not asked or any(measure not in ("", "b") for measure in measures)
    before = ""
    for piece in pieces:
        before = _python(piece, before, billions)
        yield before


def _pieces(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            word = re.match(r"\w+|.", text[at:], re.DOTALL)
            raise TutorError(
                "The calculator does not know {word}.",
                hint="It takes numbers, + - * / ^ ( ), {functions}, scales such as k, M, 万, 亿, and units such as GB, GiB.",
                word=visible(word[0] if word else ""),
                functions=", ".join(calculator.FUNCTIONS),
            )
        yield piece
        at = piece.end()


def _python(piece: re.Match[str], before: str, billions: bool) -> str:
    """`piece` in Python; `before` is the piece before it in Python."""
    if piece["number"]:
        return _quantity(piece, billions)
    if piece["unit"]:
        return ("*" if before.endswith(")") else "") + f"({_closed(piece['unit']).casefold()})"
    if piece["of"]:
        return "*"
    return (piece["function"] or piece["constant"] or piece["operator"] or "").casefold()


def _quantity(piece: re.Match[str], billions: bool) -> str:
    number = Decimal(piece["number"])
    if piece["percent"]:
        number /= 100
    scale, measure = (piece["scale"] or "").casefold(), _closed(piece["measure"] or "").casefold()
    if measure == "b" and billions and piece[0].strip()[-2:-1].isdigit():
        scale, measure = "b", ""
    if scale:
        number *= SCALES[scale]
    # As an integer where it is one, so that the calculator stays exact; `f` would write 1e400 in full.
    literal = str(int(number)) if number == number.to_integral_value() and abs(number) < 10**40 else f"{number:e}"
    return f"({literal}*{measure})" if measure else literal


def _factor(asked: str, dimension: Dimension) -> float:
    """How many bytes or seconds the unit `asked` has. A plain number is taken for bytes where those are asked for."""
    unit, _, per = asked.casefold().partition("/")
    if unit in SCALES and unit not in UNITS and dimension == PLAIN:
        return float(SCALES[unit])
    if unit in _WORTH:
        wanted, factor = _WORTH[unit]
        if per:
            over, seconds = _WORTH[per]
            wanted, factor = wanted.times(over, -1), factor / seconds
        if wanted == dimension or (wanted == DATA and dimension == PLAIN):
            return factor
    raise TutorError("That cannot be converted to {unit}.", unit=asked)


def _in_others(value: float, dimension: Dimension) -> Iterator[tuple[float, str]]:
    for family in _SHOWN.get(dimension, ()):
        factors = [_factor(unit, dimension) for unit in family]
        if abs(value) >= factors[0]:
            yield from ((value / factor, unit) for factor, unit in zip(factors, family, strict=True))
            return


def _dimension(node: ast.expr) -> Dimension:
    """What `node`, an expression that `calculator` takes, is measured in. Raises TutorError where units do not fit."""
    match node:
        case ast.Name(id=name):
            return _WORTH[name][0] if name in _WORTH else PLAIN
        case ast.UnaryOp(operand=operand):
            return _dimension(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            base, power = _dimension(left), _dimension(right)
            if base == PLAIN and power == PLAIN:
                return PLAIN
            if power == PLAIN and isinstance(right, ast.Constant) and isinstance(right.value, int):
                return Dimension(base.data * right.value, base.time * right.value)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _dimension(left).times(_dimension(right))
        case ast.BinOp(left=left, op=ast.Div() | ast.FloorDiv(), right=right):
            return _dimension(left).times(_dimension(right), -1)
        case ast.BinOp(left=left, right=right):
            return _alike([left, right])
        case ast.Call(func=ast.Name(id="min" | "max" | "abs" | "floor" | "ceil"), args=arguments):
            return _alike(arguments)
        case ast.Call(func=ast.Name(id="round"), args=[first, *_]):
            return _dimension(first)
        case ast.Call(args=arguments):
            if all(_dimension(each) == PLAIN for each in arguments):
                return PLAIN
        case ast.Constant():
            return PLAIN
    raise TutorError("The units do not fit together.", hint="Only what is measured alike can be added or compared.")


def _alike(nodes: list[ast.expr]) -> Dimension:
    dimensions = [_dimension(node) for node in nodes]
    if any(each != dimensions[0] for each in dimensions):
        raise TutorError("The units do not fit together.", hint="Only what is measured alike can be added or compared.")
    return dimensions[0]


_STRONG = re.compile(
    r"[*^×÷√=]|\*\*|[(]|(?<=\s)[-+/%](?=\s)|%\s*of\b|(?<=[\d)])\s*\+|乘|除以|加上|减去|次方|平方根|根号"
)
_COMPUTE = re.compile(
    r"\b(?:compute|calculate|evaluate|work out|convert|how much is|how many)\b|\b(?:times|plus|minus|divided by)\b|计算|算一下|算算|换算|等于|多少|乘|除以|加上|减去|[=]\s*[?]?\s*$",
    re.IGNORECASE,
)


# Nothing but an expression, and no range: 100/8, 10 - 3.
_ALONE = re.compile(r"(?:what(?:'s| is) )?(?!\d+-\d+$)[\d\s.+*/()^-]+[?]?", re.IGNORECASE)


def find(text: str) -> str:
    """The calculation that `text` asks for, as `calculate` takes it; empty where it asks for none.

    Numbers alone, ranges such as 2-3, names such as GPT-4 and Qwen2.5-0.5B are none.
    """
    whole = text[:MAX_TYPED].strip()
    meant = _COMPUTE.search(whole) is not None or _ALONE.fullmatch(whole) is not None
    candidates = [whole, *sorted(_stretches(_plain(whole)), key=len, reverse=True)]
    for each in candidates:
        expression, asked = _asked_for(_plain(each))
        if _asks(expression, asked, meant):
            return f"{expression} in {asked}" if asked else expression
    return ""


def _asks(expression: str, asked: str, meant: bool) -> bool:
    """Whether it can be calculated and is more than a number; what may be a range or a name must be `meant`."""
    try:
        calculate(f"{expression} in {asked}" if asked else expression)
        tree = ast.parse("".join(_translated(expression, asked)), mode="eval").body
    except TutorError:
        return False
    if asked:
        return any(isinstance(node, ast.Name) for node in ast.walk(tree)) or not isinstance(tree, ast.Constant)
    if isinstance(tree, ast.UnaryOp):
        tree = tree.operand
    computes = isinstance(tree, (ast.BinOp, ast.Call)) and not _is_quantity(tree)
    return computes and (meant or _STRONG.search(expression) is not None)


def _is_quantity(node: ast.expr) -> bool:
    """Whether `node` is a number with its unit."""
    return isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Name)


def _stretches(text: str) -> Iterator[str]:
    """The stretches of `text` that consist of pieces of a calculation."""
    at = 0
    while at < len(text):
        start = end = at
        # Not inside a word: the 4 of GPT-4 and the 0.5B of Qwen2.5-0.5B are parts of names.
        if at == 0 or not re.match(r"[\w.-]", text[at - 1]) or _is_han(text[at - 1]):
            while end < len(text) and (piece := _PIECE.match(text, end)) and piece.end() > end:
                end = piece.end()
        if end > start:
            target = _TARGET.match(text, end)
            yield text[start : target.end() if target else end].strip(" ,")
        at = max(end, at + 1)


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"
