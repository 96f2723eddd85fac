"""How a Transformer is told where a token stands: sinusoidal encodings, rotations, linear biases, longer contexts.

All angles are in radians; a pair of coordinates (2i, 2i+1) shares one frequency, in radians a position.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# YaRN's own bounds for LLaMA, in turns within the trained context (arXiv:2309.00071, section 3.2).
YARN_ALPHA, YARN_BETA = 1.0, 32.0


def frequencies(width: int, base: float) -> Floats:
    """base^(-2i/width) for each of the width/2 pairs (Vaswani et al. 2017, section 3.5; Su et al. 2021, section 3.2.2)."""
    return float(base) ** (-np.arange(0, width, 2) / width)


def sinusoidal(positions: Sequence[int], width: int, base: float = 10_000.0) -> Floats:
    """(positions, width): sin at even and cos at odd indices (Vaswani et al. 2017, arXiv:1706.03762, section 3.5)."""
    angles = np.outer(positions, frequencies(width, base))
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(positions), width)


def rotate(vector: Floats, positions: Floats, speeds: Floats) -> Floats:
    """(positions, width): `vector` with each pair turned by position × speed, counter-clockwise.

    RoPE (Su et al. 2021, arXiv:2104.09864, section 3.2.2). Neighbours make a pair, as in the paper; GPT-NeoX and the
    programs after it pair coordinate i with i + width/2, which is the same up to the order of the coordinates.
    """
    angles = np.outer(positions, speeds)
    x, y = vector[0::2], vector[1::2]
    turned = np.stack([x * np.cos(angles) - y * np.sin(angles), x * np.sin(angles) + y * np.cos(angles)], axis=-1)
    return turned.reshape(len(positions), len(vector))


def rope_scores(query: Floats, key: Floats, positions: int, speeds: Floats) -> Floats:
    """(positions, positions): the dot product of `query` turned to position m with `key` turned to position n."""
    places = np.arange(positions, dtype=np.float64)
    scores: Floats = rotate(query, places, speeds) @ rotate(key, places, speeds).T
    return scores


def spread(scores: Floats) -> float:
    """The largest difference between two scores of equal distance: on one diagonal of (positions, positions)."""
    size = len(scores)
    return max(float(np.ptp(np.diagonal(scores, offset))) for offset in range(1 - size, size))


def alibi_slopes(heads: int) -> list[float]:
    """A slope for each head (Press, Smith and Lewis 2021, arXiv:2108.12409, section 3).

    2^(-8h/heads), h from 1, where `heads` is a power of two. Else, as in the authors' program: those of the power of two
    below, then every other one, from the first, of twice as many.
    """
    below = 2 ** (heads.bit_length() - 1)
    between = [2.0 ** (-8 * h / (2 * below)) for h in range(1, 2 * below, 2)]
    return [2.0 ** (-8 * h / below) for h in range(1, below + 1)] + between[: heads - below]


@dataclass(frozen=True, slots=True)
class Extension:
    """RoPE's frequencies for a context `factor` times the `trained` one, by each of three methods.

    `interpolated`: positions divided by the factor (Chen et al. 2023, arXiv:2306.15595). `ntk`: a larger base, so that
    the fastest pair keeps its speed and the slowest is slowed by the factor. `yarn`: pairs that turn more than
    YARN_BETA times within the trained context keep their speed, those that turn less than YARN_ALPHA times are
    interpolated, those between are mixed; scores are multiplied by `yarn_scale`, YaRN's 1/t (Peng et al. 2023,
    arXiv:2309.00071, section 3).
    """

    width: int
    base: float
    trained: int
    factor: float

    @property
    def plain(self) -> Floats:
        return frequencies(self.width, self.base)

    @property
    def wavelengths(self) -> Floats:
        """Positions a full turn, for each pair."""
        return 2 * np.pi / self.plain

    @property
    def turns(self) -> Floats:
        """Full turns of each pair within the trained context."""
        return self.trained / self.wavelengths

    @property
    def interpolated(self) -> Floats:
        return self.plain / self.factor

    @property
    def ntk_base(self) -> float:
        """The base is raised by factor^(width/(width-2)); one pair alone has no slowest, and keeps its base."""
        return self.base if self.width == 2 else self.base * self.factor ** (self.width / (self.width - 2))

    @property
    def ntk(self) -> Floats:
        return frequencies(self.width, self.ntk_base)

    @property
    def kept(self) -> Floats:
        """How much of its own speed YaRN leaves each pair: 1 all, 0 none of it."""
        return np.clip((self.turns - YARN_ALPHA) / (YARN_BETA - YARN_ALPHA), 0.0, 1.0)

    @property
    def yarn(self) -> Floats:
        mixed: Floats = (1 - self.kept) * self.interpolated + self.kept * self.plain
        return mixed

    @property
    def yarn_scale(self) -> float:
        return (0.1 * math.log(self.factor) + 1) ** 2
