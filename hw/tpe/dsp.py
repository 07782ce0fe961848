"""A multiply-accumulate element for the multiplier blocks of FPGAs."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Shape, Signal

from ..unit import Unit
from .behavioural import MacParameters, mac_ports
from .delay import delayed

__all__ = ["LATENCY", "DspElement"]

LATENCY = 3
"""Cycles from operands to the sum that has them: operands, product, sum."""


class DspElement(Unit):
    """``accumulator <= (first ? 0 : accumulator) + a * b``, modulo ``2^A``, in three stages.

    Registers stand where multiplier blocks have them: before and after the multiplication, and
    after the sum; none has a reset or an enable but what the block's own have. A step that is not
    enabled passes through and leaves the sum alone; steps under way are finished regardless.

    Members
    -------
    a, b, first, enable
        As of :class:`~.behavioural.Behavioural`.
    accumulator : Out(A)
        Latency :data:`LATENCY` cycles; a step each cycle.
    """

    p: MacParameters

    def __init__(self, p: MacParameters) -> None:
        super().__init__(p, mac_ports(p))

    def body(self) -> Module:
        m = Module()
        operands = self.p.operands
        width = operands.a_width + operands.b_width
        a = Signal(operands.a_shape, name="a_register", reset_less=True)
        b = Signal(operands.b_shape, name="b_register", reset_less=True)
        signed = operands.a_signed or operands.b_signed
        product = Signal(Shape(width, signed), name="product", reset_less=True)
        accumulator = Signal(self.p.accumulator_width, name="total", reset_less=True)
        m.d.sync += [a.eq(self.a), b.eq(self.b), product.eq(a * b)]
        first = delayed(m, self.first, "first", LATENCY - 1)
        step = accumulator.eq(Mux(first, 0, accumulator) + product)
        if self.p.free_running:
            m.d.sync += step
        else:
            with m.If(delayed(m, self.enable, "enable", LATENCY - 1, reset=True)):
                m.d.sync += step
        m.d.comb += self.accumulator.eq(accumulator)
        return m
