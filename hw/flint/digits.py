"""Digit sets: the cheapest way to write every magnitude of an operand as a few shifted copies.

A digit set writes a magnitude as a sum of at most one signed power of two for each of its terms,
so that the product with a number ``m`` is a sum of selected shifts of ``m``: no multiplier, no
barrel shifter. The magnitudes ``{0..8, 16}`` of 4-bit int and flint take two terms::

    {0, 1, 2} or minus one of them   +   {0, 4, 8, 16}
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

__all__ = ["DigitSet", "DigitTerm", "search_digits"]

_SHIFT_COST = 50  # of one shift that a digit selects; see DigitSet.cost


@dataclass(frozen=True)
class DigitTerm:
    """One term: 0 or ``2^shift`` for a shift of ``shifts``, and minus those if ``negative``."""

    shifts: tuple[int, ...]
    negative: bool

    @property
    def values(self) -> tuple[int, ...]:
        """Every value that the term can take, 0 first."""
        powers = [1 << shift for shift in self.shifts]
        return (0, *powers, *(-power for power in powers if self.negative))


@dataclass(frozen=True)
class DigitSet:
    """The terms of a digit set, lowest shift first; only a term below another may be negative.

    That order leaves free bits below each later term, where the carry of a negated earlier term
    fits without an adder of its own.
    """

    terms: tuple[DigitTerm, ...]

    def digits(self, magnitude: int) -> tuple[int, ...] | None:
        """Write ``magnitude`` as one value for each term, None if it cannot be written.

        Where there are several ways, the one with the fewest nonzero and negative digits.
        """
        return _table(self).get(magnitude)

    @property
    def selects(self) -> int:
        """Select bits of the word that travels through the array."""
        return sum(len(term.shifts) + term.negative for term in self.terms)

    @property
    def cost(self) -> int:
        """Area of the product in tenths of an AND-OR input, for a multiplicand of five bits.

        A select costs one AND-OR input per multiplicand bit, a second term an adder, negation an
        exclusive-or for each bit that the term spans.
        """
        selects = _SHIFT_COST * sum(len(term.shifts) for term in self.terms)
        adders = 110 * (len(self.terms) - 1)
        negations = sum(
            9 * (5 + term.shifts[-1] - term.shifts[0]) for term in self.terms if term.negative
        )
        return selects + adders + negations


@cache
def _table(digit_set: DigitSet) -> dict[int, tuple[int, ...]]:
    partial: dict[int, tuple[int, ...]] = {0: ()}
    for term in digit_set.terms:
        extended: dict[int, tuple[int, ...]] = {}
        for total, digits in partial.items():
            for value in term.values:
                candidate = (*digits, value)
                key = total + value
                if key not in extended or _weight(candidate) < _weight(extended[key]):
                    extended[key] = candidate
        partial = extended
    return {total: digits for total, digits in partial.items() if total >= 0}


def _weight(digits: tuple[int, ...]) -> tuple[int, int]:
    return sum(digit != 0 for digit in digits), sum(digit < 0 for digit in digits)


@cache
def search_digits(magnitudes: frozenset[int]) -> DigitSet | None:
    """Find the cheapest digit set of one or two terms that writes every magnitude.

    Branch and bound: the magnitude with the fewest ways to write it among those that cannot be
    written yet is written in each way, and each way adds the shifts it needs. A power of two needs
    its own shift in one of the terms, so the missing ones bound the cost from below. None if two
    terms do not suffice, as for most types of more than four bits, where a multiplier is smaller.
    """
    if all(magnitude & (magnitude - 1) == 0 for magnitude in magnitudes):
        shifts = sorted(magnitude.bit_length() - 1 for magnitude in magnitudes if magnitude)
        return DigitSet((DigitTerm(tuple(shifts), False),))
    ordered = sorted(magnitudes, key=lambda value: (len(list(_pairs(value))), value))
    best: DigitSet | None = None
    seen: set[DigitSet] = set()
    stack = [DigitSet((DigitTerm((), False), DigitTerm((), False)))]
    while stack:
        candidate = stack.pop()
        compact = DigitSet(tuple(term for term in candidate.terms if term.shifts))
        if candidate in seen or (best is not None and compact.cost >= best.cost):
            continue
        seen.add(candidate)
        missing = [value for value in ordered if candidate.digits(value) is None]
        powers = sum(value & (value - 1) == 0 for value in missing)
        if best is not None and compact.cost + _SHIFT_COST * powers >= best.cost:
            continue
        if missing:
            stack.extend(_extensions(candidate, missing[0]))
        else:
            best = compact
    return best


def _extensions(digit_set: DigitSet, magnitude: int) -> Iterator[DigitSet]:
    """Yield ``digit_set`` with the shifts that one way of writing ``magnitude`` needs."""
    low, high = digit_set.terms
    for low_value, high_value in _pairs(magnitude):
        low_shifts = set(low.shifts)
        high_shifts = set(high.shifts)
        if low_value:
            low_shifts.add(abs(low_value).bit_length() - 1)
        if high_value:
            high_shifts.add(high_value.bit_length() - 1)
        if low_shifts and high_shifts and min(low_shifts) >= min(high_shifts):
            continue
        yield DigitSet(
            (
                DigitTerm(tuple(sorted(low_shifts)), low.negative or low_value < 0),
                DigitTerm(tuple(sorted(high_shifts)), False),
            )
        )


def _pairs(magnitude: int) -> Iterator[tuple[int, int]]:
    """Yield every useful ``(low, high)`` with sum ``magnitude``: low 0 or +-2^a, high 0 or 2^b.

    A power of two alone serves wherever twice itself less itself does.
    """
    for low in (0, *(sign << shift for shift in range(magnitude.bit_length() + 1)
                     for sign in (1, -1))):
        high = magnitude - low
        if high >= 0 and high & (high - 1) == 0 and low != -magnitude:
            yield low, high
