"""Give each lane the element of its head: element ``column >> k`` of a word."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit

__all__ = ["HeadSelect", "HeadSelectParameters", "first_head"]


def first_head(m: Module, column: Value, k: Value) -> Signal:
    """Head of a column, ``column >> k``, or 0 for k = 15; a cycle later."""
    head = Signal(16, name="first_head", reset_less=True)
    m.d.sync += head.eq(Mux(k == 15, 0, column >> k))
    return head


@dataclass(frozen=True)
class HeadSelectParameters:
    """Parameters of a selection.

    Parameters
    ----------
    lanes, elements
        Of results and of a word, powers of two.
    bits
        Of an element.
    """

    lanes: int
    elements: int
    bits: int


class HeadSelect(Unit):
    """``o[lane] = word[base + (lane >> k)]``, ``base`` a multiple of the heads of a chunk.

    Members
    -------
    word : In(elements of bits), base : In(range(elements))
        A word, and the element of lane 0.
    k : In(4)
        Columns of a head are ``2^k``; steady.
    o : Out(lanes of bits)
        A cycle later. A lane beyond the word's end gets some element.

    Notes
    -----
    Heads of 2^k columns are at most ``lanes >> k`` in a chunk, so that bits of ``base`` below
    these are 0: it takes as many multiplexers as there are elements, not a crossbar.
    """

    p: HeadSelectParameters

    def __init__(self, p: HeadSelectParameters) -> None:
        super().__init__(p, {
            "word": In(data.ArrayLayout(p.bits, p.elements)), "base": In(range(p.elements)),
            "k": In(4), "o": Out(data.ArrayLayout(p.bits, p.lanes)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        elements: list[Value] = [self.word[e] for e in range(p.elements)]
        for bit in reversed(range(int(log2(p.elements)))):
            half = 1 << bit
            for e in range(half):
                elements[e] = Mux(self.base[bit], elements[e + half], elements[e])
        held = []
        for e, element in enumerate(elements):
            register = Signal(p.bits, name=f"element_{e}", reset_less=True)
            m.d.sync += register.eq(element)
            held.append(register)
        for lane in range(p.lanes):
            chosen = Signal(p.bits, name=f"chosen_{lane}")
            m.d.comb += chosen.eq(held[0])
            with m.Switch(self.k):
                for k in range(int(log2(p.lanes))):
                    with m.Case(k):
                        m.d.comb += chosen.eq(held[(lane >> k) % p.elements])
            m.d.comb += self.o[lane].eq(chosen)
        return m
