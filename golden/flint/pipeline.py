"""Exact integer arithmetic of the array and of its output stage.

A quantised linear layer is `y = (sum of value(a) value(w) + bias) * s_a * s_w[channel]` with
integer values: the array computes the sum in units of `s_a * s_w`, and the output stage multiplies
it by `multiplier * 2^-shift`, a rational number close to `s_a * s_w / s_y`, and rounds once.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise

import torch
from torch import Tensor

from ...errors import InputError
from .codec import decode
from .types import canonical_codes, decode_table, grid

__all__ = [
    "MAX_SHIFT",
    "accumulate",
    "accumulator_width",
    "fixed_point_scale",
    "product_range",
    "requantize",
]

MAX_SHIFT = 63
_INT64_LIMIT = 2**62
_FLOAT64_EXACT = 2**53


def product_range(
    a_kind: str, a_bits: int, a_signed: bool, w_kind: str, w_bits: int
) -> tuple[int, int]:
    """Return the least and the largest product of an activation and a (signed) weight."""
    a = decode_table(a_kind, a_bits, a_signed)
    w = decode_table(w_kind, w_bits, True)
    corners = [x * y for x in (min(a), max(a)) for y in (min(w), max(w))]
    return min(corners), max(corners)


def accumulator_width(products: tuple[int, int], depth: int, bias: tuple[int, int] = (0, 0)) -> int:
    """Return the smallest W that holds every sum of `depth` products and a bias.

    `-2^(W-1) <= depth * min + bias_min` and `depth * max + bias_max <= 2^(W-1) - 1`; on the way the
    sum may wrap modulo 2^W, which leaves the last one right.
    """
    low = min(depth * products[0] + bias[0], 0)
    high = max(depth * products[1] + bias[1], 0)
    # -2^(W-1) <= low is 2^(W-1) > -low - 1 = ~low.
    return max(high.bit_length(), (~low).bit_length() if low else 0) + 1


def accumulate(
    a_codes: Tensor,
    w_codes: Tensor,
    a_kind: str,
    a_bits: int,
    a_signed: bool,
    w_kind: str,
    w_bits: int,
    bias: Tensor | None = None,
) -> Tensor:
    """Return `bias + decode(a) @ decode(w)`, exactly.

    Parameters
    ----------
    a_codes
        Activation codes [R, K].
    w_codes
        Weight codes [K, C] (signed types).
    a_kind, a_bits, a_signed, w_kind, w_bits
        Their number types.
    bias
        Integers [C] in units of the product, or none.

    Returns
    -------
    Tensor
        int64 [R, C].

    Raises
    ------
    InputError
        If the shapes do not fit, or a sum could leave 63 bits.
    """
    if a_codes.dim() != 2 or w_codes.dim() != 2 or a_codes.shape[1] != w_codes.shape[0]:
        raise InputError(
            f"codes must be [R, K] and [K, C], not {list(a_codes.shape)} and {list(w_codes.shape)}"
        )
    columns = w_codes.shape[1]
    if bias is None:
        bias = torch.zeros(columns, dtype=torch.int64)
    if bias.is_floating_point() or tuple(bias.shape) != (columns,):
        raise InputError(
            f"bias must be {columns} integers, not {bias.dtype} of shape {list(bias.shape)}"
        )
    largest = max(map(abs, product_range(a_kind, a_bits, a_signed, w_kind, w_bits)))
    bound = largest * a_codes.shape[1]
    if bound + (int(bias.abs().max()) if columns else 0) >= _INT64_LIMIT:
        raise InputError(f"depth times the largest product must be below 2^62, not {bound}")
    a = decode(a_codes, a_kind, a_bits, a_signed)
    w = decode(w_codes, w_kind, w_bits, True)
    if bound < _FLOAT64_EXACT:
        # Every partial sum is an integer that float64 holds exactly, whatever the order.
        return (a.double() @ w.double()).long() + bias
    return a @ w + bias


def requantize(
    acc: Tensor,
    multiplier: Tensor,
    shift: Tensor,
    relu: bool,
    kind: str,
    bits: int,
    signed: bool,
) -> Tensor:
    """Return the code nearest to `acc * multiplier * 2^-shift`, ties towards plus infinity.

    The product is rounded once, exactly: every midpoint of a type is a multiple of 1/2 and a tie
    goes up, so `floor(2 y)` decides.

    Parameters
    ----------
    acc
        Integers [R, C].
    multiplier
        Integers [C], 0 or more.
    shift
        Integers [C] in 1..63.
    relu
        Whether negative results become 0 first.
    kind, bits, signed
        Number type of the result.

    Returns
    -------
    Tensor
        uint8 codes [R, C].

    Raises
    ------
    InputError
        If a multiplier is negative or a shift outside 1..63.
    """
    if multiplier.numel() and int(multiplier.min()) < 0:
        raise InputError(f"multiplier must be 0 or more, not {int(multiplier.min())}")
    if shift.numel() and not (int(shift.min()) >= 1 and int(shift.max()) <= MAX_SHIFT):
        raise InputError(f"shift must be in 1..{MAX_SHIFT}, not {shift.tolist()}")
    if acc.numel() == 0:
        return torch.empty(acc.shape, dtype=torch.uint8)
    codes = torch.tensor(canonical_codes(kind, bits, signed), dtype=torch.uint8)
    twice_midpoints = [low + high for low, high in pairwise(grid(kind, bits, signed))]
    largest = max(abs(int(acc.min())), abs(int(acc.max()))) * int(multiplier.max())
    if largest < _INT64_LIMIT:
        halves = (acc.long() * multiplier.long()) >> (shift.long() - 1)
        if relu:
            halves = halves.clamp(min=0)
        # No half can reach a midpoint beyond the limit in either direction.
        bounds = [min(max(m, -2 * _INT64_LIMIT), 2 * _INT64_LIMIT - 1) for m in twice_midpoints]
        return codes[torch.bucketize(halves, torch.tensor(bounds), right=True)]
    wide = []
    for row in acc.tolist():
        for value, factor, places in zip(row, multiplier.tolist(), shift.tolist(), strict=True):
            half = value * factor >> (places - 1)
            wide.append(bisect_right(twice_midpoints, max(half, 0) if relu else half))
    return codes[torch.tensor(wide)].reshape(acc.shape)


def fixed_point_scale(real: Tensor, width: int = 16) -> tuple[Tensor, Tensor]:
    """Return `(multiplier, shift)` with `multiplier * 2^-shift` nearest to each real scale.

    The multiplier fills `width` bits (relative error at most 2^-width) unless the shift is at an
    end of 1..63.

    Parameters
    ----------
    real
        Positive numbers [C].
    width
        Bits of the multiplier, 2..32.

    Returns
    -------
    tuple of Tensor
        int64 [C] each.

    Raises
    ------
    InputError
        If a scale is not a positive number, or so large or small that no multiplier fits.
    """
    if not 2 <= width <= 32:
        raise InputError(f"width must be in 2..32, not {width}")
    multipliers, shifts = [], []
    for scale in real.double().tolist():
        if not (math.isfinite(scale) and scale > 0):
            raise InputError(f"scale must be a positive number, not {scale!r}")
        shift = min(width - math.frexp(scale)[1], MAX_SHIFT)
        multiplier = round(math.ldexp(scale, shift))
        if multiplier == 1 << width:
            multiplier, shift = 1 << (width - 1), shift - 1
        if shift < 1 or multiplier == 0:
            raise InputError(
                f"scale must be in 2^-{MAX_SHIFT}..2^{width - 1} for a {width}-bit multiplier, "
                f"not {scale!r}"
            )
        multipliers.append(multiplier)
        shifts.append(shift)
    return torch.tensor(multipliers, dtype=torch.int64), torch.tensor(shifts, dtype=torch.int64)
