"""Calculations with units, against plain Python and fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutor.domain.errors import TutorError
from tutor.domain.measures import calculate, find

BYTES = {
    "bytes": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "bits": Fraction(1, 8),
    "字节": 1,
}
SCALES = {"k": 10**3, "M": 10**6, "G": 10**9, "万": 10**4, "亿": 10**8, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@given(st.integers(0, 10**9), st.sampled_from(sorted(BYTES)), st.sampled_from(sorted(BYTES)))
def test_every_unit_of_data_converts_to_every_other(amount: int, given: str, wanted: str) -> None:
    exact = Fraction(amount) * BYTES[given] / BYTES[wanted]
    found = calculate(f"{amount} {given} to {wanted}")
    assert found.unit == wanted
    assert math.isclose(found.value, float(exact), rel_tol=1e-12)


@given(st.integers(1, 10**6), st.sampled_from(sorted(SCALES)), st.integers(1, 10**6), st.sampled_from(sorted(SCALES)))
def test_scales_count_as_what_they_are_short_for(a: int, first: str, b: int, second: str) -> None:
    assert calculate(f"{a}{first} * {b}{second}").value == a * SCALES[first] * b * SCALES[second]


numbers = st.one_of(st.integers(0, 10**6).map(str), st.decimals(0, 1000, places=3).map(str))
expressions = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda e: f"({e[0]} {e[1]} {e[2]})"),
        inner.map(lambda e: f"sqrt({e} * {e})"),
    ),
    max_leaves=8,
)


@given(expressions)
def test_plain_arithmetic_is_what_python_says(expression: str) -> None:
    try:
        expected = eval(expression, {"sqrt": math.sqrt})  # what hypothesis wrote, of digits and operators
    except (ZeroDivisionError, ValueError):
        with pytest.raises(TutorError):
            calculate(expression)
        return
    assert math.isclose(calculate(expression).value, expected, rel_tol=1e-12, abs_tol=1e-300)


@pytest.mark.parametrize(
    ("typed", "value", "unit"),
    [
        ("7e9 * 2 bytes in GB", 14.0, "GB"),
        ("7B * 2 bytes in GiB", 7e9 * 2 / 2**30, "GiB"),
        ("7B parameters in fp16 in GB", 14.0, "GB"),
        ("70亿 × 2 字节是多少 GB？", 14.0, "GB"),
        ("how many GiB is 491400064 bytes", 491400064 / 2**30, "GiB"),
        ("120 GB → GiB", 120e9 / 2**30, "GiB"),
        ("1024 B in KiB", 1.0, "KiB"),
        ("16 GB / 50 GB/s", 0.32, "s"),
        ("100 tokens / 4 s", 25.0, "/s"),
        ("3 h + 20 min in s", 12000.0, "s"),
        ("1536 MiB + 512 MiB", 2**31, "bytes"),
        ("15% of 200", 30.0, ""),
        ("17 % 5", 2, ""),
        ("23/40 as a percentage", 57.5, "%"),
        ("ln(0.225)", math.log(0.225), ""),
        ("log2(151936)", math.log2(151936), ""),
        ("e^2", math.e**2, ""),
        ("3² + 1", 10, ""),
        ("2 的 10 次方", 1024, ""),
        ("根号64", 8.0, ""),
        ("10 除以 4", 2.5, ""),
        ("1,000,000 * 3", 3_000_000, ""),
        ("max(1,200)", 200, ""),
        ("2 * 24 * 2 * 64 * 2 = ?", 12288, ""),
        ("1234567890 是多少亿", 12.3456789, "亿"),
    ],
)
def test_calculations_as_people_write_them(typed: str, value: float, unit: str) -> None:
    found = calculate(typed)
    assert found.unit == unit
    assert math.isclose(found.value, value, rel_tol=1e-12)


def test_whole_numbers_stay_exact() -> None:
    assert calculate("3**200 + 1").value == 3**200 + 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("5 apples", "does not know apples"),
        ("__import__('os')", "does not know __import__"),
        ("2 GB + 3", "do not fit together"),
        ("3 s + 2 bytes", "do not fit together"),
        ("ln(2 GB)", "do not fit together"),
        ("2 ^ (3 bytes)", "do not fit together"),
        ("3 s in GB", "cannot be converted to GB"),
        ("2 GB * 3 GB", "no unit that has a name"),
        ("1/0", "no finite value"),
        ("9**9**9", "no finite value"),
        ("1e999", "no finite value"),
        ("1 +", "not an arithmetic expression"),
        ("", "not an arithmetic expression"),
        ("1 " * 200, "may have 300 characters"),
        ("-" * 40 + "1", "may be nested 24 deep"),
    ],
)
def test_what_makes_no_sense_gets_a_sentence(typed: str, words: str) -> None:
    with pytest.raises(TutorError, match=words.replace("(", r"\(")):
        calculate(typed)


@given(st.text(st.sampled_from("0123456789.+-*/()% kMGBib万亿字节秒sine^lno×÷=?,至到多少是"), max_size=60))
def test_no_text_does_more_than_fail_with_a_sentence(typed: str) -> None:
    for ask in (calculate, find):
        try:
            ask(typed)
        except TutorError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("question", "expression"),
    [
        ("compute 24 * 14 * 256", "24 * 14 * 256"),
        ("please tell me what 12 * 12 is", "12 * 12"),
        ("模型有 24 层，KV 一共 2 * 24 * 2 * 64 * 2 字节，是多少", "2 * 24 * 2 * 64 * 2 字节"),
        ("100/8", "100/8"),
        ("what is top-p 0.9", ""),
        ("GPT-4 和 GPT-2 有什么区别", ""),
        ("Qwen2.5-0.5B", ""),
        ("top-k 取 20-50 合适吗", ""),
        ("3-5 个 token 的草稿够吗", ""),
        ("24/7 online", ""),
        ("fp16 和 bf16", ""),
        ("5", ""),
        ("2 GB", ""),
    ],
)
def test_a_calculation_is_found_in_a_question_and_not_in_a_name(question: str, expression: str) -> None:
    assert find(question) == expression
