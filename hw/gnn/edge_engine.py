"""Fused edge chain: scores of edges, and their sums or maxima by destination."""

from __future__ import annotations

from math import log2

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..fabric.fifo import StreamFIFO, StreamFIFOParameters
from ..tpe.delay import delayed
from ..unit import Unit
from .edge_walker import EdgeWalker
from .instruction import EdgeImmediate, Space
from .jobs import MEMORY_LATENCY, table_write
from .parameters import GnnParameters
from .run_reducer import RunReducer, RunReducerParameters
from .score_lane import ScoreLane, ScoreLaneParameters
from .vector_ports import engine_members, list_read, word_write

__all__ = ["EdgeEngine"]

_DATA = 2 + MEMORY_LATENCY
"""Cycles from a step to the words that it reads: product, address, and the memory's."""
_LANE = _DATA + 1
_REFERENCE = _LANE + ScoreLaneParameters().reference_at
_SCORE = _LANE + ScoreLaneParameters().latency
_TOTAL = _SCORE + 1
_RUNS = 16
"""Runs that have been read and not reduced: fewer than the cycles in between."""


class EdgeEngine(Unit):
    """EDGE: ``u`` of ``score_lane.py`` for each edge; ``d[e] = u``, ``r[dst] (+= | max=) u``.

    Members
    -------
    exponentials : In(table_write(32))
        Loading of the table of EXP2N.
    rows, scores, edges : Out(list_read), scores_write : Out(word_write)
        Source rows, rows of edges, and the list of edges.
    And those of every engine, see ``vector_ports.py``.

    Notes
    -----
    Rows are walked word by word, SL elements each, all edges for each of them. b, c and r, those
    that there are, are read in turn at the first edge of a run of equal destinations; so ``busy``
    is ``words * (edges + runs * (max(1, operands by destination) - 1))`` cycles, the first one 7
    cycles after ``start``. ``finished`` is 15 cycles after the last one. b, c and r have one
    stride, that of the accumulator memory.

    Source: brief `gnn`, section 6, fused edge chain.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        super().__init__(p, {
            **engine_members(p), "exponentials": In(table_write(32)),
            "rows": Out(list_read(p.local_words, p.word_bits)),
            "scores": Out(list_read(p.edge_words, p.word_bits)),
            "scores_write": Out(word_write(p.edge_words, p.word_bits)),
            "edges": Out(list_read(p.max_edges, 32)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p, job = self.p, self.job
        m.submodules.walker = walker = EdgeWalker(p)
        step = walker.step
        present = [job.b.present, job.c.present, job.r.present]
        count = sum(present[1:], present[0])
        m.d.comb += [
            walker.start.eq(self.start), walker.edges.eq(job.edges),
            walker.words.eq((job.elements + p.score_lanes - 1) >> int(log2(p.score_lanes))),
            walker.turns.eq(Mux(count == 0, 1, count)),
            self.edges.enable.eq(walker.list.enable), self.edges.address.eq(walker.list.address),
            walker.list.data.eq(self.edges.data), self.busy.eq(walker.valid),
        ]  # fmt: skip
        fires = walker.valid & step.fires
        opens = delayed(m, fires & step.first, "opens", _SCORE - 1, reset=True)
        last = delayed(m, fires & step.last, "last", _SCORE, reset=True)
        fired = delayed(m, fires, "fired", _SCORE, reset=True)
        final = delayed(m, walker.valid & step.final, "final", _TOTAL, reset=True)
        a = self._sources(m, step, fires)
        b, runs, references = self._destinations(m, step, walker.valid, present)
        m.d.comb += [
            references.o.ready.eq(
                delayed(m, fires & step.last, "reference_done", _REFERENCE, reset=True)
            ),
            runs.o.ready.eq(
                delayed(m, fires & step.last, "run_done", _SCORE - 1, reset=True)
            ),
            self.finished.eq(final | walker.finished),
        ]

        # A queue's memory is slow: what it has for the next value is registered.
        place = Signal(range(p.accumulator_words), reset_less=True)
        half = Signal(name="half_of_run", reset_less=True)
        m.d.sync += [place.eq(runs.o.payload.address), half.eq(runs.o.payload.half)]
        m.submodules.reducer = reducer = RunReducer(RunReducerParameters(p.score_lanes, 16))
        m.d.comb += [
            reducer.opens.eq(opens), reducer.valid.eq(fired), reducer.maximum.eq(job.maximum),
            reducer.before_first.as_value().eq(runs.o.payload.before_first),
        ]  # fmt: skip
        for i in range(p.score_lanes):
            m.submodules[f"lane_{i}"] = lane = ScoreLane(ScoreLaneParameters())
            m.d.comb += [
                lane.a.eq(a.word_select(i, 16)), lane.b.eq(b.word_select(i, 32)),
                lane.c.eq(references.o.payload.word_select(i, 16)),
                lane.slope.eq(EdgeImmediate(job.imm).slope), lane.power.eq(job.c.present),
                reducer.turned[i].eq(lane.u ^ job.maximum.replicate(16)),
                self.scores_write.data.word_select(i, 16).eq(lane.u),
                lane.table.enable.eq(self.exponentials.enable),
                lane.table.address.eq(self.exponentials.address),
                lane.table.data.eq(self.exponentials.data),
            ]  # fmt: skip
        ended = delayed(m, step.ends, "ended", _SCORE)
        self._write(m, fired, last, ended, reducer, place, half)
        return m

    def _sources(self, m: Module, step: Value, fires: Value) -> Value:
        """Words of a, of sources or of edges, or 0; a register behind the memory."""
        p, job = self.p, self.job
        product = Signal(range(p.local_words), name="source_product", reset_less=True)
        source = Signal(range(p.local_words), name="source_address", reset_less=True)
        word = delayed(m, step.word, "word", 1)
        m.d.sync += [
            product.eq(step.edge.source * job.a.stride), source.eq(product + job.a.base + word),
        ]
        # Rows of edges one after the other, and again for the next word.
        row = Signal(range(p.edge_words), reset_less=True)
        edge = Signal(range(p.edge_words), name="edge_address", reset_less=True)
        with m.If(self.start | step.ends):
            m.d.sync += row.eq(job.a.base)
        with m.Elif(fires):
            m.d.sync += row.eq(row + job.a.stride)
        m.d.sync += edge.eq(delayed(m, row, "row_of_edge", 1) + word)
        reading = delayed(m, fires, "reading", 2, reset=True) & job.a.present
        of_edges = job.a.space == Space.EDGE
        a = Signal(p.word_bits, reset_less=True)
        chosen = Mux(of_edges, self.scores.data, self.rows.data)
        m.d.sync += a.eq(Mux(job.a.present, chosen, 0))
        m.d.comb += [
            self.rows.address.eq(source), self.rows.enable.eq(reading & ~of_edges),
            self.scores.address.eq(edge), self.scores.enable.eq(reading & of_edges),
        ]  # fmt: skip
        return a

    def _destinations(
        self, m: Module, step: Value, valid: Value, present: list[Value]
    ) -> tuple[Value, StreamFIFO, StreamFIFO]:
        """Read b, c and r in turn: b in a register, r (and its place) and c of runs in queues."""
        p, job = self.p, self.job
        half_bits = 32 * p.score_lanes
        b_turn = Signal()
        c_turn = Signal()
        r_turn = Signal()
        m.d.comb += [
            b_turn.eq(present[0] & (step.turn == 0)),
            c_turn.eq(present[1] & (step.turn == present[0])),
            r_turn.eq(present[2] & ~b_turn & ~c_turn),
        ]
        # Rows of accumulators have one stride.
        word_of_accumulators = range(p.accumulator_words)
        stride = Signal(word_of_accumulators, reset_less=True)
        m.d.sync += stride.eq(
            Mux(present[0], job.b.stride, Mux(present[1], job.c.stride, job.r.stride))
        )
        base = Mux(b_turn, job.b.base, Mux(c_turn, job.c.base, job.r.base))
        product = Signal(word_of_accumulators, reset_less=True)
        base_held = Signal(word_of_accumulators, reset_less=True)
        address = Signal(word_of_accumulators, reset_less=True)
        word = delayed(m, step.word, "word_of_run", 1)
        half = delayed(m, step.word[0], "half", _DATA)
        reads = valid & step.first
        turns = [
            delayed(m, reads & turn, f"{name}_comes", _DATA, reset=True)
            for name, turn in (("b", b_turn), ("c", c_turn), ("r", r_turn))
        ]
        m.d.sync += [
            product.eq(step.edge.destination * stride), base_held.eq(base),
            address.eq(product + base_held + (word >> 1)),
        ]  # fmt: skip
        m.d.comb += [
            self.accumulators.address.eq(address),
            self.accumulators.enable.eq(
                delayed(m, reads & (b_turn | c_turn | r_turn), "reads", 2, reset=True)
            ),
        ]
        data_half = Signal(half_bits)
        m.d.comb += data_half.eq(self.accumulators.data.word_select(half, half_bits))
        b = Signal(half_bits)
        with m.If(turns[0]):
            m.d.sync += b.eq(data_half)
        with m.Elif(~present[0]):
            m.d.sync += b.eq(0)
        run = data.StructLayout({
            "before_first": half_bits, "address": word_of_accumulators, "half": 1,
        })  # fmt: skip
        m.submodules.runs = runs = StreamFIFO(StreamFIFOParameters(run, _RUNS))
        m.submodules.references = references = StreamFIFO(
            StreamFIFOParameters(16 * p.score_lanes, _RUNS)
        )
        m.d.comb += [
            references.i.valid.eq(turns[1]),
            references.i.payload.eq(
                Cat(data_half.word_select(i, 32)[:16] for i in range(p.score_lanes))
            ),
            runs.i.valid.eq(turns[2]), runs.i.payload.before_first.eq(data_half),
            runs.i.payload.address.eq(delayed(m, address, "run_address", _DATA - 2)),
            runs.i.payload.half.eq(half),
        ]
        return b, runs, references

    def _write(
        self, m: Module, fired: Value, last: Value, ended: Value, reducer: RunReducer,
        place: Value, half: Value,
    ) -> None:  # fmt: skip
        """Scores as they come, in the order of edges; totals a cycle after the last of a run."""
        p, job = self.p, self.job
        column = Signal(range(p.edge_words), reset_less=True)
        address = Signal(range(p.edge_words), reset_less=True)
        with m.If(self.start):
            m.d.sync += [column.eq(job.d.base), address.eq(job.d.base)]
        with m.Elif(fired):
            m.d.sync += address.eq(address + job.d.stride)
            with m.If(ended):
                m.d.sync += [column.eq(column + 1), address.eq(column + 1)]
        m.d.comb += [
            self.scores_write.enable.eq(fired & job.d.present),
            self.scores_write.address.eq(address),
        ]
        wait = _TOTAL - _SCORE
        written = delayed(m, last & job.r.present, "written", wait, reset=True)
        half = delayed(m, half, "written_half", wait)
        m.d.comb += [
            self.accumulators_write.address.eq(delayed(m, place, "written_place", wait)),
            self.accumulators_write.data.eq(Cat(reducer.total, reducer.total)),
            self.accumulators_write.enable.eq(Cat(written & ~half, written & half)),
        ]
