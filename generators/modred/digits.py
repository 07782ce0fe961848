"""Signed digits of constants: how many rows and multiples a multiplication by one needs."""

from __future__ import annotations

from functools import lru_cache

from ...hw.arith.signed_digits import naf

__all__ = ["NAF_WIDTHS", "cheapest_naf", "naf_rows"]

NAF_WIDTHS = range(2, 9)


@lru_cache(maxsize=256)
def naf_rows(constant: int, width: int) -> tuple[int, int]:
    """Return the digits other than zero of a form, and the odd multiples above 1 that they use."""
    digits = naf(constant, width)
    return len(digits), len({abs(digit) for digit, _ in digits} - {1})


def cheapest_naf(constant: int) -> int:
    """Return the width whose form needs the fewest adders for ``constant`` times an operand."""
    return min(NAF_WIDTHS, key=lambda width: sum(naf_rows(constant, width)))
