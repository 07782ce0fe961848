"""Tasks of intervals: each once, phases in order, and nothing that waits for ever."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from gatewright.hw.gnn.dispatcher import Dispatcher
from gatewright.hw.gnn.parameters import GnnParameters
from gatewright.hw.gnn.records import INTERVAL, NO_CODE, PHASES, SHARD, Phase

_GATHERS = {Phase.GATHER0: 0, Phase.GATHER1: 1}
_INTERVAL_BLOCK, _SHARD_BLOCK, _IMAGE = 4, 100, 0x1_0000_0000


@dataclass
class Case:
    """A pass, and how threads take it."""

    rows: list[int]
    shards: list[tuple[int, int]]
    phases: tuple[Phase, ...] = tuple(Phase)
    chunk: int = 8
    stride: int = 3
    halves: int = 2
    threads: int = 4
    p: GnnParameters = field(default_factory=lambda: GnnParameters(bus_bytes=16))
    longest: int = 40


@dataclass(frozen=True)
class Given:
    """A task, when it began, and when it ended."""

    task: dict[str, int]
    begun: int
    ended: int


class Bench:
    """A dispatcher, the memory of its records, and threads that only take their time."""

    def __init__(self, case: Case, seed: int) -> None:
        self.case = case
        self.unit = Dispatcher(case.p)
        self.rng = np.random.default_rng(seed)
        self.given: list[Given] = []
        self.sources: list[int] = []
        memory = bytearray(1 << 15)
        first = shard = 0
        for number, (rows, counts) in enumerate(zip(case.rows, case.shards, strict=True)):
            rounds = []
            for count in counts:
                rounds.append({"first": shard, "count": count})
                for _ in range(count):
                    size = int(self.rng.integers(1, 1 << 16))
                    record = SHARD.const({
                        "source_block": shard, "edge_block": shard + 1, "scalar_block": 7,
                        "sources": size, "edges": shard,
                    })  # fmt: skip
                    at = 32 * _SHARD_BLOCK + 16 * shard
                    memory[at : at + 16] = record.as_value().value.to_bytes(16, "little")
                    self.sources.append(size)
                    shard += 1
            interval = INTERVAL.const({
                "first": first, "rows": rows, "last": number == len(case.rows) - 1,
                "shards": rounds,
            })  # fmt: skip
            at = 32 * (_INTERVAL_BLOCK + number)
            memory[at : at + 32] = interval.as_value().value.to_bytes(32, "little")
            first += rows
        self.memory = memory

    def run(self) -> list[Given]:
        simulator = Simulator(self.unit)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._read, background=True)
        simulator.add_testbench(self._drive)
        simulator.run()
        return self.given

    async def _read(self, ctx: Any) -> None:
        unit, bus = self.unit, self.case.p.bus_bytes
        beats: deque[tuple[int, bool]] = deque()
        while True:
            ready = bool(self.rng.integers(2))
            ctx.set(unit.requests.ready, ready)
            show = bool(beats) and bool(self.rng.integers(2))
            ctx.set(unit.arrived, show)
            if show:
                at, last = beats.popleft()
                ctx.set(unit.beat, int.from_bytes(self.memory[at : at + bus], "little"))
                ctx.set(unit.last, last)
            *_, valid, wanted = await ctx.tick().sample(
                unit.requests.valid, unit.requests.payload
            )
            if valid and ready:
                at = wanted.address - _IMAGE
                assert at % bus == 0
                beats += [(at + n * bus, n + 1 == wanted.beats) for n in range(wanted.beats)]

    async def _drive(self, ctx: Any) -> None:
        unit, case = self.unit, self.case
        starts = [10 * phase.value if phase in case.phases else NO_CODE for phase in Phase]
        ctx.set(unit.settings, {
            "pc": starts, "chunk_rows": case.chunk, "accumulator_stride": case.stride,
            "halves": case.halves,
            "interval_block": _INTERVAL_BLOCK, "shard_block": _SHARD_BLOCK,
        })  # fmt: skip
        ctx.set(unit.step, case.chunk * case.stride)
        ctx.set(unit.image, _IMAGE)
        ctx.set(unit.run, 1)
        await ctx.tick()
        ctx.set(unit.run, 0)
        await ctx.tick()
        under_way: list[tuple[int, dict[str, int], int]] = []
        for cycle in range(20_000):
            ended = next((one for one in under_way if one[0] <= cycle), None)
            ctx.set(unit.ended, ended is not None)
            if ended is not None:
                under_way.remove(ended)
                ctx.set(unit.ended_context, ended[1]["context"])
                self.given.append(Given(ended[1], ended[2], cycle))
            ready = len(under_way) < case.threads
            ctx.set(unit.tasks.ready, ready)
            *_, valid, payload, running = await ctx.tick().sample(
                unit.tasks.valid, unit.tasks.payload, unit.running
            )
            if valid and ready:
                task = {name: getattr(payload, name) for name in (
                    "context", "shard", "round", "pc", "place", "rows", "edges", "accumulator",
                    "reach", "source_block", "edge_block",
                )}  # fmt: skip
                due = cycle + 1 + int(self.rng.integers(case.longest))
                under_way.append((due, task, cycle))
            if not running:
                assert not under_way
                return
        raise AssertionError("the pass does not end")


def check(case: Case, seed: int) -> None:
    bench = Bench(case, seed)
    given = sorted(bench.run(), key=lambda one: one.begun)
    half = case.p.accumulator_words // 2
    left = list(given)
    first = shard = 0
    spans = []
    for rows, counts in zip(case.rows, case.shards, strict=True):
        of_phases: list[list[Given]] = []
        for phase in Phase:
            found = []
            pc = 10 * phase.value
            if phase in _GATHERS:
                count = counts[_GATHERS[phase]]
                wanted = [
                    {"shard": 1, "round": _GATHERS[phase], "rows": bench.sources[n], "edges": n,
                     "source_block": n, "edge_block": n + 1, "reach": rows, "offset": 0}
                    for n in range(shard, shard + count)
                ]  # fmt: skip
                shard += count
            else:
                wanted = [
                    {"shard": 0, "place": first + low, "rows": min(case.chunk, rows - low),
                     "reach": min(case.chunk, rows - low), "edges": 0,
                     "offset": low * case.stride}
                    for low in range(0, rows, case.chunk)
                ]  # fmt: skip
            for task in wanted if phase in case.phases else []:
                offset = task.pop("offset")
                match = next(
                    one for one in left
                    if one.task["pc"] == pc
                    and all(one.task[name] == value for name, value in task.items())
                )
                assert match.task["accumulator"] == match.task["context"] * half + offset
                left.remove(match)
                found.append(match)
            of_phases.append(found)
        assert len(of_phases) == PHASES
        tasks = [one for found in of_phases for one in found]
        assert len({one.task["context"] for one in tasks}) <= 1
        for before, after in pairwise(found for found in of_phases if found):
            assert max(one.ended for one in before) < min(one.begun for one in after)
            assert [one.begun for one in after] == sorted(one.begun for one in after)
        if tasks:
            spans.append((min(o.begun for o in tasks), max(o.ended for o in tasks), tasks))
        first += rows
    assert not left
    for begun, _, _ in spans:
        assert sum(low <= begun <= high for low, high, _ in spans) <= case.halves
    if case.halves == 1:
        assert all(one.task["context"] == 0 for one in given)


CASES = {
    "plain": Case([20, 24, 5], [(3, 2), (1, 1), (2, 6)]),
    "one half": Case([20, 24, 5], [(3, 2), (1, 1), (2, 6)], halves=1),
    "zero shards in an isolated interval": Case([8, 8, 8], [(2, 2), (0, 0), (0, 3)]),
    "last chunk partial": Case([17], [(1, 0)]),
    "fewer vertices than rows of a chunk": Case([3], [(1, 1)], chunk=32),
    "more halves than intervals": Case([16], [(2, 2)], halves=2),
    "more threads than tasks": Case([4, 4], [(1, 0), (1, 0)], threads=16),
    "one thread": Case([20, 9, 9], [(3, 2), (0, 9), (2, 6)], threads=1),
    "gather alone": Case([9, 9, 9], [(5, 1), (2, 1), (0, 1)], phases=(Phase.GATHER0,)),
    "chunks alone": Case([40, 3], [(5, 1), (2, 1)], phases=(Phase.APPLY0,)),
    "no code": Case([9, 9], [(1, 1), (1, 1)], phases=()),
    "no vertex": Case([0], [(0, 0)]),
    "tasks that end at once": Case([30, 30, 30], [(9, 9), (9, 1), (1, 9)], longest=1),
    "wide bus": Case([9] * 4, [(3, 1), (1, 2), (0, 5), (4, 0)],
                     p=GnnParameters(lanes=32, bus_bytes=32)),
    "narrow bus": Case([9] * 4, [(3, 1), (1, 2), (0, 5), (4, 0)],
                       p=GnnParameters(bus_bytes=4)),
}  # fmt: skip


@pytest.mark.one_in(8)
@pytest.mark.parametrize("name", CASES)
def test_tasks(name: str) -> None:
    check(CASES[name], 1)


def test_the_oldest_interval_is_served_first() -> None:
    """With more tasks than threads in both intervals, the older one's go first."""
    case = Case([80, 80], [(0, 0), (0, 0)], phases=(Phase.APPLY1,), threads=2)
    given = sorted(Bench(case, 2).run(), key=lambda one: one.begun)
    assert [one.task["place"] for one in given] == list(range(0, 160, case.chunk))
    both = {one.task["context"] for one in given}
    assert both == {0, 1}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
def test_random_passes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 7))
    chosen = rng.random(PHASES) < 0.7
    check(Case(
        [int(n) for n in rng.integers(0, 40, count)],
        [(int(a), int(b)) for a, b in rng.integers(0, 9, (count, 2))],
        tuple(phase for phase in Phase if chosen[phase.value]),
        int(rng.integers(1, 17)), int(rng.integers(1, 5)), int(rng.integers(1, 3)),
        int(rng.integers(1, 9)), GnnParameters(lanes=32, bus_bytes=int(rng.choice([4, 8, 16, 32]))),
        int(rng.integers(1, 60)),
    ), seed)  # fmt: skip
