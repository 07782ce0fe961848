"""Matrix unit: weight-stationary R x C array, partial sums, and requantisation."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..fabric.memory import BlockMemory
from ..tpe.delay import delayed
from ..unit import Unit
from .dot_column import DotColumn, DotColumnParameters
from .instruction import ElementType
from .jobs import (
    MEMORY_LATENCY,
    finished,
    local_read,
    local_write,
    matrix_job,
    table_write,
)
from .matrix_walk import MatrixWalk, needs_two_words
from .parameters import GnnParameters
from .scale_lane import ScaleLane, ScaleLaneParameters

__all__ = ["MatrixUnit"]

_OPERAND = MEMORY_LATENCY + 1
"""Cycles from a step to its activations at the columns: the memory's, and a register."""
_WEIGHT = 2
"""Cycles from an address to its word of weights."""


class MatrixUnit(Unit):
    """``d = relu(RQ(a x W + bias))`` for jobs of rows.

    ``a`` is i8 ``[rows, K]``, W i8 ``[K, N]`` in tiles of R x C (the weight memory has R words
    ``columns`` bytes wide for each, tiles of one ``n_tile`` side by side), bias i32 ``[N]``; sums
    are modulo 2^32; ``d`` is i8, or i16 if ``wide``.

    Members
    -------
    job : In(stream of matrix_job), done : Out(finished)
        ``done`` when all results are in memory.
    busy : Out(1)
        ``max(rows of the block, R)`` cycles for each block of up to PS rows, ``n_tile`` and
        ``k_tile``.
    rows : Out(local_read), rows_write : Out(local_write)
        The thread's rows.
    weights : In(table_write(8 * columns)), bias : In(table_write(32))
        Loading, while there is no job; words of 32 bits for the bias.

    Notes
    -----
    Cycles: a job that waits while another one is at work follows it without a gap. An isolated job
    takes R + 2 cycles from its handshake to its first one, and ``drain(p)`` from its last one to
    ``done``. If ``2 * columns > lanes``, a job with 16-bit results takes ``rows`` cycles more for
    each ``n_tile``, which are not busy, since one word is written a cycle.

    Source: brief `gnn`, section 6, MU.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            "job": In(stream.Signature(matrix_job(p))), "done": Out(finished()), "busy": Out(1),
            "rows": Out(local_read(p.local_words, p.word_bits)),
            "rows_write": Out(
                local_write(p.local_words, p.word_bits, p.lanes // p.mask_bytes)
            ),
            "weights": In(table_write(8 * p.columns)), "bias": In(table_write(32)),
        })  # fmt: skip

    @staticmethod
    def drain(p: GnnParameters) -> int:
        """Cycles from a job's last one to ``done``: 16 for 8 or 16 rows, and ``p.skew``."""
        sums = DotColumnParameters(p.rows).latency
        return _OPERAND + p.skew + sums + 1 + ScaleLaneParameters().latency + 1

    def body(self) -> Module:
        m = Module()
        p = self.p
        m.submodules.walk = walk = MatrixWalk(p)
        step = walk.step
        m.d.comb += [
            walk.job.valid.eq(self.job.valid), walk.job.payload.eq(self.job.payload),
            self.job.ready.eq(walk.job.ready), self.busy.eq(walk.busy),
            self.rows.enable.eq(step.valid), self.rows.thread.eq(step.thread),
            self.rows.address.eq(step.address),
        ]  # fmt: skip
        sums = DotColumnParameters(p.rows)
        totals = self._columns(m, walk, sums)
        # From here on every row is known by its step of some cycles ago.
        at_sum = _OPERAND + p.skew + sums.latency
        summed = self._partial_sums(m, step, totals, at_sum)
        results = self._requantise(m, step, summed, at_sum + 1)
        self._write(m, step, results, at_sum + 1 + ScaleLaneParameters().latency)
        return m

    def _columns(self, m: Module, walk: MatrixWalk, sums: DotColumnParameters) -> list[Value]:
        """Columns pass activations on: no register is to reach multipliers far from each other.

        A column is ``place`` cycles behind the first one, and its sums wait for the last one's.
        """
        p = self.p
        m.submodules.weight_memory = weights = BlockMemory(
            shape=8 * p.columns, depth=p.weight_words,
        )
        write, read = weights.write_port(), weights.read_port()
        read_word = Signal(8 * p.columns, reset_less=True)
        m.d.comb += [
            write.en.eq(self.weights.enable), write.addr.eq(self.weights.address),
            write.data.eq(self.weights.data),
            read.en.eq(walk.load), read.addr.eq(walk.load_address),
        ]  # fmt: skip
        m.d.sync += read_word.eq(read.data)
        # Weights are taken up beside the activations of their step.
        word = delayed(m, read_word, "word", _OPERAND - 1 - _WEIGHT)
        part = delayed(m, walk.step.part, "part", _OPERAND - 1)
        activations: Value = Signal(8 * p.rows, name="activations", reset_less=True)
        m.d.sync += activations.eq(self.rows.data.word_select(part, 8 * p.rows))
        shift = delayed(m, walk.load, "shift", _OPERAND - 1, reset=True)
        swap = delayed(m, walk.begins, "swap", _OPERAND - 1, reset=True)
        totals: list[Value] = []
        abreast = p.columns // (p.skew + 1)
        for c in range(p.columns):
            place, inner = divmod(c, abreast)
            if place and not inner:
                activations = delayed(m, activations, f"activations_{place}", 1)
                shift = delayed(m, shift, f"shift_at_{place}", 1, reset=True)
                swap = delayed(m, swap, f"swap_at_{place}", 1, reset=True)
            m.submodules[f"column_{c}"] = column = DotColumn(sums)
            m.d.comb += [
                column.a.as_value().eq(activations), column.shift.eq(shift),
                column.swap.eq(swap),
                column.weight.eq(delayed(m, word.word_select(c, 8), f"weight_{c}", place)),
            ]  # fmt: skip
            totals.append(delayed(m, column.total, f"total_{c}", p.skew - place))
        return totals

    def _partial_sums(
        self, m: Module, step: data.View, totals: list[Value], at: int
    ) -> list[Value]:
        """Add to the bias, or to the sum of the tiles before; a sum is read two cycles ahead.

        It was written R - 3 cycles or more before it is read.
        """
        p = self.p
        columns = p.columns
        m.submodules.sum_memory = sums = BlockMemory(shape=32 * columns, depth=p.psum_rows)
        write, read = sums.write_port(), sums.read_port()
        place = delayed(m, step.sum, "sum_place", at - 2)
        before = Signal(32 * columns, reset_less=True)
        offset = self._bias(m, delayed(m, step.bias, "bias_place", at - 2))
        first = delayed(m, step.first, "first", at)
        summed: list[Value] = []
        for c, total in enumerate(totals):
            result = Signal(signed(32), name=f"summed_{c}", reset_less=True)
            start = Mux(first, offset.word_select(c, 32), before.word_select(c, 32))
            m.d.sync += result.eq(start + total)
            summed.append(result)
        m.d.comb += [
            read.en.eq(1), read.addr.eq(place), write.data.eq(Cat(*summed)),
            write.addr.eq(delayed(m, place, "write_place", 3)),
            write.en.eq(delayed(m, step.valid, "write", at + 1, reset=True)),
        ]  # fmt: skip
        m.d.sync += before.eq(read.data)
        return summed

    def _bias(self, m: Module, place: Value) -> Value:
        """The word of the bias memory, after two cycles; a memory for each of its columns."""
        p = self.p
        loaded, column = self.bias.address.shift_right(_log2(p.columns)), self.bias.address
        words = []
        for c in range(p.columns):
            m.submodules[f"bias_memory_{c}"] = bias = BlockMemory(
                shape=32, depth=p.bias_words,
            )
            write, read = bias.write_port(), bias.read_port()
            word = Signal(32, name=f"bias_{c}", reset_less=True)
            m.d.comb += [
                write.en.eq(self.bias.enable & (column[: _log2(p.columns)] == c)),
                write.addr.eq(loaded), write.data.eq(self.bias.data),
                read.en.eq(1), read.addr.eq(place),
            ]  # fmt: skip
            m.d.sync += word.eq(read.data)
            words.append(word)
        return Cat(*words)

    def _requantise(
        self, m: Module, step: data.View, summed: list[Value], at: int
    ) -> list[Value]:
        lane_p = ScaleLaneParameters()
        end = at + lane_p.latency - 2
        wide, relu = delayed(m, step.wide, "wide", end), delayed(m, step.relu, "relu", end)
        factor, shift = delayed(m, step.m, "factor", at), delayed(m, step.s, "shift_by", at)
        results: list[Value] = []
        for c, total in enumerate(summed):
            m.submodules[f"lane_{c}"] = lane = ScaleLane(lane_p)
            m.d.comb += [
                lane.x.eq(total), lane.y.eq(factor), lane.s.eq(shift), lane.relu.eq(relu),
                lane.kind.eq(Mux(wide, ElementType.I16, ElementType.I8)),
            ]  # fmt: skip
            results.append(lane.z)
        return results

    def _write(self, m: Module, step: data.View, results: list[Value], at: int) -> None:
        p = self.p
        port = self.rows_write
        wide = delayed(m, step.wide, "wide_result", at)
        part = delayed(m, step.d_part, "result_part", at)
        valid = Signal()
        m.d.comb += valid.eq(
            delayed(m, step.valid & step.last, "result", at, reset=True)
        )
        address = delayed(m, step.d_address, "result_address", at)
        bits = p.columns // p.mask_bytes
        narrow = Cat(*(each[:8] for each in results))
        broad = Cat(*(each[:16] for each in results))
        parts = p.lanes // p.columns
        m.d.comb += [
            port.thread.eq(delayed(m, step.thread, "result_thread", at)),
            port.address.eq(address), port.data.eq(narrow.replicate(parts)),
            port.enable.eq(valid.replicate(bits) << part * bits),
        ]
        if not needs_two_words(p):
            with m.If(wide):
                m.d.comb += [
                    port.data.eq(broad.replicate(parts // 2)),
                    port.enable.eq(valid.replicate(2 * bits) << part * bits),
                ]
        else:
            # The upper half waits for the next cycle, in which there is no result.
            upper = Signal(p.word_bits, reset_less=True)
            second = Signal()
            m.d.sync += [upper.eq(broad[p.word_bits :]), second.eq(valid & wide)]
            held = delayed(m, address, "upper_address", 1)
            with m.If(wide & ~second):
                m.d.comb += [
                    port.data.eq(broad), port.enable.eq(valid.replicate(len(port.enable)))
                ]
            with m.If(second):
                m.d.comb += [
                    port.data.eq(upper), port.address.eq(held + 1), port.enable.eq(-1),
                ]  # fmt: skip
        m.d.sync += [
            self.done.valid.eq(delayed(m, step.ends, "end", at, reset=True)),
            self.done.thread.eq(port.thread),
        ]


def _log2(size: int) -> int:
    return size.bit_length() - 1
