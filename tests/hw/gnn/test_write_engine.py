"""Writes: what comes into memory, bursts, answers that fail, and when a thread may go on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from gatewright.hw.gnn.axi import burst_beats
from gatewright.hw.gnn.faults import Fault
from gatewright.hw.gnn.jobs import MEMORY_LATENCY
from gatewright.hw.gnn.parameters import GnnParameters
from gatewright.hw.gnn.write_engine import WriteEngine
from gatewright.tests.hw.gnn.memory_bench import MemoryBench, send

SIZES = [
    GnnParameters(lanes=4, rows=4, columns=4, bus_bytes=4, outstanding=3),
    GnnParameters(lanes=16, rows=4, columns=8, bus_bytes=4, outstanding=16),
    GnnParameters(lanes=64, rows=8, columns=8, bus_bytes=32, outstanding=1),
]


class Bench:
    """A write engine between a local memory of random words and a memory of zeros."""

    def __init__(self, p: GnnParameters, seed: int = 0, **how: Any) -> None:
        self.p = p
        self.rng = np.random.default_rng(seed)
        self.unit = WriteEngine(p)
        self.memory = MemoryBench(self.unit, bytearray(1 << 16), self.rng, **how)
        shape = (p.threads, p.local_words, p.lanes)
        self.local = self.rng.integers(0, 256, shape, dtype=np.uint8)
        self.done: list[int] = []
        self.faults: list[tuple[Fault, int, int, int]] = []
        self.settled_at_done: list[int] = []

    def run(self, requests: list[dict[str, Any]], limit: int = 20_000) -> None:
        simulator = Simulator(self.unit)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self.memory.writes, background=True)
        simulator.add_testbench(self._serve, background=True)

        async def drive(ctx: Any) -> None:
            for each in requests:
                await send(ctx, self.unit.requests, each)
            for _ in range(limit):
                await ctx.tick()
                if ctx.get(self.unit.settled) and len(self.done) == len(requests):
                    break
            await ctx.tick().repeat(4)
            assert ctx.get(self.unit.settled) and ctx.get(self.unit.drained)

        simulator.add_testbench(drive)
        simulator.run()

    async def _serve(self, ctx: Any) -> None:
        unit = self.unit
        asked: list[int] = [0] * MEMORY_LATENCY
        while True:
            *_, enable, thread, address, done, who, fault, what = await ctx.tick().sample(
                unit.rows.enable, unit.rows.thread, unit.rows.address, unit.done.valid,
                unit.done.thread, unit.fault.valid, unit.fault.what,
            )  # fmt: skip
            word = self.local[thread, address].tobytes() if enable else b""
            asked.append(int.from_bytes(word, "little"))
            ctx.set(unit.rows.data, asked[-MEMORY_LATENCY])
            if done:
                self.done.append(who)
                self.settled_at_done.append(ctx.get(unit.settled))
            if fault:
                self.faults.append((Fault(what.code), what.thread, what.pc, what.address))


def request(thread: int, address: int, rows: int, **more: Any) -> dict[str, Any]:
    outer = {"place": more.pop("place", 0), "pc": more.pop("pc", 0)}
    return {"job": {"thread": thread, "address": address, "rows": rows, **more}, **outer}


@pytest.mark.parametrize("p", SIZES)
@pytest.mark.parametrize("pause", [0.0, 0.6])
def test_rows_arrive(p: GnnParameters, pause: float) -> None:
    bench = Bench(p, 1, pause=pause, latency=30)
    size, step = 3 * p.bus_bytes, 5 * p.bus_bytes
    stride = -(-size // p.lanes) + 1
    bench.run([
        request(0, 0x400, 4, place=7, base=3, stride=stride, bytes=size, row_step=step),
        request(2, 0x100, 0, base=3, stride=stride, bytes=size, row_step=step),
        request(1, 0x1000 - p.bus_bytes, 3, base=9, stride=stride, bytes=size, row_step=size),
    ])  # fmt: skip
    assert sorted(bench.done) == [0, 1, 2]
    expected = bytearray(1 << 16)
    for thread, start, base, each, rows in (
        (0, 0x400 + 7 * step, 3, step, 4), (1, 0x1000 - p.bus_bytes, 9, size, 3)
    ):  # fmt: skip
        for row in range(rows):
            words = bench.local[thread, base + row * stride :].tobytes()
            expected[start + row * each : start + row * each + size] = words[:size]
    assert bench.memory.data == expected
    assert not bench.faults


@pytest.mark.parametrize("p", SIZES)
def test_bursts_are_long_and_keep_within_4_kib(p: GnnParameters) -> None:
    bench = Bench(p, 2)
    size = 600 * p.bus_bytes // 4
    bench.run([request(0, 0x1000 - p.bus_bytes, 4, bytes=size, row_step=size, base=0,
                       stride=-(-size // p.lanes))])  # fmt: skip
    beats = [beats for _, beats in bench.memory.bursts]
    assert beats[0] == 1 and sum(beats) == 4 * size // p.bus_bytes
    assert set(beats[1:-1]) <= {burst_beats(p.bus_bytes)}


def test_a_thread_goes_on_before_the_memory_has_answered() -> None:
    bench = Bench(SIZES[1], 3)
    bench.memory.latency = 300
    bench.run([request(3, 0x40, 2, bytes=16, row_step=16, base=1, stride=1)])
    assert bench.done == [3] and bench.settled_at_done == [0]


@pytest.mark.parametrize("response", [2, 3])
def test_an_error_is_told_with_its_burst(response: int) -> None:
    bench = Bench(SIZES[1], 4, errors={0x1008: response})
    bench.run([
        request(2, 0x40, 1, bytes=64, row_step=128, base=1, stride=4, pc=5),
        request(3, 0xFF0, 1, bytes=64, row_step=128, base=1, stride=4, pc=77),
    ])  # fmt: skip
    code = Fault.WRITE_SLAVE if response == 2 else Fault.WRITE_DECODE
    assert bench.faults == [(code, 3, 77, 0x1000)]
