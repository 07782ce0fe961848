"""A column of the matrix unit: stationary weights, and the sum of their products."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit

__all__ = ["DotColumn", "DotColumnParameters"]


@dataclass(frozen=True)
class DotColumnParameters:
    """Parameters of a column.

    Parameters
    ----------
    rows
        R, a power of two, at least 2.
    """

    rows: int

    @property
    def sum_bits(self) -> int:
        """``R * 2^14`` fits: 16 bits of a product, and one for each level of the tree."""
        return 16 + ceil(log2(self.rows))

    @property
    def latency(self) -> int:
        """Cycles from activations to their sum: products, then two levels of the tree in each."""
        return 1 + ceil(log2(self.rows) / 2)


class DotColumn(Unit):
    """``total = sum_k a[k] * w[k]``, with the next weights loaded beside those in use.

    Members
    -------
    a : In(rows of signed(8))
        Activations.
    weight : In(signed(8)), shift : In(1)
        The next weight of the tile to come; the first one of R is that of row 0.
    swap : In(1)
        Activations of the next cycle meet the weights that were loaded before this one.
    total : Out(signed(sum_bits))
        ``p.latency`` cycles after ``a``.
    """

    p: DotColumnParameters

    def __init__(self, p: DotColumnParameters) -> None:
        super().__init__(p, {
            "a": In(data.ArrayLayout(signed(8), p.rows)), "weight": In(signed(8)),
            "shift": In(1), "swap": In(1), "total": Out(signed(p.sum_bits)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        rows = self.p.rows
        coming = [Signal(signed(8), name=f"coming_{k}", reset_less=True) for k in range(rows)]
        weights = [Signal(signed(8), name=f"weight_{k}", reset_less=True) for k in range(rows)]
        with m.If(self.shift):
            for here, above in zip(coming, [*coming[1:], self.weight], strict=True):
                m.d.sync += here.eq(above)
        with m.If(self.swap):
            for weight, new in zip(weights, coming, strict=True):
                m.d.sync += weight.eq(new)
        terms: list[Value] = []
        for k, weight in enumerate(weights):
            product = Signal(signed(16), name=f"product_{k}", reset_less=True)
            m.d.sync += product.eq(self.a[k] * weight)
            terms.append(product)
        while len(terms) > 1:
            sums = []
            for first in range(0, len(terms), 4):
                four = terms[first : first + 4]
                total = four[0] + four[1] if len(four) == 2 else (
                    (four[0] + four[1]) + (four[2] + four[3])
                )
                register = Signal(total.shape(), name=f"sum_{len(terms)}_{first}", reset_less=True)
                m.d.sync += register.eq(total)
                sums.append(register)
            terms = sums
        m.d.comb += self.total.eq(terms[0])
        return m
