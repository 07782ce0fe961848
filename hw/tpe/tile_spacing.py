"""Distance between the ends of tiles, so that the results of one leave before the next come."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out

from ..unit import Unit

__all__ = ["TileSpacing", "TileSpacingParameters"]


@dataclass(frozen=True)
class TileSpacingParameters:
    """Parameters of :class:`TileSpacing`: least number of cycles from a tile's end to the next."""

    cycles: int


class TileSpacing(Unit):
    """Lets a tile's last step wait until the results of the tile before are out of its way.

    Members
    -------
    valid, last : In(1)
        A step is offered; it is its tile's last one.
    advance : In(1)
        Nothing changes while it is 0.
    ready : Out(1)
        From ``last`` and ``advance`` in the same cycle, never from ``valid``.
    """

    p: TileSpacingParameters

    def __init__(self, p: TileSpacingParameters) -> None:
        super().__init__(
            p, {"valid": In(1), "last": In(1), "advance": In(1), "ready": Out(1)}
        )

    def body(self) -> Module:
        m = Module()
        m.d.comb += self.ready.eq(self.advance)
        if self.p.cycles > 1:
            wait = Signal(range(self.p.cycles))
            blocked = Signal()
            m.d.comb += [
                blocked.eq(wait != 0), self.ready.eq(self.advance & ~(self.last & blocked)),
            ]
            with m.If(self.advance):
                with m.If(blocked):
                    m.d.sync += wait.eq(wait - 1)
                with m.Elif(self.valid & self.last):
                    m.d.sync += wait.eq(self.p.cycles - 1)
        return m
