"""What the gnn generator claims of its bursts: they keep AXI's rules and make whole rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from amaranth.hdl import Signal
from amaranth.lib import data

from ...hw.fabric.fifo import StreamFIFO, StreamFIFOParameters
from ...hw.gnn.axi import BOUNDARY
from ...hw.gnn.burst_splitter import BurstSplitter, BurstSplitterParameters
from ..formal import Always, Claim, Property
from ..stream_claims import offer, stays

__all__ = ["burst_properties", "makes_rows", "stays_within"]

_WIDE, _BITS, _ROWS = 1024, 3, 4
"""Where rows are followed: bytes of a beat, so that a burst has 2 bits of beats; bits of a row's
place and of its length, in beats; and the most rows inside."""


def burst_properties(bus_bytes: int, row_beats: int) -> Iterator[Property]:
    """Yield the properties of what turns rows of at most so many beats into bursts."""
    p = BurstSplitterParameters(bus_bytes, row_beats)
    yield Property(
        "bursts.stable", "a burst that is offered stays until it is taken",
        Always(partial(_stable, p)),
    )  # fmt: skip
    yield Property(
        "bursts.within", "no burst reaches over 4 KiB, and each begins at a whole beat",
        Always(partial(stays_within, p)),
    )  # fmt: skip
    yield Property(
        "bursts.rows", "the bursts of a row follow each other from its address on and have as many "
        f"beats as the row, each once; the last one of the last row says so; a bus of {_WIDE} "
        f"bytes, so bursts of up to {BOUNDARY // _WIDE} beats, and rows of up to {1 << _BITS}",
        Always(partial(makes_rows, BurstSplitterParameters(_WIDE, 1 << _BITS))),
    )  # fmt: skip


def _splitter(p: BurstSplitterParameters, claim: Claim) -> Any:
    unit: Any = BurstSplitter(p)
    claim.m.submodules.splitter = unit
    claim.m.d.comb += unit.bursts.ready.eq(claim.free(1, "bursts_ready"))
    return unit


def _stable(p: BurstSplitterParameters, claim: Claim) -> None:
    unit = _splitter(p, claim)
    offer(claim, unit.rows, "rows")
    stays(claim, unit.bursts)


def stays_within(p: BurstSplitterParameters, claim: Claim) -> None:
    """Claim AXI's rule about 4 KiB."""
    unit = _splitter(p, claim)
    row = unit.rows
    low = p.bus_bytes.bit_length() - 1
    claim.m.d.comb += [
        row.valid.eq(claim.free(1, "rows_valid")),
        row.payload.address[low:].eq(claim.free(40 - low, "address")),
        row.payload.final.eq(claim.free(len(row.payload.final), "beats_less_one")),
        row.payload.last.eq(claim.free(1, "last")),
    ]
    burst = unit.bursts.payload
    offset = burst.address[: BOUNDARY.bit_length() - 1]
    fits = offset + ((burst.length + 1) << low) <= BOUNDARY
    claim.hold(~unit.bursts.valid | (fits & ~burst.address[:low].any()))


def makes_rows(p: BurstSplitterParameters, claim: Claim) -> None:
    """Claim that bursts make whole rows, by a model that keeps rows in order and eats them up."""
    m = claim.m
    unit = _splitter(p, claim)
    low = p.bus_bytes.bit_length() - 1
    kinds = data.StructLayout({"at": _BITS, "left": _BITS, "last": 1})
    given = Signal(kinds)
    row, burst = unit.rows, unit.bursts.payload
    m.d.comb += [
        row.valid.eq(claim.free(1, "rows_valid")), given.eq(claim.free(kinds, "row")),
        row.payload.address.eq(given.at << low), row.payload.final.eq(given.left),
        row.payload.last.eq(given.last),
    ]
    m.submodules.taken = taken = StreamFIFO(StreamFIFOParameters(kinds, _ROWS))
    now, there = Signal(kinds), Signal()
    gone = unit.bursts.valid & unit.bursts.ready
    ends = burst.length == now.left
    m.d.comb += [
        taken.i.valid.eq(row.valid & row.ready), taken.i.payload.eq(given),
        taken.o.ready.eq(~there | (gone & ends)),
    ]
    with m.If(taken.o.ready):
        m.d.sync += [there.eq(taken.o.valid), now.eq(taken.o.payload)]
    with m.Elif(gone):
        m.d.sync += [
            now.at.eq(now.at + burst.length + 1), now.left.eq(now.left - burst.length - 1),
        ]
    claim.hold(~taken.i.valid | taken.i.ready)
    begun = unit.bursts.valid
    claim.hold(~begun | there)
    claim.hold(~begun | ((burst.address >> low)[:_BITS] == now.at))
    claim.hold(~begun | (burst.length <= now.left))
    claim.hold(~begun | (burst.last == (ends & now.last)))
