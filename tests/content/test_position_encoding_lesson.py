"""Numbers of lesson 30 that are worked out in its text."""

from __future__ import annotations

import math

from tutor.content.library import Library


def says(section: str, *figures: str) -> None:
    text = next(part.body for part in Library().lesson("position-encoding").sections if part.id == section)
    for language in (text.zh, text.en):
        for figure in figures:
            assert figure in language, (figure, language)


def test_the_table_of_the_smallest_gpt2() -> None:
    says("table-and-bias", f"{1024 * 768:,}")


def test_the_pair_that_is_turned_by_hand() -> None:
    query, key = math.degrees(3), 45 + math.degrees(1)
    between = query - key
    fast = 2 * math.sqrt(2) * math.cos(math.radians(between))
    slow = math.cos(0.1 * (3 - 1))
    says(
        "rope", f"{query:.1f}°", f"{math.degrees(1):.1f}° = {key:.1f}°", f"{between:.1f}°", f"{fast:.3f}", f"{slow:.3f}"
    )
    says("rope", f"{fast + slow:.3f}")


def test_what_alibi_takes_off_at_a_distance_of_eight() -> None:
    says("alibi", f"{math.exp(-8 / 2):.3f}", f"{8 / 256:.3f}", f"{math.exp(-8 / 256):.3f}")


def test_the_bases_and_factors_of_a_longer_context() -> None:
    says("longer-context", f"{10_000 * 4 ** (128 / 126):,.0f}", f"{(0.1 * math.log(4) + 1) ** 2:.4f}", f"{1 / 4}")
    assert 2048 * 4 == 8192
