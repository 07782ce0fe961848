"""Queue that can be emptied at once."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, ResetInserter, ShapeLike, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..fabric.fifo import StreamFIFO, StreamFIFOParameters
from ..unit import Unit

__all__ = ["Queue", "add_queue"]


class Queue(StreamFIFO):
    """A :class:`StreamFIFO` with ``clear : In(1)``, which drops what is in it."""

    def __init__(self, p: StreamFIFOParameters) -> None:
        payload = stream.Signature(p.shape)
        Unit.__init__(self, p, {"clear": In(1), "i": In(payload), "o": Out(payload)})

    def body(self) -> Elaboratable:
        return ResetInserter(self.clear)(super().body())


def add_queue(m: Module, name: str, shape: ShapeLike, depth: int, clear: Value) -> Queue:
    """Return a new queue of at least two places inside of ``m``."""
    m.submodules[name] = queue = Queue(StreamFIFOParameters(shape, max(2, depth)))
    m.d.comb += queue.clear.eq(clear)
    return queue
