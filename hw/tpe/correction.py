"""Correction of a row: what elements that share their digits have added too much, kept once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from operator import add

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from ..arith.tree import reduce_tree
from ..unit import Unit
from .partial_product import Row

__all__ = ["Correction", "CorrectionParameters", "RowCorrection"]


class Correction(Enum):
    """Where the bias of partial products and the ones of negative digits are put right.

    ``EXACT``: in the element, whose sum and carry then add up to the sum of products. ``ROW``: by
    one :class:`~.correction.RowCorrection` for all elements that share ``a``.
    """

    EXACT = "exact"
    ROW = "row"


@dataclass(frozen=True)
class CorrectionParameters:
    """Parameters of a row's correction.

    Attributes
    ----------
    width : int
        Accumulator width of the elements.
    shifts : tuple of int
        Weight ``2^shift`` of each digit of a step.
    bias : int
        What each step adds too much, beside the digits.
    free_running : bool
        As the elements: each cycle is a step.
    scale : int
        As the elements: a step may multiply by ``2^scale`` before it adds; 0 if none does.
    """

    width: int
    shifts: tuple[int, ...]
    bias: int
    free_running: bool
    scale: int = 0

    @classmethod
    def of(
        cls, width: int, rows: Sequence[Row], free_running: bool, scale: int = 0
    ) -> CorrectionParameters:
        """The correction of elements that add these rows in a step."""
        bias = sum(row.bias for row in rows)
        return cls(width, tuple(row.shift for row in rows), bias, free_running, scale)


class RowCorrection(Unit):
    """``correction <= (first ? 0 : correction) + Σ_i negative_i 2^shift_i - bias``.

    Modulo ``2^width``; to be added to the sum and the carry of each element of the row that has
    had the same steps. A step with ``a = 0`` counts as any other.

    Members
    -------
    negative : In(number of digits)
        Wire ``negative`` of each digit of the step. For an element with Booth encoder of its own
        it is set for some digits 0 too: :func:`~.partial_product.booth_negatives`.
    first : In(1)
        The step starts a new sum.
    shift : In(1)
        The step multiplies by ``2^scale`` first. Only with a scale.
    enable : In(1)
        Nothing changes while it is 0; there is no such port where every cycle is a step.
    correction : Out(width)
        Latency 1 cycle.

    Notes
    -----
    Without a scale no carry runs through the whole width in one step: the columns of the bias pass
    their borrow on to a counter above them one step later, and the counter's next value is shown.
    """

    p: CorrectionParameters

    def __init__(self, p: CorrectionParameters) -> None:
        enable = {} if p.free_running else {"enable": In(1)}
        super().__init__(p, {
            "negative": In(len(p.shifts)), "first": In(1),
            **({"shift": In(1)} if p.scale else {}), **enable, "correction": Out(p.width),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        missing = reduce_tree(
            add, (self.negative[index] << shift for index, shift in enumerate(self.p.shifts))
        )
        step = self._scaled(m, missing) if self.p.scale else self._counted(m, missing)
        with m.If(1 if self.p.free_running else self.enable):
            m.d.sync += step
        return m

    def _scaled(self, m: Module, missing: Value) -> list:
        """One adder, and before it the product with the power of 2."""
        total = Signal(self.p.width, name="total", reset_less=True)
        start = Signal(self.p.width)
        m.d.comb += [
            start.eq(Mux(self.first, 0, Mux(self.shift, total << self.p.scale, total))),
            self.correction.eq(total),
        ]
        return [total.eq(start + (missing - self.p.bias))]

    def _counted(self, m: Module, missing: Value) -> list:
        """An adder in the columns of the bias, and a counter of what it borrows."""
        p = self.p
        low_width = min(p.bias.bit_length(), p.width)
        if not low_width:
            return []  # no digit is ever negative, and no row inverted: the correction is 0
        low = Signal(low_width, name="low", reset_less=True)
        borrow = Signal(reset_less=True)
        total = Signal(low_width + 1)
        # The digits' ones are never more than the bias, so that a step takes away 0 or 1 above.
        constant = (1 << low_width) - p.bias % (1 << low_width)
        m.d.comb += total.eq(Mux(self.first, 0, low) + (missing + constant))
        step = [low.eq(total), borrow.eq(~total[-1])]
        parts = [low]
        if p.width > low_width:
            upper = Signal(p.width - low_width, name="upper", reset_less=True)
            value = Signal.like(upper, name="upper_value")
            m.d.comb += value.eq(upper - borrow)
            step.append(upper.eq(Mux(self.first, 0, value)))
            parts.append(value)
        m.d.comb += self.correction.eq(Cat(parts))
        return step
