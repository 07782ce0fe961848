"""The cocotb tests of graph engines: networks, graphs, slow memories, errors, resets.

Outputs must be those of the golden network, and counters exactly the occupancies that the cost
model tells, whatever the memory does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cocotb
import numpy as np

from ...generators.gnn.codes import take_output
from ...generators.gnn.config import GnnConfig
from ...generators.gnn.formats import (
    BLOCK_BYTES,
    IDENTITY,
    STATUS_BUSY,
    STATUS_DONE,
    STATUS_ERROR,
    VERSION,
    Counter,
    Fault,
    GnnParameters,
)
from ...generators.gnn.image import Image, digest
from ...generators.gnn.occupancy import Unit
from ..bench import Bench, with_bench
from .control import Control
from .coverage import cover, cover_memory, cover_units, declare
from .disguise import fill_ignored, keep_sections, move_numbers
from .memory import DECERR, OKAY, SLVERR, TIMINGS, Memory, MemoryTiming
from .probe import build_probe
from .probes import make_probes
from .random_code import Form
from .random_programs import PROGRAMS, make_random
from .undefined_rows import define_rows
from .workloads import GRAPHS, MODELS, Workload, make_workload
from .wrong_places import wrong_places

_ROOM = 1 << 24
"""More bytes than any image here has."""

_NO_REGISTER = 0xFC
"""An address behind the last register."""

_NO_THREAD = 31
"""What ERROR tells as the thread if none is to blame."""

_AROUND = 2
"""Cycles that do not count: before the engine is busy, and behind its end."""

_BURST_BYTES = 4096
"""More bytes than a burst has."""

_RESETS = 14

_PATIENCE = 60_000
"""Cycles in which an engine must have found what is wrong."""

_PER_SHARD = 50
"""Cycles that are more than enough."""

_JOBS = {
    Unit.VECTOR: Counter.VECTOR_JOBS, Unit.MATRIX: Counter.MATRIX_JOBS,
    Unit.READ: Counter.READ_JOBS, Unit.WRITE: Counter.WRITE_JOBS,
}  # fmt: skip


class _System:
    """An engine, its registers and its memory."""

    def __init__(self, bench: Bench) -> None:
        if bench.manifest.generator != "gnn":
            raise TypeError("the design must be one of the gnn generator")
        self.bench = bench
        self.p: GnnParameters = GnnConfig.model_validate(bench.manifest.config).parameters()
        self.control = Control(bench)
        self.memory = Memory(bench.dut, self.p.bus_bytes, bench.rng)
        self.lasted = 0
        """Cycles from the write that started the last run to its interrupt."""
        declare(bench.coverage, self.p)
        bench.at_end.append(lambda: cover_memory(bench.coverage, self.memory))
        clock, reset = bench.manifest.clock, bench.manifest.reset
        assert clock is not None and reset is not None
        if self.p.lanes > self.p.bus_bytes:
            define_rows(bench)
        cocotb.start_soon(self.memory.run(getattr(bench.dut, clock), getattr(bench.dut, reset)))

    def workload(self, model: str, graph: str, **options: Any) -> Workload:
        """Return a run, and count what it is."""
        return self.disguised(make_workload(model, graph, self.p, self.bench.numpy_rng, **options))

    def disguised(self, work: Workload) -> Workload:
        """Count what a run is, and fill what it does not mean."""
        cover(self.bench.coverage, work, self.p)
        return replace(work, image=fill_ignored(work.image, self.bench.numpy_rng))

    async def begin(self, image: Image) -> None:
        """Put an image into memory and start."""
        # At any block: bursts have to end where 4 KiB do.
        start = self.bench.rng.randrange((1 << 40) - _ROOM) // BLOCK_BYTES * BLOCK_BYTES
        self.memory.base = start
        self.memory.data = bytearray(image.memory.tobytes())
        self.memory.undefined.clear()
        base = start - image.first * BLOCK_BYTES
        await self.control.start(base % (1 << 40), image.pass_block, image.passes)

    async def wait(self, limit: int, **told: Any) -> int:
        """Wait for the interrupt and return STATUS."""
        bench = self.bench
        interrupt = bench.dut.interrupt
        for _ in range(limit):
            await bench.step()
            if interrupt.value:
                self.lasted = bench.cycle - self.control.taken_at
                return await self.control.read("STATUS")
        bench.check("cycles until the interrupt", f"at most {limit}", "more", **told)
        return 0

    async def run(self, work: Workload, spared: int = 0) -> int:
        """Run a workload, compare all that comes, and return its cycles.

        ``spared`` beats of sections are not read.
        """
        bench, told = self.bench, {"workload": work.name}
        await self.begin(work.image)
        status = await self.wait(_longest(work), **told)
        bench.check("STATUS", 1 << STATUS_DONE, status, **told)
        memory = np.frombuffer(bytes(self.memory.data), np.uint8)
        found = replace(work.image, memory=memory)
        output = take_output(work.program, found)
        for vertex, column in np.argwhere(output != work.expected)[:1]:
            bench.check(
                "output", int(work.expected[vertex, column]), int(output[vertex, column]), **told,
                vertex=int(vertex), column=int(column),
            )  # fmt: skip
        place = work.image.tensors[work.program.output]
        columns = set(work.program.output_columns)
        start = (place.block - work.image.first) * BLOCK_BYTES
        undefined = [
            at for at in self.memory.undefined
            if 0 <= at - start < place.rows * place.stride
            and (at - start) % place.stride in columns
        ]  # fmt: skip
        bench.check("undefined bytes of the output", [], undefined, **told)
        busy, passes = work.told.busy, work.told.passes
        due = {
            Counter.VECTOR_BUSY: busy[Unit.VECTOR], Counter.MATRIX_BUSY: busy[Unit.MATRIX],
            Counter.READ_BEATS: busy[Unit.READ], Counter.WRITE_BEATS: busy[Unit.WRITE],
            Counter.CONTROL_BEATS: sum(each.overhead_beats for each in passes) - spared,
            Counter.TASKS: sum(each.tasks for each in passes), Counter.PASSES_ENDED: len(passes),
            **{
                counter: sum(each.jobs[unit] for each in passes)
                for unit, counter in _JOBS.items()
            },
        }  # fmt: skip
        for counter, value in due.items():
            bench.check(counter.name, value, await self.control.read(counter.name), **told)
        cycles = await self._time_counters(told)
        bench.check("cycles are at least the bound", True, cycles >= work.told.bound, **told)
        cover_units(bench.coverage, sum(busy.values()), cycles)
        await self.control.write("STATUS", 1 << STATUS_DONE)
        await bench.step(2)
        bench.check("interrupt", 0, int(bench.dut.interrupt.value), **told)
        return cycles

    async def _time_counters(self, told: dict[str, Any]) -> int:
        """Compare the counters that depend on the memory; return the cycles."""
        seen = {each: await self.control.read(each.name) for each in Counter}
        self.bench.check("CYCLES", self.lasted - _AROUND, seen[Counter.CYCLES], **told)
        control = seen[Counter.CONTROL_BEATS]
        least = seen[Counter.READ_WAITING] + seen[Counter.READ_BEATS] + control
        # Records and sections are taken 32 bits at a time.
        most = least + control * (self.p.bus_bytes // 4 - 1)
        for what, low, found, high in (
            ("READ_BUSY", least, seen[Counter.READ_BUSY], most),
            ("WRITE_BUSY", seen[Counter.WRITE_BEATS], seen[Counter.WRITE_BUSY], self.lasted),
        ):  # fmt: skip
            right = low <= found <= high
            self.bench.check(f"{what} in its range", True, right, **told, low=low, found=found)
        return seen[Counter.CYCLES]


@cocotb.test()
@with_bench
async def registers(bench: Bench) -> None:
    """What an engine tells of itself, and registers that keep what is written."""
    system = _System(bench)
    control = system.control
    for name, value in (
        ("ID", IDENTITY), ("VERSION", VERSION), ("PARAMETERS", digest(system.p)), ("STATUS", 0),
        ("ERROR", 0),
    ):  # fmt: skip
        bench.check(name, value, await control.read(name))
    for name, width in (("IMAGE_LOW", 32), ("IMAGE_HIGH", 8), ("PASS_BLOCK", 32), ("PASSES", 32)):
        value = bench.rng.getrandbits(width) & ~(BLOCK_BYTES - 1)
        await control.write(name, value)
        bench.check(name, value, await control.read(name))
    _, answer = await control.fetch(_NO_REGISTER)
    bench.check("answer where there is no register", SLVERR, answer)
    bench.check("interrupt", 0, int(bench.dut.interrupt.value))


@cocotb.test()
@with_bench
async def models(bench: Bench) -> None:
    """Every kind of layer on the karate club."""
    system = _System(bench)
    for model in MODELS:
        await system.run(system.workload(model, "karate"))
    # Blocks, vertices and shards have 32 bits: both halves of them, one after the other, and
    # addresses that wrap.
    for first, vertices, shards in (
        (0x5555_5555, 0x5555_5550, 0x5555_5554), (0xAAAA_AA00, 0xAAAA_AAA0, 0xAAAA_AAAA),
    ):  # fmt: skip
        for model, halves in (("gat 1 head", 1), ("gat 1 head", 2), ("gcn aggregate", 2)):
            work = make_workload(
                model, "multigraph", system.p, bench.numpy_rng, first=first, halves=halves
            )
            # Before what is ignored becomes random: numbers of shards are, of rounds without any.
            moved = replace(work, image=move_numbers(work.image, vertices, shards))
            await system.run(system.disguised(moved))


@cocotb.test()
@with_bench
async def kept_sections(bench: Bench) -> None:
    """What a pass does not load is still there from the run before."""
    system = _System(bench)
    for model in ("gat 4 heads", "ggnn"):
        work = system.workload(model, "star")
        await system.run(work)
        image, lengths = keep_sections(work.image)
        spared = sum(-(-length // system.p.bus_bytes) for length in lengths)
        await system.run(replace(work, image=image), spared)


@cocotb.test()
@with_bench
async def graphs(bench: Bench) -> None:
    """Every kind of graph, one and two intervals under way; many tasks for all threads."""
    system = _System(bench)
    for graph in GRAPHS:
        for halves in (1, 2):
            model = bench.rng.choice(("gcn aggregate", "sage max", "gat 4 heads"))
            await system.run(system.workload(model, graph, halves=halves))
    for model in ("gcn transform", "gat 1 head"):
        await system.run(system.workload(model, "crowd"))
    # All threads wait for the matrix unit.
    await system.run(system.workload("linear", "crowd", wide=40))
    # One interval stores while the other one still gathers; pauses make that last.
    system.memory.set_timing(TIMINGS["pausing"])
    await system.run(system.workload("gcn aggregate", "crowd", halves=2))
    # Lists wait until the memory takes what was asked for before them.
    system.memory.set_timing(TIMINGS["crawling"])
    await system.run(system.workload("gcn aggregate", "crowd"))
    # All that can wait for the memory does.
    system.memory.set_timing(TIMINGS["patient"])
    for model in ("gcn aggregate", "gat 1 head"):
        await system.run(system.workload(model, "crowd", halves=2))


@cocotb.test()
@with_bench
async def programs(bench: Bench) -> None:
    """Random programs, some of long rows or of many stores: memory is as the machine leaves it."""
    system = _System(bench)
    for number, (timing, form) in enumerate(PROGRAMS):
        system.memory.set_timing(TIMINGS[timing])
        work, after = make_random(system.p, bench.numpy_rng, form=form)
        before = work.image.memory.copy()
        work = system.disguised(work)
        # What is not stored stays, wherever it is.
        stored = after.memory != before
        expected = np.where(stored, after.memory, work.image.memory)
        await system.run(work)
        found = np.frombuffer(bytes(system.memory.data), np.uint8)
        for at in np.flatnonzero(expected != found)[:1]:
            bench.check(
                "byte in memory", int(expected[at]), int(found[at]), program=number, at=int(at),
                tensors={name: each.block * BLOCK_BYTES for name, each in after.tensors.items()},
            )  # fmt: skip


@cocotb.test()
@with_bench
async def memories(bench: Bench) -> None:
    """Memories that answer at once, late, with pauses: results and counters stay."""
    bench.coverage.declare("memory", TIMINGS)
    system = _System(bench)
    work = system.workload("gat 1 head", "multigraph")
    cycles = {}
    for name, timing in TIMINGS.items():
        system.memory.set_timing(timing)
        cycles[name] = await system.run(work)
        bench.coverage.hit("memory", name)
    bench.check("a slower memory takes longer", True, cycles["fast"] < cycles["crawling"])


@cocotb.test()
@with_bench
async def memory_errors(bench: Bench) -> None:
    """An error of the memory stops the engine and is told; after a reset it runs again."""
    system = _System(bench)
    work = system.workload("sage mean", "karate")
    size = len(work.image.memory)
    output = work.image.tensors[work.program.output].block * BLOCK_BYTES
    source = work.image.tensors[work.program.input].block * BLOCK_BYTES
    for at, answer, expected in (
        (source, SLVERR, Fault.READ_SLAVE), (0, SLVERR, Fault.READ_SLAVE),
        (source, DECERR, Fault.READ_DECODE), (size, OKAY, Fault.READ_DECODE),
        (output, SLVERR, Fault.WRITE_SLAVE), (output, DECERR, Fault.WRITE_DECODE),
    ):  # fmt: skip
        await system.begin(work.image)
        system.memory.wrong = {system.memory.base + at: answer}
        if at == size:
            # All that the image has behind its records is missing.
            del system.memory.data[source:]
        await _stopped(system, expected, None if at == size else system.memory.base + at)
        system.memory.wrong = {}
        await system.control.reset()
        await _idle(system)
        await system.run(work)
    await _wrong_places(system, "fast", Form.ANY)
    await _wrong_places(system, "crawling", Form.STORES)


async def _wrong_places(system: _System, timing: str, form: Form) -> None:
    """Which of many stores an error is of, and which of many beats it was that were read."""
    bench = system.bench
    system.memory.set_timing(TIMINGS[timing])
    work, _ = make_random(system.p, bench.numpy_rng, form=form)
    for name, offset, expected, place in wrong_places(work, bench.rng):
        await system.begin(work.image)
        at = system.memory.base + work.image.tensors[name].block * BLOCK_BYTES + offset
        system.memory.wrong = {at: SLVERR}
        await _stopped(
            system, expected, at, **place, limit=_longest(work), tensor=name, offset=offset
        )
        system.memory.wrong = {}
        await system.control.reset()
        await _idle(system)
    system.memory.set_timing(MemoryTiming())


def _longest(work: Workload) -> int:
    """Cycles that a run may take with the slowest memory."""
    return 30 * work.told.cycles + 20_000


@cocotb.test()
@with_bench
async def resets(bench: Bench) -> None:
    """A reset by software at any moment, and one by the wire, leave an engine that runs."""
    system = _System(bench)
    work = system.workload("gat 1 head", "multigraph")
    for number in range(_RESETS):
        await system.begin(work.image)
        await bench.step(1 + bench.rng.randrange(work.told.cycles))
        if number % 2:
            await bench.interrupt()
        # Also after a reset by the wire, which has to leave nothing under way.
        if number % 4 != 1:
            await system.control.reset()
            await _idle(system)
    await system.run(work)


@cocotb.test()
@with_bench
async def probes(bench: Bench) -> None:
    """Every operation; and all that can be wrong with one, with its slots, and with records."""
    system = _System(bench)
    system.memory.set_timing(TIMINGS["fast"])
    for probe in make_probes(system.p):
        told: dict[str, Any] = {"probe": probe.name}
        image = build_probe(probe, bench.numpy_rng)
        if probe.together:
            behind = probe.tensor * BLOCK_BYTES
            system.memory.together = len(image.memory) - behind, probe.together
        await system.begin(image)
        if probe.fault is Fault.NONE:
            status = await system.wait(_PATIENCE + _PER_SHARD * probe.shards, **told)
            bench.check("STATUS", 1 << STATUS_DONE, status, **told)
            for counter, cycles in probe.busy.items():
                bench.check(counter.name, cycles, await system.control.read(counter.name), **told)
            await system.control.write("STATUS", 1 << STATUS_DONE)
        else:
            pc = probe.at + probe.pc
            await _stopped(system, probe.fault, None, thread=probe.thread, pc=pc, **told)
            # An answer of the memory may be the last one of its pass.
            if probe.fault is not Fault.WRITE_DECODE:
                bench.check("PASSES_ENDED", 0, await system.control.read("PASSES_ENDED"), **told)
            if probe.fault in (Fault.INSTRUCTION, Fault.OPERAND):
                jobs = [await system.control.read(f"{name}_JOBS") for name in ("VECTOR", "MATRIX")]
                bench.check("jobs", probe.pc, sum(jobs), **told)
            await system.control.reset()
            await _idle(system)
    await system.run(system.workload("gcn aggregate", "star"))


async def _stopped(
    system: _System, expected: Fault, address: int | None, *, thread: bool | None = None,
    pc: int = 0, limit: int = _PATIENCE, **about: Any,
) -> None:  # fmt: skip
    """Wait until the engine has stopped, and compare what it tells.

    ``thread``: whether it names one, and ``pc``; None if that is not known.
    """
    bench, control = system.bench, system.control
    told = {"fault": expected.name, **about}
    status = await system.wait(limit, **told)
    bench.check("STATUS has its error bit", 1, status >> STATUS_ERROR & 1, **told)
    error, place = await control.read("ERROR"), await control.read("ERROR_PC")
    bench.check("ERROR code", expected.value, error & 15, **told)
    bench.check("bits of ERROR that mean nothing", 0, error & ~0x1F0F, **told)
    found = error >> 8 & 31
    if found != _NO_THREAD or thread is not None:
        names = found < system.p.threads
        bench.check("ERROR names a thread", thread is not False, names, **told, thread=found)
    if thread is not None:
        bench.check("ERROR_PC", pc if thread else 0, place, **told)
    if address is not None:
        low = await control.read("ERROR_ADDRESS_LOW")
        high = await control.read("ERROR_ADDRESS_HIGH")
        # The address is that of the burst for writes, of the beat for reads.
        writes = expected in (Fault.WRITE_SLAVE, Fault.WRITE_DECODE)
        near = 0 <= address - (high << 32 | low) < (_BURST_BYTES if writes else 1)
        bench.check("ERROR_ADDRESS", True, near, **told, found=hex(high << 32 | low))
    bench.coverage.hit("fault", expected.name)


async def _idle(system: _System) -> None:
    """Wait until a reset is done."""
    for _ in range(2000):
        if not await system.control.read("STATUS") >> STATUS_BUSY & 1:
            break
    for name in ("STATUS", "ERROR"):
        system.bench.check(name, 0, await system.control.read(name))
