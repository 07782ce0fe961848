"""What element-wise operations and the edge chain compute, on whole arrays of int64.

The same numbers as `golden/gnn/fixed.py` tells; where an operation is there, it is used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...generators.gnn.formats import ElementType, Opcode
from ...golden.gnn.fixed import (
    Multiplier,
    leaky_relu,
    requantize,
    saturate,
    wrap32,
)

__all__ = [
    "Integers", "binary", "edge_values", "narrowed", "reciprocals", "requantized",
    "requantized_rows",
]  # fmt: skip

Integers = NDArray[np.int64]

_FACTOR = 1 << 23
"""Where the second factor of MUL wraps."""
_BITS = {ElementType.I8: 8, ElementType.I16: 16, ElementType.I32: 32}


def narrowed(values: Integers, type_: ElementType) -> Integers:
    """Return numbers as a slot of a type takes them: saturated, or modulo 2^32."""
    return wrap32(values) if type_ is ElementType.I32 else saturate(values, _BITS[type_])


def binary(op: Opcode, a: Integers, b: Integers, k: int, imm: int) -> Integers:
    """Return the exact result of ADD, SUB, MUL or AXPY."""
    match op:
        case Opcode.ADD:
            return a + b
        case Opcode.SUB:
            return a - b
        case Opcode.MUL:
            return a * ((b + _FACTOR) % (2 * _FACTOR) - _FACTOR)
        case _:
            return (a << k) + b * imm


def requantized_rows(a: Integers, words: Integers, type_: ElementType) -> Integers:
    """Return RQ of a by packed constants `m | s << 16`, element by element."""
    m, s = words & 0xFFFF, words >> 16 & 63
    return saturate(a * m + (1 << s >> 1) >> s, _BITS[type_])


def requantized(a: Integers, by: Multiplier, type_: ElementType) -> Integers:
    """Return RQ of a by a constant."""
    return requantize(a, by, _BITS[type_])


def reciprocals(a: Integers) -> Integers:
    """Return the packed constants of 1 / a; 0 for a <= 0."""
    divisor = np.maximum(a, 1)
    k = np.frexp(divisor.astype(np.float64))[1].astype(np.int64) - 1
    m = ((1 << k + 15) + divisor // 2) // divisor
    return np.where(a > 0, m | k + 15 << 16, 0)


def edge_values(
    a: Integers, target: Integers | None, slope: int, peak: Integers | None,
    table: NDArray[np.uint16],
) -> Integers:  # fmt: skip
    """Return the values of EDGE before its reduction; the table is that of EXP2N."""
    u = saturate(a if target is None else a + target, 16)
    u = leaky_relu(u, slope)
    return u if peak is None else _powers(peak - u & 0xFFFF, table)


def _powers(t: Integers, table: NDArray[np.uint16]) -> Integers:
    """Return ``T[t & 255] * 2^-(t >> 8)``, halves rounded up, in 16 bits with a sign."""
    # An entry has 16 bits: it is rounded to 0 from 17 octaves on.
    octaves = np.minimum(t >> 8, 17)
    power = (table.astype(np.int64)[t & 255] + ((1 << octaves) >> 1)) >> octaves
    wrapped: Integers = (power + (1 << 15) & 0xFFFF) - (1 << 15)
    return wrapped

