"""Read engine: lists and rows from memory into the memories of threads."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from ..fabric.elastic import ElasticPipeline
from ..fabric.memory import BlockMemory
from ..unit import Unit
from .address_generator import AddressGenerator, AddressGeneratorParameters
from .axi import ADDRESS_BITS, axi_master
from .faults import Fault, fault, raise_fault
from .jobs import LoadKind, finished, local_write
from .parameters import GnnParameters
from .queue import Queue, add_queue
from .row_walk import RowWalk, describe_rows, rows_layout, walk_rows
from .transfers import JOBS_UNDER_WAY, read_request

__all__ = ["ReadEngine", "read_channels"]


def read_channels(bus_bytes: int) -> dict[str, object]:
    """Return the members of an AXI master for reading."""
    members = axi_master(bus_bytes).members
    return {name: member for name, member in members.items() if name[0] == "r" or name[:2] == "ar"}


class ReadEngine(Unit):
    """Read rows and lists; several jobs and ``outstanding`` bursts are on the way at a time.

    Members
    -------
    clear, halt : In(1)
        Forget everything; start no more bursts.
    requests : In(stream of read_request)
        What to read, in order.
    done : Out(finished())
        A thread's last request is in place.
    rows_write : Out(local_write(p, word_bits, lanes / mask_bytes))
        Rows into local memory.
    edges_write, scalars_write : Out(local_write(p, 8 * bus_bytes, 1))
        Beats of lists; the address counts beats.
    control : Out(stream of {client, data, last})
        Beats that no thread asked for.
    fault : Out(fault())
        The memory refused a read.
    busy, waiting, beat, control_beat : Out(1)
        There is a job; it waits for the memory; a beat for a thread, or for control, came.
    drained : Out(1)
        No burst is on the way.
    ar..., r...
        Channels of the AXI master.

    Notes
    -----
    Addresses of a job begin as soon as those of the one before it are done, so that the latency of
    the memory is paid once for jobs that follow each other. A beat a cycle, and a cycle between
    jobs.

    Cycles: from a request to its first address on the bus 15; from a beat on the bus to its word
    in memory, and to ``done`` if it is the last one, 2.

    Ids of sources stay in here: nothing else reads them.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        beat = data.StructLayout({"client": 1, "data": 8 * p.bus_bytes, "last": 1})
        super().__init__(p, {
            "clear": In(1), "halt": In(1),
            "requests": In(stream.Signature(read_request(p))),
            "done": Out(finished()),
            "rows_write": Out(local_write(p.local_words, p.word_bits, p.lanes // p.mask_bytes)),
            "edges_write": Out(local_write(p.edge_beats, 8 * p.bus_bytes, 1)),
            "scalars_write": Out(local_write(p.scalar_beats, 8 * p.bus_bytes, 1)),
            "control": Out(stream.Signature(beat)), "fault": Out(fault()),
            "busy": Out(1), "waiting": Out(1), "beat": Out(1), "control_beat": Out(1),
            "drained": Out(1), **read_channels(p.bus_bytes),
        })  # fmt: skip

    def body(self) -> Elaboratable:
        m = Module()
        p = self.p
        parameters = AddressGeneratorParameters(p.bus_bytes, p.row_beats, p.max_sources)
        m.submodules.addresses = addresses = AddressGenerator(parameters)
        m.d.comb += addresses.clear.eq(self.clear)
        ways = self._accept(m, addresses)
        gone = Signal(40)
        resolved = Signal()
        self._send(m, addresses, gone, resolved)
        self._receive(m, addresses, ways, gone, resolved)
        return ResetInserter(self.clear)(m)

    def _accept(self, m: Module, addresses: AddressGenerator) -> Queue:
        """Give a request to the generator of addresses, and to those who wait for its beats."""
        p = self.p
        queue = add_queue(m, "requested", read_request(p), 2, self.clear)
        connect(m, flipped(self.requests), queue.i)
        request = queue.o.payload
        job = request.job
        bus = ceil_log2(p.bus_bytes)
        beats = Signal(range(p.row_beats + 1))
        rows = Signal(16)
        m.d.comb += rows.eq(1)
        with m.If(request.control):
            m.d.comb += beats.eq(job.rows)
        with m.Else(), m.Switch(job.kind):
            with m.Case(LoadKind.SOURCES, LoadKind.EDGES):
                m.d.comb += beats.eq(((job.rows << 2) + p.bus_bytes - 1) >> bus)
            with m.Case(LoadKind.SCALARS):
                m.d.comb += beats.eq(((job.rows << 1) + p.bus_bytes - 1) >> bus)
            with m.Default():
                m.d.comb += [
                    beats.eq((job.bytes + p.bus_bytes - 1) >> bus), rows.eq(job.rows),
                ]
        pipe = ElasticPipeline(m, valid=queue.o.valid, ready=queue.o.ready)
        at = pipe.cut("measured", request=request, beats=beats, rows=rows)
        there, take = Signal(name="measured"), Signal(name="accepted")
        pipe.finish(valid=there, ready=take)
        # Jobs whose beats are on the way.
        shape = data.StructLayout({
            "rows": rows_layout(p), "kind": LoadKind, "control": 1, "pc": p.pc_bits, "last": 1,
        })  # fmt: skip
        ways = add_queue(m, "ways", shape, JOBS_UNDER_WAY, self.clear)
        way, span = ways.i.payload, addresses.spans.payload
        job = at.request.job
        m.d.comb += [
            take.eq(ways.i.ready & addresses.spans.ready), ways.i.valid.eq(there & take),
            addresses.spans.valid.eq(there & ways.i.ready),
            way.kind.eq(job.kind), way.control.eq(at.request.control),
            way.pc.eq(at.request.pc), way.last.eq(at.request.last),
            *describe_rows(way.rows, job, at.beats, at.rows),
            span.address.eq(job.address), span.place.eq(at.request.place),
            span.row_step.eq(job.row_step), span.beats.eq(at.beats), span.rows.eq(at.rows),
            span.gathered.eq((job.kind == LoadKind.GATHERED) & ~at.request.control),
            span.thread.eq(job.thread),
        ]  # fmt: skip
        return ways

    def _send(
        self, m: Module, addresses: AddressGenerator, gone: Signal, resolved: Signal
    ) -> None:
        """Put bursts on the bus, and keep where they are for the beats' sake."""
        p = self.p
        burst = addresses.bursts.payload
        bursts = add_queue(m, "bursts", ADDRESS_BITS, p.outstanding, self.clear)
        way = Signal(range(p.outstanding + 1), name="outstanding")
        way_next = Signal.like(way)
        room = Signal(init=1)
        go = Signal(name="go")
        m.d.comb += [
            go.eq(
                addresses.bursts.valid & (~self.arvalid | self.arready) & ~self.halt
                & room
            ),
            addresses.bursts.ready.eq(go),
            bursts.i.valid.eq(go), bursts.i.payload.eq(burst.address), bursts.o.ready.eq(resolved),
            gone.eq(bursts.o.payload),
            self.arsize.eq(ceil_log2(p.bus_bytes)), self.arburst.eq(1),
            self.drained.eq(way == 0),
        ]  # fmt: skip
        m.d.comb += way_next.eq(way + go - resolved)
        m.d.sync += [way.eq(way_next), room.eq(way_next != p.outstanding)]
        with m.If(self.arready):
            m.d.sync += self.arvalid.eq(0)
        with m.If(go):
            m.d.sync += [
                self.arvalid.eq(1), self.araddr.eq(burst.address), self.arlen.eq(burst.length),
            ]

    def _receive(
        self, m: Module, addresses: AddressGenerator, ways: Queue,
        gone: Signal, resolved: Signal,
    ) -> None:
        """Take beats, tell where they go, and put them there a cycle later."""
        p = self.p
        beat = data.StructLayout({"data": 8 * p.bus_bytes, "resp": 2, "last": 1})
        beats = add_queue(m, "beats", beat, 4, self.clear)
        taken = beats.o.payload
        m.d.comb += [
            beats.i.valid.eq(self.rvalid), self.rready.eq(beats.i.ready),
            beats.i.payload.eq(Cat(self.rdata, self.rresp, self.rlast)),
        ]
        take = Signal()
        walk = walk_rows(m, p, ways, take)
        job, rows, control = walk.job, walk.job.rows, self.control
        there = walk.valid & ~rows.empty & beats.o.valid
        m.d.comb += [
            control.valid.eq(there & job.control & ~self.halt),
            control.payload.client.eq(rows.thread), control.payload.data.eq(taken.data),
            control.payload.last.eq(walk.end),
            # What halts the engine may be the very client that would have to take the beat.
            take.eq(there & (~job.control | control.ready | self.halt)),
            beats.o.ready.eq(take), resolved.eq(take & taken.last), self.busy.eq(walk.valid),
            self.waiting.eq(walk.valid & ~rows.empty & ~beats.o.valid),
            self.beat.eq(take & ~job.control), self.control_beat.eq(take & job.control),
        ]  # fmt: skip
        with m.If(walk.valid):
            m.d.sync += self.done.thread.eq(rows.thread)
        m.d.sync += self.done.valid.eq(walk.ended & job.last & ~job.control)
        self._write(m, addresses, take, taken.data, walk)
        self._check(m, job, take, taken, gone)

    def _write(
        self, m: Module, addresses: AddressGenerator, take: Value, beat: Value, walk: RowWalk
    ) -> None:
        p, job = self.p, walk.job
        ratio = p.lanes // p.bus_bytes
        mask_bits = p.bus_bytes // p.mask_bytes
        mask = Const((1 << mask_bits) - 1, mask_bits)
        if ratio > 1:
            mask = mask << (walk.number[: ceil_log2(ratio)] * mask_bits)
        wanted = take & ~job.control
        rows = (job.kind == LoadKind.ROWS) | (job.kind == LoadKind.GATHERED)
        held = Signal(8 * p.bus_bytes, reset_less=True, name="held")
        thread = Signal(4, reset_less=True)
        address = Signal(p.local_bits, reset_less=True)
        beats = Signal(16, reset_less=True, name="beat_number")
        local = Signal(len(self.rows_write.enable))
        sources = Signal()
        m.d.sync += [
            held.eq(beat), thread.eq(job.rows.thread), address.eq(job.rows.base + walk.word),
            beats.eq(walk.number),
            local.eq(Mux(wanted & rows, mask, 0)),
            sources.eq(wanted & (job.kind == LoadKind.SOURCES)),
            self.edges_write.enable.eq(wanted & (job.kind == LoadKind.EDGES)),
            self.scalars_write.enable.eq(wanted & (job.kind == LoadKind.SCALARS)),
        ]  # fmt: skip
        m.d.comb += [
            self.rows_write.enable.eq(local), self.rows_write.thread.eq(thread),
            self.rows_write.address.eq(address), self.rows_write.data.eq(Cat([held] * ratio)),
        ]
        for port in (self.edges_write, self.scalars_write):
            m.d.comb += [port.thread.eq(thread), port.address.eq(beats), port.data.eq(held)]
        bits = addresses.p.list_bits
        ids = BlockMemory(shape=8 * p.bus_bytes, depth=p.threads << bits)
        m.submodules.lists = ids
        write, read = ids.write_port(), ids.read_port()
        m.d.comb += [
            write.en.eq(sources), write.addr.eq(Cat(beats[:bits], thread)), write.data.eq(held),
            read.en.eq(addresses.ids_enable), read.addr.eq(addresses.ids_address),
            addresses.ids.eq(read.data),
        ]  # fmt: skip

    def _check(
        self, m: Module, job: data.View, take: Value, beat: data.View, gone: Value
    ) -> None:
        """Tell of an error, with the address of the beat."""
        p = self.p
        low = ceil_log2(p.bus_bytes)
        within = Signal(12 - low, name="within")
        with m.If(take):
            m.d.sync += within.eq(Mux(beat.last, 0, within + 1))
        at = Cat((gone[:12] + (within << low))[:12], gone[12:])
        code = Mux(beat.resp[0], Fault.READ_DECODE, Fault.READ_SLAVE)
        thread = Mux(job.control, 31, job.rows.thread)
        m.d.sync += raise_fault(
            self.fault, take & beat.resp[1], code, thread=thread, pc=job.pc, address=at
        )


