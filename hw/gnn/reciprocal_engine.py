"""RECIP: constants of RQ that divide by elements of the accumulator memory."""

from __future__ import annotations

from math import log2

from amaranth.hdl import Cat, Const, Module, Mux, Signal

from ..tpe.delay import delayed
from ..unit import Unit
from .jobs import MEMORY_LATENCY
from .parameters import GnnParameters
from .reciprocal_pipeline import ReciprocalPipeline, ReciprocalPipelineParameters
from .vector_ports import engine_members

__all__ = ["ReciprocalEngine"]

_PIPELINE = ReciprocalPipelineParameters()
_NUMBER = MEMORY_LATENCY + 1
_WORD = _NUMBER + _PIPELINE.latency + 1


class ReciprocalEngine(Unit):
    """``d = constant(1 / a)``, element by element; d and a are in the accumulator memory.

    In a row's last word the lanes beyond its elements become 0.

    Members
    -------
    Those of every engine, see ``vector_ports.py``.

    Notes
    -----
    ``busy`` for ``rows * elements`` cycles, the first one 2 cycles after ``start``; ``finished``
    24 cycles after the last one, in the cycle of the last write.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, dict(engine_members(p)))

    def body(self) -> Module:
        m = Module()
        p, job = self.p, self.job
        lane_bits = int(log2(p.lanes))
        nothing = Signal()
        running = Signal()
        element = Signal.like(job.elements)
        last_element = Signal.like(job.elements)
        row = Signal.like(job.rows)
        last_row = Signal.like(job.rows)
        a_row = Signal(range(p.accumulator_words))
        row_ends = Signal()
        ends = Signal()
        # Where the walk is, told ahead: registers in place of comparisons.
        at_last_element = Signal()
        at_last_row = Signal()
        m.d.comb += [
            nothing.eq(job.rows == 0), row_ends.eq(running & at_last_element),
            ends.eq(row_ends & at_last_row),
        ]  # fmt: skip
        m.d.sync += [last_element.eq(job.elements - 1), last_row.eq(job.rows - 1)]
        with m.If(running):
            m.d.sync += [
                element.eq(element + 1), at_last_element.eq(element + 1 == last_element),
            ]  # fmt: skip
        with m.If(row_ends):
            m.d.sync += [
                element.eq(0), at_last_element.eq(last_element == 0), row.eq(row + 1),
                at_last_row.eq(row + 1 == last_row), a_row.eq(a_row + job.a.stride),
            ]  # fmt: skip
        with m.If(ends):
            m.d.sync += running.eq(0)
        with m.If(self.start):
            m.d.sync += [
                running.eq(~nothing), element.eq(0), at_last_element.eq(job.elements == 1),
                row.eq(0), at_last_row.eq(job.rows == 1), a_row.eq(job.a.base),
            ]  # fmt: skip

        lane = Signal(lane_bits, reset_less=True)
        valid = Signal()
        word_ends = Signal()
        row_ended = Signal()
        ended = Signal()
        m.d.sync += [
            valid.eq(running), lane.eq(element), row_ended.eq(row_ends), ended.eq(ends),
            word_ends.eq(running & (row_ends | (element[:lane_bits] == p.lanes - 1))),
            self.accumulators.enable.eq(running & (element[:lane_bits] == 0)),
            self.accumulators.address.eq(a_row + (element >> lane_bits)),
        ]
        m.d.comb += self.busy.eq(valid)
        numbers = Signal(p.accumulator_bits, reset_less=True)
        comes = delayed(m, self.accumulators.enable, "comes", MEMORY_LATENCY, reset=True)
        m.d.sync += numbers.eq(
            Mux(comes, self.accumulators.data, Cat(numbers[32:], Const(0, 32)))
        )
        m.submodules.pipeline = pipeline = ReciprocalPipeline(_PIPELINE)
        m.d.comb += pipeline.number.eq(numbers[:32])

        place = delayed(m, lane, "place", _WORD - 1)
        constants = [Signal(22, name=f"constant_{k}", reset_less=True) for k in range(p.lanes)]
        for k, constant in enumerate(constants):
            with m.If(place == k):
                m.d.sync += constant.eq(pipeline.constant.as_value())
            with m.Elif(place == 0):
                m.d.sync += constant.eq(0)
        write = delayed(m, word_ends, "word_ended", _WORD, reset=True)
        row_written = delayed(m, row_ended, "row_written", _WORD, reset=True)
        d_row = Signal(range(p.accumulator_words), reset_less=True)
        d_word = Signal(range(p.accumulator_words), reset_less=True)
        with m.If(write):
            m.d.sync += d_word.eq(d_word + 1)
        with m.If(row_written):
            m.d.sync += [d_word.eq(d_row + job.d.stride), d_row.eq(d_row + job.d.stride)]
        with m.If(self.start):
            m.d.sync += [d_word.eq(job.d.base), d_row.eq(job.d.base)]
        started_empty = Signal()
        m.d.sync += started_empty.eq(self.start & nothing)
        m.d.comb += [
            self.accumulators_write.enable.eq(write.replicate(2)),
            self.accumulators_write.address.eq(d_word),
            self.accumulators_write.data.eq(
                Cat(*(Cat(constant, Const(0, 10)) for constant in constants))
            ),
            self.finished.eq(
                delayed(m, ended, "finish", _WORD, reset=True) | started_empty
            ),
        ]
        return m
