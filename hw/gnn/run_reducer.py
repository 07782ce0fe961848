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
    """``total = op(first ? before_first : total, value)`` in each lane, a cycle after the value.

    op is the sum modulo 2^32, or the maximum. One adder does both: ``~total + value`` is negative
    where ``value <= total``.

    Members
    -------
    valid : In(1), first : In(1)
        There is a value, the first of its run.
    maximum : In(1)
        Take the maximum; steady.
    value : In(lanes of signed(value_bits)), before_first : In(lanes of signed(32))
        Operands; ``before_first`` matters where ``first``.
    total : Out(lanes of signed(32))
        Reduced values.

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
            before = Signal(signed(32), name=f"before_{lane}")
            total = Signal(signed(32), name=f"total_{lane}", reset_less=True)
            value = self.value[lane]
            turned = Signal(signed(32), name=f"turned_{lane}")
            added = Signal(signed(33), name=f"added_{lane}")
            m.d.comb += [
                before.eq(Mux(self.first, self.before_first[lane], total)),
                turned.eq(before ^ self.maximum.replicate(32)), added.eq(turned + value),
                self.total[lane].eq(total),
            ]
            with m.If(self.valid):
                with m.If(~self.maximum):
                    m.d.sync += total.eq(added)
                with m.Elif(added[32]):
                    m.d.sync += total.eq(before)
                with m.Else():
                    m.d.sync += total.eq(value)
        return m
