"""Address generator: rows of memory become bursts, one a cycle."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from amaranth.hdl import Cat, Elaboratable, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import bits_for, ceil_log2

from ..fabric.elastic import ElasticPipeline
from ..unit import Unit
from .burst_splitter import BurstSplitter, BurstSplitterParameters
from .queue import Queue, add_queue
from .transfers import BURST, span_layout

__all__ = ["AddressGenerator", "AddressGeneratorParameters"]

_WALKED = ("address", "place", "row_step", "gathered", "thread")
_ROWS_AHEAD = 16
"""Rows in the queue and on the way to it: more than the ranks of registers before it."""


@dataclass(frozen=True)
class AddressGeneratorParameters:
    """Parameters of :class:`AddressGenerator`.

    Parameters
    ----------
    bus_bytes
        Bytes of a beat.
    row_beats
        Most beats of a row.
    max_sources
        Ids of a thread's list; 0 if no span is gathered.
    """

    bus_bytes: int
    row_beats: int
    max_sources: int = 0

    @property
    def prepared(self) -> data.StructLayout:
        """What a walk needs of a span; whether there is nothing to it, its beats less one, its last
        row."""
        span = span_layout(self.row_beats)
        return data.StructLayout({
            **{name: span[name].shape for name in _WALKED}, "empty": 1,
            "final": bits_for(self.row_beats), "last_row": 16,
        })  # fmt: skip

    @property
    def ids_in_beat(self) -> int:
        """Ids of a word of the memory of ids."""
        return self.bus_bytes // 4

    @property
    def list_bits(self) -> int:
        """Address bits of a thread's list of ids, in words of a beat."""
        return ceil_log2(-(-self.max_sources // self.ids_in_beat))


class AddressGenerator(Unit):
    """Turn spans into bursts that keep the rules of AXI.

    Members
    -------
    clear : In(1)
        Forget everything.
    spans : In(stream of span_layout(row_beats))
        Rows to go to.
    bursts : Out(stream of BURST)
        Of the spans in their order, in the order of their rows.
    ids_enable : Out(1), ids_address : Out, ids : In(8 * bus_bytes)
        A beat of the list of sources, in the cycle after its address.
        The address is ``thread << list_bits | beat``. Only if there are gathered spans.

    Notes
    -----
    A row is a burst, or more where it is longer than a burst can be or reaches over 4 KiB. Rows
    that lie one after the other without a gap are one row, if it is not too long for one.

    Cycles: 12 from a span to its first burst; then a burst a cycle, and spans without a gap. A span
    without rows or beats gives nothing.
    """

    p: AddressGeneratorParameters

    def __init__(self, p: AddressGeneratorParameters) -> None:
        gather = {
            "ids_enable": Out(1), "ids_address": Out(4 + p.list_bits), "ids": In(8 * p.bus_bytes),
        } if p.max_sources else {}  # fmt: skip
        super().__init__(p, {
            "clear": In(1), "spans": In(stream.Signature(span_layout(p.row_beats))),
            "bursts": Out(stream.Signature(BURST)), **gather,
        })  # fmt: skip

    def body(self) -> Elaboratable:
        m = Module()
        splitting = BurstSplitterParameters(self.p.bus_bytes, self.p.row_beats)
        rows = add_queue(m, "rows", splitting.row, _ROWS_AHEAD, self.clear)
        self._walk(m, self._prepared(m), rows)
        m.submodules.splitter = splitter = BurstSplitter(splitting)
        m.d.comb += splitter.clear.eq(self.clear)
        connect(m, rows.o, splitter.rows)
        connect(m, splitter.bursts, flipped(self.bursts))
        return ResetInserter(self.clear)(m)

    def _prepared(self, m: Module) -> Queue:
        """Find spans without gaps, and how many beats they have.

        They wait in queues, before and after: what takes one would else reach through all ranks to
        those who give spans.
        """
        given = add_queue(m, "given", span_layout(self.p.row_beats), 2, self.clear)
        connect(m, flipped(self.spans), given.i)
        span = given.o.payload
        pipe = ElasticPipeline(m, valid=given.o.valid, ready=given.o.ready)
        step = span.beats << ceil_log2(self.p.bus_bytes)
        at = pipe.cut(
            "shape", span=span, merged=~span.gathered & (span.row_step == step),
            empty=(span.rows == 0) | (span.beats == 0),
        )  # fmt: skip
        total = at.span.rows * at.span.beats
        bits = len(at.span.beats)
        at = pipe.cut(
            "total", span=at.span, merged=at.merged & ~total[bits:].any(), empty=at.empty,
            total=total[:bits],
        )  # fmt: skip
        beats = Mux(at.merged, at.total, at.span.beats)
        queue = add_queue(m, "prepared", self.p.prepared, 2, self.clear)
        entry = queue.i.payload
        m.d.comb += [
            *(entry[name].eq(at.span[name]) for name in _WALKED),
            entry.empty.eq(at.empty), entry.final.eq(beats - 1),
            entry.last_row.eq(Mux(at.merged, 0, at.span.rows - 1)),
        ]  # fmt: skip
        pipe.finish(valid=queue.i.valid, ready=queue.i.ready)
        return queue

    def _walk(self, m: Module, spans: Queue, rows: Queue) -> None:
        """Walk through the rows of a span, a row a cycle as long as the queue has room for it."""
        p = self.p
        span, valid = spans.o.payload, spans.o.valid & ~spans.o.payload.empty
        row = Signal(16)
        room = Signal(range(_ROWS_AHEAD + 1), init=_ROWS_AHEAD)
        go, last = Signal(name="walk"), Signal(name="last_row")
        m.d.comb += [
            go.eq(valid & (room != 0)), last.eq(row == span.last_row),
            spans.o.ready.eq((go & last) | span.empty),
        ]
        m.d.sync += room.eq(room - go + (rows.o.valid & rows.o.ready))
        with m.If(go):
            m.d.sync += row.eq(Mux(last, 0, row + 1))
        kept = {
            "go": go, "address": span.address, "step": span.row_step, "final": span.final,
            "last": last,
        }  # fmt: skip
        place = (span.place + row)[:32]
        if p.max_sources:
            lane_bits = ceil_log2(p.ids_in_beat)
            m.d.comb += [
                self.ids_enable.eq(go),
                self.ids_address.eq(Cat(row[lane_bits : lane_bits + p.list_bits], span.thread)),
            ]
            of = _registered(
                m, "id", **kept, place=place, gathered=span.gathered, lane=row[:lane_bits]
            )
            listed = self.ids.word_select(of.lane, 32) if lane_bits else self.ids
            place = Mux(of.gathered, listed, of.place)
            kept = {name: getattr(of, name) for name in kept}
        of = _registered(m, "place", **kept, place=place)
        kept = {name: getattr(of, name) for name in kept}
        # A product of 32 x 16 bits is two of a hard multiplier.
        low, high = of.place[:16] * of.step, of.place[16:] * of.step
        of = _registered(m, "part", **kept, low=low, high=high)
        kept = {name: getattr(of, name) for name in kept}
        of = _registered(m, "offset", **kept, offset=(of.low + (of.high << 16))[:40])
        m.d.comb += [
            rows.i.valid.eq(of.go), rows.i.payload.address.eq(of.address + of.offset),
            rows.i.payload.final.eq(of.final), rows.i.payload.last.eq(of.last),
        ]


def _registered(m: Module, name: str, **values: Value) -> SimpleNamespace:
    """Pass values through registers; ``go`` alone needs a reset."""
    result = SimpleNamespace()
    for key, value in values.items():
        register = Signal(value.shape(), name=f"{name}_{key}", reset_less=key != "go")
        m.d.sync += register.eq(value)
        setattr(result, key, register)
    return result
