"""Where a token stands: sinusoidal encodings added, queries and keys turned (RoPE), scores lowered (ALiBi).

What order changes is shown on the toy attention of `decoding.batch`, without and with positions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from tutor.decoding.batch import attend, embed, reach
from tutor.decoding.position_pictures import BACK, SHOWN_PAIRS, decimal, degrees, rope_steps, some
from tutor.decoding.positions import Extension, Floats, alibi_slopes, frequencies, rope_scores, sinusoidal, spread
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import UsageError
from tutor.domain.frames import Bar, Bars, Curve, Matrix, Series, Table
from tutor.domain.language import Text
from tutor.domain.model import Model

TITLE = Text("位置编码：告诉注意力谁在前、谁在后", "Positions: telling attention what comes first")
NEEDS_MODEL = False

MAX_WIDTH, MAX_POSITIONS, MAX_HEADS = 512, 512, 128
SEED = 0

PARAMS = (
    Param(
        "kind",
        "choice",
        "sinusoidal",
        Text(
            "sinusoidal：加在嵌入上的正弦编码；rope：转动查询和键；alibi：按距离减分",
            "sinusoidal: waves added to embeddings; rope: queries and keys turned; alibi: scores lowered by distance",
        ),
        choices=("sinusoidal", "rope", "alibi"),
    ),
    Param(
        "d_model",
        "int",
        16,
        Text(
            "向量的宽度，偶数；对 rope 是一个头的宽度",
            "The width of the vectors, an even number; for rope that of one head",
        ),
        low=2,
        high=MAX_WIDTH,
    ),
    Param(
        "positions", "int", 32, Text("算多少个位置，从 0 数起", "How many positions, from 0"), low=1, high=MAX_POSITIONS
    ),
    Param(
        "base",
        "float",
        10_000.0,
        Text("第 i 对的频率是 base^(-2i/d_model)", "Pair i has the frequency base^(-2i/d_model)"),
        low=2,
        high=1e12,
    ),
    Param(
        "query",
        "json",
        [],
        Text("rope：查询，d_model 个数；空着就随机取", "rope: the query, d_model numbers; empty for random ones"),
        low=0,
        high=MAX_WIDTH,
    ),
    Param(
        "key",
        "json",
        [],
        Text("rope：键，d_model 个数；空着就随机取", "rope: the key, d_model numbers; empty for random ones"),
        low=0,
        high=MAX_WIDTH,
    ),
    Param("heads", "int", 8, Text("alibi：几个头", "alibi: how many heads"), low=1, high=MAX_HEADS),
    Param(
        "trained",
        "int",
        2048,
        Text("rope：训练时的上下文有多长", "rope: how long the context was in training"),
        low=1,
        high=10_000_000,
    ),
    Param(
        "factor",
        "float",
        4.0,
        Text("rope：上下文要加长到几倍；1 是不加长", "rope: how many times longer it shall be; 1 is no longer"),
        low=1,
        high=1024,
    ),
)

SHOWN_ROWS, SHOWN_COLUMNS = 24, 32
LARGEST_NUMBER = 1e6


def steps(params: Params, model: Model | None = None) -> Steps:
    """The steps are those of `kind`; the result always has all three.

    Result: `encoding` (positions, d_model), sin at even and cos at odd indices; `encoding_dots`, that of position 0 with
    each position, and `closest`, the other position where it is largest (null where there is none). `rope_scores` (positions, positions): the query turned to position m, dot the key turned to n, not
    divided by anything; constant along each diagonal, up to rounding: `rope_spread` is the largest difference on one.
    `score_by_distance`: the key at 0, the query that far behind it. `query`, `key`: as given, or the standard normal
    numbers drawn. `alibi_slopes` (heads). `frequencies` (radians a position) and `wavelengths` (positions a turn) of the
    d_model/2 pairs, and for a context `factor` times `trained`: `turns` (full turns within `trained`), `interpolated`,
    `ntk`, `yarn` (frequencies), `ntk_base`, `yarn_kept` (share of its own speed that YaRN leaves each pair) and
    `yarn_scale` (what it multiplies scores by). `unordered_max_abs_diff`: the largest difference that reversing three
    tokens makes to any token's own output in the toy, without positions; `ordered_max_abs_diff`: with them;
    `causal_one_layer` and `causal_two_layers`: without them under causal attention, the last token's output when the two
    before it change places.

    Raises UsageError for an odd width and for vectors of another length.
    """
    width, count, base = params["d_model"], params["positions"], params["base"]
    if width % 2:
        raise UsageError("`d_model` must be an even number, not {given}: coordinates go in pairs.", given=width)
    query, key = (_vector(name, params[name], width, number) for number, name in enumerate(("query", "key")))
    speeds = frequencies(width, base)
    encoding = sinusoidal(range(count), width, base)
    dots = encoding @ encoding[0]
    scores = rope_scores(query, key, count, speeds)
    slopes = alibi_slopes(params["heads"])
    extension = Extension(width, base, params["trained"], params["factor"])
    order = _order()
    pictures = {
        "sinusoidal": lambda: _sinusoidal(encoding, speeds, order),
        "rope": lambda: rope_steps(query, key, scores, extension),
        "alibi": lambda: _alibi(slopes, count),
    }
    yield from pictures[params["kind"]]()
    return {
        "encoding": encoding.tolist(),
        "encoding_dots": dots.tolist(),
        "closest": _closest(dots),
        "rope_scores": scores.tolist(),
        "rope_spread": spread(scores),
        "score_by_distance": scores[:, 0].tolist(),
        "query": query.tolist(),
        "key": key.tolist(),
        "alibi_slopes": slopes,
        "frequencies": speeds.tolist(),
        "wavelengths": extension.wavelengths.tolist(),
        "turns": extension.turns.tolist(),
        "interpolated": extension.interpolated.tolist(),
        "ntk": extension.ntk.tolist(),
        "ntk_base": extension.ntk_base,
        "yarn": extension.yarn.tolist(),
        "yarn_kept": extension.kept.tolist(),
        "yarn_scale": extension.yarn_scale,
        **order,
    }


def _vector(name: str, given: object, width: int, number: int) -> Floats:
    """`given` as an array, or numbers drawn for the vector called `name` where it is empty. Raises UsageError."""
    if given == []:
        drawn: Floats = np.random.default_rng([SEED, number]).standard_normal(width)
        return drawn
    numbers = given if isinstance(given, list) else []
    fine = all(isinstance(x, (int, float)) and not isinstance(x, bool) and abs(x) <= LARGEST_NUMBER for x in numbers)
    if len(numbers) != width or not fine:
        raise UsageError(
            "`{name}` must be a list of {width} numbers, as many as `d_model` says, none beyond a million.",
            hint="For example {example}.",
            name=name,
            width=width,
            example="[1, 0" + ", 0" * min(2, width - 2) + (", ...]" if width > 4 else "]"),
        )
    return np.array(numbers, dtype=np.float64)


def _order() -> dict[str, float]:
    """What order changes in one small head with random parameters."""
    forward, back = [0, 1, 2], [2, 1, 0]
    everything, causal = reach(3, causal=False), reach(3, causal=True)

    def outputs(ids: Sequence[int], positions: Sequence[int]) -> Floats:
        return attend(embed(ids, positions), everything)[0]

    def last(ids: Sequence[int], layers: int) -> Floats:
        x = embed(ids, [0, 0, 0])
        for _ in range(layers):
            x = x + attend(x, causal)[0]
        row: Floats = x[-1]
        return row

    return {
        "unordered_max_abs_diff": _apart(outputs(forward, [0, 0, 0]), outputs(back, [0, 0, 0])[::-1]),
        "ordered_max_abs_diff": _apart(outputs(forward, [0, 1, 2]), outputs(back, [0, 1, 2])[::-1]),
        "causal_one_layer": _apart(last([0, 1, 2], 1), last([1, 0, 2], 1)),
        "causal_two_layers": _apart(last([0, 1, 2], 2), last([1, 0, 2], 2)),
    }


def _apart(one: Floats, other: Floats) -> float:
    return float(np.abs(one - other).max())


def _closest(dots: Floats) -> int | None:
    """The position other than 0 with the largest of `dots`; None where there is no other."""
    return 1 + int(np.argmax(dots[1:])) if len(dots) > 1 else None


# Sinusoidal


def _sinusoidal(encoding: Floats, speeds: Floats, order: dict[str, float]) -> Iterator[Step]:
    yield _without_order(order)
    yield _waves(speeds)
    yield _heat_map(encoding)
    yield _dots(encoding)


def _without_order(order: dict[str, float]) -> Step:
    columns = (
        Text("看全句，没有位置", "full attention, no positions"),
        Text("看全句，有位置", "full attention, positions"),
        Text("只看前面，一层，没有位置", "causal, one layer, no positions"),
        Text("只看前面，两层，没有位置", "causal, two layers, no positions"),
    )
    table = Table(columns, (tuple(f"{value:.3f}" for value in order.values()),))
    note = Text(
        "一个参数随机的小注意力头，三个词元。前两列：把“狗咬人”换成“人咬狗”，每个词元自己的输出最多差多少。没有位置时一点不差，"
        "它分不出谁咬谁。后两列：前两个词元对调，看最后一个词元的输出。只看前面的注意力（causal），一层察觉不到，两层就察觉到了。",
        "A small attention head with random parameters, three tokens. The first two columns: how far each token's own output "
        "moves when “dog bites man” becomes “man bites dog”. Without positions not at all: it cannot tell who bites whom. "
        "The other two: the first two tokens change places, and we look at the output of the last. Causal attention (what "
        "comes before, and oneself) does not notice with one layer, and does with two.",
    )
    return Step(Text("没有位置，就没有先后", "Without positions there is no order"), (table,), note, 0.0)


def _waves(speeds: Floats) -> Step:
    columns = (
        Text("对 i", "pair i"),
        Text("弧度/位置", "radians/position"),
        Text("几个位置转一圈", "positions a turn"),
        *(Text(f"位置 {p}", f"position {p}") for p in (1, 2, 3)),
    )
    rows = tuple(
        (
            str(i),
            decimal(float(speeds[i])),
            decimal(2 * math.pi / float(speeds[i]), 1),
            *(degrees(p * float(speeds[i])) for p in (1, 2, 3)),
        )
        for i in some(len(speeds), SHOWN_PAIRS)
    )
    note = Text(
        "每对坐标 (2i, 2i+1) 是一根表针的 (sin, cos)。第 0 对每个位置转 1 弧度，约 57.3°；后面的一对比一对慢。"
        "快针分得清相邻的位置，慢针分得清远近。",
        "Each pair of coordinates (2i, 2i+1) is the (sin, cos) of a clock's hand. Pair 0 turns 1 radian a position, about "
        "57.3°; each pair is slower than the one before. Fast hands tell neighbours apart, slow hands tell near from far.",
    )
    return Step(Text("快慢不一的表针", "Hands of different speeds"), (Table(columns, rows),), note, 0.3)


def _heat_map(encoding: Floats) -> Step:
    shown = encoding[:SHOWN_ROWS, :SHOWN_COLUMNS]
    label = Text(
        f"位置编码，一行一个位置（{encoding.shape[0]} × {encoding.shape[1]}，画出 {shown.shape[0]} × {shown.shape[1]}）",
        f"The encoding, a row a position ({encoding.shape[0]} × {encoding.shape[1]}, drawn {shown.shape[0]} × {shown.shape[1]})",
    )
    matrix = Matrix(
        tuple(tuple(row) for row in shown.tolist()),
        tuple(str(p) for p in range(len(shown))),
        label=label,
        low=-1.0,
        high=1.0,
    )
    note = Text(
        "偶数列是 sin，奇数列是 cos。左边的列变得快，越往右越慢。它加在词元的嵌入上，只加一次，在最底层。",
        "Even columns are sines, odd ones cosines. They change fastest on the left, ever more slowly to the right. "
        "A row is added to its token's embedding, once, below the first layer.",
    )
    return Step(Text("编码的热力图", "The encoding as a heat map"), (matrix,), note, 0.6)


def _dots(encoding: Floats) -> Step:
    products = encoding @ encoding.T
    places = list(range(len(encoding)))
    curve = Curve(
        (
            Series(
                Text("位置 0 与位置 r 的点积", "position 0 with position r"),
                tuple(map(float, places)),
                tuple(products[0]),
            ),
        ),
        Text("两个位置编码的点积", "The dot product of two encodings"),
        Text("距离 r", "distance r"),
    )
    rows = tuple(
        (str(p), *(decimal(float(products[p, p - back])) if p >= back else "" for back in BACK))
        for p in some(len(places), 6)
    )
    columns = (Text("位置", "position"), *(Text(f"距离 {back}", f"distance {back}") for back in BACK))
    closest = _closest(products[0])
    found = Text()
    if closest is not None:
        value = decimal(float(products[0, closest]))
        found = Text(
            f"和位置 0 最像的是位置 {closest}（{value}）。", f" Most like position 0 is position {closest} ({value})."
        )
    note = Text(
        "点积只看距离，每列上下都一样，因为 sin a sin b + cos a cos b = cos(a − b)；往前往后也一样。"
        "不过这是编码自己和自己点乘。真的分数还要先加上嵌入、再乘查询和键的矩阵，那时就不只取决于距离了。" + found.zh,
        "It depends on the distance alone: each column is the same all the way down, for sin a sin b + cos a cos b = "
        "cos(a − b); forward or back makes no difference. But that is encoding with encoding. A real score adds embeddings "
        "first and goes through the query and key matrices, and then depends on more than the distance." + found.en,
    )
    return Step(
        Text("点积只看距离", "Their dot product knows only the distance"), (Table(columns, rows), curve), note, 1.0
    )


# ALiBi


def _alibi(slopes: list[float], count: int) -> Iterator[Step]:
    yield _slopes(slopes)
    yield _biases(slopes, count)
    yield _if_equal(slopes, count)


def _slopes(slopes: list[float]) -> Step:
    shown = some(len(slopes), 16)
    bars = Bars(
        tuple(Bar(str(h + 1), slopes[h], note=f"1/m = {1 / slopes[h]:,.1f}") for h in shown),
        Text(
            "每个头的斜率 m；隔开 1/m 个位置，权重就要除以 e",
            "Each head's slope m; at a distance of 1/m positions, weight is divided by e",
        ),
    )
    note = Text(
        "每个头一个斜率，等比数列，不学习。斜率大的头只看近处，斜率小的看得远。",
        "A slope for each head, a geometric sequence, not learnt. Heads with a steep slope see what is near, the others far.",
    )
    return Step(Text("斜率", "The slopes"), (bars,), note, 0.0)


def _biases(slopes: list[float], count: int) -> Step:
    size = min(count, 8)
    names = tuple(str(p) for p in range(size))
    frames = tuple(
        Matrix(
            tuple(tuple(-slopes[h] * (m - n) if n <= m else 0.0 for n in range(size)) for m in range(size)),
            names,
            names,
            Text(f"第 {h + 1} 个头加在分数上的数", f"What head {h + 1} adds to the scores"),
            digits=3,
            marks=tuple(tuple("cut" if n > m else "" for n in range(size)) for m in range(size)),
        )
        for h in sorted({0, len(slopes) - 1})
    )
    note = Text(
        "行是查询，列是键：分数减去 斜率 × 距离。标 x 的在后面，因果掩码本来就不让看。词元的向量里什么位置也没有。",
        "Rows are queries, columns keys: the score less slope × distance. What is marked x comes later and is hidden by the "
        "causal mask anyway. The tokens' vectors hold no position at all.",
    )
    return Step(Text("按距离减分", "Lowered by distance"), frames, note, 0.5)


def _if_equal(slopes: list[float], count: int) -> Step:
    distances = np.arange(count, dtype=np.float64)
    chosen = some(len(slopes), 3)
    series = []
    for h in chosen:
        weights = np.exp(-slopes[h] * distances)
        name = Text(f"第 {h + 1} 个头", f"head {h + 1}")
        series.append(Series(name, tuple(distances.tolist()), tuple((weights / weights.sum()).tolist())))
    curve = Curve(
        tuple(series),
        Text("内容的分数都相同时，权重怎样随距离变", "The weights, were all contents alike"),
        Text("距离", "distance"),
    )
    note = Text(
        "内容的分数可以盖过它：减的只是一个数。距离再大，公式也照样有值，所以比训练时更长的文本也能算。",
        "What the content scores can outweigh it: only a number is taken away. And the formula has a value at any distance, so "
        "a text longer than those of training can be computed.",
    )
    return Step(Text("远处还剩多少", "What is left for what is far"), (curve,), note, 1.0)
