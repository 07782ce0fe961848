"""Cycles and bytes of a program on an engine: an event simulation of its tasks, units and threads.

A unit serves one job at a time, first come first served: a job occupies it for the cycles of
`occupancy.py`, and its thread waits for a fixed tail more (the way through the unit; for reads the
latency of the memory). Threads take the next task of the oldest interval that has one; a phase of
an interval opens when the one before it is done. A pass starts when the one before it has ended and
the engine has read its sections.

The bound is the busiest unit's occupancy, the sum over passes; utilisation is bound over cycles.

Source: brief `gnn`, section 8.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...hw.gnn.instruction import Opcode
from ...hw.gnn.records import INTERVAL_BYTES, PASS_BYTES, SHARD_BYTES, Phase
from .assembly import Instruction
from .occupancy import Task, Unit, list_beats, occupancy
from .program import Pass, Program

__all__ = ["Estimate", "PassEstimate", "Timing", "estimate", "estimate_pass", "shard_sizes"]

GATHERS = (Phase.GATHER0, Phase.GATHER1)


@dataclass(frozen=True)
class Timing:
    """Fixed parts of the time, in cycles.

    Attributes
    ----------
    latency
        From the address of a read to its first beat; the memory's.
    issue
        From a thread that is ready to the job in the unit's queue.
    task, shard
        From a free thread to its first instruction, and what a shard takes more.
    tails
        From the last cycle in which a job occupies its unit to its thread being ready.
    start
        From the end of a pass to the request of the next one's record.
    """

    latency: int = 40
    issue: int = 6
    task: int = 4
    shard: int = 4
    read_tail: int = 6
    write_tail: int = 12
    vector_tail: int = 12
    matrix_tail: int = 24
    start: int = 8

    def tail(self, unit: Unit) -> int:
        """Return the tail of a unit's jobs."""
        return {
            Unit.READ: self.latency + self.read_tail, Unit.WRITE: self.write_tail,
            Unit.VECTOR: self.vector_tail, Unit.MATRIX: self.matrix_tail,
        }[unit]  # fmt: skip


@dataclass(frozen=True)
class PassEstimate:
    """Figures of a pass.

    Attributes
    ----------
    cycles
        From its start to its end.
    busy
        Cycles in which each unit is occupied; exact. Reading records and sections is not in it.
    overhead_beats
        Beats of records and sections; exact.
    bytes_read, bytes_written
        Of the bus, records and sections included.
    tasks, instructions
        Done.
    """

    cycles: int
    busy: Mapping[Unit, int]
    overhead_beats: int
    bytes_read: int
    bytes_written: int
    tasks: int
    instructions: int

    @property
    def bound(self) -> int:
        """Occupancy of the busiest unit."""
        return max(self.busy.values())


@dataclass(frozen=True)
class Estimate:
    """Figures of a program, by pass."""

    passes: tuple[PassEstimate, ...]

    @property
    def cycles(self) -> int:
        """Of all passes."""
        return sum(each.cycles for each in self.passes)

    @property
    def bytes(self) -> int:
        """Read and written."""
        return sum(each.bytes_read + each.bytes_written for each in self.passes)

    @property
    def busy(self) -> dict[Unit, int]:
        """Occupancy of each unit."""
        return {unit: sum(each.busy[unit] for each in self.passes) for unit in Unit}

    @property
    def bound(self) -> int:
        """Sum over passes of the occupancy of the busiest unit."""
        return sum(each.bound for each in self.passes)

    @property
    def utilisation(self) -> float:
        """Bound over cycles."""
        return self.bound / max(1, self.cycles)


def estimate(program: Program, timing: Timing | None = None) -> Estimate:
    """Return cycles and bytes of a program."""
    return Estimate(tuple(
        estimate_pass(each, program, timing or Timing()) for each in program.passes
    ))  # fmt: skip


def shard_sizes(each: Pass, round_: int) -> tuple[list[Task], NDArray[np.int64]]:
    """Return the shards of a round, and the first one of each interval and the end."""
    partition = each.partitions[round_]
    assert partition is not None
    counts, start = partition.counts, partition.edge_start
    runs = np.zeros(counts.shards, np.int64)
    if len(partition.words):
        dst = partition.words >> 16
        first = np.concatenate([[True], dst[1:] != dst[:-1]])
        first[start[:-1][np.diff(start) > 0]] = True
        total = np.concatenate([[0], np.cumsum(first)])
        runs = total[start[1:]] - total[start[:-1]]
    sizes = zip(counts.shard_sources, counts.shard_edges, runs, strict=True)
    return [Task(int(s), int(e), int(r)) for s, e, r in sizes], partition.shard_start


Work = tuple[Unit, int]


class _Work:
    """Jobs of the tasks of a pass; tasks of equal size share them."""

    def __init__(self, each: Pass, program: Program) -> None:
        self._pass, self._p = each, program.parameters
        self._known: dict[tuple[Phase, Task], tuple[list[Work], list[Work]]] = {}

    def of(self, phase: Phase, task: Task) -> tuple[list[Work], list[Work]]:
        """Return the lists that a task reads first, and the jobs of its instructions."""
        key = (phase, task)
        if key not in self._known:
            self._known[key] = self._made(phase, task)
        return self._known[key]

    def _made(self, phase: Phase, task: Task) -> tuple[list[Work], list[Work]]:
        p, lists = self._p, []
        if phase in GATHERS:
            lists = [
                (Unit.READ, list_beats(task.rows, 4, p)), (Unit.READ, list_beats(task.edges, 4, p))
            ]  # fmt: skip
            if self._pass.scalars[GATHERS.index(phase)] is not None:
                lists.append((Unit.READ, list_beats(task.rows, 2, p)))
        code: Sequence[Instruction] = self._pass.phases[phase]
        jobs = [
            occupancy(each, self._pass.slots, p, task) for each in code if each.op is not Opcode.END
        ]
        return lists, jobs


def _interval_tasks(each: Pass, program: Program) -> list[list[tuple[Phase, list[Task]]]]:
    """Return the tasks of each interval by phase, in order."""
    count = max(1, -(-program.vertices // each.interval))
    shards = {
        phase: shard_sizes(each, i) for i, phase in enumerate(GATHERS) if phase in each.phases
    }
    result = []
    for interval in range(count):
        rows = min(each.interval, max(0, program.vertices - interval * each.interval))
        chunks = [
            Task(min(each.chunk_rows, rows - at)) for at in range(0, rows, each.chunk_rows)
        ]
        phases = []
        for phase in Phase:
            if phase in shards:
                tasks, start = shards[phase]
                phases.append((phase, tasks[start[interval] : start[interval + 1]]))
            elif phase in each.phases:
                phases.append((phase, chunks))
        result.append(phases)
    return result


def estimate_pass(each: Pass, program: Program, timing: Timing) -> PassEstimate:
    """Return the figures of a pass."""
    p = program.parameters
    intervals = _interval_tasks(each, program)
    work = _Work(each, program)
    busy = dict.fromkeys(Unit, 0)
    tasks = instructions = shards = 0
    for phases in intervals:
        for phase, phase_tasks in phases:
            for task in phase_tasks:
                lists, jobs = work.of(phase, task)
                for unit, cycles in (*lists, *jobs):
                    busy[unit] += cycles
                instructions += len(jobs) + 1
            tasks += len(phase_tasks)
            shards += len(phase_tasks) * (phase in GATHERS)
    sections = [
        8 * sum(map(len, each.phases.values())), 8 * len(each.slots), 4 * len(each.constants),
        8 * len(each.tensors), each.weights.size, 4 * each.bias.size, each.tables.size,
        512 if each.exp_bits else 0,
    ]  # fmt: skip
    prologue = list_beats(PASS_BYTES, 1, p) + sum(list_beats(size, 1, p) for size in sections)
    loads = 1 + sum(map(bool, sections))
    overhead = (
        prologue + len(intervals) * list_beats(INTERVAL_BYTES, 1, p)
        + shards * list_beats(SHARD_BYTES, 1, p)
    )  # fmt: skip
    begin = timing.start + prologue + loads * (timing.latency + timing.read_tail)
    cycles = _simulate(intervals, work, each.halves, p.threads, timing, begin)
    return PassEstimate(
        cycles, busy, overhead, (busy[Unit.READ] + overhead) * p.bus_bytes,
        busy[Unit.WRITE] * p.bus_bytes, tasks, instructions,
    )  # fmt: skip


class _Interval:
    """An interval under way: its phase, the tasks not handed out, those that run."""

    def __init__(self, phases: list[tuple[Phase, list[Task]]], opens: int) -> None:
        self.phases, self.at, self.next, self.running, self.opens = phases, 0, 0, 0, opens
        self._skip()

    def _skip(self) -> None:
        while self.at < len(self.phases) and self.next >= len(self.phases[self.at][1]):
            if self.running:
                return
            self.at, self.next = self.at + 1, 0

    @property
    def done(self) -> bool:
        return self.at >= len(self.phases)

    @property
    def has_task(self) -> bool:
        return not self.done and self.next < len(self.phases[self.at][1])

    def take(self) -> tuple[Phase, Task]:
        phase, tasks = self.phases[self.at]
        self.next += 1
        self.running += 1
        return phase, tasks[self.next - 1]

    def finish(self) -> None:
        self.running -= 1
        self._skip()


def _simulate(
    intervals: list[list[tuple[Phase, list[Task]]]], work: _Work, halves: int, threads: int,
    timing: Timing, begin: int,
) -> int:  # fmt: skip
    """Return when the last task ends."""
    waiting = iter(intervals)
    record = timing.latency + timing.task
    active: list[_Interval] = []
    free_at = dict.fromkeys(Unit, begin)
    # Events in the order of time: a thread that is ready for its next job.
    events: list[tuple[int, int]] = []
    idle = list(range(threads))
    state: list[tuple[_Interval, list[Work], int] | None] = [None] * threads
    now = begin

    def refill() -> None:
        active[:] = [each for each in active if not each.done]
        while len(active) < halves:
            phases = next(waiting, None)
            if phases is None:
                return
            fresh = _Interval(phases, now + record)
            if not fresh.done:
                active.append(fresh)

    def hand_out() -> None:
        refill()
        for interval in active:
            while idle and interval.has_task:
                phase, task = interval.take()
                lists, jobs = work.of(phase, task)
                thread = idle.pop()
                at = max(now, interval.opens) + timing.task
                if lists:
                    # The lists are asked for together; the thread waits for the last one.
                    start = max(at + timing.shard, free_at[Unit.READ])
                    beats = sum(cycles for _, cycles in lists)
                    free_at[Unit.READ] = start + beats
                    at = start + beats + timing.tail(Unit.READ)
                state[thread] = (interval, jobs, 0)
                heapq.heappush(events, (at, thread))

    hand_out()
    while events:
        now, thread = heapq.heappop(events)
        current = state[thread]
        assert current is not None
        interval, jobs, at = current
        if at == len(jobs):
            interval.finish()
            state[thread] = None
            idle.append(thread)
            hand_out()
            continue
        unit, cycles = jobs[at]
        start = max(now + timing.issue, free_at[unit])
        free_at[unit] = start + cycles
        state[thread] = (interval, jobs, at + 1)
        heapq.heappush(events, (start + cycles + timing.tail(unit), thread))
    return now
