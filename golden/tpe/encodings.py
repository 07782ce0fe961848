"""Encodings: an integer as signed digits, from the definition of each encoding.

With the least significant digit first, `value = sum of digit_i * radix^i`:

- booth, radix 4: `digit_i = -2 bit_{2i+1} + bit_{2i} + bit_{2i-1}`, in two's complement;
- ent, radix 4: of the magnitude, the digits -1, 0, 1, 2; each times the sign of the value;
- naf, radix 4: the non-adjacent form (digits -1, 0, 1 of radix 2, of which no two neighbours are
  both other than 0) read in pairs; no radix-4 digits -2..2 have fewer that are other than 0;
- bits, radix 2: two's complement; the digit of the sign bit is -1 or 0;
- sign_magnitude, radix 2: the bits of the magnitude, each times the sign of the value.

Source: the project's brief, section 2, after the papers it names.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

__all__ = [
    "MAX_WIDTH",
    "MIN_WIDTH",
    "Encoding",
    "check_operand",
    "decode",
    "digit_count",
    "encode",
    "nonzero_digits",
    "operand_range",
    "parse_encoding",
]

MIN_WIDTH = 2
MAX_WIDTH = 32
_TABLE_WIDTH = 12
"""Widths up to which digits are looked up by value."""

Integers = NDArray[np.int64]
Digits = NDArray[np.int8]


class Encoding(StrEnum):
    """How an integer is written as digits."""

    BOOTH = "booth"
    ENT = "ent"
    NAF = "naf"
    BITS = "bits"
    SIGN_MAGNITUDE = "sign_magnitude"

    @property
    def radix(self) -> int:
        return 2 if self in (Encoding.BITS, Encoding.SIGN_MAGNITUDE) else 4


def parse_encoding(name: str) -> Encoding:
    """Return the encoding of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in list(Encoding):
        raise InputError(f"encoding must be one of {', '.join(Encoding)}, not {name!r}")
    return Encoding(name)


def operand_range(width: int, signed: bool) -> tuple[int, int]:
    """Return the least and the largest number of `width` bits.

    Raises
    ------
    InputError
        If the width is not in 2..32.
    """
    if isinstance(width, bool) or not isinstance(width, int) or not (
        MIN_WIDTH <= width <= MAX_WIDTH
    ):
        raise InputError(f"width must be an integer in {MIN_WIDTH}..{MAX_WIDTH}, not {width!r}")
    return (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)


def check_operand(name: str, values: NDArray[Any], width: int, signed: bool) -> Integers:
    """Return `values` as int64.

    Raises
    ------
    InputError
        If they are not integers of `width` bits.
    """
    low, high = operand_range(width, signed)
    if values.dtype.kind not in "iu":
        raise InputError(f"{name} must hold integers, not {values.dtype}")
    wrong = (values < low) | (values > high)
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InputError(f"{name} must be {low}..{high}, not {values[index]} at {list(index)}")
    return values.astype(np.int64)


def digit_count(encoding: str, width: int, signed: bool) -> int:
    """Digits that every number of that width fits.

    `width` in radix 2; in radix 4 `ceil(width / 2)` signed and `floor(width / 2) + 1` unsigned.
    """
    if parse_encoding(encoding).radix == 2:
        return width
    return (width + 1) // 2 if signed else width // 2 + 1


def encode(values: NDArray[Any], encoding: str, width: int, signed: bool) -> Digits:
    """Return the digits of `values` on a new last axis, the least significant first.

    Parameters
    ----------
    values
        Integers of any shape.
    encoding
        A name of `Encoding`.
    width, signed
        Format of the values; it decides how many digits there are.

    Returns
    -------
    int8 array
        Shape `[*values.shape, digit_count(encoding, width, signed)]`.

    Raises
    ------
    InputError
        If the encoding is unknown or a value is not of that format.
    """
    kind = parse_encoding(encoding)
    numbers = check_operand("values", values, width, signed)
    if width > _TABLE_WIDTH:
        return _digits(numbers, kind, digit_count(kind, width, signed))
    return _table(kind, width, signed)[numbers - operand_range(width, signed)[0]]


def nonzero_digits(
    values: NDArray[Any], encoding: str, width: int, signed: bool
) -> Integers:
    """Return how many digits of each value are other than 0, in the shape of `values`."""
    digits = encode(values, encoding, width, signed)
    counts: Integers = np.count_nonzero(digits, axis=-1).astype(np.int64)
    return counts


def decode(digits: NDArray[Any], encoding: str) -> Integers:
    """Return `sum of digit_i * radix^i` over the last axis."""
    radix = parse_encoding(encoding).radix
    total = np.zeros(digits.shape[:-1], np.int64)
    for index in reversed(range(digits.shape[-1])):
        total = total * radix + digits[..., index]
    return total


@cache
def _table(encoding: Encoding, width: int, signed: bool) -> Digits:
    """The digits of every number, the least number first."""
    low, high = operand_range(width, signed)
    numbers = np.arange(low, high + 1, dtype=np.int64)
    return _digits(numbers, encoding, digit_count(encoding, width, signed))


def _digits(numbers: Integers, encoding: Encoding, count: int) -> Digits:
    digits = np.empty((*numbers.shape, count), np.int8)
    for index, digit in enumerate(_DEFINITIONS[encoding](numbers, count)):
        digits[..., index] = digit
    return digits


def _booth(numbers: Integers, count: int) -> list[Integers]:
    def bit(position: int) -> Integers:
        # Shifting int64 keeps the sign, so bits above the number extend it.
        return (numbers >> position) & 1 if position >= 0 else np.zeros_like(numbers)

    return [-2 * bit(2 * i + 1) + bit(2 * i) + bit(2 * i - 1) for i in range(count)]


def _ent(numbers: Integers, count: int) -> list[Integers]:
    rest, digits = np.abs(numbers), []
    for _ in range(count):
        # The one digit of -1..2 that leaves a multiple of 4.
        digit = (rest + 1) % 4 - 1
        rest = (rest - digit) // 4
        digits.append(digit * np.sign(numbers))
    return digits


def _naf(numbers: Integers, count: int) -> list[Integers]:
    rest, digits = numbers.copy(), []
    for _ in range(2 * count):
        # Of an odd number, the one of -1 and 1 that leaves a multiple of 4: the next digit is 0.
        digit = np.where(rest % 2 == 1, 2 - rest % 4, 0)
        rest = (rest - digit) // 2
        digits.append(digit)
    return [digits[2 * i] + 2 * digits[2 * i + 1] for i in range(count)]


def _bits(numbers: Integers, count: int) -> list[Integers]:
    # Unsigned numbers have no negative one among them, so their top digit stays 0 or 1.
    digits = [(numbers >> i) & 1 for i in range(count)]
    digits[-1] = np.where(numbers < 0, -digits[-1], digits[-1])
    return digits


def _sign_magnitude(numbers: Integers, count: int) -> list[Integers]:
    return [((np.abs(numbers) >> i) & 1) * np.sign(numbers) for i in range(count)]


_DEFINITIONS: dict[Encoding, Callable[[Integers, int], list[Integers]]] = {
    Encoding.BOOTH: _booth,
    Encoding.ENT: _ent,
    Encoding.NAF: _naf,
    Encoding.BITS: _bits,
    Encoding.SIGN_MAGNITUDE: _sign_magnitude,
}
