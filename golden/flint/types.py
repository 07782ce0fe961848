"""Number types of the flint accelerator: every code and its exact value, as Python integers.

A type of `bits` bits has either a two's complement code (`int`) or, when signed, one sign bit above
`n = bits - 1` magnitude bits; unsigned types have `n = bits` magnitude bits. Values are integers in
units of the type's own step; the real value is the integer times a scale.

Magnitude of the n-bit code c, with `low = c mod 2^(n-1)` and `L` the leading zeros of `low` counted
in n-1 bits:

- int: c
- flint: c below 2^(n-1); above, `2 low 2^(2L)`, or `2^(2n-2)` when `low` is 0
- pot: 0 for c = 0, else 2^(c-1)
- float: E = min(3, n) exponent bits (2 when n = 2) and M = n - E mantissa bits f, with subnormals:
  f when e = 0, else `(2^M + f) 2^(e-1)`

Source: the types of ANT (MICRO 2022) as restated in the project's brief, section 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from ...errors import InputError

__all__ = [
    "MAX_BITS",
    "MIN_BITS",
    "NumberType",
    "canonical_codes",
    "check_format",
    "decode_table",
    "grid",
    "grid_max",
    "magnitude_bits",
    "parse_types",
]

MIN_BITS = 3
MAX_BITS = 8
_WIDEST_POT = 7
"""Magnitude bits of the widest pot: with 8 the maximum is 2^254, beyond float32."""


class NumberType(StrEnum):
    """A number type; the order of the members is the fixed order in which ties are broken."""

    INT = "int"
    FLINT = "flint"
    POT = "pot"
    FLOAT = "float"

    @property
    def select(self) -> int:
        """Number of the type on a run-time type select: INT 0, FLINT 1, POT 2, FLOAT 3."""
        return list(NumberType).index(self)


def parse_types(types: str | Iterable[str]) -> tuple[NumberType, ...]:
    """Return the named types in the fixed order.

    Parameters
    ----------
    types
        Names, as a sequence or as one comma-separated string.

    Raises
    ------
    InputError
        If there is none, or one is unknown or named twice.
    """
    names = [name.strip() for name in types.split(",")] if isinstance(types, str) else list(types)
    known = ", ".join(NumberType)
    if not names or names == [""]:
        raise InputError(f"types must name at least one of {known}, not none")
    for name in names:
        if name not in list(NumberType):
            raise InputError(f"types must be out of {known}, not {name!r}")
    if len(set(names)) != len(names):
        raise InputError(f"types must be named once each, not {','.join(names)!r}")
    return tuple(kind for kind in NumberType if kind in names)


def check_format(kind: str, bits: int, signed: bool) -> NumberType:
    """Return the type if a code of that width exists.

    Raises
    ------
    InputError
        If the type is unknown, the width is not 3..8, or it is the 8-bit unsigned pot.
    """
    if kind not in list(NumberType):
        raise InputError(f"type must be one of {', '.join(NumberType)}, not {kind!r}")
    if isinstance(bits, bool) or not isinstance(bits, int) or not MIN_BITS <= bits <= MAX_BITS:
        raise InputError(f"bits must be an integer in {MIN_BITS}..{MAX_BITS}, not {bits!r}")
    if kind == NumberType.POT and magnitude_bits(bits, signed) > _WIDEST_POT:
        raise InputError(
            f"pot must have at most {_WIDEST_POT} magnitude bits, not {bits} (its largest value "
            "would be 2^254, beyond float32)"
        )
    return NumberType(kind)


def magnitude_bits(bits: int, signed: bool) -> int:
    """Bits of the code without the sign bit: `bits - 1` if signed, else `bits`."""
    return bits - 1 if signed else bits


def decode_table(kind: str, bits: int, signed: bool) -> list[int]:
    """Value of every code, indexed by the code (`2^bits` entries).

    The minus-zero code of the sign-magnitude types decodes to 0.
    """
    kind = check_format(kind, bits, signed)
    n = magnitude_bits(bits, signed)
    magnitude = [_magnitude(kind, code, n) for code in range(1 << n)]
    if not signed:
        return magnitude
    if kind == NumberType.INT:
        return magnitude + [value - (1 << n) for value in magnitude]
    return magnitude + [-value for value in magnitude]


def grid(kind: str, bits: int, signed: bool) -> list[int]:
    """The distinct values of a type, ascending."""
    return sorted(set(decode_table(kind, bits, signed)))


def grid_max(kind: str, bits: int, signed: bool) -> int:
    """Largest value of a type: the integer that stands for alpha, so scale = alpha / grid_max."""
    return grid(kind, bits, signed)[-1]


def canonical_codes(kind: str, bits: int, signed: bool) -> list[int]:
    """The code that an encoder emits for each value of `grid`, in the order of the grid.

    Only zero has two codes (plus and minus zero, in the signed sign-magnitude types); the encoder
    emits plus zero.
    """
    table = decode_table(kind, bits, signed)
    return [table.index(value) for value in grid(kind, bits, signed)]


def _magnitude(kind: NumberType, code: int, n: int) -> int:
    """Value of an n-bit magnitude code (see the module's docstring)."""
    if kind == NumberType.INT:
        return code
    if kind == NumberType.POT:
        return 1 << (code - 1) if code else 0
    if kind == NumberType.FLOAT:
        mantissa_bits = n - (2 if n == 2 else 3)
        exponent, fraction = divmod(code, 1 << mantissa_bits)
        if exponent == 0:
            return fraction
        return ((1 << mantissa_bits) + fraction) << (exponent - 1)
    low = code & ((1 << (n - 1)) - 1)
    if code < 1 << (n - 1):
        return low
    if low == 0:
        return 1 << (2 * n - 2)
    leading_zeros = (n - 1) - low.bit_length()
    return (2 * low) << (2 * leading_zeros)
