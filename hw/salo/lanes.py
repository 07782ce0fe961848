"""Lanes: vectors that are read as one word and leave element by element."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit

__all__ = ["Lanes", "LanesParameters"]


@dataclass(frozen=True)
class LanesParameters:
    """``count`` vectors of up to ``length`` signed elements of ``width`` bits, ``reads`` a cycle.

    Raises
    ------
    ValueError
        A parameter is below 1.
    """

    width: int
    length: int
    count: int
    reads: int

    def __post_init__(self) -> None:
        for name in ("width", "length", "count", "reads"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")

    @property
    def turns(self) -> int:
        """Cycles until all lanes are loaded."""
        return -(-self.count // self.reads)


class Lanes(Unit):
    """Lane n takes word ``n mod reads`` of turn ``n // reads``, and then gives its elements.

    Members
    -------
    words : In(reads of width * length bits), write : In(turns)
        Element c at bits ``c * width`` up; which turn it is, one-hot, if any: every bit of a lane
        would have to compare a number.
    shift : In(1)
        Elements go on by one.
    o : Out(count of signed(width))
        Element 0 from the cycle after the lane was written, the next one after each shift.
    """

    p: LanesParameters

    def __init__(self, p: LanesParameters) -> None:
        super().__init__(p, {
            "words": In(data.ArrayLayout(p.width * p.length, p.reads)),
            "write": In(p.turns), "shift": In(1),
            "o": Out(data.ArrayLayout(signed(p.width), p.count)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        for n in range(p.count):
            turn, read = divmod(n, p.reads)
            lane = Signal(p.width * p.length, name=f"lane_{n}", reset_less=True)
            with m.If(self.write[turn]):
                m.d.sync += lane.eq(self.words[read])
            with m.Elif(self.shift):
                m.d.sync += lane.eq(lane[p.width :])
            m.d.comb += self.o[n].eq(lane[: p.width])
        return m
