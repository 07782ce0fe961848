"""Signed-digit forms of constants, for multiplication by shifts, additions and subtractions."""

from __future__ import annotations

__all__ = ["naf"]


def naf(value: int, width: int = 2) -> tuple[tuple[int, int], ...]:
    """Return the width-``w`` non-adjacent form of ``value``, lowest digit first.

    Parameters
    ----------
    value
        Any integer.
    width
        w, at least 2; 2 gives the plain non-adjacent form with digits -1 and 1.

    Returns
    -------
    tuple of (digit, position)
        Digits other than zero: odd, ``|digit| < 2^(w-1)``, at positions at least w apart, with
        ``value == sum(digit << position)``. Some ``bits / (w + 1)`` of them for a random value;
        the highest position is at most ``value.bit_length()``.

    Notes
    -----
    J. Solinas, "Efficient arithmetic on Koblitz curves", Designs, Codes and Cryptography 19 (2000).
    """
    if width < 2:
        raise ValueError(f"width must be at least 2, not {width}")
    digits = []
    position = 0
    while value:
        zeros = (value & -value).bit_length() - 1
        value >>= zeros
        position += zeros
        digit = value & ((1 << width) - 1)
        if digit >> (width - 1):
            digit -= 1 << width
        digits.append((digit, position))
        value -= digit
    return tuple(digits)
