"""Stream queue that decouples two sides of a ready/valid connection."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Shape, ShapeLike, Signal, Value
from amaranth.lib import stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..unit import Unit

__all__ = ["StreamFIFO", "StreamFIFOParameters"]


@dataclass(frozen=True)
class StreamFIFOParameters:
    """Parameters of :class:`StreamFIFO`.

    Parameters
    ----------
    shape
        Shape of the payload: a width, or any hashable Amaranth shape or layout.
    depth
        Payloads that fit, at least 1; need not be a power of two.
    """

    shape: ShapeLike
    depth: int

    def __post_init__(self) -> None:
        Shape.cast(self.shape)
        if not isinstance(self.depth, int) or isinstance(self.depth, bool):
            raise TypeError(f"StreamFIFOParameters.depth must be an integer, not {self.depth!r}")
        if self.depth < 1:
            raise ValueError(f"StreamFIFOParameters.depth must be at least 1, not {self.depth!r}")


class StreamFIFO(Unit):
    """Pass payloads on in order, holding up to ``depth`` of them.

    Parameters
    ----------
    p
        Payload shape and depth.

    Members
    -------
    i : In(stream)
        Payloads in. From depth 2, ``i.ready`` comes from a register alone.
    o : Out(stream)
        Payloads out. ``o.valid`` comes from a register alone.

    Notes
    -----
    Cycles: latency 1, one payload per cycle::

        i.valid  _/‾‾‾‾‾‾‾\\_______
        i.ready  ‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾
        o.valid  _____/‾‾‾‾‾‾‾\\___

    Depth 1 is one register that refills while it empties; its ``i.ready`` depends on ``o.ready``
    in the same cycle. From depth 2 no path leads from one side to the other. Depth 2 is two
    registers, and ``o.payload`` is one of them; beyond, payloads lie in a memory with an
    asynchronous read port (lookup-table RAM or flip-flops).
    """

    def __init__(self, p: StreamFIFOParameters) -> None:
        super().__init__(
            p, {"i": In(stream.Signature(p.shape)), "o": Out(stream.Signature(p.shape))}
        )

    def body(self) -> Module:
        m = Module()
        if self.p.depth <= 2:
            self._registers(m)
        else:
            self._queue(m)
        return m

    def _registers(self, m: Module) -> None:
        valid = Signal()
        load = Signal()
        payload = Signal(self.p.shape, reset_less=True)
        m.d.comb += [
            load.eq(~valid | self.o.ready), self.o.valid.eq(valid), self.o.payload.eq(payload),
        ]
        if self.p.depth == 1:
            m.d.comb += self.i.ready.eq(load)
            with m.If(load):
                m.d.sync += [valid.eq(self.i.valid), payload.eq(self.i.payload)]
            return
        # What comes while the first one waits is kept aside. ``ready`` is a register of its own, so
        # that those who see it do not share a net with all bits of the payload.
        kept = Signal()
        aside = Signal(self.p.shape, reset_less=True)
        ready = Signal(init=1)
        m.d.comb += self.i.ready.eq(ready)
        with m.If(~kept):
            m.d.sync += aside.eq(self.i.payload)
        with m.If(load):
            m.d.sync += [
                valid.eq(kept | self.i.valid), kept.eq(0), ready.eq(1),
                Value.cast(payload).eq(Mux(kept, aside, self.i.payload)),
            ]
        with m.Elif(self.i.valid):
            m.d.sync += [kept.eq(1), ready.eq(0)]

    def _queue(self, m: Module) -> None:
        depth = self.p.depth
        # A memory of plain bits reads better in Verilog than one of a structure.
        width = Shape.cast(self.p.shape).width
        m.submodules.storage = storage = Memory(shape=width, depth=depth, init=[])
        write, read = storage.write_port(), storage.read_port(domain="comb")
        level = Signal(range(depth + 1))
        valid = Signal()
        ready = Signal(init=1)
        push = Signal()
        pop = Signal()
        m.d.comb += [
            self.i.ready.eq(ready),
            self.o.valid.eq(valid),
            push.eq(self.i.valid & ready),
            pop.eq(self.o.ready & valid),
            write.en.eq(push),
            write.data.eq(self.i.payload),
            Value.cast(self.o.payload).eq(read.data),
        ]
        for port_address, advance, name in ((write.addr, push, "tail"), (read.addr, pop, "head")):
            position = Signal(range(depth), name=name)
            m.d.comb += port_address.eq(position)
            with m.If(advance):
                m.d.sync += position.eq(Mux(position == depth - 1, 0, position + 1))
        with m.If(push & ~pop):
            m.d.sync += [level.eq(level + 1), valid.eq(1), ready.eq(level != depth - 1)]
        with m.Elif(pop & ~push):
            m.d.sync += [level.eq(level - 1), valid.eq(level != 1), ready.eq(1)]
