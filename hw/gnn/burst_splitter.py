"""Burst splitter: rows of any length become bursts that keep the rules of AXI."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Elaboratable, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import bits_for, ceil_log2

from ..unit import Unit
from .axi import ADDRESS_BITS, burst_beats
from .queue import add_queue
from .transfers import BURST

__all__ = ["BurstSplitter", "BurstSplitterParameters"]


@dataclass(frozen=True)
class BurstSplitterParameters:
    """Parameters of :class:`BurstSplitter`.

    Parameters
    ----------
    bus_bytes
        Bytes of a beat.
    row_beats
        Most beats of a row, at least those of the longest burst.
    """

    bus_bytes: int
    row_beats: int

    @property
    def row(self) -> data.StructLayout:
        """A row: where it is, its beats less one, and whether it is the last one of its span."""
        return data.StructLayout({
            "address": ADDRESS_BITS, "final": bits_for(self.row_beats), "last": 1,
        })  # fmt: skip


class BurstSplitter(Unit):
    """Cut rows into bursts that stay within a block of as many beats as a burst can have.

    Members
    -------
    clear : In(1)
        Forget everything.
    rows : In(stream of the parameters' row)
        Each at a whole beat.
    bursts : Out(stream of BURST)
        Of the rows in their order; ``last`` in the last burst of a row that has it.

    Notes
    -----
    Cycles: 2 from a row to its first burst; then a burst a cycle, and rows without a gap.
    """

    p: BurstSplitterParameters

    def __init__(self, p: BurstSplitterParameters) -> None:
        super().__init__(p, {
            "clear": In(1), "rows": In(stream.Signature(p.row)),
            "bursts": Out(stream.Signature(BURST)),
        })  # fmt: skip

    def body(self) -> Elaboratable:
        m = Module()
        most = burst_beats(self.p.bus_bytes)
        low = ceil_log2(self.p.bus_bytes)
        high = low + ceil_log2(most)
        # A queue: what takes bursts must not reach those who give rows.
        bursts = add_queue(m, "queue", BURST, 2, self.clear)
        connect(m, bursts.o, flipped(self.bursts))
        row, burst, free = self.rows.payload, bursts.i.payload, bursts.i.ready
        busy, last = Signal(name="splitting"), Signal(name="of_last_row")
        # ``left`` is a beat less than there is, ``room`` the beats up to the end of the block.
        address = Signal(ADDRESS_BITS, reset_less=True)
        left = Signal.like(row.final, reset_less=True)
        room = Signal(9, reset_less=True)
        # Both are less than 2^n, n bits of ``left``: the difference has n + 1, with its sign.
        rest = Signal(len(left) + 1)
        fits = Signal()
        m.d.comb += [
            rest.eq(left - room), fits.eq(rest[-1]), self.rows.ready.eq(~busy | (free & fits)),
            bursts.i.valid.eq(busy), burst.address.eq(address),
            burst.length.eq(Mux(fits, left, room - 1)), burst.last.eq(last & fits),
        ]
        with m.If(busy & free):
            m.d.sync += [
                left.eq(rest), address.eq((address[high:] + 1) << high), room.eq(most),
            ]  # fmt: skip
        with m.If(self.rows.ready):
            m.d.sync += [
                busy.eq(self.rows.valid), address.eq(row.address), left.eq(row.final),
                last.eq(row.last), room.eq(most - row.address[low:high]),
            ]
        return ResetInserter(self.clear)(m)
