"""Base-2 exponential of a fraction, by straight lines with integer coefficients.

A fraction `fr` of `fraction_bits` (FB) bits stands for `x = fr / 2^FB` in [0, 1). With
`S = exp_segments`, the upper `log2 S` bits of `fr` are the segment `s` and the `FB - log2 S` bits
below them the offset `o`. In integers, where `>>` rounds toward minus infinity::

    IC[s]: intercept_fraction_bits = slope_fraction_bits + 3
    SL[s]: slope_fraction_bits     = mantissa_bits + 2 - log2 S
    align = FB - 3            (puts IC at the binary point of SL * o)
    drop  = FB + 3 - log2 S   (from there to the mantissa's)
    e = clip(((IC[s] << align) + SL[s] * o + 2^(drop - 1)) >> drop,
             2^(mantissa_bits - 1), 2^mantissa_bits - 1)

hw8: `e = clip(((IC << 7) + SL * o + 512) >> 10, 128, 255)`;
hw12: `e = clip(((IC << 10) + SL * o + 2^11) >> 12, 4096, 8191)`, where the clip never acts.

Coefficients. The least-squares line of `2^x` over the points of a segment, rounded, is the middle
of a search: intercepts up to 2 units and slopes up to 3 units away. The pair with the smallest
largest relative error of `e` over the segment's points wins; then the one with the smallest
magnitude of the mean relative error, then the smaller slope, then the smaller intercept. Both
tables of the brief come out of this rule exactly.

Source: the project's brief, section 4.3; the search is our reconstruction of its tables.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .formats import Format

__all__ = ["Lines", "exponential", "lines"]

_INTERCEPT_REACH = 2
_SLOPE_REACH = 3


@dataclass(frozen=True)
class Lines:
    """Coefficients of the segments.

    Attributes
    ----------
    intercepts
        IC, with `intercept_fraction_bits` fraction bits, the first segment first.
    slopes
        SL, with `slope_fraction_bits` fraction bits.
    """

    intercepts: tuple[int, ...]
    slopes: tuple[int, ...]


@cache
def lines(fmt: Format) -> Lines:
    """Return the coefficients of a format."""
    points = (1 << fmt.fraction_bits) // fmt.exp_segments
    chosen = [_best_line(fmt, segment, points) for segment in range(fmt.exp_segments)]
    return Lines(tuple(line[0] for line in chosen), tuple(line[1] for line in chosen))


def exponential(fractions: Tensor, fmt: Format) -> Tensor:
    """Return the mantissa `e` of `2^(fr / 2^FB)`.

    Parameters
    ----------
    fractions
        int64 of any shape, 0..2^fraction_bits - 1.

    Returns
    -------
    int64 tensor
        In `fmt.mantissa_range`, with `mantissa_bits - 1` fraction bits.
    """
    return _table(fmt)[fractions]


@cache
def _table(fmt: Format) -> Tensor:
    points = (1 << fmt.fraction_bits) // fmt.exp_segments
    offsets = np.arange(points)
    coefficients = lines(fmt)
    pieces = [
        _mantissas(fmt, intercept, slope, offsets)
        for intercept, slope in zip(coefficients.intercepts, coefficients.slopes, strict=True)
    ]
    return torch.from_numpy(np.concatenate(pieces))


def _mantissas(
    fmt: Format, intercept: int, slope: int, offsets: NDArray[np.int64]
) -> NDArray[np.int64]:
    align = fmt.slope_fraction_bits + fmt.fraction_bits - fmt.intercept_fraction_bits
    drop = fmt.slope_fraction_bits + fmt.fraction_bits - (fmt.mantissa_bits - 1)
    line = (intercept << align) + slope * offsets
    mantissas: NDArray[np.int64] = np.clip(line + (1 << drop - 1) >> drop, *fmt.mantissa_range)
    return mantissas


def _best_line(fmt: Format, segment: int, points: int) -> tuple[int, int]:
    offsets = np.arange(points)
    steps = offsets / (1 << fmt.fraction_bits)
    exact = np.exp2(segment / fmt.exp_segments + steps)
    centred = steps - steps.mean()
    slope = float((centred * exact).sum() / (centred * centred).sum())
    intercept = float(exact.mean()) - slope * float(steps.mean())
    middle_slope = round(slope * (1 << fmt.slope_fraction_bits))
    middle_intercept = round(intercept * (1 << fmt.intercept_fraction_bits))

    def rank(line: tuple[int, int]) -> tuple[float, float, int, int]:
        relative = _mantissas(fmt, *line, offsets) / (exact * fmt.mantissa_range[0]) - 1
        return float(np.abs(relative).max()), abs(float(relative.mean())), line[1], line[0]

    near = itertools.product(
        range(middle_intercept - _INTERCEPT_REACH, middle_intercept + _INTERCEPT_REACH + 1),
        range(middle_slope - _SLOPE_REACH, middle_slope + _SLOPE_REACH + 1),
    )
    return min(near, key=rank)
