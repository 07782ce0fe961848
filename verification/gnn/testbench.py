"""The cocotb tests of graph engines: networks, graphs, slow memories, errors, resets.

Outputs must be those of the golden network, and counters exactly the occupancies that the cost
model tells, whatever the memory does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cocotb
import numpy as np

from ...generators.gnn.formats import (
    BLOCK_BYTES,
    IDENTITY,
    STATUS_DONE,
    VERSION,
    Fault,
)
from ...generators.gnn.image import digest
from ..bench import Bench, with_bench
from .disguise import keep_sections, move_numbers
from .memory import DECERR, OKAY, SLVERR, TIMINGS, MemoryTiming
from .probe import ASIDE, build_probe
from .probes import make_probes
from .random_code import Form
from .random_programs import PROGRAMS, make_random
from .system import PATIENCE, System, longest
from .workloads import GRAPHS, MODELS, make_workload, widest
from .wrong_places import wrong_places

_NO_REGISTER = 0xFC
"""An address behind the last register."""

_RESETS = 14

_PER_TASK = 200
"""Cycles that are more than enough for a shard, or a chunk of a row."""


@cocotb.test()
@with_bench
async def registers(bench: Bench) -> None:
    """What an engine tells of itself, and registers that keep what is written."""
    system = System(bench)
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
    system = System(bench)
    for model in MODELS:
        await system.run(system.workload(model, "karate"))
    # Blocks, vertices and shards have 32 bits: both halves of them, one after the other, and
    # addresses that wrap.
    for first, vertices, shards in (
        (0x5555_5555, 0x5555_5550, 0x5555_5554), (0xAAAA_AA00, 0xAAAA_AAA0, 0xAAAA_AAAA),
    ):  # fmt: skip
        for model, graph, halves in (
            ("gat 1 head", "multigraph", 1), ("gat 1 head", "multigraph", 2),
            ("gcn aggregate", "crowd", 2),
        ):  # fmt: skip
            work = make_workload(
                model, graph, system.p, bench.numpy_rng, first=first, halves=halves
            )
            # Before what is ignored becomes random: numbers of shards are, of rounds without any.
            moved = replace(work, image=move_numbers(work.image, vertices, shards))
            await system.run(system.disguised(moved))


@cocotb.test()
@with_bench
async def kept_sections(bench: Bench) -> None:
    """What a pass does not load is still there from the run before."""
    system = System(bench)
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
    system = System(bench)
    for graph in GRAPHS:
        for halves in (1, 2):
            model = bench.rng.choice(("gcn aggregate", "sage max", "gat 4 heads"))
            await system.run(system.workload(model, graph, halves=halves))
    for model in ("gcn transform", "gat 1 head"):
        await system.run(system.workload(model, "crowd"))
    # All threads wait for the matrix unit.
    await system.run(system.workload("linear", "crowd", wide=40))
    # Each bit of the tiles of a row and of a result.
    for wide, out in widest(system.p):
        await system.run(system.workload("linear", "star", wide=wide, out=out))
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
    system = System(bench)
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
    system = System(bench)
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
    system = System(bench)
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
        await system.stopped(expected, None if at == size else system.memory.base + at)
        system.memory.wrong = {}
        await system.recover()
        await system.run(work)
    await _wrong_places(system, "fast", Form.ANY)
    await _wrong_places(system, "crawling", Form.STORES)
    await _wrong_places(system, "patient", Form.STORES)


async def _wrong_places(system: System, timing: str, form: Form) -> None:
    """Which of many stores an error is of, and which of many beats it was that were read."""
    bench = system.bench
    system.memory.set_timing(TIMINGS[timing])
    work, _ = make_random(system.p, bench.numpy_rng, form=form)
    for name, offset, expected, place in wrong_places(work, bench.rng):
        await system.begin(work.image)
        at = system.memory.base + work.image.tensors[name].block * BLOCK_BYTES + offset
        system.memory.wrong = {at: SLVERR}
        await system.stopped(
            expected, at, **place, limit=longest(work), tensor=name, offset=offset
        )
        system.memory.wrong = {}
        await system.recover()
    system.memory.set_timing(MemoryTiming())


@cocotb.test()
@with_bench
async def resets(bench: Bench) -> None:
    """A reset by software at any moment, and one by the wire, leave an engine that runs."""
    system = System(bench)
    work = system.workload("gat 1 head", "multigraph")
    for number in range(_RESETS):
        await system.begin(work.image)
        await bench.step(1 + bench.rng.randrange(work.told.cycles))
        if number % 2:
            await bench.interrupt()
        # Also after a reset by the wire, which has to leave nothing under way.
        if number % 4 != 1:
            await system.recover()
    await system.run(work)


@cocotb.test()
@with_bench
async def probes(bench: Bench) -> None:
    """Every operation; and all that can be wrong with one, with its slots, and with records."""
    system = System(bench)
    system.memory.set_timing(TIMINGS["fast"])
    for probe in make_probes(system.p):
        told: dict[str, Any] = {"probe": probe.name}
        image = build_probe(probe, bench.numpy_rng)
        if probe.together:
            behind = probe.tensor * BLOCK_BYTES
            system.memory.together = len(image.memory) - behind, probe.together
        await system.begin(image)
        if probe.fault is Fault.NONE:
            patience = PATIENCE + _PER_TASK * max(probe.shards, probe.tensor)
            status = await system.wait(patience, **told)
            bench.check("STATUS", 1 << STATUS_DONE, status, **told)
            for counter, cycles in probe.busy.items():
                bench.check(counter.name, cycles, await system.control.read(counter.name), **told)
            if probe.cycles:
                soon = system.lasted <= ASIDE + probe.cycles
                bench.check("it ends soon", True, soon, **told, lasted=system.lasted)
            await system.control.write("STATUS", 1 << STATUS_DONE)
        else:
            pc = probe.at + probe.pc
            await system.stopped(probe.fault, None, thread=probe.thread, pc=pc, **told)
            # An answer of the memory may be the last one of its pass.
            if probe.fault is not Fault.WRITE_DECODE:
                bench.check("PASSES_ENDED", 0, await system.control.read("PASSES_ENDED"), **told)
            if probe.fault in (Fault.INSTRUCTION, Fault.OPERAND):
                jobs = [await system.control.read(f"{name}_JOBS") for name in ("VECTOR", "MATRIX")]
                bench.check("jobs", probe.pc, sum(jobs), **told)
            await system.recover()
    await system.run(system.workload("gcn aggregate", "star"))
