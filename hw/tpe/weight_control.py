"""Which weights an array works with: rows of operands that wait for theirs, and the next ones."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..unit import Unit

__all__ = ["WeightControl", "WeightControlParameters"]


@dataclass(frozen=True)
class WeightControlParameters:
    """Parameters of :class:`WeightControl`: transfers of the weights of a tile, at least 1."""

    transfers: int


class WeightControl(Unit):
    """Lets rows of A in from when all weights of their tile are there, and the next weights after.

    Members
    -------
    row_valid, row_last : In(1), row_ready : Out(1)
        Handshake of the rows; ``row_last`` is a tile's last one.
    weight_valid : In(1), weight_ready : Out(1)
        Handshake of the weights. They wait while rows do, so that they never overtake them.
    advance : In(1)
        Nothing changes while it is 0.
    taken : Out(1)
        A row goes in.
    swap : Out(1)
        It is the first of a tile: from now on the weights that were loaded last are in use.
    released : In(1)
        ``swap`` has come to where the first transfer goes: weights may follow in this cycle.
    write : Out(transfers)
        This transfer of weights goes in.

    ``row_ready`` depends on ``advance`` alone in the same cycle, ``weight_ready`` also on
    ``released``.
    """

    p: WeightControlParameters

    def __init__(self, p: WeightControlParameters) -> None:
        super().__init__(p, {
            "row_valid": In(1), "row_last": In(1), "row_ready": Out(1),
            "weight_valid": In(1), "weight_ready": Out(1), "advance": In(1),
            "taken": Out(1), "swap": Out(1), "released": In(1), "write": Out(p.transfers),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        boundary, full = Signal(name="boundary", init=1), Signal(name="full")
        taken, swap = Signal(name="row_taken"), Signal(name="first_row")
        m.d.comb += [
            taken.eq(self.row_valid & self.advance & (full | ~boundary)),
            swap.eq(taken & boundary),
            self.row_ready.eq(self.advance & (full | ~boundary)),
            self.taken.eq(taken), self.swap.eq(swap),
        ]
        with m.If(taken):
            m.d.sync += boundary.eq(self.row_last)
        free = Signal(name="free", init=1)
        place = Signal(range(self.p.transfers), name="place")
        ready, loaded, done = Signal(name="ready"), Signal(name="loaded"), Signal(name="done")
        m.d.comb += [
            ready.eq(self.advance & (free | self.released)), self.weight_ready.eq(ready),
            loaded.eq(self.weight_valid & ready),
            done.eq(loaded & (place == self.p.transfers - 1)),
            *(self.write[k].eq(loaded & (place == k)) for k in range(self.p.transfers)),
        ]
        with m.If(self.advance):
            m.d.sync += [full.eq(done | (full & ~swap)), free.eq((free | self.released) & ~done)]
        with m.If(loaded):
            m.d.sync += place.eq(Mux(done, 0, place + 1))
        return m
