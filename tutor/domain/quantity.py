"""Numbers as people write them, and what probably went wrong with one that is off."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from tutor.domain import calculator
from tutor.domain.errors import TutorError, UsageError
from tutor.domain.language import Text, both
from tutor.domain.plaintext import visible

MAX_TYPED = 200  # characters of a typed number

_NUMBER = re.compile(
    r"""[~≈约=]?\s*
    (?P<number>[+-]?
        (?: \d{1,3}(?:[,_ ]\d{3})+ (?![\d]) | \d{1,4}(?:,\d{4})+ (?![\d,]) | \d+(?:_\d+)* | (?=\.\d) )
        (?:\.\d*)? (?:[eE][+-]?\d{1,4})? )
    (?![\d,._]) \s* (?P<suffix>.*)""",
    re.VERBOSE | re.DOTALL,
)
SCALES = {
    name: Decimal(scale)
    for scale, names in {
        "0.01": ("%", "percent"),
        "1e2": ("百",),
        "1e3": ("k", "千", "thousand"),
        "1e4": ("万", "w"),
        "1e5": ("十万",),
        "1e6": ("m", "百万", "million"),
        "1e7": ("千万",),
        "1e8": ("亿",),
        "1e9": ("g", "b", "bn", "十亿", "billion"),
        "1e10": ("百亿",),
        "1e11": ("千亿",),
        "1e12": ("t", "万亿", "兆", "trillion"),
        "1024": ("ki",),
        "1048576": ("mi",),
        "1073741824": ("gi",),
        "1099511627776": ("ti",),
    }.items()
    for name in names
}
_LONGEST_SCALES_FIRST = sorted(SCALES, key=len, reverse=True)
# unit (case folded) -> (what it measures, how many of the base unit)
UNITS: dict[str, tuple[str, Decimal]] = {
    name: (dimension, Decimal(factor))
    for dimension, factor, names in (
        ("data", "1", ("b", "byte", "bytes", "字节")),
        ("data", "0.125", ("bit", "bits", "比特", "位")),
        ("data", "1e3", ("kb",)),
        ("data", "1e6", ("mb",)),
        ("data", "1e9", ("gb",)),
        ("data", "1e12", ("tb",)),
        ("data", "1024", ("kib",)),
        ("data", "1048576", ("mib",)),
        ("data", "1073741824", ("gib",)),
        ("data", "1099511627776", ("tib",)),
        ("time", "1e-9", ("ns", "纳秒")),
        ("time", "1e-6", ("us", "μs", "微秒")),
        ("time", "1e-3", ("ms", "毫秒")),
        ("time", "1", ("s", "sec", "second", "seconds", "秒")),
        ("time", "60", ("min", "minute", "minutes", "分", "分钟")),
        ("time", "3600", ("h", "hour", "hours", "小时")),
        ("time", "86400", ("day", "days", "天")),
    )
    for name in names
}
_SAME_UNIT = {
    "词元": "token",
    "参数": "parameter",
    "param": "parameter",
    "倍": "time",
    "x": "time",
    "×": "time",
    "步": "step",
    "层": "layer",
    "头": "head",
    "维": "dimension",
    "纳特": "nat",
}
_UNIT_NAMES = {
    "bytes": "字节",
    "characters": "字符",
    "nats": "奈特",
    "points": "分",
    "positions": "位置",
    "radians": "弧度",
    "steps": "步",
    "times": "倍",
    "tokens": "词元",
    "votes": "票",
}


def parse_quantity(typed: str, unit: str = "") -> float:
    """The number that `typed` means in `unit`.

    Accepts 1e6, 1,000,000, 1.5k/M/G/T, full-width digits, 万 and 亿, a percent sign, the unit itself or one that
    converts to it (1500 MB for GB), and a plain calculation such as 2**20 or 1.5×10^6. Raises UsageError.
    """
    text = unicodedata.normalize("NFKC", typed).replace("\u2212", "-").strip()
    value = _read(text, unit) if len(text) <= MAX_TYPED else None
    if value is None or not math.isfinite(value):
        shown = visible(typed[:40])
        if unit:
            raise UsageError(
                "“{typed}” is not a number in {unit}.",
                hint="Type a number such as 1e6, 1,000,000, 1.5k or 15万, with or without the unit {unit}.",
                typed=shown,
                unit=unit_name(unit),
            )
        raise UsageError(
            "“{typed}” is not a number.", hint="Type a number such as 1e6, 1,000,000, 1.5k or 15万.", typed=shown
        )
    return value


def _read(text: str, unit: str) -> float | None:
    if found := _NUMBER.fullmatch(text):
        factor = _factor(found["suffix"].strip(), unit)
        if factor is not None:
            try:
                # Decimal, so that 1.1M is exactly 1100000.
                return float(Decimal(re.sub(r"[,_ ]", "", found["number"])) * factor)
            except InvalidOperation:
                return None
    if re.search(r"\d", text):
        try:
            return float(calculator.evaluate(re.sub(r"[x×·]", "*", text).replace("÷", "/").replace("^", "**")))
        except TutorError:
            return None
    return None


def _factor(suffix: str, unit: str) -> Decimal | None:
    """What to multiply by when `suffix` stands behind a number asked for in `unit`; None when it makes no sense."""
    as_unit = _unit_factor(suffix, unit)
    if as_unit is not None:
        return as_unit
    for scale in _LONGEST_SCALES_FIRST:
        if suffix.casefold().startswith(scale):
            as_unit = _unit_factor(suffix[len(scale) :].strip(), unit)
            if as_unit is not None:
                return SCALES[scale] * as_unit
    return None


def _unit_factor(suffix: str, unit: str) -> Decimal | None:
    suffix = suffix.removeprefix("个").strip()
    if (
        not suffix
        or unit.startswith(suffix)
        or suffix == unit_name(unit).zh
        or _plain_unit(suffix) == _plain_unit(unit)
    ):
        return Decimal(1)
    # 1.5G where GB is asked for, 7M where "M parameters" is.
    prefixed = len(suffix) == 1 and unit[:1].casefold() == suffix.casefold()
    if prefixed and (unit[1:2].isupper() or unit[1:2].isspace()):
        return Decimal(1)
    if not unit and _plain_unit(suffix) == "time":
        return Decimal(1)
    given, wanted = UNITS.get(suffix.casefold()), UNITS.get(unit.casefold())
    if given and wanted and given[0] == wanted[0]:
        return given[1] / wanted[1]
    return None


def _plain_unit(unit: str) -> str:
    folded = re.sub(r"\s", "", unit.casefold())
    folded = folded.removesuffix("s") if len(folded) > 2 else folded
    return _SAME_UNIT.get(folded, folded)


def close(given: float, expected: float, tolerance: float = 0.0, *, relative: bool = False) -> bool:
    """Whether `given` is within `tolerance` of `expected`: a distance, or a fraction of `expected` when `relative`."""
    allowed = tolerance * abs(expected) if relative else tolerance
    return abs(given - expected) <= allowed + 1e-12 * abs(expected)


def unit_name(unit: str) -> Text:
    """`unit`, as a question writes it, in each language; a symbol (MB, %) is the same in both."""
    return Text(_UNIT_NAMES.get(unit, unit), unit)


def say_number(number: float, unit: str = "") -> Text:
    """`show_number` in each language."""
    name = unit_name(unit)
    return Text(show_number(number, name.zh), show_number(number, name.en))


def show_number(number: float, unit: str = "") -> str:
    """`number` for a person: whole numbers whole, from 10,000 on in groups of three, others to six digits."""
    if float(number).is_integer() and abs(number) < 1e15:
        shown = f"{int(number):,}" if abs(number) >= 10_000 else str(int(number))
    else:
        shown = f"{number:.6g}"
    return f"{shown}{unit}" if unit in ("%", "x", "×") else f"{shown} {unit}".rstrip()


def how_far(given: float, expected: float) -> Text:
    """By how much `given` misses `expected`, in a sentence."""
    if given == -expected:
        return both("The size is right, the sign is not.")
    high = given > expected
    if expected != 0 and given / expected > 0:
        ratio = given / expected if abs(given) > abs(expected) else expected / given
        if ratio >= 2:
            if abs(given) > abs(expected):
                return both("{given} is {ratio} times too large.", given=show_number(given), ratio=f"{ratio:.4g}")
            return both("{given} is {ratio} times too small.", given=show_number(given), ratio=f"{ratio:.4g}")
        percent = f"{abs(given - expected) / abs(expected):.2g}"
        percent = f"{float(percent) * 100:g}"
        if high:
            return both("{given} is {percent}% too high.", given=show_number(given), percent=percent)
        return both("{given} is {percent}% too low.", given=show_number(given), percent=percent)
    if high:
        return both("{given} is too high.", given=show_number(given))
    return both("{given} is too low.", given=show_number(given))


def likely_slip(given: float, expected: float, unit: str = "", context: str = "") -> Text:
    """The usual mistake that turns `expected` into `given`, or an empty text. `context` is the question's wording.

    A slip is named only where it explains the number (to 0.5 %, to 0.1 % where the factor is near 1) and where the
    question is about such things: bits and bytes only in units of data, logarithms only where it speaks of them.
    """
    if expected == 0 or given == 0 or not math.isfinite(given):
        return Text()
    ratio = given / expected
    fits = [
        (abs(ratio / factor - 1), name)
        for factor, name in _slips(unit, context)
        if abs(ratio / factor - 1) <= (1e-3 if 0.5 < factor < 2 else 5e-3)
    ]
    if fits:
        return min(fits, key=lambda fit: fit[0])[1]
    if float(expected).is_integer() and abs(given - expected) == 1 and abs(expected) < 1e6:
        return both("Off by one: check what is counted at the two ends.")
    return Text()


def _slips(unit: str, context: str) -> Iterator[tuple[float, Text]]:
    about = f"{unit} {context}".casefold()
    prefix = both("That is a factor of 1000: look at the prefix of the unit (k, M, G).")
    for power in (1, 2, 3, -1, -2, -3):
        yield 1000.0**power, prefix
    if _measures_data(unit):
        binary = both("That is 1024 where 1000 is meant, or the other way round (GiB or GB).")
        for factor in (1024 / 1000, 1024):
            for power in (1, 2, 3, -1, -2, -3):
                yield float(factor) ** power, binary
        bits = both("That is a factor of 8: bits where bytes are meant, or the other way round.")
        yield 8.0, bits
        yield 1 / 8, bits
    if unit == "%" or "probab" in about or "fraction" in about or "概率" in about:
        percent = both("That is a factor of 100: a percentage is not a fraction.")
        yield 100.0, percent
        yield 0.01, percent
    if re.search(r"\bnats?\b|\bbits?\b|\blog|\bln\b|entrop|perplex|surpris|熵|对数|困惑度|奈特|纳特|比特", about):
        binary_log = both("That is the other logarithm: base 2 gives bits, base e gives nats.")
        yield math.log(2), binary_log
        yield 1 / math.log(2), binary_log
        decimal_log = both("That is the logarithm to base 10: natural logarithms are meant here.")
        yield math.log(10), decimal_log
        yield 1 / math.log(10), decimal_log


def _measures_data(unit: str) -> bool:
    """GB, KiB, GB/s, bytes per token, bits."""
    first = re.split(r"[/\s]|每", unit.casefold(), maxsplit=1)[0]
    return UNITS.get(first, ("", Decimal(0)))[0] == "data"
