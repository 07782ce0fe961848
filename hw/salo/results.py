"""Results: kept until they are taken, with the queries that they belong to."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, stream
from amaranth.lib.wiring import In, Out

from ..fabric.fifo import StreamFIFO, StreamFIFOParameters
from ..unit import Unit

__all__ = ["ResultBuffer", "ResultMerge", "ResultParameters", "result_beat"]


@dataclass(frozen=True)
class ResultParameters:
    """Results of ``rows`` rows, ``lanes`` at once, ``bits`` each, ``dv_max`` to a row.

    Room is for ``blocks`` blocks.

    Raises
    ------
    ValueError
        A parameter is below 1, or ``lanes`` does not divide ``rows``.
    """

    rows: int
    lanes: int
    bits: int
    dv_max: int
    blocks: int

    def __post_init__(self) -> None:
        for name in ("rows", "lanes", "bits", "dv_max", "blocks"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if self.rows % self.lanes:
            raise ValueError(f"lanes must divide rows = {self.rows}, not {self.lanes}")

    @property
    def turns(self) -> int:
        return self.rows // self.lanes


def result_beat(p: ResultParameters) -> data.StructLayout:
    """An element of the results of some rows: whether there is a row, its query, and the value.

    Where there is no row, all of it is 0.

    ``last`` with the last element: of a block, and where blocks are merged, of a run.
    """
    row = data.StructLayout({"there": 1, "query": 16, "value": signed(p.bits)})
    return data.StructLayout({
        "element": range(max(2, p.dv_max)), "last": 1, "rows": data.ArrayLayout(row, p.lanes),
    })  # fmt: skip


class ResultBuffer(Unit):
    """Join results, as a normaliser gives them, with their queries.

    Members
    -------
    dv : In(range(dv_max + 1))
        Elements of a row.
    reserve : In(1), room : Out(1)
        A block is under way whose results will come; there is room for one more.
    queries : In(rows of 17 bits), queries_write : In(1)
        Of a block: query and, on top, whether the row has one. Before its results.
    valid : In(1), values : In(lanes of signed(bits))
        Results, ``turns * dv`` times a block; room has been reserved.
    o : Out(stream of result_beat)
        Elements of a turn's rows one after another, then of the next turn's; the first one two
        cycles after it came, one in each cycle while they are taken and there are any.
    empty : Out(1)
        Nothing is under way and nothing waits.
    """

    p: ResultParameters

    def __init__(self, p: ResultParameters) -> None:
        layout = data.ArrayLayout
        super().__init__(p, {
            "dv": In(range(p.dv_max + 1)), "reserve": In(1), "room": Out(1), "empty": Out(1),
            "queries": In(layout(17, p.rows)), "queries_write": In(1),
            "valid": In(1), "values": In(layout(signed(p.bits), p.lanes)),
            "o": Out(stream.Signature(result_beat(p))),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.queries_fifo = queries = StreamFIFO(
            StreamFIFOParameters(17 * p.rows, p.blocks)
        )
        under_way = Signal(range(p.blocks + 1))
        element = Signal(range(max(2, p.dv_max)))
        turn = Signal(range(max(2, p.turns)))
        taken = Signal()
        row_ends = Signal()
        block_ends = Signal()
        m.d.comb += [
            queries.i.valid.eq(self.queries_write),
            queries.i.payload.eq(self.queries.as_value()),
            self.room.eq(under_way != p.blocks), self.empty.eq(under_way == 0),
            taken.eq(self.o.valid & self.o.ready), row_ends.eq(element == self.dv - 1),
            block_ends.eq(taken & self.o.payload.last), queries.o.ready.eq(block_ends),
            self.o.payload.element.eq(element),
            self.o.payload.last.eq(row_ends & (turn == p.turns - 1)),
        ]
        held = data.View(data.ArrayLayout(17, p.rows), queries.o.payload)
        found = data.View(data.ArrayLayout(signed(p.bits), p.lanes), self._values(m, taken))
        for lane in range(p.lanes):
            row = self.o.payload.rows[lane]
            query = Signal(17, name=f"query_{lane}")
            with m.Switch(turn):
                for k in range(p.turns):
                    with m.Case(k):
                        m.d.comb += query.eq(held[k * p.lanes + lane])
            with m.If(query[16]):
                m.d.comb += [
                    row.there.eq(1), row.query.eq(query[:16]), row.value.eq(found[lane]),
                ]  # fmt: skip
        m.d.sync += under_way.eq(under_way + self.reserve - block_ends)
        with m.If(taken):
            m.d.sync += element.eq(Mux(row_ends, 0, element + 1))
            with m.If(row_ends):
                m.d.sync += turn.eq(Mux(self.o.payload.last, 0, turn + 1))
        return m

    def _values(self, m: Module, taken: Value) -> Value:
        """Results in a memory; the next one is read a cycle ahead, and says that it is valid."""
        p = self.p
        depth = p.blocks * p.turns * p.dv_max
        m.submodules.values = values = memory.Memory(
            shape=p.lanes * p.bits, depth=depth, init=[]
        )
        write, read = values.write_port(), values.read_port()
        waiting = Signal(range(depth + 1))
        m.d.comb += [
            write.en.eq(self.valid), write.data.eq(self.values.as_value()),
            read.en.eq(waiting.any() & (~self.o.valid | taken)),
        ]
        for port, name in ((write, "tail"), (read, "head")):
            place = Signal(range(depth), name=name)
            m.d.comb += port.addr.eq(place)
            with m.If(port.en):
                m.d.sync += place.eq(Mux(place == depth - 1, 0, place + 1))
        m.d.sync += [
            waiting.eq(waiting + write.en - read.en),
            self.o.valid.eq(read.en | (self.o.valid & ~taken)),
        ]
        return read.data


@dataclass(frozen=True)
class ResultMergeParameters:
    """Beats of the first of the sources, and how many others there are, with one lane each."""

    results: ResultParameters
    others: int

    @property
    def sources(self) -> int:
        return 1 + self.others


class ResultMerge(Unit):
    """One stream of results: blocks of rows, and between them those of riders, in lane 0.

    Their order is that in which the program ends them, whenever they come.

    Members
    -------
    i : In(stream of result_beat), others : In(streams of the same, with one lane)
        Sources, a block after the other.
    ends : In(sources), last_tile : In(1), push : In(1)
        Blocks of these sources end together, at least one, in order; they are the last ones.
        Sources have room for them.
    o : Out(stream of result_beat)
        ``last`` ends the last block of ``last_tile``.
    """

    p: ResultMergeParameters

    def __init__(self, p: ResultMergeParameters) -> None:
        beat = stream.Signature(result_beat(p.results))
        super().__init__(p, {
            "i": In(beat), "o": Out(beat), "ends": In(p.sources), "last_tile": In(1), "push": In(1),
            **({"others": In(stream.Signature(self.narrow(p))).array(p.others)}
               if p.others else {}),
        })  # fmt: skip

    @staticmethod
    def narrow(p: ResultMergeParameters) -> data.StructLayout:
        """A beat of another source."""
        r = p.results
        return result_beat(ResultParameters(1, 1, r.bits, r.dv_max, r.blocks))

    def body(self) -> Module:
        m = Module()
        p = self.p
        sources = [self.i, *(self.others if p.others else [])]
        # Each entry is a block of some source, so there are never more than blocks under way.
        m.submodules.order = order = StreamFIFO(
            StreamFIFOParameters(1 + p.sources, p.sources * p.results.blocks)
        )
        ends, final = order.o.payload[: p.sources], order.o.payload[-1]
        served, now, left = (
            Signal(p.sources, name=name) for name in ("served", "now", "left")
        )
        block_ends = Signal()
        m.d.comb += [
            order.i.valid.eq(self.push), order.i.payload.eq(Cat(self.ends, self.last_tile)),
            left.eq(ends & ~served), now.eq(left & ~(left - 1)),
            order.o.ready.eq(block_ends & (left == now)),
        ]
        for number, source in enumerate(sources):
            with m.If(order.o.valid & now[number]):
                m.d.comb += [
                    self.o.valid.eq(source.valid), source.ready.eq(self.o.ready),
                    block_ends.eq(source.valid & self.o.ready & source.payload.last),
                    *self._beat(source.payload),
                    self.o.payload.last.eq(source.payload.last & final & (left == now)),
                ]  # fmt: skip
        with m.If(block_ends):
            m.d.sync += served.eq(Mux(left == now, 0, served | now))
        return m

    def _beat(self, source: data.View) -> list[Value]:
        target = self.o.payload
        lanes = min(len(source.rows), len(target.rows))
        return [
            target.element.eq(source.element),
            *(target.rows[n].eq(source.rows[n]) for n in range(lanes)),
        ]
