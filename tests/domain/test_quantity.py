from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutor.domain.errors import UsageError
from tutor.domain.language import Text
from tutor.domain.quantity import close, how_far, likely_slip, parse_quantity, say_number, show_number


@pytest.mark.parametrize(
    ("typed", "unit", "value"),
    [
        ("1e6", "", 1e6),
        ("1,000,000", "", 1e6),
        ("1 000 000", "", 1e6),
        ("1_000_000", "", 1e6),
        ("100,0000", "", 1e6),
        ("1,000,000.5", "", 1000000.5),
        ("1.5k", "", 1500),
        ("1.5K", "", 1500),
        ("7B", "parameters", 7e9),
        ("7 billion", "parameters", 7e9),
        ("２５", "", 25),
        ("１，０００", "", 1000),
        ("1.5万", "", 15000),
        ("2亿", "", 2e8),
        ("3千万", "", 3e7),
        ("1万亿", "", 1e12),
        ("-3.5", "", -3.5),
        ("−3", "", -3),
        (".5", "", 0.5),
        ("5.", "", 5),
        ("~5", "", 5),
        ("约 5", "", 5),
        ("50%", "", 0.5),
        ("50%", "%", 50),
        ("50", "%", 50),
        ("5个词元", "tokens", 5),
        ("5 token", "tokens", 5),
        ("3 层", "layers", 3),
        ("4x", "", 4),
        ("4 倍", "times", 4),
        ("16GB", "GB", 16),
        ("16 gb", "GB", 16),
        ("16G", "GB", 16),
        ("16000 MB", "GB", 16),
        ("16 GiB", "GB", 17.179869184),
        ("1.5k bytes", "bytes", 1500),
        ("2 KiB", "bytes", 2048),
        ("16 bits", "bytes", 2),
        ("15 万 字节", "bytes", 150000),
        ("250 ms", "s", 0.25),
        ("7M", "M parameters", 7),
        ("12M", "multiplications", 12e6),
        ("2**20", "", 2**20),
        ("2^20", "", 2**20),
        ("1.5×10^6", "", 1.5e6),
        ("12 * 64", "", 768),
        ("1/3", "", 1 / 3),
        ("1.1M", "", 1_100_000),
    ],
)
def test_numbers_as_people_write_them(typed: str, unit: str, value: float) -> None:
    assert parse_quantity(typed, unit) == value


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "abc",
        "1,5",
        "1.2.3",
        "1,00",
        "5-",
        "nan",
        "inf",
        "1e999",
        "9**9**9",
        "5 kg",
        "五",
        "1e",
        "__import__('os')",
        "1" * 500,
    ],
)
def test_what_is_no_number_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(UsageError, match="1,000,000"):
        parse_quantity(typed)


def test_a_unit_of_another_kind_is_refused_and_the_right_one_named() -> None:
    with pytest.raises(UsageError, match="GB"):
        parse_quantity("5 seconds", "GB")


@pytest.mark.parametrize(
    ("typed", "unit"), [("7 步", "steps"), ("7 奈特", "nats"), ("7 个字符", "characters"), ("7 nats", "nats")]
)
def test_a_unit_is_read_in_either_language(typed: str, unit: str) -> None:
    assert parse_quantity(typed, unit) == 7


def test_a_unit_is_said_in_each_language_and_a_symbol_stays() -> None:
    assert say_number(7, "steps") == Text("7 步", "7 steps")
    assert say_number(87.5, "%") == Text("87.5%", "87.5%")


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_python_s_own_notation_is_read_back_exactly(value: float) -> None:
    assert parse_quantity(repr(value)) == value


@given(st.integers(-(10**14), 10**14))
def test_a_shown_whole_number_is_read_back(value: int) -> None:
    assert parse_quantity(show_number(value)) == value


@given(st.text(max_size=40), st.sampled_from(["", "GB", "tokens", "%", "s"]))
def test_any_text_gives_a_finite_number_or_a_sentence(typed: str, unit: str) -> None:
    try:
        assert math.isfinite(parse_quantity(typed, unit))
    except UsageError as error:
        assert str(error)


def test_tolerance_is_a_distance_or_a_fraction() -> None:
    assert close(10.5, 10, 0.5)
    assert not close(10.6, 10, 0.5)
    assert close(-105, -100, 0.05, relative=True)
    assert not close(106, 100, 0.05, relative=True)
    assert close(0.1 + 0.2, 0.3)
    assert not close(124_439_808, 124_439_809)


@pytest.mark.parametrize(
    ("given", "expected", "unit", "context", "said"),
    [
        (14_000, 14, "GB", "", "factor of 1000"),
        (0.014, 14, "GB", "", "factor of 1000"),
        (5000, 5, "", "", "factor of 1000"),
        (14 / 1.024**3, 14, "GB", "", "1024 where 1000"),
        (14 * 1024, 14, "GB", "", "1024 where 1000"),
        (112, 14, "GB", "", "factor of 8"),
        (1.75, 14, "GB/s", "", "factor of 8"),
        (0.693147, 1, "bits", "", "other logarithm"),
        (2.885, 2, "", "What is the entropy?", "other logarithm"),
        (4.605, 2, "nats", "", "base 10"),
        (25, 0.25, "", "What is the probability?", "factor of 100"),
        (0.25, 25, "%", "", "factor of 100"),
        (11, 12, "tokens", "", "Off by one"),
        (13, 12, "", "", "Off by one"),
    ],
)
def test_the_usual_slips_are_named(given: float, expected: float, unit: str, context: str, said: str) -> None:
    assert said in likely_slip(given, expected, unit, context).en


@pytest.mark.parametrize(
    ("given", "expected", "unit", "context"),
    [
        (96, 12, "heads", "How many heads?"),  # eight times, but not of bits
        (1024, 1, "tokens", ""),
        (6.93147, 10, "layers", ""),
        (28, 14, "GB", ""),
        (14.4, 14, "GB", ""),
        (1.5, 2.5, "", ""),  # one apart, but nothing is counted
        (500, 5, "tokens", ""),
        (5, 0, "", ""),
    ],
)
def test_no_slip_is_named_where_none_explains_the_number(
    given: float, expected: float, unit: str, context: str
) -> None:
    assert not likely_slip(given, expected, unit, context)


def test_how_far_off_is_said_as_a_factor_a_percentage_or_a_sign() -> None:
    assert how_far(14_000, 14).en == "14,000 is 1000 times too large."
    assert how_far(7, 14).en == "7 is 2 times too small."
    assert how_far(13, 10).en == "13 is 30% too high."
    assert how_far(9, 10).en == "9 is 10% too low."
    assert how_far(-10, 10).en == "The size is right, the sign is not."
    assert how_far(3, 0).en == "3 is too high."
    assert how_far(-3, 10).en == "-3 is too low."
