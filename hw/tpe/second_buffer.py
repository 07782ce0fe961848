"""Second buffers of sums: taken at the end of a tile, and shifted out row by row beside the next.

Unlike :mod:`.capture_chain`, a capture waits for nothing: the array whose tiles take as long as
their operands want does not stand still when results do.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Const, Module, Signal, Value
from amaranth.lib.wiring import In, Member, Out

from ..unit import Unit
from .delay import delayed

__all__ = ["RowOrder", "RowOrderParameters", "buffer_ports", "second_buffer"]


def buffer_ports(width: int, *, back_pressure: bool) -> dict[str, Member]:
    """Ports of a second buffer: when to take the own sum, and else that of the row below."""
    return {
        "capture": In(1), **({"advance": In(1)} if back_pressure else {}),
        "below": In(width), "kept": Out(width),
    }  # fmt: skip


def second_buffer(m: Module, unit: Unit, value: Value, below: Value) -> Signal:
    """Add a second buffer to the module ``m`` of a unit that has :func:`buffer_ports`."""
    kept = Signal(len(value), name="second_buffer", reset_less=True)
    with m.If(unit.capture):
        m.d.sync += kept.eq(value)
    with m.Elif(getattr(unit, "advance", Const(1, 1))):
        m.d.sync += kept.eq(below)
    return kept


@dataclass(frozen=True)
class RowOrderParameters:
    """Parameters of :class:`RowOrder`.

    Attributes
    ----------
    rows : int
        M.
    latency : int
        Cycles from a tile's last step to its sums.
    """

    rows: int
    latency: int

    @property
    def clearance(self) -> int:
        """Cycles between the ends of two tiles beyond M.

        ``free`` is 0 from the cycle after the end of a tile until that after its last row has gone,
        and the first row goes ``latency + 1`` cycles after the end.
        """
        return self.latency + 1


class RowOrder(Unit):
    """When second buffers are taken and moved, and which row is at their end.

    Members
    -------
    finish : In(1)
        A tile has its last step; only while ``free``.
    advance : In(1)
        A row at the end goes on.
    free : Out(1)
        From a register: a tile may end.
    capture : Out(1)
        ``latency`` cycles after ``finish``.
    beat, last : Out(1)
        A row, the last row is at the end of the second buffers.
    """

    p: RowOrderParameters

    def __init__(self, p: RowOrderParameters) -> None:
        super().__init__(p, {
            "finish": In(1), "advance": In(1), "free": Out(1), "capture": Out(1), "beat": Out(1),
            "last": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        present = Signal(self.p.rows)
        free = Signal(init=1)
        m.d.comb += [
            self.free.eq(free),
            self.capture.eq(delayed(m, self.finish, "capture", self.p.latency, reset=True)),
            self.beat.eq(present[0]),
            self.last.eq(present[0] & ~present[1:].any()),
        ]
        with m.If(self.capture):
            m.d.sync += present.eq(~0)
        with m.Elif(self.advance):
            m.d.sync += present.eq(present >> 1)
        m.d.sync += free.eq(~self.finish & (free | (self.advance & self.last)))
        return m
