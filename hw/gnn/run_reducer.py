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
    """``total = op(total, value)`` in each lane, a cycle after the value, run after run.

    op is the sum modulo 2^32, or the maximum. One adder does both: ``total + ~value`` is negative
    where ``total <= value``.

    Members
    -------
    opens : In(1), before_first : In(lanes of signed(32))
        In the cycle before the first value of a run, what its total is before that.
    valid : In(1), maximum : In(1)
        There is a value. Take the maximum; steady.
    turned : In(lanes of signed(value_bits))
        The value, its bits inverted if ``maximum``.
    total : Out(lanes of signed(32))
        A cycle after a value, what its run has come to; in other cycles it means nothing.

    Source: brief `gnn`, section 6: no read-modify-write of memory, so no hazard.
    """

    p: RunReducerParameters

    def __init__(self, p: RunReducerParameters) -> None:
        layout = data.ArrayLayout(signed(32), p.lanes)
        super().__init__(p, {
            "opens": In(1), "before_first": In(layout), "valid": In(1), "maximum": In(1),
            "turned": In(data.ArrayLayout(signed(p.value_bits), p.lanes)), "total": Out(layout),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        for lane in range(self.p.lanes):
            before = Signal(signed(32), name=f"before_{lane}", reset_less=True)
            total = Signal(signed(32), name=f"total_{lane}", reset_less=True)
            after = Signal(signed(32), name=f"after_{lane}")
            added = Signal(signed(33), name=f"added_{lane}")
            turned = self.turned[lane]
            m.d.comb += [
                added.eq(before + turned),
                after.eq(Mux(self.maximum, Mux(added[32], ~turned, before), added)),
                self.total[lane].eq(total),
            ]
            # Not in the way of the adder: what a run begins with is there before its first value.
            with m.If(self.opens):
                m.d.sync += before.eq(self.before_first[lane])
            with m.Elif(self.valid):
                m.d.sync += before.eq(after)
            m.d.sync += total.eq(after)
        return m
