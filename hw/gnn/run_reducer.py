"""Reduce values of a run of edges in registers: read before the first one, written after the last.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, signed
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
    valid : In(1), first : In(1), maximum : In(1)
        There is a value, the first of its run; take the maximum.
    value : In(lanes of signed(value_bits)), before_first : In(lanes of signed(32))
        Operands; ``before_first`` matters where ``first``.
    total : Out(lanes of signed(32))
        A cycle after a value.

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
        for lane in range(self.p.lanes):
            total, before = Signal(signed(32), name=f"total_{lane}"), Signal(signed(32))
            value = self.value[lane]
            m.d.comb += [
                before.eq(Mux(self.first, self.before_first[lane], total)),
                self.total[lane].eq(total),
            ]
            with m.If(self.valid):
                m.d.sync += total.eq(
                    Mux(self.maximum, Mux(value > before, value, before), before + value)
                )
        return m
