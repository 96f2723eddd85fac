"""Attention as shades: what is drawn equals the weights, and what cannot be seen is not drawn."""

from __future__ import annotations

import numpy as np
import pytest
from rich.cells import cell_len
from rich.text import Text

from tutor.decoding.attention import Weights, mean_over_heads, pooled, sink_share, weights_of
from tutor.domain.model import Attention, TokenPiece
from tutor.ui.draw.heatmap import BOUNDS, SIGNS, Window, contact_sheet, heat_map, level, sheet, weighted_text, window
from tutor.ui.draw.palette import DARK, PLAIN

RANDOM = np.random.default_rng(0)


def causal(n: int, heads: int = 1) -> Weights:
    """Rows of a softmax over what a token may see, some sharp and some flat: (heads, n, n)."""
    scores = RANDOM.normal(0, 3, (heads, n, n)).astype(np.float32)
    scores[:, ~np.tril(np.ones((n, n), bool))] = -np.inf
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    weights: Weights = powers / powers.sum(-1, keepdims=True)
    return weights


def labels(n: int) -> list[str]:
    return [f"␣word{i}" for i in range(n)]


def read_back(lines: list[Text], shown: Window) -> dict[tuple[int, int], str]:
    """The sign in each cell of a heat map, by query and key; a blank is a cell that is not drawn."""
    found = {}
    for i, line in zip(shown.queries, lines[shown.header :], strict=True):
        cells = line.plain[shown.margin :].ljust(shown.cell * len(shown.keys))
        for at, k in enumerate(shown.keys):
            found[i, k] = cells[at * shown.cell]
    return found


def between(sign: str) -> tuple[float, float]:
    """The weights that a sign stands for, from the legend's bounds."""
    edges = (0.0, *BOUNDS, float("inf"))
    at = SIGNS.index(sign)
    return edges[at], edges[at + 1]


@pytest.mark.parametrize("palette", [DARK, PLAIN], ids=["colour", "plain"])
@pytest.mark.parametrize("n", [1, 5, 11, 40])
def test_every_shade_stands_for_its_weight_and_what_is_not_seen_is_empty(n: int, palette: object) -> None:
    head = causal(n)[0]
    names, cursor = labels(n), (n - 1, 0)
    shown = window(names, cursor, (0, 0), (76, 16))
    part = head[shown.queries.start : shown.queries.stop, shown.keys.start : shown.keys.stop]
    lines = heat_map(part.tolist(), shown, names, cursor, DARK if palette is DARK else PLAIN)
    assert len(lines) <= 16 and all(cell_len(line.plain) <= 76 for line in lines)
    drawn = read_back(lines, shown)
    assert drawn.keys() == {(i, k) for i in shown.queries for k in shown.keys}
    for (i, k), sign in drawn.items():
        if k > i:
            assert sign == " "
        else:
            low, high = between(sign)
            assert low <= head[i, k] < high, (i, k)


def test_a_weight_of_nothing_is_not_the_same_as_not_seen() -> None:
    shown = window(["a", "b"], (1, 1), (0, 0), (40, 10))
    lines = heat_map([[1.0, 0.0], [0.0, 1.0]], shown, ["a", "b"], (1, 1), PLAIN)
    assert read_back(lines, shown) == {(0, 0): "█", (0, 1): " ", (1, 0): ".", (1, 1): "█"}


def test_the_window_moves_only_when_the_cursor_leaves_it() -> None:
    names, n, size = labels(200), 200, (76, 16)
    shown = window(names, (0, 0), (0, 0), size)
    moved = 0
    for query in range(n):
        before = shown
        shown = window(names, (query, query), (shown.queries.start, shown.keys.start), size)
        assert query in shown.queries and query in shown.keys
        assert len(shown.queries) == len(before.queries) and len(shown.keys) == len(before.keys)
        moved += shown != before
    assert shown.queries.stop == shown.keys.stop == n
    assert 0 < moved < n // 3


def test_the_labels_of_a_scrolled_window_are_those_of_its_tokens() -> None:
    names, head = labels(200), causal(200)[0]
    shown = window(names, (150, 140), (0, 0), (76, 16))
    part = head[shown.queries.start : shown.queries.stop, shown.keys.start : shown.keys.stop]
    lines = heat_map(part.tolist(), shown, names, (150, 140), PLAIN)
    rows = [line.plain[: shown.margin].split() for line in lines[shown.header :]]
    assert [row[-2:] for row in rows] == [[str(i), names[i]] for i in shown.queries]
    assert [row[0] for row in rows].count(">") == 1
    # Over a narrow column its label is written downward.
    columns = [
        "".join(line.plain.ljust(80)[shown.margin + at * shown.cell] for line in lines[: shown.header]).strip()
        for at in range(len(shown.keys))
    ]
    assert columns == [f"word{k}"[: shown.header] for k in shown.keys]


def test_wide_characters_keep_the_columns_in_place() -> None:
    names = ["猫", "坐在", "垫子", "上", "，", "因为", "它", "累", "了", "。"] * 3
    head = causal(30)[0]
    shown = window(names, (29, 0), (0, 0), (76, 20))
    lines = heat_map(head[shown.queries.start :, : shown.keys.stop].tolist(), shown, names, (29, 0), PLAIN)
    for line in lines[shown.header :]:
        label = line.plain.rstrip(SIGNS + " ")
        assert cell_len(label) < shown.margin
    ends = {cell_len(line.plain) for line in lines[-1:]}
    assert ends <= {shown.margin + shown.cell * len(shown.keys) - gap for gap in (0, 1)}


@pytest.mark.parametrize(("heads", "n"), [(9, 11), (14, 11), (14, 256), (32, 40), (1, 1)])
@pytest.mark.parametrize("size", [(78, 17), (58, 12), (118, 32)])
def test_the_sheet_holds_every_head_within_the_width(heads: int, n: int, size: tuple[int, int]) -> None:
    layout = sheet(heads, n, *size)
    pictures = [pooled(head, layout.rows, layout.columns).tolist() for head in causal(n, heads)]
    lines = contact_sheet(pictures, [f"head{i}" for i in range(heads)], heads - 1, layout, PLAIN)
    assert all(cell_len(line.plain) <= size[0] for line in lines)
    text = "\n".join(line.plain for line in lines)
    assert all(f"head{i}"[: layout.columns - 1] in text for i in range(heads))
    assert text.count(">") == 1
    if heads <= 14:
        assert len(lines) <= size[1], "a usual model's heads are seen at one look"


def test_a_small_picture_shows_the_largest_weight_of_each_part() -> None:
    head = causal(37)[0]
    for rows, columns in ((37, 37), (5, 9), (1, 1), (37, 74)):
        cells = pooled(head, rows, columns)
        for r in range(rows):
            queries = range(r * 37 // rows, max(r * 37 // rows + 1, (r + 1) * 37 // rows))
            for c in range(columns):
                keys = range(c * 37 // columns, max(c * 37 // columns + 1, (c + 1) * 37 // columns))
                seen = [head[i, k] for i in queries for k in keys if k <= i]
                assert cells[r, c] == (max(seen) if seen else -1)


def test_heads_come_out_of_the_bytes_as_they_went_in() -> None:
    weights = causal(7, heads=3)
    pieces = tuple(TokenPiece(i, "a", b"a", i, i + 1) for i in range(7))
    found = weights_of(Attention(pieces, 4, 3, 2, weights.astype("<f4").tobytes()))
    assert np.array_equal(found, weights)
    assert np.allclose(mean_over_heads(found).sum(-1), 1, atol=1e-6)
    assert sink_share(found[1]) == pytest.approx(sum(weights[1, i, 0] for i in range(1, 7)) / 6)
    assert sink_share(found[1][:1, :1]) == 0


def test_a_text_under_one_tokens_weights_leaves_out_what_comes_later() -> None:
    head, names = causal(60)[0], labels(60)
    rows = weighted_text(names, head[30].tolist(), 30, 76, PLAIN)
    assert all(cell_len(row.text.plain) <= 76 for row in rows)
    at = 0
    for row in rows:
        assert row.first == at
        for word in row.text.plain.split():
            start = row.text.plain.index(word)
            shades = row.shades.plain.ljust(80)[start : start + len(word)]
            assert set(shades) == ({SIGNS[level(head[30, at])]} if at <= 30 else {" "})
            assert word == (f"[{names[at]}]" if at == 30 else names[at])
            at += 1
    assert at == 60
