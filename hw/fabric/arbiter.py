"""Several streams into one, the most urgent that has a payload before the others."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Array, Module, Shape, ShapeLike, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..unit import Unit

__all__ = ["PriorityArbiter", "PriorityArbiterParameters"]


@dataclass(frozen=True)
class PriorityArbiterParameters:
    """Parameters of :class:`PriorityArbiter`.

    Parameters
    ----------
    shape
        Shape of the payload: a width, or any hashable Amaranth shape or layout.
    ports
        Streams that come in, at least 2.
    """

    shape: ShapeLike
    ports: int

    def __post_init__(self) -> None:
        Shape.cast(self.shape)
        if self.ports < 2:
            raise ValueError(
                f"PriorityArbiterParameters.ports must be at least 2, not {self.ports}"
            )


class PriorityArbiter(Unit):
    """Pass on the payload of the most urgent stream that has one.

    Members
    -------
    i : In(stream) array
        Payloads in.
    first : In(range(ports))
        The most urgent stream; then come those behind it, and from the last one round to the first.
    o : Out(stream)
        Payloads out. One that waits stays, whatever becomes more urgent meanwhile.
    chosen : Out(range(ports))
        The stream that ``o`` is of.

    Notes
    -----
    Cycles: none; a payload a cycle. With a steady ``first`` a stream can be kept
    waiting for ever by more urgent ones.
    """

    p: PriorityArbiterParameters

    def __init__(self, p: PriorityArbiterParameters) -> None:
        payload = stream.Signature(p.shape)
        super().__init__(p, {
            "i": In(payload).array(p.ports), "first": In(range(p.ports)), "o": Out(payload),
            "chosen": Out(range(p.ports)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        waits = Signal()
        kept = Signal(range(self.p.ports))
        numbers = range(self.p.ports)
        # Later assignments win: the less urgent first, of those before `first` and of the others.
        for urgent in (False, True):
            for number in reversed(numbers):
                here = (self.first <= number) == urgent
                with m.If(self.i[number].valid & here):
                    m.d.comb += self.chosen.eq(number)
        with m.If(waits):
            m.d.comb += self.chosen.eq(kept)
        m.d.sync += [waits.eq(self.o.valid & ~self.o.ready), kept.eq(self.chosen)]
        payloads = Array(Value.cast(port.payload) for port in self.i)
        m.d.comb += [
            self.o.valid.eq(Array(port.valid for port in self.i)[self.chosen]),
            Value.cast(self.o.payload).eq(payloads[self.chosen]),
        ]
        for number, port in enumerate(self.i):
            m.d.comb += port.ready.eq(self.o.ready & (self.chosen == number))
        return m
