"""Sparse sums and maxima of source rows: SPSUM and SPMAX."""

from __future__ import annotations

from math import log2

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import Out

from ..tpe.delay import delayed
from ..unit import Unit
from .edge_walker import EdgeWalker
from .head_select import HeadSelect, HeadSelectParameters, first_head
from .instruction import Opcode
from .jobs import MEMORY_LATENCY
from .parameters import GnnParameters
from .run_reducer import RunReducer, RunReducerParameters
from .vector_ports import engine_members, list_read

__all__ = ["SparseEngine"]

_DATA = 2 + MEMORY_LATENCY
"""Cycles from a step to the words that it reads: product, address, and the memory's."""
_VALUE = _DATA + 3
"""To the scaled values: two to select scalars, one to multiply."""
_TOTAL = _VALUE + 1


class SparseEngine(Unit):
    """``d[dst] += a[src] * s`` (SPSUM) or ``d[dst] = max(d[dst], a[src])`` (SPMAX), edge by edge.

    s is 1, the source's scalar, or element ``column >> k`` of the edge's row. A word of a row is
    done for all edges before the next one is, and d is read and written once in each run of equal
    destinations.

    Members
    -------
    rows, scores, scalars, edges : Out(list_read)
        Source rows, rows of edges (scalars by head), scalars of sources, list of edges.
    And those of every engine, see ``vector_ports.py``.

    Notes
    -----
    ``busy`` for ``edges * words`` cycles, the first one 7 cycles after ``start``; ``finished`` 9
    cycles after the last one, in the cycle of the last write. With heads of one column (k = 0) a
    row of scalars must fit a word.

    Source: brief `gnn`, section 6, edge engine.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            **engine_members(p), "rows": Out(list_read(p.local_words, p.word_bits)),
            "scores": Out(list_read(p.edge_words, p.word_bits)),
            "scalars": Out(list_read(p.max_sources, 16)),
            "edges": Out(list_read(p.max_edges, 32)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p, job = self.p, self.job
        m.submodules.walker = walker = EdgeWalker(p)
        step = walker.step
        m.d.comb += [
            walker.start.eq(self.start), walker.edges.eq(job.edges), walker.turns.eq(1),
            walker.words.eq((job.elements + p.lanes - 1) >> int(log2(p.lanes))),
            self.edges.enable.eq(walker.list.enable), self.edges.address.eq(walker.list.address),
            walker.list.data.eq(self.edges.data), self.busy.eq(walker.valid),
        ]
        self._read(m, step, walker.valid)
        scalars = self._scalars(m, step)

        opens = delayed(m, step.first & walker.valid, "opens", _VALUE - 1, reset=True)
        valid = delayed(m, walker.valid, "valid", _VALUE, reset=True)
        # Of a job that is steady since long before its first value.
        maximum = Signal()
        m.d.sync += maximum.eq(job.op == Opcode.SPMAX)
        m.submodules.reducer = reducer = RunReducer(RunReducerParameters(p.lanes, 24))
        m.d.comb += [
            reducer.opens.eq(opens), reducer.valid.eq(valid), reducer.maximum.eq(maximum),
            reducer.before_first.as_value().eq(self.accumulators.data),
            self.accumulators_write.data.eq(reducer.total),
        ]
        row = Signal(p.word_bits, reset_less=True)
        # Those of a maximum are multiplied by 1: inverted, they stay inverted.
        m.d.sync += row.eq(self.rows.data ^ maximum.replicate(p.word_bits))
        for lane, scalar in enumerate(scalars):
            product = Signal(signed(24), name=f"product_{lane}", reset_less=True)
            m.d.sync += product.eq(row.word_select(lane, 8).as_signed() * scalar.as_signed())
            m.d.comb += reducer.turned[lane].eq(product)
        last = delayed(m, walker.valid & step.last, "last", _TOTAL, reset=True)
        final = delayed(m, walker.valid & step.final, "final", _TOTAL, reset=True)
        m.d.comb += [
            self.accumulators_write.enable.eq(last.replicate(2)),
            self.finished.eq(final | walker.finished),
        ]
        return m

    def _read(self, m: Module, step: Value, valid: Value) -> None:
        """Ask for the words of a step, which come when the factors and products do."""
        p, job = self.p, self.job
        row_wait, wait = _VALUE - 2 - _DATA, _VALUE - 1 - _DATA
        word = delayed(m, step.word, "word", 1)
        for name, words, row, operand in (
            ("source", p.local_words, step.edge.source, job.a),
            ("destination", p.accumulator_words, step.edge.destination, job.d),
        ):  # fmt: skip
            product = Signal(range(words), name=f"{name}_product", reset_less=True)
            address = Signal(range(words), name=f"{name}_address", reset_less=True)
            m.d.sync += [
                product.eq(row * operand.stride), address.eq(product + operand.base + word),
            ]
            if name == "source":
                m.d.comb += [
                    self.rows.address.eq(delayed(m, address, "row_address", row_wait)),
                    self.rows.enable.eq(delayed(m, valid, "reading", 2 + row_wait, reset=True)),
                ]
            else:
                early = delayed(m, address, "read_address", wait)
                m.d.comb += [
                    self.accumulators.address.eq(early),
                    self.accumulators.enable.eq(
                        delayed(m, valid & step.first, "first_read", 2 + wait, reset=True)
                    ),
                    self.accumulators_write.address.eq(
                        delayed(m, early, "write_address", _TOTAL - 2 - wait)
                    ),
                ]

    def _scalars(self, m: Module, step: Value) -> list[Value]:
        """Factors of lanes, in the cycle before their products."""
        p, job = self.p, self.job
        # Rows of edges one after the other, and again for the next word.
        row = Signal(range(p.edge_words), reset_less=True)
        with m.If(self.start | step.ends):
            m.d.sync += row.eq(job.b.base)
        with m.Elif(step.fires):
            m.d.sync += row.eq(row + job.b.stride)
        head_bits = int(log2(p.score_lanes))
        column = Cat(Const(0, int(log2(p.lanes))), step.word)
        head = first_head(m, column, job.k)
        address = Signal(range(p.edge_words), reset_less=True)
        m.d.sync += address.eq(delayed(m, row, "row_of_edge", 1) + (head >> head_bits))
        reading = delayed(m, step.fires, "scalar_read", 2, reset=True)
        m.d.comb += [
            self.scores.address.eq(address), self.scores.enable.eq(reading & job.b.present),
            self.scalars.address.eq(delayed(m, step.edge.source, "source_of_scalar", 2)),
            self.scalars.enable.eq(reading & job.scalar),
        ]
        m.submodules.select = select = HeadSelect(
            HeadSelectParameters(p.lanes, p.score_lanes, 16)
        )
        # Of a job that is steady since long before its first scalar.
        by_edge = Signal()
        by_source = Signal()
        k = Signal(len(job.k))
        m.d.sync += [
            by_edge.eq(job.b.present), by_source.eq(job.scalar),
            k.eq(Mux(job.b.present, job.k, 15)),
        ]
        one = Mux(by_source, self.scalars.data, Const(1, 16))
        m.d.comb += [
            select.word.as_value().eq(
                Mux(by_edge, self.scores.data, Cat(one, Const(0, p.word_bits - 16)))
            ),
            select.base.eq(
                Mux(by_edge, delayed(m, head[:head_bits], "element", _DATA - 1), 0)
            ),
            select.k.eq(k),
        ]  # fmt: skip
        return [delayed(m, select.o[lane], f"scalar_{lane}", 1) for lane in range(p.lanes)]
