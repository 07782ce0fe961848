"""Slow, independent tables of the number formats, straight from their definitions."""

from __future__ import annotations

from fractions import Fraction

KINDS = ("int", "flint", "pot", "float")


def formats():
    """Every legal (kind, bits, signed)."""
    return [
        (kind, bits, signed)
        for bits in range(3, 9)
        for kind in KINDS
        for signed in (False, True)
        if (kind, bits, signed) != ("pot", 8, False)
    ]


def value_table(kind: str, bits: int, signed: bool) -> list[int]:
    """Value of every code, from the bit string of the code."""
    table = []
    for code in range(1 << bits):
        string = format(code, f"0{bits}b")
        if kind == "int":
            weights = [1 << position for position in reversed(range(bits))]
            if signed:
                weights[0] = -weights[0]
            table.append(sum(weight for weight, bit in zip(weights, string, strict=True)
                             if bit == "1"))
            continue
        magnitude = magnitude_of(kind, string[1:] if signed else string)
        table.append(-magnitude if signed and string[0] == "1" else magnitude)
    return table


def magnitude_of(kind: str, string: str) -> int:
    n = len(string)
    if kind == "pot":
        return 0 if "1" not in string else 2 ** (int(string, 2) - 1)
    if kind == "float":
        exponent_bits = 2 if n == 2 else 3
        exponent = int(string[:exponent_bits], 2)
        fraction_bits = n - exponent_bits
        fraction = Fraction(int("0" + string[exponent_bits:], 2), 2**fraction_bits)
        real = fraction if exponent == 0 else (1 + fraction) * 2 ** (exponent - 1)
        return int(real * 2**fraction_bits)
    # Flint in its float form: first-one code of the exponent, then the fraction.
    if "1" not in string:
        return 0
    low = string[1:]
    zeros = len(low) - len(low.lstrip("0"))
    exponent = (n - 1) - zeros if string[0] == "0" else n + zeros
    fraction = (int(low, 2) << (zeros + 1)) % 2 ** (n - 1)
    return int(2 ** (exponent - 1) * (1 + Fraction(fraction, 2 ** (n - 1))))


def nearest_code(table: list[int], number: Fraction) -> int:
    """Lowest code of the nearest value; of two at the same distance, the larger value."""
    best = min(table, key=lambda value: (abs(value - number), -value))
    return table.index(best)
