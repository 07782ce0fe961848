"""An engine with its streams: programs of the scheduler, and what the golden machine gives."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from amaranth.sim import Simulator

from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.program import Program, write_program
from gatewright.generators.salo.schedule import Schedule, make_schedule
from gatewright.generators.salo.shape import ArrayShape
from gatewright.golden.salo.machine import Operands, Result, run
from gatewright.hw.salo.array_parameters import ArrayParameters
from gatewright.hw.salo.engine import SaloEngine, SaloEngineParameters
from gatewright.hw.salo.feeder import Operand
from gatewright.tests.hw.salo.array_bench import words
from gatewright.tests.hw.salo.reference import FORMATS, datapath

LIMIT = 20_000
"""Cycles after which a bench gives up."""


def engine_parameters(
    size: int, segments: int = 1, gather: int = 1, riders: str = "0", *, torus: bool = False,
    fmt: str = "hw8", head: int = 16, **options: Any,
) -> SaloEngineParameters:
    """A small engine; ``riders``: their number, and ``p`` if they have feeds of their own."""
    array = ArrayParameters(
        datapath=datapath(fmt, dk_max=head, keys=size + gather), rows=size, cols=size,
        segments=segments, gather=gather, global_rows=int(riders[0]), torus=torus,
        global_row_kv="private" if riders.endswith("p") else "shared",
    )  # fmt: skip
    wanted: dict[str, Any] = {
        "dv_max": head, "block_keys": 256, "lanes": size, "max_tokens": 64, "program_words": 4096,
        "out_fraction_bits": FORMATS[fmt][0].out_fraction_bits, **options,
    }  # fmt: skip
    return SaloEngineParameters(array=array, **wanted)


def shape_of(p: SaloEngineParameters) -> ArrayShape:
    a = p.array
    kv = "private" if a.private else "shared"
    return ArrayShape(a.rows, a.cols, a.segments, a.gather, a.global_rows, kv)


@dataclass
class Job:
    """A program, and operands for it; ``riders`` has those of private riders."""

    schedule: Schedule
    program: bytes
    operands: Operands
    riders: Operands | None
    expected: Result


def make_job(
    p: SaloEngineParameters, pattern: Pattern, dk: int, dv: int, *, fmt: str = "hw8",
    seed: int = 1, shift: int | None = None,
) -> Job:
    numbers = FORMATS[fmt][0]
    schedule = make_schedule(pattern, shape_of(p), dk=dk, dv=dv)
    formats = p.array.datapath
    f = (formats.shift_least + formats.shift_most) // 2 if shift is None else shift
    rng = np.random.default_rng(seed)

    def operands() -> Operands:
        return Operands(*(
            torch.from_numpy(words(rng, bits, count, size)) for bits, count, size in (
                (formats.q_bits, pattern.queries, dk), (formats.kv_bits, pattern.keys, dk),
                (formats.kv_bits, pattern.keys, dv),
            )
        ))  # fmt: skip

    own, riders = operands(), operands() if p.array.private else None
    expected = run(own, numbers, f, [schedule.tiles.batch()], rider_operands=riders)
    return Job(schedule, write_program(Program.of(schedule, f, numbers)), own, riders, expected)


@dataclass
class Found:
    """What an engine gave; ``rows`` maps a query to its elements, in the order they came."""

    rows: dict[int, list[int]] = field(default_factory=dict)
    beats: int = 0
    runs: int = 0
    cycles: int = 0
    exponent_saturated: bool = False
    output_saturated: bool = False
    fault: int = 0
    loaded: bool = False


class EngineBench:
    """An engine and its streams, each of which pauses with its own probability."""

    def __init__(
        self, p: SaloEngineParameters, *, seed: int = 1, pause_in: float = 0.0,
        pause_out: float = 0.0,
    ) -> None:
        self.p = p
        self.engine = SaloEngine(p)
        self.rng = random.Random(seed)
        self.pause_in, self.pause_out = pause_in, pause_out

    def run(self, jobs: list[Job | bytes]) -> list[Found]:
        """Run jobs one after another; bytes are a program that is to be refused."""
        found: list[Found] = []

        async def bench(ctx: Any) -> None:
            for job in jobs:
                found.append(Found())
                await self._job(ctx, job, found[-1])

        simulator = Simulator(self.engine)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()
        return found

    async def _send(self, ctx: Any, port: Any, beats: list[dict[str, Any]]) -> None:
        for beat in beats:
            while self.rng.random() < self.pause_in:
                await ctx.tick()
            ctx.set(port.payload, beat)
            ctx.set(port.valid, 1)
            await ctx.tick().until(port.ready)
            ctx.set(port.valid, 0)

    def _tokens(self, job: Job) -> list[dict[str, Any]]:
        formats = self.p.array.datapath
        beats = []
        for rider, operands in enumerate((job.operands, job.riders)):
            if operands is None:
                continue
            for operand, matrix, bits in (
                (Operand.QUERY, operands.q, formats.q_bits),
                (Operand.KEY, operands.k, formats.kv_bits),
                (Operand.VALUE, operands.v, formats.kv_bits),
            ):
                for token, vector in enumerate(matrix.tolist()):
                    packed = sum((x & (1 << bits) - 1) << c * bits for c, x in enumerate(vector))
                    beat = {"operand": operand, "token": token, "vector": packed}
                    beats.append(beat | ({"rider": rider} if self.p.array.private else {}))
        self.rng.shuffle(beats)
        beats[-1]["last"] = 1
        return beats

    async def _job(self, ctx: Any, job: Job | bytes, found: Found) -> None:
        engine = self.engine
        program = job if isinstance(job, bytes) else job.program
        raw = np.frombuffer(program, "<u8").tolist()
        await self._send(ctx, engine.program, [
            {"word": word, "last": number == len(raw) - 1} for number, word in enumerate(raw)
        ])  # fmt: skip
        await ctx.tick().repeat(3)
        found.loaded = bool(ctx.get(engine.loaded))
        found.fault = ctx.get(engine.fault).value
        assert ctx.get(engine.load.ready) == found.loaded
        if isinstance(job, bytes):
            return
        await self._send(ctx, engine.load, self._tokens(job))
        for _ in range(LIMIT):
            ready = self.rng.random() >= self.pause_out
            ctx.set(engine.results.ready, ready)
            if ready and ctx.get(engine.results.valid):
                self._take(ctx.get(engine.results.payload), found)
            if not ctx.get(engine.busy):
                break
            await ctx.tick()
        else:
            raise AssertionError("the engine does not finish")
        assert found.runs == 1
        found.cycles = ctx.get(engine.cycles)
        found.exponent_saturated = bool(ctx.get(engine.exponent_saturated))
        found.output_saturated = bool(ctx.get(engine.output_saturated))

    def _take(self, beat: Any, found: Found) -> None:
        found.beats += 1
        assert not found.runs
        found.runs += beat.last
        for row in beat.rows:
            if row.there:
                elements = found.rows.setdefault(row.query, [])
                assert len(elements) == beat.element
                elements.append(row.value)


def check(job: Job, found: Found, *, stalls: bool = False) -> None:
    """Compare all that the golden machine tells, and the cycles with those of the schedule."""
    expected = job.expected
    written = expected.written.nonzero().flatten().tolist()
    assert sorted(found.rows) == written
    wrong = [q for q in written if found.rows[q] != expected.outputs[q].tolist()]
    assert not wrong, f"queries {wrong} of {len(written)}"
    assert found.exponent_saturated == expected.exponent_saturated
    assert found.output_saturated == expected.output_saturated
    if not stalls:
        assert found.cycles == job.schedule.report.cycles
    else:
        assert found.cycles > job.schedule.report.cycles
