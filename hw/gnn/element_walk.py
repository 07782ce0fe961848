"""Walk of element-wise operations: rows, words of a row, operands of a word in turn."""

from __future__ import annotations

from math import log2

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .element_form import is_wide, reads_b
from .instruction import Opcode, Space
from .jobs import vector_job
from .parameters import GnnParameters

__all__ = ["ElementWalk"]


def _step(p: GnnParameters) -> data.StructLayout:
    """What a step reads, of the thread's rows or (``of_edges``) its edges, and of accumulators;
    whether that is the constant of the row; else the ``turn`` of operands of a ``chunk``, which
    ``fires`` the operation when it has all, and ends the row or all.
    """
    return data.StructLayout({
        "row_constant": 1, "turn": 1, "fires": 1, "chunk": p.chunk_bits, "row_ends": 1, "ends": 1,
        "local": range(max(p.local_words, p.edge_words)),
        "accumulator": range(p.accumulator_words), "of_edges": 1, "reads_local": 1,
        "reads_accumulator": 1,
    })  # fmt: skip


class ElementWalk(Unit):
    """Steps of a job, one in each cycle.

    Members
    -------
    start : In(1), job : In(vector_job)
        Begin; the job is steady from here on.
    valid : Out(1), step : Out(one step)
        Steps, the first one three cycles after ``start``.
    narrow : Out(1)
        A step is half as many elements, since some have 16 bits; from the first step on.
    finished : Out(1)
        There is nothing to do, told in the cycle after ``start``.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            "start": In(1), "job": In(vector_job(p)), "valid": Out(1), "step": Out(_step(p)),
            "narrow": Out(1), "finished": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p, job, step = self.p, self.job, self.step
        by_row = Signal()
        nothing = Signal()
        m.d.comb += [by_row.eq(job.op == Opcode.RQROW), nothing.eq(job.rows == 0)]
        # Of a job that is steady, in the two cycles before the first step.
        a_local, b_local, two, reads_a, d_wide, a_wide, b_wide, turns = (
            Signal(name=name) for name in (
                "a_local", "b_local", "two", "reads_a", "d_wide", "a_wide", "b_wide", "turns"
            )
        )  # fmt: skip
        final_element = Signal.like(job.elements)
        last_row = Signal(16)
        m.d.sync += [
            two.eq(reads_b(job.op)), reads_a.eq(job.op != Opcode.FILL),
            a_local.eq(job.a.space != Space.ACCUMULATOR),
            b_local.eq(job.b.space != Space.ACCUMULATOR),
            d_wide.eq(is_wide(job.d)), a_wide.eq(is_wide(job.a)), b_wide.eq(is_wide(job.b)),
            final_element.eq(job.elements - 1), last_row.eq(job.rows - 1),
            turns.eq(
                reads_b(job.op)
                & ((job.a.space == Space.ACCUMULATOR) == (job.b.space == Space.ACCUMULATOR))
            ),
            self.finished.eq(self.start & nothing),
        ]  # fmt: skip
        lanes = int(log2(p.lanes))
        narrow = d_wide | (reads_a & a_wide) | (two & b_wide)
        chunks = Mux(narrow, final_element >> lanes - 1, final_element >> lanes)
        a_halved = Signal()
        b_halved = Signal()
        # A row fits its memory.
        last_chunk = Signal(p.chunk_bits)
        only_chunk = Signal()
        m.d.sync += [
            self.narrow.eq(narrow), a_halved.eq(narrow & ~a_wide), b_halved.eq(narrow & ~b_wide),
            last_chunk.eq(chunks), only_chunk.eq(chunks == 0),
        ]

        begin = Signal()
        running = Signal()
        constant = Signal()
        turn = Signal()
        row = Signal(16)
        chunk = Signal(p.chunk_bits)
        a_row, b_row = (Signal(p.address_bits, name=n) for n in ("a_row", "b_row"))
        # What a step is last of is known before it comes: registers alone tell.
        at_last_chunk = Signal()
        at_last_row = Signal()
        fires = Signal()
        row_ends = Signal()
        ends = Signal()
        m.d.sync += begin.eq(self.start & ~nothing)
        m.d.comb += [
            fires.eq(running & ~constant & (turn == turns)),
            row_ends.eq(fires & at_last_chunk), ends.eq(row_ends & at_last_row),
        ]  # fmt: skip
        with m.If(running):
            m.d.sync += [constant.eq(0), turn.eq(~constant & ~fires)]
        with m.If(fires):
            m.d.sync += [chunk.eq(chunk + 1), at_last_chunk.eq(chunk + 1 == last_chunk)]
        with m.If(row_ends):
            m.d.sync += [
                chunk.eq(0), at_last_chunk.eq(only_chunk), row.eq(row + 1),
                at_last_row.eq(row + 1 == last_row), constant.eq(by_row),
                a_row.eq(a_row + job.a.stride), b_row.eq(b_row + job.b.stride),
            ]  # fmt: skip
        with m.If(ends):
            m.d.sync += running.eq(0)
        with m.If(begin):
            m.d.sync += [
                running.eq(1), constant.eq(by_row), turn.eq(0), row.eq(0), chunk.eq(0),
                at_last_chunk.eq(chunks == 0), at_last_row.eq(last_row == 0),
                a_row.eq(job.a.base), b_row.eq(job.b.base),
            ]  # fmt: skip

        # b is read in the second turn, or in the first if a is elsewhere or there is none.
        second = turn | constant
        b_in_local = b_local & (second | (two & ~a_local))
        b_in_accumulators = ~b_local & (second | (two & a_local))
        place = Mux(constant, 0, chunk)
        halved = Mux(constant, 0, chunk >> 1)
        m.d.sync += [
            self.valid.eq(running), step.row_constant.eq(constant & running), step.turn.eq(turn),
            step.fires.eq(fires), step.chunk.eq(chunk), step.row_ends.eq(row_ends),
            step.ends.eq(ends),
            step.local.eq(
                Mux(b_in_local, b_row, a_row)
                + Mux(Mux(b_in_local, b_halved, a_halved), halved, place)
            ),
            step.accumulator.eq(
                Mux(b_in_accumulators, b_row, a_row) + Mux(self.narrow, halved, place)
            ),
            step.of_edges.eq(Mux(b_in_local, job.b.space, job.a.space) == Space.EDGE),
            step.reads_local.eq(
                running & (b_in_local | (a_local & reads_a & ~second))
            ),
            step.reads_accumulator.eq(
                running & (b_in_accumulators | (~a_local & reads_a & ~second))
            ),
        ]
        return m
