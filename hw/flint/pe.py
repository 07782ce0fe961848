"""The processing element: one product per cycle into an accumulator."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .datapath import Datapath

__all__ = ["PEParameters", "ProcessingElement"]


@dataclass(frozen=True)
class PEParameters:
    """Datapath and accumulator width of a processing element."""

    datapath: Datapath
    accumulator_bits: int


class ProcessingElement(Unit):
    """Accumulate, or pass the accumulator on.

    Every cycle, modulo ``2^W``::

        accumulator <= drain ? below : accumulator + product + 2^q

    with the offset ``2^q`` of :mod:`.datapath`. There is no enable and no reset: a cycle without
    operands adds the offset alone, and draining replaces whatever was there.

    Parameters
    ----------
    p : PEParameters
        ``accumulator_bits`` is ``W``.

    Members
    -------
    activation, weight : In
        Words of the datapath.
    drain : In(1)
        Load ``below`` in place of accumulating.
    below : In(W)
        The accumulator of the next element down the column.
    accumulator : Out(W)
        Latency 1 cycle.
    """

    def __init__(self, p: PEParameters) -> None:
        super().__init__(
            p,
            {
                "activation": In(p.datapath.activation_word),
                "weight": In(p.datapath.weight_word),
                "drain": In(1),
                "below": In(p.accumulator_bits),
                "accumulator": Out(p.accumulator_bits),
            },
        )

    def body(self) -> Module:
        m = Module()
        width = self.p.accumulator_bits
        accumulator = Signal(width, reset_less=True)
        addend, carry = self.p.datapath.addend(m, self.activation, self.weight)
        sum = Signal(width)
        if isinstance(carry, Const):
            m.d.comb += sum.eq(accumulator + addend)
        else:
            # One adder with a carry-in: the carry rides in a bit below both operands.
            m.d.comb += sum.eq((Cat(Const(1, 1), accumulator) + Cat(carry, addend))[1:])
        m.d.sync += accumulator.eq(Mux(self.drain, self.below, sum))
        m.d.comb += self.accumulator.eq(accumulator)
        return m
