"""Exact integer matrix product, and what a limited accumulator makes of it.

`C' = fit(C + A[:, t] B[t, :])` for each stretch t of `tile_k` operands in order. `fit` is modulo
`2^bits` in two's complement (wrap) or the nearest number that fits (saturate). Wrapping does not
depend on the stretches; saturation does.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

__all__ = ["Overflow", "accumulator_bits", "fit", "gemm", "product_range"]

_FLOAT64_EXACT = 2**53
_INT64_LIMIT = 2**63

Integers = NDArray[Any]
"""int64, or Python integers where those do not fit int64."""


class Overflow(StrEnum):
    """What happens to a sum that does not fit the accumulator."""

    REFUSE = "refuse"
    WRAP = "wrap"
    SATURATE = "saturate"


def product_range(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Return the least and the largest product of numbers of two ranges."""
    corners = [x * y for x in a for y in b]
    return min(corners), max(corners)


def accumulator_bits(products: tuple[int, int], depth: int) -> int:
    """Return the fewest bits of two's complement that hold every sum of `depth` products.

    The least A with `-2^(A-1) <= depth * min` and `depth * max <= 2^(A-1) - 1`.
    """
    low, high = min(depth * products[0], 0), max(depth * products[1], 0)
    return max((~low).bit_length() if low else 0, high.bit_length()) + 1


def gemm(
    a: Integers,
    b: Integers,
    c: Integers | None = None,
    *,
    bits: int | None = None,
    overflow: str = Overflow.REFUSE,
    tile_k: int | None = None,
) -> Integers:
    """Return `C + A B`.

    Parameters
    ----------
    a, b
        Integers [M, K] and [K, N].
    c
        Integers [M, N], or none for 0.
    bits
        Width of the two's complement result; None if it has no limit.
    overflow
        What happens beyond it.
    tile_k
        Operands that are summed before the result is fitted; all K if None.

    Returns
    -------
    array [M, N]
        int64, or Python integers (dtype object) if a result could be beyond int64.

    Raises
    ------
    InputError
        If the matrices are not integers or do not fit each other, an option is out of its range,
        or a result overflows and overflow is refused.
    """
    _check(a, b, c)
    if overflow not in list(Overflow):
        raise InputError(f"overflow must be one of {', '.join(Overflow)}, not {overflow!r}")
    if bits is not None and bits < 2:
        raise InputError(f"bits must be at least 2, not {bits}")
    if tile_k is not None and tile_k < 1:
        raise InputError(f"tile_k must be at least 1, not {tile_k}")
    depth = a.shape[1]
    step = depth if tile_k is None else tile_k
    total = np.zeros((a.shape[0], b.shape[1]), np.int64) if c is None else c
    for start in range(0, depth, step):
        product = _product(a[:, start : start + step], b[start : start + step])
        total = fit(_add(total, product), bits, Overflow(overflow))
    return total


def _check(a: Integers, b: Integers, c: Integers | None) -> None:
    matrices = {"a": a, "b": b} if c is None else {"a": a, "b": b, "c": c}
    for name, matrix in matrices.items():
        integral = matrix.dtype.kind in "iu" or (
            matrix.dtype == object and all(isinstance(each, int) for each in matrix.flat)
        )
        if not integral:
            raise InputError(f"{name} must hold integers, not {matrix.dtype}")
        if matrix.ndim != 2:
            raise InputError(f"{name} must be a matrix, not of shape {list(matrix.shape)}")
        if 0 in matrix.shape:
            raise InputError(f"{name} must be at least 1 x 1, not {list(matrix.shape)}")
    if a.shape[1] != b.shape[0]:
        raise InputError(
            f"a and b must be [M, K] and [K, N], not {list(a.shape)} and {list(b.shape)}"
        )
    if c is not None and c.shape != (a.shape[0], b.shape[1]):
        raise InputError(f"c must be {[a.shape[0], b.shape[1]]}, not {list(c.shape)}")


def _largest(matrix: Integers) -> int:
    return max(abs(int(matrix.min())), abs(int(matrix.max())))


def _product(a: Integers, b: Integers) -> Integers:
    bound = _largest(a) * _largest(b) * a.shape[1]
    product: Integers
    if bound < _FLOAT64_EXACT:
        # Every partial sum is an integer that float64 holds, whatever the order.
        product = a.astype(np.float64) @ b.astype(np.float64)
        return product.astype(np.int64)
    kind = np.int64 if bound < _INT64_LIMIT else object
    product = a.astype(kind) @ b.astype(kind)
    return product


def _add(x: Integers, y: Integers) -> Integers:
    kind = np.int64 if _largest(x) + _largest(y) < _INT64_LIMIT else object
    total: Integers = x.astype(kind) + y.astype(kind)
    return total


def fit(total: Integers, bits: int | None, overflow: Overflow) -> Integers:
    """Return what numbers become in ``bits`` bits of two's complement; as they are if None.

    Raises
    ------
    InputError
        If one does not fit, and ``overflow`` is to refuse it.
    """
    if bits is not None:
        limit = 1 << bits - 1
        if 2 * limit + _largest(total) >= _INT64_LIMIT:
            total = total.astype(object)
        if overflow is Overflow.WRAP:
            total = (total + limit) % (2 * limit) - limit
        elif overflow is Overflow.SATURATE:
            total = np.clip(total, -limit, limit - 1)
        elif (wrong := (total < -limit) | (total >= limit)).any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise InputError(
                f"results must fit {bits} bits unless wrap or saturate is chosen, not "
                f"{total[index]} at {list(index)}"
            )
    return total.astype(np.int64) if _largest(total) < _INT64_LIMIT else total
