"""Reduce values of a run of edges in registers: read before the first one, written after the last.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit

__all__ = ["RunReducer", "RunReducerParameters"]


@dataclass(frozen=True)
class RunReducerParameters:
    """Parameters of a reducer.

    Parameters
    ----------
    lanes
        How many values there are.
    value_bits
        Of a value, signed.
    """

    lanes: int
    value_bits: int


class RunReducer(Unit):
    """``total = op(first ? before_first : total, value)`` in each lane.

    op is the sum modulo 2^32, or the maximum.

    Members
    -------
    valid : In(1), first : In(1)
        There is a value, the first of its run.
    maximum : In(1)
        Take the maximum; steady.
    value : In(lanes of signed(value_bits)), before_first : In(lanes of signed(32))
        Operands; ``before_first`` matters where ``first``.
    total : Out(lanes of signed(32))
        Two cycles after a value: what was before the first one is added to it in the first cycle.

    Source: brief `gnn`, section 6: no read-modify-write of memory, so no hazard.
    """

    p: RunReducerParameters

    def __init__(self, p: RunReducerParameters) -> None:
        layout = data.ArrayLayout(signed(32), p.lanes)
        super().__init__(p, {
            "valid": In(1), "first": In(1), "maximum": In(1),
            "value": In(data.ArrayLayout(signed(p.value_bits), p.lanes)),
            "before_first": In(layout), "total": Out(layout),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        valid = Signal()
        first = Signal(reset_less=True)
        m.d.sync += [valid.eq(self.valid), first.eq(self.first)]
        for lane in range(self.p.lanes):
            start = Signal(signed(32), name=f"start_{lane}", reset_less=True)
            total = Signal(signed(32), name=f"total_{lane}", reset_less=True)
            value = self.value[lane]
            m.d.sync += start.eq(
                Mux(self.first, self._reduced(self.before_first[lane], value), value)
            )
            with m.If(valid):
                m.d.sync += total.eq(Mux(first, start, self._reduced(total, start)))
            m.d.comb += self.total[lane].eq(total)
        return m

    def _reduced(self, one: Value, other: Value) -> Value:
        return Mux(self.maximum, Mux(other > one, other, one), one + other)
