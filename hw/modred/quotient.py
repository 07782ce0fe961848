"""Estimates of a quotient by a constant, one too large at most, with their error budget."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

from ..arith.signed_digits import naf
from .adder_tree import Row
from .multiples import Multiples

__all__ = ["QuotientEstimate", "estimate_quotient", "roundest"]

# How far the search goes from the shortest operand and reciprocal; errors halve with each. What
# it finds are a few columns: for long moduli their share is small, and the search takes long.
_SEARCHED_BITS = 256
_CUTS = range(1, 7)
_SCALES = range(-1, 7)
_LONG_CUTS = range(3, 5)
_LONG_SCALES = range(1, 2)


def roundest(least: int, most: int) -> int | None:
    """The multiple of the highest power of two from ``least >= 0`` to ``most``; None if none is."""
    if least > most:
        return None
    if least == 0:
        return 0
    shift = most.bit_length() - 1
    while -(-least >> shift) << shift > most:
        shift -= 1
    return -(-least >> shift) << shift


@dataclass(frozen=True)
class QuotientEstimate:
    """``q = (Σ ±(|d| x1 2^p >> low) + offset) >> guard`` with ``x1 = X >> cut``.

    The sum is over the signed digits (d, p) of ``reciprocal``, ``floor(2^(cut + scale) / M)``;
    columns below ``low`` are not built, and ``guard = scale - low`` of those that are lie below
    the quotient.

    Notes
    -----
    With V the sum without offset, ``V / 2^guard = X / M - e``, where each error has its own term::

        e <= (2^cut - 1) / M                              X without its low bits
           + x1 (2^(cut + scale) - reciprocal M) / (M 2^scale)   the reciprocal, rounded down
           + Σ over d > 0 of what truncation drops / 2^scale
        e >= -Σ over d < 0 of what truncation drops / 2^scale

    and ``q = (V + offset) / 2^guard - f`` with ``0 <= f <= 1 - 2^-guard``. So any offset with::

        e_max 2^guard - 1 < offset <= (1 + e_min) 2^guard

    gives ``-M <= X - q M < M``; of those the one with the fewest bits is taken. The errors need not
    have one sign, nor their sum be below 1 before: what Barrett's method corrects afterwards is in
    the offset. P. Barrett, CRYPTO 1986.
    """

    modulus: int
    largest: int
    naf_width: int
    cut: int
    scale: int
    low: int

    @property
    def guard(self) -> int:
        return self.scale - self.low

    @property
    def operand(self) -> int:
        """Largest x1."""
        return self.largest >> self.cut

    @cached_property
    def reciprocal(self) -> int:
        return (1 << (self.cut + self.scale)) // self.modulus

    @cached_property
    def digits(self) -> tuple[tuple[int, int], ...]:
        """Digits of the reciprocal that reach column ``low``."""
        return tuple(
            (digit, position)
            for digit, position in naf(self.reciprocal, self.naf_width)
            if (abs(digit) * self.operand << position) >> self.low
        )

    @cached_property
    def multiples(self) -> Multiples:
        return Multiples.of(self.digits)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """What is added for each digit, in units of column ``low``."""
        return tuple(
            Row(
                max(0, position - self.low),
                abs(digit) * self.operand >> max(0, self.low - position),
                digit < 0,
            )
            for digit, position in self.digits
        )

    @cached_property
    def _errors(self) -> tuple[int, int, int, int]:
        """The terms of ``errors``, times ``M 2^scale``."""
        truncated = [0, 0]
        for digit, position in naf(self.reciprocal, self.naf_width):
            if position < self.low:
                # An odd multiple of 2^position below 2^low, and no more than the row itself.
                most = min(
                    (1 << self.low) - (1 << position), abs(digit) * self.operand << position
                )
                truncated[digit < 0] += most
        rest = (1 << (self.cut + self.scale)) - self.reciprocal * self.modulus
        return (
            ((1 << self.cut) - 1) << self.scale, self.operand * rest,
            truncated[0] * self.modulus, truncated[1] * self.modulus,
        )

    @property
    def errors(self) -> tuple[Fraction, ...]:
        """Terms of e: cut, reciprocal, truncation of added rows, of subtracted rows (>= 0)."""
        return tuple(Fraction(term, self.modulus << self.scale) for term in self._errors)

    @cached_property
    def offset(self) -> int | None:
        """The offset with the fewest bits; None if there is none."""
        *below, above = self._errors
        unit = self.modulus << self.scale
        least = (sum(below) << self.guard) // unit
        most = ((unit - above) << self.guard) // unit
        return roundest(least, most)

    @property
    def quotient(self) -> int:
        """Largest q: X - q M is at least -M."""
        return self.largest // self.modulus + 1

    @property
    def remainder(self) -> int:
        """Bound of X - q M from the budget, at most M - 1."""
        assert self.offset is not None
        unit = self.modulus << self.scale
        most = (sum(self._errors[:3]) << self.guard) + unit * ((1 << self.guard) - 1 - self.offset)
        return most // (1 << (self.guard + self.scale))

    @property
    def adder_bits(self) -> int:
        """Bits of all rows and multiples: what the estimate costs, whatever adds them."""
        multiples = len(self.multiples.built) * self.operand.bit_length()
        return sum(row.bits for row in self.rows) + multiples


@lru_cache
def estimate_quotient(modulus: int, largest: int, naf_width: int) -> QuotientEstimate:
    """Return the estimate of ``X / M`` for X up to ``largest`` with the fewest bits to add."""
    n, bits = modulus.bit_length(), largest.bit_length()
    found: list[QuotientEstimate] = []
    cuts, scales = (_CUTS, _SCALES) if n <= _SEARCHED_BITS else (_LONG_CUTS, _LONG_SCALES)
    for cut in {max(0, n - less) for less in cuts}:
        for scale in {max(1, bits - cut + more) for more in scales}:
            for low in range(scale, -1, -1):
                estimate = QuotientEstimate(modulus, largest, naf_width, cut, scale, low)
                if estimate.offset is not None:
                    found.append(estimate)
                    break
    return min(found, key=lambda each: (each.adder_bits, each.cut, each.scale))
