"""Write engine: rows of threads' local memories into memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Elaboratable, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..unit import Unit
from .address_generator import AddressGenerator, AddressGeneratorParameters
from .axi import axi_master
from .faults import Fault, fault, raise_fault
from .jobs import MEMORY_LATENCY, finished, local_read
from .parameters import GnnParameters
from .queue import Queue, add_queue
from .row_walk import describe_rows, rows_layout, walk_rows
from .transfers import JOBS_UNDER_WAY, write_request

__all__ = ["WriteEngine", "write_channels"]

_BEATS_AHEAD = 8


def write_channels(bus_bytes: int) -> dict[str, object]:
    """Return the members of an AXI master for writing."""
    members = axi_master(bus_bytes).members
    return {name: each for name, each in members.items() if name[0] in "wb" or name[:2] == "aw"}


class WriteEngine(Unit):
    """Write rows; several jobs and ``outstanding`` bursts are on the way at a time.

    Members
    -------
    clear, halt : In(1)
        Forget everything; start no more bursts.
    requests : In(stream of write_request)
        What to write, in order.
    done : Out(finished())
        All of a thread's rows were read, so that they may be overwritten.
    rows : Out(local_read(p, word_bits))
        Local memory.
    fault : Out(fault())
        The memory refused a write.
    busy, beat : Out(1)
        There is a job; a beat was taken by the memory.
    settled : Out(1)
        No job is there, and the memory has acknowledged all writes.
    drained : Out(1)
        No burst is on the way.
    aw..., w..., b...
        Channels of the AXI master.

    Notes
    -----
    A beat a cycle, and a cycle between jobs: local memory is read ahead of the bus.

    Cycles: from a request to its first address on the bus 13; from the last beat of a job read to
    ``done`` 3.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            "clear": In(1), "halt": In(1),
            "requests": In(stream.Signature(write_request(p))),
            "done": Out(finished()), "rows": Out(local_read(p.local_words, p.word_bits)),
            "fault": Out(fault()),
            "busy": Out(1), "beat": Out(1), "settled": Out(1), "drained": Out(1),
            **write_channels(p.bus_bytes),
        })  # fmt: skip

    def body(self) -> Elaboratable:
        m = Module()
        p = self.p
        m.submodules.addresses = addresses = AddressGenerator(
            AddressGeneratorParameters(p.bus_bytes, p.row_beats)
        )
        m.d.comb += addresses.clear.eq(self.clear)
        origins = add_queue(m, "origins", _origin(p), JOBS_UNDER_WAY, self.clear)
        ways, there = self._accept(m, addresses, origins)
        beats = self._read(m, ways)
        drained = self._send(m, addresses, origins, beats)
        m.d.comb += [
            self.drained.eq(drained),
            self.settled.eq(~self.requests.valid & ~there & ~origins.o.valid & drained),
        ]  # fmt: skip
        return ResetInserter(self.clear)(m)

    def _accept(
        self, m: Module, addresses: AddressGenerator, origins: Queue
    ) -> tuple[Queue, Value]:
        """Give a request to the generator of addresses, and to the reader of local memory."""
        p = self.p
        beats = (self.requests.payload.job.bytes + p.bus_bytes - 1) >> ceil_log2(p.bus_bytes)
        request = write_request(p)
        measured = data.StructLayout({"request": request, "beats": range(p.row_beats + 1)})
        queue = add_queue(m, "measured", measured, 2, self.clear)
        at, there, take = queue.o.payload, queue.o.valid, queue.o.ready
        m.d.comb += [
            queue.i.valid.eq(self.requests.valid), self.requests.ready.eq(queue.i.ready),
            queue.i.payload.request.eq(self.requests.payload), queue.i.payload.beats.eq(beats),
        ]
        # Jobs whose rows are read from local memory.
        shape = data.StructLayout({"rows": rows_layout(p)})
        ways = add_queue(m, "ways", shape, JOBS_UNDER_WAY, self.clear)
        way, origin, span = ways.i.payload.rows, origins.i.payload, addresses.spans.payload
        job = at.request.job
        room = ways.i.ready & origins.i.ready
        m.d.comb += [
            take.eq(room & addresses.spans.ready), ways.i.valid.eq(there & take),
            addresses.spans.valid.eq(there & room),
            # An empty job has no burst, so that none would take its origin.
            origins.i.valid.eq(there & take & ~way.empty),
            *describe_rows(way, job, at.beats, job.rows),
            origin.pc.eq(at.request.pc), origin.thread.eq(job.thread),
            span.address.eq(job.address), span.place.eq(at.request.place),
            span.row_step.eq(job.row_step), span.beats.eq(at.beats), span.rows.eq(job.rows),
        ]  # fmt: skip
        return ways, there

    def _read(self, m: Module, ways: Queue) -> Queue:
        """Read beats of rows from local memory; return the queue that they come into."""
        p = self.p
        ratio = p.lanes // p.bus_bytes
        in_word = ceil_log2(ratio)
        beats = add_queue(m, "beats", 8 * p.bus_bytes, _BEATS_AHEAD, self.clear)
        ahead = Signal(range(_BEATS_AHEAD + 1))
        ask = Signal()
        walk = walk_rows(m, p, ways, ask)
        rows = walk.job.rows
        m.d.comb += [
            ask.eq(walk.valid & ~rows.empty & (ahead != _BEATS_AHEAD)), self.busy.eq(walk.valid),
        ]
        m.d.sync += ahead.eq(ahead + ask - (beats.o.valid & beats.o.ready))
        m.d.sync += [
            self.rows.enable.eq(ask), self.rows.thread.eq(rows.thread),
            self.rows.address.eq(rows.base + walk.word),
        ]
        coming: list[Value] = [Cat(ask, walk.ended, walk.number[:in_word], rows.thread)]
        for rank in range(1 + MEMORY_LATENCY):
            late = Signal(len(coming[0]), name=f"coming_{rank}")
            m.d.sync += late.eq(coming[-1])
            coming.append(late)
        word = self.rows.data
        if ratio > 1:
            word = word.word_select(coming[-1][2 : 2 + in_word], 8 * p.bus_bytes)
        m.d.comb += [
            beats.i.valid.eq(coming[-1][0]),
            beats.i.payload.eq(word),
            self.done.valid.eq(coming[-1][1]), self.done.thread.eq(coming[-1][2 + in_word :]),
        ]  # fmt: skip
        return beats

    def _send(
        self, m: Module, addresses: AddressGenerator, origins: Queue, beats: Queue
    ) -> Value:
        """Put bursts on the bus, and their beats; tell whether all were acknowledged."""
        p = self.p
        burst = addresses.bursts.payload
        origin = origins.o.payload
        lengths = add_queue(m, "lengths", 8, p.outstanding, self.clear)
        sent = add_queue(m, "sent", _origin(p), p.outstanding, self.clear)
        way = Signal(range(p.outstanding + 1), name="outstanding")
        way_next = Signal.like(way)
        room = Signal(init=1)
        go = Signal(name="go")
        acknowledged = Signal()
        m.d.comb += [
            go.eq(
                addresses.bursts.valid & (~self.awvalid | self.awready) & ~self.halt
                & room
            ),
            addresses.bursts.ready.eq(go), origins.o.ready.eq(go & burst.last),
            lengths.i.valid.eq(go), lengths.i.payload.eq(burst.length),
            sent.i.valid.eq(go), sent.i.payload.eq(Cat(burst.address, origin.pc, origin.thread)),
            self.awsize.eq(ceil_log2(p.bus_bytes)), self.awburst.eq(1),
            self.wstrb.eq((1 << p.bus_bytes) - 1), self.bready.eq(1),
            acknowledged.eq(self.bvalid), sent.o.ready.eq(acknowledged),
        ]  # fmt: skip
        m.d.comb += way_next.eq(way + go - acknowledged)
        m.d.sync += [way.eq(way_next), room.eq(way_next != p.outstanding)]
        with m.If(self.awready):
            m.d.sync += self.awvalid.eq(0)
        with m.If(go):
            m.d.sync += [
                self.awvalid.eq(1), self.awaddr.eq(burst.address), self.awlen.eq(burst.length),
            ]
        count = Signal(8)
        final = Signal()
        move = Signal()
        m.d.comb += [
            final.eq(count == lengths.o.payload),
            move.eq(lengths.o.valid & beats.o.valid & (~self.wvalid | self.wready)),
            beats.o.ready.eq(move), lengths.o.ready.eq(move & final),
            self.beat.eq(self.wvalid & self.wready),
        ]
        with m.If(self.wready):
            m.d.sync += self.wvalid.eq(0)
        with m.If(move):
            m.d.sync += [
                self.wvalid.eq(1), self.wdata.eq(beats.o.payload), self.wlast.eq(final),
                count.eq(Mux(final, 0, count + 1)),
            ]
        told = sent.o.payload
        code = Mux(self.bresp[0], Fault.WRITE_DECODE, Fault.WRITE_SLAVE)
        m.d.sync += raise_fault(
            self.fault, acknowledged & self.bresp[1], code, thread=told.thread, pc=told.pc,
            address=told.address,
        )
        return way == 0


def _origin(p: GnnParameters) -> data.StructLayout:
    """Where a burst goes, and which instruction sent it."""
    return data.StructLayout({"address": 40, "pc": p.pc_bits, "thread": 4})
