"""Vector unit: a job at a time, by the engine of its operation."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .edge_engine import EdgeEngine
from .element_engine import ElementEngine
from .instruction import Opcode
from .jobs import (
    accumulator_read,
    accumulator_write,
    finished,
    local_read,
    local_write,
    table_write,
    vector_job,
)
from .parameters import GnnParameters
from .reciprocal_engine import ReciprocalEngine
from .sparse_engine import SparseEngine
from .vector_ports import one_of

__all__ = ["VectorUnit"]


class VectorUnit(Unit):
    """Carry out jobs of SPSUM, SPMAX, EDGE, RECIP and element-wise operations.

    Members
    -------
    job : In(stream of vector_job), done : Out(finished)
        ``done`` when all results are in memory.
    busy : Out(1)
        Cycles of a job's occupancy, as each engine tells.
    rows, scores, edges, scalars : Out(local_read)
        Memories of the job's thread: local, edge, and the shard's lists.
    rows_write, scores_write : Out(local_write)
        Whole words only.
    accumulators : Out(accumulator_read), accumulators_write : Out(accumulator_write)
        The accumulator memory.
    tables : In(table_write(32)), exponentials : In(table_write(32))
        Loading, while there is no job: byte tables, and the table of EXP2N.

    Notes
    -----
    Cycles of a job beyond its busy ones, from its handshake to ``done`` and the handshake of the
    next one: 16 for SPSUM and SPMAX, 22 for EDGE, 16 for element-wise operations, 26 for RECIP, 2
    if there is nothing to do.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        word = p.word_bits
        super().__init__(p, {
            "job": In(stream.Signature(vector_job(p))), "done": Out(finished()),
            "busy": Out(1),
            "rows": Out(local_read(p.local_words, word)),
            "rows_write": Out(local_write(p.local_words, word, p.lanes // p.mask_bytes)),
            "scores": Out(local_read(p.edge_words, word)),
            "scores_write": Out(local_write(p.edge_words, word, 1)),
            "edges": Out(local_read(p.max_edges, 32)),
            "scalars": Out(local_read(p.max_sources, 16)),
            "accumulators": Out(accumulator_read(p)),
            "accumulators_write": Out(accumulator_write(p)),
            "tables": In(table_write(32)), "exponentials": In(table_write(32)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        job = Signal(vector_job(self.p))
        running = Signal()
        start = Signal()
        m.submodules.sparse = sparse = SparseEngine(self.p)
        m.submodules.edge = edge = EdgeEngine(self.p)
        m.submodules.element = element = ElementEngine(self.p)
        m.submodules.reciprocal = reciprocal = ReciprocalEngine(self.p)
        engines = {
            "sparse": (sparse, (Opcode.SPSUM, Opcode.SPMAX)), "edge": (edge, (Opcode.EDGE,)),
            "reciprocal": (reciprocal, (Opcode.RECIP,)), "element": (element, ()),
        }  # fmt: skip
        m.d.comb += [
            self.job.ready.eq(~running | self.done.valid), self.done.thread.eq(job.thread),
        ]
        for table, port in (
            (self.tables, element.tables), (self.exponentials, edge.exponentials),
        ):  # fmt: skip
            m.d.comb += [
                port.enable.eq(table.enable), port.address.eq(table.address),
                port.data.eq(table.data),
            ]
        for name in ("rows", "rows_write", "scores", "scores_write", "edges", "scalars"):
            m.d.comb += getattr(self, name).thread.eq(job.thread)

        taken: Value = self.job.valid & self.job.ready
        m.d.sync += start.eq(taken)
        m.d.sync += running.eq(taken | ~self.job.ready)
        with m.If(self.job.ready):
            # Also where there is none: what an engine has before its start does not matter.
            m.d.sync += job.eq(self.job.payload)
        op = self.job.payload.op
        named = one_of(op, *(each for _, operations in engines.values() for each in operations))
        enables: dict[str, list[Value]] = defaultdict(list)
        for name, (engine, operations) in engines.items():
            chosen = Signal(name=f"chosen_{name}")
            with m.If(self.job.ready):
                m.d.sync += chosen.eq(one_of(op, *operations) if operations else ~named)
            m.d.comb += [engine.job.eq(job), engine.start.eq(start & chosen)]
            self._connect(m, chosen, engine, enables)
        # An engine at rest neither reads nor writes: who is chosen need not be asked.
        for port, values in enables.items():
            m.d.comb += getattr(self, port).enable.eq(reduce(or_, values))
        each = [engine for engine, _ in engines.values()]
        m.d.comb += [
            self.busy.eq(Cat(engine.busy for engine in each).any()),
            self.done.valid.eq(Cat(engine.finished for engine in each).any()),
        ]
        return m

    def _connect(
        self, m: Module, chosen: Value, engine: Unit, enables: dict[str, list[Value]]
    ) -> None:
        """Give the ports that it has to an engine, and note what it enables."""
        for name in (
            "rows", "rows_write", "scores", "scores_write", "edges", "scalars", "accumulators",
            "accumulators_write",
        ):  # fmt: skip
            if not hasattr(engine, name):
                continue
            outer, inner = getattr(self, name), getattr(engine, name)
            enable = inner.enable
            if len(outer.enable) != len(enable):
                enable = enable.replicate(len(outer.enable))
            enables[name].append(enable)
            with m.If(chosen):
                m.d.comb += outer.address.eq(inner.address)
                if name.endswith("write"):
                    m.d.comb += outer.data.eq(inner.data)
            if not name.endswith("write"):
                m.d.comb += inner.data.eq(outer.data)
