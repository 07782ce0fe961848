"""Element-wise operations on rows of all spaces and types."""

from __future__ import annotations

from math import log2

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from ..tpe.delay import delayed
from ..unit import Unit
from .element_form import is_wide, make_form, reads_b
from .element_lane import ElementLane
from .element_walk import ElementWalk
from .head_select import HeadSelect, HeadSelectParameters, first_head
from .instruction import Space
from .jobs import CONSTANT, MEMORY_LATENCY, table_write
from .parameters import GnnParameters
from .vector_ports import engine_members, list_read, word_write

__all__ = ["ElementEngine"]

_OPERANDS = MEMORY_LATENCY + 1
"""Cycles from a step to its operands: the memory's, and a register."""
_RESULT = _OPERANDS + ElementLane.latency


class ElementEngine(Unit):
    """FILL, ADD, SUB, MUL, AXPY, RQ, RQROW, LRELU, LUT8 and FIXMIN.

    A step is a word of i8 or of i32, or if any element has 16 bits, half as many elements; then
    only half of the lanes work, and halves of words of i8 wait for one another. In a row's last
    word the lanes beyond its elements compute with what is there; if there is no second half of
    a word of i8, it is a copy of the first.

    Members
    -------
    rows, scores : Out(list_read), rows_write, scores_write : Out(word_write)
        Rows and edges of the thread.
    tables : In(table_write(32))
        Loading of the byte tables.
    And those of every engine, see ``vector_ports.py``.

    Notes
    -----
    ``busy`` for ``rows * (chunks * turns + by_row)`` cycles, the first one 3 cycles after
    ``start``: chunks are steps of a row, turns the operands of an element that come from one
    memory, at least 1 (the thread's two count as one), by_row is 1 for RQROW. ``finished``
    13 cycles after the last one, in the cycle of the last write.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        word = p.word_bits
        super().__init__(p, {
            **engine_members(p), "tables": In(table_write(32)),
            "rows": Out(list_read(p.local_words, word)),
            "rows_write": Out(word_write(p.local_words, word)),
            "scores": Out(list_read(p.edge_words, word)),
            "scores_write": Out(word_write(p.edge_words, word)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p, job = self.p, self.job
        m.submodules.walk = walk = ElementWalk(p)
        step = walk.step
        m.d.comb += [
            walk.start.eq(self.start), walk.job.eq(job), self.busy.eq(walk.valid),
            self.rows.enable.eq(step.reads_local & ~step.of_edges),
            self.rows.address.eq(step.local),
            self.scores.enable.eq(step.reads_local & step.of_edges),
            self.scores.address.eq(step.local),
            self.accumulators.enable.eq(step.reads_accumulator),
            self.accumulators.address.eq(step.accumulator),
        ]  # fmt: skip
        a, b = self._operands(m, walk)
        constants = self._row_constants(m, walk)
        form = make_form(m, job)
        results: list[Value] = []
        for i in range(p.lanes):
            m.submodules[f"lane_{i}"] = lane = ElementLane(p)
            m.d.comb += [
                lane.form.eq(form),
                lane.a.eq(a[i]), lane.b.eq(b[i]), lane.w.eq(constants[i]),
                lane.table.enable.eq(self.tables.enable),
                lane.table.address.eq(self.tables.address), lane.table.data.eq(self.tables.data),
            ]  # fmt: skip
            results.append(lane.z)
        self._write(m, walk, results)
        return m

    def _operands(self, m: Module, walk: ElementWalk) -> tuple[list[Value], list[Value]]:
        """Elements of a and b in registers, each from the word that has just come."""
        p, job, step = self.p, self.job, walk.step
        upper = delayed(m, step.chunk[0] & walk.narrow, "upper", MEMORY_LATENCY)
        turn = delayed(m, step.turn, "turn", MEMORY_LATENCY)
        of_edges = delayed(m, step.of_edges, "of_edges", MEMORY_LATENCY)
        # Of a job that is steady since long before its first operand.
        two, a_local, b_local, a_wide, b_wide = (
            Signal(name=name) for name in ("two", "a_local", "b_local", "a_wide", "b_wide")
        )
        m.d.sync += [
            two.eq(reads_b(job.op)), a_local.eq(job.a.space != Space.ACCUMULATOR),
            b_local.eq(job.b.space != Space.ACCUMULATOR), a_wide.eq(is_wide(job.a)),
            b_wide.eq(is_wide(job.b)),
        ]
        local_is_b = two & b_local & (turn | ~a_local)
        word = Mux(of_edges, self.scores.data, self.rows.data)
        wide = Mux(local_is_b, b_wide, a_wide)
        a_list: list[Value] = []
        b_list: list[Value] = []
        for i in range(p.lanes):
            byte = word.word_select(i, 8).as_signed()
            number = self.accumulators.data.word_select(i, 32).as_signed()
            small: Value = byte
            if i < p.score_lanes:
                byte = Mux(upper, word.word_select(i + p.score_lanes, 8).as_signed(), byte)
                small = Mux(wide, word.word_select(i, 16).as_signed(), byte)
                number = Mux(
                    upper,
                    self.accumulators.data.word_select(i + p.score_lanes, 32).as_signed(), number,
                )
            local = Signal(signed(16), name=f"local_{i}")
            wider = Signal(signed(32), name=f"number_{i}")
            m.d.comb += [local.eq(small), wider.eq(number)]
            a = Signal(signed(32), name=f"a_{i}", reset_less=True)
            b = Signal(signed(32), name=f"b_{i}", reset_less=True)
            with m.If(~turn):
                m.d.sync += a.eq(Mux(a_local, local, wider))
            m.d.sync += b.eq(Mux(b_local, local, wider))
            a_list.append(a)
            b_list.append(b)
        return a_list, b_list

    def _row_constants(self, m: Module, walk: ElementWalk) -> list[Value]:
        """Constants of lanes beside their operands: the row's, or those of heads."""
        p, job, step = self.p, self.job, walk.step
        width = len(CONSTANT(Const(0, 22)).as_value())
        row = Signal(width * p.lanes, reset_less=True)
        # Of a job that is steady since long before its first constant.
        local = Signal()
        k = Signal(len(job.k))
        m.d.sync += [local.eq(job.b.space != Space.ACCUMULATOR), k.eq(Mux(local, 15, job.k))]
        with m.If(delayed(m, step.row_constant, "constant", MEMORY_LATENCY)):
            m.d.sync += row.eq(Cat(
                *(self.accumulators.data.word_select(i, 32)[:width] for i in range(p.lanes))
            ))  # fmt: skip
            with m.If(local):
                m.d.sync += row[:width].eq(self.rows.data[:width])
        m.submodules.select = select = HeadSelect(HeadSelectParameters(p.lanes, p.lanes, width))
        column = Cat(Const(0, int(log2(p.lanes))), step.chunk)
        head = first_head(m, Mux(walk.narrow, column >> 1, column), job.k)
        base = delayed(m, head, "head", MEMORY_LATENCY - 1)
        m.d.comb += [
            select.word.as_value().eq(row), select.base.eq(Mux(local, 0, base)),
            select.k.eq(k),
        ]
        return [CONSTANT(select.o[i]) for i in range(p.lanes)]

    def _write(self, m: Module, walk: ElementWalk, results: list[Value]) -> None:
        """Words of results, by an address that walks as the steps did."""
        p, job, step = self.p, self.job, walk.step
        fired = delayed(m, step.fires, "fired", _RESULT - 1, reset=True)
        row_ends = delayed(m, step.row_ends, "row_ended", _RESULT - 1, reset=True)
        row = Signal(p.address_bits, reset_less=True)
        chunk = Signal(p.address_bits, reset_less=True)
        with m.If(fired):
            m.d.sync += chunk.eq(chunk + 1)
            with m.If(row_ends):
                m.d.sync += [chunk.eq(0), row.eq(row + job.d.stride)]
        with m.If(self.start):
            m.d.sync += [chunk.eq(0), row.eq(job.d.base)]
        wide = is_wide(job.d)
        in_accumulators = job.d.space == Space.ACCUMULATOR
        halves = walk.narrow & (in_accumulators | ~wide)
        address = Signal(p.address_bits, reset_less=True)
        upper = Signal(reset_less=True)
        write = Signal()
        complete = Signal()
        m.d.sync += [
            address.eq(row + Mux(halves, chunk >> 1, chunk)), upper.eq(halves & chunk[0]),
            write.eq(fired), complete.eq(fired & (~halves | chunk[0] | row_ends)),
        ]
        half = 8 * p.score_lanes
        narrow = Cat(*(each[:8] for each in results))
        broad = Cat(*(each[:16] for each in results[: p.score_lanes]))
        lower = Signal(half, reset_less=True)
        with m.If(write & ~upper):
            m.d.sync += lower.eq(narrow[:half])
        whole = Mux(
            walk.narrow, Cat(Mux(upper, lower, narrow[:half]), narrow[:half]), narrow
        )
        numbers = Cat(*results)
        m.d.comb += [
            self.rows_write.enable.eq(complete & (job.d.space == Space.LOCAL)),
            self.scores_write.enable.eq(complete & (job.d.space == Space.EDGE)),
            self.rows_write.address.eq(address), self.scores_write.address.eq(address),
            self.rows_write.data.eq(Mux(wide, broad, whole)), self.scores_write.data.eq(broad),
            self.accumulators_write.address.eq(address),
            self.accumulators_write.enable.eq(Mux(
                write & in_accumulators,
                Mux(walk.narrow, Mux(upper, 2, 1), 3), 0,
            )),
            self.accumulators_write.data.eq(Mux(
                walk.narrow, numbers[: 32 * p.score_lanes].replicate(2), numbers
            )),
            self.finished.eq(
                delayed(m, step.ends, "ended", _RESULT, reset=True) | walk.finished
            ),
        ]
