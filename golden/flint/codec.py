"""Decode, round and encode whole tensors, exactly.

Rounding rule everywhere: the nearest value of the type; a tie goes to the larger value (towards
plus infinity); beyond either end it saturates, so a negative number becomes 0 in an unsigned type.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import InputError
from .types import canonical_codes, check_format, decode_table, grid

__all__ = [
    "check_codes",
    "decode",
    "encode",
    "nearest",
    "nearest_float64",
    "nearest_index",
    "round_to_codes",
]

_INT64_MAX = 2**63 - 1
_LARGEST_TABLE = 1 << 14
_Floats = npt.NDArray[np.float64]


def decode(codes: Tensor, kind: str, bits: int, signed: bool) -> Tensor:
    """Return the int64 value of every code.

    Raises
    ------
    InputError
        If a code is outside 0..2^bits-1, or the type has values beyond int64 (pot with 7 magnitude
        bits: use `decode_table`).
    """
    check_codes(codes, bits)
    return _int64_table(kind, bits, signed)[codes.long()]


def encode(values: Tensor, kind: str, bits: int, signed: bool) -> Tensor:
    """Return the canonical uint8 code of every value, which must be on the type's grid.

    Raises
    ------
    InputError
        If a value is not on the grid.
    """
    codes = round_to_codes(values, kind, bits, signed)
    off = (decode(codes, kind, bits, signed) != values).flatten().nonzero()
    if len(off):
        value = values.flatten()[off[0, 0]].item()
        raise InputError(
            f"values must be on the grid of {kind} ({bits} bits), not {value!r} at flat index "
            f"{off[0, 0].item()}"
        )
    return codes


def nearest(values: Tensor, kind: str, bits: int, signed: bool) -> Tensor:
    """Return the int64 grid value nearest to every number (floating or integer, in grid units)."""
    return decode(round_to_codes(values, kind, bits, signed), kind, bits, signed)


def round_to_codes(values: Tensor, kind: str, bits: int, signed: bool) -> Tensor:
    """Return the uint8 code of the grid value nearest to every number, in grid units.

    Exact for floating and for integer input. Infinities saturate.

    Raises
    ------
    InputError
        If a number is NaN.
    """
    codes = torch.tensor(canonical_codes(kind, bits, signed), dtype=torch.uint8)
    if not values.is_floating_point():
        midpoints = _integer_midpoints(kind, bits, signed)
        return codes[torch.bucketize(values.long(), midpoints, right=True)]
    if values.isnan().any():
        index = values.isnan().flatten().nonzero()[0, 0].item()
        raise InputError(f"values must be numbers, not nan at flat index {index}")
    array = values.detach().double().numpy()
    return codes[torch.from_numpy(nearest_index(array, kind, bits, signed))]


def check_codes(codes: Tensor, bits: int) -> None:
    """Refuse codes that are not integers in 0..2^bits-1."""
    if codes.is_floating_point() or codes.is_complex():
        raise InputError(f"codes must be integers, not {codes.dtype}")
    if codes.numel() == 0:
        return
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= 1 << bits:
        raise InputError(f"codes must be in 0..{(1 << bits) - 1}, not {low if low < 0 else high}")


def nearest_index(values: _Floats, kind: str, bits: int, signed: bool) -> npt.NDArray[np.int64]:
    """Return the place in the ascending grid of the value nearest to every number (no NaN).

    Every midpoint is a multiple of 1/2 and a tie goes up, so `floor(2 x)` decides: a table over it,
    where the grid is small enough for one, and a binary search where it is not.
    """
    table = _half_step_table(kind, bits, signed)
    if table is None:
        middle = [(low + high) / 2 for low, high in pairwise(grid(kind, bits, signed))]
        return np.searchsorted(np.array(middle), values, side="right").astype(np.int64)
    low, places = table
    halves = np.clip(np.floor(values * 2.0), low, low + len(places) - 1) - low
    return places[halves.astype(np.int64)]


def nearest_float64(values: _Floats, kind: str, bits: int, signed: bool) -> _Floats:
    """Return the grid value nearest to every number (no NaN), both float64."""
    levels = np.array([float(value) for value in grid(kind, bits, signed)])
    return levels[nearest_index(values, kind, bits, signed)]


@cache
def _half_step_table(
    kind: str, bits: int, signed: bool
) -> tuple[int, npt.NDArray[np.int64]] | None:
    """Return the least half-step and the nearest grid place of it and each one above."""
    values = grid(kind, bits, signed)
    if values[-1] > _LARGEST_TABLE:
        return None
    halves = np.arange(2 * values[0], 2 * values[-1] + 1)
    sums = np.array([low + high for low, high in pairwise(values)])
    return int(halves[0]), np.searchsorted(sums, halves, side="right").astype(np.int64)


def _integer_midpoints(kind: str, bits: int, signed: bool) -> Tensor:
    """Smallest integer at or above each midpoint: an integer reaches one when it reaches the other.

    Of the midpoints beyond int64, every int64 is above the negative ones and below the positive.
    """
    values = grid(kind, bits, signed)
    rounded_up = [-(-(low + high) // 2) for low, high in pairwise(values)]
    return torch.tensor(
        [max(value, -_INT64_MAX - 1) for value in rounded_up if value <= _INT64_MAX],
        dtype=torch.int64,
    )


@cache
def _int64_table(kind: str, bits: int, signed: bool) -> Tensor:
    table = decode_table(check_format(kind, bits, signed), bits, signed)
    if max(table) > _INT64_MAX:
        raise InputError(f"{kind} with {bits} bits must fit in 64 bits, not reach {max(table)}")
    return torch.tensor(table, dtype=torch.int64)
