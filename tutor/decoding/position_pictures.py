"""RoPE as pictures: one pair turned, scores that know only the distance, and hands slowed for a longer context."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tutor.decoding.positions import Extension, Floats, rotate, spread
from tutor.domain.demo import Step
from tutor.domain.frames import Bar, Bars, Curve, Matrix, Series, Table
from tutor.domain.language import Text, same

BACK = (0, 1, 2, 4)  # distances whose scores are compared at several positions
SHOWN_SCORES = 10
SHOWN_PAIRS = 8
SHOWN_TURNS = 7


def degrees(angle: float) -> str:
    """An angle in radians, written in degrees."""
    return f"{math.degrees(angle):,.1f}°"


def decimal(value: float, digits: int = 3) -> str:
    """`value` for a table; what is too small or too large for so many digits in powers of ten."""
    return f"{value:,.{digits}f}" if value == 0 or 10.0**-digits <= abs(value) < 1e7 else f"{value:.2e}"


def some(count: int, most: int) -> list[int]:
    """At most `most` indices of `count`, from the first to the last."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most)).tolist()})


def rope_steps(query: Floats, key: Floats, scores: Floats, extension: Extension) -> Iterator[Step]:
    """`query` and `key` (width), their `scores` (positions, positions); a factor of 1, or one pair alone, leaves out the longer context."""
    yield _one_pair(query, key, float(extension.plain[0]), len(scores))
    yield _equal_distances(scores)
    yield _score_map(scores)
    longer = extension.factor > 1 and extension.width > 2  # a single pair is the fastest and the slowest
    yield _by_distance(scores, 0.55 if longer else 1.0)
    if longer:
        yield _slowed(extension)
        yield _at_the_end(extension)


def _one_pair(query: Floats, key: Floats, speed: float, count: int) -> Step:
    places = np.arange(min(count, SHOWN_TURNS), dtype=np.float64)
    speeds = np.array([speed])
    turned = [rotate(vector[:2], places, speeds) for vector in (query, key)]
    columns = (
        Text("位置", "position"),
        Text("转过", "turned by"),
        Text("查询 (x, y)", "query (x, y)"),
        Text("方向", "points to"),
        Text("键 (x, y)", "key (x, y)"),
        Text("方向", "points to"),
    )
    rows = []
    for p in range(len(places)):
        cells = [str(p), degrees(p * speed)]
        for vector in turned:
            x, y = vector[p].tolist()
            cells += [f"({decimal(x)}, {decimal(y)})", degrees(math.atan2(y, x) % (2 * math.pi))]
        rows.append(tuple(cells))
    note = Text(
        f"只看第 0 对坐标：平面上的一根箭。站在位置 m 就转 m × {speed:g} 弧度，长度不变。"
        "查询和键按同样的速度转，所以两根箭的夹角只取决于它们隔了几个位置。",
        f"Coordinates 0 and 1 alone are an arrow in a plane. At position m it is turned by m × {speed:g} radians, its length "
        "unchanged. Query and key turn at the same speed, so the angle between them depends only on how far apart they are.",
    )
    return Step(Text("亲手转一对坐标", "One pair turned by hand"), (Table(columns, tuple(rows)),), note, 0.0)


def _equal_distances(scores: Floats) -> Step:
    columns = (
        Text("查询的位置", "query at"),
        *(Text(f"键在 {back} 之前", f"key {back} before") for back in BACK),
    )
    rows = tuple(
        (str(m), *(f"{scores[m, m - back]:.6f}" if m >= back else "" for back in BACK)) for m in some(len(scores), 8)
    )
    note = Text(
        f"同一个查询、同一个键，放在不同的位置。一列里距离相同，分数也相同；整张分数表里，同一距离的分数最多差 {spread(scores):.1e}，是舍入。",
        f"The same query and the same key at other places. Within a column the distance is the same, and so is the score; "
        f"over all positions, scores of equal distance differ by at most {spread(scores):.1e}, which is rounding.",
    )
    return Step(Text("距离相同，分数就相同", "Equal distance, equal score"), (Table(columns, rows),), note, 0.2)


def _score_map(scores: Floats) -> Step:
    shown = scores[:SHOWN_SCORES, :SHOWN_SCORES]
    names = tuple(str(p) for p in range(len(shown)))
    label = Text("分数：行是查询的位置，列是键的位置", "Scores: a row a query position, a column a key position")
    matrix = Matrix(tuple(tuple(row) for row in shown.tolist()), names, names, label)
    note = Text(
        "每条斜线上的数都相同：沿着斜线走，两个位置一起挪，距离不变。左下和右上可以不同：RoPE 分得清前后。",
        "Every diagonal is constant: along it both positions move together and the distance stays. Below and above the main "
        "one scores may differ: RoPE tells before from after.",
    )
    return Step(Text("整张分数表", "The whole table of scores"), (matrix,), note, 0.4)


def _by_distance(scores: Floats, progress: float) -> Step:
    column = scores[:, 0].tolist()
    curve = Curve(
        (Series(Text("分数", "score"), tuple(map(float, range(len(column)))), tuple(column)),),
        Text("分数随距离的变化", "The score against the distance"),
        Text("查询在键之后几个位置", "positions from key to query"),
    )
    note = Text(
        "它是快慢不一的余弦之和，会上下起伏，不是越远越小。内容怎样配对、哪一对坐标用得多，是模型自己学的。",
        "It is a sum of cosines of different speeds and goes up and down: farther is not always less. What goes into which "
        "pair is for the model to learn.",
    )
    return Step(Text("分数和距离", "Score and distance"), (curve,), note, progress)


def _slowed(extension: Extension) -> Step:
    columns = (
        Text("对 i", "pair i"),
        Text("几个位置转一圈", "positions a turn"),
        Text("训练时转几圈", "turns in training"),
        Text("插值", "interpolated"),
        same("NTK"),
        same("YaRN"),
    )
    rows = tuple(
        (
            str(i),
            decimal(float(extension.wavelengths[i]), 1),
            decimal(float(extension.turns[i])),
            *(f"÷ {float(extension.plain[i] / speeds[i]):.3f}" for speeds in _methods(extension)),
        )
        for i in some(len(extension.plain), SHOWN_PAIRS)
    )
    note = Text(
        f"上下文要从 {extension.trained:,} 加长到 {extension.factor:g} 倍。三种办法都是把表针拨慢：位置插值每根一样慢；"
        f"NTK-aware 把 base 换成 {decimal(extension.ntk_base, 1)}，最快的不变，最慢的慢 {extension.factor:g} 倍；"
        "YaRN 不动转得勤的（训练时超过 32 圈），插值没转满一圈的，中间的按比例混合。",
        f"The context shall be {extension.factor:g} times {extension.trained:,}. All three slow the hands down: position "
        f"interpolation all alike; NTK-aware replaces the base by {decimal(extension.ntk_base, 1)}, so the fastest keeps its "
        f"speed and the slowest is {extension.factor:g} times slower; YaRN leaves those that turned often (over 32 times in "
        "training), interpolates those that never came round, and mixes between.",
    )
    label = Text("每对的速度除以几", "What each pair's speed is divided by")
    return Step(
        Text("加长上下文：把表针拨慢", "A longer context: slower hands"), (Table(columns, rows, label),), note, 0.75
    )


def _methods(extension: Extension) -> tuple[Floats, Floats, Floats]:
    return extension.interpolated, extension.ntk, extension.yarn


def _at_the_end(extension: Extension) -> Step:
    names = ("RoPE", "PI", "NTK", "YaRN")
    every = (extension.plain, *_methods(extension))
    seen = math.degrees(float(extension.plain[-1]) * extension.trained)
    far = [math.degrees(float(speeds[-1]) * extension.trained * extension.factor) for speeds in every]
    near = [math.degrees(float(speeds[0])) for speeds in every]
    frames = (
        Bars(
            tuple(
                Bar(name, angle, "bad" if angle > seen * (1 + 1e-9) else "good")
                for name, angle in zip(names, far, strict=True)
            ),
            Text(
                f"最慢的一对在末尾转到（训练时最多 {seen:,.1f}°）",
                f"The slowest pair at the far end (in training up to {seen:,.1f}°)",
            ),
            "°",
        ),
        Bars(
            tuple(Bar(name, angle) for name, angle in zip(names, near, strict=True)),
            Text("最快的一对，相邻两个位置差", "The fastest pair, between neighbours"),
            "°",
        ),
    )
    note = Text(
        "不改 RoPE，最慢的针会转到训练时没见过的角度。插值把它拉回来，但最快的针也慢了，相邻的位置更难分清；NTK 和 YaRN 两头都顾。"
        f"YaRN 另外把分数乘以 {extension.yarn_scale:.4f}。三种办法之后通常还要再训练一点。",
        "Left alone, RoPE's slowest hand goes to angles that training never showed. Interpolation brings it back, but the "
        "fastest is slowed as well and neighbours are harder to tell apart; NTK and YaRN mind both ends. YaRN also multiplies "
        f"scores by {extension.yarn_scale:.4f}. After each, some more training is usual.",
    )
    return Step(Text("两头的角度", "The angles at both ends"), frames, note, 1.0)
