"""Fixed-point operations of the engine on whole arrays, bit for bit.

All arrays are int64 and hold numbers of the stated width. `>>` rounds toward minus infinity;
`sat_b` clips to two's complement of b bits; `wrap32` keeps 32 bits.

Decisions where the brief leaves room:

* RQ's product has 48 bits, the product with the rounding constant 49: `|a m| < 2^47` and
  `2^(s-1) <= 2^46`. Nothing wraps. `(p >> s) + p[s-1]` is the same without the wider adder.
* A multiplier that would need s > 47 stands for a factor below 2^-32 and becomes (0, 0): with
  `|a| <= 2^31` its result is 0 anyway. A factor of 65535.5 or more is refused.
* RQ clips to the width of its destination, 8, 16 or 32 bits.
* EXP2N of PB fraction bits gives 0 from `k > PB + 1` on. The formula does so by itself, so the
  brief's `k > 13` (PB = 12) is the limit of the shifter, not another rule.
* NDIV gives 0 for `den <= 0`, not for 0 alone: a denominator is a sum of non-negative numbers.
* ReLU follows RQ; since RQ is monotone and maps 0 to 0, before it would be the same.

Source: the project's brief, sections 5 and 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from ...errors import InputError
from .graph import Integers, Reals

__all__ = [
    "EMPTY", "MAX_MULTIPLIER", "MAX_SHIFT", "SCORE_FRACTION_BITS", "SLOPE_BITS",
    "Multiplier", "exp2n", "exp2n_table", "fixmin", "leaky_relu", "lookup", "matmul", "multiplier",
    "multipliers", "ndiv", "requantize", "requantize_rows", "saturate", "slope_immediate", "wrap32",
]  # fmt: skip

MAX_MULTIPLIER = 2**16 - 1
MAX_SHIFT = 47
SCORE_FRACTION_BITS = 8
SLOPE_BITS = 15
EMPTY = -(2**15)
"""Initial value of a maximum."""


@dataclass(frozen=True)
class Multiplier:
    """The factor `m * 2^-s`: m u16, s 0..47."""

    m: int
    s: int


def saturate(a: Integers, bits: int) -> Integers:
    """Return the nearest numbers of `bits` bits."""
    clipped: Integers = np.clip(a, -(1 << bits - 1), (1 << bits - 1) - 1)
    return clipped


def wrap32(a: Integers) -> Integers:
    """Return the numbers modulo 2^32, in -2^31..2^31 - 1."""
    wrapped: Integers = (a + 2**31) % 2**32 - 2**31
    return wrapped


def multipliers(factors: Reals) -> tuple[Integers, Integers]:
    """Return m and s of factors, `m * 2^-s` nearest to each with 16 significant bits.

    `s = 15 - floor(log2 r)`, `m = floor(r * 2^s + 1/2)`; if m = 65536, m = 32768 and s one less;
    (0, 0) for r = 0 and for s > 47.

    Raises
    ------
    InputError
        If a factor is negative or not finite, or too large for s = 0.
    """
    wrong = ~((factors >= 0) & (factors < MAX_MULTIPLIER + 0.5))
    if wrong.any():
        raise InputError(
            f"factor must be at least 0 and below {MAX_MULTIPLIER + 0.5}, not {factors[wrong][0]}"
        )
    s = 16 - np.frexp(factors)[1].astype(np.int64)
    m = np.floor(np.ldexp(factors, s) + 0.5).astype(np.int64)
    carry = m > MAX_MULTIPLIER
    m, s = np.where(carry, 1 << 15, m), s - carry
    kept = (m > 0) & (s <= MAX_SHIFT)
    return np.where(kept, m, 0), np.where(kept, s, 0)


def multiplier(factor: float) -> Multiplier:
    """Return the multiplier of one factor, see `multipliers`."""
    m, s = multipliers(np.array([factor]))
    return Multiplier(int(m[0]), int(s[0]))


def requantize(a: Integers, by: Multiplier, bits: int = 8) -> Integers:
    """RQ: `sat_bits((a * m + (s > 0 ? 2^(s-1) : 0)) >> s)`.

    Parameters
    ----------
    a
        i32 of any shape.
    by
        The factor.
    bits
        Width of the result.
    """
    return saturate(a * by.m + (1 << by.s >> 1) >> by.s, bits)


def requantize_rows(a: Integers, factors: Reals, bits: int = 8) -> Integers:
    """RQROW: RQ of a [N, F] with the multiplier of a factor per row, [N]."""
    m, s = (each[:, None] for each in multipliers(factors))
    return saturate(a * m + (1 << s >> 1) >> s, bits)


def matmul(a: Integers, b: Integers) -> Integers:
    """Return the exact product of i8 [M, K] and i8 [K, N], int64."""
    # By way of float64, for which NumPy has fast code: sums stay below 2^53 for K up to 2^39.
    return (a.astype(np.float64) @ b.astype(np.float64)).astype(np.int64)


def leaky_relu(a: Integers, slope: int) -> Integers:
    """LRELU: `a >= 0 ? a : (a * slope + 2^14) >> 15`, slope 0..2^15: an i16 stays one."""
    return np.where(a >= 0, a, a * slope + (1 << SLOPE_BITS - 1) >> SLOPE_BITS)


def slope_immediate(slope: float) -> int:
    """Return LRELU's immediate of a slope: `floor(slope * 2^15 + 1/2)`, 6554 of 0.2.

    Raises
    ------
    InputError
        If the slope is not in 0..1.
    """
    if not 0 <= slope <= 1:
        raise InputError(f"slope must be in 0..1, not {slope}")
    return math.floor(slope * (1 << SLOPE_BITS) + 0.5)


def fixmin(a: Integers) -> Integers:
    """FIXMIN: 0 for the initial value of a maximum, which only a vertex without in-edges keeps."""
    return np.where(a == EMPTY, 0, a)


@cache
def exp2n_table(bits: int) -> Integers:
    """Return `LUT[f] = floor(2^bits * 2^(-f / 256) + 1/2)`, int64 [256], `bits + 1` bits each."""
    octaves = np.arange(1 << SCORE_FRACTION_BITS) / (1 << SCORE_FRACTION_BITS)
    return np.floor(np.exp2(bits - octaves) + 0.5).astype(np.int64)


def exp2n(t: Integers, bits: int) -> Integers:
    """EXP2N: `2^(-t / 256)` with `bits` fraction bits.

    With `k = t >> 8` and `f = t & 255`: `k > bits + 1 ? 0 : (LUT[f] + (k ? 2^(k-1) : 0)) >> k`.

    Parameters
    ----------
    t
        u16: it is the difference of two i16 and does not fit i16.
    bits
        PB, 1..14.

    Returns
    -------
    int64 array
        In 0..2^bits.
    """
    k, f = t >> SCORE_FRACTION_BITS, t & (1 << SCORE_FRACTION_BITS) - 1
    shift = np.minimum(k, bits + 2)
    p: Integers = exp2n_table(bits)[f] + (1 << shift >> 1) >> shift
    return p


def ndiv(num: Integers, den: Integers, bits: int = 8) -> Integers:
    """NDIV: `num / den`, by the rounded reciprocal of the normalised denominator.

    `k = floor(log2 den)`, `m = (2^(k+15) + floor(den / 2)) / den` rounded down, in
    2^14..2^15, and `RQ(num, m, k + 15)`. 0 for `den <= 0`.

    Parameters
    ----------
    num
        i32 [..., C].
    den
        i32 [...].
    """
    positive = den > 0
    divisor = np.where(positive, den, 1)
    k = np.frexp(divisor.astype(np.float64))[1].astype(np.int64) - 1
    m = ((1 << k + 15) + divisor // 2) // divisor
    m, s = np.where(positive, m, 0)[..., None], (k + 15)[..., None]
    return saturate(num * m + (1 << s - 1) >> s, bits)


def lookup(codes: Integers, table: Integers) -> Integers:
    """LUT8: entry `code & 255` of a table of 256, so that the byte itself is the address."""
    entries: Integers = table[codes & 255]
    return entries
