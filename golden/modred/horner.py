"""Horner's rule from the top digit, with one set of tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .model import Model, Table, correct, within

__all__ = ["HornerCarrySaveModel", "HornerModel"]


@dataclass(frozen=True, kw_only=True)
class HornerModel(Model):
    """``R <- (R 2^d + digit) mod 2^n + sum of F_i[what is above]``, with R < 2^(n+e).

    Parameters
    ----------
    digit_bits
        d, bits of X per step.
    parts
        Tables that share the index of d + e bits.
    """

    digit_bits: int = 3
    parts: int = 1

    def tables(self, growth: int) -> tuple[Table, ...]:
        """The tables for R < 2^(n + growth)."""
        index = self.digit_bits + growth
        size = -(-index // self.parts)
        return tuple(
            Table(self.modulus, self.bits + at, (1 << min(size, index - at)) - 1)
            for at in range(0, index, size)
        )

    def bound(self, growth: int) -> int:
        """Largest R after a step with tables for R < 2^(n + growth)."""
        return (1 << self.bits) - 1 + sum(table.largest for table in self.tables(growth))

    @cached_property
    def growth(self) -> int:
        """e: the least for which R < 2^(n+e) holds again after each step."""
        growth = 0
        while self.bound(growth) >> self.bits + growth:
            growth += 1
        return growth

    @property
    def steps(self) -> int:
        return max(0, -(-(self.width - self.bits) // self.digit_bits))

    @cached_property
    def _built(self) -> tuple[tuple[Table, ...], int]:
        """The tables, and the largest state after a step."""
        return self.tables(self.growth), self.bound(self.growth)

    def stages(self, x: int) -> int:
        digit, mask = (1 << self.digit_bits) - 1, (1 << self.bits) - 1
        tables, bound = self._built
        state = within("first digits", x >> self.steps * self.digit_bits, mask)
        for step in reversed(range(self.steps)):
            shifted = state << self.digit_bits | (x >> step * self.digit_bits & digit)
            state = shifted & mask
            for table in tables:
                state += table[shifted >> table.shift & table.last]
            within("state", state, min(bound, (1 << self.bits + self.growth) - 1))
        return correct(state, bound, self.modulus)


@dataclass(frozen=True, kw_only=True)
class HornerCarrySaveModel(Model):
    """Horner's rule with the state in two rows, ``A + B < 3 2^n``: no carry crosses n bits.

    Parameters
    ----------
    digit_bits
        d, bits of X per step; no more than n are used.
    """

    digit_bits: int = 3

    @property
    def size(self) -> int:
        """Bits per step."""
        return min(self.digit_bits, self.bits)

    @cached_property
    def table(self) -> Table:
        """The residues of ``h 2^n``, h being the top of both rows."""
        return Table(self.modulus, self.bits, (3 << self.size) - 1)

    def stages(self, x: int) -> int:
        size, table = self.size, self.table
        steps = max(0, -(-(self.width - self.bits) // size))
        low = self.bits - size
        bound, limit = (2 << self.bits) + table.largest, (3 << self.bits) - 1
        a, b = within("first digits", x >> steps * size, (1 << self.bits) - 1), 0
        for step in reversed(range(steps)):
            high = within("top of both rows", (a >> low) + (b >> low), table.last)
            digit = x >> step * size & ((1 << size) - 1)
            first = (a & ((1 << low) - 1)) << size | digit
            second = (b & ((1 << low) - 1)) << size
            third = table[high]
            a = first ^ second ^ third
            b = (first & second | first & third | second & third) << 1
            within("sum of both rows", a + b, min(bound, limit))
        return correct(a + b, limit, self.modulus)
