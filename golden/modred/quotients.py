"""Reduction by an estimated quotient: Barrett's from above, Montgomery's from below."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from .model import Model, within

__all__ = ["BarrettModel", "MontgomeryModel", "signed_digits"]


def signed_digits(value: int, width: int) -> tuple[tuple[int, int], ...]:
    """Width-w non-adjacent form: ``value = sum of d 2^p``, d odd, ``|d| < 2^(w-1)``.

    At least w - 1 zeros follow each digit.
    """
    digits = []
    position = 0
    while value:
        if value & 1:
            digit = value & ((1 << width) - 1)
            if digit >> width - 1:
                digit -= 1 << width
            digits.append((digit, position))
            value -= digit
        value >>= 1
        position += 1
    return tuple(digits)


@dataclass(frozen=True, kw_only=True)
class BarrettModel(Model):
    """``q = floor(X1 mu / 2^b)``, truncated; ``r = X - q M`` is below 2 M.

    ``X1 = X >> s``, ``s = n - 2``, ``b = W + 2 - s``, ``mu = floor(2^(s+b) / M)``. mu is a sum of
    signed digits whose rows lose all columns below ``lo = b - g``. What is lost is at most

    ====================================  =====================
    bits of X below s                     ``2^s / M <= 1/2``
    the floor in mu                       ``2^(W-s) / 2^b = 1/4``
    each of the N truncated rows          ``2^-g``
    ====================================  =====================

    and where that is below 1, ``floor(X / M) - 1 <= q <= floor(X / M)``. A truncated negative row
    loses upwards: one unit of column ``lo`` is subtracted for each.

    Parameters
    ----------
    digit_width
        w of the signed digits.
    """

    digit_width: int = 3

    @property
    def cut(self) -> int:
        return self.bits - 2

    @property
    def scale(self) -> int:
        """b, of a number of at least n bits: a shorter one is its own residue."""
        return max(self.width, self.bits) + 2 - self.cut

    @cached_property
    def digits(self) -> tuple[tuple[int, int], ...]:
        """Signed digits of mu."""
        return signed_digits((1 << self.cut + self.scale) // self.modulus, self.digit_width)

    @property
    def guard(self) -> int:
        """g, columns kept below the quotient's last one."""
        return 2 + len(self.digits).bit_length()

    @property
    def lost_upwards(self) -> int:
        """Units subtracted for each truncated negative row."""
        return 1

    @cached_property
    def error(self) -> Fraction:
        """Bound of what the estimate loses; below 1."""
        lowest = self.scale - self.guard
        truncated = sum(position < lowest for _, position in self.digits)
        cut = Fraction((1 << self.cut) - 1, self.modulus)
        return cut + Fraction(1, 4) + Fraction(truncated, 1 << self.guard)

    def quotient(self, x: int) -> int:
        """The estimate: the rows that hardware adds, truncated as it does."""
        high, lowest = x >> self.cut, self.scale - self.guard
        total = 0
        for digit, position in self.digits:
            row = abs(digit) * high << position
            kept = row >> lowest if lowest > 0 else row << -lowest
            total += kept if digit > 0 else -kept
            if digit < 0 and position < lowest:
                total -= self.lost_upwards
        return total >> self.guard

    def stages(self, x: int) -> int:
        if self.error >= 1:
            raise AssertionError(f"error of the quotient must be below 1, not {self.error}")
        quotient = self.quotient(x)
        within("floor(X / M) - q", x // self.modulus - quotient, 1)
        rest = within("X - q M", x - quotient * self.modulus, 2 * self.modulus - 1)
        return rest - self.modulus if rest >= self.modulus else rest


@dataclass(frozen=True, kw_only=True)
class MontgomeryModel(Model):
    """``X 2^-n mod M`` for odd M: ``U = (X + q M) / 2^n``, ``q = -X M^-1 mod 2^n``.

    ``U <= (2^W - 1 + (2^n - 1) M) / 2^n``: below 2 M for X < M 2^n, below 3 M for X < 2^(2n).

    Raises
    ------
    ValueError
        If M is even, or W > 2 n.
    """

    def __post_init__(self) -> None:
        if not self.modulus & 1:
            raise ValueError(f"modulus must be odd for Montgomery, not {self.modulus}")
        if self.width > 2 * self.bits:
            raise ValueError(f"width must be at most {2 * self.bits}, not {self.width}")

    @property
    def factor(self) -> int:
        return pow(2, -self.bits, self.modulus)

    @cached_property
    def inverse(self) -> int:
        """``-M^-1 mod 2^n``."""
        return -pow(self.modulus, -1, 1 << self.bits) % (1 << self.bits)

    @property
    def bound(self) -> int:
        """Largest U."""
        return self.largest + ((1 << self.bits) - 1) * self.modulus >> self.bits

    @property
    def corrections(self) -> int:
        """Conditional subtractions of M that the bound asks for."""
        return self.bound // self.modulus

    def stages(self, x: int) -> int:
        power = 1 << self.bits
        quotient = x * self.inverse % power
        total = x + quotient * self.modulus
        if total % power:
            raise AssertionError("low half must be 0 after the multiple of M is added")
        # The low halves add up to 0 or to 2^n: the carry is known without adding them.
        carry = int(x % power != 0)
        high = (x >> self.bits) + (quotient * self.modulus >> self.bits) + carry
        if high != total >> self.bits:
            raise AssertionError("carry out of the low half must be that of a low half not 0")
        within("sum before subtractions", high, self.bound)
        for _ in range(self.corrections):
            high = high - self.modulus if high >= self.modulus else high
        return high
