"""What negative digits of several operands lack: one number for all sums that share the digits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from ..arith.compressors import CompressorTree, CompressorTreeParameters
from ..unit import Unit
from .partial_product import Row

__all__ = ["NegativeSum", "NegativeSumParameters"]


@dataclass(frozen=True)
class NegativeSumParameters:
    """Parameters of a sum of ``negative`` wires.

    Attributes
    ----------
    rows : tuple of Row
        Partial products of an operand, of which one at least can be negative.
    depth : int
        K, operands.
    limit : int
        The sum is wanted modulo ``2^limit``.
    """

    rows: tuple[Row, ...]
    depth: int
    limit: int

    @property
    def largest(self) -> int:
        """The largest sum of one operand."""
        return sum(1 << row.shift for row in self.rows if row.negative)

    @property
    def width(self) -> int:
        """Bits of the sum."""
        return min((self.depth * self.largest).bit_length(), self.limit)

    @property
    def used(self) -> list[int]:
        """Digits of an operand that are counted."""
        return [
            index for index, row in enumerate(self.rows)
            if row.negative and row.shift < self.width
        ]

    @cached_property
    def tree(self) -> CompressorTreeParameters:
        bits = tuple((self.rows[index].shift, 1) for index in self.used)
        return CompressorTreeParameters(
            rows=bits * self.depth, width=self.width, strategy="arrival"
        )


class NegativeSum(Unit):
    """``total = Σ_k Σ_i negative_ki 2^shift_i``, combinational.

    Members
    -------
    negative : In(digits * K)
        Wires ``negative`` of each digit of each operand, those of an operand together.
    total : Out(p.width)
    """

    p: NegativeSumParameters

    def __init__(self, p: NegativeSumParameters) -> None:
        super().__init__(p, {"negative": In(len(p.rows) * p.depth), "total": Out(p.width)})

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.compressor_tree = tree = CompressorTree(p.tree)
        places = [k * len(p.rows) + index for k in range(p.depth) for index in p.used]
        m.d.comb += [
            getattr(tree, f"row_{row}").eq(self.negative[place])
            for row, place in enumerate(places)
        ]
        m.d.comb += self.total.eq(tree.sum + tree.carry)
        return m
