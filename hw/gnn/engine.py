"""The engine: an image in memory goes in, and the tensors of a network come out."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..unit import Unit
from .axi import axi_lite, axi_master
from .banks import Banks
from .counters import Counters, CountersParameters
from .dispatcher import Dispatcher
from .issue import Issue
from .loader import Loader
from .matrix_unit import MatrixUnit
from .parameters import GnnParameters
from .read_arbiter import ReadArbiter
from .read_engine import ReadEngine, read_channels
from .register_file import RegisterFile, RegisterFileParameters
from .registers import ADDRESS_BITS, STATUS_DONE, STATUS_ERROR, Counter
from .supervisor import CLEARING, Supervisor, SupervisorParameters
from .threads import Threads
from .vector_unit import VectorUnit
from .write_engine import WriteEngine, write_channels

__all__ = ["GnnEngine", "GnnEngineParameters"]


@dataclass(frozen=True)
class GnnEngineParameters:
    """Parameters of :class:`GnnEngine`.

    Parameters
    ----------
    core
        Sizes.
    digest
        What PARAMETERS tells: 32 bits that are equal for equal ``core`` alone, by which software
        refuses an image for another engine.
    """

    core: GnnParameters
    digest: int

    def __post_init__(self) -> None:
        RegisterFileParameters(self.digest)


class GnnEngine(Unit):
    """Run the passes of an image.

    Members
    -------
    control : In(axi_lite)
        Registers of ``registers.py``.
    axi : Out(axi_master(bus_bytes))
        The memory with the image.
    interrupt : Out(1)
        The engine is done, or stopped by an error, until software starts or resets it, or clears
        the bit of STATUS.

    Notes
    -----
    Software writes the place of the image, and starts; at the end STATUS is ``done``, all writes
    were acknowledged, and the counters stay. An error stops the engine with code, thread, place
    and address in the ERROR registers. A reset brings it to rest from any state: it waits for the
    bursts and jobs that have begun, which needs a memory that answers.

    Source: brief `gnn`, section 6.
    """

    p: GnnEngineParameters

    def __init__(self, p: GnnEngineParameters) -> None:
        super().__init__(p, {
            "control": In(axi_lite(ADDRESS_BITS)), "axi": Out(axi_master(p.core.bus_bytes)),
            "interrupt": Out(1),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p.core
        m.submodules.registers = registers = RegisterFile(RegisterFileParameters(self.p.digest))
        m.submodules.counters = counters = Counters(CountersParameters())
        m.submodules.supervisor = supervisor = Supervisor(SupervisorParameters(5, 2))
        m.submodules.loader = loader = Loader(p)
        m.submodules.dispatcher = dispatcher = Dispatcher(p)
        m.submodules.threads = threads = Threads(p)
        m.submodules.issue = issue = Issue(p)
        m.submodules.arbiter = arbiter = ReadArbiter(p)
        m.submodules.reader = reader = ReadEngine(p)
        m.submodules.writer = writer = WriteEngine(p)
        m.submodules.banks = banks = Banks(p)
        m.submodules.vector = vector = VectorUnit(p)
        m.submodules.matrix = matrix = MatrixUnit(p)
        connect(m, flipped(self.control), registers.bus)
        for engine, channels in (
            (reader, read_channels(p.bus_bytes)), (writer, write_channels(p.bus_bytes))
        ):  # fmt: skip
            for name, member in channels.items():
                inner, outer = getattr(engine, name), getattr(self.axi, name)
                m.d.comb += outer.eq(inner) if member.flow is Out else inner.eq(outer)
        # The work: passes, tasks, instructions, jobs.
        for port, other in (
            (loader.requests, arbiter.loader), (dispatcher.requests, arbiter.dispatcher),
            (threads.lists, arbiter.lists), (issue.read, arbiter.rows),
            (arbiter.requests, reader.requests), (reader.control, arbiter.beats),
            (arbiter.loader_beats, loader.beats), (dispatcher.tasks, threads.tasks),
            (threads.fetched, issue.fetched), (issue.write, writer.requests),
            (issue.vector, vector.job), (issue.matrix, matrix.job),
            (loader.code, threads.code), (loader.slots, issue.slots),
            (loader.constants, issue.constants), (loader.tensors, issue.tensors),
            (loader.weights, matrix.weights), (loader.bias, matrix.bias),
            (loader.tables, vector.tables), (loader.exponentials, vector.exponentials),
            (vector.rows, banks.vector_rows), (vector.rows_write, banks.vector_rows_write),
            (matrix.rows, banks.matrix_rows), (matrix.rows_write, banks.matrix_rows_write),
            (writer.rows, banks.writer_rows), (reader.rows_write, banks.reader_rows_write),
            (reader.edges_write, banks.edges_write), (reader.scalars_write, banks.scalars_write),
            (vector.scores, banks.scores), (vector.scores_write, banks.scores_write),
            (vector.edges, banks.edges), (vector.scalars, banks.scalars),
            (vector.accumulators, banks.accumulators),
            (vector.accumulators_write, banks.accumulators_write),
        ):  # fmt: skip
            connect(m, port, other)
        self._settle(m, registers, supervisor, (loader, dispatcher, threads, issue, reader, writer))
        m.d.comb += [
            loader.pass_block.eq(registers.pass_block), loader.passes.eq(registers.passes),
            loader.running.eq(dispatcher.running), loader.settled.eq(writer.settled),
            loader.start.eq(supervisor.begun),
            dispatcher.run.eq(loader.run), dispatcher.step.eq(loader.step),
            dispatcher.arrived.eq(arbiter.record), dispatcher.beat.eq(arbiter.record_beat),
            dispatcher.last.eq(arbiter.record_last), dispatcher.ended.eq(issue.ended.valid),
            dispatcher.ended_context.eq(issue.ended_context),
        ]  # fmt: skip
        for done, source in (
            (threads.vector_done, vector.done), (threads.matrix_done, matrix.done),
            (threads.read_done, reader.done), (threads.write_done, writer.done),
            (threads.ended, issue.ended),
        ):  # fmt: skip
            connect(m, done, source)
        self._supervise(m, supervisor, registers, {
            "fault": [each.fault for each in (reader, writer, issue, threads, loader)],
            "finished": [vector.done, matrix.done],
        })  # fmt: skip
        m.d.comb += [
            supervisor.done.eq(loader.done), supervisor.drained.eq(reader.drained & writer.drained),
            supervisor.given_0.eq(vector.job.valid & vector.job.ready),
            supervisor.given_1.eq(matrix.job.valid & matrix.job.ready),
            counters.restart.eq(supervisor.begun), counters.number.eq(registers.counter),
            registers.count.eq(counters.value),
        ]  # fmt: skip
        events = {
            Counter.CYCLES: supervisor.running, Counter.READ_BEATS: reader.beat,
            Counter.CONTROL_BEATS: reader.control_beat, Counter.WRITE_BEATS: writer.beat,
            Counter.VECTOR_BUSY: vector.busy, Counter.MATRIX_BUSY: matrix.busy,
            Counter.READ_BUSY: reader.busy, Counter.WRITE_BUSY: writer.busy,
            Counter.READ_WAITING: reader.waiting, Counter.TASKS: threads.started,
            Counter.VECTOR_JOBS: issue.issued[0], Counter.MATRIX_JOBS: issue.issued[1],
            Counter.READ_JOBS: issue.issued[2], Counter.WRITE_JOBS: issue.issued[3],
            Counter.PASSES_ENDED: loader.pass_done,
        }  # fmt: skip
        m.d.comb += counters.events.eq(Cat(events[counter] for counter in Counter))
        return m

    def _settle(
        self, m: Module, registers: RegisterFile, supervisor: Supervisor, units: tuple[Unit, ...]
    ) -> None:
        """Tell units what is the same for all: resets, and where and what the pass is."""
        loader = units[0]
        known = {
            "halt": supervisor.halt, "image": registers.image,
            "settings": loader.settings, "counts": loader.counts,
        }  # fmt: skip
        for unit in units:
            for name, value in known.items():
                members = unit.signature.members
                if name in members and members[name].flow is In:
                    m.d.comb += getattr(unit, name).eq(value)
        # One register after the other, so that each drives the registers of one unit alone.
        assert len(units) < CLEARING
        clear: Value = supervisor.clear
        for number, unit in enumerate(units):
            later = Signal(name=f"clear_{number}")
            m.d.sync += later.eq(clear)
            m.d.comb += unit.clear.eq(later)
            clear = later

    def _supervise(
        self, m: Module, supervisor: Supervisor, registers: RegisterFile,
        sources: dict[str, list[wiring.PureInterface]],
    ) -> None:
        for name, ports in sources.items():
            for number, port in enumerate(ports):
                connect(m, port, getattr(supervisor, f"{name}_{number}"))
        for name in ("start", "reset", "forget_done"):
            m.d.comb += getattr(supervisor, name).eq(getattr(registers, name))
        status: Value = supervisor.status
        m.d.comb += [
            registers.status.eq(status), registers.fault.eq(supervisor.what),
            self.interrupt.eq(status[STATUS_DONE] | status[STATUS_ERROR]),
        ]


