"""An engine at work in a testbench: its registers, its memory, and what a run must tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cocotb
import numpy as np

from ...generators.gnn.codes import take_output
from ...generators.gnn.config import GnnConfig
from ...generators.gnn.cost import estimate
from ...generators.gnn.formats import (
    BLOCK_BYTES,
    STATUS_BUSY,
    STATUS_DONE,
    STATUS_ERROR,
    Counter,
    Fault,
    GnnParameters,
)
from ...generators.gnn.image import Image
from ...generators.gnn.occupancy import Unit
from ...generators.gnn.timing import Timing
from ..bench import Bench
from .control import Control
from .coverage import cover, cover_memory, cover_units, declare
from .disguise import fill_ignored
from .memory import Memory, MemoryTiming
from .undefined_rows import define_rows
from .workloads import Workload, make_workload

__all__ = ["PATIENCE", "System", "longest"]

PATIENCE = 60_000
"""Cycles in which an engine must have found what is wrong."""
_ROOM = 1 << 24
"""More bytes than any image here has."""
_NO_THREAD = 31
"""What ERROR tells as the thread if none is to blame."""
_OF_MEMORY = (Fault.READ_SLAVE, Fault.READ_DECODE, Fault.WRITE_SLAVE, Fault.WRITE_DECODE)
_AROUND = 2
"""Cycles that do not count: before the engine is busy, and behind its end."""
_BURST_BYTES = 4096
"""More bytes than a burst has."""
_RESET_CYCLES = 2000
_LATENCY = 6
"""Of the memory as it is unless told otherwise, with the cycle in which it takes an address."""
_SLACK, _SLACK_CYCLES = 1.2, 50
"""Of the model's cycles, and beyond: what an engine may take. Measured: 1.05 of them at most on
preset tiny, 1.09 where shards have few edges, which the model does not tell of."""
_JOBS = {
    Unit.VECTOR: Counter.VECTOR_JOBS, Unit.MATRIX: Counter.MATRIX_JOBS,
    Unit.READ: Counter.READ_JOBS, Unit.WRITE: Counter.WRITE_JOBS,
}  # fmt: skip


def longest(work: Workload) -> int:
    """Return the cycles that a run may take with the slowest memory."""
    return 30 * work.told.cycles + 20_000


class System:
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
        status = await self.wait(longest(work), **told)
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
        if self.memory.timing == MemoryTiming():
            self._judge_speed(work, cycles, told)
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

    def _judge_speed(self, work: Workload, cycles: int, told: dict[str, Any]) -> None:
        """Compare cycles with what the model tells: something may be right, and too slow."""
        model = estimate(work.program, Timing(latency=_LATENCY)).cycles
        most = int(_SLACK * model) + _SLACK_CYCLES
        self.bench.check("cycles are near the model's", True, cycles <= most, **told, cycles=cycles,
                         most=most)  # fmt: skip

    async def stopped(
        self, expected: Fault, address: int | None, *, thread: bool | None = None, pc: int = 0,
        limit: int = PATIENCE, **about: Any,
    ) -> None:  # fmt: skip
        """Wait until the engine has stopped, and compare what it tells.

        ``thread``: whether it names one, and ``pc``; None if that is not known.
        """
        bench, control = self.bench, self.control
        told = {"fault": expected.name, **about}
        status = await self.wait(limit, **told)
        bench.check("STATUS has its error bit", 1, status >> STATUS_ERROR & 1, **told)
        error, place = await control.read("ERROR"), await control.read("ERROR_PC")
        bench.check("ERROR code", expected.value, error & 15, **told)
        bench.check("bits of ERROR that mean nothing", 0, error & ~0x1F0F, **told)
        found = error >> 8 & 31
        if found != _NO_THREAD or thread is not None:
            names = found < self.p.threads
            bench.check("ERROR names a thread", thread is not False, names, **told, thread=found)
        if thread is not None:
            bench.check("ERROR_PC", pc if thread else 0, place, **told)
        low = await control.read("ERROR_ADDRESS_LOW")
        at = await control.read("ERROR_ADDRESS_HIGH") << 32 | low
        if expected not in _OF_MEMORY:
            bench.check("ERROR_ADDRESS", 0, at, **told)
        elif address is not None:
            # The address is that of the burst for writes, of the beat for reads.
            writes = expected in (Fault.WRITE_SLAVE, Fault.WRITE_DECODE)
            near = 0 <= address - at < (_BURST_BYTES if writes else 1)
            bench.check("ERROR_ADDRESS", True, near, **told, found=hex(at))
        bench.coverage.hit("fault", expected.name)

    async def recover(self) -> None:
        """Reset by software, and wait until that is done."""
        await self.control.reset()
        for _ in range(_RESET_CYCLES):
            if not await self.control.read("STATUS") >> STATUS_BUSY & 1:
                break
        for name in ("STATUS", "ERROR"):
            self.bench.check(name, 0, await self.control.read(name))
