"""Cycles and bytes of a program on an engine: an event simulation of its tasks, units and threads.

A unit serves one job at a time, first come first served: a job occupies it for the cycles of
`occupancy.py` and what `Timing` tells. Threads take the next task of the oldest interval that has
one; a phase of an interval opens when the one before it is done. A pass starts when the one before
it has ended, and reads its record and its sections one after another.

The bound is the busiest unit's occupancy, the sum over passes; utilisation is bound over cycles.

Source: brief `gnn`, section 8; fixed cycles as the units in `hw/gnn` tell them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...hw.gnn.instruction import SLOTS, Opcode
from ...hw.gnn.parameters import GnnParameters
from ...hw.gnn.records import INTERVAL_BYTES, PASS_BYTES, SHARD_BYTES, Phase
from .assembly import Instruction, edge_parts
from .occupancy import Task, Unit, list_beats, occupancy
from .program import Pass, Program
from .timing import Timing

__all__ = ["Estimate", "PassEstimate", "estimate", "estimate_pass", "shard_sizes"]

GATHERS = (Phase.GATHER0, Phase.GATHER1)


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
    jobs
        Instructions of each unit.
    """

    cycles: int
    busy: Mapping[Unit, int]
    overhead_beats: int
    bytes_read: int
    bytes_written: int
    tasks: int
    instructions: int
    jobs: Mapping[Unit, int]

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


@dataclass(frozen=True)
class _Job:
    """An instruction, or the lists of a shard, for a unit.

    Attributes
    ----------
    unit, busy
        Occupancy.
    slots
        That the issue logic looks up.
    bursts
        Of a read: each gathered row is one.
    beyond
        Cycles of the vector unit beyond the busy ones.
    """

    unit: Unit
    busy: int
    slots: int = 0
    bursts: int = 1
    beyond: int = 0


class _Work:
    """Jobs of the tasks of a pass; tasks of equal size share them."""

    def __init__(self, each: Pass, program: Program, timing: Timing) -> None:
        self._pass, self._p, self._timing = each, program.parameters, timing
        self._known: dict[tuple[Phase, Task], tuple[list[_Job], list[_Job]]] = {}

    def of(self, phase: Phase, task: Task) -> tuple[list[_Job], list[_Job]]:
        """Return the lists that a task reads first, and the jobs of its instructions."""
        key = (phase, task)
        if key not in self._known:
            code: Sequence[Instruction] = self._pass.phases[phase]
            jobs = [self._job(each, phase, task) for each in code if each.op is not Opcode.END]
            self._known[key] = self._lists(phase, task), jobs
        return self._known[key]

    def _lists(self, phase: Phase, task: Task) -> list[_Job]:
        if phase not in GATHERS:
            return []
        beats = [list_beats(task.rows, 4, self._p), list_beats(task.edges, 4, self._p)]
        if self._pass.scalars[GATHERS.index(phase)] is not None:
            beats.append(list_beats(task.rows, 2, self._p))
        return [_Job(Unit.READ, count) for count in beats]

    def _job(self, instruction: Instruction, phase: Phase, task: Task) -> _Job:
        unit, busy = occupancy(instruction, self._pass.slots, self._p, task)
        beyond = self._timing.of_vector(instruction.op) if unit is Unit.VECTOR else 0
        # Rows of a chunk follow each other in memory, and go over the bus in long bursts.
        bursts = task.rows if phase in GATHERS else 1
        return _Job(unit, busy, _slots(instruction), bursts, beyond)


def _slots(instruction: Instruction) -> int:
    """Return the slots that an instruction names."""
    numbers = [instruction.d, instruction.a, instruction.b]
    if instruction.op is Opcode.EDGE:
        numbers += [instruction.c, edge_parts(instruction.imm)[1]]
    return sum(number < SLOTS for number in numbers)


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
    work = _Work(each, program, timing)
    busy, done = dict.fromkeys(Unit, 0), dict.fromkeys(Unit, 0)
    tasks = instructions = shards = 0
    for phases in intervals:
        for phase, phase_tasks in phases:
            for task in phase_tasks:
                lists, jobs = work.of(phase, task)
                for job in (*lists, *jobs):
                    busy[job.unit] += job.busy
                for job in jobs:
                    done[job.unit] += 1
                instructions += len(jobs) + 1
            tasks += len(phase_tasks)
            shards += len(phase_tasks) * (phase in GATHERS)
    beats, begin = _prologue(each, p, timing)
    overhead = (
        beats + len(intervals) * list_beats(INTERVAL_BYTES, 1, p)
        + shards * list_beats(SHARD_BYTES, 1, p)
    )  # fmt: skip
    cycles = _Engine(work, p, each.halves, timing, begin).run(intervals)
    return PassEstimate(
        cycles, busy, overhead, (busy[Unit.READ] + overhead) * p.bus_bytes,
        busy[Unit.WRITE] * p.bus_bytes, tasks, instructions, done,
    )  # fmt: skip


def _prologue(each: Pass, p: GnnParameters, timing: Timing) -> tuple[int, int]:
    """Return the beats of the record and the sections of a pass, and when it has them."""
    narrow = [
        8 * sum(map(len, each.phases.values())), 8 * len(each.slots), 4 * len(each.constants),
        8 * len(each.tensors), 4 * each.bias.size, each.tables.size, 512 if each.exp_bits else 0,
    ]  # fmt: skip
    asked = timing.read + timing.latency
    beats = list_beats(PASS_BYTES, 1, p)
    time = asked + beats + timing.record
    for size, piece in [*((size, 4) for size in narrow), (each.weights.size, p.columns)]:
        if size:
            own = list_beats(size, 1, p)
            beats += own
            time += asked + max(own, -(-size // piece))
    return beats, time


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


class _Engine:
    """Threads, units and intervals in time."""

    def __init__(
        self, work: _Work, p: GnnParameters, halves: int, timing: Timing, begin: int
    ) -> None:
        self._work, self._p, self._halves, self._timing = work, p, halves, timing
        self._free = dict.fromkeys(Unit, begin)
        self._issue_free = self._task_free = self._now = begin
        self._idle = list(range(p.threads))
        self._active: list[_Interval] = []
        # In the order of time: what a thread does next.
        self._events: list[tuple[int, int]] = []
        self._state: list[tuple[_Interval, list[_Job], int]] = [
            (_Interval([], 0), [], 0) for _ in self._idle
        ]
        self._written = begin

    def run(self, intervals: list[list[tuple[Phase, list[Task]]]]) -> int:
        """Return when the last write is acknowledged."""
        waiting = iter(intervals)
        # The first record; further ones are read while intervals are under way.
        self._there = self._now + self._timing.read + self._timing.latency + 4
        self._hand_out(waiting)
        while self._events:
            self._now, thread = heapq.heappop(self._events)
            interval, jobs, at = self._state[thread]
            if at > len(jobs):
                interval.finish()
                self._idle.append(thread)
                self._hand_out(waiting)
            elif at == len(jobs):
                self._issue_free = (
                    max(self._now + self._timing.fetch, self._issue_free) + self._timing.end
                )
                self._continue(thread, self._issue_free)
            else:
                self._continue(thread, self._start(jobs[at]))
        return self._written

    def _continue(self, thread: int, at: int) -> None:
        interval, jobs, place = self._state[thread]
        self._state[thread] = (interval, jobs, place + 1)
        heapq.heappush(self._events, (at, thread))

    def _start(self, job: _Job) -> int:
        """Issue a job; return when its thread can go on."""
        t, free = self._timing, self._free
        issued = max(self._now + t.fetch, self._issue_free) + t.issue + job.slots
        self._issue_free = issued
        match job.unit:
            case Unit.READ:
                return self._read(issued, [job])
            case Unit.WRITE:
                free[Unit.WRITE] = max(issued + t.write, free[Unit.WRITE]) + job.busy
                # Then the beats go over the bus.
                self._written = max(self._written, free[Unit.WRITE] + t.write + t.latency)
                return free[Unit.WRITE] + t.write_end
            case Unit.MATRIX:
                begun: int = max(issued + t.matrix + self._p.rows, free[Unit.MATRIX])
                free[Unit.MATRIX] = begun + job.busy
                skew: int = self._p.skew
                return begun + job.busy + t.matrix_end + skew
            case _:
                ended = max(issued, free[Unit.VECTOR]) + job.busy + job.beyond
                free[Unit.VECTOR] = ended
                return ended

    def _read(self, asked: int, jobs: list[_Job]) -> int:
        """Read what was asked for together; return when it is in place."""
        t, free = self._timing, self._free
        begun = max(asked + t.read + t.latency, free[Unit.READ])
        free[Unit.READ] = begun + sum(map(self._transfer, jobs))
        done: int = free[Unit.READ] + t.read_end
        return done

    def _transfer(self, job: _Job) -> int:
        """Return the cycles from the first beat of a job to its last one."""
        # Where beats are few, addresses wait for the bursts that were sent before.
        most: int = self._p.outstanding
        waits = max(0, -(-job.bursts // most) - 1)
        alone = waits * (self._timing.latency + self._timing.read_again)
        last = (job.bursts - waits * most) * job.busy // max(1, job.bursts)
        return max(job.busy, alone + last)

    def _refill(self, waiting: Iterator[list[tuple[Phase, list[Task]]]]) -> None:
        t = self._timing
        self._active[:] = [each for each in self._active if not each.done]
        while len(self._active) < self._halves:
            phases = next(waiting, None)
            if phases is None:
                return
            taken = max(self._now, self._there)
            self._there = taken + t.read + t.latency + 4
            fresh = _Interval(phases, taken)
            if not fresh.done:
                self._active.append(fresh)

    def _hand_out(self, waiting: Iterator[list[tuple[Phase, list[Task]]]]) -> None:
        t = self._timing
        self._refill(waiting)
        for interval in self._active:
            while self._idle and interval.has_task:
                phase, task = interval.take()
                lists, jobs = self._work.of(phase, task)
                thread = self._idle.pop()
                opens = interval.opens
                if lists:
                    # The record of the first shard was asked for when the interval was taken.
                    opens += t.read + t.latency + 4
                at = max(self._now, opens, self._task_free) + t.task
                self._task_free = at
                if lists:
                    at = self._read(at, lists)
                self._state[thread] = (interval, jobs, 0)
                heapq.heappush(self._events, (at, thread))
