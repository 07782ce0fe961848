"""Performance counters."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Array, Module, Signal
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .registers import COUNTERS

__all__ = ["Counters", "CountersParameters"]

_PART_BITS = 2
_PART = 1 << _PART_BITS


@dataclass(frozen=True)
class CountersParameters:
    """Parameters of :class:`Counters`: how many there are."""

    counters: int = COUNTERS


class Counters(Unit):
    """Count events, each in 32 bits.

    Members
    -------
    restart : In(1)
        All counters become 0.
    events : In(counters)
        Bit i adds 1 to counter i.
    number : In(5), value : Out(32)
        A counter, three cycles after its number.

    Notes
    -----
    Cycles: an event is counted two cycles later, so that its path may be long.
    """

    p: CountersParameters

    def __init__(self, p: CountersParameters) -> None:
        super().__init__(p, {
            "restart": In(1), "events": In(p.counters), "number": In(5), "value": Out(32),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        events = Signal(self.p.counters)
        m.d.sync += events.eq(self.events)
        values = []
        for number in range(self.p.counters):
            value = Signal(32, name=f"counter_{number}")
            values.append(value)
            with m.If(self.restart):
                m.d.sync += value.eq(0)
            with m.Elif(events[number]):
                m.d.sync += value.eq(value + 1)
        # A choice of so many takes two cycles.
        parts = [
            Signal(32, name=f"part_{first}") for first in range(0, self.p.counters, _PART)
        ]
        # A register of its own: the choice of so many bits is a long net.
        number = Signal(len(self.number))
        place = Signal(len(number) - _PART_BITS)
        m.d.sync += [
            number.eq(self.number), place.eq(number[_PART_BITS:]),
            self.value.eq(Array(parts)[place]),
            *(
                part.eq(Array(values[_PART * k : _PART * (k + 1)])[number[:_PART_BITS]])
                for k, part in enumerate(parts)
            ),
        ]  # fmt: skip
        return m
