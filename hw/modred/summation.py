"""A sum of rows, as binary adders or as counters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..arith.compressors import CompressorTreeParameters
from .adder_tree import AdderTree, Row
from .reducer import Pipelining, Style

__all__ = ["Summation"]


@dataclass(frozen=True)
class Summation:
    """A sum of rows and a constant, in either style.

    Parameters
    ----------
    rows
        Summands.
    constant
        Any integer if there is a width, else not negative.
    width
        The sum is wanted modulo ``2^width``; None for the exact one, which must be non-negative.
    """

    rows: tuple[Row, ...]
    constant: int = 0
    width: int | None = None

    @property
    def largest(self) -> int:
        """Bound of the exact sum: all added rows at their largest, the subtracted ones at 0."""
        return self.constant + sum(
            row.largest << row.shift for row in self.rows if not row.negative
        )

    @property
    def bits(self) -> int:
        """Width of the sum."""
        return self.largest.bit_length() if self.width is None else self.width

    @cached_property
    def tree(self) -> AdderTree:
        """Binary adders; a constant is a row behind the others."""
        constant = (Row.constant(self.constant),) if self.constant else ()
        return AdderTree(self.rows + constant, self.width)

    @cached_property
    def compressors(self) -> CompressorTreeParameters:
        """Counters; a subtracted row is its complement, and a constant for all of them."""
        correction = sum(((1 << row.bits) - 1) << row.shift for row in self.rows if row.negative)
        return CompressorTreeParameters(
            rows=tuple((row.shift, row.bits) for row in self.rows),
            constant=(self.constant - correction) % (1 << self.bits),
            width=self.bits,
        )

    def cuts(self, style: Style) -> tuple[Pipelining, ...]:
        """Where ranks may stand: after each level; or after the counters, then after the adder."""
        if style is Style.COMPRESSOR:
            return Pipelining.LEVELS, Pipelining.STAGES
        levels = self.tree.levels
        return (Pipelining.LEVELS,) * (levels - 1) + (Pipelining.STAGES,) * (levels > 0)
