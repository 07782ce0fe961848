"""Reads: where words go, which bursts are made, how many are on the way, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from gatewright.hw.gnn.axi import burst_beats
from gatewright.hw.gnn.faults import NO_THREAD, Fault
from gatewright.hw.gnn.jobs import LoadKind
from gatewright.hw.gnn.parameters import GnnParameters
from gatewright.hw.gnn.read_engine import ReadEngine
from gatewright.tests.hw.gnn.memory_bench import MemoryBench, send

SIZES = [
    GnnParameters(lanes=4, rows=4, columns=4, bus_bytes=4, max_sources=64, outstanding=3),
    GnnParameters(lanes=16, rows=4, columns=8, bus_bytes=4, max_sources=64, outstanding=16),
    GnnParameters(lanes=64, rows=8, columns=8, bus_bytes=32, max_sources=64, outstanding=1),
]


class Bench:
    """A read engine with a memory, and what it wrote where."""

    def __init__(self, p: GnnParameters, seed: int = 0, size: int = 1 << 16, **how: Any) -> None:
        self.p = p
        self.rng = np.random.default_rng(seed)
        self.unit = ReadEngine(p)
        data = bytearray(self.rng.integers(0, 256, size, dtype=np.uint8).tobytes())
        self.memory = MemoryBench(self.unit, data, self.rng, **how)
        self.local: dict[tuple[int, int], bytearray] = {}
        self.lists: dict[tuple[str, int], dict[int, bytes]] = {}
        self.control: list[tuple[int, bytes, int]] = []
        self.done: list[int] = []
        self.faults: list[dict[str, Any]] = []
        self.beats = 0

    def run(self, *batches: tuple[list[dict[str, Any]], int]) -> None:
        """Send each batch when as many jobs have ended, or failed, as the one before tells."""
        simulator = Simulator(self.unit)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self.memory.reads, background=True)
        simulator.add_testbench(self._watch, background=True)

        async def drive(ctx: Any) -> None:
            ctx.set(self.unit.control.ready, 1)
            for requests, ended in batches:
                for request in requests:
                    await send(ctx, self.unit.requests, request)
                for _ in range(20_000):
                    if len(self.done) + len(self.faults) >= ended:
                        break
                    await ctx.tick()
                await ctx.tick().repeat(8)
                assert len(self.done) + len(self.faults) == ended

        simulator.add_testbench(drive)
        simulator.run()

    async def _watch(self, ctx: Any) -> None:
        unit, p = self.unit, self.p
        while True:
            await ctx.tick()
            port = unit.rows_write
            if mask := ctx.get(port.enable):
                key = (ctx.get(port.thread), ctx.get(port.address))
                word = self.local.setdefault(key, bytearray(p.lanes))
                data = ctx.get(port.data).to_bytes(p.lanes, "little")
                for part in range(p.lanes // p.mask_bytes):
                    if mask >> part & 1:
                        place = slice(part * p.mask_bytes, (part + 1) * p.mask_bytes)
                        word[place] = data[place]
            for name in ("edges", "scalars"):
                port = getattr(unit, f"{name}_write")
                if ctx.get(port.enable):
                    words = self.lists.setdefault((name, ctx.get(port.thread)), {})
                    words[ctx.get(port.address)] = ctx.get(port.data).to_bytes(
                        p.bus_bytes, "little"
                    )
            if ctx.get(unit.control.valid):
                beat = ctx.get(unit.control.payload)
                self.control.append(
                    (beat.client, beat.data.to_bytes(p.bus_bytes, "little"), beat.last)
                )
            if ctx.get(unit.done.valid):
                self.done.append(ctx.get(unit.done.thread))
            if ctx.get(unit.fault.valid):
                what = ctx.get(unit.fault.what)
                self.faults.append({
                    "code": Fault(what.code), "thread": what.thread, "pc": what.pc,
                    "address": what.address,
                })  # fmt: skip
            self.beats += ctx.get(unit.beat)

    def listed(self, name: str, thread: int) -> bytes:
        words = self.lists[name, thread]
        return b"".join(words[number] for number in range(len(words)))


def request(kind: LoadKind, thread: int, address: int, rows: int, **more: Any) -> dict[str, Any]:
    job = {"kind": kind, "thread": thread, "address": address, "rows": rows}
    outer = {"place": more.pop("place", 0), "pc": more.pop("pc", 0), "last": more.pop("last", 1),
             "control": more.pop("control", 0)}  # fmt: skip
    return {"job": {"row_step": 0, "bytes": 0, "base": 0, "stride": 0, **job, **more}, **outer}


def row_of(bench: Bench, thread: int, word: int, size: int) -> bytes:
    words = -(-size // bench.p.lanes)
    return b"".join(bytes(bench.local[thread, word + n]) for n in range(words))[:size]


@pytest.mark.one_in(6)
@pytest.mark.parametrize("p", SIZES)
@pytest.mark.parametrize("pause", [0.0, 0.6])
def test_rows_and_lists_arrive(p: GnnParameters, pause: float) -> None:
    bench = Bench(p, 1, pause=pause, latency=30)
    bus = p.bus_bytes
    size, step = 3 * bus, 5 * bus
    ids = bench.rng.integers(0, 200, 9)
    bench.memory.data[0x100 : 0x100 + 4 * len(ids)] = ids.astype("<u4").tobytes()
    stride = -(-size // p.lanes) + 1
    place = {"bytes": size, "row_step": step, "stride": stride}
    bench.run(([
        request(LoadKind.ROWS, 0, 0x400, 4, base=3, place=7, **place),
        request(LoadKind.SOURCES, 1, 0x100, len(ids), last=0),
        request(LoadKind.EDGES, 1, 0x200, 11, last=0),
        request(LoadKind.SCALARS, 1, 0x300, 9),
    ], 2), ([
        request(LoadKind.GATHERED, 1, 0x800, len(ids), base=0, **place),
        request(LoadKind.ROWS, 2, 0xFE0, 0, **place),
        request(LoadKind.ROWS, 0, 0x2000 - bus, 3, base=60, bytes=size, row_step=size, stride=0),
    ], 5))  # fmt: skip
    assert bench.done == [0, 1, 1, 2, 0]
    memory = bench.memory.data
    for row in range(4):
        at = 0x400 + (7 + row) * step
        assert row_of(bench, 0, 3 + row * stride, size) == memory[at : at + size]
    for row, vertex in enumerate(ids):
        at = 0x800 + int(vertex) * step
        assert row_of(bench, 1, row * stride, size) == memory[at : at + size]
    # Stride 0: the last row stays.
    at = 0x2000 - bus + 2 * size
    assert row_of(bench, 0, 60, size) == memory[at : at + size]
    assert bench.listed("edges", 1)[:44] == memory[0x200 : 0x200 + 44]
    assert bench.listed("scalars", 1)[:18] == memory[0x300 : 0x300 + 18]
    assert bench.memory.most <= p.outstanding
    assert bench.beats == 3 * (4 + 9 + 3) + sum(-(-n // bus) for n in (36, 44, 18))


@pytest.mark.one_in(4)
@pytest.mark.parametrize("p", SIZES)
def test_bursts_are_long_and_keep_within_4_kib(p: GnnParameters) -> None:
    bench = Bench(p, 2)
    size = 1200 * p.bus_bytes // 4
    bench.run(([request(LoadKind.ROWS, 0, 0x1000 - p.bus_bytes, 4, bytes=size, row_step=size,
                        stride=-(-size // p.lanes))], 1))  # fmt: skip
    beats = [beats for _, beats in bench.memory.bursts]
    assert beats[0] == 1 and sum(beats) == 4 * size // p.bus_bytes
    assert set(beats[1:-1]) == {burst_beats(p.bus_bytes)}


def test_rows_that_are_too_long_for_one_are_read_one_by_one() -> None:
    p = GnnParameters(
        lanes=4, rows=4, columns=4, bus_bytes=4, local_words=256, max_sources=64, max_edges=64
    )
    assert p.row_beats == 256
    bench = Bench(p, 6)
    # Row by row into the same place: the last one stays.
    many = request(LoadKind.ROWS, 2, 0x400, 40, bytes=64, row_step=64)
    few = request(LoadKind.ROWS, 3, 0x400, 16, bytes=64, row_step=64)
    bench.run(([many, few], 2))
    beats = [beats for _, beats in bench.memory.bursts]
    assert beats == [16] * 40 + [256]
    memory = bench.memory.data
    for thread, rows in ((2, 40), (3, 16)):
        at = 0x400 + 64 * (rows - 1)
        assert row_of(bench, thread, 0, 64) == memory[at : at + 64]


def test_outstanding_bursts_hide_the_latency() -> None:
    p = GnnParameters(lanes=16, rows=4, columns=8, bus_bytes=16, max_sources=64, outstanding=16)
    bench = Bench(p, 3, latency=1)
    jobs = [
        request(LoadKind.ROWS, n % 4, 0x100, 16, bytes=64, row_step=128, base=0, stride=4)
        for n in range(8)
    ]
    bench.run((jobs, 8))
    cycles = bench.memory.beats
    assert len(cycles) == 8 * 16 * 4
    # A beat a cycle from the first to the last one, with a cycle between jobs at most.
    assert cycles[-1] - cycles[0] + 1 <= len(cycles) + 7
    full = Bench(p, 3, latency=1)
    full.memory.latency = 400
    full.run((jobs[:4], 4))
    assert full.memory.most == p.outstanding


@pytest.mark.parametrize("response", [2, 3])
def test_an_error_is_told_with_its_beat(response: int) -> None:
    p = SIZES[1]
    bench = Bench(p, 4, errors={0x1008: response})
    wanted = request(LoadKind.ROWS, 3, 0xFF0, 1, bytes=64, row_step=128, stride=4, pc=77)
    bench.run(([wanted], 2))
    code = Fault.READ_SLAVE if response == 2 else Fault.READ_DECODE
    assert bench.faults == [{"code": code, "thread": 3, "pc": 77, "address": 0x1008}]


def test_control_beats_go_to_their_client() -> None:
    p = SIZES[2]
    bench = Bench(p, 5, errors={0x40: 2})
    wanted = [request(LoadKind.ROWS, client, 0x20, 2, control=1) for client in (0, 1)]
    bench.run((wanted, 2))
    data = bench.memory.data
    assert bench.control == [
        (client, data[at : at + 32], last) for client in (0, 1) for at, last in ((0x20, 0), (64, 1))
    ]
    assert [fault["thread"] for fault in bench.faults] == [NO_THREAD, NO_THREAD]
