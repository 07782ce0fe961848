"""Second buffers for the sums of an array whose elements all end a tile in the same cycle."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .delay import delayed

__all__ = ["CaptureChain", "CaptureChainParameters"]


@dataclass(frozen=True)
class CaptureChainParameters:
    """Parameters of :class:`CaptureChain`: rows, and bits of what a row has."""

    rows: int
    width: int
    back_pressure: bool


class CaptureChain(Unit):
    """Second buffers: all rows are taken at once, and leave one in a cycle, row 0 first.

    Row 0 leaves in the cycle of the capture, and is not kept; the last row stays for M - 1 cycles,
    so that captures may follow each other every M cycles.

    Members
    -------
    capture : In(1)
    rows : In(ArrayLayout(width, M))
    advance : In(1)
        Nothing changes while it is 0; only with back-pressure.
    row : Out(width)
    beat, last : Out(1)
        There is a row, the last one.
    """

    p: CaptureChainParameters

    def __init__(self, p: CaptureChainParameters) -> None:
        super().__init__(p, {
            "capture": In(1), "rows": In(data.ArrayLayout(p.width, p.rows)),
            **({"advance": In(1)} if p.back_pressure else {}),
            "row": Out(p.width), "beat": Out(1), "last": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        enable = self.advance if self.p.back_pressure else None
        below: Value = Const(0, self.p.width)
        more: Value = Const(0, 1)
        last: Value = Const(1, 1)
        for row in reversed(range(self.p.rows)):
            value, present = Signal(self.p.width, name=f"row_{row}"), Signal(name=f"present_{row}")
            m.d.comb += [
                value.eq(Mux(self.capture, self.rows[row], below)),
                present.eq(self.capture | more),
            ]
            if row:
                below = delayed(m, value, f"kept_{row}", 1, enable=enable)
                last = ~(self.capture | more)
                more = delayed(m, present, f"more_{row}", 1, reset=True, enable=enable)
        m.d.comb += [self.row.eq(value), self.beat.eq(present), self.last.eq(last)]
        return m
