"""An independent reading of the number types: bit strings and fractions, one code at a time."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

FORMATS = [
    (kind, bits, signed)
    for kind in ("int", "flint", "pot", "float")
    for bits in range(3, 9)
    for signed in (False, True)
    if (kind, bits, signed) != ("pot", 8, False)
]


def slow_magnitude(kind: str, bits: str) -> Fraction:
    """Value of a magnitude given as a bit string, most significant bit first."""
    n = len(bits)
    if "1" not in bits:
        return Fraction(0)
    if kind == "int":
        return sum(
            (Fraction(2) ** i for i, bit in enumerate(reversed(bits)) if bit == "1"), Fraction()
        )
    if kind == "pot":
        return Fraction(2) ** (int(bits, 2) - 1)
    if kind == "float":
        e_bits = 2 if n == 2 else 3
        exponent = int(bits[:e_bits], 2)
        fraction = Fraction(int("0" + bits[e_bits:], 2), 2 ** (n - e_bits))
        hidden = 1 if exponent else 0
        # In units of the smallest subnormal, 2^-M.
        return (hidden + fraction) * Fraction(2) ** (max(exponent, 1) - 1) * 2 ** (n - e_bits)
    # The floating form of flint: exponent and fraction from the first one of the low bits.
    low = bits[1:]
    zeros = len(low) - len(low.lstrip("0"))
    exponent = (n - 1) - zeros if bits[0] == "0" else n + zeros
    shifted = (low[zeros + 1 :] + "0" * n)[: n - 1]
    return Fraction(2) ** (exponent - 1) * (1 + Fraction(int(shifted, 2), 2 ** (n - 1)))


def slow_decode(kind: str, code: int, bits: int, signed: bool) -> int:
    """Value of a code."""
    text = format(code, f"0{bits}b")
    if not signed:
        value = slow_magnitude(kind, text)
    elif kind == "int":
        value = slow_magnitude("int", text[1:]) - (2 ** (bits - 1) if text[0] == "1" else 0)
    else:
        value = slow_magnitude(kind, text[1:]) * (-1 if text[0] == "1" else 1)
    assert value.denominator == 1
    return int(value)


@pytest.fixture(params=FORMATS, ids=lambda f: f"{f[0]}{f[1]}{'s' if f[2] else 'u'}")
def number_format(request: pytest.FixtureRequest) -> tuple[str, int, bool]:
    """Every type at every width and sign."""
    return request.param


@pytest.fixture(scope="session")
def slow_table() -> Callable[[str, int, bool], list[int]]:
    """Return a function from a format to the value of each code."""
    return lambda kind, bits, signed: [
        slow_decode(kind, code, bits, signed) for code in range(2**bits)
    ]
